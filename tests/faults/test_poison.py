"""k08: a mail whose work kills or hangs the whole process costs three lives, is kept as failed, and stops nobody."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import peewee

from gateway.desk.audit import audit_all
from gateway.desk.operating import retry_ledger
from gateway.desk.people import read_secrets
from gateway.intake.accept import Door
from gateway.store.database import connection
from gateway.store.queue import LONGEST_WAIT, claim, free_leases
from gateway.store.tables import Contact, Ledger, Outbox, Ticket
from tests.delivery.house import NOW, House, open_house
from tests.faults.poisoned import MOST_LIVES, POISON
from tests.intake.desk import Clock, a_mail, an_envelope, new_database
from tests.servers import prepared

sqlite_url, postgres_url = prepared.sqlite_url, prepared.postgres_url

ROOT = Path(__file__).parents[2]


def accept_all(database: peewee.Database, mails: list[bytes]) -> None:
    with Door(database, clock=Clock()) as door:
        for future in [door.submit(an_envelope(reverse_path="erika@example.com"), mail) for mail in mails]:
            future.result(timeout=30)


def lives(mode: str, url: str, folder: Path) -> list[int]:
    command = [sys.executable, "-m", "tests.faults.poisoned", mode, url, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    ends: list[int] = json.loads(done.stdout.splitlines()[-1])
    return ends


def test_k08_a_mail_that_kills_its_process_is_failed_after_three_lives_and_the_others_are_sorted(
    database_url: str, tmp_path: Path
) -> None:
    outlive("kill", database_url, tmp_path)


def test_k08_a_process_in_which_a_mail_hangs_ends_itself_and_the_others_are_sorted(
    sqlite_url: str, tmp_path: Path
) -> None:
    outlive("hang", sqlite_url, tmp_path)


def outlive(mode: str, database_url: str, tmp_path: Path) -> None:
    database = new_database(database_url)
    poison = POISON + b"\r\n" + a_mail(4)
    accept_all(database, [*map(a_mail, range(4)), poison, *map(a_mail, range(5, 10))])
    ends = lives(mode, database_url, tmp_path)
    # Once with all the others, twice alone; the fourth life does everybody else's work.
    assert len(ends) == 4 < MOST_LIVES
    assert ends[-1] == 0
    with connection(database):
        outcomes = [(row.state, row.outcome) for row in Ledger.select().order_by(Ledger.id)]
        assert outcomes == [("done", "opened")] * 4 + [("failed", "")] + [("done", "opened")] * 5
        failed = Ledger.get_by_id(5)
        assert "3 attempts to sort it broke off" in failed.error
        assert audit_all(read_secrets()).findings == []
        assert retry_ledger(database, [5], by="admin", now=NOW) == 1
    # The operator's retry gives it three more; nobody else pays for it.
    assert lives("none", database_url, tmp_path) == [0]
    with connection(database):
        assert Ledger.get_by_id(5).outcome == "opened"
        assert audit_all(read_secrets()).findings == []


def test_k08_what_is_tried_again_is_claimed_alone_and_what_is_new_together(database_url: str) -> None:
    database = new_database(database_url)
    accept_all(database, [a_mail(number) for number in range(6)])
    with connection(database):

        def claimed() -> list[int]:
            return [one.id for one in claim(database, Ledger, owner="one", now=NOW, limit=64)]

        Ledger.update(attempts=1).where(Ledger.id.in_([3, 4])).execute()
        assert [claimed() for _ in range(5)] == [[1, 2], [3], [4], [5, 6], []]
        free_leases(database, is_dead=lambda _: True)
        assert [claimed() for _ in range(7)] == [[1], [2], [3], [4], [5], [6], []]


def test_k08_a_mail_that_kills_who_renders_it_takes_no_other_with_it(database_url: str, tmp_path: Path) -> None:
    with open_house(database_url, tmp_path) as house:
        poison, *others = (house.add(f"reader.{number}@example.com") for number in range(4))
        for _ in range(5):
            claim(house.database, Outbox, owner="dies", now=NOW, limit=8)
            free_leases(house.database, is_dead=lambda _: True)
        # The first death was everybody's; then the first in the row died alone each time.
        attempts = [house.row(one).attempts for one in (poison, *others)]
        assert attempts == [5, 1, 1, 1]
        deliverer = house.deliverer()
        deliverer.run_once(NOW)
        deliverer.run_once(NOW)
        assert house.state(poison) == "held"
        assert {house.state(one) for one in others} == {"sent"}


def test_k34_an_answer_never_overtakes_an_earlier_one_to_the_same_person_on_the_same_ticket(
    database_url: str, tmp_path: Path
) -> None:
    with open_house(database_url, tmp_path) as house:
        tickets = iter([7, 7, 8, None, 7])
        people = ["erika@example.com"] * 4 + ["carl@example.com"]
        first, second, elsewhere, _, _ = ids = [add_answer(house, next(tickets), person) for person in people]

        def claimed(minutes: float = 0) -> list[int]:
            now = NOW + timedelta(minutes=minutes)
            return [one.id for one in claim(house.database, Outbox, owner="one", now=now, limit=8)]

        assert claimed() == [one for one in ids if one != second]
        # Put off by the relay, as with a 451: the second waits too.
        later = {"not_before": NOW + timedelta(minutes=5), "lease_owner": "", "lease_until": None}
        Outbox.update(later).where(Outbox.id == first).execute()
        assert claimed() == []
        assert elsewhere not in claimed(4)
        assert claimed(5) == [first]
        Outbox.update(state="sent", sent_at=NOW).where(Outbox.id == first).execute()
        assert claimed(5) == [second]


def add_answer(house: House, number: int | None, person: str) -> int:
    outbox_id = house.add(person)
    if number is not None:
        ticket = Ticket.get_or_none(Ticket.number == number) or a_ticket(number, house.row(outbox_id).recipient)
        Outbox.update(ticket=ticket).where(Outbox.id == outbox_id).execute()
    return outbox_id


def a_ticket(number: int, requester: Contact) -> Ticket:
    words = {"type": "incident", "status": "new", "impact": "medium", "urgency": "medium", "priority": "P3"}
    more = {"subject": "VPN", "team": "desk", "fields": {}, "policy_version": "1", "desk_address": "desk@example.com"}
    ticket: Ticket = Ticket.create(number=number, requester=requester, opened_at=NOW, updated_at=NOW, **words, **more)
    return ticket


def test_k36_a_row_put_off_by_a_clock_that_was_wrong_does_not_wait_for_it(database_url: str) -> None:
    database = new_database(database_url)
    accept_all(database, [a_mail(1), a_mail(2)])
    with connection(database):
        Ledger.update(not_before=NOW + timedelta(days=1)).where(Ledger.id == 1).execute()
        Ledger.update(not_before=NOW + LONGEST_WAIT / 2).where(Ledger.id == 2).execute()
        assert [one.id for one in claim(database, Ledger, owner="one", now=NOW, limit=8)] == [1]
