"""What is done to mails in quarantine: let in, deleted, decided once more; and whose mail is set aside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.common import (
    Folder,
    Json,
    counted,
    fail,
    opened,
    operator,
    print_json,
    print_left_out,
    print_line,
    rules_if_any,
    rules_in_force,
)
from gateway.cli.quarantine import (
    Reason,
    Sender,
    Since,
    app,
    check_reason,
    release_line,
    since_when,
    what_a_release_does,
)

__all__ = ["app"]

# From so many mails on, a slip of the keyboard is expensive.
_BULK = 20
_WHY_NOT = {
    "waiting": "is not in quarantine, it waits to be sorted",
    "done": "is not in quarantine, it is done: gateway ledger show {number}",
    "failed": "is not in quarantine, it failed: gateway ledger retry {number}",
}

Numbers = Annotated[list[int], typer.Argument(metavar="ID…", help="Ids of the mails, as `list` shows them.")]
SomeNumbers = Annotated[list[int] | None, typer.Argument(metavar="ID", help="Ids of the mails.")]
Yes = Annotated[bool, typer.Option("--yes", help=f"Do it with more than {_BULK} mails without asking.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")]
Why = Annotated[str, typer.Option(metavar="TEXT", help="Why; it is kept in the history.")]
Pattern = Annotated[
    str, typer.Argument(metavar="ADDRESS", help='An address, a domain, or "*.domain" for all below one.')
]


@app.command("release")
def quarantine_release(
    numbers: Numbers,
    acknowledge: Annotated[bool, typer.Option("--ack", help="Let the sender be told the ticket's number.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Let mails in: they open or join a ticket with the trust that they had, and are not acknowledged.

    With --ack they are, where nothing else speaks against it. Exit 1 where one of them is not in quarantine.
    """
    from gateway.desk.operating import release

    if dry_run:
        _say_what_would_happen(numbers, folder, acknowledge=acknowledge, as_json=as_json)
        return
    _refuse_bulk(numbers, yes)
    with opened(folder, write=True) as desk:
        states = _states_of(numbers)
        count = release(desk.database, numbers, by=operator(), now=desk.now, acknowledge=acknowledge)
    print_left_out(numbers, states, _WHY_NOT)
    _report(count, numbers, "released", "; a running gateway sorts them at once", as_json=as_json)


def _states_of(numbers: Sequence[int]) -> dict[int, str]:
    from gateway.desk.views import states_of
    from gateway.store.tables import Ledger

    return states_of(Ledger, numbers)


def _say_what_would_happen(numbers: list[int], folder: Path, *, acknowledge: bool, as_json: bool) -> None:
    from gateway.desk.raw import read_raw
    from gateway.store.states import LedgerState
    from gateway.store.tables import Ledger

    said: list[dict[str, Any]] = []
    with opened(folder) as desk:
        policy = rules_if_any(desk.settings)
        for number in dict.fromkeys(numbers):
            row = Ledger.get_or_none((Ledger.id == number) & (Ledger.state == LedgerState.QUARANTINED))
            if row is None:
                said.append({"id": number, "what": "not in quarantine", "mail": None})
                continue
            mail = what_a_release_does(
                desk.settings, read_raw(number), row.envelope, policy=policy, acknowledge=acknowledge
            )
            said.append({"id": number, "what": release_line(mail), "mail": mail})
    if as_json:
        print_json(said)
    else:
        for one in said:
            print_line(f"{one['id']}: {one['what']}")
    raise typer.Exit(0 if all(one["mail"] is not None for one in said) else 1)


@app.command("delete")
def quarantine_delete(
    numbers: Numbers, reason: Why, yes: Yes = False, folder: Folder = Path(), as_json: Json = False
) -> None:
    """Delete the bytes of mails for good; who did it and why stays in the history.

    Exit 1 where one of them is not in quarantine.
    """
    from gateway.desk.operating import delete

    _refuse_no_reason(reason)
    _refuse_bulk(numbers, yes)
    with opened(folder, write=True) as desk:
        states = _states_of(numbers)
        count = delete(desk.database, numbers, by=operator(), reason=reason, now=desk.now)
    print_left_out(numbers, states, _WHY_NOT)
    _report(count, numbers, "deleted", as_json=as_json)


@app.command("retry")
def quarantine_retry(
    numbers: SomeNumbers = None,
    reason: Reason = "",
    sender: Sender = "",
    since: Since = "",
    yes: Yes = False,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Decide mails once more as if they had just come: after a change of rules, or an upgrade that reads them better.

    Nothing is let in that the rules would set aside again. Exit 1 where one of them is not in quarantine.
    """
    from gateway.desk.operating import sort_again
    from gateway.desk.quarantine_views import quarantine_rows

    check_reason(reason)
    if bool(numbers) == bool(reason or sender or since):
        raise typer.BadParameter("name the mails, or say which: --reason, --sender, --since", param_hint="ID")
    with opened(folder, write=True) as desk:
        moment = since_when(since, desk.now)
        found = numbers or [one["id"] for one in quarantine_rows(reason=reason, sender=sender, since=moment)]
        _refuse_bulk(found, yes)
        states = _states_of(numbers or ())
        count = sort_again(desk.database, found, by=operator(), now=desk.now)
    print_left_out(numbers or (), states, _WHY_NOT)
    _report(count, found, "decided once more", "; a running gateway does it at once", as_json=as_json)


@app.command("block")
def quarantine_block(pattern: Pattern, reason: Why = "", folder: Folder = Path(), as_json: Json = False) -> None:
    """Set aside what a sender writes from now on: kept in quarantine, left out of the digest, and expires there.

    To block somebody twice does nothing. Exit 1 for an address of your own.
    """
    from gateway.desk.operating import deny

    pattern = _checked_pattern(pattern)
    with opened(folder, write=True) as desk:
        policy = rules_in_force(desk.settings)
        domain = pattern.removeprefix("*.").rpartition("@")[2]
        if policy.is_own_domain(domain) or policy.agent_of(pattern) is not None:
            raise fail(f"{pattern} is one of your own: its mail would be lost to the desk")
        count = deny(desk.database, pattern, by=operator(), reason=reason or "by command", now=desk.now)
    if as_json:
        print_json({"blocked": int(count), "pattern": pattern})
    else:
        typer.echo(f"{pattern} is blocked{'' if count else ' already'}.")


@app.command("unblock")
def quarantine_unblock(pattern: Pattern, folder: Folder = Path(), as_json: Json = False) -> None:
    """Let a blocked sender's mail through again; what waits in quarantine stays there.

    Exit 1 where nobody had blocked it.
    """
    from gateway.desk.operating import allow

    pattern = _checked_pattern(pattern)
    with opened(folder, write=True) as desk:
        count = allow(desk.database, pattern, by=operator(), now=desk.now)
    if as_json:
        print_json({"unblocked": int(count), "pattern": pattern})
    else:
        typer.echo(f"{pattern} is {'no longer' if count else 'not'} blocked.")
    raise typer.Exit(0 if count else 1)


def _checked_pattern(text: str) -> str:
    pattern = text.strip().lower()
    local, at, domain = pattern.rpartition("@")
    if at and not local:
        pattern = domain
    bare = domain.removeprefix("*.") if not at else domain
    if "." not in bare or any(character.isspace() or character in "*<>,;" for character in local + bare):
        raise typer.BadParameter('write somebody@example.org, example.org or "*.example.org"', param_hint="ADDRESS")
    return pattern


def _refuse_no_reason(reason: str) -> None:
    if not reason.strip():
        raise typer.BadParameter("say why", param_hint="--reason")


def _refuse_bulk(numbers: list[int], yes: bool) -> None:
    """Ask a person before many mails are changed; where nobody can be asked, --yes must be there."""
    import sys

    count = len(set(numbers))
    if count <= _BULK or yes:
        return
    if not sys.stdin.isatty() or not typer.confirm(f"{counted(count, 'mail')}: go on?"):
        raise fail(f"that are {counted(count, 'mail')}: say --yes")


def _report(count: int, numbers: list[int], done: str, more: str = "", *, as_json: bool) -> None:
    wanted = len(set(numbers))
    if as_json:
        print_json({done.partition(" ")[0]: count})
    else:
        typer.echo(f"{count} of {counted(wanted, 'mail')} {done}{more if count else ''}.")
    raise typer.Exit(0 if count == wanted else 1)
