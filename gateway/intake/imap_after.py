"""What happens on the server to a mail that is in the ledger: nothing, a flag, or a move to another folder.

Only after the commit, always in sets. A crash between commit and move leaves mails below the cursor in the folder; they
have ledger rows, and `sweep` finds them by these the next time. What the server refuses stays where it is and is said.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from gateway.intake.cursor import in_ledger
from gateway.intake.imap_envelopes import source_keys
from gateway.intake.imap_session import Folder, Refused, Session
from gateway.settings import Mailbox as MailboxSettings

_SET_LIMIT_MAILS = 200

_log = logging.getLogger(__name__)


class Aftercare:
    """Carries out `after` of a mailbox's settings in an open folder."""

    def __init__(self, session: Session, folder: Folder, settings: MailboxSettings) -> None:
        self._session = session
        self._folder = folder
        self._settings = settings
        self.obstacle = obstacle_of(session, folder, settings)
        self.is_sweep_due = True
        if self.obstacle:
            _log.warning("imap: mailbox=%s stored mails are left where they are: %s", settings.name, self.obstacle)

    @property
    def _has_work(self) -> bool:
        return self._settings.after != "leave" and not self.obstacle

    def settle(self, uids: Sequence[int]) -> int:
        """Flag or move mails that are in the ledger; returns how many. What is refused now is swept later."""
        if not uids or not self._has_work:
            return 0
        try:
            if self._settings.after == "move":
                self._session.move(uids, self._settings.move_to)
            else:
                self._session.flag(uids, self._settings.flag)
        except Refused as refusal:
            self.is_sweep_due = True
            _log.warning("imap: mailbox=%s stored mails stay where they are: %s", self._settings.name, refusal)
            return 0
        return len(uids)

    def sweep(self, last_uid: int) -> int:
        """Settle what an earlier run could not: mails up to `last_uid` that have a ledger row and still lie here."""
        if not self.is_sweep_due or not self._has_work:
            return 0
        self.is_sweep_due = False
        if self._settings.after == "move":
            lying = self._session.uids(1, last_uid)
        else:
            lying = self._session.uids_without_flag(self._settings.flag, last_uid)
        known = sorted(in_ledger(source_keys(self._settings, self._folder.uidvalidity, lying)))
        settled = 0
        for start in range(0, len(known), _SET_LIMIT_MAILS):
            settled += self.settle(known[start : start + _SET_LIMIT_MAILS])
            if self.is_sweep_due:
                break
        return settled


def obstacle_of(session: Session, folder: Folder, settings: MailboxSettings) -> str:
    """Say why the server can't do what `after` asks for, "" when it can."""
    if settings.after == "leave":
        return ""
    if not folder.can_write:
        return f"{settings.folder} is read-only for {settings.user}"
    if settings.after == "move" and not session.can_move_from(folder):
        return "the server has neither MOVE nor UIDPLUS for us, so mails can't be moved safely"
    if settings.after == "flag" and not folder.keeps_flag:
        return f"the server does not keep the flag {settings.flag}"
    return ""
