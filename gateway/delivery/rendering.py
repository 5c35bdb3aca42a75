"""Render claimed mails and commit their final bytes, before any connection is opened.

Rendering writes nothing and happens once for each mail; what was rendered before a crash is not rendered again. A mail
that cannot be rendered is held or put off, and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import gateway.store.outbox as outbox
from gateway.compose import LetterRefused, TemplateFailure
from gateway.delivery import events
from gateway.delivery.outcome import mail_delay
from gateway.store.database import snapshot, transaction
from gateway.store.outbox import Database, Outgoing

MAX_RENDER_ATTEMPTS = 5
# Mails are committed together up to this size, so that eight big ones don't lie in memory at the same time.
COMMIT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A mail as it will be sent: `content` with CRLF lines; `reverse_path` "" is the null sender."""

    content: bytes = field(repr=False)
    recipient: str
    reverse_path: str


class Preparation:
    """Turns claimed mails into mails that are ready to be sent."""

    def __init__(self, database: Database, *, render: Callable[[int], Rendered], chance: Callable[[], float]) -> None:
        self._database = database
        self._render = render
        self._chance = chance

    def prepare(self, claimed: Sequence[Outgoing], now: datetime) -> list[Outgoing]:
        """Return those of the claimed mails whose final bytes are stored, in the same order."""
        ready: list[Outgoing] = []
        waiting = list(claimed)
        while waiting:
            ready += self._store(self._render_some(waiting), now)
        return ready

    def _render_some(self, waiting: list[Outgoing]) -> list[tuple[Outgoing, Rendered | Exception | None]]:
        """Render the first of them, for which the database is read as it is at one moment: until their bytes are
        enough for one commit, or one can't be rendered, which may have spoilt that reading."""
        rendered: list[tuple[Outgoing, Rendered | Exception | None]] = []
        size = 0
        with snapshot(self._database):
            while waiting and size <= COMMIT_BYTES:
                outgoing = waiting.pop(0)
                result = None if outgoing.is_rendered else self._attempted(outgoing)
                rendered.append((outgoing, result))
                if isinstance(result, Exception):
                    break
                size += len(result.content) if result is not None else 0
        return rendered

    def _store(self, rendered: list[tuple[Outgoing, Rendered | Exception | None]], now: datetime) -> list[Outgoing]:
        """Commit the bytes of these mails in one transaction; hold or put off what could not be rendered."""
        stored: list[Outgoing | None] = []
        with transaction(self._database):
            for outgoing, result in rendered:
                if result is None:
                    stored.append(outgoing)
                elif isinstance(result, Rendered):
                    stored.append(outbox.store_bytes(outgoing, result.content, reverse_path=result.reverse_path))
        outgoing, result = rendered[-1]
        if isinstance(result, Exception):
            self._give_up(outgoing, result, now)
        return [one for one in stored if one is not None]

    def _attempted(self, outgoing: Outgoing) -> Rendered | Exception:
        try:
            return self._checked(outgoing)
        except Exception as error:  # noqa: BLE001 (whatever it is must cost this mail only)
            return error

    def _checked(self, outgoing: Outgoing) -> Rendered:
        if outgoing.claim.attempt > MAX_RENDER_ATTEMPTS:
            raise RuntimeError(f"{MAX_RENDER_ATTEMPTS} attempts to render it ended the process")
        mail = self._render(outgoing.id)
        # After a crash the envelope comes from the row, so the two must name the same person from the start.
        if mail.recipient.lower() != outgoing.recipient:
            raise ValueError("composed for somebody else than the outbox row names")
        return mail

    def _give_up(self, outgoing: Outgoing, error: Exception, now: datetime) -> None:
        if isinstance(error, TemplateFailure):
            self._hold(outgoing, reason="template", error=error)
            return
        attempt = outgoing.claim.attempt
        if isinstance(error, LetterRefused) or attempt >= MAX_RENDER_ATTEMPTS:
            self._hold(outgoing, reason="render", error=error)
            return
        events.render_failed(outgoing, error)
        with transaction(self._database):
            until = now + mail_delay(attempt, chance=self._chance())
            outbox.put_off(outgoing, until=until, reply=_words(error))

    def _hold(self, outgoing: Outgoing, *, reason: str, error: Exception) -> None:
        with transaction(self._database):
            outbox.mark_held(outgoing, reason=reason, reply=_words(error))
        events.held(outgoing, reason, error)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
