"""What commands and delivery want from an IMAP server once: bring in old mail, check the connection, file a sent mail.

Each makes a connection of its own and hangs up at the end; none of them moves the watcher's cursor.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import peewee

from gateway.errors import TemporaryFailure
from gateway.intake.accept import ANSWER_TIMEOUT_SECONDS, Door
from gateway.intake.cursor import CursorStore, in_ledger
from gateway.intake.imap import first_contact, highest_uid
from gateway.intake.imap_after import obstacle_of
from gateway.intake.imap_drain import LIST_LIMIT_MAILS
from gateway.intake.imap_envelopes import envelope_of, source_keys
from gateway.intake.imap_fetch import fetch_set, sets_of
from gateway.intake.imap_session import Folder, Listed, Refused, Session
from gateway.oauth import Account
from gateway.settings import Mailbox as MailboxSettings
from gateway.store.database import connection

_FOLDERS_SHOWN = 30


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import did, or would do (dry run: only `found`, `known` and `size_bytes` count), in mails.

    `known` have a ledger row already; `size_bytes` is what the server says that the others are long; `duplicates` are
    among `fetched`: the same words came in another way; `cut` were above the size limit; `unread` are the UIDs that the
    server could not give us.
    """

    found: int = 0
    known: int = 0
    size_bytes: int = 0
    fetched: int = 0
    duplicates: int = 0
    cut: int = 0
    unread: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One line of `gateway check --connect`."""

    name: str
    is_good: bool
    text: str


def import_mail(
    settings: MailboxSettings,
    *,
    database: peewee.Database,
    door: Door,
    clock: Callable[[], datetime],
    since: date,
    dry_run: bool = False,
    account: Account | None = None,
) -> Imported:
    """Bring in mail that was left alone: received (INTERNALDATE) on that day or later, and below the cursor.

    The mails are quiet: nobody is acknowledged or notified. They stay where they are; a watcher that moves or flags
    does so the next time it connects. To run it again brings in what is missing. Raises TemporaryFailure.
    """
    store = CursorStore(database, name=settings.name, folder=settings.folder, owner=f"import-{os.getpid()}")
    with contextlib.closing(Session(settings, account)) as session, connection(database):
        folder = session.open_folder(settings.folder, read_only=True)
        last_uid = _last_uid(session, folder, store, clock(), dry_run=dry_run)
        found = session.uids_since(since, last_uid)
        known = in_ledger(source_keys(settings, folder.uidvalidity, found))
        wanted = [uid for uid in found if uid not in known]
        imported = Imported(found=len(found), known=len(known))
        for start in range(0, len(wanted), LIST_LIMIT_MAILS):
            uids = wanted[start : start + LIST_LIMIT_MAILS]
            listed = session.list_mails(uids)
            missing = set(uids) - {mail.uid for mail in listed}
            imported = replace(
                imported,
                size_bytes=imported.size_bytes + sum(mail.size_bytes for mail in listed),
                unread=(*imported.unread, *sorted(missing)),
            )
            for group in () if dry_run else sets_of(listed):
                imported = _import_set(imported, session, folder, group, settings=settings, door=door, clock=clock)
    return imported


def _last_uid(session: Session, folder: Folder, store: CursorStore, now: datetime, *, dry_run: bool) -> int:
    """Up to where mail is old: the cursor. Before the first contact this is the first contact."""
    cursor = store.read()
    if cursor.uidvalidity is None:
        if dry_run:
            return highest_uid(session, folder)
        if not store.take_lease(now):
            raise TemporaryFailure("the gateway is looking at this mailbox for the first time just now; try again")
        first_contact(session, folder, store, now)
        store.give_lease_back()
        return store.read().last_uid
    if cursor.uidvalidity != folder.uidvalidity:
        raise TemporaryFailure(
            "the server has renumbered the folder; let the running gateway look through it first, then import"
        )
    return cursor.last_uid


def _import_set(
    imported: Imported,
    session: Session,
    folder: Folder,
    group: Sequence[Listed],
    *,
    settings: MailboxSettings,
    door: Door,
    clock: Callable[[], datetime],
) -> Imported:
    """Fetch and store one set; a set that the server refuses is fetched one by one."""
    try:
        fetched, unread = fetch_set(session, group, size_limit_bytes=settings.size_limit_bytes, tick=lambda: None)
    except Refused:
        if len(group) == 1:
            return replace(imported, unread=(*imported.unread, group[0].uid))
        for one in group:
            imported = _import_set(imported, session, folder, [one], settings=settings, door=door, clock=clock)
        return imported
    try:
        futures = [
            door.submit(
                envelope_of(settings, folder.uidvalidity, mail, received_at=clock(), imported=True), mail.content
            )
            for mail in fetched
        ]
        receipts = [future.result(timeout=ANSWER_TIMEOUT_SECONDS) for future in futures]
    except TimeoutError as error:
        raise TemporaryFailure("the mails were not stored in time") from error
    finally:
        for mail in fetched:
            mail.close()
    return replace(
        imported,
        fetched=imported.fetched + len(receipts),
        duplicates=imported.duplicates + sum(receipt.duplicate_of is not None for receipt in receipts),
        cut=imported.cut + sum(mail.full_size_bytes is not None for mail in fetched),
        unread=(*imported.unread, *(mail.uid for mail in unread)),
    )


def check_connection(settings: MailboxSettings, *, account: Account | None = None) -> list[Fact]:
    """Log in, look at the folder and at what the server can do; never raises, writes nothing."""
    facts: list[Fact] = []
    try:
        session = Session(settings, account)
    except TemporaryFailure as failure:
        return [Fact(name="login", is_good=False, text=failure.public_text)]
    with contextlib.closing(session):
        how = f", with the token of [oauth.{settings.oauth}]" if settings.oauth else ""
        facts.append(Fact(name="login", is_good=True, text=f"{settings.user} at {settings.host}:{settings.port}{how}"))
        try:
            flag = settings.flag if settings.after == "flag" else ""
            # SELECT and not EXAMINE: only it tells whether we may write. It resets \Recent, which nobody relies on.
            folder = session.open_folder(settings.folder, read_only=settings.after == "leave", flag=flag)
            facts += _folder_facts(session, folder, settings)
        except TemporaryFailure as failure:
            facts.append(Fact(name="folder", is_good=False, text=failure.public_text))
            with contextlib.suppress(TemporaryFailure):
                names = ", ".join(session.folder_names()[:_FOLDERS_SHOWN])
                facts.append(Fact(name="folders", is_good=True, text=names))
    return facts


def _folder_facts(session: Session, folder: Folder, settings: MailboxSettings) -> list[Fact]:
    idle = "yes" if session.can_idle else f"no, the folder is looked at every {settings.poll_seconds} s"
    words = ", ".join(word for word in ("MOVE", "UIDPLUS") if word in session.capabilities)
    obstacle = obstacle_of(session, folder, settings)
    return [
        Fact(
            name="folder",
            is_good=True,
            text=f"{settings.folder}: {folder.mail_count} mail{'' if folder.mail_count == 1 else 's'}",
        ),
        Fact(name="IDLE", is_good=True, text=idle),
        Fact(name="MOVE", is_good=True, text=words or "no"),
        Fact(name="after", is_good=not obstacle, text=obstacle or settings.after),
    ]


def append_sent(
    settings: MailboxSettings, folder: str, content: bytes, date: datetime, *, account: Account | None = None
) -> None:
    """File a copy of a sent mail, marked as read, with its (aware) date; makes the folder if there is none.

    Raises TemporaryFailure. If the answer is lost the copy may be there all the same: it is a copy, try again.
    """
    with contextlib.closing(Session(settings, account)) as session:
        session.append(folder, content, date)
