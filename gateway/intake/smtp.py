"""Listen for SMTP (RFC 5321). The dialogue itself is in `smtp_session`.

What may fail: `ConfigurationError` for a certificate that can't be used or a port that can't be had.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from gateway.errors import ConfigurationError, Problem
from gateway.intake.accept import Door
from gateway.intake.data import SpoolMemory
from gateway.intake.listener import GuestBook, Listener, Place, SmtpThread
from gateway.intake.smtp_limits import Limits, Timeouts
from gateway.intake.smtp_session import HOP_LIMIT, SessionOptions, SmtpSession
from gateway.settings.tables import Smtp

__all__ = ["SmtpListener", "SmtpThread", "limits_of", "timeouts_of"]


class SmtpListener(Listener):
    """Listen for SMTP. `is_recipient` tells whether an address is the desk's."""

    def __init__(
        self,
        settings: Smtp,
        *,
        is_recipient: Callable[[str], bool],
        door: Door,
        clock: Callable[[], datetime],
        spool_folder: Path | None = None,
        memory: SpoolMemory | None = None,
        timeouts: Timeouts | None = None,
        hop_limit: Callable[[], int] = lambda: HOP_LIMIT,
    ) -> None:
        options = SessionOptions(
            hop_limit=hop_limit,
            door=door,
            is_recipient=is_recipient,
            clock=clock,
            size_limit_bytes=settings.size_limit_bytes,
            hostname=settings.hostname or socket.gethostname(),
            tls=_tls_context(settings),
            require_starttls=settings.require_starttls,
            spool_folder=spool_folder,
            submitters_only=settings.submitters_only,
            memory=memory or SpoolMemory(settings.memory_bytes),
            limits=limits_of(settings),
            timeouts=timeouts or timeouts_of(settings),
        )
        book = GuestBook(
            connections=settings.connections,
            connections_per_peer=settings.connections_per_peer,
            trusted_peers=settings.trusted_peers,
        )
        place = Place(key="smtp.port", host=settings.host, port=settings.port)
        super().__init__(place, book=book, session=lambda: SmtpSession(options, book))


def limits_of(settings: Smtp) -> Limits:
    """What one connection may ask for; LMTP has the same limits."""
    return Limits(recipients=settings.recipients, commands=settings.commands, errors=settings.errors)


def timeouts_of(settings: Smtp) -> Timeouts:
    """How long we wait; LMTP waits as long."""
    return Timeouts(command=settings.command_seconds, idle=settings.idle_seconds, content=settings.mail_seconds)


def _tls_context(settings: Smtp) -> ssl.SSLContext | None:
    """Load the certificate; raises ConfigurationError."""
    if settings.tls_certificate is None:
        if settings.require_starttls:
            message = "is on, but there is no smtp.tls_certificate"
            raise ConfigurationError([Problem(file="gateway.toml", key="smtp.require_starttls", message=message)])
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    except OSError as error:  # ssl.SSLError is one too
        message = f"{settings.tls_certificate} can't be used: {error.strerror or error}"
        raise ConfigurationError([Problem(file="gateway.toml", key="smtp.tls_certificate", message=message)]) from error
    return context
