"""Questions at 3 am: is it running (`status`), what is stuck (`ledger`), is anything lost (`audit`)?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.common import (
    Folder,
    Json,
    Limit,
    age,
    counted,
    duration,
    fail,
    lines_of,
    opened,
    operator,
    print_json,
    print_left_out,
    print_line,
    print_reasons,
    settings_of,
    shown,
)
from gateway.cli.subjects import with_subjects
from gateway.cli.tables import Column, cut_subject, print_table

if TYPE_CHECKING:
    from gateway.policy import Policy
    from gateway.settings import Settings

ledger = typer.Typer(help="The ledger: every mail that we said yes to.", no_args_is_help=True)

_EXIT_CODES = {"green": 0, "yellow": 1, "red": 2}
_COLUMNS = (
    Column(key="id"),
    Column(key="age"),
    Column(key="by", wide=True),
    Column(key="from", bends=True),
    Column(key="subject", bends=True),
    Column(key="kind", wide=True),
    Column(key="became"),
    Column(key="ticket"),
    Column(key="reason", bends=True),
    Column(key="error", bends=True, wide=True),
)

_WHY_NOT_RETRIED = {
    "waiting": "waits to be sorted already",
    "done": "has not failed, it is done: gateway ledger show {number}",
    "quarantined": "has not failed, it is in quarantine: gateway quarantine retry {number}",
}


def status(folder: Folder = Path(), as_json: Json = False) -> None:
    """Is it running? Exit 0: all is well. 1: look tomorrow. 2: a person must act (also where it can't be told).

    Looks only: where no gateway has run yet, none of its files are made.
    """
    from gateway.errors import GatewayError

    try:
        record = _status(folder)
    except GatewayError as error:
        record = {"colour": "red", "troubles": [{"colour": "red", "text": str(error)}], "workers": []}
    _add_rules_problem(record, folder)
    if as_json:
        print_json(record)
    else:
        _print_status(record)
    raise typer.Exit(_EXIT_CODES[record["colour"]])


def _status(folder: Path) -> dict[str, Any]:
    from gateway.desk.health import status_record
    from gateway.storage import watched_by

    with opened(folder) as desk:
        policy = _policy_of(desk.settings)
        record = status_record(now=desk.now, policy=policy, watched=watched_by(desk.settings))
    for worker in record["workers"]:
        worker["beat_age_seconds"] = int((desk.now - worker["beat"]).total_seconds())
    return record


def _policy_of(settings: Settings) -> Policy | None:
    """The policy, for its working hours; a broken one is told of elsewhere."""
    from gateway.errors import ConfigurationError
    from gateway.policy import load_policy

    try:
        return load_policy(settings.rules_file)
    except ConfigurationError:
        return None


def _add_rules_problem(record: dict[str, Any], folder: Path) -> None:
    """Add the first problem of the desk's files, unless it is told already: with it no gateway can start.

    Yellow where one runs, for that one goes on with the rules that it has.
    """
    from gateway.compose import load_templates
    from gateway.defaults_files import default_file
    from gateway.errors import ConfigurationError
    from gateway.policy import load_policy
    from gateway.policy_keeper import template_problems

    # A running gateway tells by itself that it has refused a file.
    if any(worker["last_error"] for worker in record["workers"]):
        return
    try:
        settings = settings_of(folder)
        policy = load_policy(settings.rules_file)
        # Where none of the admin's own stand beside the shipped ones, this renders nothing.
        templates = load_templates(settings.templates_folder, default_file("templates"))
        if problems := template_problems(policy, templates):
            raise ConfigurationError(problems)
    except ConfigurationError as error:
        text = error.in_short
        if not any(text in trouble["text"] for trouble in record["troubles"]):
            colour = "yellow" if record["workers"] else "red"
            record["troubles"].append({"colour": colour, "text": text})
            record["colour"] = "red" if "red" in (colour, record["colour"]) else "yellow"


def _print_status(record: dict[str, Any]) -> None:
    typer.secho(f"Status: {record['colour']}", bold=True, fg=str(record["colour"]))
    for trouble in record["troubles"]:
        told = f"; the operators were told at {shown(trouble['told'])}" if trouble.get("told") else ""
        print_line(f"  {trouble['colour']}: {shown(trouble['text'])}{told}")
    if "queues" not in record:
        return
    # A part of a process that only tells of its health names no parts.
    for worker in (one for one in record["workers"] if one["runs"]):
        typer.echo(
            f"Running: {worker['runs']} as process {worker['pid']} on {worker['host']},"
            f" seen {duration(worker['beat_age_seconds'])} ago"
        )
    typer.echo(f"Tickets: {record['tickets']['open']} open")
    for name, states in record["queues"].items():
        typer.echo(f"{name.capitalize()}: {_depths(states)}")
    if record["left_out"]:
        from gateway.triage.restraint import RESTRAINTS

        typer.echo("Automatic mails left out, and mails held back, within a day:")
        for code, count in record["left_out"].items():
            print_line(f"  {count} ({code}): {RESTRAINTS.get(code, 'by an earlier version')}", hanging="    ")
    for box in record["mailboxes"]:
        left = f", {counted(box['left_alone'], 'older mail')} left alone" if box["left_alone"] else ""
        typer.echo(f"Mailbox {box['name']}: {shown(box['folder'])}, last read {shown(box['last_ok']) or 'never'}{left}")
        if box["last_error"]:
            print_line(f"  last error: {shown(box['last_error'])}")
    if beat := record["heartbeat"]:
        took = f"took {duration(beat['seconds'])}" if beat["seconds"] is not None else "has not come back yet"
        typer.echo(f"Mail to itself: {took}, last back {shown(beat['last_back']) or 'never'}")


def _depths(states: dict[str, dict[str, int]]) -> str:
    parts = []
    for state, depth in states.items():
        if depth["count"] and state in ("waiting", "held"):
            parts.append(f"{depth['count']} {state} (the oldest for {duration(depth['age_seconds'])})")
        elif depth["count"] or state == "waiting":
            parts.append(f"{depth['count']} {state}")
    return ", ".join(parts)


def audit(folder: Folder = Path(), as_json: Json = False) -> None:
    """Prove that nothing was lost and nothing happened twice; exit 1 and name what breaks it."""
    from gateway.desk.audit import audit_all
    from gateway.desk.people import read_secrets

    with opened(folder):
        report = audit_all(read_secrets())
    if as_json:
        print_json({"clean": report.is_clean, "checked": report.checked, "findings": report.findings})
    else:
        for finding in report.findings:
            print_line(shown(finding))
        counts = ", ".join(f"{count} {what}" for what, count in report.checked.items())
        head = "Clean" if report.is_clean else counted(len(report.findings), "finding")
        typer.echo(f"{head}: checked {counts}.")
    raise typer.Exit(0 if report.is_clean else 1)


@ledger.command("list")
def ledger_list(
    state: Annotated[str, typer.Option(metavar="STATE", help="Only waiting, done, failed or quarantined ones.")] = "",
    limit: Limit = 50,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """List accepted mails, the newest first."""
    from gateway.desk.views import ledger_rows
    from gateway.store.states import LedgerState

    if state and state not in list(LedgerState):
        raise typer.BadParameter(f"there is no {state!r}; one of {', '.join(LedgerState)}", param_hint="--state")
    with opened(folder) as desk:
        rows = with_subjects(ledger_rows(state=state, limit=limit))
    if as_json:
        print_json(rows)
        return
    cells = [row | {"age": age(row["received"], desk.now), "became": row["outcome"] or row["state"]} for row in rows]
    print_table(_COLUMNS, cells, empty="No such mails.")


@ledger.command("show")
def ledger_show(
    number: Annotated[int, typer.Argument(metavar="ID", help="The id of the ledger row.")],
    raw: Annotated[bool, typer.Option("--raw", help="Write the mail itself to standard output.")] = False,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Show one accepted mail: envelope, outcome, every reason."""
    from gateway.desk.raw import read_raw
    from gateway.desk.views import ledger_record
    from gateway.store.tables import Ledger

    with opened(folder):
        row = Ledger.get_or_none(Ledger.id == number)
        if row is None:
            raise fail(f"there is no mail {number} in the ledger")
        if raw:
            sys.stdout.buffer.write(read_raw(number))
            return
        record = with_subjects([ledger_record(row)])[0] | {"envelope": row.envelope}
    if as_json:
        print_json(record)
        return
    told = {key: record["envelope"].get(key) for key in ("peer", "helo", "mailbox", "folder", "uid")}
    record["subject"] = cut_subject(record["subject"])
    lines_of({key: value for key, value in record.items() if key not in ("reasons", "envelope")} | told)
    if record["reasons"]:
        typer.echo("Why")
        print_reasons(record["reasons"])


@ledger.command("retry")
def ledger_retry(
    numbers: Annotated[list[int] | None, typer.Argument(metavar="ID", help="Ids of failed mails.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every failed mail.")] = False,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Try failed mails again, after what broke them was mended. Exit 1 where one of them has not failed."""
    from gateway.desk.operating import retry_ledger
    from gateway.desk.views import states_of
    from gateway.store.tables import Ledger

    if bool(numbers) == everything:
        raise typer.BadParameter("name the mails, or say --all", param_hint="ID")
    with opened(folder, write=True) as desk:
        states = states_of(Ledger, numbers or ())
        count = retry_ledger(desk.database, numbers or None, by=operator(), now=desk.now)
    print_left_out(numbers or (), states, _WHY_NOT_RETRIED)
    wanted = len(set(numbers or ()))
    if as_json:
        print_json({"retried": count})
    elif everything:
        typer.echo(f"{counted(count, 'mail')} will be tried again.")
    else:
        typer.echo(f"{count} of {counted(wanted, 'mail')} will be tried again.")
    raise typer.Exit(0 if everything or count == wanted else 1)
