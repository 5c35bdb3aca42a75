"""The command tree, and what all commands share: finding the folder, showing errors, exit codes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gateway import __version__
from gateway.cli import explaining, inspecting, outbox, quarantine, running, setting_up, tickets
from gateway.errors import ConfigurationError, EdgeFailure

app = typer.Typer(
    name="gateway",
    help="A help desk that lives in the mailbox.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(tickets.app, name="ticket")
app.add_typer(inspecting.ledger, name="ledger")
app.add_typer(outbox.app, name="outbox")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(setting_up.mailbox, name="mailbox")
app.add_typer(explaining.rules, name="rules")
app.command()(running.serve)
app.command()(running.demo)
app.command()(running.deliver)
app.command()(setting_up.init)
app.command()(setting_up.check)
app.command()(explaining.explain)
app.command()(inspecting.status)
app.command()(inspecting.audit)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"helpdesk-gateway {__version__}")
        raise typer.Exit()


@app.callback()
def gateway(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """A help desk that lives in the mailbox."""


def main() -> None:
    """Run the command line; mistakes of an admin end in a clear text and exit code 78, never in a traceback."""
    try:
        app()
    except ConfigurationError as error:
        typer.echo(str(error), err=True)
        sys.exit(78)
    except EdgeFailure as error:
        typer.echo(error.public_text, err=True)
        sys.exit(75)
