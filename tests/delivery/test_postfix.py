"""Through a real Postfix: what we send arrives as it was stored, and what Postfix refuses is understood."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway.delivery import check_relay
from gateway.settings import Relay
from tests.delivery.house import NOW, REVERSE_PATH, House
from tests.servers.certificates import Certificates
from tests.servers.dovecot import Mailbox
from tests.servers.postfix import PostfixServer
from tests.servers.sink import Sink

TLS_PLACES = [("starttls", "submission_port"), ("implicit", "smtps_port")]


def submission(
    postfix: PostfixServer, certificates: Certificates, mailbox: Mailbox, *, tls: str = "starttls", port: int = 0
) -> Relay:
    """A login over TLS, as with any provider."""
    return Relay(
        host="localhost",
        port=port or postfix.submission_port,
        tls=tls,  # type: ignore[arg-type]
        ca_file=certificates.ca,
        user=mailbox.address,
        password=SecretStr(mailbox.password),
        hostname="desk.example.com",
    )


@pytest.mark.parametrize(("tls", "port"), TLS_PLACES)
def test_mail_reaches_the_world_through_a_login_over_tls(
    small_house: House,
    postfix: PostfixServer,
    postfix_sink: Sink,
    certificates: Certificates,
    mailbox: Mailbox,
    tls: str,
    port: str,
) -> None:
    outbox_id = small_house.add("erika@world.example")
    relay = submission(postfix, certificates, mailbox, tls=tls, port=getattr(postfix, port))
    assert small_house.deliverer(relay).run_once(NOW) == 1
    mail = postfix_sink.wait_for_mail_to("erika@world.example")
    assert mail.sender == REVERSE_PATH
    stored = small_house.stored_bytes(outbox_id)
    assert mail.message["Message-ID"] == small_house.row(outbox_id).message_id
    assert mail.content.endswith(stored[stored.index(b"\r\n\r\n") :])
    assert small_house.row(outbox_id).reply.startswith("250 2.0.0 Ok: queued as")


def test_one_session_carries_many_mails(small_house: House, postfix: PostfixServer, postfix_sink: Sink) -> None:
    """Postfix counts errors and mails for each session; 120 is above its default of 100 recipients."""
    for number in range(120):
        small_house.add(f"person{number}@world.example")
    relay = Relay(host=postfix.host, port=postfix.port, tls="none", connections=1)
    assert small_house.deliverer(relay).run_once(NOW) == 120
    assert len(postfix_sink.wait_for_count(120, timeout_seconds=60)) == 120


def test_postfixs_size_limit_is_known_before_sending(small_house: House, postfix: PostfixServer) -> None:
    content = b"Subject: big\r\n\r\n" + (b"x" * 70 + b"\r\n") * (postfix.size_limit_bytes // 72 + 1)
    outbox_id = small_house.add(content=content)
    small_house.deliverer(Relay(host=postfix.host, port=postfix.port, tls="none")).run_once(NOW)
    assert small_house.state(outbox_id) == "failed"
    assert f"at most {postfix.size_limit_bytes}" in small_house.refused[0][1]


def test_postfix_wants_tls_and_a_login_where_it_says_so(
    small_house: House, postfix: PostfixServer, certificates: Certificates
) -> None:
    outbox_id = small_house.add()
    relay = Relay(host="localhost", port=postfix.submission_port, tls="none")
    small_house.deliverer(relay, owner="bare").run_once(NOW)
    assert "530" in small_house.trouble("bare")
    wrong = relay.model_copy(
        update={"tls": "starttls", "ca_file": certificates.ca, "user": "nobody", "password": SecretStr("wrong")}
    )
    small_house.deliverer(wrong, owner="wrong").run_once(NOW)
    assert "535" in small_house.trouble("wrong")
    assert (small_house.state(outbox_id), small_house.row(outbox_id).attempts) == ("waiting", 0)


def test_a_restarted_postfix_costs_nothing(small_house: House, postfix: PostfixServer, postfix_sink: Sink) -> None:
    relay = Relay(host=postfix.host, port=postfix.port, tls="none")
    deliverer = small_house.deliverer(relay)
    small_house.add("first@world.example")
    deliverer.run_once(NOW)
    postfix.stop()
    postfix.start()
    second = small_house.add("second@world.example")
    assert deliverer.run_once(NOW) == 1
    assert small_house.row(second).attempts == 1
    postfix_sink.wait_for_mail_to("second@world.example")


def test_the_check_describes_postfix(
    postfix: PostfixServer, certificates: Certificates, mailbox: Mailbox, tmp_path: Path
) -> None:
    facts = {fact.name: fact.text for fact in check_relay(submission(postfix, certificates, mailbox))}
    assert facts["SIZE"] == f"{postfix.size_limit_bytes:,} bytes at most"
    assert facts["login"] == f"accepted for {mailbox.address}"
    assert (facts["8BITMIME"], facts["SMTPUTF8"]) == ("offered", "offered")
    assert list(tmp_path.iterdir()) == []
