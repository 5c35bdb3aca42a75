"""What happens because time passes: closing, taking up again, bundling notices, and what the lookout says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import peewee
import structlog

from gateway.desk.border import forget_signatures
from gateway.desk.bundles import merge_waiting
from gateway.desk.clockwork import close_due, expire_held, resume_due
from gateway.desk.ladder import climb, look_anew
from gateway.desk.outgoing import unbound_message_id
from gateway.desk.people import mirror_policy
from gateway.desk.searching import remember_new_words
from gateway.lookout import Lookout
from gateway.outage import OUTAGE
from gateway.policy_keeper import PolicyKeeper
from gateway.store.database import connection, transaction

_LOG = structlog.get_logger(__name__)
_TICK_SECONDS = 1.0
_DUE_EVERY = timedelta(seconds=10)
_BUNDLE_AT_LEAST = 10


class Timers:
    """One thread's work; `run_once(now)` is one tick."""

    def __init__(
        self,
        database: peewee.Database,
        *,
        keeper: PolicyKeeper,
        secrets: Mapping[int, bytes],
        clock: Callable[[], datetime],
        on_work: Callable[[], None],
        may_expire: Callable[[datetime], bool] = lambda now: True,
        lookout: Lookout | None = None,
    ) -> None:
        self._database = database
        self._keeper = keeper
        self._secrets = secrets
        self._clock = clock
        self._on_work = on_work
        self._may_expire = may_expire
        self._lookout = lookout or Lookout(database, keeper=keeper, secrets=secrets)
        self._looked_at: datetime | None = None
        self._mirrored = keeper.policy.version
        self._looked_anew = ""

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(_TICK_SECONDS):
            try:
                with connection(self._database):
                    while not stop.wait(_TICK_SECONDS):
                        self.run_once(self._clock())
                        OUTAGE.over()
            except Exception as error:  # noqa: BLE001 - the one broad catch of this loop
                if not OUTAGE.met(error):
                    _LOG.exception("timers_failed")

    def run_once(self, now: datetime) -> None:
        """Do what is due at `now`."""
        policy = self._keeper.policy
        if policy.version != self._mirrored:
            with transaction(self._database):
                mirror_policy(policy, now=now)
            self._mirrored = policy.version
        if policy.version != self._looked_anew:
            look_anew(self._database, policy, now=now)
            self._looked_anew = policy.version
        work = merge_waiting(
            self._database,
            now=now,
            new_message_id=lambda: unbound_message_id(policy),
            token=policy.token,
            at_least=_BUNDLE_AT_LEAST,
        )
        if self._is_due(now):
            may_expire = self._may_expire(now)
            if may_expire:
                work += close_due(self._database, policy, self._secrets, now=now)
                work += resume_due(self._database, policy, self._secrets, now=now)
                expire_held(self._database, policy, now=now)
                work += climb(self._database, policy, self._secrets, now=now)
                if policy.trust.verify_dkim:
                    with transaction(self._database):
                        forget_signatures(now=now)
            remember_new_words(self._database, now=now)
            work += self._lookout.run_once(now, may_expire=may_expire)
        if work:
            self._on_work()

    def _is_due(self, now: datetime) -> bool:
        # A clock that was set back must not stop the timers until it is as late as it was.
        if self._looked_at is not None and timedelta(0) <= now - self._looked_at < _DUE_EVERY:
            return False
        self._looked_at = now
        return True
