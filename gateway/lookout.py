"""The lookout: what must be said to people because time passes. One tick of it is a part of the timers'.

The quarantine's digest to its keepers, what expires there, the agents' morning mail, what would be forgotten, the
desk's mail to itself, and alarms to the operators: by mail, and through the admin's own command for the day when the
relay is what is broken.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import peewee
import structlog

from gateway.desk.alarming import Told, watch
from gateway.desk.beating import beat_due
from gateway.desk.health import Watched, read_health
from gateway.desk.morning import morning_due
from gateway.desk.quarantining import digest_due, expire_due, urgent_due
from gateway.desk.sweeping import stale_due, unowned_due
from gateway.policy_keeper import PolicyKeeper

_LOG = structlog.get_logger(__name__)
_COMMAND_SECONDS = 30


class Lookout:
    """`watched` gives what the settings say should be looked after; `command` is called with each alarm as text."""

    def __init__(
        self,
        database: peewee.Database,
        *,
        keeper: PolicyKeeper,
        secrets: Mapping[int, bytes],
        watched: Callable[[], Watched] = Watched,
        command: Sequence[str] = (),
    ) -> None:
        self._database = database
        self._keeper = keeper
        self._secrets = secrets
        self._watched = watched
        self._command = tuple(command)

    def run_once(self, now: datetime, *, may_expire: bool) -> int:
        """Say what is due at `now`; how many mails were written. `may_expire`: the clock can be believed."""
        policy, watched = self._keeper.policy, self._watched()
        work = urgent_due(self._database, policy, self._secrets, now=now)
        if may_expire:
            work += digest_due(self._database, policy, self._secrets, now=now)
            expire_due(self._database, policy, now=now)
            for sweep in (morning_due, unowned_due, stale_due):
                work += sweep(self._database, policy, self._secrets, now=now)
        if watched.heartbeat_minutes:
            every = timedelta(minutes=watched.heartbeat_minutes)
            work += beat_due(self._database, policy, self._secrets, every=every, now=now)
        health = read_health(now=now, policy=policy, watched=watched)
        told = watch(self._database, health, policy, self._secrets, now=now)
        if told is not None:
            self._tell(told)
            work += 1
        return work

    def _tell(self, told: Told) -> None:
        for phrase in told.begun:
            _LOG.error("alarm", what=str(phrase))
        for phrase in told.over:
            _LOG.info("alarm_over", what=str(phrase))
        if self._command:
            # A command that hangs must not stop the clock.
            threading.Thread(target=_call, args=(self._command, told.text), name="alarm", daemon=True).start()


def _call(command: Sequence[str], text: str) -> None:
    try:
        subprocess.run(  # noqa: S603 - the admin's own command, without a shell
            command, input=text.encode(), check=True, timeout=_COMMAND_SECONDS, capture_output=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        _LOG.error("alarm_command_failed", command=command[0], error=str(error))
