"""`gateway outbox list|show|retry`: what goes out, what is held and why."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.common import Folder, Json, age, fail, lines_of, opened, print_json, print_table

app = typer.Typer(help="The outbox: every mail that we send.", no_args_is_help=True)


@app.command("list")
def outbox_list(
    state: Annotated[str, typer.Option(help="waiting, sent, held, failed, merged or cancelled.")] = "",
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.")] = 50,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """List outgoing mails, the newest first."""
    from gateway.desk.views import outbox_rows
    from gateway.store.states import OutboxState

    if state and state not in list(OutboxState):
        raise fail(f"there is no state {state!r}; one of {', '.join(OutboxState)}", 64)
    with opened(folder) as base:
        rows = outbox_rows(state=state, limit=limit)
        now = base.clock()
    if as_json:
        print_json(rows)
        return
    columns = ["id", "age", "notice", "to", "ticket", "state", "why", "attempts", "reply"]
    cells = [[age(row["created"], now) if name == "age" else row[name] for name in columns] for row in rows]
    print_table("Outbox", columns, cells, empty="No such mails.")


@app.command("show")
def outbox_show(
    number: Annotated[int, typer.Argument(help="The id of the outgoing mail.")],
    raw: Annotated[bool, typer.Option("--raw", help="Write the final bytes to standard output.")] = False,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Show one outgoing mail."""
    from gateway.desk.raw import read_outgoing
    from gateway.desk.views import outbox_record
    from gateway.store.tables import Outbox

    with opened(folder):
        row = Outbox.get_or_none(Outbox.id == number)
        if row is None:
            raise fail(f"there is no mail {number} in the outbox")
        if raw:
            sys.stdout.buffer.write(read_outgoing(number))
            return
        record = outbox_record(row)
    if as_json:
        print_json(record)
    else:
        lines_of(record)


@app.command("retry")
def outbox_retry(
    numbers: Annotated[list[int] | None, typer.Argument(help="Ids of held or failed mails.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every held mail.")] = False,
    folder: Folder = Path(),
) -> None:
    """Send held or failed mails after all."""
    from gateway.desk.operating import retry_outbox

    if not numbers and not everything:
        raise fail("name the mails, or say --all (every held one)", 64)
    with opened(folder) as base:
        count = retry_outbox(base.database, numbers if numbers else None, now=base.clock())
    typer.echo(f"{count} mails will be sent.")
    raise typer.Exit(0 if count else 1)
