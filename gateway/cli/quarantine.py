"""`gateway quarantine list|show|release|delete`: mails that wait for a person."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.common import Folder, Json, age, fail, lines_of, opened, print_json, print_table, shown

app = typer.Typer(help="The quarantine: mails that a person decides.", no_args_is_help=True)


@app.command("list")
def quarantine_list(
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.")] = 50,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """List the mails that wait for a person."""
    from gateway.desk.views import ledger_rows

    with opened(folder) as base:
        rows = ledger_rows(state="quarantined", limit=limit)
        now = base.clock()
    if as_json:
        print_json(rows)
        return
    columns = ["id", "age", "reason", "kind", "from", "size"]
    cells = [[age(row["received"], now) if name == "age" else row[name] for name in columns] for row in rows]
    print_table("Quarantine", columns, cells, empty="The quarantine is empty.")


@app.command("show")
def quarantine_show(
    number: Annotated[int, typer.Argument(help="The id of the mail.")],
    raw: Annotated[bool, typer.Option("--raw", help="Write the mail itself to standard output.")] = False,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Show one mail: why it is here, what it says, what a release would do."""
    from gateway.desk.raw import read_raw
    from gateway.desk.views import ledger_record
    from gateway.explain import Explainer
    from gateway.store.states import LedgerState
    from gateway.store.tables import Ledger

    with opened(folder) as base:
        row = Ledger.get_or_none((Ledger.id == number) & (Ledger.state == LedgerState.QUARANTINED))
        if row is None:
            raise fail(f"mail {number} is not in quarantine")
        content = read_raw(number)
        if raw:
            sys.stdout.buffer.write(content)
            return
        record = ledger_record(row)
        parser = base.parser()
        try:
            explainer = Explainer(policy=base.keeper.policy, parser=parser, secrets=base.secrets)
            record["mail"] = explainer.explain([content])[0]
        finally:
            parser.close()
    if as_json:
        print_json(record)
        return
    mail = record.pop("mail")
    lines_of({key: value for key, value in record.items() if key != "reasons" and value not in ("", None, [])})
    lines_of({"subject": mail["subject"][:120], "sender": mail["from"]})
    for code, text in record["reasons"]:
        typer.echo(f"  - {code}: {shown(text)}")
    for line in mail["text"][:400].splitlines():
        typer.echo(f"  | {shown(line)}")


@app.command("release")
def quarantine_release(
    numbers: Annotated[list[int], typer.Argument(help="Ids of the mails.")], folder: Folder = Path()
) -> None:
    """Let mails in: they open or join a ticket with the trust that they had, and are not acknowledged."""
    from gateway.desk.operating import release

    with opened(folder) as base:
        count = release(base.database, numbers, by=getpass.getuser(), now=base.clock())
    typer.echo(f"{count} of {len(numbers)} mails released; a running gateway sorts them at once.")
    raise typer.Exit(0 if count == len(numbers) else 1)


@app.command("delete")
def quarantine_delete(
    numbers: Annotated[list[int], typer.Argument(help="Ids of the mails.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept in the history.")] = "",
    folder: Folder = Path(),
) -> None:
    """Delete mails for good; who did it and why stays in the history."""
    from gateway.desk.operating import delete

    if not reason:
        raise fail("say why: --reason TEXT", 64)
    with opened(folder) as base:
        count = delete(base.database, numbers, by=getpass.getuser(), reason=reason, now=base.clock())
    typer.echo(f"{count} of {len(numbers)} mails deleted.")
    raise typer.Exit(0 if count == len(numbers) else 1)
