"""What would happen, and why: `gateway explain`. Nothing is written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.common import (
    Folder,
    Json,
    lines_of,
    print_json_line,
    print_line,
    print_quoted,
    quiet_logs,
    rules_if_any,
    settings_of,
    shown,
)

if TYPE_CHECKING:
    from gateway.explain import Explainer

_AT_ONCE = 16
_SHOWN_LINES = 40
_ACTIONS = {
    "open": "a ticket opens",
    "append": "it is added to",
    "hold": "it is held on",
    "file": "it is filed, on no ticket",
    "quarantine": "it waits for a person",
}


def explain(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE", help="Mails as files; - reads one mail from standard input.")
    ] = None,
    files_from: Annotated[
        str, typer.Option("--files-from", metavar="-", help="- reads paths from standard input, one a line.")
    ] = "",
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Say what mails are and what would happen to them, with every reason. Writes nothing.

    --json prints one object a line. Exit 1 where a file can't be read; the others are explained all the same.
    """
    from gateway.explain import Explainer

    quiet_logs()
    if files_from not in ("", "-"):
        raise typer.BadParameter("takes only - (standard input)", param_hint="--files-from")
    if not files and not files_from:
        raise typer.BadParameter("name a file, or - for standard input", param_hint="FILE")
    if files_from and "-" in (files or ()):
        raise typer.BadParameter("standard input can't be a mail and a list of paths", param_hint="--files-from")
    is_good = True
    settings = settings_of(folder)
    with Explainer.open(settings, policy=rules_if_any(settings)) as explainer:
        for note in explainer.notes:
            typer.echo(note, err=True)
        for group in _groups(files or [], follow=files_from == "-"):
            is_good &= _explain_group(explainer, group, as_json=as_json)
    raise typer.Exit(0 if is_good else 1)


def _groups(files: Sequence[str], *, follow: bool) -> Iterator[list[str]]:
    """Files of the command line many at a time; those of standard input one by one, as they come."""
    for start in range(0, len(files), _AT_ONCE):
        yield list(files[start : start + _AT_ONCE])
    if follow:
        # Bytes: a path is not always text.
        for line in sys.stdin.buffer:
            if name := line.rstrip(b"\r\n"):
                yield [os.fsdecode(name)]


def _explain_group(explainer: Explainer, group: list[str], *, as_json: bool) -> bool:
    """Explain some files in their order; False where one can't be read."""
    contents: dict[str, bytes] = {}
    errors: dict[str, str] = {}
    for name in group:
        try:
            contents[name] = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except (OSError, ValueError) as error:
            errors[name] = getattr(error, "strerror", None) or str(error)
    explained = dict(zip(contents, explainer.explain(list(contents.values())), strict=True))
    for name in group:
        shown_name = os.fsencode(name).decode("utf-8", "replace")
        if name in errors and as_json:
            print_json_line({"file": shown_name, "error": errors[name]})
        elif name in errors:
            typer.echo(f"{shown(shown_name)}: {errors[name]}", err=True)
        elif as_json:
            print_json_line({"file": shown_name, **explained[name]})
        else:
            _print(shown_name, explained[name])
        sys.stdout.flush()
    return not errors


def _print(name: str, result: dict[str, Any]) -> None:
    typer.secho(f"== {shown(name)}", bold=True)
    lines_of(_head(result))
    typer.echo("Why")
    for reason in result["reasons"]:
        print_line(f"  - {shown(reason)}")
    by_rule: dict[str, list[str]] = {}
    for field, rule in result["rules"].items():
        by_rule.setdefault(rule, []).append(field)
    if result["action"] == "open":
        for rule, fields in by_rule.items():
            print_line(f"  - rule {shown(rule)!r} sets {', '.join(fields)}")
    if result["mails"]:
        typer.echo("Would send")
    for notice in result["mails"]:
        typer.echo(f"  - {notice['notice']} to {shown(notice['to'])}")
    lines = result["reply_text"].splitlines()
    typer.echo("New text" if lines else "No new text")
    print_quoted(lines, at_most=_SHOWN_LINES)
    typer.echo("")


def _head(result: dict[str, Any]) -> dict[str, object]:
    auth = {name: verdict for name, verdict in result["auth"].items() if verdict}
    trusted = "believed" if result["auth_trusted"] else "not believed: [desk] trusted_authserv_id"
    head: dict[str, object] = {
        "what it is": result["kind"],
        "verdict": result["verdict"].replace("_", " ") + (f" ({result['quarantine']})" if result["quarantine"] else ""),
        "what happens": " ".join(filter(None, [_ACTIONS.get(result["action"], result["action"]), result["ticket"]])),
        "acknowledged": result["would_acknowledge"],
        "from": result["from"],
        "subject": result["subject"],
        "files": [f"{one['filename']} ({one['size']} bytes)" for one in result["attachments"]],
        "authentication": ", ".join(f"{name} {verdict}" for name, verdict in auth.items()),
        "bounced": result["bounced"],
    }
    if auth:
        head["authentication"] = f"{head['authentication']} ({trusted})"
    if result["action"] == "open":
        head["new ticket"] = (
            f"{result['type']}, {result['priority']} (impact {result['impact']}, urgency {result['urgency']})"
        )
        head["category"] = "/".join(filter(None, (result["category"], result["subcategory"])))
        head["team"] = result["team"]
        named = [f"{name} {value}" for name, value in result["fields"].items()]
        extras = {
            "asset": result["asset"],
            "fields": named,
            "tags": result["tags"],
            "mails in": result["mail_language"],
        }
        extras |= {"on hold for": result["hold"], "watchers": result["watchers"]}
        head |= {name: value for name, value in extras.items() if value}
    return head
