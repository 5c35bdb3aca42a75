"""Two policies held against each other on the same mails, and against what agents said in the end. Pure: values in,
a report out; mails are taken one at a time, so that any number of them fits.

Whose word is right says `agents_word`; whoever wants to know whether a change is good looks at the certain ones first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from gateway.ticket import ALWAYS_FILLED, Authority, Field, FieldValue
from gateway.triage.agents_word import REQUIRED, Word, by_key, is_agents, text_of, words_of

_T = TypeVar("_T")
_ASSIGNEE = Field.ASSIGNEE.value
# So many rows of a kind are kept for the tables; the counts go on.
MOST_ROWS = 1000

_ORDER = [*(field.value for field in ALWAYS_FILLED), *(field.value for field in Field if field not in ALWAYS_FILLED)]


@dataclass(frozen=True, kw_only=True)
class Treatment:
    """What becomes of a mail: the action, the code of its quarantine or "", and the fields as rules fill them.

    `why` is the last reason of the decision, in words.
    """

    action: str
    code: str = ""
    values: tuple[FieldValue, ...] = ()
    why: str = ""

    def __str__(self) -> str:
        return f"{self.action} ({self.code})" if self.code else self.action


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """One mail, under both policies. `ticket` is its token; `on_reply`: it did not open that ticket.

    `final` is what stands on the ticket now, tags that were taken away as empty values; None where it does not count:
    it is still open, or no agent has worked on it.
    """

    ledger: int
    arrived_at: datetime
    sender: str
    subject: str
    before: Treatment
    after: Treatment
    ticket: str = ""
    on_reply: bool = False
    final: tuple[FieldValue, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Change:
    """One field that comes out otherwise; `…_by` are the rules that say so, "" for the defaults or the matrix.

    `word` is what it should be, None where nobody knows; `standing` is "better", "worse" or "other".
    """

    field: str
    before: str
    before_by: str
    after: str
    after_by: str
    word: str | None = None
    certain: bool = False
    standing: str = "other"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One ticket on which something differs."""

    ledger: int
    ticket: str
    arrived_at: datetime
    sender: str
    subject: str
    on_reply: bool
    standing: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, kw_only=True)
class Otherwise:
    """A mail of which something else becomes, with the reason of the new decision."""

    ledger: int
    ticket: str
    arrived_at: datetime
    sender: str
    subject: str
    before: str
    after: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Score:
    """Of `tickets` with a word of the agents, how many come out so under each policy."""

    tickets: int = 0
    before: int = 0
    after: int = 0


@dataclass(frozen=True, kw_only=True)
class FieldReport:
    """One field: on how many tickets it changes, and how often it is right; `certain` where an agent has set it."""

    field: str
    changed: int
    all: Score
    certain: Score

    @property
    def falls(self) -> bool:
        return self.all.after < self.all.before


@dataclass(frozen=True, kw_only=True)
class Move:
    """The same change on several tickets."""

    field: str
    before: str
    before_by: str
    after: str
    after_by: str
    tickets: int
    better: int
    worse: int


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a replay has found. `tickets` were opened by the mails; `judged` of them have a word of the agents.

    `worse_certain` of the worse ones go against an agent's correction. `rows` are the worse ones, then
    the better ones, then the others, the oldest first and at most `MOST_ROWS` of each kind, as of `moves` and
    `otherwise`; the numbers count all. `not_replayed` says why, and how many.
    """

    mails: int
    tickets: int
    changed: int
    changed_on_reply: int
    judged: int
    better: int
    worse: int
    worse_certain: int
    other: int
    treated_otherwise: int
    not_replayed: Mapping[str, int]
    fields: tuple[FieldReport, ...]
    moves: tuple[Move, ...]
    rows: tuple[Row, ...]
    otherwise: tuple[Otherwise, ...]

    @property
    def is_worse(self) -> bool:
        """Whether some field is right less often than before."""
        return any(one.falls for one in self.fields)


@dataclass
class _Counts:
    changed: int = 0
    scores: Counter[tuple[bool, str]] = field(default_factory=Counter)

    def score(self, certain: bool) -> Score:
        kinds = (True,) if certain else (True, False)
        found = {name: sum(self.scores[kind, name] for kind in kinds) for name in ("tickets", "before", "after")}
        return Score(**found)


class Comparison:
    """Takes replayed mails one after the other; `report` says what was found so far."""

    def __init__(self, *, most_rows: int = MOST_ROWS) -> None:
        self._most_rows = most_rows
        self._totals: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()
        self._fields: dict[str, _Counts] = {}
        self._moves: dict[tuple[str, str, str, str, str], Counter[str]] = {}
        self._rows: dict[str, list[Row]] = {"worse": [], "better": [], "other": []}
        self._otherwise: list[Otherwise] = []

    def leave_out(self, why: str) -> None:
        """Count a mail that was not replayed."""
        self._left_out[why] += 1

    def add(self, one: Replayed) -> None:
        """Hold both treatments of a mail against each other."""
        self._totals["mails"] += 1
        # Why a mail waits for a person changes with agents' answers; that it waits is what counts.
        if one.before.action != one.after.action:
            self._add_otherwise(one)
            return
        opened = one.ticket and not one.on_reply
        if opened:
            self._totals["tickets"] += 1
        words = words_of(one.final, one.before.values) if one.final is not None and opened else {}
        before, after = by_key(one.before.values), by_key(one.after.values)
        if not (_is_named(before.get(_ASSIGNEE)) or _is_named(after.get(_ASSIGNEE))):
            before, after, words = _without_assignee(before), _without_assignee(after), _without_assignee(words)
        self._totals["judged"] += bool(words)
        self._score(before, after, words)
        changes = tuple(_changes(before, after, words))
        if not changes:
            return
        standing = _standing_of(changes)
        if one.on_reply:
            self._totals["changed_on_reply"] += 1
        else:
            self._count(changes, standing)
        kept = self._rows[standing]
        if len(kept) < self._most_rows:
            kept.append(_row(one, standing, changes))

    def _add_otherwise(self, one: Replayed) -> None:
        self._totals["treated_otherwise"] += 1
        if len(self._otherwise) < self._most_rows:
            self._otherwise.append(
                Otherwise(
                    ledger=one.ledger,
                    ticket=one.ticket,
                    arrived_at=one.arrived_at,
                    sender=one.sender,
                    subject=one.subject,
                    before=str(one.before),
                    after=str(one.after),
                    why=one.after.why,
                )
            )

    def _score(
        self, before: Mapping[str, FieldValue], after: Mapping[str, FieldValue], words: Mapping[str, Word]
    ) -> None:
        for key, word in words.items():
            old, new = text_of(before, key), text_of(after, key)
            if is_agents(before, key) or is_agents(after, key):
                continue
            if key not in REQUIRED and not old and not new:
                continue
            scores = self._fields.setdefault(key, _Counts()).scores
            scores[word.certain, "tickets"] += 1
            scores[word.certain, "before"] += old == word.value
            scores[word.certain, "after"] += new == word.value

    def _count(self, changes: tuple[Change, ...], standing: str) -> None:
        self._totals["changed"] += 1
        self._totals[standing] += 1
        self._totals["worse_certain"] += standing == "worse" and any(
            one.certain and one.standing == "worse" for one in changes
        )
        for one in changes:
            self._fields.setdefault(one.field, _Counts()).changed += 1
            key = (one.field, one.before, one.before_by, one.after, one.after_by)
            # What a rule takes from each mail would make as many kinds of change as there are mails.
            if key in self._moves or len(self._moves) < self._most_rows:
                move = self._moves.setdefault(key, Counter())
                move["tickets"] += 1
                move[one.standing] += 1

    def report(self) -> Report:
        """What was found so far."""
        names = ("mails", "tickets", "changed", "changed_on_reply", "judged", "better", "worse", "worse_certain")
        counts = {name: self._totals[name] for name in (*names, "other", "treated_otherwise")}
        fields = (
            FieldReport(field=key, changed=one.changed, all=one.score(False), certain=one.score(True))
            for key, one in sorted(self._fields.items(), key=lambda item: _place(item[0]))
        )
        moves = sorted(self._moves.items(), key=lambda item: (-item[1]["tickets"], item[0]))
        return Report(
            **counts,
            not_replayed=dict(self._left_out.most_common()),
            fields=tuple(fields),
            moves=tuple(_move(key, counted) for key, counted in moves),
            rows=tuple(row for rows in self._rows.values() for row in rows),
            otherwise=tuple(self._otherwise),
        )


def compare(mails: Iterable[Replayed]) -> Report:
    """Hold all of some mails against each other."""
    comparison = Comparison()
    for one in mails:
        comparison.add(one)
    return comparison.report()


def _without_assignee(values: Mapping[str, _T]) -> dict[str, _T]:
    return {key: value for key, value in values.items() if key != _ASSIGNEE}


def _is_named(assignee: FieldValue | None) -> bool:
    """Whether a rule or an agent has named the assignee: whom a team gives it to hangs on whose turn it was."""
    return assignee is not None and assignee.authority is not Authority.DEFAULT


def _by(values: Mapping[str, FieldValue], key: str) -> str:
    return values[key].rule if key in values else ""


def _changes(
    before: Mapping[str, FieldValue], after: Mapping[str, FieldValue], words: Mapping[str, Word]
) -> Iterator[Change]:
    for key in sorted({**before, **after}, key=_place):
        old, new = text_of(before, key), text_of(after, key)
        if old == new:
            continue
        word = words.get(key)
        standing = "other"
        if word is not None and word.value in (old, new):
            standing = "better" if word.value == new else "worse"
        yield Change(
            field=key,
            before=old,
            before_by=_by(before, key),
            after=new,
            after_by=_by(after, key),
            word=word.value if word is not None else None,
            certain=word is not None and word.certain,
            standing=standing,
        )


def _standing_of(changes: tuple[Change, ...]) -> str:
    """Whether a ticket comes nearer to the agents' word: by more fields than it moves away from it, or by fewer."""
    balance = sum((one.standing == "better") - (one.standing == "worse") for one in changes)
    return "better" if balance > 0 else "worse" if balance < 0 else "other"


def _place(key: str) -> tuple[int, str]:
    return _ORDER.index(key.partition(".")[0]), key


def _row(one: Replayed, standing: str, changes: tuple[Change, ...]) -> Row:
    return Row(
        ledger=one.ledger,
        ticket=one.ticket,
        arrived_at=one.arrived_at,
        sender=one.sender,
        subject=one.subject,
        on_reply=one.on_reply,
        standing=standing,
        changes=changes,
    )


def _move(key: tuple[str, str, str, str, str], counted: Counter[str]) -> Move:
    of_field, before, before_by, after, after_by = key
    return Move(
        field=of_field,
        before=before,
        before_by=before_by,
        after=after,
        after_by=after_by,
        tickets=counted["tickets"],
        better=counted["better"],
        worse=counted["worse"],
    )
