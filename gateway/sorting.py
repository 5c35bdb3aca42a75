"""Take waiting mails from the ledger, decide each, and carry the decision out: one atomic unit per mail.

Up to `batch` mails are claimed and parsed in one hop; then they are decided in short transactions, each mail in a
savepoint of its
own, so that a failing one rolls back alone and the next sees what the one before did. A mail that fails three times
is kept
as failed and does not stop the next. Neither does one that kills this process or hangs in it: its attempts count
before the work begins, from the second on it is taken alone, and a process that hangs ends itself.
"""

from __future__ import annotations

import contextlib
import faulthandler
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import peewee
import structlog

from gateway.desk.border import remember_signature
from gateway.desk.carry_out import carry_out
from gateway.desk.facts import gather_facts
from gateway.desk.ledger import LeaseLost, write_decision
from gateway.desk.people import KnownPeople
from gateway.desk.raw import read_raw
from gateway.desk.rereading import reread
from gateway.desk.unit import Unit
from gateway.dkim_proof import Lookup, signers_of
from gateway.intake.envelope import envelope_from_json
from gateway.mail import Envelope, Mail
from gateway.outage import OUTAGE
from gateway.parsing import Parser, Raw, WorkersFailed
from gateway.policy import Policy
from gateway.store.database import (
    connection,
    is_trouble_of_storage,
    lock_conversations,
    savepoint,
    transaction,
)
from gateway.store.queue import LEASE, MAX_LEDGER_ATTEMPTS, Claim, claim, finish, free_own, renew
from gateway.store.rows import find_all, marks
from gateway.store.states import LedgerState
from gateway.store.tables import Ledger, RawMailPart
from gateway.triage.decide import decide
from gateway.triage.groups import through_group

_LOG = structlog.get_logger(__name__)

# How much work (CPU seconds of the sorter) one transaction may hold: so long the intake waits.
_TRANSACTION_SECONDS = 0.010
_RETRY_AFTER = timedelta(seconds=30)
_IDLE_SECONDS = 1.0
# A mail is decided in milliseconds. After so long the process says where each thread stands and ends: its supervisor
# starts it anew, and the attempt has counted.
HANG_SECONDS = 120.0


class Sorter:
    """Decides waiting mails. `on_sorted` wakes the delivery; `policy` gives the policy in force at each batch; `lookup`
    finds the keys of signatures where it is not the DNS."""

    def __init__(
        self,
        database: peewee.Database,
        *,
        parser: Parser,
        policy: Callable[[], Policy],
        secrets: dict[int, bytes],
        clock: Callable[[], datetime],
        owner: str,
        batch: int,
        scratch: Path,
        on_sorted: Callable[[], None],
        hang_seconds: float = HANG_SECONDS,
        lookup: Lookup | None = None,
    ) -> None:
        self._database = database
        self._parser = parser
        self._policy = policy
        self._secrets = secrets
        self._clock = clock
        self._owner = owner
        self._batch = batch
        self._scratch = scratch
        self._on_sorted = on_sorted
        self._hang_seconds = hang_seconds
        self._lookup = lookup
        # What the last batch broke on, until its mails are given back.
        self._broke_on: Exception | None = None

    def run(self, stop: threading.Event, wake: threading.Event) -> None:
        """Sort until told to stop; what nobody expected costs a pause, never the thread."""
        self._warm_up()
        while not stop.is_set():
            wake.clear()
            try:
                with connection(self._database):
                    self._recover()
                    while not stop.is_set() and self.run_once(self._clock()):
                        pass
                    OUTAGE.over()
            except Exception as error:  # noqa: BLE001 - the one broad catch of this loop
                if not OUTAGE.met(error):
                    _LOG.exception("sorter_failed")
                self._broke_on = error
                stop.wait(_IDLE_SECONDS)
            wake.wait(_IDLE_SECONDS)

    def _warm_up(self) -> None:
        """Have the workers ready before the first claim: a death while all starts costs no mail an attempt."""
        with contextlib.suppress(WorkersFailed):
            self._parser.parse_many([Raw(content=b"Subject: warm up\r\n\r\n")], ())

    def _recover(self) -> None:
        """Give back what a batch held that broke off; the attempt counts where a mail may be to blame."""
        if self._broke_on is None:
            return
        blameless = isinstance(self._broke_on, OSError | WorkersFailed) or is_trouble_of_storage(self._broke_on)
        free_own(self._database, Ledger, owner=self._owner, counts=not blameless)
        self._broke_on = None

    def run_once(self, now: datetime) -> int:
        """Sort one batch and return how many mails it had."""
        claims = claim(self._database, Ledger, owner=self._owner, now=now, limit=self._batch)
        if not claims:
            return 0
        if claims[0].attempt > MAX_LEDGER_ATTEMPTS:
            with transaction(self._database):
                self._put_off(claims[0], RuntimeError(f"{MAX_LEDGER_ATTEMPTS} attempts to sort it broke off"), now)
            return 1
        policy = self._policy()
        ids = [one.id for one in claims]
        rows = {row.id: row for row in find_all(Ledger, f"id IN ({marks(ids)})", *ids)}
        envelopes = [envelope_from_json(rows[one.id].envelope) for one in claims]
        own = (policy.desk.address, *policy.desk.aliases)
        signers = signers_of(policy, self._lookup)
        with contextlib.ExitStack() as files:
            raws = [
                replace(self._raw(one, rows[one.id].part_count, envelope, files), signers=signers)
                for one, envelope in zip(claims, envelopes, strict=True)
            ]
            keep = _Keeper(self._database, claims, clock=self._clock)
            mails = self._parser.parse_many(raws, own, keep)
        with _ending_when_it_hangs(self._hang_seconds):
            keep()
        self._decide_all(list(zip(claims, envelopes, mails, strict=True)), policy)
        self._on_sorted()
        return len(claims)

    def _raw(self, one: Claim, part_count: int, envelope: Envelope, files: contextlib.ExitStack) -> Raw:
        """The mail in memory, or a big one in a file that goes away with `files`."""
        if part_count <= 1:
            return Raw(content=read_raw(one.id), full_size_bytes=envelope.full_size_bytes)
        parts = (
            RawMailPart.select(RawMailPart.content).where(RawMailPart.ledger == one.id).order_by(RawMailPart.sequence)
        )
        path = Path(files.enter_context(tempfile.TemporaryDirectory(dir=self._scratch)), f"{one.id}.eml")
        with path.open("wb") as file:
            for part in parts.iterator():
                file.write(part.content)
        return Raw(path=path, full_size_bytes=envelope.full_size_bytes)

    def _decide_all(self, work: Sequence[tuple[Claim, Envelope, Mail]], policy: Policy) -> None:
        waiting = list(work)
        while waiting:
            # To arm it costs a thread: once for some mails, which together may take no longer than one that hangs.
            with _ending_when_it_hangs(self._hang_seconds):
                armed_until = time.monotonic() + self._hang_seconds / 4
                while waiting and time.monotonic() < armed_until:
                    self._decide_some(waiting, policy)

    def _decide_some(self, waiting: list[tuple[Claim, Envelope, Mail]], policy: Policy) -> None:
        """Decide the first of them, for as long as one transaction may take."""
        with transaction(self._database):
            lock_conversations(self._database)
            deadline = time.thread_time() + _TRANSACTION_SECONDS
            while waiting and time.thread_time() < deadline:
                claimed, envelope, mail = waiting.pop(0)
                self._decide_one(claimed, envelope, mail, policy)

    def _decide_one(self, claimed: Claim, envelope: Envelope, mail: Mail, policy: Policy) -> None:
        started = time.perf_counter()
        now = self._clock()
        try:
            with savepoint(self._database):
                mail = reread(through_group(mail, policy), own_addresses=(policy.desk.address, *policy.desk.aliases))
                people: KnownPeople = {}
                facts = gather_facts(
                    mail, envelope, policy, now=now, secrets=self._secrets, people=people, ledger_id=claimed.id
                )
                if facts.signature is not None and facts.signature.digest:
                    remember_signature(facts.signature, ledger_id=claimed.id, now=now)
                decision = decide(mail, envelope, facts, policy)
                unit = Unit(
                    decision=decision,
                    policy=policy,
                    now=now,
                    secrets=self._secrets,
                    mail=mail,
                    envelope=envelope,
                    ledger_id=claimed.id,
                    known_pictures=facts.known_pictures,
                    people=people,
                )
                ticket = carry_out(unit)
                write_decision(claimed, decision, ticket, policy=policy, now=now)
        except LeaseLost:
            _LOG.warning("lease_lost", ledger=claimed.id)
            return
        except Exception as error:
            if is_trouble_of_storage(error):
                raise
            # A mail that nobody expected must not stop the next.
            self._put_off(claimed, error, now)
            return
        _LOG.info(
            "mail_sorted",
            ledger=claimed.id,
            kind=decision.kind.value,
            action=decision.action.value,
            ticket=ticket.number if ticket is not None else None,
            reason=decision.quarantine_code or (decision.reasons[-1].code if decision.reasons else ""),
            ms=round((time.perf_counter() - started) * 1000, 1),
        )

    def _put_off(self, claimed: Claim, error: Exception, now: datetime) -> None:
        failed = claimed.attempt >= MAX_LEDGER_ATTEMPTS
        _LOG.error("mail_failed", ledger=claimed.id, attempt=claimed.attempt, for_good=failed, exc_info=error)
        finish(
            Ledger,
            claimed,
            state=LedgerState.FAILED if failed else LedgerState.WAITING,
            not_before=None if failed else now + _RETRY_AFTER * claimed.attempt,
            error=f"{type(error).__name__}: {error}"[:500],
        )


class _Keeper:
    """Keeps the leases of a batch while it is parsed: 64 hostile mails take longer together than one lease lasts, and
    another sorter would begin them all anew. Costs nothing while a batch takes moments."""

    def __init__(self, database: peewee.Database, claims: Sequence[Claim], *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._claims = claims
        self._clock = clock
        self._renew_at = claims[0].until - LEASE / 2

    def __call__(self) -> None:
        now = self._clock()
        if now < self._renew_at:
            return
        self._renew_at = now + LEASE / 2
        try:
            renew(self._database, Ledger, self._claims, now=now)
        except peewee.PeeweeException as error:
            # Whoever took them meanwhile is fenced off from us, and we from them, when the work is written down.
            _LOG.warning("leases_not_renewed", mails=len(self._claims), error=f"{type(error).__name__}: {error}"[:200])


@contextlib.contextmanager
def _ending_when_it_hangs(seconds: float) -> Iterator[None]:
    # A thread of the interpreter's own that needs no turn of ours, so it also ends what never leaves a C function.
    stream = sys.__stderr__
    if stream is None or stream.closed:
        yield
        return
    faulthandler.dump_traceback_later(seconds, exit=True, file=stream)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
