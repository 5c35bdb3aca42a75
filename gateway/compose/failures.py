"""What may go wrong when a mail is composed. Both failures hold the one mail that they happen to."""

from __future__ import annotations

from gateway.errors import GatewayError, Problem


class TemplateFailure(GatewayError):
    """Correct the template at the named place, then retry the held mail; the ticket itself is not touched."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class LetterRefused(GatewayError):
    """A value of the letter would damage or forge a header, so the mail is not sent; correct the value it names."""
