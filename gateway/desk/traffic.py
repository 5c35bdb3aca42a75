"""Read what went to and fro between the desk and an address: one statement for one person."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.desk.calming import UNDELIVERABLE
from gateway.desk.people import contacts_by_address, find_contact
from gateway.mail import Envelope, Mail
from gateway.policy import Policy
from gateway.policy.telling import Event
from gateway.store.fields import UtcDateTime
from gateway.store.rows import find_values, marks
from gateway.store.states import OutboxState
from gateway.store.tables import Contact
from gateway.subject import clean_subject
from gateway.ticket import Status
from gateway.triage.case import author_of
from gateway.triage.facts import Person, TicketFacts
from gateway.triage.grammar import command_lines
from gateway.triage.posting import words_of
from gateway.triage.restraint import arrived_at, is_outside, is_quick_reply, reads_alike, says_the_same
from gateway.triage.traffic import (
    DAY,
    HELD,
    HOUR,
    NOTHING_OUTSIDE,
    TEN_MINUTES,
    TO_AGENTS,
    TO_PEOPLE,
    AutomaticMail,
    Outside,
    Traffic,
)

_RETRY = "retry"
_AT_WORK = (Status.NEW, Status.IN_PROGRESS)
# More than this need not be counted: every budget is over.
_MOST_COUNTED = 1000
_MOMENT = UtcDateTime()
_NOTICES = tuple(sorted(TO_PEOPLE | TO_AGENTS))
# The plus keeps SQLite to the index over time within a person. Both databases read a few rows by an index each.
_SENT = f"""SELECT notice, (SELECT number FROM ticket WHERE ticket.id = outbox.ticket_id), created_at, sent_at
    FROM outbox WHERE recipient_id IN (PEOPLE) AND created_at > ? AND notice IN ({marks(_NOTICES)})"""  # noqa: S608
_TOLD = _SENT.replace("SELECT notice", "SELECT recipient_id, notice")
_OPENED = "SELECT 'opened', number, arrived_at, NULL FROM ticket WHERE requester_id IN (PEOPLE) AND arrived_at > ?"
# All that stands in one mailbox: an address without its tag, and every one with some tag ("," follows "+").
_ONE_MAILBOX = """SELECT id FROM contact WHERE address = ? OR (address > ? AND address < ? AND address LIKE ?)
    ORDER BY id DESC LIMIT 100"""
_WROTE = """SELECT 'wrote', NULL, at, NULL FROM message WHERE author_id = ? AND at > ?
    AND ticket_id IN (SELECT id FROM ticket WHERE number IN ({numbers}))"""
_TEXTS = "SELECT text FROM message WHERE author_id = ? AND at > ? ORDER BY at DESC LIMIT 20"
_ALIKE = """SELECT subject FROM message WHERE author_id = ? AND at > ? AND text = ?"""


def traffic_around(
    mail: Mail,
    envelope: Envelope,
    policy: Policy,
    sender: Contact | None,
    logged: Mapping[str, Contact | None],
    *,
    tickets: list[int],
    now: datetime,
) -> tuple[Traffic, ...]:
    """What went to and fro with the author, and with those whom an agent's mail may open a ticket for."""
    by = author_of(mail, envelope).address
    author = sender if mail.sender is not None else find_contact(by)
    alike, arrived = (mail.subject, words_of(mail)), arrived_at(envelope, now)
    found = (
        traffic_with(
            one, row, now=now, arrived=arrived, tickets=tickets, alike=alike, said=mail.new_text, policy=policy
        )
        for one, row in (dict(logged) | {by: author}).items()
    )
    return tuple(one for one in found if one is not None)


def may_hear(author: str, tickets: Iterable[TicketFacts], policy: Policy) -> tuple[Person, ...]:
    """The people of these tickets whom the rules may let hear of what `author`, who is no agent, does with them.

    That is who hears of news; and where a yes can close a ticket, who hears of that.
    """
    if policy.agent_of(author) is not None:
        return ()
    if not policy.updates:
        told = policy.people_told(Event.CLOSING)
        tickets = [one for one in tickets if told and (one.status not in _AT_WORK or one.reopened)]
    people = {one.address: one for ticket in tickets for one in (ticket.requester, *ticket.watchers)}
    return tuple(one for address, one in people.items() if address != author)


def traffic_to(people: Sequence[Person], *, now: datetime) -> tuple[Traffic, ...]:
    """What the desk wrote each of these by itself within the day, in one statement for all; none for nobody."""
    if not people:
        return ()
    sql = f"{_TOLD.replace('PEOPLE', marks(people))} LIMIT {_MOST_COUNTED * len(people)}"
    rows = find_values(sql, *(one.id for one in people), now - DAY, *_NOTICES)
    mails: dict[int, list[AutomaticMail]] = {}
    for recipient, *row in rows:
        mails.setdefault(recipient, []).append(_automatic_mail(*row))
    return tuple(
        Traffic(
            address=one.address,
            automatic=tuple(mails.get(one.id, ())),
            bounced_at=one.bounced_at,
            muted_until=one.muted_until,
        )
        for one in people
    )


def may_be_told(
    mail: Mail, envelope: Envelope, logged: Iterable[str], is_vouched_for: bool, policy: Policy
) -> tuple[str, ...]:
    """Who may get an acknowledgement: what went outside need not be counted for anybody else."""
    if mail.report is not None or not (is_vouched_for or policy.desk.acknowledge == "everyone"):
        return ()
    return (*logged, author_of(mail, envelope).address)


def traffic_with(
    address: str,
    contact: Contact | None,
    *,
    now: datetime,
    arrived: datetime | None = None,
    tickets: Sequence[int] = (),
    alike: tuple[str, str] | None = None,
    said: str = "",
    policy: Policy,
) -> Traffic | None:
    """What the desk and this person wrote each other lately; None for somebody whom it does not know.

    `arrived` is when the mail in hand arrived, `tickets` the numbers that it names, `alike` its subject and text,
    `said` its new words. Who wrote fewer mails in ten minutes than may be alike is not asked about them.
    """
    ids = _of_one_person(address, contact, policy)
    if not ids:
        return None
    at = arrived or now
    sql = f"{_SENT} UNION ALL {_OPENED}".replace("PEOPLE", marks(ids))
    alike_since = at - timedelta(hours=policy.desk.same_matter_hours)
    values: list[object] = [*ids, now - DAY, *_NOTICES, *ids, min(at - HOUR, alike_since)]
    if tickets and contact is not None:
        sql += f" UNION ALL {_WROTE.format(numbers=marks(tickets))}"
        values += [contact.id, now - TEN_MINUTES, *tickets]
    rows = find_values(f"{sql} LIMIT {_MOST_COUNTED}", *values)
    arrivals = [(int(row[1]), _moment(row[2])) for row in rows if row[0] == "opened"]
    opened = tuple(moment for _, moment in arrivals if moment > at - HOUR)
    wrote = sum(row[0] == "wrote" for row in rows) + sum(now - TEN_MINUTES < one for one in opened)
    automatic = [row for row in rows if row[0] in _NOTICES]
    known = Traffic(
        address=address,
        automatic=tuple(_automatic_mail(*row) for row in automatic),
        opened=opened,
        recent=tuple(number for number, moment in arrivals if moment > alike_since),
    )
    if contact is None:
        return known
    held = sum(mail.notice == HELD and mail.ticket in tickets for mail in known.automatic)
    may_be_machine = held + 1 >= policy.limits.cycles and policy.agent_of(address) is not None
    may_repeat = alike is not None and wrote >= policy.limits.repeats_per_10_minutes
    known = replace(known, quick_replies=contact.quick_replies, quick_reply_at=contact.quick_reply_at)
    is_quick = alike is not None and bool(tickets) and is_quick_reply(known, at, policy)
    return replace(
        known,
        alike=_like_before(contact, alike[1], now) if alike is not None and is_quick else 0,
        same=sum(says_the_same(said, one) for person in ids for one in _texts(person, now)) if may_be_machine else 0,
        repeated=_alike(contact, alike, policy.prefixes(), now) if alike is not None and may_repeat else 0,
        bounced_at=contact.bounced_at,
        muted_until=contact.muted_until,
        flooding_until=contact.flooding_until,
    )


def opened_between(address: str, policy: Policy, *, after: datetime, until: datetime) -> list[int]:
    """The numbers of the tickets of this person whose mails came after a moment, and that were there at another."""
    ids = _of_one_person(address, find_contact(address), policy)
    if not ids:
        return []
    sql = f"""SELECT number FROM ticket WHERE requester_id IN ({marks(ids)}) AND arrived_at > ? AND opened_at <= ?
        LIMIT {_MOST_COUNTED}"""  # noqa: S608
    return [int(number) for (number,) in find_values(sql, *ids, after, until)]


def _of_one_person(address: str, contact: Contact | None, policy: Policy) -> list[int]:
    """The rows of one mailbox, and of the other addresses that the people table has of its owner."""
    others = [one for one in policy.addresses_of(address) if one != address]
    return [*_of_one_mailbox(address, contact), *(row.id for row in contacts_by_address(others).values())]


def _of_one_mailbox(address: str, contact: Contact | None) -> list[int]:
    """The rows of everybody whose mail lies in the same mailbox: who writes under a new tag each time is one person."""
    local, _, domain = address.partition("@")
    base, plus, _ = local.partition("+")
    if not plus:
        return [contact.id] if contact is not None else []
    rows = find_values(_ONE_MAILBOX, f"{base}@{domain}", f"{base}+", f"{base},", f"%@{domain}")
    return [int(one) for (one,) in rows]


def _automatic_mail(notice: str, number: int | None, at: object, sent_at: object) -> AutomaticMail:
    sent = _moment(sent_at) if sent_at is not None else None
    return AutomaticMail(notice=notice, ticket=number, at=_moment(at), sent_at=sent)


def _moment(value: object) -> datetime:
    moment = _MOMENT.python_value(value)  # type: ignore[arg-type]
    if moment is None:
        raise ValueError("a time is missing")
    return moment


def _like_before(contact: Contact, text: str, now: datetime) -> int:
    """How many of somebody's newest messages of the last day read like this text; asked of quick replies alone."""
    return sum(reads_alike(text, found) for found in _texts(contact.id, now))


def _texts(author: int, now: datetime) -> list[str]:
    return [str(found) for (found,) in find_values(_TEXTS, author, now - DAY)]


def _alike(contact: Contact, alike: tuple[str, str], prefixes: tuple[str, str], now: datetime) -> int:
    """How many messages of the last ten minutes have this text, under this subject; reply prefixes and tokens apart."""
    subject, text = alike
    plain = clean_subject(subject, prefixes).casefold()
    rows = find_values(_ALIKE, contact.id, now - TEN_MINUTES, text)
    return sum(clean_subject(str(found), prefixes).casefold() == plain for (found,) in rows)


def outside_of(addresses: Iterable[str], policy: Policy, *, now: datetime) -> Outside:
    """What went outside within the hour, to all and to the domains of these addresses; nothing where none is outside.

    What is held because the limit was reached is not counted: it did not go.
    """
    domains = [*dict.fromkeys(one.rpartition("@")[2] for one in addresses if is_outside(one, policy))]
    if not domains:
        return NOTHING_OUTSIDE
    each = ", SUM(CASE WHEN outside_domain = ? THEN 1 ELSE 0 END)" * len(domains)
    sql = f"""SELECT COUNT(*){each} FROM outbox
        WHERE outside_domain IS NOT NULL AND created_at > ? AND hold_reason NOT IN ('undeliverable', 'outside-hour')"""  # noqa: S608
    to_all, *to_each = (int(count or 0) for count in find_values(sql, *domains, now - HOUR)[0])
    return Outside(to_all=to_all, to_domain=dict(zip(domains, to_each, strict=True)))


def held_back(text: str, tickets: Iterable[TicketFacts]) -> tuple[str, ...]:
    """The addresses on these tickets for which mail is held, read only where the text has a line `#retry`, or a held
    mail that it may release."""
    known = list(tickets)
    texts = (text, *(message.text for ticket in known for message in ticket.held))
    lines = (line for one in texts if _RETRY in one.lower() for line in command_lines(one))
    if not any(line.name == _RETRY for line in lines):
        return ()
    addresses = {person.address for ticket in known for person in (ticket.requester, *ticket.watchers)}
    sql = f"""SELECT DISTINCT c.address FROM outbox o JOIN contact c ON c.id = o.recipient_id
        WHERE o.state = ? AND o.hold_reason = ? AND c.address IN ({marks([*addresses])})"""  # noqa: S608
    found = find_values(sql, OutboxState.HELD, UNDELIVERABLE, *sorted(addresses)) if addresses else []
    return tuple(sorted(address for (address,) in found))


def left_out_since(moment: datetime) -> dict[str, int]:
    """How often each limit left a mail out or held one back since then, the most frequent first."""
    sql = "SELECT detail FROM event WHERE kind IN ('suppressed', 'held-back') AND at > ?"
    reasons = (json.loads(detail)["why"] for (detail,) in find_values(sql, moment))
    return dict(Counter(reasons).most_common())
