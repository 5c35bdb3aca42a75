"""STARTTLS: what is offered, what is required, what is thrown away."""

from __future__ import annotations

import smtplib
import ssl
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import ConfigurationError
from gateway.intake.accept import Door
from gateway.intake.smtp import SmtpListener
from gateway.intake.smtp_limits import Timeouts
from gateway.settings.tables import Smtp
from tests.intake.desk import (
    DESK,
    Clock,
    RawClient,
    Start,
    a_mail,
    greeting,
    is_recipient,
    rows,
    stored,
)
from tests.servers.certificates import Certificates
from tests.servers.waiting import eventually

MEBIBYTE = 1024 * 1024
END = b"\r\n.\r\n"


def test_starttls_takes_a_mail(start: Start, sqlite_door: Door, certificates: Certificates) -> None:
    port = start(sqlite_door, tls_certificate=certificates.certificate, tls_key=certificates.key)
    with smtplib.SMTP("localhost", port) as client:
        client.starttls(context=certificates.client_context())
        client.ehlo()
        assert not client.has_extn("auth")
        assert not client.has_extn("starttls")
        client.sendmail("erika@example.com", [DESK], a_mail() + b"x" * 200_000 + b"\r\n")

    assert stored(rows()[0].id) == a_mail() + b"x" * 200_000 + b"\r\n"


def test_there_is_no_tls_inside_of_tls(start: Start, sqlite_door: Door, certificates: Certificates) -> None:
    port = start(sqlite_door, tls_certificate=certificates.certificate, tls_key=certificates.key)
    with smtplib.SMTP("localhost", port) as client:
        client.starttls(context=certificates.client_context())
        client.ehlo()
        assert client.docmd("STARTTLS") == (503, b"5.5.1 TLS is in use already")
        assert client.noop()[0] == 250


def test_without_tls_nothing_is_taken_where_it_is_required(
    start: Start, sqlite_door: Door, certificates: Certificates
) -> None:
    options = {"tls_certificate": certificates.certificate, "tls_key": certificates.key, "require_starttls": True}
    with RawClient(start(sqlite_door, **options)) as client:
        assert "STARTTLS" in client.say("EHLO client")
        assert client.say("MAIL FROM:<>") == "530 5.7.0 Must issue a STARTTLS command first"


def test_commands_before_the_handshake_are_thrown_away(
    start: Start, sqlite_door: Door, certificates: Certificates
) -> None:
    port = start(sqlite_door, tls_certificate=certificates.certificate, tls_key=certificates.key)
    with RawClient(port) as client:
        client.say("EHLO client")
        client.send(b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@example.net>\r\n")
        assert client.reply() == "220 2.0.0 Ready to start TLS"
        with certificates.client_context().wrap_socket(client.socket, server_hostname="localhost") as encrypted:
            encrypted.sendall(f"RCPT TO:<{DESK}>\r\n".encode())
            assert encrypted.recv(1000).startswith(b"503 5.5.1")


def test_a_handshake_that_fails_ends_the_session_alone(
    start: Start, sqlite_door: Door, certificates: Certificates
) -> None:
    port = start(sqlite_door, tls_certificate=certificates.certificate, tls_key=certificates.key)
    with RawClient(port) as client:
        client.say("EHLO client")
        assert client.say("STARTTLS").startswith("220")
        client.send(b"this is not TLS\r\n")
        assert client.socket.recv(1000)[:1] != b"2"
    assert greeting(port).startswith("220")


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"require_starttls": True}, "smtp.require_starttls"),
        ({"tls_certificate": Path("/missing/certificate.pem")}, "smtp.tls_certificate"),
        ({"tls_certificate": Path(__file__)}, "smtp.tls_certificate"),
    ],
)
def test_tls_that_can_not_be_had_stops_the_start(
    sqlite_door: Door, clock: Clock, options: dict[str, Any], key: str
) -> None:
    with pytest.raises(ConfigurationError, match=key):
        SmtpListener(Smtp(**options), is_recipient=is_recipient, door=sqlite_door, clock=clock)


def test_the_standard_of_encryption_is_modern(start: Start, sqlite_door: Door, certificates: Certificates) -> None:
    port = start(sqlite_door, tls_certificate=certificates.certificate, tls_key=certificates.key)
    with smtplib.SMTP("localhost", port) as client:
        client.starttls(context=certificates.client_context())
        assert isinstance(client.sock, ssl.SSLSocket)
        assert client.sock.version() in ("TLSv1.2", "TLSv1.3")


def test_half_a_handshake_does_not_keep_its_place(start: Start, sqlite_door: Door, certificates: Certificates) -> None:
    """It seemed to have succeeded when it was broken off, and its session waited for ever."""
    port = start(
        sqlite_door,
        tls_certificate=certificates.certificate,
        tls_key=certificates.key,
        trusted_peers=(),
        connections_per_peer=1,
        timeouts=Timeouts(command=0.2),
    )
    with RawClient(port) as client:
        client.say("EHLO client")
        assert client.say("STARTTLS").startswith("220")
        client.send(b"\x16\x03\x01\x02\x00\x01")
        client.is_closed()
        eventually(lambda: greeting(port).startswith("220"))
