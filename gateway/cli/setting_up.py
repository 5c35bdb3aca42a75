"""Set a desk up: `gateway init`, `gateway check`, `gateway mailbox import`."""

from __future__ import annotations

import dataclasses
import itertools
import shlex
import shutil
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import (
    Folder,
    Json,
    counted,
    fail,
    opened_base,
    print_json,
    print_line,
    quiet_logs,
    settings_of,
    shown,
)

if TYPE_CHECKING:
    from gateway.checking import Fact

mailbox = typer.Typer(help="The watched mailboxes.", no_args_is_help=True)


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder to write to; it is made if it is not there.")
    ],
) -> None:
    """Write gateway.toml, rules.toml, templates/ and storage/ for a real desk, all commented.

    Exit 1 where one of them is there already; then nothing is written.
    """
    from gateway.defaults_files import checkout_folder, default_file
    from gateway.policy.schema import SCHEMA_FILE, schema_text

    existing = [name for name in ("gateway.toml", "rules.toml", "templates") if (folder / name).exists()]
    if existing:
        raise fail(f"{folder} has {', '.join(existing)} already; nothing was written")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("gateway.toml", "rules.toml"):
            shutil.copyfile(default_file(name), folder / name)
        # Editors find it by the first line of rules.toml.
        (folder / SCHEMA_FILE).write_text(schema_text(), encoding="utf-8")
        shutil.copytree(default_file("templates"), folder / "templates")
        (folder / "storage").mkdir(exist_ok=True)
    except OSError as error:
        raise fail(f"can't write to {folder}: {error.strerror or error}") from error
    place = shlex.quote(str(folder))
    typer.echo(f"Written to {folder}: gateway.toml, rules.toml (and {SCHEMA_FILE}, for editors), templates/, storage/")
    if (checkout := checkout_folder()) is not None:
        # Its files are what ships and what `make serve` runs with: whether they were edited, nothing here can tell.
        typer.echo(f"rules.toml, templates/: copied from {checkout}, including your changes there")
    typer.echo("Next: in rules.toml the desk's address, teams and agents; in gateway.toml its mailbox and relay; then")
    typer.echo(f"  gateway check --connect -C {place}")
    typer.echo(f"  gateway serve -C {place}")


def check(
    connect: Annotated[
        bool, typer.Option("--connect", help="Also log in to mailboxes and relay, and send the desk a mail.")
    ] = False,
    seconds: Annotated[int, typer.Option(min=1, metavar="N", help="How long to wait for that mail to come back.")] = 60,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Check everything an admin can edit; with --connect also what the servers do to a mail.

    The mail of --connect stays in the desk's mailbox; a running gateway knows it and makes no ticket of it.
    Exit 1 where something must be mended; a note is only worth knowing. 78: gateway.toml is broken.
    """
    from gateway.checking import check_connections, check_files, files_facts

    quiet_logs()
    settings = settings_of(folder)
    problems, policy = check_files(settings)
    facts: Iterable[Fact] = files_facts(problems, policy)
    if connect:
        facts = itertools.chain(facts, check_connections(settings, policy, seconds=seconds))
    is_good, found = True, []
    for fact in facts:
        is_good &= fact.is_good
        if as_json:
            found.append({"name": fact.name, "good": fact.is_good, "text": fact.text, "hint": fact.hint})
        else:
            _print_fact(fact)
    if as_json:
        print_json({"good": is_good, "facts": found})
    raise typer.Exit(0 if is_good else 1)


def _print_fact(fact: Fact) -> None:
    """One line; a bad fact and a note say in the next what to do about it."""
    mark, colour = ("ok  ", "green") if fact.is_good else ("FAIL", "red")
    if fact.is_good and fact.hint:
        mark, colour = "note", "yellow"
    typer.secho(mark, fg=colour, nl=False)
    print_line(f"  {fact.name}: {shown(fact.text)}", hanging="      ")
    if fact.hint:
        print_line(f"      {shown(fact.hint)}", hanging="      ")


@mailbox.command("import")
def mailbox_import(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of a [[mailbox]].")],
    since: Annotated[
        datetime,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Mail that the server received on this day or later."),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Bring in old mail that was left alone at first contact; nobody is acknowledged or notified.

    To run it again brings in what is missing. Exit 1 where the server could not give a mail, 75 where it is away.
    """
    from gateway.intake.imap_errands import import_mail
    from gateway.oauth import Tokens
    from gateway.store.queue import owner_name

    with opened_base(folder) as base:
        box = base.settings.mailbox_named(name)
        if box is None:
            known = ", ".join(one.name for one in base.settings.mailboxes) or "gateway.toml has none"
            raise typer.BadParameter(f"there is no mailbox {name!r}; one of: {known}", param_hint="NAME")
        tokens = Tokens(
            base.settings, database=lambda: base.database, clock=base.clock, owner=owner_name(), impatient=True
        )
        with base.door() as door:
            done = import_mail(
                box,
                database=base.database,
                door=door,
                clock=base.clock,
                since=date(since.year, since.month, since.day),
                dry_run=dry_run,
                account=tokens.account(box.oauth),
            )
    if as_json:
        print_json(dataclasses.asdict(done))
        raise typer.Exit(1 if done.unread else 0)
    head = f"{counted(done.found, 'mail')} since {since:%Y-%m-%d}, {done.known} of them known"
    if dry_run:
        typer.echo(f"{head}; {done.found - done.known} would be imported ({done.size_bytes} bytes).")
        return
    typer.echo(f"{head}; {done.fetched} imported, {done.duplicates} of these the same as a mail that came another way.")
    for uid in done.unread:
        typer.echo(f"  the server could not give us mail {uid}", err=True)
    raise typer.Exit(1 if done.unread else 0)
