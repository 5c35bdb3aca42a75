"""Replay on a real database: candidate rules over stored mail, with what was known when each mail came."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.desk.as_of import as_of
from gateway.desk.tickets import follow_merges, ticket_facts
from gateway.parsing import Parser
from gateway.policy import Policy, parse_policy
from gateway.replay import Period, Replay, Replayer
from gateway.store.database import connection, transaction
from gateway.store.tables import Ledger, RawMailPart, database_proxy
from gateway.triage.replay import Row
from tests.desk.harness import DESK, DeskUnderTest, policy_of

RULES = """
[[rule]]
name = "VPN"
when.words = "vpn"
set = { category = "network/vpn", team = "network", tags = "vpn" }
[[rule]]
name = "Money"
when.words = "invoice"
set = { category = "money", type = "request" }
[[rule]]
name = "Third ticket today"
when.tickets = "3 today"
set.urgency = "high"
[[rule]]
name = "At night"
when.time = "20:00-06:00"
set.category = "night"
[[rule]]
name = "Still broken"
when.words = "still"
set.impact = "high"
on = ["reply"]
"""
ALL = Period(since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2027, 1, 1, tzinfo=UTC))


def live(url: str, parser: Parser, scratch: Path) -> DeskUnderTest:
    """Eight mails: five tickets (one corrected and closed, one closed as it was), a reply, a loop and a night."""
    desk = DeskUnderTest(url, parser=parser, scratch=scratch, policy=policy_of(more=RULES))
    desk.write("erika@example.com", "The VPN drops.", subject="VPN")
    desk.write("erika@example.com", "Where is my invoice? The printer says no.", subject="Invoice")
    desk.write("erika@example.com", "Nothing works.", subject="Help")
    first, second = desk.inbox("anna@example.com", "new_ticket")[:2]
    desk.answer("anna@example.com", first, "Restarted.\n\n#category network/wifi\n#urgency low\n#resolve")
    desk.answer("anna@example.com", second, "Paid.\n\n#resolve")
    desk.answer("jonas@example.com", desk.last("erika@example.com", "acknowledgement"), "It is still so.")
    desk.write(DESK, "A loop.", subject="Loop")
    desk.now = desk.now.replace(hour=22)
    desk.write("jonas@example.com", "It is open.", subject="Door")
    return desk


@pytest.fixture(scope="module")
def lived(prepared_sqlite: Path, parser: Parser, tmp_path_factory: pytest.TempPathFactory) -> DeskUnderTest:
    """A desk that is only looked at: one for all tests."""
    folder = tmp_path_factory.mktemp("lived")
    return live(f"sqlite:///{shutil.copy(prepared_sqlite, folder / 'gateway.sqlite')}", parser, folder)


@pytest.fixture
def lived_anew(database_url: str, parser: Parser, tmp_path: Path) -> DeskUnderTest:
    """The same desk on each database, to be changed."""
    return live(database_url, parser, tmp_path)


class Replays:
    """Replays with the rules of the harness, changed."""

    def __init__(self, desk: DeskUnderTest, parser: Parser, scratch: Path) -> None:
        self._desk, self._parser, self._scratch = desk, parser, scratch
        self.progress: list[tuple[int, int, bool]] = []

    def __call__(self, *changes: tuple[str, str], against: Policy | None = None, period: Period = ALL) -> Replay:
        text = RULES
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        return self.run(policy_of(more=text), against=against, period=period)

    def run(self, candidate: Policy, *, against: Policy | None = None, period: Period = ALL) -> Replay:
        replayer = Replayer(
            candidate=candidate,
            against=against,
            database=self._desk.database,
            secrets=self._desk.secrets,
            parser=self._parser,
            scratch=self._scratch,
        )
        # No transaction outlives a slice: the log of a running gateway could not be taken over meanwhile.
        return replayer.run(period, lambda done, total: self.progress.append((done, total, is_idle(self._desk))))


@pytest.fixture
def replay(lived: DeskUnderTest, parser: Parser, tmp_path: Path) -> Iterator[Replays]:
    database_proxy.initialize(lived.database)
    with connection(lived.database):
        yield Replays(lived, parser, tmp_path)


@pytest.fixture
def replay_anew(lived_anew: DeskUnderTest, parser: Parser, tmp_path: Path) -> Iterator[Replays]:
    with connection(lived_anew.database):
        yield Replays(lived_anew, parser, tmp_path)


def is_idle(desk: DeskUnderTest) -> bool:
    return not desk.database.in_transaction()


def rows_of(found: Replay) -> dict[str, Row]:
    return {row.subject: row for row in found.report.rows}


def test_the_rules_in_force_differ_nowhere(replay: Replays) -> None:
    found = replay().report
    assert (found.rows, found.otherwise, found.moves) == ((), (), ())
    assert (found.mails, found.tickets, found.changed_on_reply) == (6, 4, 0)
    assert found.not_replayed == {"no rule is asked: filed, held, or of an agent": 2}
    assert found.judged == 2
    assert not found.is_worse
    assert all(one.all.before == one.all.after for one in found.fields)
    assert replay.progress == [(0, 8, True), (8, 8, True)]


def test_a_change_is_told_with_its_rules_and_held_against_the_agents_word(replay: Replays) -> None:
    found = replay(('category = "network/vpn", team', 'category = "network/wifi", team'))
    row = rows_of(found)["VPN"]
    (change,) = row.changes
    assert (change.field, change.before, change.after) == ("subcategory", "vpn", "wifi")
    assert (change.before_by, change.after_by) == ("VPN", "VPN")
    assert (change.word, change.certain, change.standing, row.standing) == ("wifi", True, "better", "better")
    assert row.ticket == "INC-1001"
    assert (found.report.changed, found.report.better, found.report.worse) == (1, 1, 0)
    by_field = {one.field: one for one in found.report.fields}
    assert (by_field["subcategory"].certain.before, by_field["subcategory"].certain.after) == (0, 1)
    assert (by_field["subcategory"].all.tickets, by_field["subcategory"].all.after) == (2, 2)


def test_away_from_what_nobody_corrected_is_worse_but_weak(replay: Replays) -> None:
    found = replay(('type = "request"', 'type = "incident"')).report
    assert (found.worse, found.worse_certain, found.better, found.is_worse) == (1, 0, 0, True)


def test_an_open_ticket_is_nobodys_word(replay: Replays) -> None:
    found = replay(
        (
            '[[rule]]\nname = "VPN"',
            '[[rule]]\nname = "Help"\nwhen.words = "help"\nset.team = "network"\n[[rule]]\nname = "VPN"',
        )
    )
    row = rows_of(found)["Help"]
    assert (row.standing, row.changes[0].word) == ("other", None)
    assert (row.changes[0].before, row.changes[0].before_by, row.changes[0].after_by) == ("desk", "", "Help")


def test_facts_are_those_of_then(replay: Replays) -> None:
    """The third ticket is the third however many came later; the night is the night in which the mail came."""
    found = replay(('set.urgency = "high"', 'set.urgency = "low"'), ('set.category = "night"', 'set.category = "late"'))
    rows = rows_of(found)
    assert {subject: [one.field for one in row.changes] for subject, row in rows.items()} == {
        "Help": ["urgency", "priority"],
        "Door": ["category"],
    }


def test_what_rules_do_on_a_reply_is_replayed_too(replay: Replays) -> None:
    found = replay(('set.impact = "high"', 'set.impact = "low"'))
    (row,) = found.report.rows
    assert row.on_reply
    assert [(one.field, one.before, one.after) for one in row.changes] == [
        ("impact", "high", "low"),
        ("priority", "P1", "P3"),
    ]
    assert (found.report.changed, found.report.changed_on_reply) == (0, 1)


def test_two_files_are_held_against_each_other_whatever_was_decided_then(replay: Replays) -> None:
    changed = RULES.replace('team = "network", ', "")
    found = replay(('team = "network", ', ""), against=policy_of(more=changed))
    assert found.report.rows == ()
    found = replay(against=policy_of(more=changed))
    assert [(one.field, one.before, one.after) for one in rows_of(found)["VPN"].changes] == [
        ("team", "desk", "network")
    ]


def test_a_mail_that_would_be_treated_otherwise_is_told_with_the_reason(replay: Replays, lived: DeskUnderTest) -> None:
    """Another desk address: the loop is none any more."""
    moved = parse_policy(lived.policy.text.replace(DESK, "it-desk@example.com"), "rules.toml")
    found = replay.run(moved).report
    (one,) = found.otherwise
    assert (one.subject, one.before, one.after) == ("Loop", "quarantine (own-mail)", "open")
    assert found.treated_otherwise == 1


def test_a_period_and_a_limit_say_which_mails(replay: Replays, lived: DeskUnderTest) -> None:
    first = Ledger.get_by_id(1)
    after_first = Period(since=first.received_at + timedelta(seconds=1), until=ALL.until)
    assert replay(period=after_first).report.tickets == 3
    newest = replay(period=Period(since=ALL.since, until=ALL.until, limit=2))
    assert (newest.mails_stored, newest.report.mails) == (8, 2)
    assert replay(period=Period(since=ALL.since, until=first.received_at)).report.mails == 0


def test_both_databases_say_the_same(replay_anew: Replays, lived_anew: DeskUnderTest, tmp_path: Path) -> None:
    """Facts of then, replies, a mail in several parts, and mails whose bytes are gone."""
    lived_anew.write("erika@example.com", "Too much.\n" * 150_000, subject="Big")
    with connection(lived_anew.database), transaction(lived_anew.database):
        RawMailPart.delete().where(RawMailPart.ledger == 1).execute()
    with connection(lived_anew.database):
        found = replay_anew(
            ('when.words = "vpn"', 'when.size = "above 1 MB"'),
            ('set.impact = "high"', 'set.impact = "low"'),
            ('set.urgency = "high"', 'set.urgency = "low"'),
        )
    changes = {row.subject: [(one.field, one.before, one.after) for one in row.changes] for row in found.report.rows}
    assert changes["Big"][0] == ("category", "night", "network")
    assert changes["Help"][0] == ("urgency", "high", "low")
    assert changes["Re: [INC-1003] Help"][0] == ("impact", "high", "low")
    assert found.report.not_replayed["their bytes are gone (retention)"] == 1
    assert found.report.tickets == 4
    assert not list(tmp_path.glob("*.eml"))


def test_a_ticket_as_it_stood_before_an_agent_came(lived_anew: DeskUnderTest) -> None:
    with connection(lived_anew.database):
        ticket, _ = follow_merges(1001)
        assert ticket is not None
        now = ticket_facts(ticket, lived_anew.policy)
        answered = Ledger.get_by_id(4).decided_at
        then = as_of(now, answered)
    assert (now.status, now.category, now.subcategory, now.urgency) == ("resolved", "network", "wifi", "low")
    assert (then.status, then.category, then.subcategory, then.urgency) == ("new", "network", "vpn", "medium")
    assert (now.authority_of("subcategory"), then.authority_of("subcategory")) == ("agent", "rule")
    assert as_of(now, lived_anew.now + timedelta(days=1)) == now


DROPS = "The VPN on my laptop drops every few minutes since this morning, please help me with it."


def turning(more: str = "", assign: str = "round_robin", desk: str = "") -> Policy:
    text = policy_of(desk, more=RULES + more).text
    return parse_policy(text.replace('name = "desk"\n', f'name = "desk"\nassign = "{assign}"\n', 1), "rules.toml")


@pytest.fixture
def turned(make_desk: Callable[[Policy], DeskUnderTest]) -> DeskUnderTest:
    """Three tickets given in turn, the same matter once more, and one withdrawn, taken up again and settled."""
    desk = make_desk(turning())
    for subject in ("Lamp", "Chair", "Door"):
        desk.write("jonas@example.com", f"The {subject} is broken.", subject=subject)
    assert [desk.ticket(number)["assignee"] for number in (1001, 1002)] == ["anna@example.com", "ben@example.com"]
    desk.wait(minutes=1)
    desk.write("erika@example.com", DROPS, subject="Trouble")
    desk.wait(minutes=5)
    assert desk.write("erika@example.com", DROPS, subject="Trouble").outcome == "appended"
    desk.wait(minutes=1)
    desk.answer("erika@example.com", desk.inbox("erika@example.com", "acknowledgement")[0], "cancel")
    desk.wait(minutes=1)
    assert desk.ticket(1004)["status"] == "cancelled"
    again = desk.answer("erika@example.com", desk.last("erika@example.com", "noted"), "Sorry, that was another one.")
    assert (again.outcome, desk.ticket(1004)["status"]) == ("appended", "in_progress")
    desk.wait(minutes=1)
    desk.answer("anna@example.com", desk.inbox("anna@example.com", "new_ticket")[0], "Done.\n\n#assign anna\n#resolve")
    return desk


def test_turns_the_same_matter_and_a_withdrawal_differ_nowhere(
    turned: DeskUnderTest, parser: Parser, tmp_path: Path
) -> None:
    with connection(turned.database):
        replays = Replays(turned, parser, tmp_path)
        for candidate in (turning(), turning(assign="least_loaded")):
            found = replays.run(candidate).report
            assert (found.rows, found.otherwise, found.moves) == ((), (), ())
            assert (found.mails, found.tickets) == (7, 4)
            assert not found.is_worse
        none = replays.run(turning(desk="same_matter_hours = 0")).report
        assert [(one.before, one.after) for one in none.otherwise] == [("append", "open")]


def test_an_assignee_whom_a_rule_names_is_compared(turned: DeskUnderTest, parser: Parser, tmp_path: Path) -> None:
    rule = '[[rule]]\nname = "Lamps"\nwhen.words = "lamp"\nset.assignee = "ben"\n'
    with connection(turned.database):
        (row,) = Replays(turned, parser, tmp_path).run(turning(rule)).report.rows
    (change,) = row.changes
    assert (row.subject, change.field, change.before, change.after) == (
        "Lamp",
        "assignee",
        "anna@example.com",
        "ben@example.com",
    )


def test_more_hours_of_the_same_matter_join_what_was_opened(
    make_desk: Callable[[Policy], DeskUnderTest], parser: Parser, tmp_path: Path
) -> None:
    desk = make_desk(policy_of("same_matter_hours = 1", more=RULES))
    for _ in range(2):
        assert desk.write("erika@example.com", DROPS, subject="Trouble").outcome == "opened"
        desk.wait(hours=2)
    with connection(desk.database):
        replays = Replays(desk, parser, tmp_path)
        assert replays.run(desk.policy).report.otherwise == ()
        (one,) = replays.run(policy_of("same_matter_hours = 3", more=RULES)).report.otherwise
    assert (one.ticket, one.before, one.after) == ("INC-1002", "open", "append")
