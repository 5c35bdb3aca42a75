"""`gateway ticket find` and `gateway ticket do`: what agents do by mail, for operators and scripts."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import Folder, Json, fail, opened, operator, print_json, print_line, rules_in_force
from gateway.cli.tickets import LONGEST_LIST, app, policy_of, print_tickets

if TYPE_CHECKING:
    from gateway.policy import Agent, Policy

__all__ = ["app"]


@app.command("find")
def find_tickets(
    words: Annotated[list[str], typer.Argument(help="Words that all stand on the ticket; beginnings of words too.")],
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many.")] = LONGEST_LIST,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Find tickets by words: open ones first, then what was last written on."""
    from gateway.desk.views import tickets_with

    with opened(folder) as desk:
        rows = tickets_with(" ".join(words), policy_of(desk.settings)[0], limit=limit)
        print_tickets(rows, now=desk.now, as_json=as_json, empty="No ticket has all these words.")


@app.command("do")
def do_on_ticket(
    ticket: Annotated[str, typer.Argument(help="INC-1042, or just 1042.")],
    text: Annotated[str, typer.Argument(help='What the agent would answer: "#take", "#note …", "-" = standard input.')],
    agent: Annotated[
        str, typer.Option("--as", metavar="AGENT", help="The agent in whose name: a handle, a name or an address.")
    ],
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Do on a ticket what an agent's answer by mail would do: commands, a note, words for the requester."""
    from gateway.desk.commanding import command_ticket
    from gateway.desk.people import read_secrets

    digits = re.findall(r"\d+", ticket)
    if len(digits) != 1:
        raise typer.BadParameter(f"{ticket!r} names no ticket; write INC-1042 or 1042", param_hint="TICKET")
    written = sys.stdin.read() if text == "-" else text
    with opened(folder, write=True) as desk:
        policy = rules_in_force(desk.settings)
        outcome = command_ticket(
            desk.database,
            policy,
            read_secrets(),
            int(digits[0]),
            written,
            agent=_agent(policy, agent),
            by=operator(),
            now=desk.now,
        )
    if outcome is None:
        raise fail(f"there is no ticket {ticket}")
    if as_json:
        print_json({"done": outcome.done, "lines": outcome.lines, "mails": [list(mail) for mail in outcome.mails]})
    elif outcome.done:
        for line in outcome.lines or ("done",):
            print_line(line)
        for notice, address in outcome.mails:
            print_line(f"  {notice} to {address}")
    if not outcome.done:
        raise fail(f"nothing was done: {'; '.join(outcome.lines)}")


def _agent(policy: Policy, word: str) -> Agent:
    found = policy.agent_named(word)
    if found is None:
        known = ", ".join(agent.handle for agent in policy.agents)
        raise typer.BadParameter(f"there is no agent {word!r}; one of {known}", param_hint="--as")
    return found
