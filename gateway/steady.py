"""Whether the clock may be trusted with what can't be taken back: to give mails up, to close tickets.

Place in the mail's way: beside it; delivery and timers ask before they let anything expire. A clock that jumps by more
than an hour, or stands a day after the last thing that was written down, is believed an hour later: by then a person,
or the time service, has put it right. What waits is worth no more than that hour. Nothing here may fail.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic

import structlog

_LOG = structlog.get_logger(__name__)

JUMP = timedelta(hours=1)
ABSENCE = timedelta(days=1)
DOUBT_SECONDS = 3600.0


class SteadyClock:
    """Compares the wall clock with the one that only counts. Any thread may ask.

    `last_known` is when the desk last wrote something down, None for a new desk. `ticks` are seconds of the machine.
    """

    def __init__(self, *, now: datetime, last_known: datetime | None, ticks: Callable[[], float] = monotonic) -> None:
        self._ticks = ticks
        self._last = (now, ticks())
        self._changing = threading.Lock()
        self._doubted_at: float | None = None
        if last_known is not None and now - last_known > ABSENCE:
            self._doubt("absence", now - last_known)

    def is_steady(self, now: datetime) -> bool:
        """Whether things may expire at `now`, which is what the wall clock says."""
        with self._changing:
            ticks = self._ticks()
            before, ticks_before = self._last
            self._last = (now, ticks)
            jumped = now - before - timedelta(seconds=ticks - ticks_before)
            if abs(jumped) > JUMP:
                self._doubt("jump", jumped)
            if self._doubted_at is not None and ticks - self._doubted_at >= DOUBT_SECONDS:
                self._doubted_at = None
            return self._doubted_at is None

    def _doubt(self, why: str, by: timedelta) -> None:
        self._doubted_at = self._ticks()
        _LOG.warning("clock_doubted", why=why, hours=round(by.total_seconds() / 3600, 1), expiry_waits_minutes=60)
