"""News to the people of a ticket: of which events the rules let them hear, in one mail, and never twice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.mail import Address
from gateway.policy import Policy
from gateway.policy.telling import EVENTS, Event
from gateway.ticket import Authority, Field, FieldValue, HoldReason, Role, Status
from gateway.triage.decision import (
    Change,
    LinkTicket,
    MoveStatus,
    MuteTicket,
    Notice,
    RemoveWatchers,
    SetFields,
    SetRequester,
    TurnTo,
)
from gateway.triage.facts import Person, TicketFacts
from gateway.triage.notices import agents_of_new, agents_of_ticket
from gateway.triage.updating import with_updates
from tests.triage.values import ANNA, BEN, DORA, ERIKA, NOW, policy, ticket

OF_PEOPLE = [event for event, told in EVENTS.items() if "update" in told.mails]
# Of these the leads, or the team, hear beside those whom all events tell; see the desk's tests.
_WITH_OTHERS = (Event.BAD_RATING, Event.ABSENT)
OF_AGENTS = [
    event for event, told in EVENTS.items() if told.is_of_agents and told.by_default and event not in _WITH_OTHERS
]
EVERYBODY = f'[[notice]]\nevent = {[event.value for event in OF_PEOPLE]}\nto = ["requester", "watchers"]\n'


def fields(*pairs: tuple[Field, str]) -> SetFields:
    return SetFields(values=tuple(FieldValue(field=one, value=to, authority=Authority.AGENT) for one, to in pairs))


def held(reason: HoldReason = HoldReason.VENDOR, until: datetime | None = None) -> MoveStatus:
    return MoveStatus(to=Status.ON_HOLD, why="", hold_reason=reason, hold_until=until)


def moved(to: Status) -> MoveStatus:
    return MoveStatus(to=to, why="")


def news(
    *changes: Change,
    before: TicketFacts | None = None,
    others: tuple[TicketFacts, ...] = (),
    rules: Policy | None = None,
    acting: str = ANNA,
) -> dict[str, list[str]]:
    """Who reads which lines."""
    known = {one.number: one for one in (before or ticket(), *others)}
    told = with_updates(changes, 1001, find=known.get, policy=rules or policy(more=EVERYBODY), acting=acting, now=NOW)
    mails = [one for one in told if isinstance(one, Notice) and one.name == "update"]
    assert len({one.to.address for one in mails}) == len(mails)
    return {one.to.address: [str(line) for line in one.context["changes"]] for one in mails}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "before", "event", "line"),
    [
        (fields((Field.ASSIGNEE, ANNA)), {}, Event.TAKEN, "Anna Agent takes care of it now"),
        (fields((Field.TEAM, "network")), {}, Event.HANDED_OVER, "the team network takes care of it now"),
        (fields((Field.PRIORITY, "P1")), {}, Event.PRIORITY_CHANGED, "its priority is P1; it was P3"),
        (held(), {}, Event.ON_HOLD, "it waits for a supplier"),
        (
            held(until=datetime(2026, 3, 7, tzinfo=UTC)),
            {},
            Event.ON_HOLD,
            "it waits for a supplier, until 2026-03-06",
        ),
        (
            held(HoldReason.APPROVAL, datetime(2026, 3, 6, 12, tzinfo=UTC)),
            {},
            Event.ON_HOLD,
            "it waits for an approval, until 2026-03-06",
        ),
        (
            moved(Status.IN_PROGRESS),
            {"status": Status.ON_HOLD},
            Event.RESUMED,
            "it is no longer on hold, and goes on",
        ),
        (moved(Status.IN_PROGRESS), {"status": Status.RESOLVED}, Event.REOPENED, "it is open again"),
        (
            LinkTicket(number=1002, kind="merged"),
            {},
            Event.MERGED,
            "it goes on together with another report of the same matter",
        ),
    ],
)
def test_an_event_tells_those_whom_the_rules_name(
    change: Change, before: dict[str, Any], event: Event, line: str
) -> None:
    start = ticket(**before)
    strangers = ticket(1002, requester=Person(id=9, address="carl@example.com"))
    for whom, expected in (("requester", {ERIKA}), ("watchers", {DORA})):
        rules = policy(more=f'[[notice]]\nevent = "{event}"\nto = "{whom}"\n')
        assert news(change, before=start, others=(strangers,), rules=rules) == {one: [line] for one in expected}
    assert news(change, before=start, others=(strangers,), rules=policy()) == {}
    never = policy(more=f'[[notice]]\nevent = "{event}"\nwhen = "never"\n')
    assert news(change, before=start, others=(strangers,), rules=never) == {}


def test_all_that_happens_is_one_mail_and_each_reads_it_from_where_they_stand() -> None:
    change = fields((Field.ASSIGNEE, BEN), (Field.TEAM, "network"))
    lines = ["Ben Helper takes care of it now", "the team network takes care of it now"]
    assert news(change, held(HoldReason.REQUESTER)) == {
        ERIKA: [*lines, "it waits for your answer"],
        DORA: [*lines, "it waits for an answer of who reported it"],
    }


def test_of_a_ticket_of_ones_own_that_it_goes_on_in_one_learns_the_number_and_a_watcher_does_not() -> None:
    told = news(LinkTicket(number=1002, kind="merged"), others=(ticket(1002),))
    assert told[ERIKA] == ["it goes on together with INC-1002"]
    assert told[DORA] == ["it goes on together with another report of the same matter"]


@pytest.mark.parametrize(
    "change",
    [
        fields((Field.ASSIGNEE, "")),
        fields((Field.TEAM, "desk"), (Field.PRIORITY, "P3")),
        held(),
        moved(Status.RESOLVED),
        moved(Status.CLOSED),
        moved(Status.CANCELLED),
    ],
)
def test_what_changes_nothing_or_ends_it_is_no_news(change: Change) -> None:
    before = ticket(status=Status.ON_HOLD, hold_reason=HoldReason.VENDOR)
    assert news(change, fields((Field.PRIORITY, "P3")), before=before) == {}


def test_nobody_gets_two_mails_of_one_act_and_none_of_the_own() -> None:
    change = fields((Field.PRIORITY, "P1"))
    answer = Notice(name="answer", to=Address(address=ERIKA), role=Role.REQUESTER)
    assert set(news(change, answer)) == {DORA}
    assert set(news(change, acting=DORA)) == {ERIKA}
    assert set(news(change, SetRequester(requester=Address(address="new@example.com")))) == {DORA}
    assert set(news(change, RemoveWatchers(addresses=(DORA,)))) == {ERIKA}
    as_agent = Notice(name="changed", to=Address(address=ANNA), role=Role.AGENT)
    mine = ticket(requester=Person(id=1, address="anna@home.example"))
    assert set(news(change, as_agent, before=mine, acting=BEN)) == {DORA}


def test_in_a_mail_for_many_tickets_each_has_its_own_news() -> None:
    told = with_updates(
        (fields((Field.PRIORITY, "P1")), TurnTo(ticket=1002), fields((Field.ASSIGNEE, BEN)), TurnTo(ticket=None)),
        1001,
        find={1001: ticket(), 1002: ticket(1002, watchers=())}.get,
        policy=policy(more=EVERYBODY),
        acting=ANNA,
        now=NOW,
    )
    order = [one.to.address if isinstance(one, Notice) else type(one).__name__ for one in told]
    assert order == ["SetFields", ERIKA, DORA, "TurnTo", "SetFields", ERIKA, "TurnTo"]


@pytest.mark.parametrize("event", OF_AGENTS)
@pytest.mark.parametrize("assignee", ["", ANNA])
def test_what_the_table_says_of_agents_is_what_they_hear_without_it(event: Event, assignee: str) -> None:
    listed = [*EVENTS[event].by_default]
    written = policy(more=f'[[notice]]\nevent = "{event}"\nto = {listed}\n')
    heard = []
    for rules in (policy(), written):
        if event is Event.NEW_TICKET:
            agents = agents_of_new(rules, team="desk", assignee=assignee, is_away=False)
        else:
            agents = agents_of_ticket(rules, ticket(assignee=assignee, agents=(BEN,)), event)
        heard.append({one.address for one in agents})
    assert heard[0] == heard[1] != set()


def closing(*addresses: str) -> tuple[Notice, ...]:
    return tuple(Notice(name="closing", to=Address(address=one), role=Role.WATCHER) for one in addresses)


@pytest.mark.parametrize(("acting", "told"), [(ERIKA, 2), ("", 2), (ANNA, 3)])
def test_each_mail_of_one_decision_counts_for_the_next_where_no_agent_acts(acting: str, told: int) -> None:
    known = {1001: ticket()}
    outside = closing("a@out.example", "b@out.example", "c@out.example")
    same = closing(DORA, DORA, DORA)
    for mails, limit in ((outside, "outside_per_domain_per_hour = 2"), (same, "automatic_per_ticket = '2/60'")):
        rules = policy(more=f"[limits]\n{limit}\n")
        changes = with_updates(mails, 1001, find=known.get, policy=rules, acting=acting, now=NOW)
        assert sum(isinstance(one, Notice) for one in changes) == told


def test_an_act_on_one_ticket_unmutes_no_other_one() -> None:
    known = {number: ticket(number, is_muted=True) for number in (1001, 1002)}
    news_of: tuple[Change, ...] = (MuteTicket(is_muted=False), *closing(DORA), TurnTo(ticket=1002), *closing(DORA))
    changes = with_updates(news_of, 1001, find=known.get, policy=policy(), acting=ANNA, now=NOW)
    assert changes[:3] == news_of[:3]
    assert [one for one in changes[3:] if isinstance(one, Notice)] == []
