"""Canned answers as decisions see them: names, and the words for one ticket. The texts are files of the templates.

Who loads the files (`compose.answers`) hands them to the policy (`with_answers`); a policy without them has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Answers(Protocol):
    """The canned answers in force; asking one is pure."""

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in order."""

    def render(self, name: str, language: str, context: Mapping[str, object]) -> tuple[str, str]:
        """The words of an answer in this language or the nearest that there is, and the problem where it has none."""


class NoAnswers:
    """No folder of answers."""

    names: tuple[str, ...] = ()

    def render(self, name: str, language: str, context: Mapping[str, object]) -> tuple[str, str]:
        return "", f"there is no answer {name}"
