"""Render claimed mails and commit their final bytes, before any connection is opened.

Rendering happens outside a transaction, once for each mail; what was rendered before a crash is not rendered again. A
mail that cannot be rendered is held or put off, and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import gateway.store.outbox as outbox
from gateway.compose import LetterRefused, TemplateFailure
from gateway.delivery import events
from gateway.delivery.outcome import mail_delay
from gateway.store.database import transaction
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
        rendered: list[tuple[Outgoing, Rendered]] = []
        for outgoing in claimed:
            if outgoing.is_rendered:
                # Keeps the order: what was claimed before this one is stored, and listed, first.
                ready += self._store(rendered)
                ready.append(outgoing)
                continue
            mail = self._rendered(outgoing, now)
            if mail is not None:
                rendered.append((outgoing, mail))
            if sum(len(mail.content) for _, mail in rendered) > COMMIT_BYTES:
                ready += self._store(rendered)
        ready += self._store(rendered)
        return ready

    def _store(self, rendered: list[tuple[Outgoing, Rendered]]) -> list[Outgoing]:
        """Commit the bytes of these mails in one transaction, and empty the list."""
        if not rendered:
            return []
        with transaction(self._database):
            stored = [
                outbox.store_bytes(outgoing, mail.content, reverse_path=mail.reverse_path)
                for outgoing, mail in rendered
            ]
        rendered.clear()
        return [outgoing for outgoing in stored if outgoing is not None]

    def _rendered(self, outgoing: Outgoing, now: datetime) -> Rendered | None:
        try:
            return self._checked(outgoing)
        except TemplateFailure as error:
            self._hold(outgoing, reason="template", error=error)
        except LetterRefused as error:
            self._hold(outgoing, reason="render", error=error)
        except Exception as error:  # noqa: BLE001 (nobody expected it; it must cost this mail only)
            self._failed(outgoing, error, now)
        return None

    def _checked(self, outgoing: Outgoing) -> Rendered:
        if outgoing.claim.attempt > MAX_RENDER_ATTEMPTS:
            raise RuntimeError(f"{MAX_RENDER_ATTEMPTS} attempts to render it ended the process")
        mail = self._render(outgoing.id)
        # After a crash the envelope comes from the row, so the two must name the same person from the start.
        if mail.recipient.lower() != outgoing.recipient:
            raise ValueError("composed for somebody else than the outbox row names")
        return mail

    def _failed(self, outgoing: Outgoing, error: Exception, now: datetime) -> None:
        attempt = outgoing.claim.attempt
        if attempt >= MAX_RENDER_ATTEMPTS:
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
