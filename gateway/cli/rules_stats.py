"""`gateway rules stats`: how often each rule hits and is corrected, and where the next one is. Nothing is written."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.common import Folder, Json, counted, opened, print_json, print_line, shown
from gateway.cli.quarantine import since_when
from gateway.cli.tables import Column, print_table

if TYPE_CHECKING:
    from gateway.desk.rule_stats import Stats

Since = Annotated[str, typer.Option(metavar="DAY", help="Since a day (2026-03-02), or for so long (30d, 12h).")]

_BARS = "▁▂▃▄▅▆▇█"
_COLUMNS = (
    Column(key="number", title="no."),
    Column(key="rule", bends=True),
    Column(key="hits"),
    Column(key="over_time", title="over time"),
    Column(key="last_hit", title="last hit"),
    Column(key="corrected"),
)
_CONFUSIONS = (
    Column(key="field"),
    Column(key="rule", bends=True),
    Column(key="set", bends=True),
    Column(key="finally", bends=True),
    Column(key="tickets"),
)
_MOST_CONFUSIONS = 20


def show_stats(since: Since = "30d", folder: Folder = Path(), as_json: Json = False) -> None:
    """Show how often each rule has hit and was corrected by agents, and what no rule has caught. Writes nothing.

    A rule has hit a ticket where it set a field of it. The confusions say what agents made of what was set; the words
    at the end are frequent in tickets whose category no rule has set, and rare in the others: there is the next rule.
    """
    from gateway.desk.rule_stats import rule_stats
    from gateway.policy import load_policy

    with opened(folder) as desk:
        begin = since_when(since, desk.now)
        if begin is None or begin >= desk.now:
            raise typer.BadParameter("write a day that is over, like 2026-03-02, or 30d", param_hint="--since")
        stats = rule_stats(load_policy(desk.settings.rules_file), since=begin, until=desk.now)
    if as_json:
        print_json(_record(stats))
    else:
        _print(stats)


def sparkline(counts: list[int]) -> str:
    """Counts as bars, the tallest for the largest; a blank for none."""
    most = max(counts, default=0)
    return "".join(_BARS[max(0, -(-count * len(_BARS) // most) - 1)] if count else " " for count in counts)


def _print(stats: Stats) -> None:
    period = f"{stats.since:%Y-%m-%d} to {stats.until:%Y-%m-%d}"
    typer.echo(f"{counted(stats.tickets, 'ticket')}, {period}")
    if not stats.tickets:
        return
    print_line(
        f"no rule set anything: {_share(stats.without_rule, stats.tickets)}; "
        f"no rule set the category: {_share(stats.without_category, stats.tickets)}; "
        f"corrected by agents: {_share(stats.corrected, stats.tickets)}"
    )
    typer.echo("")
    hit = sorted((one for one in stats.rules if one.hits), key=lambda one: (-one.hits, one.number))
    print_table(_COLUMNS, [_row(one) for one in hit], empty="No rule has hit.")
    silent = [one for one in stats.rules if one.number and not one.hits]
    for state, listed in (
        ("have not hit in this time", [one for one in silent if one.last_hit is not None]),
        ("have never hit", [one for one in silent if one.last_hit is None and one.leaves_trace]),
        ("set no field, so their hits are not kept", [one for one in silent if not one.leaves_trace]),
    ):
        if listed:
            typer.echo("")
            names = []
            for one in listed:
                last = f" (last {one.last_hit:%Y-%m-%d})" if one.last_hit is not None else ""
                names.append(f"{one.number}. {shown(one.name)}{last}")
            print_line(f"{counted(len(listed), 'rule')} {state}: {', '.join(names)}", hanging="  ")
    if stats.confusions:
        typer.echo("\nWhat agents made of it")
        print_table(_CONFUSIONS, [_confusion(one) for one in stats.confusions[:_MOST_CONFUSIONS]], empty="")
        if len(stats.confusions) > _MOST_CONFUSIONS:
            typer.echo(f"… {len(stats.confusions) - _MOST_CONFUSIONS} more: --json")
    if stats.words:
        typer.echo(f"\nFrequent where no rule set the category ({stats.without_category}), and rare elsewhere")
        words = [f"{shown(one.word)} {one.here} (elsewhere {one.there})" for one in stats.words]
        print_line(f"  {', '.join(words)}")
        typer.echo("`gateway rules suggest` makes rules of what agents set there.")


def _share(count: int, of: int) -> str:
    return f"{count} ({100 * count / of:.0f} %)"


def _row(one: Any) -> dict[str, Any]:
    return {
        "number": one.number or "",
        "rule": one.name if one.number else f"{one.name} (no longer there)",
        "hits": one.hits,
        "over_time": sparkline(one.buckets),
        "last_hit": f"{one.last_hit:%Y-%m-%d}" if one.last_hit is not None else "",
        "corrected": _share(one.corrected, one.hits) if one.corrected else "",
    }


def _confusion(one: Any) -> dict[str, Any]:
    return {
        "field": one.field,
        "rule": one.rule or "(default)",
        "set": one.set or "(none)",
        "finally": one.finally_ or "(none)",
        "tickets": one.count,
    }


def _record(stats: Stats) -> dict[str, Any]:
    width = (stats.until - stats.since) / max(1, len(stats.rules[0].buckets) if stats.rules else 1)
    begins: list[datetime] = (
        [stats.since + number * width for number in range(len(stats.rules[0].buckets))] if stats.rules else []
    )
    return {
        "since": stats.since,
        "until": stats.until,
        "tickets": stats.tickets,
        "without_rule": stats.without_rule,
        "without_category": stats.without_category,
        "corrected": stats.corrected,
        "buckets": begins,
        "rules": [
            {
                "number": one.number or None,
                "rule": one.name,
                "hits": one.hits,
                "hits_over_time": one.buckets,
                "last_hit": one.last_hit,
                "corrected": one.corrected,
                "leaves_trace": one.leaves_trace,
            }
            for one in stats.rules
        ],
        "never_hit": [one.name for one in stats.never_hit],
        "confusions": [_confusion(one) | {"rule": one.rule} for one in stats.confusions],
        "words": [{"word": one.word, "tickets": one.here, "elsewhere": one.there} for one in stats.words],
    }
