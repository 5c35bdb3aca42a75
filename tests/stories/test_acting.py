"""Acting with little typing, over real sockets: a tapped link, `#undo` while the answer waits, a canned answer."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.servers.gateway import GatewayProcess
from tests.servers.sink import Sink, SinkOptions
from tests.servers.waiting import eventually
from tests.stories.conftest import relay_settings
from tests.stories.house import House, furnish

DELAY = "collision_minutes = 0\nsend_delay_minutes = 5\n"


@pytest.fixture
def slow_house(tmp_path: Path) -> Iterator[House]:
    """A house of its own, whose agents' answers wait for five minutes."""
    folder = furnish(tmp_path / "house")
    rules = folder / "rules.toml"
    rules.write_text(rules.read_text().replace("[limits]", f"{DELAY}\n[limits]", 1))
    assert tomllib.loads(rules.read_text())["desk"]["send_delay_minutes"] == 5
    with Sink(port=None, options=SinkOptions()) as sink:
        gateway = GatewayProcess(folder=folder, env=relay_settings(sink.port)).start()
        try:
            yield House(gateway=gateway, sink=sink)
        finally:
            gateway.stop()


def test_a_tap_a_canned_answer_and_undo_before_it_leaves(slow_house: House) -> None:
    erika, anna = slow_house.person("erika@example.com", "Erika Muster"), slow_house.person("anna@example.com", "Anna")
    number = erika.opens("It drops since this morning.")
    notice = anna.gets("It drops", about=number)
    # A tap and a send.
    links = dict(re.findall(r'<a href="mailto:([^"?]+)\?([^"]+)"', notice.html))
    address, query = next((to, asked) for to, asked in links.items() if "%23take" in asked)
    asked = parse_qs(unescape(query))
    anna.writes(asked["body"][0].replace("\r\n", "\n") + "Sent from my phone", subject=asked["subject"][0], to=address)
    anna.writes(asked["body"][0].replace("\r\n", "\n") + "Sent from my phone!", subject=asked["subject"][0], to=address)
    assert "#take was done already" in anna.gets("#take was done").text
    assert slow_house.ticket(number)["assignee"] == "anna@example.com"
    # A canned answer, taken back while it waits.
    anna.answers(notice, "#use vpn-reset\n#resolve")
    eventually(lambda: slow_house.status_of(number) == "resolved")
    anna.answers(notice, "#undo")
    assert "not sent to erika@example.com" in anna.gets("Taken back").text
    assert slow_house.status_of(number) == "in_progress"
    assert erika.got() == []
    assert slow_house.audit() == []
