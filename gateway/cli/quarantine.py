"""`gateway quarantine list|show|release|delete`: mails that wait for a person."""

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
    fail,
    lines_of,
    opened,
    operator,
    print_json,
    print_quoted,
    print_reasons,
)
from gateway.cli.subjects import with_subjects
from gateway.cli.tables import Column, print_table

if TYPE_CHECKING:
    from gateway.settings import Settings

app = typer.Typer(help="The quarantine: mails that a person decides.", no_args_is_help=True)

_COLUMNS = (
    Column(key="id"),
    Column(key="age"),
    Column(key="reason", bends=True),
    Column(key="kind", wide=True),
    Column(key="from", bends=True),
    Column(key="subject", bends=True),
    Column(key="size", wide=True),
)
_SHOWN_LINES = 30

Numbers = Annotated[list[int], typer.Argument(metavar="ID…", help="Ids of the mails, as `list` shows them.")]


@app.command("list")
def quarantine_list(limit: Limit = 50, folder: Folder = Path(), as_json: Json = False) -> None:
    """List the mails that wait for a person, the newest first."""
    from gateway.desk.views import ledger_rows
    from gateway.store.states import LedgerState

    with opened(folder) as desk:
        rows = with_subjects(ledger_rows(state=LedgerState.QUARANTINED, limit=limit))
    if as_json:
        print_json(rows)
        return
    print_table(
        _COLUMNS, [row | {"age": age(row["received"], desk.now)} for row in rows], empty="The quarantine is empty."
    )


@app.command("show")
def quarantine_show(
    number: Annotated[int, typer.Argument(metavar="ID", help="The id of the mail.")],
    raw: Annotated[bool, typer.Option("--raw", help="Write the mail itself to standard output.")] = False,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Show one mail: why it is here, what it says, what a release would do."""
    from gateway.desk.raw import read_raw
    from gateway.desk.views import ledger_record
    from gateway.store.states import LedgerState
    from gateway.store.tables import Ledger

    with opened(folder) as desk:
        row = Ledger.get_or_none(Ledger.id == number)
        if row is None or row.state != LedgerState.QUARANTINED:
            state = f"it is {row.state} ({row.outcome or 'no outcome yet'})" if row else "there is no such mail"
            raise fail(f"mail {number} is not in quarantine: {state}")
        content = read_raw(number)
        if raw:
            sys.stdout.buffer.write(content)
            return
        record = ledger_record(row)
        record["mail"] = _release(desk.settings, content, row.envelope)
    if as_json:
        print_json(record)
    else:
        _print(record)


def _release(settings: Settings, content: bytes, envelope: dict[str, Any]) -> dict[str, Any]:
    """What the mail is, and what would become of it if a person let it in now."""
    from dataclasses import replace

    from gateway.explain import Explainer
    from gateway.intake.envelope import envelope_from_json

    with Explainer.open(settings) as explainer:
        return explainer.explain_one(content, replace(envelope_from_json(envelope), released=True))


def _print(record: dict[str, Any]) -> None:
    mail = record.pop("mail")
    lines_of({key: value for key, value in record.items() if key not in ("reasons", "outcome")})
    lines_of({"author": mail["from"], "subject": mail["subject"]})
    typer.echo("Why it is here")
    print_reasons(record["reasons"])
    lines = mail["text"].splitlines()
    typer.echo("What it says" if lines else "It has no text")
    print_quoted(lines, at_most=_SHOWN_LINES)
    words = {"open": "open a ticket", "append": "append it to", "hold": "hold it on", "file": "file it on no ticket"}
    release = words.get(mail["action"], mail["action"])
    typer.echo(" ".join(filter(None, ["A release would", release, mail["ticket"]])) + ".")


@app.command("release")
def quarantine_release(numbers: Numbers, folder: Folder = Path(), as_json: Json = False) -> None:
    """Let mails in: they open or join a ticket with the trust that they had, and are not acknowledged.

    Exit 1 where one of them is not in quarantine.
    """
    from gateway.desk.operating import release

    with opened(folder, write=True) as desk:
        count = release(desk.database, numbers, by=operator(), now=desk.now)
    _report(count, numbers, "released", "; a running gateway sorts them at once", as_json=as_json)


@app.command("delete")
def quarantine_delete(
    numbers: Numbers,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it is kept in the history.")],
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Delete the bytes of mails for good; who did it and why stays in the history.

    Exit 1 where one of them is not in quarantine.
    """
    from gateway.desk.operating import delete

    if not reason.strip():
        raise typer.BadParameter("say why", param_hint="--reason")
    with opened(folder, write=True) as desk:
        count = delete(desk.database, numbers, by=operator(), reason=reason, now=desk.now)
    _report(count, numbers, "deleted", as_json=as_json)


def _report(count: int, numbers: list[int], done: str, more: str = "", *, as_json: bool) -> None:
    wanted = len(set(numbers))
    if as_json:
        print_json({done: count})
    else:
        typer.echo(f"{count} of {wanted} mails {done}{more if count else ''}.")
    raise typer.Exit(0 if count == wanted else 1)
