"""Whatever reads strangers' octets takes any octets: searched by hypothesis, from our own mails and from nothing."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, seeds

_TOKENS = (
    *(b"\r", b"\n", b"\0", b" ", b"\t", b":", b"=?utf-8?q?=0D=0A?=", b"=?", b"?=", b'"', b"<", b">", b"(", b"@", b"."),
    *(
        b"[INC-1]",
        b"INC",
        b"-",
        "\u202e".encode(),
        "\u2028".encode(),
        b"\xff",
        b"\xed\xa0\x80",
        "ＩＮＣ".encode(),
        b"1",
    ),
    *(b"From: a@b", b"Subject:", b"\r\n\r\n", b"> ", b"-- ", b"[[rule]]\n", b"[desk]\n", b"name = ", b"'", b"\\", b"{"),
    *(b"a" * 70, b"x" * 300, "ä".encode(), "😀".encode(), b"\x85", b"\x0b", b"\x1b"),
)
octets = st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(_TOKENS), max_size=25).map(b"".join))


@pytest.mark.parametrize("name", TARGETS)
def test_any_octets_are_read(name: str) -> None:
    @settings(max_examples=300)
    @example(b"")
    @given(octets)
    def reads(content: bytes) -> None:
        TARGETS[name](content)

    reads()


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_examples_are_read(name: str) -> None:
    chance = Random(7)
    for _ in range(600):
        content = bytearray(chance.choice(seeds(name))[:20_000])
        for _ in range(chance.randint(1, 6)):
            place = chance.randrange(len(content) + 1)
            content[place : place + chance.choice((0, 0, 1, 5, 40))] = chance.choice(_TOKENS)
        TARGETS[name](bytes(content))
