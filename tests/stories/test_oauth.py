"""A desk at a provider that takes tokens only: its mailbox on Dovecot, its mail out through Postfix, both by XOAUTH2.

The token server is strict: each refresh token is good once. Tokens live for seconds, so that they end while we watch.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.store.tables import Mailbox as MailboxRow
from tests.servers.dovecot import DovecotServer, Mailbox
from tests.servers.gateway import GatewayProcess
from tests.servers.postfix import PostfixServer
from tests.servers.token_server import CLIENT_ID, TokenServer
from tests.servers.waiting import eventually
from tests.stories.house import House, Person, furnish

TOML = """
[oauth.m365]
provider = "microsoft"
grant = "{grant}"
account = "{user}"
client_id = "{client}"
token_url = "{server}/token"
device_url = "{server}/device"
{secret}

[[mailbox]]
name = "desk"
host = "localhost"
port = {imap_port}
ca_file = "{ca}"
user = "{user}"
oauth = "m365"
poll_seconds = 1
idle = false

[relay]
host = "localhost"
port = {smtp_port}
ca_file = "{ca}"
user = "{user}"
oauth = "m365"
"""


class Tenant(House):
    """A house whose people and desk have mailboxes at one provider."""

    desk_box: Mailbox
    server: TokenServer

    def command(self, *arguments: str, expect: int | None = None) -> str:
        done = self.gateway.run(*arguments)
        assert expect in (None, done.returncode), f"{done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def auth_status(self) -> dict[str, Any]:
        [record] = json.loads(self.gateway.run("auth", "status", "--json").stdout)["accounts"]
        assert isinstance(record, dict)
        return record

    def has_looked(self) -> bool:
        with self.reading():
            return MailboxRow.select().where(MailboxRow.last_ok_at.is_null(False)).exists()

    def starts(self) -> None:
        """Start, and look into the mailbox once: what lies there before is left alone."""
        self.gateway.start()
        eventually(self.has_looked, reason="the first look into the desk's mailbox")


MakeTenant = Callable[..., Tenant]


@pytest.fixture
def tenant(
    tmp_path: Path, dovecot: DovecotServer, postfix: PostfixServer, token_server: TokenServer
) -> Iterator[MakeTenant]:
    """Make a desk that is not started yet, with an app's secret or with a person's login."""
    made: list[Tenant] = []

    def make(grant: str = "client_credentials") -> Tenant:
        box, anna, ben = (dovecot.new_mailbox() for _ in range(3))
        token_server.user = box.address
        folder = furnish(tmp_path / "desk", desk=box.address, anna=anna.address, ben=ben.address)
        (folder / "secret").write_text(f"{token_server.secret}\n")
        toml = TOML.format(
            grant=grant,
            user=box.address,
            client=CLIENT_ID,
            server=token_server.url,
            secret='client_secret_file = "secret"' if grant == "client_credentials" else "",
            imap_port=dovecot.imaps_port,
            smtp_port=postfix.submission_port,
            ca=dovecot.certificates.ca,
        )
        (folder / "gateway.toml").write_text(toml)
        gateway = GatewayProcess(folder=folder)
        house = Tenant(gateway=gateway, smtp_port=postfix.port, desk=box.address)
        house.desk_box, house.server = box, token_server
        _moves_in(house, anna, "Anna Agent")
        _moves_in(house, ben, "Ben Helper")
        made.append(house)
        return house

    yield make
    for house in made:
        house.gateway.kill()
        assert house.audit() == []
        output = house.gateway.output
        assert not [token for token in (*token_server._tokens, *token_server._refresh) if token in output]
        assert token_server.secret not in output


def _moves_in(house: Tenant, box: Mailbox, name: str) -> Person:
    return house.person(box.address, name, inbox=lambda: [mail.content for mail in box.mails()])


@pytest.fixture
def erika_of(dovecot: DovecotServer) -> Callable[[Tenant], Person]:
    return lambda house: _moves_in(house, dovecot.new_mailbox(), "Erika Muster")


def logs_in(house: Tenant, server: TokenServer) -> str:
    """Somebody runs `gateway auth login`, and enters the code on their telephone; what the command printed."""
    server.approved = True
    return house.command("auth", "login", "m365", expect=0)


def test_the_whole_loop_with_an_apps_token_both_ways(
    tenant: MakeTenant, erika_of: Callable[[Tenant], Person], token_server: TokenServer
) -> None:
    house = tenant()
    erika = erika_of(house)
    anna = house.people[0]
    house.starts()
    erika.writes("It drops since this morning.")
    number = erika.gets("Your number").ticket
    anna.answers(anna.gets("It drops since this morning.", about=number), "Please restart the client.\n\n#resolve")
    erika.gets("Please restart the client.")
    house.settles()
    assert house.status_of(number) == "resolved"
    assert len(token_server.asked()) == 1
    record = house.auth_status()
    assert (record["colour"], record["used_by"], record["error"]) == ("green", ["mailbox desk", "relay"], "")
    assert "has a token" in house.command("auth", "status", expect=0)


def has_rotated(house: Tenant, token_server: TokenServer, before: int) -> bool:
    """Whether a token was renewed; until then every session is cut, for a token that still lives serves the next."""
    if len(token_server.asked("refresh_token")) > before:
        return True
    house.desk_box.kick()
    return False


def test_tokens_end_and_rotate_while_the_gateway_is_killed_again_and_again(
    tenant: MakeTenant, erika_of: Callable[[Tenant], Person], token_server: TokenServer
) -> None:
    token_server.life_seconds = 3
    house = tenant("device_code")
    erika = erika_of(house)
    told = logs_in(house, token_server)
    assert "https://login.example.com/device" in told
    assert "ABCD-EFGH" in told
    assert f"Log in there as                    {house.desk}" in told
    house.starts()
    for round_number in range(4):
        rotations = len(token_server.asked("refresh_token"))
        erika.writes(f"Trouble number {round_number}.", subject=f"Trouble {round_number}")
        erika.gets("Your number")
        # The session at the mailbox ends, as at providers that cut it with its token.
        rotated = partial(has_rotated, house, token_server, rotations)
        eventually(rotated, timeout_seconds=30, reason="another rotation")
        # Only a rotated token that was written down can serve again (docs/oauth.md says what a kill before that costs).
        erika.writes(f"More of number {round_number}.", subject=f"More {round_number}")
        erika.gets("Your number")
        house.gateway.kill()
        house.gateway.start()
    used = [one["refresh_token"] for one in token_server.asked("refresh_token")]
    assert len(set(used)) == len(used) >= 4
    assert house.auth_status()["error"] == ""


def test_a_revoked_login_is_red_makes_no_storm_and_goes_on_after_a_new_one(
    tenant: MakeTenant, erika_of: Callable[[Tenant], Person], token_server: TokenServer
) -> None:
    house = tenant("device_code")
    erika = erika_of(house)
    assert "nobody has logged in" in house.command("auth", "status", expect=2)
    logs_in(house, token_server)
    house.starts()
    erika.opens("Before it was revoked.")
    before = len(token_server.asked())

    token_server.revoke()
    house.desk_box.kick()
    eventually(lambda: house.auth_status()["error"], timeout_seconds=30, reason="the trouble is noticed")
    erika.writes("While it is revoked.", subject="Still here?")
    record = house.auth_status()
    assert "no longer valid" in record["error"]
    assert "gateway auth login m365" in record["error"]
    assert record["next_try"]
    status = house.gateway.run("status")
    assert status.returncode == 2
    assert "no longer valid" in status.stdout
    # One refusal, for the mailbox and the relay together.
    assert len(token_server.asked()) == before + 1

    logs_in(house, token_server)
    assert "While it is revoked." in erika_gets_ticket(house, erika)
    assert house.auth_status()["error"] == ""
    eventually(lambda: house.gateway.run("status").returncode < 2, timeout_seconds=40, reason="green again")


def erika_gets_ticket(house: Tenant, erika: Person) -> str:
    """The acknowledgement comes by itself, within the half minute in which a login is noticed."""
    eventually(lambda: bool(erika.unread()), timeout_seconds=45, reason=house.gateway.output[-2000:])
    number = erika.gets("Your number").ticket
    return " ".join(str(message["text"]) for message in house.ticket(number)["messages"])


def test_a_wrong_secret_holds_mail_until_the_file_is_right(
    tenant: MakeTenant, erika_of: Callable[[Tenant], Person], token_server: TokenServer
) -> None:
    house = tenant()
    erika = erika_of(house)
    house.starts()
    erika.opens("All is well.")
    secret = house.gateway.folder / "secret"
    secret.write_text("the Secret ID by mistake\n")
    token_server.revoke()
    house.desk_box.kick()
    eventually(lambda: house.auth_status()["error"], timeout_seconds=30, reason="the trouble is noticed")
    assert "the client secret is wrong" in house.auth_status()["error"]
    erika.writes("Nothing is well.", subject="Trouble")
    check = house.command("check", "--connect", "--seconds", "1", expect=1)
    assert "FAIL  oauth m365: the client secret is wrong" in check
    asked = len(token_server.asked())
    assert asked <= 4

    secret.write_text(f"{token_server.secret}\n")
    assert "Nothing is well." in erika_gets_ticket(house, erika)


def test_a_mailbox_that_is_not_permitted_is_named_with_what_to_do(
    tenant: MakeTenant, token_server: TokenServer
) -> None:
    house = tenant()
    token_server.user = "somebody.else@box.example.com"
    token_server.claims = {"aud": "https://outlook.office365.com", "roles": ["IMAP.AccessAsApp", "SMTP.SendAsApp"]}
    house.gateway.start()

    def trouble() -> str:
        with house.reading():
            return str(MailboxRow.get_or_none(MailboxRow.last_error != "") or "") and MailboxRow.get().last_error

    eventually(trouble, timeout_seconds=30, reason="the refusal")
    assert f"Add-MailboxPermission -Identity {house.desk}" in trouble()
    status = house.gateway.run("status")
    assert status.returncode == 2
    assert "New-ServicePrincipal" in status.stdout
    check = house.command("check", "--connect", "--seconds", "1", expect=1)
    assert "ok    oauth m365: has a token" in check
    assert "FAIL  mailbox desk: login" in check
    assert "Add-MailboxPermission" in check
    # One for the gateway, one for the person who wants to know.
    assert len(token_server.asked()) == 2


def test_old_mail_is_imported_with_a_token(tenant: MakeTenant, token_server: TokenServer) -> None:
    house = tenant()
    house.desk_box.append(b"From: erika@example.com\r\nTo: x@example.com\r\nSubject: Old\r\n\r\nOld.\r\n")
    house.starts()
    done = house.command("mailbox", "import", "desk", "--since", "2020-01-01", expect=0)
    assert "1 imported" in done
    assert len(token_server.asked()) == 1


def test_a_desk_whose_libraries_are_missing_says_so(tenant: MakeTenant, tmp_path: Path) -> None:
    house = tenant()
    hidden = tmp_path / "hidden"
    (hidden).mkdir()
    script = (
        "import sys; sys.modules['authlib'] = None; sys.argv = ['gateway', 'serve']; import gateway.cli as c; c.main()"
    )
    done = subprocess.run(
        [_python(), "-c", script], cwd=house.gateway.folder, capture_output=True, text=True, timeout=60,
        env=house.gateway._environ(),
    )  # fmt: skip
    assert done.returncode == 78
    assert "helpdesk-gateway[oauth]" in done.stderr


def _python() -> str:
    import sys

    return sys.executable
