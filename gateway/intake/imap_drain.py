"""Bring everything new of one folder into the ledger, set by set.

For each set: fetch, hand over to the door, wait for its commit, save the cursor, flag or move. A crash anywhere in
between loses nothing (the cursor moves after the commit) and repeats nothing (the door knows the place of each mail).
`Refused` and failures of single mails end here; a lost connection, a full disk or a lost lease end the drain.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

from gateway.errors import TemporaryFailure
from gateway.intake.accept import ANSWER_TIMEOUT_SECONDS, Door, Receipt
from gateway.intake.cursor import CursorStore, SkippedMail, is_known_digest
from gateway.intake.digest import message_digest
from gateway.intake.imap_after import Aftercare
from gateway.intake.imap_envelopes import envelope_of
from gateway.intake.imap_fetch import Fetched, fetch_set, sets_of
from gateway.intake.imap_session import ConnectionLost, Listed, Refused, Session
from gateway.intake.imap_troubles import Troubles
from gateway.settings import Mailbox as MailboxSettings

LIST_LIMIT_MAILS = 200

# The server's clock, which dates the mails, and ours, which dates the first contact, may differ by so much.
CLOCKS_DIFFER = timedelta(minutes=5)

FAILURES_IN_A_ROW = 20

_PROOF_BYTES = 1024

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Drained:
    """What one round did, in mails. `duplicates` are among `fetched`: the ledger had the same words already.

    `left_alone` lay there before the first contact; `gone` were expunged by somebody else before we could fetch them;
    `cut` were above the size limit; `settled` were flagged or moved; `troubled` could not be fetched yet and will be
    tried again; `skipped` were given up. `standing_by`: another process reads this mailbox.
    """

    fetched: int = 0
    duplicates: int = 0
    left_alone: int = 0
    gone: int = 0
    cut: int = 0
    settled: int = 0
    troubled: int = 0
    skipped: int = 0
    standing_by: bool = False

    def __str__(self) -> str:
        counts = [(each.name, getattr(self, each.name)) for each in fields(self)]
        return " ".join(f"{name}={count}" for name, count in counts if count) or "nothing new"


@dataclass(kw_only=True)
class Position:
    """Where we are in a folder of this UIDVALIDITY, kept over reconnections.

    `done` are UIDs above `last_uid` that are settled while one below is not. `rescan_top` is set while a renumbered
    folder is looked through again: up to this UID, mails from before the first contact are left alone.
    """

    uidvalidity: int
    last_uid: int
    first_contact_at: datetime
    rescan_top: int | None = None
    rescan_left_alone: int = 0
    done: set[int] = field(default_factory=set)
    troubles: Troubles = field(default_factory=Troubles)


class Drain:
    """One pass over all that is new in an open folder."""

    def __init__(
        self,
        session: Session,
        position: Position,
        aftercare: Aftercare,
        *,
        settings: MailboxSettings,
        store: CursorStore,
        door: Door,
        clock: Callable[[], datetime],
    ) -> None:
        self._session = session
        self._position = position
        self._aftercare = aftercare
        self._settings = settings
        self._store = store
        self._door = door
        self._clock = clock
        self._pending: deque[int] = deque()
        self._put_off: TemporaryFailure | None = None
        self._skipped: list[SkippedMail] = []
        self._counts = Drained()

    def run(self, *, left_alone: int = 0) -> Drained:
        """Fetch what is new (`left_alone` is only counted in).

        Raises TemporaryFailure: ConnectionLost, LeaseLost, or what the door says.
        """
        position, troubles = self._position, self._position.troubles
        self._count(left_alone=left_alone, settled=self._aftercare.sweep(position.last_uid))
        self._pending = deque(self._session.uids(position.last_uid + 1))
        troubles.retain(self._pending)
        clean = [uid for uid in self._pending if uid not in position.done and not troubles.knows(uid)]
        for start in range(0, len(clean), LIST_LIMIT_MAILS):
            self._fetch_many(clean[start : start + LIST_LIMIT_MAILS])
        self._give_up_hopeless()
        self._fetch_suspects(troubles.due(self._pending, self._clock()))
        self._give_up_hopeless()
        self._advance()
        if self._put_off is not None:
            raise self._put_off
        self._count(troubled=len(troubles.still_failing()))
        return self._counts

    def _count(self, **more: int) -> None:
        self._counts = replace(self._counts, **{name: getattr(self._counts, name) + n for name, n in more.items()})

    def _fetch_many(self, uids: Sequence[int]) -> None:
        try:
            listed = self._session.list_mails(uids)
        except Refused:
            self._position.troubles.suspect(uids)
            return
        except ConnectionLost:
            self._position.troubles.suspect(uids)
            raise
        self._position.troubles.suspect(set(uids) - {mail.uid for mail in listed})
        for group in sets_of(self._without_old(listed)):
            self._fetch_set(group)

    def _fetch_set(self, group: Sequence[Listed]) -> None:
        """Fetch and store one set; where something is wrong with it, its mails are fetched alone from then on."""
        try:
            fetched, unread = self._fetch(group)
        except (Refused, ConnectionLost) as failure:
            self._position.troubles.suspect(mail.uid for mail in group)
            if isinstance(failure, ConnectionLost):
                raise
            return
        self._position.troubles.suspect(mail.uid for mail in unread)
        self._store_set(fetched)

    def _fetch_suspects(self, uids: Sequence[int]) -> None:
        failures = 0
        for uid in uids:
            self._fetch_alone(uid)
            failures = failures + 1 if self._position.troubles.knows(uid) else 0
            if failures >= FAILURES_IN_A_ROW:
                # It is not about single mails; the rest has its turn in the next round.
                return

    def _fetch_alone(self, uid: int) -> None:
        try:
            fetched, _ = self._fetch(self._without_old(self._session.list_mails([uid])))
        except (Refused, ConnectionLost) as failure:
            self._position.troubles.failed(uid, failure.public_text, self._clock())
            if isinstance(failure, ConnectionLost):
                raise
            return
        if fetched:
            self._store_set(fetched)
        elif uid in self._position.done:
            pass
        elif self._session.still_there(uid):
            self._position.troubles.failed(uid, "the server gives nothing of it", self._clock())
        else:
            _log.warning("imap: mailbox=%s uid=%d was deleted before it could be fetched", self._settings.name, uid)
            self._settle_uids([uid])
            self._count(gone=1)

    def _fetch(self, mails: Sequence[Listed]) -> tuple[list[Fetched], list[Listed]]:
        self._keep_lease()
        return fetch_set(self._session, mails, size_limit_bytes=self._settings.size_limit_bytes, tick=self._keep_lease)

    def _without_old(self, listed: Sequence[Listed]) -> list[Listed]:
        """While a renumbered folder is looked through, leave alone what lay there before the first contact."""
        position = self._position
        if position.rescan_top is None:
            return list(listed)
        before = position.first_contact_at - CLOCKS_DIFFER
        old = [
            mail.uid
            for mail in listed
            if mail.uid <= position.rescan_top and mail.internal_date is not None and mail.internal_date < before
        ]
        position.rescan_left_alone += len(old)
        self._count(left_alone=len(old))
        self._settle_uids(old)
        return [mail for mail in listed if mail.uid not in position.done]

    def _store_set(self, fetched: Sequence[Fetched]) -> None:
        """Hand a set over to the door; only what the door has committed counts as done."""
        stored: list[int] = []
        handed_over: list[tuple[Fetched, Future[Receipt]]] = []
        try:
            for mail in fetched:
                if self._is_known_anonymous(mail):
                    stored.append(mail.listed.uid)
                    self._count(fetched=1, duplicates=1)
                else:
                    handed_over.append((mail, self._door.submit(self._envelope(mail), mail.content)))
        finally:
            stored += [mail.listed.uid for mail, future in handed_over if self._is_stored(mail, future)]
            for mail in fetched:
                mail.close()
        for uid in stored:
            self._position.troubles.fetched(uid)
        self._settle_uids(stored)
        self._advance()
        self._count(settled=self._aftercare.settle(stored))
        if self._put_off is not None and not stored:
            # Nothing at all goes through the door: it is not about one mail.
            raise self._put_off

    def _is_stored(self, mail: Fetched, future: Future[Receipt]) -> bool:
        """Wait for the door's answer; a failure of ours leaves the mail where it is, to be fetched again."""
        try:
            receipt = future.result(timeout=ANSWER_TIMEOUT_SECONDS)
        except (TemporaryFailure, TimeoutError) as error:
            text = error.public_text if isinstance(error, TemporaryFailure) else "the mail was not stored in time"
            self._put_off = TemporaryFailure(text)
            self._put_off.__cause__ = error
            return False
        self._count(fetched=1, duplicates=receipt.duplicate_of is not None, cut=mail.full_size_bytes is not None)
        return True

    def _envelope(self, mail: Fetched) -> Any:
        return envelope_of(self._settings, self._position.uidvalidity, mail, received_at=self._clock())

    def _is_known_anonymous(self, mail: Fetched) -> bool:
        """Recognise, in a renumbered folder, a mail without id and date, which the door takes for new after an hour."""
        if self._position.rescan_top is None or mail.listed.uid > self._position.rescan_top:
            return False
        digest = message_digest(mail.content)
        return not digest.has_identity and is_known_digest(digest.digest)

    def _settle_uids(self, uids: Sequence[int]) -> None:
        self._position.done.update(uids)
        for uid in uids:
            self._position.troubles.forget(uid)

    def _give_up_hopeless(self) -> None:
        """Skip mails that failed too often while the server gave us others."""
        troubles = self._position.troubles
        for uid in troubles.failed_too_often():
            if not (troubles.server_gave_others(uid) or self._server_gives_another(uid)):
                continue
            why = troubles.why(uid)
            _log.error("imap: mailbox=%s uid=%d skipped, look at it by hand: %s", self._settings.name, uid, why)
            skipped = SkippedMail(uidvalidity=self._position.uidvalidity, uid=uid, why=why)
            self._skipped.append(skipped)
            self._settle_uids([uid])
            self._count(skipped=1)

    def _server_gives_another(self, uid: int) -> bool:
        """Try to read the beginning of any other mail of the folder."""
        others = [other for other in self._session.uids() if not self._position.troubles.knows(other)]
        if not others:
            return False
        try:
            return bool(self._session.pieces(others[-1:], start=0, length=_PROOF_BYTES, expect_bytes=_PROOF_BYTES))
        except Refused:
            return False

    def _advance(self) -> None:
        """Save how far everything is settled; a rescan is saved as a whole, so that a crash begins it again."""
        position = self._position
        before = position.last_uid
        while self._pending and self._pending[0] in position.done:
            position.last_uid = self._pending.popleft()
        position.done = {uid for uid in position.done if uid > position.last_uid}
        skipped, self._skipped = self._skipped, []
        if position.rescan_top is not None:
            self._store.tell_skipped(skipped, self._clock())
            if not self._pending or self._pending[0] > position.rescan_top:
                self._end_rescan()
        elif position.last_uid != before or skipped:
            self._store.advance(position.last_uid, self._clock(), skipped)

    def _end_rescan(self) -> None:
        position = self._position
        last_uid = max(position.last_uid, position.rescan_top or 0)
        self._store.rescanned(
            uidvalidity=position.uidvalidity,
            last_uid=last_uid,
            left_alone=position.rescan_left_alone,
            now=self._clock(),
        )
        position.last_uid, position.rescan_top = last_uid, None

    def _keep_lease(self) -> None:
        self._store.renew_lease(self._clock())
