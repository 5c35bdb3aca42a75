"""A desk that has lived a little, for commands that look: made once, copied for each test that changes it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.servers.client import send
from tests.servers.gateway import GatewayProcess, make_gateway_folder
from tests.servers.waiting import eventually

DESK = "helpdesk@example.com"


def mail(sender: str, subject: str, text: str = "It does not work.\n", **headers: str) -> bytes:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = DESK
    message["Subject"] = subject
    message["Message-ID"] = f"<{abs(hash((sender, subject)))}@example.com>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def write_to_the_desk(running: GatewayProcess) -> None:
    """A report, a request in umlauts, and two mails for the quarantine; wait until all are decided and answered."""
    send(mail("erika@example.com", "My VPN is down"), port=running.smtp_port, to=DESK)
    send(mail("jonas@example.com", "Änderung am Drucker bitte"), port=running.smtp_port, to=DESK)
    send(mail(DESK, "A loop"), port=running.smtp_port, to=DESK)
    send(mail("away@example.net", "Away", Auto_Submitted="auto-replied"), port=running.smtp_port, to=DESK)

    def is_quiet() -> bool:
        waiting = [running.run(queue, "list", "--state", "waiting", "--json").stdout for queue in ("ledger", "outbox")]
        return [text.strip() for text in waiting] == ["[]", "[]"]

    eventually(is_quiet, timeout_seconds=30, reason="nothing waits")


@pytest.fixture(scope="session")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The desk's folder after its gateway was stopped; to be looked at only."""
    folder = make_gateway_folder(tmp_path_factory.mktemp("lived-in") / "desk")
    running = GatewayProcess(folder=folder).start()
    try:
        write_to_the_desk(running)
        assert running.stop() == 0
        yield folder
    finally:
        running.kill()


@pytest.fixture
def desk_copy(lived_in: Path, tmp_path: Path) -> Path:
    """The same desk, to be changed."""
    return Path(shutil.copytree(lived_in, tmp_path / "copy"))


@pytest.fixture
def new_desk(tmp_path: Path) -> Path:
    """A desk where no gateway has run yet."""
    return make_gateway_folder(tmp_path / "new")
