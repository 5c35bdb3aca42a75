"""Fifty hostile connections to a real gateway: little memory, others served, everything cleaned up."""

from __future__ import annotations

import contextlib
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.attackers import ATTACKS, Attackers
from tests.intake.desk import DESK, a_mail
from tests.servers.certificates import Certificates
from tests.servers.gateway import GatewayProcess, make_gateway_folder
from tests.servers.waiting import eventually

MEBIBYTE = 1024 * 1024
HOSTILE = 50
RELAY, PERSON = "127.0.0.2", "127.0.0.3"
# Long enough for a client that works, short enough for a test.
SETTINGS = {
    "GATEWAY_SMTP_TRUSTED_PEERS": RELAY,
    "GATEWAY_SMTP_CONNECTIONS": str(HOSTILE + 5),
    "GATEWAY_SMTP_SIZE_LIMIT_BYTES": str(2 * MEBIBYTE),
    "GATEWAY_SMTP_COMMAND_SECONDS": "3",
    "GATEWAY_SMTP_IDLE_SECONDS": "3",
    "GATEWAY_SMTP_MAIL_SECONDS": "3",
}


@pytest.fixture
def gateway(tmp_path: Path, certificates: Certificates) -> Iterator[GatewayProcess]:
    tls = {
        "GATEWAY_SMTP_TLS_CERTIFICATE": str(certificates.certificate),
        "GATEWAY_SMTP_TLS_KEY": str(certificates.key),
    }
    process = GatewayProcess(folder=make_gateway_folder(tmp_path / "desk"), env=SETTINGS | tls)
    rules = process.folder / "rules.toml"
    rules.write_text(rules.read_text().replace("helpdesk@example.com", DESK))
    process.start()
    yield process
    process.kill()


def send(gateway: GatewayProcess, number: int, host: str) -> None:
    with smtplib.SMTP("127.0.0.1", gateway.smtp_port, timeout=30, source_address=(host, 0)) as client:
        assert client.sendmail("erika@example.com", [DESK], a_mail(number)) == {}


def memory(gateway: GatewayProcess, key: str) -> int:
    lines = Path(f"/proc/{gateway.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:"))


def open_by_clients(gateway: GatewayProcess) -> int:
    """Sockets and nameless files; how many connections to its database a gateway has is its own affair."""
    found = 0
    for link in Path(f"/proc/{gateway.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            target = str(link.readlink())
            found += target.startswith("socket:") or target.endswith("(deleted)")
    return found


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak is read from /proc")
def test_fifty_hostile_connections_cost_little_and_stop_nobody(gateway: GatewayProcess) -> None:
    for number in range(5):
        send(gateway, number, RELAY)
    before = open_by_clients(gateway)
    Path(f"/proc/{gateway.pid}/clear_refs").write_text("5")
    base = memory(gateway, "VmRSS")

    with Attackers(port=gateway.smtp_port, attacks=ATTACKS, count=HOSTILE) as attackers:
        for number in range(10, 30):
            send(gateway, number, RELAY)
            send(gateway, 100 + number, PERSON)
        eventually(lambda: attackers.cut.keys() == ATTACKS.keys(), timeout_seconds=60, reason="each is cut off once")
        send(gateway, 1000, PERSON)
    peak = memory(gateway, "VmHWM")

    assert sum(attackers.sent.values()) > 50 * MEBIBYTE
    assert peak - base < 64 * MEBIBYTE
    eventually(lambda: open_by_clients(gateway) <= before, timeout_seconds=30, reason="all connections closed")
    send(gateway, 1001, PERSON)
    assert gateway.stop() == 0
    assert "unexpected" not in gateway.output
