"""Read what went to and fro between the desk and an address: one statement for one person."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.desk.people import contacts_by_address, find_contact
from gateway.mail import Envelope, Mail
from gateway.policy import Policy
from gateway.store.fields import UtcDateTime
from gateway.store.rows import find_values, marks
from gateway.store.tables import Contact
from gateway.subject import clean_subject
from gateway.triage.case import author_of
from gateway.triage.posting import words_of
from gateway.triage.restraint import arrived_at, is_outside, is_quick_reply, reads_alike
from gateway.triage.traffic import DAY, HOUR, TEN_MINUTES, TO_AGENTS, TO_PEOPLE, AutomaticMail, Outside, Traffic

# More than this need not be counted: every budget is over.
_MOST_COUNTED = 1000
_MOMENT = UtcDateTime()
_NOTICES = tuple(sorted(TO_PEOPLE | TO_AGENTS))
# The plus keeps SQLite to the index over time within a person. Both databases read a few rows by an index each.
_SENT = f"""SELECT notice, (SELECT number FROM ticket WHERE ticket.id = outbox.ticket_id), created_at, sent_at
    FROM outbox WHERE recipient_id IN (PEOPLE) AND created_at > ? AND notice IN ({marks(_NOTICES)})"""  # noqa: S608
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
        traffic_with(one, row, now=now, arrived=arrived, tickets=tickets, alike=alike, policy=policy)
        for one, row in (dict(logged) | {by: author}).items()
    )
    return tuple(one for one in found if one is not None)


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
    policy: Policy,
) -> Traffic | None:
    """What the desk and this person wrote each other lately; None for somebody whom it does not know.

    `arrived` is when the mail in hand arrived, `tickets` the numbers that it names, `alike` its subject and text. Who
    wrote fewer mails in ten minutes than may be alike is not asked about them.
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
        automatic=tuple(
            AutomaticMail(
                notice=row[0],
                ticket=row[1],
                at=_moment(row[2]),
                sent_at=_moment(row[3]) if row[3] is not None else None,
            )
            for row in automatic
        ),
        opened=opened,
        recent=tuple(number for number, moment in arrivals if moment > alike_since),
    )
    if contact is None:
        return known
    may_repeat = alike is not None and wrote >= policy.limits.repeats_per_10_minutes
    known = replace(known, quick_replies=contact.quick_replies, quick_reply_at=contact.quick_reply_at)
    is_quick = alike is not None and bool(tickets) and is_quick_reply(known, at, policy)
    return replace(
        known,
        alike=_like_before(contact, alike[1], now) if alike is not None and is_quick else 0,
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


def _moment(value: object) -> datetime:
    moment = _MOMENT.python_value(value)  # type: ignore[arg-type]
    if moment is None:
        raise ValueError("a time is missing")
    return moment


def _like_before(contact: Contact, text: str, now: datetime) -> int:
    """How many of somebody's newest messages of the last day read like this text; asked of quick replies alone."""
    return sum(reads_alike(text, str(found)) for (found,) in find_values(_TEXTS, contact.id, now - DAY))


def _alike(contact: Contact, alike: tuple[str, str], prefixes: tuple[str, str], now: datetime) -> int:
    """How many messages of the last ten minutes have this text, under this subject; reply prefixes and tokens apart."""
    subject, text = alike
    plain = clean_subject(subject, prefixes).casefold()
    rows = find_values(_ALIKE, contact.id, now - TEN_MINUTES, text)
    return sum(clean_subject(str(found), prefixes).casefold() == plain for (found,) in rows)


def outside_of(addresses: Iterable[str], policy: Policy, *, now: datetime) -> Outside:
    """What went outside within the hour, for the first of these addresses that is outside; nothing where none is.

    What is held because the limit was reached is not counted: it did not go.
    """
    address = next((one for one in addresses if is_outside(one, policy)), "")
    if not address:
        return Outside()
    domain = address.rpartition("@")[2]
    sql = """SELECT COUNT(*), SUM(CASE WHEN outside_domain = ? THEN 1 ELSE 0 END) FROM outbox
        WHERE outside_domain IS NOT NULL AND created_at > ? AND hold_reason NOT IN ('undeliverable', 'outside-hour')"""
    to_all, to_domain = find_values(sql, domain, now - HOUR)[0]
    return Outside(domain=domain, to_all=int(to_all or 0), to_domain=int(to_domain or 0))


def left_out_since(moment: datetime) -> dict[str, int]:
    """How often each limit left a mail out or held one back since then, the most frequent first."""
    sql = "SELECT detail FROM event WHERE kind IN ('suppressed', 'held-back') AND at > ?"
    reasons = (json.loads(detail)["why"] for (detail,) in find_values(sql, moment))
    return dict(Counter(reasons).most_common())
