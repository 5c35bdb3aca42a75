"""A batch of hostile mails takes longer than a lease lasts: nobody else begins it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway.mail import Envelope, Mail, Transport
from gateway.parse import parse
from gateway.parsing import Raw
from gateway.sorting import Sorter
from gateway.store.database import connection
from gateway.store.queue import LEASE, claim
from gateway.store.tables import Ledger
from tests.desk.harness import DESK, DeskUnderTest

BATCH = 64
SECONDS_EACH = 10


class SlowParser:
    """Takes ten seconds of the desk's clock for each mail, and tells how many a second gateway would have got then."""

    def __init__(self, desk: DeskUnderTest) -> None:
        self._desk = desk
        self.taken_away = 0

    def parse_many(
        self, mails: Sequence[Raw], own_addresses: tuple[str, ...], meanwhile: Callable[[], None] | None = None
    ) -> list[Mail]:
        for _ in mails:
            self._desk.now += timedelta(seconds=SECONDS_EACH)
            if meanwhile is not None:
                meanwhile()
            rows = claim(self._desk.database, Ledger, owner="another", now=self._desk.now, limit=BATCH)
            self.taken_away += len(rows)
        return [parse(mail.read(), own_addresses=own_addresses) for mail in mails]


def test_sixty_four_mails_of_ten_seconds_each_outlast_no_lease(desk: DeskUnderTest, tmp_path: Path) -> None:
    """They take ten minutes and a lease five; each is decided once, by the one who had claimed it."""
    assert timedelta(seconds=BATCH * SECONDS_EACH) > 2 * LEASE
    values: dict[str, Any] = {"transport": Transport.SMTP, "recipients": (DESK,)}
    with desk._door as door:
        for number in range(BATCH):
            raw = desk.mail(f"person{number}@example.com", "It drops.", subject=f"Matter {number}")
            door.accept(Envelope(received_at=desk.now, reverse_path=f"person{number}@example.com", **values), raw)
    parser: Any = SlowParser(desk)
    sorter = Sorter(
        desk.database,
        parser=parser,
        policy=lambda: desk.policy,
        secrets=desk.secrets,
        clock=desk.clock,
        owner="slow",
        batch=BATCH,
        scratch=tmp_path,
        on_sorted=lambda: None,
    )
    with connection(desk.database):
        assert sorter.run_once(desk.now) == BATCH
        assert parser.taken_away == 0
        rows = list(Ledger.select(Ledger.state, Ledger.attempts, Ledger.outcome))
    assert {(row.state, row.attempts, row.outcome) for row in rows} == {("done", 1, "opened")}
    assert desk.audit() == []
