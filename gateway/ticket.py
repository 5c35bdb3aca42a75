"""Tickets as values, in the words of ITIL.

The closed sets here are the database's words too; their tables (`LIFECYCLE`, `PRIORITY_MATRIX`) stand beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TicketType(StrEnum):
    """An incident is something broken that is to be restored; a request is something asked for."""

    INCIDENT = "incident"
    REQUEST = "request"


class Status(StrEnum):
    NEW = "new"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class HoldReason(StrEnum):
    """Whom a ticket on hold waits for."""

    REQUESTER = "requester"
    VENDOR = "vendor"
    APPROVAL = "approval"


class Level(StrEnum):
    """How wide (impact) or how pressing (urgency), in the usual words; `[matrix]` of rules.toml may have others."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Priority(StrEnum):
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"
    P5 = "P5"


class Role(StrEnum):
    """What somebody is on one ticket; a reply key is bound to it."""

    REQUESTER = "requester"
    WATCHER = "watcher"
    AGENT = "agent"


class Authority(StrEnum):
    """Who set a field. A later one never overwrites an earlier one of this order: agent, override, rule, default."""

    AGENT = "agent"
    OVERRIDE = "override"
    RULE = "rule"
    DEFAULT = "default"


class Visibility(StrEnum):
    """Public text may reach the requester, internal text never does."""

    PUBLIC = "public"
    INTERNAL = "internal"


class Step(StrEnum):
    """What moves a ticket through its life."""

    TAKE_UP = "take_up"
    HOLD = "hold"
    RESUME = "resume"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    CLOSE = "close"
    CANCEL = "cancel"


OPEN_STATUSES = frozenset({Status.NEW, Status.IN_PROGRESS, Status.ON_HOLD})
# Those in which a ticket has come to its end, whatever became of the matter.
ENDED = frozenset({Status.CLOSED, Status.CANCELLED})
# Those in which the matter counts as settled: said to be so, or for good.
SETTLED = frozenset({Status.RESOLVED, Status.CLOSED})

# From which status a step leads to which. What is not listed is refused with the steps that are possible.
LIFECYCLE: dict[Step, dict[Status, Status]] = {
    Step.TAKE_UP: {Status.NEW: Status.IN_PROGRESS},
    Step.HOLD: {Status.NEW: Status.ON_HOLD, Status.IN_PROGRESS: Status.ON_HOLD, Status.ON_HOLD: Status.ON_HOLD},
    Step.RESUME: {Status.ON_HOLD: Status.IN_PROGRESS},
    Step.RESOLVE: {
        Status.NEW: Status.RESOLVED,
        Status.IN_PROGRESS: Status.RESOLVED,
        Status.ON_HOLD: Status.RESOLVED,
    },
    Step.REOPEN: {
        Status.RESOLVED: Status.IN_PROGRESS,
        Status.CLOSED: Status.IN_PROGRESS,
        Status.CANCELLED: Status.IN_PROGRESS,
    },
    Step.CLOSE: {
        Status.NEW: Status.CLOSED,
        Status.IN_PROGRESS: Status.CLOSED,
        Status.ON_HOLD: Status.CLOSED,
        Status.RESOLVED: Status.CLOSED,
    },
    Step.CANCEL: {Status.NEW: Status.CANCELLED, Status.IN_PROGRESS: Status.CANCELLED, Status.ON_HOLD: Status.CANCELLED},
}


def is_reopening(before: str, after: str) -> bool:
    """Whether a move of the status brings a ticket back from its end; what was withdrawn or spam had come to none."""
    return after == Status.IN_PROGRESS and before in LIFECYCLE[Step.REOPEN] and before != Status.CANCELLED


# ITIL's usual 3 × 3 matrix; rules.toml may set another.
PRIORITY_MATRIX: dict[tuple[Level, Level], Priority] = {
    (Level.HIGH, Level.HIGH): Priority.P1,
    (Level.HIGH, Level.MEDIUM): Priority.P2,
    (Level.HIGH, Level.LOW): Priority.P3,
    (Level.MEDIUM, Level.HIGH): Priority.P2,
    (Level.MEDIUM, Level.MEDIUM): Priority.P3,
    (Level.MEDIUM, Level.LOW): Priority.P4,
    (Level.LOW, Level.HIGH): Priority.P3,
    (Level.LOW, Level.MEDIUM): Priority.P4,
    (Level.LOW, Level.LOW): Priority.P5,
}


# The languages that the desk writes in.
LANGUAGES = ("en", "de", "fr", "es", "pt")


class Field(StrEnum):
    """What rules fill and agents correct; each remembers who set it.

    The first ten are columns of a ticket. A ticket has many named `fields` and many `tags`. What agents alone say is
    what helps until the matter is settled, what was behind it, and how it ended. The last three are done, not kept:
    whether and with which words the ticket is acknowledged, whether it opens on hold, who reads along.
    """

    TYPE = "type"
    CATEGORY = "category"
    SUBCATEGORY = "subcategory"
    IMPACT = "impact"
    URGENCY = "urgency"
    PRIORITY = "priority"
    TEAM = "team"
    ASSIGNEE = "assignee"
    LANGUAGE = "language"
    ASSET = "asset"
    NAMED = "fields"
    TAG = "tags"
    WORKAROUND = "workaround"
    CAUSE = "cause"
    CODE = "code"
    ACKNOWLEDGE = "acknowledge"
    HOLD = "hold"
    WATCHER = "watchers"


# Every ticket has a value for each of these; subcategory and assignee may be "".
ALWAYS_FILLED = (
    *(Field.TYPE, Field.CATEGORY, Field.SUBCATEGORY, Field.IMPACT, Field.URGENCY, Field.PRIORITY),
    *(Field.TEAM, Field.ASSIGNEE),
)
COLUMNS = (*ALWAYS_FILLED, Field.LANGUAGE, Field.ASSET)
# Columns too, of which no rule says anything.
FINDINGS = (Field.WORKAROUND, Field.CAUSE, Field.CODE)
KEPT = frozenset({*COLUMNS, *FINDINGS, Field.NAMED, Field.TAG})


@dataclass(frozen=True, kw_only=True)
class FieldValue:
    """One filled field: its value, whose word it is, and by which rule ("" where no rule set it).

    `name` tells apart what a ticket has many of: the name of a named field, the tag, the watcher's address.
    """

    field: Field
    value: str
    authority: Authority
    rule: str = ""
    name: str = ""

    @property
    def key(self) -> str:
        """What it is known by on its ticket: "type", "fields.host", "tags.vpn"."""
        return f"{self.field.value}.{self.name}" if self.name else self.field.value


@dataclass(frozen=True, kw_only=True)
class Classification:
    """What the rules made of a mail: `ALWAYS_FILLED`, and of the other fields those that a rule has set."""

    values: tuple[FieldValue, ...]

    def get(self, field: Field) -> str:
        return next((value.value for value in self.values if value.field is field), "")

    def found(self, field: Field) -> FieldValue | None:
        """The value of a field with who set it, None where it has none."""
        return next((value for value in self.values if value.field is field), None)

    def all(self, field: Field) -> tuple[FieldValue, ...]:
        """All values of a field that a ticket may have many of."""
        return tuple(value for value in self.values if value.field is field)

    def kept(self) -> tuple[FieldValue, ...]:
        """What stands on the ticket, and remembers who set it."""
        return tuple(value for value in self.values if value.field in KEPT)

    @property
    def type(self) -> TicketType:
        return TicketType(self.get(Field.TYPE))

    @property
    def priority(self) -> Priority:
        return Priority(self.get(Field.PRIORITY))
