"""`gateway outbox list|show|retry`: what goes out, what is held and why."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.common import (
    Folder,
    Json,
    Limit,
    age,
    counted,
    fail,
    lines_of,
    opened,
    operator,
    print_json,
    print_left_out,
)
from gateway.cli.tables import Column, print_table

app = typer.Typer(help="The outbox: every mail that we send.", no_args_is_help=True)

_COLUMNS = (
    Column(key="id"),
    Column(key="age"),
    Column(key="notice"),
    Column(key="to", bends=True),
    Column(key="ticket"),
    Column(key="state"),
    Column(key="why", bends=True),
    Column(key="attempts", title="tries", wide=True),
    Column(key="reply", wide=True, bends=True),
)

_WHY_NOT = {
    "waiting": "waits to be sent already",
    "sent": "was sent already",
    "merged": "went out as a part of another mail",
    "cancelled": "was cancelled",
}


@app.command("list")
def outbox_list(
    state: Annotated[
        str, typer.Option(metavar="STATE", help="Only waiting, sent, held, failed, merged or cancelled ones.")
    ] = "",
    limit: Limit = 50,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """List outgoing mails, the newest first."""
    from gateway.desk.views import outbox_rows
    from gateway.store.states import OutboxState

    if state and state not in list(OutboxState):
        raise typer.BadParameter(f"there is no {state!r}; one of {', '.join(OutboxState)}", param_hint="--state")
    with opened(folder) as desk:
        rows = outbox_rows(state=state, limit=limit)
    if as_json:
        print_json(rows)
        return
    print_table(_COLUMNS, [row | {"age": age(row["created"], desk.now)} for row in rows], empty="No such mails.")


@app.command("show")
def outbox_show(
    number: Annotated[int, typer.Argument(metavar="ID", help="The id of the outgoing mail.")],
    raw: Annotated[bool, typer.Option("--raw", help="Write the final bytes to standard output.")] = False,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Show one outgoing mail: to whom, where it stands, what the relay said."""
    from gateway.desk.raw import read_outgoing
    from gateway.desk.views import outbox_record
    from gateway.store.tables import Outbox

    with opened(folder):
        row = Outbox.get_or_none(Outbox.id == number)
        if row is None:
            raise fail(f"there is no mail {number} in the outbox")
        if raw and not row.part_count:
            raise fail(f"mail {number} is {row.state} and was not rendered yet: it has no bytes")
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
    numbers: Annotated[list[int] | None, typer.Argument(metavar="ID", help="Ids of held or failed mails.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every held mail.")] = False,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Send held or failed mails after all. Exit 1 where one of them was neither."""
    from gateway.desk.operating import retry_outbox
    from gateway.desk.views import states_of
    from gateway.store.tables import Outbox

    if bool(numbers) == everything:
        raise typer.BadParameter("name the mails, or say --all (every held one)", param_hint="ID")
    with opened(folder, write=True) as desk:
        states = states_of(Outbox, numbers or ())
        count = retry_outbox(desk.database, numbers or None, by=operator(), now=desk.now)
    print_left_out(numbers or (), states, _WHY_NOT)
    wanted = len(set(numbers or ()))
    if as_json:
        print_json({"retried": count})
    elif everything:
        typer.echo(f"{counted(count, 'mail')} will be sent.")
    else:
        typer.echo(f"{count} of {counted(wanted, 'mail')} will be sent.")
    raise typer.Exit(0 if everything or count == wanted else 1)
