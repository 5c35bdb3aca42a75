"""`gateway agent list`, `away` and `back`: who is there, who is away until when, who is on call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import Folder, Json, fail, opened, operator, print_json, rules_in_force, shown
from gateway.cli.tables import Column, print_table

if TYPE_CHECKING:
    from gateway.policy import Agent, Policy

app = typer.Typer(help="Agents: who is there, and who is away.", no_args_is_help=True)

_COLUMNS = (
    Column(key="agent"),
    Column(key="name", wide=True, bends=True),
    Column(key="teams", bends=True),
    Column(key="state"),
    Column(key="until"),
    Column(key="next_absence", title="away next", wide=True),
    Column(key="on_call", title="on call for", wide=True, bends=True),
    Column(key="open"),
)

Name = Annotated[str, typer.Argument(metavar="AGENT", help="Handle, address or name of the agent.")]
When = Annotated[
    list[str] | None,
    typer.Argument(metavar="[until DAY | DAY to DAY]", help="As agents write it by mail; without it, today."),
]


@app.command("list")
def list_agents(folder: Folder = Path(), as_json: Json = False) -> None:
    """List the agents: at work, off or away, who is on call, and how many open tickets each has."""
    from gateway.desk.absences import agent_rows

    with opened(folder) as desk:
        rows = agent_rows(rules_in_force(desk.settings), now=desk.now)
    if as_json:
        print_json(rows)
        return
    print_table(_COLUMNS, rows, empty="There are no agents.")


@app.command("away")
def mark_agent_away(agent: Name, when: When = None, folder: Folder = Path(), as_json: Json = False) -> None:
    """Say that an agent is away: nothing new is given to them, and their team sees what comes on their tickets.

    It stands in the place of what was said before of the same days. Exit 1 for a day that is not understood.
    """
    from gateway.desk.absences import BY_OPERATOR, mark_away
    from gateway.triage.absence import read_away
    from gateway.triage.work import Refusal

    with opened(folder, write=True) as desk:
        policy = rules_in_force(desk.settings)
        found = _named(policy, agent)
        said = read_away(" ".join(when or ()), agent=found, policy=policy, now=desk.now)
        if isinstance(said, Refusal):
            hint = str(said.suggestion).removeprefix("#away ")
            raise fail(f"{said.why}; what would fit: gateway agent away {found.handle} {hint}")
        mark_away(desk.database, replace(said, source=BY_OPERATOR), by=operator(), now=desk.now)
    if as_json:
        print_json({"agent": found.handle, "address": found.address, "from": said.starts_at, "until": said.ends_at})
    else:
        typer.echo(f"{found.name} is away from {shown(said.starts_at)} to {shown(said.ends_at)}.")


@app.command("back")
def mark_agent_back(agent: Name, folder: Folder = Path(), as_json: Json = False) -> None:
    """Say that an agent is back; planned absences are called off too. Exit 1 where there was none."""
    from gateway.desk.absences import mark_back

    with opened(folder, write=True) as desk:
        found = _named(rules_in_force(desk.settings), agent)
        count = mark_back(desk.database, found, by=operator(), now=desk.now)
    if as_json:
        print_json({"agent": found.handle, "address": found.address, "ended": count})
    else:
        typer.echo(f"{found.name} is back." if count else f"{found.name} was not away.")
    raise typer.Exit(0 if count else 1)


def _named(policy: Policy, word: str) -> Agent:
    found = policy.agent_named(word)
    if found is None:
        known = ", ".join(one.handle for one in policy.agents)
        raise typer.BadParameter(f"there is no agent {word!r}; one of {known}", param_hint="AGENT")
    return found
