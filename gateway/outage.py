"""An outage of the database in the log: one line when it begins, one a minute while it lasts, one when it is over.

Place in the mail's way: beside it; every loop that meets the database's trouble says so here instead of writing a
traceback of its own, and whoever gets through says that it is over. Nothing here may fail.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

import structlog

from gateway.store.database import is_trouble_of_storage

_LOG = structlog.get_logger(__name__)

EVERY_SECONDS = 60.0
_LONGEST_CAUSE = 300


class Outage:
    """What the threads of a process have met of it. `ticks` are seconds of the machine."""

    def __init__(self, *, ticks: Callable[[], float] = monotonic) -> None:
        self._ticks = ticks
        self._changing = threading.Lock()
        self._since: float | None = None
        self._told_at: float | None = None
        self._is_told = False
        self._met = 0

    def met(self, error: BaseException) -> bool:
        """Tell of it when it is time; False, and nothing told, where the database was not at fault."""
        if not is_trouble_of_storage(error):
            return False
        with self._changing:
            now = self._ticks()
            if self._since is None:
                self._since, self._met, self._is_told = now, 0, False
            self._met += 1
            # Also across outages: a database that comes and goes every second fills no log.
            if self._told_at is None or now - self._told_at >= EVERY_SECONDS:
                self._told_at, self._is_told = now, True
                seconds = round(now - self._since)
                _LOG.error("database_trouble", cause=_cause(error), for_seconds=seconds, failures=self._met)
        return True

    def over(self) -> None:
        """Somebody got through. Costs nothing where there was no trouble."""
        if self._since is not None:
            self._end()

    def _end(self) -> None:
        with self._changing:
            since, self._since = self._since, None
            if since is not None and self._is_told:
                _LOG.warning("database_well_again", after_seconds=round(self._ticks() - since), failures=self._met)


def _cause(error: BaseException) -> str:
    """What the driver said, which is at the bottom; its first line."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:_LONGEST_CAUSE]


# One for the process: its threads share the database.
OUTAGE = Outage()
