"""What would happen, and why: `gateway explain`, `gateway rules check`. Nothing is written."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.common import Folder, Json, fail, print_json_line, quiet_logs, settings_of

if TYPE_CHECKING:
    from gateway.explain import Explainer

rules = typer.Typer(help="The admin's rules.", no_args_is_help=True)

_AT_ONCE = 16


def explain(
    files: Annotated[
        list[str] | None, typer.Argument(help="Mails as files; - reads one mail from standard input.")
    ] = None,
    files_from: Annotated[
        str, typer.Option("--files-from", help="- reads paths from standard input, one a line.")
    ] = "",
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Say what a mail is and what would happen to it, with every reason. Writes nothing."""
    from gateway.explain import Explainer

    quiet_logs()
    if files_from not in ("", "-"):
        raise fail("--files-from takes only -", 64)
    if not files and not files_from:
        raise fail("name a file, or - for standard input", 64)
    failed = False
    with Explainer.open(settings_of(folder)) as explainer:
        if explainer.note:
            typer.echo(explainer.note, err=True)
        for group in _groups(files or [], follow=files_from == "-"):
            failed |= not _explain_group(explainer, group, as_json=as_json)
    raise typer.Exit(1 if failed else 0)


def _groups(files: Sequence[str], *, follow: bool) -> Iterator[list[str]]:
    """Files of the command line many at a time; those of standard input one by one, as they come."""
    for start in range(0, len(files), _AT_ONCE):
        yield list(files[start : start + _AT_ONCE])
    if follow:
        for line in sys.stdin:
            if line.strip("\r\n"):
                yield [line.rstrip("\r\n")]


def _explain_group(explainer: Explainer, group: list[str], *, as_json: bool) -> bool:
    named: list[tuple[str, bytes]] = []
    good = True
    for name in group:
        try:
            named.append((name, sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()))
        except OSError as error:
            good = False
            text = f"{name}: {error.strerror or error}"
            if as_json:
                print_json_line({"file": name, "error": text})
            else:
                typer.echo(text, err=True)
    explained = explainer.explain([content for _, content in named])
    for (name, _), result in zip(named, explained, strict=True):
        if as_json:
            print_json_line({"file": name, **result})
        else:
            _print(name, result)
        sys.stdout.flush()
    return good


def _print(name: str, result: dict[str, Any]) -> None:
    from gateway.cli.common import lines_of, shown

    typer.echo(f"== {shown(name)}")
    head = {
        "What it is": result["kind"],
        "Verdict": result["verdict"] + (f" ({result['quarantine']})" if result["quarantine"] else ""),
        "What happens": result["action"] + (f" {result['ticket']}" if result["ticket"] else ""),
        "Acknowledged": "yes" if result["would_acknowledge"] else "no",
        "From": result["from"],
        "Subject": result["subject"],
    }
    if result["attachments"]:
        head["Files"] = ", ".join(f"{one['filename']} ({one['size']} bytes)" for one in result["attachments"])
    if result["action"] == "open":
        head["Ticket"] = (
            f"{result['type']}, {result['priority']} (impact {result['impact']}, urgency {result['urgency']})"
        )
        head["Category"] = "/".join(part for part in (result["category"], result["subcategory"]) if part)
        head["Team"] = result["team"]
    lines_of(head)
    typer.echo("Why:")
    for reason in result["reasons"]:
        typer.echo(f"  - {shown(reason)}")
    for field, rule in result["rules"].items():
        typer.echo(f"  - {field}: by rule {rule!r}")
    for notice in result["mails"]:
        typer.echo(f"Would send: {notice['notice']} to {shown(notice['to'])}")
    typer.echo("New text:")
    for line in result["reply_text"].splitlines()[:40]:
        typer.echo(f"  | {shown(line)}")
    typer.echo("")


@rules.command("check")
def rules_check(folder: Folder = Path()) -> None:
    """Read rules.toml and run every example in it."""
    from gateway.policy import load_policy
    from gateway.triage.classify import check_examples

    settings = settings_of(folder)
    policy = load_policy(settings.rules_file)
    problems = check_examples(policy)
    for problem in problems:
        typer.echo(str(problem), err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo(
        f"{settings.rules_file.name}: {len(policy.rules)} rules, {len(policy.examples)} examples, all as expected"
    )
