"""Run rules over stored mail with the real decision and leave out the last step: what would differ, and is it better?

Mails are read in slices, parsed in killable workers as live, many in a hop and several hops at a time, and decided one
after the other with what was known when they came. Nothing is written, no transaction lasts longer than a slice, and
only a few slices are in memory, however many mails there are.

What may fail: `ConfigurationError` for broken rules, `NoDatabase` where no gateway has run yet, `WorkersFailed`.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Self

import peewee

from gateway.desk.people import read_secrets
from gateway.desk.replaying import (
    GONE,
    History,
    contents_of,
    count_mails,
    facts_of_then,
    first_of_newest,
    histories_of,
    is_trust_unknown,
    mails_after,
    why_not,
)
from gateway.desk.rereading import reread
from gateway.intake.envelope import envelope_from_json
from gateway.mail import Envelope, Mail
from gateway.parsing import Parser, Raw
from gateway.policy import Policy
from gateway.settings import Settings
from gateway.storage import existing_database
from gateway.store.database import snapshot
from gateway.store.tables import Ledger
from gateway.ticket import Authority, FieldValue, TicketType
from gateway.triage.case import author_of
from gateway.triage.decide import decide
from gateway.triage.decision import Decision, OpenTicket, SetFields
from gateway.triage.facts import Facts, TicketFacts
from gateway.triage.groups import through_group
from gateway.triage.replay import Comparison, Replayed, Report, Treatment

_SLICE_MAILS = 64
_SLICE_BYTES = 4 * 1024 * 1024
# While one is open, SQLite's write-ahead log can't be taken over into the database, and grows.
_SNAPSHOT_MAILS = 16
_MOST_WORKERS = 8
# A mail in more parts than this goes to its worker in a file.
_PARTS_IN_MEMORY = 1

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Period:
    """Which mails: those that came from `since` up to `until`, and of these only the newest `limit`; 0 = all."""

    since: datetime
    until: datetime
    limit: int = 0


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A report and what it is about.

    `before` names the rules that decided at that time with the number of mails by version, or the file held against;
    `seconds` is what it took. Of `trust_unknown` mails nobody can say any more whether their signature was good.
    """

    period: Period
    before: Mapping[str, int]
    before_file: str
    after: str
    after_file: str
    mails_stored: int
    trust_unknown: int
    seconds: float
    report: Report


@dataclass(frozen=True, kw_only=True)
class _Slice:
    """Some mails of the ledger that are replayed, and how many beside them are not."""

    rows: tuple[Ledger, ...]
    envelopes: tuple[Envelope, ...]
    raws: tuple[Raw, ...]
    passed_over: int


@dataclass
class _Run:
    """What one replay counts beside its comparison."""

    comparison: Comparison = field(default_factory=Comparison)
    versions: Counter[str] = field(default_factory=Counter)
    trust_unknown: int = 0
    done: int = 0


class Replayer:
    """Replays stored mail with `candidate`; held against history, or against the decisions of another policy."""

    def __init__(
        self,
        *,
        candidate: Policy,
        against: Policy | None,
        database: peewee.Database,
        secrets: Mapping[int, bytes],
        parser: Parser,
        scratch: Path,
        hops: int = 1,
    ) -> None:
        self._candidate = candidate
        self._against = against
        self._database = database
        self._secrets = secrets
        self._parser = parser
        self._scratch = scratch
        self._hops = hops

    @classmethod
    @contextlib.contextmanager
    def open(cls, settings: Settings, period: Period, *, candidate: Policy, against: Policy | None) -> Iterator[Self]:
        """A replayer on the database of a folder, with a parse worker for each core where there is enough to do."""
        sorting = settings.sorting
        with existing_database(settings) as database, tempfile.TemporaryDirectory(prefix="replay-") as scratch:
            hops = -(-mails_in(period)[1] // _SLICE_MAILS)
            workers = max(1, min(_MOST_WORKERS, os.cpu_count() or 1, hops))
            parser = Parser(
                workers=workers, parse_seconds=sorting.parse_seconds, memory_bytes=sorting.parse_memory_bytes
            )
            with contextlib.closing(parser):
                yield cls(
                    candidate=candidate,
                    against=against,
                    database=database,
                    secrets=read_secrets(),
                    parser=parser,
                    scratch=Path(scratch),
                    hops=workers,
                )

    def run(self, period: Period, progress: Progress = lambda done, total: None) -> Replay:
        """Replay a period; `progress` hears after each slice how many mails are done, and of how many."""
        began_at = monotonic()
        stored, total = mails_in(period)
        run = _Run()
        progress(0, total)
        for one, parsed in self._parsed(self._slices(period, run)):
            self._decide(one, parsed, run)
            run.done += len(one.rows) + one.passed_over
            progress(run.done, total)
        return Replay(
            period=period,
            before=dict(run.versions.most_common()),
            before_file=self._against.file if self._against is not None else "",
            after=self._candidate.version,
            after_file=self._candidate.file,
            mails_stored=stored,
            trust_unknown=run.trust_unknown,
            seconds=monotonic() - began_at,
            report=run.comparison.report(),
        )

    # --- reading and parsing ---

    def _slices(self, period: Period, run: _Run) -> Iterator[_Slice]:
        """Read mail by mail number; each slice is a few short statements, so that nothing waits for us."""
        row = 0
        if period.limit:
            row = max(0, first_of_newest(period.since, period.until, period.limit) - 1)
        while rows := mails_after(row, period.since, period.until, limit=_SLICE_MAILS):
            size = 0
            for count, one in enumerate(rows, 1):
                size += one.size_bytes
                if size >= _SLICE_BYTES:
                    rows = rows[:count]
                    break
            row = rows[-1].id
            yield self._slice(rows, run)

    def _slice(self, rows: Sequence[Ledger], run: _Run) -> _Slice:
        wanted = []
        for row in rows:
            if why := why_not(row):
                run.comparison.leave_out(why)
            else:
                wanted.append(row)
        contents = contents_of([row.id for row in wanted])
        kept = [row for row in wanted if row.id in contents]
        for _ in range(len(wanted) - len(kept)):
            run.comparison.leave_out(GONE)
        envelopes = tuple(envelope_from_json(row.envelope) for row in kept)
        return _Slice(
            rows=tuple(kept),
            envelopes=envelopes,
            raws=tuple(self._raw(row, contents[row.id], one) for row, one in zip(kept, envelopes, strict=True)),
            passed_over=len(rows) - len(kept),
        )

    def _raw(self, row: Ledger, parts: list[bytes], envelope: Envelope) -> Raw:
        if len(parts) <= _PARTS_IN_MEMORY:
            return Raw(content=parts[0], full_size_bytes=envelope.full_size_bytes)
        path = self._scratch / f"{row.id}.eml"
        with path.open("wb") as file:
            file.writelines(parts)
        return Raw(path=path, full_size_bytes=envelope.full_size_bytes)

    def _parsed(self, slices: Iterator[_Slice]) -> Iterator[tuple[_Slice, list[list[Mail]]]]:
        """Each slice with its mails as each policy's desk reads them; parsed beside one another, in order."""
        waiting: deque[tuple[_Slice, Future[list[list[Mail]]]]] = deque()
        threads = ThreadPoolExecutor(max_workers=self._hops)
        try:
            for one in slices:
                waiting.append((one, threads.submit(self._parse, one)))
                if len(waiting) > self._hops:
                    first, parsed = waiting.popleft()
                    yield first, parsed.result()
            for first, parsed in waiting:
                yield first, parsed.result()
        finally:
            # Whoever interrupts us does not wait for a hop: its worker is killed when the parser is closed.
            threads.shutdown(wait=False, cancel_futures=True)

    def _parse(self, one: _Slice) -> list[list[Mail]]:
        """Parse a slice: once, unless the two policies have other desk addresses, which tell quotes from new text."""
        found: dict[tuple[str, ...], list[Mail]] = {}
        for policy in self._policies():
            if (own := _own(policy)) not in found:
                found[own] = self._parser.parse_many(one.raws, own)
        for raw in one.raws:
            if raw.path is not None:
                raw.path.unlink(missing_ok=True)
        return [found[_own(policy)] for policy in self._policies()]

    def _policies(self) -> tuple[Policy, ...]:
        return (self._candidate,) if self._against is None else (self._candidate, self._against)

    # --- deciding ---

    def _decide(self, one: _Slice, parsed: list[list[Mail]], run: _Run) -> None:
        for start in range(0, len(one.rows), _SNAPSHOT_MAILS):
            self._decide_some(start, one, parsed, run)

    def _decide_some(self, start: int, one: _Slice, parsed: list[list[Mail]], run: _Run) -> None:
        rows = one.rows[start : start + _SNAPSHOT_MAILS]
        with snapshot(self._database):
            histories = histories_of(rows)
            for number, row in enumerate(rows, start):
                mails = [mails[number] for mails in parsed]
                self._decide_one(row, one.envelopes[number], mails, histories[row.id], run)

    def _decide_one(self, row: Ledger, envelope: Envelope, mails: list[Mail], history: History, run: _Run) -> None:
        after, is_unsure = self._treat(self._candidate, mails[0], envelope, row, history)
        run.trust_unknown += is_unsure
        before = history.before
        if self._against is not None:
            before, _ = self._treat(self._against, mails[1], envelope, row, history)
        elif history.version:
            run.versions[history.version] += 1
        token = ""
        if history.number:
            token = self._candidate.token(TicketType(history.type), history.number).strip("[]")
        run.comparison.add(
            Replayed(
                ledger=row.id,
                arrived_at=row.received_at,
                sender=author_of(mails[0], envelope).address,
                subject=mails[0].subject,
                before=before,
                after=after,
                ticket=token,
                on_reply=history.on_reply,
                final=history.final,
            )
        )

    def _treat(
        self, policy: Policy, mail: Mail, envelope: Envelope, row: Ledger, history: History
    ) -> tuple[Treatment, bool]:
        """What a policy makes of a mail, and whether that may hang on something that is not known any more."""
        mail = reread(through_group(mail, policy), own_addresses=_own(policy))
        facts = facts_of_then(mail, envelope, policy, row, history, secrets=self._secrets)
        return treatment_of(decide(mail, envelope, facts, policy), facts), is_trust_unknown(mail, facts, policy)


def mails_in(period: Period) -> tuple[int, int]:
    """How many mails are stored of a period, and how many of these are asked for."""
    stored = count_mails(period.since, period.until)
    return stored, min(stored, period.limit) if period.limit else stored


def _own(policy: Policy) -> tuple[str, ...]:
    return (policy.desk.address, *policy.desk.aliases)


def treatment_of(decision: Decision, facts: Facts) -> Treatment:
    """A decision as a replay compares it: what rules fill when a ticket opens, and what they change on a reply."""
    values: tuple[FieldValue, ...] = ()
    opened = next((change for change in decision.changes if isinstance(change, OpenTicket)), None)
    ticket = facts.ticket(decision.ticket) if decision.ticket is not None else None
    if opened is not None:
        values = opened.classification.values
    elif ticket is not None:
        said = [value for change in decision.changes if isinstance(change, SetFields) for value in change.values]
        values = tuple(
            value for value in said if value.authority is not Authority.AGENT and _stands(ticket, value) != value.value
        )
    why = decision.reasons[-1].text if decision.reasons else ""
    return Treatment(action=decision.action.value, code=decision.quarantine_code, values=values, why=why)


def _stands(ticket: TicketFacts, value: FieldValue) -> str:
    """What stands on a ticket where this value would go."""
    if value.name:
        return dict(ticket.named).get(value.name, value.name if value.name in ticket.tags else "")
    return str(getattr(ticket, value.field.value, ""))
