"""What `gateway check --connect` learns about the relay."""

from __future__ import annotations

from collections.abc import Callable

from gateway.delivery import Fact, check_relay
from gateway.settings import Relay
from tests.delivery.house import relay_to, secure_relay_to
from tests.servers.certificates import Certificates
from tests.servers.ports import free_port
from tests.servers.sink import Sink


def facts_by_name(facts: list[Fact]) -> dict[str, str]:
    return {fact.name: fact.text for fact in facts}


def test_a_good_relay_is_described(new_sink: Callable[..., Sink], certificates: Certificates) -> None:
    sink = new_sink(tls=certificates.server_context(), user="desk", password="secret", size_limit_bytes=1_000_000)
    facts = check_relay(secure_relay_to(sink, certificates, user="desk", password="secret"))
    assert all(fact.is_good for fact in facts)
    said = facts_by_name(facts)
    assert said["connection"] == f"localhost:{sink.port}"
    assert said["TLS"].startswith("TLSv1.")
    assert (said["login"], said["SIZE"]) == ("accepted for desk", "1,000,000 bytes at most")
    assert (said["8BITMIME"], said["SMTPUTF8"]) == ("offered", "offered")
    assert sink.mails == ()


def test_a_modest_relay_is_described(new_sink: Callable[..., Sink]) -> None:
    sink = new_sink(smtputf8=False, hide_extensions=("8BITMIME", "SIZE"))
    said = facts_by_name(check_relay(relay_to(sink)))
    assert said["TLS"] == 'off: [relay] tls = "none"'
    assert said["login"].startswith("none configured")
    assert said["SIZE"] == "no limit announced"
    assert said["8BITMIME"].startswith("not offered")
    assert said["SMTPUTF8"].startswith("not offered")


def test_a_wrong_password_is_said(new_sink: Callable[..., Sink]) -> None:
    sink = new_sink(user="desk", password="right")
    [fact] = check_relay(relay_to(sink, user="desk", password="wrong"))
    assert not fact.is_good
    assert "535" in str(fact)
    assert "wrong" not in str(fact)


def test_a_relay_that_is_not_there_is_said() -> None:
    port = free_port()
    [fact] = check_relay(Relay(host="127.0.0.1", port=port, tls="none"))
    assert not fact.is_good
    assert f"127.0.0.1:{port}" in fact.text
