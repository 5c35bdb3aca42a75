"""TLS to the mailbox is verified, or there is no connection."""

from __future__ import annotations

import socket
from typing import Any

import peewee
import pytest

from gateway.errors import TemporaryFailure
from gateway.intake.imap import MailboxWatcher
from tests.intake.imap_house import House, mail_bytes, plain
from tests.intake.imap_proxy import Proxy
from tests.intake.scripted_imap import ScriptedServer
from tests.servers.certificates import Certificates
from tests.servers.dovecot import Mailbox


def over_tls(mailbox: Mailbox, tls: str, ca_file: Any) -> dict[str, Any]:
    port = mailbox.server.imaps_port if tls == "implicit" else mailbox.server.imap_port
    return plain(mailbox, tls=tls, port=port, ca_file=ca_file, host="localhost")


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_server_with_a_trusted_certificate_is_read_over_tls_also_while_idling(
    mailbox: Mailbox, sqlite: peewee.Database, certificates: Certificates, tls: str
) -> None:
    house = House(sqlite, **over_tls(mailbox, tls, certificates.ca))
    with house.running(house.watcher(poll_seconds=600)):
        house.wait_until(lambda: house.row().get("last_ok_at") is not None, "the first round")
        mailbox.append(mail_bytes("Encrypted", text="line of text\r\n" * 200_000))
        house.wait_for_subjects("Encrypted")
    house.close()


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_server_whose_certificate_nobody_trusts_never_hears_the_password(
    mailbox: Mailbox, sqlite: peewee.Database, certificates: Certificates, tls: str
) -> None:
    house = House(sqlite, **over_tls(mailbox, tls, certificates.stranger_certificate))
    with pytest.raises(TemporaryFailure, match="set ca_file"):
        house.drain(house.watcher())
    mailbox.wait_for_sessions(0)
    house.close()


def test_a_server_with_another_name_in_its_certificate_is_refused(
    mailbox: Mailbox, sqlite: peewee.Database, certificates: Certificates
) -> None:
    with Proxy(mailbox.server.imaps_port, host="127.0.0.2") as proxy:
        settings = {**over_tls(mailbox, "implicit", certificates.ca), "host": "127.0.0.2", "port": proxy.port}
        house = House(sqlite, **settings)
        with pytest.raises(TemporaryFailure, match="mismatch"):
            house.drain(house.watcher())
    house.close()


@pytest.mark.parametrize("capabilities", ["IMAP4rev1 IDLE", "IMAP4rev1 IDLE STARTTLS"])
def test_a_server_that_does_not_begin_tls_never_hears_the_password(sqlite: peewee.Database, capabilities: str) -> None:
    def refuse(client: socket.socket, tag: bytes, command: bytes) -> bool:
        if command == b"STARTTLS":
            client.sendall(tag + b" NO not now\r\n")
            return True
        return False

    with ScriptedServer(capabilities=capabilities, fault=refuse) as server:
        house = House(sqlite, host="127.0.0.1", port=server.port, tls="starttls", user="u", password="topsecret")
        with pytest.raises(TemporaryFailure):
            house.drain(house.watcher())
        assert not any(b"LOGIN" in line or b"topsecret" in line for line in server.commands)
    house.close()


def test_octets_that_come_before_tls_are_not_read_as_if_they_came_inside(
    sqlite: peewee.Database, certificates: Certificates
) -> None:
    def inject(client: socket.socket, tag: bytes, command: bytes) -> bool:
        if command != b"STARTTLS":
            return False
        client.sendall(tag + b" OK begin\r\n* CAPABILITY IMAP4rev1 EVIL\r\n")
        with certificates.server_context().wrap_socket(client, server_side=True) as secure:
            heard.append(secure.recv(4096))
            heard.append(secure.recv(4096))
        return True

    heard: list[bytes] = []
    with ScriptedServer(capabilities="IMAP4rev1 STARTTLS", fault=inject) as server:
        ca_file = certificates.ca
        house = House(
            sqlite, host="localhost", port=server.port, tls="starttls", ca_file=ca_file, user="u", password="topsecret"
        )
        with pytest.raises(TemporaryFailure, match="before TLS"):
            house.drain(house.watcher())
    assert not any(b"topsecret" in line for line in heard)
    house.close()


def test_the_watcher_says_which_host_and_what_it_tried(sqlite: peewee.Database) -> None:
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    house = House(sqlite, host="127.0.0.1", port=port, tls="none", user="u", password="p")
    watcher: MailboxWatcher = house.watcher()
    with pytest.raises(TemporaryFailure, match=r"127\.0\.0\.1: connect: .*refused"):
        house.drain(watcher)
    house.close()
