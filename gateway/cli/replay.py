"""`gateway rules replay`: what a rules.toml would have made of the mail that is stored. Nothing is written."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from gateway.cli.common import (
    Folder,
    Json,
    counted,
    fail,
    print_json,
    print_line,
    quiet_logs,
    settings_of,
    shown,
)
from gateway.cli.replay_words import heading_of_fields, headline, left_out, percent, setter, verdict
from gateway.cli.tables import Column, print_table

if TYPE_CHECKING:
    from gateway.policy import Policy
    from gateway.replay import Period, Progress, Replay

_SPAN = re.compile(r"(\d{1,5})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}
# More lines are not read in a terminal; --json and --html have all that are kept.
_MOST_LINES = 30
_MOST_CHARS = 30
_NICENESS = 19

Toml = Annotated[Path | None, typer.Option("--rules", metavar="FILE", help="The candidate, instead of rules.toml.")]


def replay(
    since: Annotated[str, typer.Option("--since", metavar="WHEN", help="30d, 12h, 2w, or a date.")] = "30d",
    until: Annotated[str, typer.Option("--until", metavar="WHEN", help="Up to then; now without it.")] = "",
    candidate: Toml = None,
    against: Annotated[
        Path | None, typer.Option("--against", metavar="FILE", help="Hold it against these rules, not against history.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="Only the newest N mails; 0 = all.")] = 0,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page to pass on.")] = None,
    fail_if_worse: Annotated[
        bool, typer.Option("--fail-if-worse", help="Exit 1 where a field is right less often, or an example wrong.")
    ] = False,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Run rules over stored mail with the real decision: what would differ, and is it nearer to the agents' word?

    The candidate is rules.toml as it lies there, held against what was decided when each mail came. Reads only, also
    while the gateway runs, and lets it go first. Exit 78 where a file is broken.
    """
    from gateway.policy import load_policy
    from gateway.replay import Period, Replayer

    quiet_logs()
    settings = settings_of(folder)
    new = load_policy(candidate or settings.rules_file)
    old = load_policy(against) if against is not None else None
    if html is not None and not html.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {html.absolute().parent}", param_hint="--html")
    is_refused = _warn_of_examples(new)
    now, zone = datetime.now(UTC), ZoneInfo(new.desk.time_zone)
    period = Period(
        since=moment_of(since, "--since", now=now, zone=zone),
        until=moment_of(until, "--until", now=now, zone=zone) if until else now,
        limit=limit,
    )
    _go_last()
    with Replayer.open(settings, period, candidate=new, against=old) as replayer, _progress() as progress:
        found = replayer.run(period, progress)
    if html is not None:
        _write_page(html, found, zone)
    if as_json:
        print_json(record_of(found))
    else:
        _print(found, period, zone)
        if html is not None:
            typer.echo(f"Written: {html}")
    raise typer.Exit(1 if fail_if_worse and (is_refused or found.report.is_worse) else 0)


def _go_last() -> None:
    """Take only the time that nobody else wants: whoever answers people goes first. The parse workers inherit it."""
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except (AttributeError, OSError):
        # Not Linux, or a container that forbids it.
        os.nice(_NICENESS)


def moment_of(text: str, option: str, *, now: datetime, zone: ZoneInfo) -> datetime:
    """A span before now, or a day or moment by the clock where the desk is."""
    if match := _SPAN.fullmatch(text.strip()):
        return now - timedelta(hours=int(match[1]) * _HOURS[match[2]])
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no time: write 30d, 12h, 2w or 2026-03-01", param_hint=option) from None


def record_of(found: Replay) -> dict[str, Any]:
    """The whole of a replay as plain values; docs/rules.md says what stands where."""
    return {
        "rules": {"file": found.after_file, "version": found.after},
        "against": {"file": found.before_file, "versions": dict(found.before)},
        "since": found.period.since,
        "until": found.period.until,
        "mails_stored": found.mails_stored,
        "trust_unknown": found.trust_unknown,
        "seconds": round(found.seconds, 1),
        "is_worse": found.report.is_worse,
        **dataclasses.asdict(found.report),
    }


def _warn_of_examples(policy: Policy) -> bool:
    """Say which examples of a candidate come out otherwise; whether any does, and so no gateway would take it."""
    from gateway.triage.classify import check_examples

    if problems := check_examples(policy):
        for problem in problems:
            typer.echo(str(problem), err=True)
        wrong = counted(len(problems), "example is wrong", "examples are wrong")
        typer.echo(f"{wrong}: a running gateway would refuse this file. Replayed all the same.", err=True)
    return bool(problems)


def _write_page(path: Path, found: Replay, zone: ZoneInfo) -> None:
    from gateway.cli.replay_page import page

    try:
        path.write_text(page(found, zone), encoding="utf-8")
    except OSError as error:
        raise fail(f"can't write {path}: {error.strerror or error}") from error


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal's standard error; nothing where a machine reads it."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("mails"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("mails", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


# --- for people ---


def _print(found: Replay, period: Period, zone: ZoneInfo) -> None:
    report = found.report
    for line in (*headline(found, zone), *left_out(found)):
        print_line(line)
    if not report.mails:
        return
    typer.echo("")
    print_line(verdict(report))
    if report.fields:
        _heading(heading_of_fields(report))
        _print_fields(found)
    if report.moves:
        _heading("What changes, the most frequent first")
        _print_moves(found)
    if report.rows:
        _heading("Tickets")
        _print_tickets(found)
    if report.otherwise:
        _heading("Treated otherwise")
        _print_otherwise(found)


def _heading(text: str) -> None:
    typer.echo("")
    typer.secho(text, bold=sys.stdout.isatty())


def _print_fields(found: Replay) -> None:
    columns = (
        Column(key="field"),
        Column(key="changed"),
        Column(key="tickets", title="judged"),
        Column(key="before", title="right before"),
        Column(key="after", title="right after"),
        Column(key="agents", title="set by agents"),
        Column(key="agents_before", title="of these before"),
        Column(key="agents_after", title="after"),
    )
    rows = [
        {
            "field": one.field,
            "changed": one.changed,
            "tickets": one.all.tickets or "",
            "before": percent(one.all.before, one.all.tickets),
            "after": percent(one.all.after, one.all.tickets) + (" ↓" if one.falls else ""),
            "agents": one.certain.tickets or "",
            "agents_before": percent(one.certain.before, one.certain.tickets),
            "agents_after": percent(one.certain.after, one.certain.tickets),
        }
        for one in found.report.fields
    ]
    print_table(columns, rows, empty="")


def _print_moves(found: Replay) -> None:
    columns = (
        Column(key="tickets"),
        Column(key="field"),
        Column(key="before"),
        Column(key="after"),
        Column(key="better"),
        Column(key="worse"),
        Column(key="by", bends=True),
    )
    moves = found.report.moves
    rows = [
        {
            "tickets": one.tickets,
            "field": one.field,
            "before": _cut(one.before),
            "after": _cut(one.after),
            "better": one.better or "",
            "worse": one.worse or "",
            "by": f"{setter(one.field, one.before, one.before_by)} → {setter(one.field, one.after, one.after_by)}",
        }
        for one in moves[:_MOST_LINES]
    ]
    print_table(columns, rows, empty="")
    _say_more(len(moves) - len(rows), "kind of change", "kinds of change")


def _print_tickets(found: Replay) -> None:
    columns = (
        Column(key="ticket"),
        Column(key="standing", title=" "),
        Column(key="field"),
        Column(key="before"),
        Column(key="after"),
        Column(key="agents", title="agents’ word"),
        Column(key="subject", bends=True),
        Column(key="sender", bends=True, wide=True),
    )
    rows: list[Mapping[str, Any]] = []
    for one in found.report.rows:
        for change in one.changes:
            word = "" if change.word is None else _cut(change.word)
            rows.append(
                {
                    "ticket": one.ticket + (" (reply)" if one.on_reply else ""),
                    "standing": "" if change.standing == "other" else change.standing,
                    "field": change.field,
                    "before": _cut(change.before),
                    "after": _cut(change.after),
                    "agents": word if change.certain or not word else f"{word} (not corrected)",
                    "sender": one.sender,
                    "subject": one.subject,
                }
            )
    print_table(columns, rows[:_MOST_LINES], empty="")
    _say_more(len(rows) - _MOST_LINES, "change", "changes")


def _cut(value: str) -> str:
    """A value, no longer than a column; --json gives all of it."""
    if not value:
        return "–"
    return value if len(value) <= _MOST_CHARS else value[: _MOST_CHARS - 1] + "…"


def _print_otherwise(found: Replay) -> None:
    columns = (
        Column(key="ledger", title="mail"),
        Column(key="before"),
        Column(key="after"),
        Column(key="why", bends=True),
        Column(key="sender", bends=True),
        Column(key="subject", bends=True),
    )
    rows = [dataclasses.asdict(one) for one in found.report.otherwise[:_MOST_LINES]]
    print_table(columns, rows, empty="")
    _say_more(found.report.treated_otherwise - len(rows), "mail", "mails")


def _say_more(count: int, one: str, many: str) -> None:
    if count > 0:
        typer.echo(shown(f"… {counted(count, one, many)} more: --html FILE or --json"))
