"""Days of the company on a desk with a clock to turn: who writes when, and what each means for a ticket's account.

People act on the mails that they got and on nothing else; time passes from one moment to the next at which somebody
writes or something is due.
"""

from __future__ import annotations

import heapq
import itertools
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, cast

from gateway.desk.bundles import merge_waiting
from gateway.desk.clockwork import close_due, expire_held, resume_due
from gateway.desk.ladder import climb
from gateway.desk.morning import morning_due
from gateway.desk.outgoing import unbound_message_id
from gateway.desk.quarantining import digest_due, expire_due, urgent_due
from gateway.desk.searching import remember_new_words
from gateway.desk.sweeping import stale_due, unowned_due
from gateway.parsing import Parser
from gateway.policy import parse_policy
from gateway.store.database import connection
from gateway.store.fields import UtcDateTime
from gateway.store.rows import find_values, marks
from tests.desk.harness import DeskUnderTest, Sent
from tests.simulation import company
from tests.simulation.ledger import Account
from tests.simulation.plans import Plans

MINUTE = timedelta(minutes=1)
Script = Iterator[datetime]
_MOMENT = UtcDateTime()
_NEXT = """SELECT MIN(next_at) FROM sla_clock WHERE next_at IS NOT NULL
    UNION ALL SELECT MIN(hold_until) FROM ticket WHERE status = 'on_hold'
    UNION ALL SELECT MIN(close_at) FROM ticket WHERE status = 'resolved'
    UNION ALL SELECT MIN(not_before) FROM outbox WHERE state = 'waiting'"""
_UNOWNED = "SELECT number FROM ticket WHERE status IN ('new', 'in_progress', 'on_hold') AND assignee = ''"
_ENTRY = re.compile(r"^(\d+)\. (?:INC|REQ)-(\d+) ", re.MULTILINE)


def as_moment(value: Any) -> datetime:
    """What a database gives for a moment."""
    moment: Any = _MOMENT.python_value(value)
    return cast(datetime, moment)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A mail that the desk wrote; `written_at` lies before the step for one that had to wait."""

    to: str
    notice: str
    number: int | None
    written_at: datetime
    sent: Sent


@dataclass(kw_only=True)
class Step:
    """One mail in, or one tick of the clock, and what the desk wrote because of it."""

    at: datetime
    cause: str
    sender: str = ""
    is_automatic: bool = False
    ticket: int | None = None
    sent: list[Letter] = field(default_factory=list)

    def wrote(self, to: str, notice: str) -> bool:
        return any((one.to, one.notice) == (to, notice) for one in self.sent)


class World:
    """A company of so many people for so many days from a moment on."""

    def __init__(
        self,
        url: str,
        *,
        parser: Parser,
        scratch: Path,
        first: datetime,
        days: int,
        people: int,
        agents: int,
        tickets_a_day: float,
        seed: int,
    ) -> None:
        self.random = Random(seed)
        self.first, self.end = first, first + timedelta(days=days)
        self.agents = company.agents_of(agents)
        self.walls = company.walls(first - timedelta(days=1), days + 20)
        self.desk = DeskUnderTest(
            url,
            parser=parser,
            scratch=scratch,
            policy=parse_policy(company.policy_text(self.agents), "rules.toml"),
            now=first,
        )
        self.people = [f"person{number}@example.com" for number in range(1, people + 1)]
        self.accounts: dict[int, Account] = {}
        self.steps: list[Step] = []
        # The last mail about a ticket that somebody got, and in which lists they saw it.
        self.boxes: dict[tuple[str, int], Sent] = {}
        self.listed: dict[tuple[str, int], list[datetime]] = {}
        # Tickets that nobody has, at every look at them.
        self.unowned: list[tuple[datetime, frozenset[int]]] = []
        # What was seen to be wrong while it was played.
        self.troubles: list[str] = []
        self.counts: Counter[str] = Counter()
        self.seconds_in = 0.0
        self.seconds_ticking = 0.0
        self._has_mail = False
        self._due: list[tuple[datetime, int, Script]] = []
        self._order = itertools.count()
        self._tickets_a_day = tickets_a_day
        self.plans = Plans(self)

    # --- time ---

    def begin(self, when: datetime, script: Script) -> None:
        """Play a script from a moment on; what it yields is when it goes on."""
        heapq.heappush(self._due, (when, next(self._order), script))

    def run(self) -> None:
        for begins, script in self.plans.all_days(self._tickets_a_day):
            self.begin(begins, script)
        self.tick(self.first)
        while self._due and self._due[0][0] < self.end:
            when, _, script = heapq.heappop(self._due)
            when = max(when, self.now)
            self._pass_time(when)
            following = next(script, None)
            if following is not None:
                self.begin(max(following, self.now), script)
        self._pass_time(self.end)
        for account in self.accounts.values():
            account.pass_time(self.end)

    @property
    def now(self) -> datetime:
        return self.desk.now

    def _pass_time(self, until: datetime) -> None:
        """Tick at every minute at which something is due, and every half an hour of the day."""
        while (moment := self._next_due()) <= until:
            self.tick(moment)
        self.desk.now = until

    def _next_due(self) -> datetime:
        now = self.now
        every = 30 if 4 <= now.hour <= 16 else 120
        found = [self.walls["always"].moment((self.walls["always"].place(now) // every + 1) * every)]
        with connection(self.desk.database):
            for (value,) in find_values(_NEXT):
                if value is not None:
                    moment = as_moment(value)
                    whole = moment.replace(second=0, microsecond=0)
                    found.append(self._not_before(whole if whole == moment else whole + MINUTE))
        return min(found)

    def _not_before(self, moment: datetime) -> datetime:
        """A moment to come; what is due already is done at once after a mail, and else a minute later."""
        return max(moment, self.now if self._has_mail else self.now + MINUTE) if moment <= self.now else moment

    def tick(self, now: datetime) -> None:
        """Do all that the timers do."""
        self._has_mail = False
        desk, began = self.desk, time.process_time()
        desk.now = now
        database, policy, secrets = desk.database, desk.policy, desk.secrets
        with connection(database):
            merge_waiting(
                database,
                now=now,
                new_message_id=lambda: unbound_message_id(policy),
                token=policy.token,
                at_least=10,
            )
            close_due(database, policy, secrets, now=now)
            resume_due(database, policy, secrets, now=now)
            expire_held(database, policy, now=now)
            climb(database, policy, secrets, now=now)
            remember_new_words(database, now=now)
            for due in (urgent_due, digest_due, morning_due, unowned_due, stale_due):
                due(database, policy, secrets, now=now)
            expire_due(database, policy, now=now)
            writes = find_values("SELECT 1 FROM outbox WHERE state = 'waiting' LIMIT 1")
            if now.minute % 30 == 0:
                self.unowned.append((now, frozenset(int(number) for (number,) in find_values(_UNOWNED))))
        self.seconds_ticking += time.process_time() - began
        self.counts["ticks"] += 1
        before = len(desk.sent)
        if writes:
            desk._send()
        self._took(Step(at=now, cause="clock"), before)

    # --- mail ---

    def receive(self, raw: bytes, sender: str, *, to: str, automatic: bool = False, reverse_path: str = "") -> Step:
        """A mail arrives; the step says what the desk wrote."""
        before, began = len(self.desk.sent), time.process_time()
        row = self.desk.receive(raw, reverse_path=reverse_path or sender, recipients=(to,))
        self.seconds_in += time.process_time() - began
        self.counts["in"] += 1
        self._has_mail = True
        with connection(self.desk.database):
            ticket = row.ticket.number if row.ticket is not None else None
        step = Step(at=self.now, cause=f"mail {row.id}", sender=sender, is_automatic=automatic, ticket=ticket)
        self.counts[f"in: {row.outcome or row.state}"] += 1
        self._took(step, before)
        return step

    def _took(self, step: Step, before: int) -> None:
        fresh = self.desk.sent[before:]
        if fresh:
            with connection(self.desk.database):
                ids = [one.id for one in fresh]
                sql = "SELECT o.id, t.number, o.created_at FROM outbox o"
                sql += f" LEFT JOIN ticket t ON t.id = o.ticket_id WHERE o.id IN ({marks(ids)})"
                known = {an_id: (number, as_moment(at)) for an_id, number, at in find_values(sql, *ids)}
            step.sent = [
                Letter(to=one.to, notice=one.notice, number=known[one.id][0], written_at=known[one.id][1], sent=one)
                for one in fresh
            ]
        if fresh or step.cause != "clock":
            self.steps.append(step)
        for letter in step.sent:
            self.counts["out"] += 1
            self.counts[f"out: {letter.notice}"] += 1
            if letter.number is not None:
                self.boxes[letter.to, letter.number] = letter.sent
            if letter.notice == "listing":
                for number in self.entries(letter.sent).values():
                    self.listed.setdefault((letter.to, number), []).append(step.at)
        for letter in step.sent:
            self.plans.got(letter)

    def new_mail(self, sender: str, subject: str, text: str, *, headers: dict[str, str] | None = None) -> Step:
        automatic = "Auto-Submitted" in (headers or {})
        proven = company.PROVEN if sender.endswith("@example.com") else {}
        raw = self.desk.mail(sender, text, subject=subject, headers={**proven, **(headers or {})})
        return self.receive(raw, sender, to=company.DESK, automatic=automatic)

    def answer(self, sender: str, sent: Sent, text: str, *, automatic: bool = False) -> Step:
        """Answer a mail as a client does, with the mail quoted below."""
        headers = {
            "In-Reply-To": sent.message_id,
            "References": f"{sent.message['References'] or ''} {sent.message_id}".strip(),
            **company.PROVEN,
        }
        body, subject = text, f"Re: {sent.subject.removeprefix('Re: ')}"
        if automatic:
            headers["Auto-Submitted"] = "auto-replied"
            subject = f"Automatic reply: {sent.subject}"
        else:
            quoted = "\n".join(f"> {line}" for line in sent.text.splitlines())
            body = f"{text}\n\nOn Mon, 2 Mar 2026 at 09:00, Help Desk <{company.DESK}> wrote:\n{quoted}\n"
        raw = self.desk.mail(sender, body, subject=subject, to=sent.reply_to, headers=headers)
        return self.receive(raw, sender, to=sent.reply_to, automatic=automatic)

    def entries(self, listing: Sent) -> dict[int, int]:
        """The tickets of a list, by the number in front."""
        return {int(place): int(number) for place, number in _ENTRY.findall(listing.text)}


__all__ = ["MINUTE", "Letter", "Script", "Step", "World", "as_moment"]
