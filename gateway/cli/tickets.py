"""`gateway ticket list` and `gateway ticket show`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.common import Folder, Json, fail, lines_of, opened, print_json, print_table, shown

app = typer.Typer(help="Tickets: what is open, and everything about one.", no_args_is_help=True)


@app.command("list")
def list_tickets(
    everything: Annotated[bool, typer.Option("--all", help="Also what is resolved, closed or cancelled.")] = False,
    team: Annotated[str, typer.Option(help="Only this team's.")] = "",
    limit: Annotated[int, typer.Option(help="At most so many.")] = 200,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """List tickets, the most pressing first."""
    from gateway.desk.views import ticket_rows

    with opened(folder) as base:
        rows = ticket_rows(base.keeper.policy, everything=everything, team=team, limit=limit)
    if as_json:
        print_json(rows)
        return
    columns = ["ticket", "priority", "status", "team", "assignee", "requester", "category", "subject", "updated"]
    print_table("Tickets", columns, [[row[name] for name in columns] for row in rows], empty="No open tickets.")


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
        raise fail(f"{ticket!r} names no ticket; write INC-1042 or 1042", 64)
    with opened(folder) as base:
        record = ticket_record(int(digits[0]), base.keeper.policy)
    if record is None:
        raise fail(f"there is no ticket {ticket}")
    if as_json:
        print_json(record)
        return
    plain = {key: value for key, value in record.items() if value and not isinstance(value, list | dict)}
    lines_of(
        {
            "ticket": record["ticket"],
            **plain,
            "watchers": ", ".join(record["watchers"]),
            "links": ", ".join(record["links"]),
        }
    )
    typer.echo("set by:     " + ", ".join(f"{field} {who}" for field, who in record["set_by"].items()))
    for message in record["messages"]:
        state = "" if message["state"] == "posted" else f" [{message['state']}]"
        typer.echo(f"\n-- {shown(message['at'])} {message['from']} ({message['as']}, {message['visibility']}){state}")
        for mark in message["marks"]:
            typer.echo(f"   ! {shown(mark)}")
        for line in message["text"].splitlines():
            typer.echo(f"   {shown(line)}")
        for file in message["files"]:
            typer.echo(
                f"   + {shown(file['filename'])} ({file['size']} bytes){' set aside' if file['set_aside'] else ''}"
            )
    typer.echo("\nHistory:")
    for event in record["history"]:
        typer.echo(f"  {shown(event['at'])} {event['actor']}: {shown(event['text'])}")
    typer.echo("Mails:")
    for mail in record["mails"]:
        typer.echo(f"  {mail['id']}: {mail['notice']} to {mail['to']}: {mail['state']}")
