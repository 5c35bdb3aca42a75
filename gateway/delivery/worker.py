"""The deliverer: claim, render, commit, send, write down.

One thread with one event loop. Only the dialogues with the relay run at the same time; everything that touches the
database happens between them, in this thread. Each connection gets its next mail after the last one's result is
committed, so that a killed process leaves at most one mail for each connection of which nobody knows whether the
relay has it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from time import monotonic

import gateway.store.outbox as outbox
from gateway.delivery import events
from gateway.delivery.copies import Copies
from gateway.delivery.health import Health
from gateway.delivery.maildir import MaildirChannel
from gateway.delivery.outcome import CHANNEL_FATES, Answer, Fate
from gateway.delivery.parcel import Channel, Parcel
from gateway.delivery.recording import Recorder, Result
from gateway.delivery.relay import RelayChannel
from gateway.delivery.rendering import Preparation, Rendered
from gateway.oauth import Account
from gateway.outage import OUTAGE
from gateway.phrase import Phrase
from gateway.settings import Relay
from gateway.store.database import connection, transaction
from gateway.store.outbox import Database, Outgoing
from gateway.store.queue import CONVERSATION, LEASE

# How many mails are claimed and rendered together: one flush for all of them, and no long wait for a later answer.
BATCH = 16
# How often to look for new mails while others are under way, and while nothing is.
TICK_SECONDS = 0.1
# After the first answer: how long to wait for those of the other connections, so that one flush writes all down.
TOGETHER_SECONDS = 0.010
IDLE_SECONDS = 1.0
BEAT = timedelta(seconds=15)
# How long a stop waits for the relay's answers; a supervisor's patience ends at 30 seconds.
GRACE_SECONDS = 20.0
# After trouble with the database: how long to wait before the next round, doubled each time up to the second number.
RECOVERY_SECONDS, LONGEST_RECOVERY_SECONDS = 1.0, 30.0
# For how long to use fewer connections after the relay has refused one more.
NARROW_FOR = timedelta(minutes=5)
# What people write to one person goes in one session after the other; the claim sees to it over the attempts.
_WRITTEN = frozenset(CONVERSATION)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Deliverer:
    """Sends what waits in the outbox.

    `render(outbox_id)` composes a mail; it may raise TemplateFailure (that mail is held). `on_refused(outbox_id,
    reply)` tells the agent of a mail that will never be taken; it is called inside the transaction that says so.
    `on_sent(outbox_id, content)` files a copy; it is called in a thread of its own after SENT is committed, and its
    failures are only logged. `may_expire(now)` says whether mails may be given up at this moment. `owner` names this
    deliverer in leases and in `gateway status`; no two may share it. A stop waits `grace_seconds` for the relay's
    answers.
    """

    def __init__(
        self,
        database: Database,
        *,
        relay: Relay,
        outgoing: Path,
        render: Callable[[int], Rendered],
        on_refused: Callable[[int, Phrase | str], None],
        on_sent: Callable[[int, bytes], None] | None = None,
        clock: Callable[[], datetime] = utc_now,
        may_expire: Callable[[datetime], bool] = lambda now: True,
        owner: str,
        grace_seconds: float = GRACE_SECONDS,
        account: Account | None = None,
    ) -> None:
        self._database = database
        self._channel: Channel = RelayChannel(relay, account=account) if relay.host else MaildirChannel(outgoing)
        self._per_minute = relay.per_minute if relay.host else 0
        self._clock = clock
        self._owner = owner
        self._grace_seconds = grace_seconds
        chance = random.SystemRandom().random
        self._preparation = Preparation(database, render=render, chance=chance)
        self._recorder = Recorder(
            database, on_refused=on_refused, retry_days=relay.retry_days, may_expire=may_expire, chance=chance
        )
        self._health = Health(chance=chance)
        self._copies = Copies(on_sent) if on_sent is not None else None
        self._ready: list[Outgoing] = []
        self._under_way: dict[asyncio.Task[Answer], Outgoing] = {}
        self._width = self._channel.connections
        self._narrowed_at: datetime | None = None
        self._started_at: datetime | None = None
        self._reported: tuple[datetime, str] | None = None
        self._runner = asyncio.Runner()
        self._is_closed = False
        self._broke = False

    def run_once(self, now: datetime) -> int:
        """Send everything that may be sent at this moment and return how many mails were taken."""
        return self._runner.run(self._drain(lambda: now, Event()))

    def run(self, stop: Event, wake: Event) -> None:
        """Send until `stop`; `wake` says that there is something new. The body of the deliverer's thread."""
        pause_seconds = RECOVERY_SECONDS
        while not stop.is_set():
            try:
                with connection(self._database):
                    self._recover()
                    while not stop.is_set():
                        wake.clear()
                        self._runner.run(self._drain(self._clock, stop))
                        OUTAGE.over()
                        pause_seconds = RECOVERY_SECONDS
                        wake.wait(IDLE_SECONDS)
            except Exception as error:  # noqa: BLE001 (the one broad catch of this loop)
                if not OUTAGE.met(error):
                    events.round_broke()
                self._broke = True
                stop.wait(pause_seconds)
                pause_seconds = min(2 * pause_seconds, LONGEST_RECOVERY_SECONDS)
        self.close()

    def _recover(self) -> None:
        """After a round that broke off: give back what was claimed in it and is not in our hands."""
        if self._broke:
            ours = [*self._ready, *self._under_way.values()]
            outbox.free_own(self._database, owner=self._owner, keep=[one.id for one in ours])
            self._broke = False

    def close(self) -> None:
        """Close all connections; nothing can be sent afterwards. `run` does it by itself; twice does no harm."""
        if self._is_closed:
            return
        self._is_closed = True
        self._runner.run(self._channel.close())
        self._runner.close()
        if self._copies is not None:
            self._copies.close()

    async def _drain(self, clock: Callable[[], datetime], stop: Event) -> int:
        """Work until nothing is under way and nothing may be sent; after a stop, only until nothing is under way."""
        sent, stopped_at = 0, None
        while True:
            now = clock()
            sent += self._record(now)
            self._report(now)
            if not stop.is_set():
                self._refill(now)
                self._start()
            elif stopped_at is None:
                stopped_at = monotonic()
                self._give_back()
            elif monotonic() - stopped_at > self._grace_seconds:
                _cancel(self._under_way)
            if not self._under_way:
                break
            done, others = await asyncio.wait(
                self._under_way, timeout=TICK_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if done and others:
                await asyncio.wait(others, timeout=TOGETHER_SECONDS)
            self._renew(clock())
        if self._narrowed_at is not None and not _is_within(NARROW_FOR, self._narrowed_at, now):
            self._width, self._narrowed_at = self._channel.connections, None
        await self._channel.close_idle()
        return sent

    def _refill(self, now: datetime) -> None:
        if self._ready or len(self._under_way) >= self._width:
            return
        if self._health.is_paused(now) and not self._channel.has_new_login:
            return
        # After trouble, one mail tries whether the relay is back.
        limit = 1 if self._health.failures else BATCH
        if self._per_minute:
            claimed = outbox.claim_at_a_pace(
                self._database, owner=self._owner, now=now, limit=limit, per_minute=self._per_minute
            )
        else:
            claimed = outbox.claim(self._database, owner=self._owner, now=now, limit=limit)
        self._ready = self._preparation.prepare(claimed, now)

    def _start(self) -> None:
        while len(self._under_way) < self._width and (outgoing := self._next()) is not None:
            try:
                content = outbox.read_bytes(outgoing)
            except outbox.DamagedBytes as error:
                with transaction(self._database):
                    outbox.mark_held(outgoing, reason="damaged", reply=str(error))
                events.held(outgoing, "damaged", error)
                continue
            assert outgoing.sha256 is not None
            parcel = Parcel(
                id=outgoing.id,
                attempt=outgoing.claim.attempt,
                created_at=outgoing.created_at,
                recipient=outgoing.recipient,
                reverse_path=outgoing.reverse_path,
                content=content,
                sha256=outgoing.sha256,
            )
            self._under_way[asyncio.create_task(self._channel.send(parcel))] = outgoing

    def _next(self) -> Outgoing | None:
        """Take the first mail that may go now: what people write to one person must not overtake each other."""
        written = {one.recipient for one in self._under_way.values() if one.notice in _WRITTEN}
        for place, outgoing in enumerate(self._ready):
            if outgoing.notice not in _WRITTEN or outgoing.recipient not in written:
                return self._ready.pop(place)
        return None

    def _record(self, now: datetime) -> int:
        """Commit the results of all dialogues that have ended; they stay where they are if that fails."""
        done = [task for task in self._under_way if task.done()]
        if not done:
            return 0
        results = [Result(outgoing=self._under_way[task], answer=_answer(task, self._under_way[task])) for task in done]
        sent = self._recorder.record(results, now)
        for task in done:
            del self._under_way[task]
        if self._copies is not None:
            for outgoing in sent:
                self._copies.file(outgoing.id, outbox.read_bytes(outgoing))
        self._judge([result.answer for result in results], now)
        return len(sent)

    def _judge(self, answers: list[Answer], now: datetime) -> None:
        """Learn from the answers how the relay is."""
        talks = any(answer.fate not in CHANNEL_FATES for answer in answers)
        if talks:
            self._health.well()
        for answer in answers:
            if answer.fate not in CHANNEL_FATES:
                continue
            if (talks or self._under_way) and self._width > 1:
                # It talks with us in other sessions: this one was one too many (Exchange: 3 for each mailbox).
                self._width, self._narrowed_at = self._width - 1, now
            else:
                self._width, self._narrowed_at = self._channel.connections, None
                self._health.trouble(answer, now)
        if self._health.is_paused(now):
            self._give_back()

    def _give_back(self) -> None:
        if self._ready:
            outbox.give_all_back(self._database, self._ready)
            self._ready.clear()

    def _renew(self, now: datetime) -> None:
        """Keep the leases of mails for which the relay takes its time."""
        late = [
            (task, outgoing) for task, outgoing in self._under_way.items() if outgoing.claim.until - now < LEASE / 2
        ]
        waiting = [outgoing for outgoing in self._ready if outgoing.claim.until - now < LEASE / 2]
        if not late and not waiting:
            return
        with transaction(self._database):
            for task, outgoing in late:
                self._under_way[task] = outbox.renew(outgoing, until=now + LEASE) or outgoing
            for outgoing in waiting:
                renewed = outbox.renew(outgoing, until=now + LEASE)
                place = self._ready.index(outgoing)
                self._ready[place : place + 1] = [renewed] if renewed is not None else []

    def _report(self, now: datetime) -> None:
        error = self._health.error
        self._started_at = self._started_at or now
        if self._reported is None or self._reported[1] != error or not _is_within(BEAT, self._reported[0], now):
            with transaction(self._database):
                outbox.report_worker(
                    name=self._owner,
                    started_at=self._started_at,
                    now=now,
                    error=error,
                    error_at=self._health.error_at,
                )
            self._reported = (now, error)


def _is_within(span: timedelta, since: datetime, now: datetime) -> bool:
    """Whether less than `span` has passed; a clock that was set back to before `since` says nothing and is not."""
    return timedelta(0) <= now - since < span


def _answer(task: asyncio.Task[Answer], outgoing: Outgoing) -> Answer:
    if task.cancelled():
        return Answer(fate=Fate.UNCERTAIN, reply="stopped before the relay had answered")
    error = task.exception()
    if error is None:
        return task.result()
    events.send_broke(outgoing, error)
    return Answer(fate=Fate.UNCERTAIN, reply=f"internal error: {type(error).__name__}")


def _cancel(tasks: dict[asyncio.Task[Answer], Outgoing]) -> None:
    for task in tasks:
        task.cancel()
