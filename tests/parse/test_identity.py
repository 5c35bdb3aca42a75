"""Identity is the one From mailbox: never does a mail get a privileged identity that another strict reader denies.

The shapes of the known parser differentials, and thousands of mails made of their pieces (T9, T10), against an oracle.
"""

from __future__ import annotations

import random
from collections import Counter
from email.parser import BytesHeaderParser

import pytest

from gateway.parse import parse
from gateway.parse.headers import read_people
from gateway.parse.scan import scan
from tests.parse.identity_oracle import identity

BOSS, EVIL = "boss@corp.example", "attacker@evil.example"
PRIVILEGED = {BOSS}

# What stands behind "From:", with what it is as an identity.
SHAPES: dict[str, str | None] = {
    f"{EVIL}": EVIL,
    f"{BOSS}": BOSS,
    f"Boss <{BOSS}>": BOSS,
    f'"The Boss" <{BOSS}>': BOSS,
    f'"{BOSS}" <{EVIL}>': EVIL,
    f"{BOSS} <{EVIL}>": None,
    f"{BOSS}(<{EVIL}>": None,
    f"{BOSS})<{EVIL}>": None,
    f"{BOSS};<{EVIL}>": None,
    f'"{BOSS}, x" <{EVIL}>': EVIL,
    f"{EVIL}, {BOSS}": None,
    f"{BOSS}, {EVIL}": None,
    "a@evil.example@corp.example": None,
    '"boss@corp.example"@evil.example': None,
    f"<@corp.example:{EVIL}>": None,
    f"{BOSS} (<{EVIL}>)": None,
    f"{BOSS} (the boss)": BOSS,
    f"staff: {BOSS}, {EVIL};": None,
    f"staff: {BOSS};": None,
    f"=?utf-8?q?boss=40corp=2Eexample=3E=20=3C?= <{EVIL}>": EVIL,
    "=?utf-8?q?boss=40corp.example?=": None,
    f"=?utf-8?q?x=0D=0ABcc:=20victim@corp.example?= <{EVIL}>": None,
    "=?utf-8?b?Ym9zc0Bjb3JwLmV4YW1wbGUA?=@evil.example": None,
    f'"=?utf-8?b?Ym9zc0Bjb3JwLmV4YW1wbGUA?=" <{EVIL}>': EVIL,
    f"\u202eelpmaxe.proc@ssob <{EVIL}>": None,
    "b\u043ess@corp.example": None,
    f"boss\uff20corp.example <{EVIL}>": None,
    "boss@corp\u2024example": None,
    "BOSS@Corp.Example. ": None,
    "BOSS@Corp.Example": BOSS,
    "": None,
    "<>": None,
    f"{BOSS}\r\n {EVIL}": None,
    f"Boss\r\n <{BOSS}>": BOSS,
    f"{BOSS}\r\nFrom: {EVIL}": None,
    f"{EVIL}\rFrom: {BOSS}": None,
    f"{EVIL}\nFrom: {BOSS}": None,
    f"{EVIL}\0{BOSS}": None,
    f"{EVIL}\r\nFrom : {BOSS}": None,
    f"{EVIL}\r\nSubject: hi\rFrom: {BOSS}": None,
    f"{EVIL}\r\nSubject: one\r\nSubject: two": None,
    f"{BOSS}\r\nReply-To: {EVIL}\r\nReply-To: {BOSS}": None,
    f"({BOSS}) {EVIL}": None,
    f"<{BOSS}> <{EVIL}>": None,
    f"Boss <<{BOSS}>": None,
    f"boss (corp) @corp.example <{EVIL}>": None,
    "boss @ corp . example": None,
    f'"Boss\\" <{BOSS}>" <{EVIL}>': EVIL,
    f"undisclosed:;, {BOSS}": None,
}
PIECES = [
    *(BOSS, EVIL, f"<{BOSS}>", f"<{EVIL}>", "boss", "@", "corp.example", "evil.example", '"', "\\", "(", ")", "<", ">"),
    *(",", ";", ":", " ", "\t", "\r\n ", "\r", "\n", "\0", "=?utf-8?q?boss=40corp.example?=", "=?utf-8?q?=3C?="),
    *("Boss", '"The Boss"', "\r\nFrom: ", "\r\nFrom : ", "\r\nSender: ", "\u202e", "\uff20", "\x0b", "\x1c", "\x85"),
    *("=?utf-8?b?Ym9zc0Bjb3JwLmV4YW1wbGUA?=", "[192.0.2.1]", ".", "+x", "group:", '\\"', "=?", "?=", "\u2028"),
]


def mail(value: str) -> bytes:
    head = f"From: {value}\r\nTo: desk@corp.example\r\nMessage-ID: <1@corp.example>\r\n\r\nHello\r\n"
    return head.encode("utf-8", "surrogateescape")


def privileged(raw: bytes) -> str | None:
    """Whom the product takes the sender for, where it would let that count."""
    scanned = scan(raw)
    read = read_people(BytesHeaderParser().parsebytes(scanned.head + b"\n\n"), scanned.defects)
    return read.sender.address if read.sender is not None and not read.defects else None


@pytest.mark.parametrize(("value", "expected"), SHAPES.items(), ids=lambda value: repr(value)[:50])
def test_the_known_shapes(value: str, expected: str | None) -> None:
    raw = mail(value)
    found = privileged(raw)
    assert found in (None, expected)
    whole = parse(raw)
    assert found == (whole.sender.address if whole.sender is not None and not whole.sender_defects else None)
    assert identity(raw) in (None, expected), "the oracle itself"
    if expected == BOSS:
        assert found == BOSS, "an honest form of an agent's address must count"


def made(chance: random.Random) -> str:
    """A From value: a known shape with a few pieces put in, taken out or doubled, or pieces alone."""
    if chance.random() < 0.3:
        return "".join(chance.choices(PIECES, k=chance.randint(1, 8)))
    value = chance.choice(list(SHAPES))
    for _ in range(chance.randint(1, 3)):
        at = chance.randint(0, len(value))
        cut = at + chance.choice((0, 0, 0, 1, 3))
        value = value[:at] + chance.choice(PIECES) + value[cut:]
    return value


# Fifty thousand mails in CI; apart, so that two workers share them.
@pytest.mark.parametrize("seed", range(10))
def test_no_made_up_sender_is_taken_for_somebody_that_the_oracle_denies(seed: int) -> None:
    chance = random.Random(seed)
    found: Counter[str] = Counter()
    for _ in range(5_000):
        raw = mail(made(chance))
        ours, theirs = privileged(raw), identity(raw)
        found["same" if ours == theirs else "none" if ours is None else "more"] += 1
        assert ours == theirs or ours not in PRIVILEGED, raw
    # Where it finds nothing at all, it has not been tested.
    assert found["same"] > 500
