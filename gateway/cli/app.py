"""The command tree, and what all commands share: the folder before the command, showing mistakes, exit codes."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway import __version__
from gateway.cli import (
    agents,
    answers,
    auth,
    backing_up,
    explaining,
    inspecting,
    outbox,
    quarantine_acts,
    replay,
    rules,
    rules_explain,
    rules_stats,
    rules_suggest,
    running,
    setting_up,
    ticket_acts,
)
from gateway.cli.common import EXIT_CONFIGURATION, EXIT_TEMPORARY, EXIT_USAGE
from gateway.cli.doctor import doctor
from gateway.errors import ConfigurationError, EdgeFailure, GatewayError

_EXIT_CODES = (
    "Exit codes: 0 done; 1 not done, not found or not clean; 2 wrong usage; 75 not possible now, try again; "
    "78 a file of yours is wrong. `status` and `deliver` have their own, see their help."
)

app = typer.Typer(
    name="gateway",
    help="A help desk that lives in the mailbox.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_RUN, _LOOK, _SET_UP = "Run it", "Look at it", "Set it up"
app.command(rich_help_panel=_SET_UP)(setting_up.init)
app.command(rich_help_panel=_SET_UP)(setting_up.check)
app.command(rich_help_panel=_SET_UP)(doctor)
rules.app.command("explain")(rules_explain.explain_rules)
rules.app.command("stats")(rules_stats.show_stats)
rules.app.command("suggest")(rules_suggest.suggest_rules)
rules.app.command("replay")(replay.replay)
app.add_typer(rules.app, name="rules", rich_help_panel=_SET_UP)
app.add_typer(setting_up.mailbox, name="mailbox", rich_help_panel=_SET_UP)
app.add_typer(answers.app, name="answers", rich_help_panel=_SET_UP)
app.add_typer(auth.app, name="auth", rich_help_panel=_SET_UP)
app.command(rich_help_panel=_RUN)(running.serve)
app.command(rich_help_panel=_RUN)(running.deliver)
app.command(rich_help_panel=_RUN)(running.demo)
app.command(rich_help_panel=_RUN)(backing_up.backup)
app.command(rich_help_panel=_LOOK)(inspecting.status)
app.add_typer(ticket_acts.app, name="ticket", rich_help_panel=_LOOK)
app.add_typer(agents.app, name="agent", rich_help_panel=_LOOK)
app.add_typer(inspecting.ledger, name="ledger", rich_help_panel=_LOOK)
app.add_typer(quarantine_acts.app, name="quarantine", rich_help_panel=_LOOK)
app.add_typer(outbox.app, name="outbox", rich_help_panel=_LOOK)
app.command(rich_help_panel=_LOOK)(explaining.explain)
app.command(rich_help_panel=_LOOK)(inspecting.audit)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"helpdesk-gateway {__version__}")
        raise typer.Exit()


@app.callback()
def gateway(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Option("--folder", "-C", metavar="DIR", help="The desk's folder, for any command.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """A help desk that lives in the mailbox."""
    context.obj = folder


def main() -> None:
    """Run the command line; what a person can mend ends in a clear text and an exit code, never in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # Mails are in every script; a terminal that has no letters for one shows a ? and not a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="gateway")
    except ConfigurationError as error:
        typer.echo(str(error), err=True)
        sys.exit(EXIT_CONFIGURATION)
    except EdgeFailure as error:
        typer.echo(error.public_text, err=True)
        sys.exit(EXIT_TEMPORARY)
    except GatewayError as error:
        typer.echo(str(error), err=True)
        sys.exit(1)
    except SystemExit as end:
        # To a mail server 2 means "never": a slip in its alias file must not bounce people's mail.
        wrong_usage = end.code == EXIT_USAGE and "deliver" in sys.argv[1:]
        sys.exit(EXIT_TEMPORARY if wrong_usage else end.code)
