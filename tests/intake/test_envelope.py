"""An envelope goes into the ledger and comes back as it was."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from gateway.intake.envelope import envelope_from_json, envelope_to_json, source_key
from gateway.mail import Envelope, MailboxRole, Transport

text = st.text(max_size=20)
numbers = st.none() | st.integers(0, 2**32 - 1)
moments = st.datetimes(timezones=st.just(UTC))
envelopes = st.builds(
    Envelope,
    transport=st.sampled_from(Transport),
    received_at=moments,
    reverse_path=st.none() | text,
    recipients=st.lists(text, max_size=3).map(tuple),
    peer=text,
    helo=text,
    mailbox=text,
    mailbox_role=st.sampled_from(MailboxRole),
    folder=text,
    uidvalidity=numbers,
    uid=numbers,
    internal_date=st.none() | moments,
    full_size_bytes=numbers,
    quiet=st.booleans(),
    released=st.booleans(),
    released_by=text,
    release_acknowledged=st.booleans(),
    confirmed_by=text,
    authenticated=st.booleans(),
)


@given(envelopes)
def test_what_was_written_is_read(envelope: Envelope) -> None:
    read = envelope_from_json(json.loads(json.dumps(envelope_to_json(envelope))))
    assert read == envelope
    # A word of an enumeration is equal to its text, which is not one.
    assert (type(read.transport), type(read.mailbox_role)) == (Transport, MailboxRole)


def test_a_field_of_a_later_version_is_passed_over() -> None:
    envelope = Envelope(transport=Transport.LMTP, received_at=datetime(2026, 3, 2, tzinfo=UTC))

    assert envelope_from_json(envelope_to_json(envelope) | {"moon_phase": "full"}) == envelope


def test_the_source_key_is_the_place_on_the_imap_server() -> None:
    def key(**changes: object) -> bytes | None:
        place = {"mailbox": "desk", "folder": "INBOX", "uidvalidity": 7, "uid": 1}
        moment = datetime(2026, 3, 2, tzinfo=UTC)
        return source_key(Envelope(transport=Transport.IMAP, received_at=moment, **{**place, **changes}))  # type: ignore[arg-type]

    different = [key(), key(mailbox="sales"), key(folder="Sent"), key(uidvalidity=8), key(uid=2), key(uidvalidity=71)]
    assert len(set(different)) == len(different)
    assert key() == key()
    assert key(uid=None) is None
    assert key(uidvalidity=None) is None
    # It lies in the ledger for years: with another form, every mail of a mailbox would be fetched anew.
    assert key() == hashlib.sha256(b"imap\0desk\0INBOX\0" + b"7\0" + b"1").digest()
    assert key(folder="\udcff") == hashlib.sha256(b"imap\0desk\0\xff\0" + b"7\0" + b"1").digest()
