"""Reply keys: proof that somebody answers a mail which we sent to them, on that ticket, in that role.

A key is 40 letters of lower-case base32, so that it fits into a plus address (RFC 5233; a local part has at most 64
octets, RFC 5321 §4.5.3.1.1) and survives systems that fold case. It travels in Reply-To, Message-ID and References,
because some relays rewrite one of them. The tag is HMAC-SHA-256 cut to 88 bits; there is no other form, and a key for
one purpose is worth nothing for another.

Pure: secrets and days are arguments.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum

from gateway.ticket import Role

KEY_LENGTH = 40
# The header with the key of a mail that `gateway check --connect` sends, and how long the desk knows it again.
PROBE_HEADER = "X-Helpdesk-Gateway-Probe"
PROBE_AGE = timedelta(days=7)
# The header with the key of a mail that `gateway doctor` prepares.
DOCTOR_HEADER = "X-Helpdesk-Gateway-Doctor"
# How long an agent's answer to "was it you?" counts.
CONFIRM_AGE = timedelta(days=7)
_TAG_SIZE_BYTES = 11
_KEY = re.compile(r"[a-z2-7]{40}")
# Both cases spelled out: three times as fast as IGNORECASE, and whole files are searched.
_KEY_IN_BYTES = re.compile(rb"(\+|%2[Bb]|H[Gg]\.|h[Gg]\.)([A-Za-z2-7]{40})(?=@|%40|\.)")
_LETTERS = bytes(ord("a") if re.match(rb"[A-Za-z2-7]", bytes([octet])) else ord(" ") for octet in range(256))
_LETTERS_IN_A_ROW = b"a" * KEY_LENGTH
# What a file may have between the letters of a key, and a reader does not see: the NULs of UTF-16, soft line ends (RFC
# 2045 §6.7), HTML tags and characters without width. All bounded and told from letters by their first octet, so that
# the search stays linear.
_UNSEEN = (
    rb"(?:\0|=\r?\n|<[^<>]{0,500}>|&(?:shy|zwnj|zwj|#173|#820[345]|#[Xx](?:[Aa][Dd]|200[BbCcDd]));"
    rb"|\xe2\x80[\x8b-\x8d]|\xc2\xad){0,8}"
)
_BEFORE = rb"(?:\+|%~2~[Bb]|=2[Bb]|&(?:plus|#43|#[Xx]2[Bb]);|[Hh]~[Gg]~(?:\.|=2[Ee]))"
_AFTER = rb"(?:@|\.|%~4~0|=40|=2[Ee]|&(?:commat|period|#64|#46|#[Xx](?:40|2[Ee]));)"
_BROKEN_KEY = re.compile(
    b"".join((b"(", _BEFORE, rb"~)((?:[A-Za-z2-7]~){39}[A-Za-z2-7])(?=~", _AFTER, b")")).replace(b"~", _UNSEEN)
)
_PIECE_OF_KEY = re.compile(_UNSEEN.removesuffix(b"{0,8}") + rb"|([A-Za-z2-7])")
_SEARCHED_OCTETS = 4 * 1024 * 1024
_OWN_ID = re.compile(r"<hg\.([a-z2-7]{40})\.([a-z0-9]{1,32})@([^<>@\s]+)>", re.IGNORECASE)
_EPOCH = date(2020, 1, 1)


class Purpose(Enum):
    """What a key is good for; the value is one octet of what is signed."""

    REPLY = 1
    BOUNCE = 2
    PROBE = 3
    DIGEST = 4
    HEARTBEAT = 5
    CONFIRM = 6
    DOCTOR = 7
    LISTING = 8
    ACTION = 9


_ROLE_OCTETS = {Role.REQUESTER: 1, Role.WATCHER: 2, Role.AGENT: 3}
_ROLES = {octet: role for role, octet in _ROLE_OCTETS.items()}


@dataclass(frozen=True, kw_only=True)
class ReplyKey:
    """Whom a key was given to: `person` is the contact's row, `ticket` the ticket's number, 0 for none."""

    ticket: int
    person: int
    role: Role
    issued_on: date


def seal(key: ReplyKey, *, purpose: Purpose, secret_id: int, secret: bytes) -> str:
    """Write `key` as 40 letters that only a holder of `secret` can write."""
    # A machine whose clock was never set writes a key that is very old, not none.
    day = min(max((key.issued_on - _EPOCH).days, 0), 0xFFFF)
    payload = (
        bytes([secret_id, purpose.value << 4 | _ROLE_OCTETS[key.role]])
        + key.ticket.to_bytes(5, "big")
        + key.person.to_bytes(5, "big")
        + day.to_bytes(2, "big")
    )
    return base64.b32encode(payload + _tag(payload, secret)).decode("ascii").lower()


def unseal(text: str, *, purpose: Purpose, secrets: Mapping[int, bytes]) -> ReplyKey | None:
    """Read a key that we sealed for `purpose`; None for everything else, without saying what was wrong with it."""
    text = text.lower()
    if not _KEY.fullmatch(text):
        return None
    octets = base64.b32decode(text.upper())
    payload, tag = octets[:-_TAG_SIZE_BYTES], octets[-_TAG_SIZE_BYTES:]
    secret = secrets.get(payload[0])
    if secret is None or not hmac.compare_digest(tag, _tag(payload, secret)):
        return None
    role = _ROLES.get(payload[1] & 0x0F)
    if payload[1] >> 4 != purpose.value or role is None:
        return None
    return ReplyKey(
        ticket=int.from_bytes(payload[2:7], "big"),
        person=int.from_bytes(payload[7:12], "big"),
        role=role,
        issued_on=date.fromordinal(_EPOCH.toordinal() + int.from_bytes(payload[12:14], "big")),
    )


def _tag(payload: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, b"reply-key\0" + payload, "sha256")[:_TAG_SIZE_BYTES]


def issue_day(moment: datetime) -> date:
    """The day that a key given at `moment` carries."""
    return moment.astimezone(UTC).date()


def message_id(sealed: str, unique: str, domain: str) -> str:
    """One of our Message-IDs: the key, and a part that makes this mail the only one of its name."""
    return f"<hg.{sealed}.{unique}@{domain}>"


def key_in_id(an_id: str) -> str:
    """The sealed key inside a Message-ID that looks like ours, "" for others'."""
    match = _OWN_ID.fullmatch(an_id.strip())
    return match.group(1).lower() if match else ""


def carries_key(content: bytes) -> bool:
    """Whether a file (a mail, also Outlook's, which is UTF-16) holds what looks like a reply key of ours."""
    seen = content[:_SEARCHED_OCTETS]
    if _shows_key(seen):
        return True
    if b"\0" in seen:
        return _shows_key(seen.replace(b"\0", b""))
    # Text; in other files tags and soft line ends mean nothing, and to look for them takes five times as long.
    return _BROKEN_KEY.search(seen) is not None


def _shows_key(content: bytes) -> bool:
    """As the pattern says; in most files forty letters never stand in a row, which is seen in a fifth of the time."""
    return _LETTERS_IN_A_ROW in content.translate(_LETTERS) and _KEY_IN_BYTES.search(content) is not None


def without_keys(content: bytes) -> bytes:
    """The file with every such key crossed out, also one that is broken by what no reader sees; it stays as long as it
    was."""
    return _BROKEN_KEY.sub(lambda found: found[1] + _PIECE_OF_KEY.sub(_crossed_out, found[2]), content)


def _crossed_out(piece: re.Match[bytes]) -> bytes:
    return piece[0] if piece[1] is None else b"x"


def own_ids_in(text: str) -> tuple[str, ...]:
    """Every id in running text that looks like one of ours, in order, without repeats."""
    return tuple(dict.fromkeys(match.group(0) for match in _OWN_ID.finditer(text)))


def plus_address(desk_address: str, suffix: str) -> str:
    """`desk@example.com` and `key` make `desk+key@example.com`; an empty suffix leaves the address alone."""
    local, _, domain = desk_address.partition("@")
    return f"{local}+{suffix}@{domain}" if suffix else desk_address


def plus_suffix(address: str) -> str:
    """What stands after the plus in the local part, in lower case, "" where there is none."""
    return address.partition("@")[0].partition("+")[2].lower()


def loop_mark(an_id: str, secret: bytes) -> str:
    """The mark by which we know a mail of ours when it comes back; it cannot be had without the secret."""
    return hmac.digest(secret, b"loop-mark\0" + an_id.encode("utf-8", "replace"), "sha256").hex()[:32]


def is_own_mark(mark: str, an_id: str, secrets: Mapping[int, bytes]) -> bool:
    written = mark.encode("utf-8", "replace")
    return any(hmac.compare_digest(written, loop_mark(an_id, secret).encode()) for secret in secrets.values())
