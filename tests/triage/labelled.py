"""The labelled tickets of `tests/triage/tickets/`, and how right somebody is who says what they are.

A guess is a pair of type and topic. `judge` compares guesses with labels; who guesses (the shipped rules here, a
keyword list or a trained classifier in `tests.benchmarks.rules_quality`) is the caller's business.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from pathlib import Path
from typing import Literal

from gateway.mail import Mail
from gateway.parse import parse
from gateway.policy import Policy
from gateway.ticket import Field
from gateway.triage.classify import classify

FOLDER = Path(__file__).parent / "tickets"
LANGUAGES = ("en", "de", "fr", "es", "pt")
Half = Literal["seen", "held", "later", "stranger"]
HALVES: tuple[Half, ...] = ("seen", "held", "later", "stranger")
Guess = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A ticket as somebody wrote it, and what it is: "incident" or "request", and the topic (a category)."""

    half: Half
    type: str
    topic: str
    subject: str
    text: str

    def as_mail(self) -> Mail:
        """Read it as the gateway would, with its quotes and forwarded parts told apart."""
        message = EmailMessage(policy=SMTP)
        message["From"] = "somebody@example.com"
        message["To"] = "helpdesk@example.com"
        message["Subject"] = self.subject
        message.set_content(self.text)
        return parse(message.as_bytes())


@dataclass(frozen=True, kw_only=True)
class Score:
    """Shares from 0 to 1; macro F1 is that of the two types."""

    type_accuracy: float
    macro_f1: float
    topic_accuracy: float


@cache
def tickets_of(language: str) -> tuple[Labelled, ...]:
    with (FOLDER / f"{language}.toml").open("rb") as file:
        return tuple(Labelled(**row) for row in tomllib.load(file)["ticket"])


def guess_by_rules(policy: Policy) -> Callable[[Labelled], Guess]:
    """What a policy's rules say of a ticket."""

    def guess(ticket: Labelled) -> Guess:
        result = classify(ticket.as_mail(), policy=policy)
        return result.get(Field.TYPE), result.get(Field.CATEGORY)

    return guess


def judge(tickets: Sequence[Labelled], guesses: Sequence[Guess]) -> Score:
    """Score guesses, one for each ticket in its order."""
    pairs = list(zip(tickets, guesses, strict=True))
    types = [(ticket.type, guessed) for ticket, (guessed, _) in pairs]
    return Score(
        type_accuracy=_share(wanted == got for wanted, got in types),
        macro_f1=sum(_f1(types, name) for name in ("incident", "request")) / 2,
        topic_accuracy=_share(ticket.topic == topic for ticket, (_, topic) in pairs),
    )


def _share(hits: Iterable[bool]) -> float:
    found = list(hits)
    return sum(found) / len(found)


def _f1(pairs: Sequence[tuple[str, str]], name: str) -> float:
    right = sum(wanted == got == name for wanted, got in pairs)
    named = sum((wanted == name) + (got == name) for wanted, got in pairs)
    return 2 * right / named if named else 0.0
