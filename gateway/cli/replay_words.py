"""What a replay says in sentences: the same in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gateway.cli.common import counted

if TYPE_CHECKING:
    from gateway.replay import Replay
    from gateway.triage.replay import Report

_MOST_VERSIONS = 4


def headline(found: Replay, zone: ZoneInfo) -> Iterator[str]:
    """Which rules, held against what, over which mails."""
    report, period = found.report, found.period
    since, until = (f"{one.astimezone(zone):%Y-%m-%d %H:%M}" for one in (period.since, period.until))
    mails = counted(report.mails, "mail")
    if period.limit and period.limit < found.mails_stored:
        mails = f"the newest {mails}"
    tickets = counted(report.tickets, "ticket")
    yield f"Replayed {mails} ({tickets} opened) of {since} to {until} with {found.after_file} ({found.after})"
    if found.before_file:
        yield f"Held against {found.before_file}"
        return
    versions = list(found.before.items())
    listed = ", ".join(f"{version} ({counted(count, 'mail')})" for version, count in versions[:_MOST_VERSIONS])
    more = f" and {len(versions) - _MOST_VERSIONS} older versions" if len(versions) > _MOST_VERSIONS else ""
    yield f"Held against what was decided then, by the rules {listed}{more}" if listed else "Nothing was decided then"


def left_out(found: Replay) -> Iterator[str]:
    """Which mails were not replayed, and why; and what is not known of others any more."""
    for why, count in found.report.not_replayed.items():
        yield f"Not replayed: {counted(count, 'mail')}; {why}"
    if found.trust_unknown:
        unsure = counted(found.trust_unknown, "mail")
        yield f"Not known any more: whether the DKIM signature of {unsure} was good; here nothing vouches for them"


def verdict(report: Report) -> str:
    """The result in one sentence or two."""
    if not report.changed and not report.changed_on_reply and not report.treated_otherwise:
        return "Nothing differs."
    parts = []
    if report.changed:
        against = f" ({report.worse_certain} against an agent’s correction)" if report.worse else ""
        differ = "ticket comes out otherwise" if report.changed == 1 else "tickets come out otherwise"
        parts.append(
            f"{report.changed} {differ}: {report.better} better, {report.worse} worse{against}, {report.other} other."
        )
    if report.changed_on_reply:
        parts.append(f"On {counted(report.changed_on_reply, 'reply', 'replies')} rules set something else.")
    if report.treated_otherwise:
        parts.append(f"{counted(report.treated_otherwise, 'mail')} would be treated otherwise.")
    return " ".join(parts)


def heading_of_fields(report: Report) -> str:
    """What stands above the table of fields: nothing is said to be right where no agent has settled anything."""
    return "Fields, and how often they are right" if any(one.all.tickets for one in report.fields) else "Fields"


def percent(part: int, of: int) -> str:
    """A share with one decimal, "" of nothing; never 100 where one is missing."""
    if not of:
        return ""
    share = 100 * part / of
    return f"{min(share, 99.9) if part < of else share:.1f} %"


def setter(field: str, value: str, rule: str) -> str:
    """Who set a field, in words."""
    if rule:
        return f"“{rule}”"
    if field == "priority":
        return "matrix"
    return "default" if value else "nobody"
