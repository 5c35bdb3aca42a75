"""`gateway ticket list` and `gateway ticket show`; `ticket_acts` has what is found and done."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.common import (
    Folder,
    Json,
    age,
    fail,
    lines_of,
    opened,
    print_json,
    print_line,
    say_rules_of_before,
    shown,
)
from gateway.cli.tables import Column, print_table

if TYPE_CHECKING:
    from gateway.policy import Policy
    from gateway.settings import Settings

app = typer.Typer(help="Tickets: what is open, and everything about one.", no_args_is_help=True)

_PREFIX = re.compile(r"""(?m)^\s*(incident_prefix|request_prefix)\s*=\s*["']([A-Z][A-Z0-9]{0,9})["']""")
_COLUMNS = (
    Column(key="ticket"),
    Column(key="priority", title="prio"),
    Column(key="status"),
    Column(key="team"),
    Column(key="assignee", wide=True, bends=True),
    Column(key="requester", bends=True),
    Column(key="category", wide=True, bends=True),
    Column(key="subject", bends=True),
    Column(key="idle", title="idle"),
    Column(key="due"),
)
LONGEST_LIST = 200


@app.command("list")
def list_tickets(
    everything: Annotated[bool, typer.Option("--all", help="Also what is resolved, closed or cancelled.")] = False,
    team: Annotated[str, typer.Option(metavar="TEAM", help="Only this team's.")] = "",
    assignee: Annotated[str, typer.Option(metavar="AGENT", help="Only those that this agent has.")] = "",
    unowned: Annotated[bool, typer.Option("--unowned", help="Only those that nobody has.")] = False,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many.")] = LONGEST_LIST,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """List tickets, the most pressing first."""
    from gateway.desk.views import ticket_rows

    with opened(folder) as desk:
        policy, is_own = policy_of(desk.settings)
        if is_own and team and team not in {one.name for one in policy.teams}:
            known = ", ".join(one.name for one in policy.teams)
            raise typer.BadParameter(f"there is no team {team!r}; one of {known}", param_hint="--team")
        agent = policy.agent_named(assignee) if assignee else None
        if is_own and assignee and agent is None:
            known = ", ".join(one.handle for one in policy.agents)
            raise typer.BadParameter(f"there is no agent {assignee!r}; one of {known}", param_hint="--assignee")
        owner = "" if unowned else (agent.address if agent is not None else (assignee or None))
        rows = ticket_rows(policy, everything=everything, team=team, assignee=owner, limit=limit)
    print_tickets(rows, now=desk.now, as_json=as_json, empty="No tickets." if everything else "No open tickets.")


def print_tickets(rows: list[dict[str, Any]], *, now: datetime, as_json: bool, empty: str) -> None:
    """Print tickets as a table, or as JSON."""
    if as_json:
        print_json(rows)
    else:
        cells = [row | {"idle": age(row["updated"], now), "due": _until(row, now)} for row in rows]
        print_table(_COLUMNS, cells, empty=empty)


def _until(row: dict[str, Any], now: datetime) -> str:
    """The next due moment of a ticket, or since when it is overdue."""
    moments = [moment for moment in (row["response_due"], row["due"]) if moment is not None]
    if not moments:
        return ""
    return f"overdue {age(min(moments), now)}" if min(moments) < now else str(shown(min(moments)))


@app.command("show")
def show_ticket(
    ticket: Annotated[str, typer.Argument(help="INC-1042, or just 1042.")],
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Show a ticket: fields and who set them, messages, files, history, mails."""
    from gateway.desk.views import ticket_record

    digits = re.findall(r"\d+", ticket)
    if len(digits) != 1:
        raise typer.BadParameter(f"{ticket!r} names no ticket; write INC-1042 or 1042", param_hint="TICKET")
    with opened(folder) as desk:
        record = ticket_record(int(digits[0]), policy_of(desk.settings)[0])
    if record is None:
        raise fail(f"there is no ticket {ticket}")
    if as_json:
        print_json(record)
    else:
        _print(record)


def policy_of(settings: Settings) -> tuple[Policy, bool]:
    """The rules in force, and whether they are the desk's own; where it has none, the shipped, for their prefixes."""
    from gateway.defaults_files import default_file
    from gateway.errors import ConfigurationError
    from gateway.policy import load_policy
    from gateway.policy_keeper import policy_in_force

    try:
        policy, broken = policy_in_force(settings)
    except ConfigurationError as error:
        policy, salvaged = _with_prefixes_of(settings.rules_file, load_policy(default_file("rules.toml")))
        whose = "those that stand in them" if salvaged else "the shipped"
        named = " and ".join(policy.prefixes())
        typer.echo(f"{error}\nThe rules can't be read: prefixes shown are {whose} {named}.", err=True)
        return policy, False
    if broken is not None:
        say_rules_of_before(broken)
    return policy, True


def _with_prefixes_of(rules_file: Path, policy: Policy) -> tuple[Policy, bool]:
    """The policy with the prefixes that stand in broken rules, as far as they can be made out line by line."""
    try:
        text = rules_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return policy, False
    found = dict(_PREFIX.findall(text))
    return replace(policy, desk=policy.desk.model_copy(update=found)), bool(found)


def _print(record: dict[str, Any]) -> None:
    apart = ("due", "set_by", "fields", "rules_version", "messages", "history", "mails")
    named = ", ".join(f"{name} {value}" for name, value in record["fields"].items())
    lines_of({key: value for key, value in record.items() if key not in apart} | {"fields": named})
    for clock in record["due"]:
        print_line(f"{clock['kind']}: {_clock_words(clock)}")
    _print_setters(record)
    for message in record["messages"]:
        _print_message(message)
    typer.echo("\nHistory")
    for event in record["history"]:
        rules = f" (rules {shown(event['rules'])})" if event["rules"] else ""
        print_line(f"  {shown(event['at'])}  {shown(event['actor'])}: {shown(event['text'])}{rules}")
    typer.echo("\nMails" if record["mails"] else "\nNo mails")
    for mail in record["mails"]:
        typer.echo(f"  {mail['id']}  {mail['notice']} to {shown(mail['to'])}: {mail['state']}")


def _clock_words(clock: dict[str, Any]) -> str:
    """A clock in one line."""
    from gateway.sla.spans import written_minutes

    target, used = written_minutes(clock["target_minutes"]), written_minutes(clock["used_minutes"])
    promise = f"target {target} ({shown(clock['sla'])}, {shown(clock['calendar'])})"
    if clock["outcome"] == "running":
        return f"{'overdue since' if clock['missed'] else 'due'} {shown(clock['due'])}, {promise}"
    if clock["outcome"] == "paused":
        return f"stands still with {used} used, {promise}"
    return f"{clock['outcome']} on {shown(clock['stopped'])} with {used} used, {promise}"


def _print_setters(record: dict[str, Any]) -> None:
    """Who set what, a line for each who: "rule “VPN” (rules 3f2a…): category, team"."""
    by_setter: dict[str, list[str]] = {}
    for key, who in record["set_by"].items():
        setter = f"{who['words']} (rules {who['version']})" if who["rule"] else who["words"]
        by_setter.setdefault(setter, []).append(key)
    typer.echo(f"\nSet by (opened under rules {shown(record['rules_version'])})")
    for setter, keys in by_setter.items():
        print_line(f"  {shown(setter)}: {shown(', '.join(keys))}")


def _print_message(message: dict[str, Any]) -> None:
    state = "" if message["state"] == "posted" else f" [{message['state']}]"
    place = f" (ledger {message['ledger']})" if message["ledger"] is not None else ""
    author = shown(message["from"]) or "unknown"
    typer.echo(f"\n{shown(message['at'])}  {author} as {message['as']}, {message['visibility']}{state}{place}")
    for mark in message["marks"]:
        print_line(f"  ! {shown(mark)}")
    for line in message["text"].splitlines():
        print_line(f"  | {shown(line)}", hanging="  | ")
    for file in message["files"]:
        note = ", set aside" if file["set_aside"] else ""
        typer.echo(f"  + {shown(file['filename'])} ({file['size']} bytes{note})")
