"""Everybody has a mailbox on a real Dovecot, a real Postfix carries every mail, and the desk's own box is read by IMAP.

The desk is written to at three addresses: its mailbox (IMAP), an address that Postfix hands on by SMTP, and one that it
hands on by LMTP.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.tables import Ledger, Ticket
from gateway.store.tables import Mailbox as MailboxRow
from tests.servers.dovecot import DovecotServer, Mailbox
from tests.servers.gateway import GatewayProcess
from tests.servers.postfix import DESK_ADDRESS, LMTP_DOMAIN, PostfixServer
from tests.servers.require import server_or_skip
from tests.servers.waiting import eventually
from tests.stories.conftest import relay_settings
from tests.stories.house import House, Person, furnish
from tests.stories.letters import Letter

BY_LMTP = f"helpdesk@{LMTP_DOMAIN}"
MORE = """
[[agent]]
name = "Mona Mutt"
address = "{mona}"
handle = "mona"

[[rule]]
name = "For Mona"
when.subject = ["terminal"]
set = {{ assignee = "mona" }}
"""
GATEWAY_TOML = """
[[mailbox]]
name = "desk"
host = "localhost"
port = {port}
ca_file = "{ca}"
user = "{user}"
poll_seconds = 1
"""


class Town(House):
    """A house whose people have real mailboxes."""

    boxes: dict[str, Mailbox]

    def citizen(self, name: str, box: Mailbox) -> Person:
        person = self.person(box.address, name, inbox=lambda: [mail.content for mail in box.mails()])
        self.boxes[name] = box
        return person


@pytest.fixture(scope="module")
def whole_town(
    tmp_path_factory: pytest.TempPathFactory, shared_postfix: PostfixServer, dovecot: DovecotServer
) -> Iterator[Town]:
    desk, anna, ben, mona = (dovecot.new_mailbox() for _ in range(4))
    folder = furnish(
        tmp_path_factory.mktemp("town"),
        desk=desk.address,
        aliases=[DESK_ADDRESS, BY_LMTP],
        anna=anna.address,
        ben=ben.address,
        more=MORE.format(mona=mona.address),
    )
    toml = GATEWAY_TOML.format(port=dovecot.imaps_port, ca=dovecot.certificates.ca, user=desk.address)
    (folder / "gateway.toml").write_text(toml)
    env = {
        **relay_settings(shared_postfix.port),
        "GATEWAY_MAILBOX_DESK_PASSWORD": desk.password,
        "GATEWAY_LMTP_ENABLED": "true",
        "GATEWAY_LMTP_LISTEN": f"127.0.0.1:{shared_postfix.desk_lmtp_port}",
    }
    gateway = GatewayProcess(folder=folder, env=env, smtp_port=shared_postfix.desk_smtp_port).start()
    town = Town(gateway=gateway, smtp_port=shared_postfix.port, desk=desk.address)
    town.boxes = {}
    for name, box in {"Anna Agent": anna, "Ben Helper": ben, "Mona Mutt": mona}.items():
        town.citizen(name, box)
    try:
        # What lies in the box at first contact is left alone; the stories begin after it.
        eventually(lambda: _has_looked(town), reason="the first look into the desk's mailbox")
        yield town
        town.settles()
        assert gateway.stop() == 0
        assert town.audit() == []
        assert town.assert_discreet() > 0
    finally:
        gateway.kill()
        shared_postfix.forget_queue()


def _has_looked(town: Town) -> bool:
    with town.reading():
        return MailboxRow.select().where(MailboxRow.last_ok_at.is_null(False)).exists()


@pytest.fixture
def town(whole_town: Town) -> Town:
    for person in whole_town.people:
        person.has_read_everything()
    return whole_town


@pytest.fixture
def erika(town: Town, dovecot: DovecotServer) -> Person:
    return town.citizen("Erika Muster", dovecot.new_mailbox())


def agent(town: Town, name: str) -> Person:
    return next(person for person in town.people if person.name == name)


@pytest.mark.parametrize("way", ["smtp", "lmtp", "imap"])
def test_the_whole_loop_through_real_servers(town: Town, erika: Person, way: str) -> None:
    anna, ben = agent(town, "Anna Agent"), agent(town, "Ben Helper")
    erika.writes("It drops since this morning.", to={"smtp": DESK_ADDRESS, "lmtp": BY_LMTP, "imap": town.desk}[way])
    acknowledgement = erika.gets("Your number")
    number = acknowledgement.ticket
    anna.answers(anna.gets("It drops since this morning.", about=number), "Please restart the client.")
    answer = erika.gets("Please restart the client.")
    ben.gets("Anna Agent has answered", about=number)
    erika.answers(answer, "I did; it still drops.")
    anna.answers(anna.gets("it still drops", about=number), "Your profile is renewed.\n\n#resolve")
    resolution = erika.gets("Your profile is renewed.")
    assert town.status_of(number) == "resolved"
    erika.answers(resolution, "Still broken.")
    anna.gets("reopened", about=number)
    assert town.status_of(number) == "in_progress"

    # One conversation for each of them, as Dovecot threads it (RFC 5256).
    assert len(town.boxes["Erika Muster"].threads()) == 1
    for name in ("Anna Agent", "Ben Helper"):
        assert thread_count(town.boxes[name], number) == 1


def thread_count(box: Mailbox, number: int) -> int:
    """In how many threads the ticket's mails stand."""
    ours = {mail.uid for mail in box.mails() if Letter(mail.content).ticket == number}
    return sum(bool(ours & set(_flat(thread))) for thread in box.threads())


def _flat(thread: object) -> Iterator[int]:
    if isinstance(thread, tuple | list):
        for one in thread:
            yield from _flat(one)
    else:
        assert isinstance(thread, int)
        yield thread


def test_one_mail_to_all_three_addresses_opens_one_ticket(town: Town, erika: Person) -> None:
    everywhere = [DESK_ADDRESS, BY_LMTP, town.desk]
    erika.writes("All screens are black.", to=", ".join(everywhere), recipients=everywhere)
    number = erika.gets("Your number").ticket
    with town.reading():
        eventually(lambda: _times_received(number) == 3, reason="the same mail by three ways")
    assert erika.got() == []
    assert len(town.ticket(number)["messages"]) == 1


def _times_received(number: int) -> int:
    first = Ledger.get(Ledger.ticket == Ticket.get(Ticket.number == number))
    return int(Ledger.select().where(Ledger.digest == first.digest).count())


def test_mutt_answers_and_resolves(town: Town, erika: Person, tmp_path: Path, shared_postfix: PostfixServer) -> None:
    number = erika.opens("The cursor has gone.", subject="My terminal")
    agent(town, "Mona Mutt").gets("The cursor has gone.", about=number)
    with Mutt(town.boxes["Mona Mutt"], "Mona Mutt", folder=tmp_path, smtp_port=shared_postfix.port) as mutt:
        mutt.replies("Type reset, and it comes back.\n\n#resolve\n")
        resolution = erika.gets("Type reset, and it comes back.")
    assert "#resolve" not in resolution.everything
    assert "the cursor has gone" not in resolution.everything
    town.settles()
    ticket = town.ticket(number)
    assert (ticket["status"], ticket["assignee"]) == ("resolved", town.boxes["Mona Mutt"].address)
    assert len(town.boxes["Erika Muster"].threads()) == 1


class Mutt:
    """A real mutt in a terminal of its own, on the box by IMAP, sending by SMTP."""

    def __init__(self, box: Mailbox, name: str, *, folder: Path, smtp_port: int) -> None:
        programs = server_or_skip("mutt")
        self._tmux = [programs["tmux"], "-S", str(folder / "tmux"), "-f", "/dev/null"]
        self._mutt = programs["mutt"]
        self._folder = folder
        settings = {
            "realname": name,
            "from": box.address,
            "folder": f"imap://{box.server.host}:{box.server.imap_port}/",
            "imap_user": box.address,
            "imap_pass": box.password,
            "smtp_url": f"smtp://127.0.0.1:{smtp_port}/",
            "editor": str(folder / "editor"),
            "tmpdir": str(folder),
        }
        switches = "set copy=no fast_reply include=yes autoedit quit=yes wait_key=no record=''"
        plain = "set ssl_starttls=no ssl_force_tls=no"
        lines = [f"set {key}='{value}'" for key, value in settings.items()]
        (folder / "muttrc").write_text("\n".join([*lines, switches, plain, "set reply_to=yes", "unset mark_old", ""]))

    def replies(self, text: str) -> None:
        """Open the first mail, answer it with the text above the quote, send."""
        (self._folder / "text").write_text(text)
        editor = self._folder / "editor"
        # mutt hands the editor a file that begins with the quote.
        editor.write_text(f'#!/bin/sh\ncat "{self._folder}/text" "$1" > "$1.new" && mv "$1.new" "$1"\n')
        editor.chmod(0o755)
        keys = "<first-entry><display-message><reply><send-message>"
        command = f"{self._mutt} -F {self._folder}/muttrc -f =INBOX -e 'push \"{keys}\"'"
        subprocess.run([*self._tmux, "new-session", "-d", "-x", "120", "-y", "40", command], check=True, timeout=20)

    def screen(self) -> str:
        done = subprocess.run([*self._tmux, "capture-pane", "-p"], capture_output=True, text=True, timeout=20)
        return done.stdout

    def __enter__(self) -> Mutt:
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        if kind is not None:
            print(self.screen())
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, timeout=20)
