"""The tree of our exceptions.

::

    GatewayError
    ├── ConfigurationError     a file that an admin owns is wrong; the start (or the reload) is refused
    ├── TemporaryFailure       try again later: 4yz to the outside, the mail stays where it is
    └── PermanentFailure       never try this again: 5yz to the outside

Only ``TemporaryFailure`` and ``PermanentFailure`` leave an edge. Each carries an RFC 3463 status, a public text without
internals, and the cause (``raise … from error``). An exception that nobody expected is temporary to the outside and an
ERROR line inside.
"""

from __future__ import annotations

from dataclasses import dataclass

# A mistake may only follow from the next one: a rule asks for what a file with a mistake does not say.
_FEW = 3


class GatewayError(Exception):
    """The root of what we raise on purpose; catch it nowhere but at the very edge."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake in a file of the admin: where it is, what is wrong, what would be right.

    `key` is a path as people count, rule[3].set.team; `name` what the admin calls that rule.
    """

    file: str
    message: str
    key: str = ""
    name: str = ""
    line: int | None = None
    column: int | None = None
    suggestion: str = ""

    def __str__(self) -> str:
        place = self.file
        if self.line is not None:
            place += f":{self.line}"
            if self.column is not None:
                place += f":{self.column}"
        text = f"{place}: {self._named_key}: {self.message}" if self.key else f"{place}: {self.message}"
        return f"{text} ({self.suggestion})" if self.suggestion else text

    @property
    def _named_key(self) -> str:
        if not self.name:
            return self.key
        table, _, below = self.key.partition("].")
        return f"{table}] “{self.name}”, {below}" if below else f"{table} “{self.name}”"


class ConfigurationError(GatewayError):
    """Correct the named places and start (or reload) again; nothing was changed."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems

    @property
    def in_short(self) -> str:
        """The first few mistakes in one line, and how many more there are."""
        told, more = "; ".join(map(str, self.problems[:_FEW])), len(self.problems) - _FEW
        return f"{told} (and {more} more: gateway check)" if more > 0 else told


class EdgeFailure(GatewayError):
    """What an edge tells the other side: an RFC 3463 status and a text that betrays nothing of us."""

    status = "4.3.0"

    def __init__(self, public_text: str, *, status: str | None = None) -> None:
        super().__init__(public_text)
        self.public_text = public_text
        self.status = status or type(self).status


class TemporaryFailure(EdgeFailure):
    """Keep the mail and try again later; the log names the cause."""

    status = "4.3.0"


class PermanentFailure(EdgeFailure):
    """Do not try this again unchanged; the status says what is wrong with it."""

    status = "5.0.0"
