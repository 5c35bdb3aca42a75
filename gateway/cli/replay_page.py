"""A replay as one page of HTML to pass on: no script, nothing from elsewhere, all escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gateway.cli.common import counted, shown
from gateway.cli.replay_words import heading_of_fields, headline, left_out, percent, setter, verdict
from gateway.cli.tables import cut_subject

if TYPE_CHECKING:
    from gateway.replay import Replay
    from gateway.triage.replay import Change, Report, Row

_MOST_MOVES = 200

_STYLE = """
:root { color-scheme: light dark; --line: #d9dde3; --soft: #5b6573; --back: #fff; --ink: #1c2430; --bar: #f4f6f8;
  --good: #14713d; --good-back: #e3f4ea; --bad: #a3261d; --bad-back: #fbe7e5; }
@media (prefers-color-scheme: dark) { :root { --line: #39424e; --soft: #a2adba; --back: #161b22; --ink: #e6e9ee;
  --bar: #1f2630; --good: #6fd69a; --good-back: #143524; --bad: #ff9d94; --bad-back: #43201d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 75rem; background: var(--back); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p { margin: .2rem 0; } .soft { color: var(--soft); }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0; padding: 0; list-style: none; }
.tiles li { flex: 1 1 8rem; padding: .7rem 1rem; border: 1px solid var(--line); border-radius: .5rem; }
.tiles b { display: block; font-size: 1.7rem; line-height: 1.2; }
.better, .good { color: var(--good); } .worse { color: var(--bad); }
.tag { padding: .05rem .45rem; border-radius: 1rem; font-size: .85rem; white-space: nowrap; }
.tag.better { background: var(--good-back); } .tag.worse { background: var(--bad-back); }
table { width: 100%; border-collapse: collapse; font-size: .93rem; }
th, td { padding: .45rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { background: var(--bar); font-weight: 600; } td.number, th.number { text-align: right; white-space: nowrap; }
.when { white-space: nowrap; } td.sender { min-width: 12rem; }
del { color: var(--soft); } ins { font-weight: 600; text-decoration: none; }
ul.changes { margin: 0; padding: 0; list-style: none; } ul.changes li + li { margin-top: .35rem; }
@media (max-width: 45rem) {
  thead { position: absolute; clip-path: inset(50%); height: 1px; width: 1px; overflow: hidden; }
  tr { display: block; padding: .6rem 0; border-bottom: 1px solid var(--line); }
  td, td.number { display: flex; gap: .8rem; padding: .1rem 0; border: 0; text-align: left; white-space: normal; }
  td::before { content: attr(data-name); flex: 0 0 8rem; color: var(--soft); } td:empty { display: none; }
  td > * { min-width: 0; } td.sender { min-width: 0; }
}
"""


def page(found: Replay, zone: ZoneInfo) -> str:
    """The whole page; moments are shown by the clock of `zone`."""
    report = found.report
    sections = [
        _table(heading_of_fields(report), _FIELD_COLUMNS, _fields(report), note=_HOW_JUDGED),
        _table("What changes, the most frequent first", _MOVE_COLUMNS, _moves(report)),
        _table("Tickets", _ROW_COLUMNS, _rows(report, zone), more=_more(report)),
        _table("Treated otherwise", _OTHERWISE_COLUMNS, _otherwise(report, zone)),
    ]
    about = [*headline(found, zone), *left_out(found)]
    lines = "\n".join(f'<p class="soft">{_safe(line)}</p>' for line in about)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Rules replayed</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>What these rules would have done</h1>
<p>{_safe(verdict(report))}</p>
{_tiles(report)}
{lines}
{"".join(sections)}
</body>
</html>
"""


_HOW_JUDGED = (
    "Judged are tickets that an agent has worked on and that have ended. Where an agent set the field, that is "
    "certain; where nobody corrected it, what it was counts as right, which is weaker."
)
_FIELD_COLUMNS = (
    *("field", "# changed", "# judged", "# right before", "# right after"),
    *("# set by agents", "# of these right before", "# of these right after"),
)
_MOVE_COLUMNS = ("# tickets", "field", "old → new", "by", "# better", "# worse")
_ROW_COLUMNS = ("ticket", "", "what changes", "sender", "subject")
_OTHERWISE_COLUMNS = ("mail", "then", "now", "why", "sender", "subject")


def _safe(text: object) -> str:
    return escape(shown(text))


def _tiles(report: Report) -> str:
    tiles = (
        ("", report.changed, "tickets otherwise"),
        ("better", report.better, "better"),
        ("worse", report.worse, f"worse, {report.worse_certain} against a correction"),
        ("", report.other, "other: nobody’s word decides"),
    )
    listed = (f'<li><b class="{kind}">{count:,}</b>{_safe(text)}</li>' for kind, count, text in tiles)
    return f'<ul class="tiles">{"".join(listed)}</ul>'


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, note: str = "", more: str = "") -> str:
    """A table of cells that are HTML already; a column whose name begins with # holds numbers. "" without rows."""
    names = [column.removeprefix("# ") for column in columns]
    kinds = [f' class="{kind}"' if (kind := _kind_of(column)) else "" for column in columns]
    body = "\n".join(
        "<tr>"
        + "".join(
            f'<td{kind} data-name="{escape(name)}">{cell}</td>'
            for name, kind, cell in zip(names, kinds, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    if not body:
        return ""
    head = "".join(f'<th scope="col"{kind}>{_safe(name)}</th>' for name, kind in zip(names, kinds, strict=True))
    said = f'<p class="soft">{_safe(note)}</p>\n' if note else ""
    rest = f'\n<p class="soft">{_safe(more)}</p>' if more else ""
    return f"""<h2>{_safe(title)}</h2>
{said}<table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table>{rest}
"""


def _kind_of(column: str) -> str:
    return "number" if column.startswith("# ") else "sender" if column == "sender" else ""


def _fields(report: Report) -> Iterable[Sequence[str]]:
    for one in report.fields:
        risen = one.all.after > one.all.before
        kind = "worse" if one.falls else "good" if risen else ""
        after = percent(one.all.after, one.all.tickets) + (" ↓" if one.falls else " ↑" if risen else "")
        yield (
            _safe(one.field),
            f"{one.changed:,}",
            f"{one.all.tickets:,}" if one.all.tickets else "",
            percent(one.all.before, one.all.tickets),
            f'<span class="{kind}">{after}</span>' if one.all.tickets else "",
            f"{one.certain.tickets:,}" if one.certain.tickets else "",
            percent(one.certain.before, one.certain.tickets),
            percent(one.certain.after, one.certain.tickets),
        )


def _moves(report: Report) -> Iterable[Sequence[str]]:
    for one in report.moves[:_MOST_MOVES]:
        by = f"{setter(one.field, one.before, one.before_by)} → {setter(one.field, one.after, one.after_by)}"
        yield (
            f"{one.tickets:,}",
            _safe(one.field),
            f"<span>{_old_and_new(one.before, one.after)}</span>",
            f"<span>{_safe(by)}</span>",
            f'<span class="better">{one.better:,}</span>' if one.better else "",
            f'<span class="worse">{one.worse:,}</span>' if one.worse else "",
        )


def _old_and_new(before: str, after: str) -> str:
    return f"<del>{_safe(before or '–')}</del> → <ins>{_safe(after or '–')}</ins>"


def _rows(report: Report, zone: ZoneInfo) -> Iterable[Sequence[str]]:
    for one in report.rows:
        arrived = f"{one.arrived_at.astimezone(zone):%Y-%m-%d %H:%M}"
        reply = " (reply)" if one.on_reply else ""
        yield (
            f'<span>{_safe(one.ticket + reply)}<br><span class="soft when">{arrived}</span></span>',
            _tag(one),
            f'<ul class="changes">{"".join(map(_change, one.changes))}</ul>',
            _safe(one.sender),
            f"<span>{_safe(cut_subject(one.subject))}</span>",
        )


def _tag(row: Row) -> str:
    return "" if row.standing == "other" else f'<span class="tag {row.standing}">{row.standing}</span>'


def _change(one: Change) -> str:
    by = f"{setter(one.field, one.before, one.before_by)} → {setter(one.field, one.after, one.after_by)}"
    word = ""
    if one.word is not None:
        said = "agents set" if one.certain else "nobody corrected"
        kind = one.standing if one.standing != "other" else "soft"
        word = f', <span class="{kind}">{said} {_safe(one.word or "–")}</span>'
    change = f"{_safe(one.field)}: {_old_and_new(one.before, one.after)}"
    return f'<li>{change} <span class="soft">by {_safe(by)}</span>{word}</li>'


def _more(report: Report) -> str:
    left = report.changed + report.changed_on_reply - len(report.rows)
    return f"… {counted(left, 'ticket')} more" if left > 0 else ""


def _otherwise(report: Report, zone: ZoneInfo) -> Iterable[Sequence[str]]:
    for one in report.otherwise:
        arrived = f"{one.arrived_at.astimezone(zone):%Y-%m-%d %H:%M}"
        yield (
            f'<span>{one.ledger}<br><span class="soft when">{arrived}</span></span>',
            _safe(one.before),
            _safe(one.after),
            f"<span>{_safe(one.why)}</span>",
            _safe(one.sender),
            f"<span>{_safe(cut_subject(one.subject))}</span>",
        )
