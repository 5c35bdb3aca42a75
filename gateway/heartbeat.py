"""What every process does, whichever parts it runs: look whether the admin's files changed, and say that it lives."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import peewee
import structlog

from gateway.outage import OUTAGE
from gateway.policy_keeper import PolicyKeeper
from gateway.store.database import connection, transaction
from gateway.store.queue import PROCESS_PREFIX
from gateway.store.tables import Worker

_LOG = structlog.get_logger(__name__)
_TICK_SECONDS = 1.0
_BEAT_EVERY = timedelta(seconds=10)


class Heartbeat:
    """One thread's work; `run_once(now)` is one tick. The row that it writes is what `gateway status` reads."""

    def __init__(
        self,
        database: peewee.Database,
        *,
        keeper: PolicyKeeper,
        clock: Callable[[], datetime],
        owner: str,
        parts: list[str],
    ) -> None:
        self._database = database
        self._keeper = keeper
        self._clock = clock
        self._owner = owner
        self._parts = parts
        self._started_at = clock()
        self._beat_at: datetime | None = None
        self._told = ""

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                with connection(self._database):
                    while not stop.is_set():
                        self.run_once(self._clock())
                        stop.wait(_TICK_SECONDS)
            except Exception as error:  # noqa: BLE001 - the one broad catch of this loop
                if not OUTAGE.met(error):
                    _LOG.exception("heartbeat_failed")
                stop.wait(_TICK_SECONDS)

    def end(self) -> None:
        """Say that this process and its parts are gone: for a clean stop."""
        with connection(self._database), transaction(self._database):
            Worker.delete().where(Worker.name.in_([self._owner, f"{PROCESS_PREFIX}{self._owner}"])).execute()

    def run_once(self, now: datetime) -> None:
        """Take over changed files; write the heartbeat when it is time, or when there is new trouble to tell."""
        # The first beat says at once that we run; the files were read a moment ago.
        if self._beat_at is not None:
            self._keeper.refresh()
        # A clock that was set back must not silence the heartbeat until it is as late as it was.
        is_fresh = self._beat_at is not None and timedelta(0) <= now - self._beat_at < _BEAT_EVERY
        if is_fresh and self._told == self._keeper.refused:
            return
        self._beat_at = now
        self._told = self._keeper.refused
        row = {
            "name": f"{PROCESS_PREFIX}{self._owner}",
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started_at": self._started_at,
            "beat_at": now,
            "detail": ",".join(self._parts),
            "last_error": self._told[:500],
            "last_error_at": now if self._told else None,
        }
        update = {Worker.beat_at: now, Worker.last_error: row["last_error"], Worker.last_error_at: row["last_error_at"]}
        with transaction(self._database):
            Worker.insert(row).on_conflict(conflict_target=[Worker.name], update=update).execute()
