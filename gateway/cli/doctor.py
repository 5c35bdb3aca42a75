"""`gateway doctor`: may we believe what the mail server before us says of a sender?"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.common import Folder, Json, fail, opened, print_json, print_line, shown

_GOOD = {
    "forged-removed": ("forged Authentication-Results were taken out", "FORGED Authentication-Results came through"),
    "genuine-present": ("one genuine header was there", "no genuine header, or more than one"),
    "no-smuggling": ("a bare CR made no header", "a bare CR made a header: mail can carry forged ones past the server"),
    "plus-address": ("the plus address arrived", "the plus address did not arrive: set plus_addresses = false"),
    "null-sender": ("the null sender was visible", "the null sender is not visible: bounces are known by other signs"),
}


def doctor(
    write: Annotated[
        Path | None, typer.Option("--write", metavar="DIR", help="Write the two test mails into this folder.")
    ] = None,
    sender: Annotated[
        str, typer.Option("--from", metavar="ADDRESS", help="Whom the test mails are from; by default the desk.")
    ] = "",
    server: Annotated[
        str, typer.Option("--server", metavar="HOST", help="The server that takes mail for your domain from outside.")
    ] = "MX.OF.YOUR.DOMAIN",
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Show whether Authentication-Results are believed, and why; with --write make the mails that prove it.

    Send the two mails from a machine outside of your network, as the printed lines say, and run it again when they have
    arrived: a running gateway knows them, writes down what was left of them, and makes no ticket. The test counts for
    `proof_days` of `[trust]`, and only for the way in by which the mails came. Exit 1: they are not believed.
    """
    from gateway.desk.border import border_records, border_troubles
    from gateway.desk.people import read_secrets
    from gateway.policy import load_policy

    with opened(folder) as desk:
        policy = load_policy(desk.settings.rules_file)
        secrets = read_secrets()
        records = border_records(policy, now=desk.now)
        troubles = list(border_troubles(policy, now=desk.now))
        if write is not None:
            _write(policy, write, sender or policy.desk.address, server, secrets, desk.now)
            return
    trusted = policy.desk.trusted_authserv_id
    believed = any(record["counts"] and record["test"] == "forged headers" for record in records) and not any(
        "get through" in trouble for trouble in troubles
    )
    if as_json:
        print_json({"trusted_authserv_id": trusted, "believed": believed, "tests": records, "troubles": troubles})
        raise typer.Exit(0 if believed else 1)
    if not trusted:
        typer.echo('No server is trusted: [desk] trusted_authserv_id = "" in rules.toml.')
    for record in records:
        _print_record(record)
    for trouble in troubles:
        print_line(trouble)
    typer.echo(f"Authentication-Results are {'' if believed else 'not '}believed.")
    if not believed:
        typer.echo("To test them: gateway doctor --write DIR")
    raise typer.Exit(0 if believed else 1)


def _print_record(record: dict[str, Any]) -> None:
    state = "passed" if record["passed"] else "FAILED"
    typer.echo(
        f"{record['intake']}, {record['test']}: {state} at {shown(record['tested'])} for {record['authserv_id']}"
    )
    for name, good in record["findings"].items():
        typer.echo(f"  {'ok  ' if good else 'FAIL'}  {_GOOD[name][0 if good else 1]}")


def _write(policy: Any, folder: Path, sender: str, server: str, secrets: Any, now: Any) -> None:
    from gateway.compose.failures import LetterRefused
    from gateway.compose.headers import checked_address
    from gateway.doctor import make_test_mails, swaks_line

    try:
        sender = checked_address(sender)
        folder.mkdir(parents=True, exist_ok=True)
        mails = make_test_mails(policy, sender=sender, secrets=secrets, now=now)
        for mail in mails:
            (folder / mail.name).write_bytes(mail.content)
    except LetterRefused as error:
        raise typer.BadParameter(str(error), param_hint="--from") from error
    except OSError as error:
        raise fail(f"can't write to {folder}: {error.strerror or error}") from error
    typer.echo(f"Written to {folder}: {', '.join(mail.name for mail in mails)}. Send them within a week from outside:")
    for mail in mails:
        typer.echo(f"  {swaks_line(mail, shlex.quote(str(folder / mail.name)), server=server)}")
    typer.echo("Where your server refuses the sender (DMARC), name an address of yours outside with --from.")
    typer.echo("Where it refuses the bare CR, or plus addresses, that is an answer too; then: gateway doctor")
