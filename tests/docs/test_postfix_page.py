"""The page "With Postfix and Dovecot", followed to the letter with real servers: only ports and paths are this test's.

An employee writes to the desk through Postfix, an agent reads the ticket in a Dovecot mailbox and answers to the reply
address that stands in it, and the answer comes back to the employee.
"""

from __future__ import annotations

import contextlib
import email
import email.policy
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.docs.pages import CHECKOUT, blocks, shown
from tests.servers.certificates import Certificates
from tests.servers.client import send
from tests.servers.dovecot import DovecotServer, Mailbox
from tests.servers.gateway import GatewayProcess
from tests.servers.ports import free_port
from tests.servers.postfix import PostfixServer, running_postfix
from tests.servers.waiting import eventually

DESK = "helpdesk@example.com"
ERIKA, ANNA, BEN = "erika.reader@example.com", "anna.berger@example.com", "ben.costa@example.com"

# An ordinary Postfix of an ordinary company, in the words of this test's folder.
ORDINARY = """
virtual_mailbox_domains = example.com
virtual_mailbox_maps = texthash:{etc}/mailboxes
virtual_transport = lmtp:inet:127.0.0.1:{dovecot_lmtp_port}
local_recipient_maps =
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
"""
# The same company, where the domain is Postfix's own and the desk an alias.
ALIASED = """
virtual_mailbox_domains =
mydestination = example.com
alias_maps = hash:{etc}/aliases
local_recipient_maps = $alias_maps texthash:{etc}/people
local_transport = lmtp:inet:127.0.0.1:{dovecot_lmtp_port}
"""


def snippet(language: str, *words: str) -> str:
    """The one block of the README that has all these words."""
    found = [
        block.text
        for block in blocks(language)
        if shown(block.page) == "README.md" and all(w in block.text for w in words)
    ]
    return found[0]


@dataclass(frozen=True, kw_only=True)
class Company:
    """A Postfix as the page leaves it, and two people's mailboxes in the session's Dovecot."""

    postfix: PostfixServer
    dovecot: DovecotServer
    etc: Path
    erika: Mailbox
    anna: Mailbox

    def route(self, transport: str) -> None:
        """Write the transport map, make it known, start Postfix."""
        self.write("transport", transport)
        self.command("postmap", f"{self.etc}/transport")
        self.postfix.start()

    def command(self, *words: str) -> None:
        program = str(Path(self.postfix.programs["postfix"]).with_name(words[0]))
        subprocess.run([program, "-c", str(self.etc), *words[1:]], check=True, timeout=30)

    def set_parameters(self, text: str) -> None:
        """Write these lines of main.cf in the place of earlier ones: Postfix warns of doubles, many times."""
        names = {line.partition("=")[0].strip() for line in text.splitlines() if "=" in line}
        main = (self.etc / "main.cf").read_text().splitlines(keepends=True)
        self.write("main.cf", "".join(line for line in main if line.partition("=")[0].strip() not in names) + text)

    def write(self, file: str, text: str) -> None:
        """Write a file that looks old: Postfix waits for one that somebody may still be writing."""
        (self.etc / file).write_text(text)
        os.utime(self.etc / file, (0, 0))


@pytest.fixture
def company(server_folder: Path, dovecot: DovecotServer, request: pytest.FixtureRequest) -> Iterator[Company]:
    folder = server_folder / f"page-{os.getpid()}-{abs(hash(request.node.name))}"
    folder.mkdir()
    with running_postfix(folder, dovecot) as postfix:
        postfix.stop()
        etc = folder / "etc"
        main = snippet("cfg", "recipient_delimiter", "transport_maps").replace("/etc/postfix", str(etc))
        assert f"hash:{etc}/transport" in main
        company = Company(
            postfix=postfix,
            dovecot=dovecot,
            etc=etc,
            erika=mailbox_of(dovecot, ERIKA),
            anna=mailbox_of(dovecot, ANNA),
        )
        company.set_parameters(ORDINARY.format(etc=etc, dovecot_lmtp_port=dovecot.lmtp_port) + main)
        company.write("mailboxes", "".join(f"{address} here\n" for address in (DESK, ERIKA, ANNA, BEN)))
        mailbox_of(dovecot, BEN)
        yield company


def mailbox_of(dovecot: DovecotServer, address: str) -> Mailbox:
    """The mailbox of that address, emptied where an earlier test has left one."""
    if not (dovecot.folder / "users" / address).exists():
        return dovecot.new_mailbox(address)
    mailbox = Mailbox(server=dovecot, address=address, password="secret")
    mailbox.expunge([mail.uid for mail in mailbox.mails()])
    return mailbox


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """The desk's folder with the page's rules.toml."""
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "rules.toml").write_text(snippet("toml", "# rules.toml", ANNA))
    return folder


def written(mailbox: Mailbox, count: int) -> EmailMessage:
    """The latest of the mails in a mailbox, once there are so many."""
    mails = mailbox.wait_for_mails(count, timeout_seconds=30)
    message = email.message_from_bytes(mails[-1].content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def words_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def run_gateway(*words: str, env: dict[str, str], data: bytes = b"") -> str:
    """Run one command to its good end and return what it printed."""
    environ = {**os.environ, **env, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-m", "gateway", *words]
    done = subprocess.run(command, input=data, env=environ, capture_output=True, timeout=100)
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
    return done.stdout.decode()


def has_met_its_mailbox(desk: Path) -> bool:
    with contextlib.closing(sqlite3.connect(f"file:{desk}/storage/gateway.sqlite?mode=ro", uri=True)) as database:
        return bool(database.execute("SELECT 1 FROM event WHERE kind = 'mailbox_first_contact'").fetchall())


def loop_is_closed(company: Company, deliver: Callable[[], None] = lambda: None) -> None:
    """Erika asks, Anna answers, Erika asks again, all of it through Postfix; `deliver` pushes what a pipe took."""
    port = company.postfix.port
    asked = f"From: Erika <{ERIKA}>\nTo: {DESK}\nSubject: VPN\nMessage-ID: <q1@example.com>\n\nIt is down.\n"
    send(asked.encode(), port=port, from_=ERIKA, to=DESK)
    deliver()
    acknowledgement = written(company.erika, 1)
    assert "[INC-1001] VPN" in acknowledgement["Subject"]
    notice = written(company.anna, 1)
    assert "It is down." in words_of(notice)
    answer_to = notice["Reply-To"].addresses[0].addr_spec
    assert answer_to.startswith("helpdesk+")
    answer = (
        f"From: Anna <{ANNA}>\nTo: {answer_to}\nSubject: Re: VPN\nMessage-ID: <a1@example.com>\n\nIt is up again.\n"
    )
    send(answer.encode(), port=port, from_=ANNA, to=answer_to)
    deliver()
    heard = written(company.erika, 2)
    assert "It is up again." in words_of(heard)
    assert ANNA not in heard.as_string()
    more_to = heard["Reply-To"].addresses[0].addr_spec
    more = f"From: Erika <{ERIKA}>\nTo: {more_to}\nSubject: Re: VPN\nMessage-ID: <q2@example.com>\n\nIndeed.\n"
    send(more.encode(), port=port, from_=ERIKA, to=more_to)
    deliver()
    assert "Indeed." in words_of(written(company.anna, 2))


@pytest.mark.parametrize("is_aliased", [False, True], ids=["virtual", "alias"])
def test_mail_goes_round_by_lmtp(
    company: Company, desk: Path, new_gateway: Callable[..., GatewayProcess], is_aliased: bool
) -> None:
    lmtp_port = free_port()
    if is_aliased:
        company.set_parameters(ALIASED.format(etc=company.etc, dovecot_lmtp_port=company.dovecot.lmtp_port))
        company.write("aliases", "helpdesk: root\n")
        people = (ERIKA, ANNA, BEN)
        company.write("people", "".join(f"{one.partition('@')[0]} here\n" for one in people))
        company.command("postalias", f"{company.etc}/aliases")
    (desk / "gateway.toml").write_text(snippet("toml", "# gateway.toml", "[lmtp]", 'tls = "none"'))
    relay = {"GATEWAY_RELAY_PORT": str(company.postfix.port)}
    new_gateway(folder=desk, env={"GATEWAY_LMTP_LISTEN": f"127.0.0.1:{lmtp_port}", **relay}).start()
    company.route(snippet("cfg", "lmtp:inet:127.0.0.1:8024").replace("8024", str(lmtp_port)))
    loop_is_closed(company)


def test_mail_goes_round_by_a_pipe(company: Company, desk: Path, new_gateway: Callable[..., GatewayProcess]) -> None:
    """Postfix runs a stand-in under another user, who may not read this checkout; the gateway gets what that got."""
    taken = company.etc.parent / "taken"
    taken.mkdir()
    taken.chmod(0o777)
    stand_in = company.etc.parent / "gateway"
    stand_in.write_text(f'#!/bin/sh\ncd {taken}\nprintf "%s\\n" "$@" > $$.words\ncat > $$.part && mv $$.part $$.mail\n')
    stand_in.chmod(0o755)
    master = snippet("cfg", "pipe", "argv=").replace("user=helpdesk", "user=mail")
    services = (company.etc / "master.cf").read_text()
    company.write("master.cf", services + master.replace("/opt/helpdesk-gateway/bin/gateway", str(stand_in)))
    company.set_parameters("helpdesk_destination_recipient_limit = 1\n")
    (desk / "gateway.toml").write_text(snippet("toml", "# gateway.toml", "[lmtp]", 'tls = "none"'))
    env = {"GATEWAY_LMTP_LISTEN": f"127.0.0.1:{free_port()}", "GATEWAY_RELAY_PORT": str(company.postfix.port)}
    new_gateway(folder=desk, env=env).start()
    company.route(snippet("cfg", f"{DESK}    helpdesk:"))

    def deliver() -> None:
        eventually(
            lambda: any(taken.glob("*.mail")),
            timeout_seconds=30,
            reason=f"a mail for the pipe; {company.postfix.log()}",
        )
        for mail in taken.glob("*.mail"):
            words = mail.with_suffix(".words").read_text().splitlines()
            words = [str(desk) if word == "/srv/helpdesk" else word for word in words]
            run_gateway(*words, env=env, data=mail.read_bytes())
            mail.unlink()

    loop_is_closed(company, deliver)


def test_mail_goes_round_by_a_watched_mailbox(
    company: Company, desk: Path, certificates: Certificates, new_gateway: Callable[..., GatewayProcess]
) -> None:
    helpdesk = mailbox_of(company.dovecot, DESK)
    relay = snippet("toml", "# gateway.toml", "[lmtp]", 'tls = "none"').partition("[relay]")[2]
    (desk / "gateway.toml").write_text(snippet("toml", "[[mailbox]]", '"helpdesk"') + "\n[relay]" + relay)
    imap = {"HOST": "localhost", "PORT": str(company.dovecot.imaps_port), "CA_FILE": str(certificates.ca)}
    env = {f"GATEWAY_MAILBOX_HELPDESK_{key}": value for key, value in imap.items()}
    env |= {"GATEWAY_MAILBOX_HELPDESK_PASSWORD": helpdesk.password, "GATEWAY_RELAY_PORT": str(company.postfix.port)}
    company.route("")
    checked = run_gateway("check", "--connect", "-C", str(desk), env=env)
    assert "FAIL" not in checked
    assert "ok    round trip" in checked
    helpdesk.expunge([mail.uid for mail in helpdesk.mails()])
    new_gateway(folder=desk, env=env).start()
    # What lies there at the first contact is left alone, so the first mail must come after it.
    eventually(lambda: has_met_its_mailbox(desk), timeout_seconds=30, reason="the first contact with the mailbox")
    loop_is_closed(company)
