"""The envelope of a mail that was fetched, and the ledger's name for the place where it lay."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from gateway.intake.envelope import source_key
from gateway.intake.imap_fetch import Fetched
from gateway.mail import Envelope, MailboxRole, Transport
from gateway.settings import Mailbox as MailboxSettings


def envelope_of(
    settings: MailboxSettings, uidvalidity: int, fetched: Fetched, *, received_at: datetime, imported: bool = False
) -> Envelope:
    """What IMAP knows of a mail: where it lay and since when; an imported one is quiet."""
    return Envelope(
        transport=Transport.IMPORT if imported else Transport.IMAP,
        received_at=received_at,
        mailbox=settings.name,
        mailbox_role=MailboxRole(settings.role),
        folder=settings.folder,
        uidvalidity=uidvalidity,
        uid=fetched.listed.uid,
        internal_date=fetched.listed.internal_date,
        full_size_bytes=fetched.full_size_bytes,
        quiet=imported,
    )


def source_keys(settings: MailboxSettings, uidvalidity: int, uids: Iterable[int]) -> dict[bytes, int]:
    """The ledger's names for places in the folder, and the UID of each."""
    places = (
        Envelope(
            transport=Transport.IMAP,
            # When it came is no part of where it lies.
            received_at=datetime.fromtimestamp(0, UTC),
            mailbox=settings.name,
            folder=settings.folder,
            uidvalidity=uidvalidity,
            uid=uid,
        )
        for uid in uids
    )
    return {key: place.uid for place in places if (key := source_key(place)) is not None and place.uid is not None}
