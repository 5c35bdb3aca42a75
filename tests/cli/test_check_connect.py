"""`gateway check --connect`: what it says of servers, and that its mail disturbs nobody."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.checking import Fact, check_connections, check_files
from gateway.policy import Policy
from gateway.settings import Settings, load_settings
from tests.cli.commands import gateway
from tests.servers.dovecot import Mailbox
from tests.servers.gateway import GatewayProcess, make_gateway_folder
from tests.servers.ports import free_port
from tests.servers.postfix import PostfixServer
from tests.servers.sink import Sink, Stage
from tests.servers.waiting import eventually

NOTHING_LOST = {"Message-ID", "References", "In-Reply-To", "envelope sender", "Auto-Submitted", "loop mark"}


def desk_folder(folder: Path, address: str, *, plus_addresses: bool = True) -> Path:
    make_gateway_folder(folder)
    rules = (folder / "rules.toml").read_text().replace('"helpdesk@example.com"', f'"{address}"', 1)
    domain = address.partition("@")[2]
    rules = rules.replace(
        'own_domains = ["example.com"]', f'own_domains = ["example.com", "*.{domain}", "{domain}"]', 1
    )
    if not plus_addresses:
        rules = rules.replace("# plus_addresses = true", "plus_addresses = false")
    (folder / "rules.toml").write_text(rules)
    return folder


def mailbox_table(mailbox: Mailbox, **more: str) -> str:
    keys = {"name": "support", "host": "127.0.0.1", "tls": "none", "user": mailbox.address} | more
    lines = [f'{key} = "{value}"' for key, value in keys.items()]
    return "\n".join(["[[mailbox]]", *lines, f"port = {mailbox.server.imap_port}", ""])


def environ(mailbox: Mailbox | None = None, relay_port: int = 0) -> dict[str, str]:
    found = {"GATEWAY_MAILBOX_SUPPORT_PASSWORD": mailbox.password} if mailbox else {}
    if relay_port:
        found |= {"GATEWAY_RELAY_HOST": "127.0.0.1", "GATEWAY_RELAY_PORT": str(relay_port), "GATEWAY_RELAY_TLS": "none"}
    return found


def read(folder: Path, variables: dict[str, str]) -> tuple[Settings, Policy]:
    settings = load_settings(folder, variables)
    problems, policy = check_files(settings)
    assert not problems
    assert policy is not None
    return settings, policy


def facts(folder: Path, variables: dict[str, str], seconds: int = 20) -> dict[str, Fact]:
    settings, policy = read(folder, variables)
    return {fact.name: fact for fact in check_connections(settings, policy, seconds=seconds)}


@pytest.fixture
def desk(tmp_path: Path, mailbox: Mailbox) -> Path:
    """A desk whose mail comes into the mailbox."""
    folder = desk_folder(tmp_path / "desk", mailbox.address)
    (folder / "gateway.toml").write_text(mailbox_table(mailbox))
    return folder


@contextmanager
def server_between(sink: Sink, mailbox: Mailbox, change: Callable[[bytes], bytes]) -> Iterator[None]:
    """Bring what the relay takes into the mailbox, changed as a server on the way would."""

    def bring() -> None:
        mailbox.append(change(sink.wait_for_count(1)[0].content))

    thread = threading.Thread(target=bring)
    thread.start()
    yield
    thread.join()


def without(name: bytes) -> Callable[[bytes], bytes]:
    pattern = re.compile(rb"^" + name + rb":.*\r?\n(?:[ \t].*\r?\n)*", re.MULTILINE | re.IGNORECASE)
    return lambda mail: pattern.sub(b"", mail)


def test_says_that_everything_survives_good_servers(desk: Path, mailbox: Mailbox, postfix: PostfixServer) -> None:
    found = facts(desk, environ(mailbox, postfix.port))
    assert all(fact.is_good for fact in found.values()), found
    assert "the mailbox support" in found["round trip"].text
    assert "Delivered-To" in found["plus address"].text or "X-Original-To" in found["plus address"].text
    assert {name for name in NOTHING_LOST if not found[name].hint} == NOTHING_LOST


def test_leaves_the_mailbox_as_a_person_knows_it(desk: Path, mailbox: Mailbox, postfix: PostfixServer) -> None:
    facts(desk, environ(mailbox, postfix.port))
    (probe,) = mailbox.mails()
    assert "\\Seen" not in probe.flags


def test_makes_no_database(desk: Path, mailbox: Mailbox, postfix: PostfixServer) -> None:
    facts(desk, environ(mailbox, postfix.port))
    assert not (desk / "storage").exists()


def test_a_running_gateway_files_the_mail_and_neither_opens_nor_keeps_nor_answers_anything(
    desk: Path, mailbox: Mailbox, postfix: PostfixServer, new_gateway: Callable[..., GatewayProcess]
) -> None:
    (desk / "gateway.toml").write_text(mailbox_table(mailbox, after="move", move_to="Done"))
    running = new_gateway(folder=desk, env=environ(mailbox, postfix.port)).start()
    eventually(lambda: "last read never" not in running.run("status").stdout, reason="first look at the mailbox")
    done = running.run("check", "--connect", "--seconds", "20")
    assert done.returncode == 0, done.stdout + done.stderr
    row = eventually(lambda: "filed" in running.run("ledger", "list").stdout, reason="the probe's ledger row")
    assert row
    assert running.run("ticket", "list", "--all", "--json").stdout.strip() == "[]"
    assert running.run("quarantine", "list", "--json").stdout.strip() == "[]"
    assert running.run("outbox", "list", "--json").stdout.strip() == "[]"
    assert running.run("audit").returncode == 0


def test_finds_the_mail_in_the_ledger_where_there_is_no_mailbox(
    tmp_path: Path, postfix: PostfixServer, new_gateway: Callable[..., GatewayProcess]
) -> None:
    folder = desk_folder(tmp_path / "desk", "helpdesk@example.com")
    running = new_gateway(folder=folder, smtp_port=postfix.desk_smtp_port, env=environ(relay_port=postfix.port)).start()
    done = running.run("check", "--connect", "--json", "--seconds", "20")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the ledger of the running gateway" in done.stdout
    assert running.run("quarantine", "list", "--json").stdout.strip() == "[]"


def test_a_refused_plus_address_is_told_with_what_to_do(desk: Path, mailbox: Mailbox, sink: Sink) -> None:
    sink.answer(Stage.RCPT, "550 5.1.1 no such person")
    with server_between(sink, mailbox, lambda mail: mail):
        found = facts(desk, environ(mailbox, sink.port))
    assert found["round trip"].is_good
    assert not found["plus address"].is_good
    assert "no such person" in found["plus address"].text
    assert "plus_addresses = false" in found["plus address"].hint


def test_a_returned_plus_address_is_told_with_the_servers_words(desk: Path, mailbox: Mailbox, sink: Sink) -> None:
    def answer_like_servers() -> None:
        first = sink.wait_for_count(1)[0]
        message_id = str(first.message["Message-ID"])
        report = (
            f"From: MAILER-DAEMON@example.net\r\nTo: {first.sender}\r\nSubject: Undelivered Mail\r\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n'
            "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\n"
            "Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 user unknown\r\n\r\n--b\r\n"
            f"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: {message_id}\r\n\r\n--b--\r\n"
        )
        mailbox.append(report.encode())
        mailbox.append(sink.wait_for_count(2)[1].content)

    thread = threading.Thread(target=answer_like_servers)
    thread.start()
    found = facts(desk, environ(mailbox, sink.port))
    thread.join()
    assert not found["plus address"].is_good
    assert "550 5.1.1 user unknown" in found["plus address"].text


def test_a_switched_off_plus_address_is_not_tried(tmp_path: Path, mailbox: Mailbox, sink: Sink) -> None:
    folder = desk_folder(tmp_path / "desk", mailbox.address, plus_addresses=False)
    (folder / "gateway.toml").write_text(mailbox_table(mailbox))
    with server_between(sink, mailbox, lambda mail: mail):
        found = facts(folder, environ(mailbox, sink.port))
    assert sink.mails[0].recipients == (mailbox.address,)
    assert found["plus address"].is_good


@pytest.mark.parametrize(
    ("lost", "name"),
    [
        (b"Message-ID", "Message-ID"),
        (b"In-Reply-To", "In-Reply-To"),
        (b"References", "References"),
        (b"Auto-Submitted", "Auto-Submitted"),
        (b"X-Helpdesk-Gateway", "loop mark"),
    ],
)
def test_a_header_that_a_server_takes_away_is_named_with_what_it_means(
    desk: Path, mailbox: Mailbox, sink: Sink, lost: bytes, name: str
) -> None:
    with server_between(sink, mailbox, without(lost)):
        found = facts(desk, environ(mailbox, sink.port))
    assert found[name].hint
    assert "lost" in found[name].text or "cut" in found[name].text
    others = NOTHING_LOST - {name, "envelope sender"}
    assert not [other for other in others if found[other].hint]


def test_a_mail_that_never_comes_is_bad_after_the_time_named(desk: Path, mailbox: Mailbox, sink: Sink) -> None:
    found = facts(desk, environ(mailbox, sink.port), seconds=1)
    assert not found["round trip"].is_good
    assert "within 1 s" in found["round trip"].text
    assert "junk" in found["round trip"].hint


def test_says_what_cannot_be_tried_without_a_relay(tmp_path: Path) -> None:
    folder = desk_folder(tmp_path / "desk", "helpdesk@example.com")
    done = gateway("check", "--connect", cwd=folder, expect=0)
    assert "not tried: it needs a [relay]" in done.out


def test_says_what_cannot_be_tried_without_a_mailbox(tmp_path: Path, sink: Sink) -> None:
    folder = desk_folder(tmp_path / "desk", "helpdesk@example.com")
    found = facts(folder, environ(relay_port=sink.port))
    assert "no [[mailbox]]" in found["round trip"].text
    assert "gateway serve" in found["round trip"].hint
    assert not sink.mails


def test_a_wrong_password_of_a_mailbox_is_told_and_no_mail_is_sent(desk: Path, mailbox: Mailbox, sink: Sink) -> None:
    variables = environ(mailbox, sink.port) | {"GATEWAY_MAILBOX_SUPPORT_PASSWORD": "wrong"}
    done = gateway("check", "--connect", cwd=desk, env=variables, expect=1)
    assert "FAIL  mailbox support: login" in done.out
    assert not sink.mails


def test_a_relay_that_is_away_is_told(desk: Path, mailbox: Mailbox) -> None:
    found = facts(desk, environ(mailbox, free_port()))
    assert not found["relay"].is_good
    assert not found["round trip"].is_good


def test_a_mistake_in_a_file_does_not_hide_what_the_servers_say(tmp_path: Path) -> None:
    """Whoever sets a desk up wants all that is wrong at once."""
    folder = desk_folder(tmp_path / "desk", "helpdesk@example.com")
    variables = environ(relay_port=free_port())
    for rules in ("[desk\n", (folder / "rules.toml").read_text() + '\n[[example]]\nsubject = "x"\nteam = "nobody"\n'):
        (folder / "rules.toml").write_text(rules)
        done = gateway("check", "--connect", "--seconds", "1", cwd=folder, env=variables, expect=1)
        for said in ("FAIL  files:", "database:", "FAIL  relay:", "FAIL  round trip: not tried"):
            assert said in done.out
