"""Mails that a server can't give us: which to fetch alone, when to try again, when to go on without them.

One bad mail must not block a mailbox, and a server in trouble must not cost mails. So a mail is given up only after it
failed alone several times *and* the same folder gave us another mail after that. Pure: `now` comes in as an argument.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

MAX_FAILURES = 3
_LONGEST_PAUSE = timedelta(minutes=5)


@dataclass(kw_only=True)
class _Trouble:
    failures: int = 0
    not_before: datetime | None = None
    why: str = ""
    fetched_then: int = 0

    def is_due(self, now: datetime) -> bool:
        # What is further away than any pause was written by a clock that has been set back since.
        return self.not_before is None or not timedelta(0) < self.not_before - now <= _LONGEST_PAUSE


class Troubles:
    """What is known of bad mails of one folder; lost with the process, and then learnt again."""

    def __init__(self) -> None:
        self._of: dict[int, _Trouble] = {}
        self._fetched = 0

    def suspect(self, uids: Iterable[int]) -> None:
        """Fetch these alone from now on: one of them spoilt the set."""
        for uid in uids:
            self._of.setdefault(uid, _Trouble())

    def knows(self, uid: int) -> bool:
        return uid in self._of

    def failed(self, uid: int, why: str, now: datetime) -> None:
        """Count a failure of a mail that was fetched alone."""
        trouble = self._of.setdefault(uid, _Trouble())
        trouble.failures += 1
        trouble.fetched_then = self._fetched
        trouble.why = why
        trouble.not_before = now + min(timedelta(seconds=2 ** min(trouble.failures, 16)), _LONGEST_PAUSE)

    def fetched(self, uid: int) -> None:
        """Note that the server gave us this mail."""
        self._fetched += 1
        self.forget(uid)

    def forget(self, uid: int) -> None:
        self._of.pop(uid, None)

    def retain(self, uids: Iterable[int]) -> None:
        """Forget all but these: the others are no longer in the folder."""
        kept = set(uids)
        self._of = {uid: trouble for uid, trouble in self._of.items() if uid in kept}

    def due(self, uids: Iterable[int], now: datetime) -> list[int]:
        """Which of these to try alone now: those that never failed first, since the others may end the connection."""
        waiting = [uid for uid in uids if uid in self._of and self._of[uid].is_due(now)]
        return sorted(waiting, key=lambda uid: (self._of[uid].failures > 0, uid))

    def failed_too_often(self) -> list[int]:
        return sorted(uid for uid, trouble in self._of.items() if trouble.failures >= MAX_FAILURES)

    def server_gave_others(self, uid: int) -> bool:
        """Tell whether another mail came since this one last failed: then the server is well and the mail is not."""
        return self._fetched > self._of[uid].fetched_then

    def why(self, uid: int) -> str:
        return self._of[uid].why

    def still_failing(self) -> list[int]:
        return sorted(uid for uid, trouble in self._of.items() if trouble.failures)
