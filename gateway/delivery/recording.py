"""Write down what became of the mails that were under way: one transaction for all answers that are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import gateway.store.outbox as outbox
from gateway.delivery import events
from gateway.delivery.outcome import Answer, Fate, is_given_up, mail_delay
from gateway.phrase import Phrase, say
from gateway.store.database import savepoint, transaction
from gateway.store.outbox import Database, Outgoing


@dataclass(frozen=True, kw_only=True)
class Result:
    """A mail that was under way and what its attempt ended in."""

    outgoing: Outgoing
    answer: Answer


class Recorder:
    """Turns answers into states of outbox rows, and tells of mails that will never be taken."""

    def __init__(
        self,
        database: Database,
        *,
        on_refused: Callable[[int, Phrase | str], None],
        retry_days: int,
        may_expire: Callable[[datetime], bool],
        chance: Callable[[], float],
    ) -> None:
        self._database = database
        self._on_refused = on_refused
        self._retry_days = retry_days
        self._may_expire = may_expire
        self._chance = chance

    def record(self, results: Sequence[Result], now: datetime) -> list[Outgoing]:
        """Commit all results and return the mails that are sent; raises (having written nothing) with the database."""
        reports: list[Callable[[], None]] = []
        sent: list[Outgoing] = []
        with transaction(self._database):
            for result in results:
                reports.append(self._write(result, now, sent))
        # Only what is committed has happened.
        for report in reports:
            report()
        return sent

    def _write(self, result: Result, now: datetime, sent: list[Outgoing]) -> Callable[[], None]:
        outgoing, answer = result.outgoing, result.answer
        match answer.fate:
            case Fate.TAKEN:
                ours = outbox.mark_sent(outgoing, now=now, reply=answer.reply)
                sent += [outgoing] if ours else []
                report = _later(events.sent, outgoing, answer)
            case Fate.REFUSED:
                ours, report = self._fail(outgoing, answer.said or answer.reply)
            case Fate.SENDER_REFUSED:
                ours = outbox.mark_held(outgoing, reason="sender", reply=answer.reply)
                report = _later(events.held, outgoing, "sender", answer.reply)
            case Fate.MISCONFIGURED | Fate.NO_TOKEN:
                ours, report = outbox.give_back(outgoing, reply=answer.reply), _nothing
            case Fate.UNREACHABLE if not self._is_given_up(outgoing, now):
                ours, report = outbox.give_back(outgoing, reply=answer.reply), _nothing
            case Fate.LATER | Fate.UNCERTAIN if not self._is_given_up(outgoing, now):
                until = now + mail_delay(outgoing.claim.attempt, chance=self._chance())
                uncertain = answer.fate is Fate.UNCERTAIN
                ours = outbox.put_off(outgoing, until=until, reply=answer.reply, uncertain=uncertain)
                report = _later(events.put_off, outgoing, answer, until)
            case _:
                days, last = self._retry_days, answer.said or answer.reply
                reply = say("given up after {days} days; the last answer was: {answer}", days=days, answer=last)
                if days == 1:
                    reply = say("given up after a day; the last answer was: {answer}", answer=last)
                ours, report = self._fail(outgoing, reply, uncertain=answer.fate is Fate.UNCERTAIN)
        return report if ours else _later(events.lease_lost, outgoing, answer)

    def _is_given_up(self, outgoing: Outgoing, now: datetime) -> bool:
        return is_given_up(outgoing.created_at, now=now, retry_days=self._retry_days) and self._may_expire(now)

    def _fail(
        self, outgoing: Outgoing, reply: Phrase | str, *, uncertain: bool = False
    ) -> tuple[bool, Callable[[], None]]:
        """Fail it for good and tell of it in the same transaction: neither happens without the other."""
        if not outbox.mark_failed(outgoing, reply=str(reply), uncertain=uncertain):
            return False, _nothing
        try:
            with savepoint(self._database):
                self._on_refused(outgoing.id, reply)
        except Exception:  # noqa: BLE001 (whatever the desk can't do, the other answers must be written down)
            events.refusal_not_told(outgoing)
        return True, _later(events.failed, outgoing, str(reply))


def _nothing() -> None:
    """Trouble of the channel is reported once for all mails."""


def _later(event: Callable[..., None], *arguments: object) -> Callable[[], None]:
    return lambda: event(*arguments)
