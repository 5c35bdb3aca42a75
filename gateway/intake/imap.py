"""Watch an IMAP folder: each mailbox has a thread that drains what is new, waits (IDLE, or a pause) and drains again.

Place in the mail's way: beside SMTP, in front of the door. What is new is told by UIDVALIDITY and UID, never by \\Seen,
so people may read the mailbox as they like. Every failure throws the connection away and begins again from the cursor
in the database, after a pause that grows from a second to five minutes. A lease in the database keeps two processes
off one mailbox.
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
from collections.abc import Callable
from datetime import datetime
from time import monotonic

import peewee

from gateway.errors import TemporaryFailure
from gateway.intake.accept import Door
from gateway.intake.cursor import LEASE, Cursor, CursorStore
from gateway.intake.imap_after import Aftercare
from gateway.intake.imap_drain import Drain, Drained, Position
from gateway.intake.imap_session import Folder, Session
from gateway.oauth import Account, TokenTrouble
from gateway.outage import OUTAGE
from gateway.settings import Mailbox as MailboxSettings
from gateway.store.database import connection

__all__ = ["Drained", "MailboxWatcher"]

# RFC 2177 allows a server to log us out after 30 minutes; Gmail does after 10.
LONGEST_IDLE_SECONDS = 9 * 60

_LONGEST_PAUSE_SECONDS = 5 * 60
_LONGEST_TOKEN_PAUSE_SECONDS = 15
_TICK_SECONDS = LEASE.total_seconds() / 4

_log = logging.getLogger(__name__)


class MailboxWatcher:
    """Watches one mailbox. `run` is the body of a thread of its own; `run_once` is one round of it.

    `owner` names this process in the lease and must differ between processes; `account` is that of `oauth`.
    """

    def __init__(
        self,
        settings: MailboxSettings,
        *,
        database: peewee.Database,
        door: Door,
        clock: Callable[[], datetime],
        owner: str,
        account: Account | None = None,
    ) -> None:
        self._settings = settings
        self._account = account
        self._database = database
        self._door = door
        self._clock = clock
        self._store = CursorStore(database, name=settings.name, folder=settings.folder, owner=owner)
        self._session: Session | None = None
        self._position: Position | None = None
        self._aftercare: Aftercare | None = None
        self._has_lease = False

    def run(self, stop: threading.Event) -> None:
        """Drain and wait until `stop` is set; every failure is logged, recorded and tried again."""
        failures = idle_rounds = 0
        while not stop.is_set():
            try:
                drained = self.run_once(self._clock())
                news = self._wait(stop)
            except Exception as error:  # noqa: BLE001 (one broad catch for the loop: it logs and goes on)
                failures += 1
                seconds = pause_seconds(failures, error)
                self._tell_failure(error, seconds)
                stop.wait(seconds)
                continue
            failures = 0
            # A server that announces mail which is not there must not keep us busy.
            idle_rounds = idle_rounds + 1 if news and not drained.fetched else 0
            if idle_rounds > 3:
                stop.wait(min(idle_rounds, self._settings.poll_seconds))
        self.close()

    def run_once(self, now: datetime) -> Drained:
        """Connect if necessary and bring all that is new into the ledger.

        Raises TemporaryFailure, recorded in the mailbox's row; the connection is gone then, and the next round begins
        with a new one. An IMAP server's refusal of one mail is not a failure of the round.
        """
        try:
            with connection(self._database):
                try:
                    return self._round(now)
                except Exception as error:
                    self._record(error)
                    raise
        except BaseException:
            self._hang_up()
            raise

    def close(self) -> None:
        """Hang up and let another process have the mailbox at once. `run` does it in the end."""
        self._hang_up()
        if self._has_lease:
            self._has_lease = False
            with contextlib.suppress(peewee.PeeweeException), connection(self._database):
                self._store.give_lease_back()

    def _round(self, now: datetime) -> Drained:
        self._has_lease = self._store.take_lease(now)
        if not self._has_lease:
            # The other process moves on from here; what we remember grows old.
            self._hang_up()
            self._position = None
            return Drained(standing_by=True)
        left_alone = 0
        if self._session is None:
            self._session, left_alone = self._connect()
        else:
            self._session.noop()
        assert self._position is not None
        assert self._aftercare is not None
        drain = Drain(
            self._session,
            self._position,
            self._aftercare,
            settings=self._settings,
            store=self._store,
            door=self._door,
            clock=self._clock,
        )
        drained = drain.run(left_alone=left_alone)
        self._store.worked(self._clock())
        if drained.fetched or drained.skipped or drained.left_alone:
            _log.info("imap: mailbox=%s %s", self._settings.name, drained)
        return drained

    def _connect(self) -> tuple[Session, int]:
        """Log in, open the folder, find out where we are in it; returns how many mails first contact left alone."""
        session = Session(self._settings, self._account)
        try:
            flag = self._settings.flag if self._settings.after == "flag" else ""
            folder = session.open_folder(self._settings.folder, read_only=self._settings.after == "leave", flag=flag)
            cursor = self._store.read()
            left_alone = 0
            if cursor.uidvalidity is None or cursor.first_contact_at is None:
                left_alone = first_contact(session, folder, self._store, self._clock())
                cursor = self._store.read()
            self._position = self._position_in(folder, session, cursor)
            self._aftercare = Aftercare(session, folder, self._settings)
        except BaseException:
            session.close()
            raise
        _log.info("imap: mailbox=%s connected to %s", self._settings.name, self._settings.host)
        return session, left_alone

    def _position_in(self, folder: Folder, session: Session, cursor: Cursor) -> Position:
        """Where to go on: what we know from before, the cursor, or (renumbered by the server) the beginning."""
        known = self._position
        if known is not None and known.uidvalidity == folder.uidvalidity:
            return known
        assert cursor.first_contact_at is not None
        position = Position(
            uidvalidity=folder.uidvalidity, last_uid=cursor.last_uid, first_contact_at=cursor.first_contact_at
        )
        if cursor.uidvalidity != folder.uidvalidity:
            _log.warning(
                "imap: mailbox=%s UIDVALIDITY of %s changed from %s to %d, %d mails are looked at again",
                self._settings.name, self._settings.folder, cursor.uidvalidity, folder.uidvalidity, folder.mail_count,
            )  # fmt: skip
            position.last_uid, position.rescan_top = 0, highest_uid(session, folder)
        return position

    def _wait(self, stop: threading.Event) -> bool:
        """Wait for mail; True when the server announced some."""
        session, seconds = self._session, float(self._settings.poll_seconds)
        if session is not None and self._settings.idle and session.can_idle:
            try:
                return session.idle(min(seconds, LONGEST_IDLE_SECONDS), stop=stop.is_set, tick=self._tick)
            except BaseException:
                self._hang_up()
                raise
        ends_at = monotonic() + seconds
        while not stop.is_set() and (left := ends_at - monotonic()) > 0:
            stop.wait(min(left, _TICK_SECONDS))
            self._tick()
        return False

    def _tick(self) -> None:
        """Keep the lease while nothing happens."""
        now = self._clock()
        if self._has_lease and self._store.must_renew(now):
            with connection(self._database):
                self._store.renew_lease(now)

    def _hang_up(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = self._aftercare = None

    def _record(self, error: Exception) -> None:
        """Keep the trouble for the status command; a database that is down will be told of by others."""
        unexpected = f"unexpected {type(error).__name__}, see the log"
        text = error.public_text if isinstance(error, TemporaryFailure) else unexpected
        with contextlib.suppress(peewee.PeeweeException):
            self._store.failed(text, self._clock())

    def _tell_failure(self, error: Exception, seconds: float) -> None:
        name = self._settings.name
        if isinstance(error, TemporaryFailure):
            _log.warning("imap: mailbox=%s failed, again in %.0f s: %s", name, seconds, error.public_text)
        elif not OUTAGE.met(error):
            _log.error("imap: mailbox=%s failed, again in %.0f s", name, seconds, exc_info=error)


def first_contact(session: Session, folder: Folder, store: CursorStore, now: datetime) -> int:
    """Set the cursor to now; what lies in the folder is counted and left alone."""
    last_uid = highest_uid(session, folder)
    store.begin(uidvalidity=folder.uidvalidity, last_uid=last_uid, left_alone=folder.mail_count, now=now)
    return folder.mail_count


def highest_uid(session: Session, folder: Folder) -> int:
    """The last UID that the folder has given away, by UIDNEXT, or by looking where the server does not say."""
    if folder.uidnext is not None:
        return folder.uidnext - 1
    return max(session.uids(), default=0)


def pause_seconds(failures: int, error: Exception) -> float:
    """How long to wait after so many failures in a row: 1 s, doubling, up to 5 minutes; up to half of it by chance."""
    # The account says when the token server is asked again; to look whether it was costs nothing.
    most = _LONGEST_TOKEN_PAUSE_SECONDS if isinstance(error, TokenTrouble) else _LONGEST_PAUSE_SECONDS
    longest = min(2.0 ** min(failures - 1, 16), most)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 (nobody gains from guessing it)
