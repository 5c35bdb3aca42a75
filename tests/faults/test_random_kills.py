"""k39: `kill -9` at random moments under load, with a real Postfix in front and behind, and a real Dovecot beside.

Fifty kills, or as many as `CRASH_ROUNDS` says. Mail comes by SMTP and LMTP from Postfix's queue and by IMAP from a
mailbox; what the desk sends goes back through Postfix to a sink that counts.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gateway.store.states import LedgerState
from gateway.store.tables import Ledger
from gateway.store.tables import Mailbox as MailboxRow
from tests.faults.closing import assert_nothing_lost_nothing_twice
from tests.servers.dovecot import DovecotServer
from tests.servers.gateway import CHECKOUT, GatewayProcess
from tests.servers.postfix import DESK_ADDRESS, LMTP_DOMAIN, PostfixServer
from tests.servers.processes import tail, with_parent_death_signal
from tests.servers.sink import Sink
from tests.servers.waiting import eventually
from tests.stories.conftest import relay_settings
from tests.stories.house import House, furnish
from tests.stories.letters import compose_mail
from tests.stories.test_real_servers import GATEWAY_TOML

pytestmark = [pytest.mark.crash, pytest.mark.timeout(24 * 3600)]

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "50"))
SHORTEST_LIFE_SECONDS, LONGEST_LIFE_SECONDS = 0.05, 0.8
MAILS_A_ROUND = 3
# Up to so many connections to the relay, each with one mail of which nobody knows after a kill.
CONNECTIONS = 3


class Town(House):
    """Kills its gateway and starts it again, by way of the nursery."""

    nursery: subprocess.Popen[str]
    pid = 0

    def begin(self) -> None:
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        print("go", file=self.nursery.stdin, flush=True)
        self.pid = int(self.nursery.stdout.readline())

    def kill(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            gateway = psutil.Process(self.pid)
            family = [gateway, *gateway.children(recursive=True)]
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGKILL)
            psutil.wait_procs(family, timeout=10)


@pytest.fixture
def town(tmp_path: Path, postfix: PostfixServer, postfix_sink: Sink, dovecot: DovecotServer) -> Iterator[Town]:
    box = dovecot.new_mailbox()
    by_lmtp = f"helpdesk@{LMTP_DOMAIN}"
    folder = furnish(tmp_path / "desk", desk=box.address, aliases=[DESK_ADDRESS, by_lmtp])
    toml = GATEWAY_TOML.format(port=dovecot.imaps_port, ca=dovecot.certificates.ca, user=box.address)
    (folder / "gateway.toml").write_text(toml)
    env = {
        **relay_settings(postfix.port),
        "GATEWAY_MAILBOX_DESK_PASSWORD": box.password,
        "GATEWAY_LMTP_ENABLED": "true",
        "GATEWAY_LMTP_LISTEN": f"127.0.0.1:{postfix.desk_lmtp_port}",
        "GATEWAY_SMTP_HOST": "127.0.0.1",
        "GATEWAY_SMTP_PORT": str(postfix.desk_smtp_port),
        "GATEWAY_LOG_LEVEL": "warning",
    }
    gateway = GatewayProcess(folder=folder, env=env, smtp_port=postfix.desk_smtp_port)
    town = Town(gateway=gateway, sink=postfix_sink, smtp_port=postfix.port, desk=box.address)
    command = with_parent_death_signal([sys.executable, "-m", "tests.faults.nursery", str(folder)])
    environ = os.environ | env | {"PYTHONPATH": str(CHECKOUT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=CHECKOUT, env=environ, text=True, **pipes) as nursery:  # type: ignore[call-overload]
        town.nursery = nursery
        try:
            yield town
        finally:
            town.kill()
            nursery.stdin.close()
    postfix.forget_queue()


def has_looked(town: Town) -> bool:
    with contextlib.suppress(Exception), town.reading():
        return bool(MailboxRow.select().where(MailboxRow.last_ok_at.is_null(False)).exists())
    return False


def test_k39_killed_at_random_under_load_behind_real_servers(town: Town, postfix: PostfixServer) -> None:
    seed = int(os.environ.get("CRASH_SEED", secrets.randbelow(1_000_000)))
    print(f"CRASH_SEED={seed}")
    chance, pause = random.Random(seed), threading.Event()
    ways = [DESK_ADDRESS, f"helpdesk@{LMTP_DOMAIN}", town.desk]
    senders: list[str] = []
    town.begin()
    # What lies in the mailbox before the first contact is left alone.
    try:
        eventually(lambda: has_looked(town), timeout_seconds=30, reason="the first look into the mailbox")
    except AssertionError:
        raise AssertionError(tail(town.gateway.folder / "log")) from None
    for _ in range(ROUNDS):
        for _ in range(MAILS_A_ROUND):
            senders.append(f"employee.{len(senders)}@example.com")
            to = ways[len(senders) % len(ways)]
            mail = compose_mail(sender=senders[-1], to=to, subject=f"From {senders[-1]}", text="It drops.")
            town.hand_in(mail, sender=senders[-1], to=to)
        pause.wait(chance.uniform(SHORTEST_LIFE_SECONDS, LONGEST_LIFE_SECONDS))
        town.kill()
        town.begin()
    patience_seconds = 60 + ROUNDS
    # Under load a Postfix lets a mail lie for minutes, whatever its longest backoff is: it is told to try.
    eventually(
        lambda: taken(town, postfix) >= len(senders), timeout_seconds=patience_seconds, reason="every mail is taken"
    )
    town.settles(patience_seconds)
    failed = retry_failed(town)
    town.settles(patience_seconds)
    postfix.wait_until_empty(patience_seconds)
    assert town.sink is not None
    sent = [mail.content for mail in town.sink.mails]
    assert_nothing_lost_nothing_twice(town, senders, sent=sent, repeated=CONNECTIONS * (ROUNDS + 1))
    print(f"{ROUNDS} kills, {len(senders)} mails in, {len(sent)} out, {failed} tried again by an operator")


def taken(town: Town, postfix: PostfixServer) -> int:
    postfix.flush()
    with town.reading():
        return int(Ledger.select().where(Ledger.duplicate_of.is_null()).count())


def retry_failed(town: Town) -> int:
    """A mail that was under work at three kills is kept for an operator, who lets it be sorted again."""
    with town.reading():
        failed = list(Ledger.select().where(Ledger.state == LedgerState.FAILED))
    assert all("attempts to sort it broke off" in row.error for row in failed)
    if failed:
        assert town.gateway.run("ledger", "retry", "--all").returncode == 0
    return len(failed)
