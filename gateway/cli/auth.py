"""Logins with tokens: `gateway auth login`, `gateway auth status`."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.common import (
    Folder,
    Json,
    duration,
    fail,
    lines_of,
    print_json,
    print_line,
    quiet_logs,
    settings_of,
    shown,
)

if TYPE_CHECKING:
    from gateway.oauth.answers import DeviceLogin
    from gateway.settings import Settings
    from gateway.store.oauth import Stored

app = typer.Typer(help="Logins with tokens (OAuth): Microsoft 365, Google.", no_args_is_help=True)

_EXIT_CODES = {"green": 0, "yellow": 1, "red": 2}


@app.command("login")
def auth_login(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The NAME of an account, from oauth.NAME in gateway.toml.")
    ],
    folder: Folder = Path(),
) -> None:
    """Log in once for an account of gateway.toml, in a browser on any device; running gateways go on at once.

    Exit 1 where the login was declined or nobody entered the code in time.
    """
    from gateway.oauth import Tokens
    from gateway.oauth.answers import NoToken
    from gateway.oauth.login import log_in
    from gateway.storage import made_database
    from gateway.store.queue import owner_name

    quiet_logs()
    settings = settings_of(folder)
    one = settings.oauth.get(name)
    if one is None:
        known = ", ".join(settings.oauth) or "gateway.toml has none"
        raise typer.BadParameter(f"there is no account {name!r} under oauth; one of: {known}", param_hint="NAME")
    if one.grant != "device_code":
        raise fail(f"[oauth.{name}] needs no login: its grant is {one.grant}, which gets its tokens by itself", 2)
    with made_database(settings) as database:
        account = Tokens(settings, database=lambda: database, clock=_now, owner=owner_name()).account(name)
        assert account is not None
        try:
            granted = log_in(
                account,
                database=database,
                clock=_now,
                wait=time.sleep,
                show=lambda login: _show(login, one.account),
                progress=_progress,
            )
        except NoToken as failure:
            _end_progress()
            raise fail(f"Not logged in: {failure.cause}") from failure
    _end_progress()
    typer.echo(
        f"Logged in as {one.account}; the first token is good for {duration(int(granted.life.total_seconds()))}."
    )
    typer.echo("A running gateway goes on with it by itself. Try it: gateway check --connect")


def _now() -> datetime:
    return datetime.now(UTC)


def _show(login: DeviceLogin, account: str) -> None:
    typer.echo(f"In a browser on any device, go to  {shown(login.url)}")
    typer.echo(f"and enter the code                 {shown(login.user_code)}")
    typer.echo(f"Log in there as                    {account}")
    if not sys.stdout.isatty():
        minutes = max(1, int(login.life.total_seconds()) // 60)
        typer.echo(f"Waiting for that; the code is good for {minutes} min.")


def _progress(left: timedelta) -> None:
    if sys.stdout.isatty():
        seconds = int(left.total_seconds())
        typer.echo(f"\rWaiting for that; the code is good for {seconds // 60}:{seconds % 60:02} more ", nl=False)


def _end_progress() -> None:
    if sys.stdout.isatty():
        typer.echo()


@app.command("status")
def auth_status(folder: Folder = Path(), as_json: Json = False) -> None:
    """Show each account: until when its token is good, the last error and its cause, when it is asked again.

    Exit 0: all have a token, or got one when they last asked. 1: one has not asked yet. 2: a person must act.
    """
    from gateway.cli.common import opened
    from gateway.oauth.accounts import identity_of
    from gateway.storage import NoDatabase
    from gateway.store.oauth import Stored, read_accounts

    settings, now = settings_of(folder), _now()
    stored: dict[str, Stored] = {}
    try:
        with opened(folder):
            stored = {row.name: row for row in read_accounts()}
    except NoDatabase:
        pass  # then nobody has asked yet
    records = []
    for name, one in settings.oauth.items():
        row = stored.get(name) or Stored(name=name)
        if row.identity not in ("", identity_of(one)):
            row = Stored(name=name)  # tokens of other settings are nobody's
        records.append(_record(name, settings, row, now))
    if as_json:
        print_json({"accounts": records})
    else:
        _print_records(records)
    raise typer.Exit(max((_EXIT_CODES[record["colour"]] for record in records), default=0))


def _record(name: str, settings: Settings, row: Stored, now: datetime) -> dict[str, Any]:
    one = settings.oauth[name]
    users = [f"mailbox {box.name}" for box in settings.mailboxes if box.oauth == name]
    users += ["relay"] if settings.relay.oauth == name else []
    needs_login = one.grant == "device_code" and not row.refresh_token
    error = row.last_error or (
        f"nobody has logged in as {one.account} yet (run `gateway auth login {name}`)" if needs_login else ""
    )
    colour = "red" if error else "green" if row.last_ok_at else "yellow"
    return {
        "name": name,
        "colour": colour,
        "provider": one.provider,
        "grant": one.grant,
        "account": one.account,
        "used_by": users,
        "token_until": row.access_until,
        "token_is_good": row.access_until is not None and row.access_until > now,
        "last_token": row.last_ok_at,
        "logged_in": row.logged_in_at,
        "error": error,
        "error_at": row.last_error_at,
        "failures": row.failures,
        "next_try": row.not_before if row.last_error else None,
    }


def _print_records(records: list[dict[str, Any]]) -> None:
    if not records:
        typer.echo("gateway.toml has no [oauth.NAME]; nobody logs in with tokens.")
    for record in records:
        typer.secho(f"[oauth.{record['name']}] {_headline(record)}", bold=True, fg=str(record["colour"]))
        keys = (
            "provider",
            "grant",
            "account",
            "used_by",
            "token_until",
            "last_token",
            "logged_in",
            "error_at",
            "next_try",
        )
        lines_of({key: record[key] for key in keys})
        if record["error"]:
            print_line(f"error: {shown(record['error'])}")


def _headline(record: dict[str, Any]) -> str:
    if record["error"]:
        return "has no token" if not record["token_is_good"] else "can't renew its token"
    return "has a token" if record["token_is_good"] else "gets a token when it needs one"
