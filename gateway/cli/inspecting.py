"""Questions at 3 am: is it running (`status`), what is stuck (`ledger`), is anything lost (`audit`)?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.common import Folder, Json, age, fail, lines_of, opened, print_json, print_table, shown

ledger = typer.Typer(help="The ledger: every mail that we said yes to.", no_args_is_help=True)

_EXIT_CODES = {"green": 0, "yellow": 1, "red": 2}


def status(folder: Folder = Path(), as_json: Json = False) -> None:
    """Is it running? Exit 0 all is well, 1 look tomorrow, 2 a person must act."""
    from gateway.desk.views import status_record

    with opened(folder) as base:
        record = status_record(now=base.clock())
    if as_json:
        print_json(record)
        raise typer.Exit(_EXIT_CODES[record["colour"]])
    typer.echo(f"Status: {record['colour']}")
    for trouble in record["troubles"]:
        typer.echo(f"  {trouble['colour']}: {shown(trouble['text'])}")
    typer.echo(f"Open tickets: {record['tickets']['open']}")
    for name, states in record["queues"].items():
        parts = [
            f"{state} {depth['count']}" + (f" (oldest {depth['age_seconds']} s)" if state == "waiting" else "")
            for state, depth in states.items()
            if depth["count"] or state == "waiting"
        ]
        typer.echo(f"{name.capitalize()}: {', '.join(parts)}")
    for box in record["mailboxes"]:
        left = f", {box['left_alone']} left alone at first contact" if box["left_alone"] else ""
        error = f", last error: {shown(box['last_error'])}" if box["last_error"] else ""
        typer.echo(
            f"Mailbox {box['name']} ({shown(box['folder'])}): last read {shown(box['last_ok']) or 'never'}{left}{error}"
        )
    for worker in record["workers"]:
        typer.echo(f"Running: {worker['name']} (pid {worker['pid']}): {worker['runs']}")
    raise typer.Exit(_EXIT_CODES[record["colour"]])


def audit(folder: Folder = Path(), as_json: Json = False) -> None:
    """Prove that nothing was lost and nothing happened twice; exit 1 and name what breaks it."""
    from gateway.desk.audit import audit_all

    with opened(folder) as base:
        report = audit_all(base.secrets)
    if as_json:
        print_json({"clean": report.is_clean, "checked": report.checked, "findings": report.findings})
    else:
        for finding in report.findings:
            typer.echo(shown(finding))
        counts = ", ".join(f"{count} {what}" for what, count in report.checked.items())
        typer.echo(f"{'Clean' if report.is_clean else f'{len(report.findings)} findings'}: checked {counts}.")
    raise typer.Exit(0 if report.is_clean else 1)


@ledger.command("list")
def ledger_list(
    state: Annotated[str, typer.Option(help="waiting, done, failed or quarantined.")] = "",
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.")] = 50,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """List accepted mails, the newest first."""
    from gateway.desk.views import ledger_rows
    from gateway.store.states import LedgerState

    if state and state not in list(LedgerState):
        raise fail(f"there is no state {state!r}; one of {', '.join(LedgerState)}", 64)
    with opened(folder) as base:
        rows = ledger_rows(state=state, limit=limit)
        now = base.clock()
    if as_json:
        print_json(rows)
        return
    columns = ["id", "age", "by", "from", "kind", "state", "outcome", "ticket", "reason", "error"]
    cells = [[age(row["received"], now) if name == "age" else row[name] for name in columns] for row in rows]
    print_table("Ledger", columns, cells, empty="No such mails.")


@ledger.command("show")
def ledger_show(
    number: Annotated[int, typer.Argument(help="The id of the ledger row.")],
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
        record = ledger_record(row) | {"envelope": row.envelope}
    if as_json:
        print_json(record)
        return
    lines_of(
        {key: value for key, value in record.items() if key not in ("reasons", "envelope") and value not in ("", None)}
    )
    for code, text in record["reasons"]:
        typer.echo(f"  - {code}: {shown(text)}")


@ledger.command("retry")
def ledger_retry(
    numbers: Annotated[list[int] | None, typer.Argument(help="Ids of failed mails.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every failed mail.")] = False,
    folder: Folder = Path(),
) -> None:
    """Try failed mails again, after what broke them was mended."""
    from gateway.desk.operating import retry_ledger

    if not numbers and not everything:
        raise fail("name the mails, or say --all", 64)
    with opened(folder) as base:
        count = retry_ledger(base.database, numbers if numbers else None, now=base.clock())
    typer.echo(f"{count} mails will be tried again.")
    raise typer.Exit(0 if count else 1)
