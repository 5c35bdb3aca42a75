"""How every fault ends: nothing acknowledged is lost, nothing is there twice, and the audit is clean."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from gateway.store.states import LedgerState
from gateway.store.tables import Contact, Ledger, Ticket
from tests.stories.house import House
from tests.stories.letters import Letter


def assert_nothing_lost_nothing_twice(
    house: House, senders: Iterable[str], *, sent: Iterable[bytes] = (), repeated: int = 0, stored: int = 0
) -> None:
    """Each sender wrote one mail that was taken and has one ticket of it; of the mails `sent` at most `repeated` are
    copies, and those have the same bytes. `stored` more may have tickets whose yes never reached their senders."""
    house.settles(timeout_seconds=60)
    with house.reading():
        rows = Ledger.select(Ticket, Contact).join(Ticket).join(Contact).where(Ledger.outcome == "opened")
        opened = Counter(row.ticket.requester.address for row in rows if row.ticket is not None)
        states = {row.state for row in Ledger.select()}
        tickets = Ticket.select().count()
    taken = Counter(senders)
    assert taken - opened == Counter(), "acknowledged and lost"
    assert (opened - taken).total() <= stored, "more tickets than mails"
    assert max(opened.values(), default=0) <= max(taken.values(), default=1), "a ticket twice"
    assert tickets == opened.total()
    assert LedgerState.FAILED not in states
    assert_no_mail_twice(sent, repeated=repeated)
    assert house.audit() == []


def assert_no_mail_twice(sent: Iterable[bytes], *, repeated: int) -> None:
    """The one gap of SMTP: a copy has the same bytes, and so the same Message-ID."""
    copies: dict[str, list[bytes]] = defaultdict(list)
    for content in sent:
        copies[Letter(content).message_id].append(content)
    assert all(len(set(every)) == 1 for every in copies.values()), "a repeated mail has other bytes"
    assert sum(len(every) - 1 for every in copies.values()) <= repeated, "a mail was sent twice"
