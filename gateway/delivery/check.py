"""Try the relay as delivery would, without a mail: for `gateway check --connect`."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

from gateway.delivery.outcome import ChannelTrouble
from gateway.delivery.relay import make_tls_context
from gateway.delivery.session import Session, open_session
from gateway.oauth import Account
from gateway.settings import Relay


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing found out about the relay; not `is_good` where mail would suffer from it."""

    name: str
    text: str
    is_good: bool = True

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


def check_relay(settings: Relay, *, account: Account | None = None) -> list[Fact]:
    """Connect, secure and log in with the settings (which name a host), and tell what the relay offers."""
    return asyncio.run(_closing(settings, account))


async def _closing(settings: Relay, account: Account | None) -> list[Fact]:
    facts = await _check(settings, account)
    # One turn of the loop, so that the transport closes its socket.
    await asyncio.sleep(0)
    return facts


async def _check(settings: Relay, account: Account | None) -> list[Fact]:
    place = f"{settings.host}:{settings.port}"
    try:
        context = make_tls_context(settings)
        hostname = settings.hostname or socket.getfqdn()
        session = await open_session(settings, context, hostname=hostname, account=account)
    except ChannelTrouble as trouble:
        return [Fact(name="connection", text=f"{place}: {trouble.answer.reply}", is_good=False)]
    facts = [
        Fact(name="connection", text=place),
        _tls_fact(session, settings),
        _login_fact(session, settings),
        _size_fact(session),
        _offer("8BITMIME", session, without="every mail is written in 7-bit lines anyway"),
        _offer("SMTPUTF8", session, without="addresses like müller@example.com cannot be written to"),
    ]
    await session.close()
    return facts


def _tls_fact(session: Session, settings: Relay) -> Fact:
    if settings.tls == "none":
        return Fact(name="TLS", text='off: [relay] tls = "none"')
    cipher = session.client.get_transport_info("cipher")
    return Fact(name="TLS", text=f"{cipher[1]}, certificate of {settings.host} verified")


def _login_fact(session: Session, settings: Relay) -> Fact:
    if settings.user:
        how = f", with the token of [oauth.{settings.oauth}]" if settings.oauth else ""
        return Fact(name="login", text=f"accepted for {settings.user}{how}")
    offered = ", ".join(method.upper() for method in session.client.server_auth_methods)
    return Fact(name="login", text=f"none configured (offered: {offered or 'none'})")


def _size_fact(session: Session) -> Fact:
    limit = session.client.esmtp_extensions.get("size", "").strip()
    if not limit.isdecimal() or int(limit) == 0:
        return Fact(name="SIZE", text="no limit announced")
    return Fact(name="SIZE", text=f"{int(limit):,} bytes at most")


def _offer(extension: str, session: Session, *, without: str) -> Fact:
    if session.client.supports_extension(extension):
        return Fact(name=extension, text="offered")
    return Fact(name=extension, text=f"not offered: {without}")
