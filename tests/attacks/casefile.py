"""One attack, one file: what is sent and what must come of it.

A file is a TOML block, a line ``+++``, and the mail (several mails, each after a line ``+++``, where the attack takes
more than one; the expectations are about the last). Lines end with LF in the file and with CRLF on the wire. What a
file can't say, or what only the desk knows, stands in placeholders:

======================================  =============================================================================
``{{cr}} {{lf}} {{nul}} {{x:e9}}``      octets
``{{times:500:text}}``                  the text so many times; ``\\n`` in it ends a line, ``%d`` counts from 0
``{{n}}``                               the number of the copy of a mail that is sent `copies` times, from 1
``{{key:PERSON:TICKET}}``               the reply address that PERSON was given for TICKET
``{{sealed:PERSON:TICKET}}``            the forty letters in it
``{{id:PERSON:TICKET}}``                the Message-ID of the last mail to PERSON about TICKET
``{{bounce:PERSON:TICKET}}``            the envelope sender of that mail, where its bounces go
``{{mark:PERSON:TICKET}}``              the loop mark of that mail
``{{token:TICKET}} {{number:TICKET}}``  ``[INC-1004]`` and ``1004``
======================================  =============================================================================

TICKET may be ``vpn/acknowledgement`` for the last mail of that notice. A last word behind `key`, `sealed` and `id`
tampers with the key: ``flip`` (its tag), ``ticket`` (says another ticket), ``person`` (says another person), ``role``
(says agent), ``purpose`` (well signed, for bounces), ``upper`` (no harm), ``short`` (cut), ``foreign`` (signed with a
secret of the attacker's).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
_SEPARATOR = re.compile(rb"^\+\+\+\n", re.MULTILINE)
_PLACEHOLDER = re.compile(rb"\{\{(?:(n|cr|lf|nul)|(x|times|key|sealed|id|bounce|mark|token|number):([^{}]*))\}\}")
_OCTETS = {"cr": b"\r", "lf": b"\n", "nul": b"\0"}

# Says what a placeholder that only the desk can fill stands for: its word, and what stands behind the colon.
Fill = Callable[[str, list[str]], str]


@dataclass(frozen=True, kw_only=True)
class Attack:
    """A file: `row` is its folder, `head` its TOML block, `mails` the mails as they stand in it."""

    path: Path
    head: dict[str, Any]
    mails: tuple[bytes, ...]

    @property
    def row(self) -> str:
        return self.path.parent.name

    @property
    def name(self) -> str:
        return f"{self.row}/{self.path.stem}"

    @property
    def expected(self) -> dict[str, Any]:
        expected: dict[str, Any] = self.head["expect"]
        return expected

    @property
    def is_dialogue(self) -> bool:
        return "dialogue" in self.head


def read_attack(path: Path) -> Attack:
    head, *mails = _SEPARATOR.split(path.read_bytes())
    return Attack(path=path, head=tomllib.loads(head.decode()), mails=tuple(mails))


def all_attacks() -> list[Attack]:
    return [read_attack(path) for path in sorted(FOLDER.glob("*/*.mail"))]


def on_the_wire(text: bytes, fill: Fill, *, copy: int = 1) -> bytes:
    """The octets that a text of a file stands for."""

    def octets(match: re.Match[bytes]) -> bytes:
        word, kind, argument = (group.decode() if group is not None else "" for group in match.groups())
        if word:
            return _OCTETS.get(word) or str(copy).encode()
        if kind == "x":
            return bytes.fromhex(argument)
        if kind == "times":
            count, _, repeated = argument.partition(":")
            piece = repeated.replace("\\n", "\r\n")
            if "%d" in piece:
                return "".join(piece.replace("%d", str(number)) for number in range(int(count))).encode()
            return piece.encode() * int(count)
        return fill(kind, argument.split(":")).encode()

    return _PLACEHOLDER.sub(octets, text.replace(b"\n", b"\r\n"))


def filled(value: Any, fill: Fill, *, copy: int = 1) -> Any:
    """A value of the TOML block with its placeholders filled in."""
    if isinstance(value, str):
        # Surrogates carry octets that are not UTF-8 out to the wire.
        return on_the_wire(value.encode(), fill, copy=copy).decode("utf-8", "surrogateescape")
    if isinstance(value, list):
        return [filled(one, fill, copy=copy) for one in value]
    if isinstance(value, dict):
        return {filled(key, fill, copy=copy): filled(one, fill, copy=copy) for key, one in value.items()}
    return value
