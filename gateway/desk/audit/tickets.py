"""Every ticket is what its history says: the history is played again, and compared with the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.desk import fingerprints
from gateway.desk.audit.clocks import clocks
from gateway.desk.audit.moments import moments
from gateway.desk.audit.reading import grouped, pairs, portions, span
from gateway.desk.references import reference_digest
from gateway.desk.ticket_fields import value_of
from gateway.phrase import counted
from gateway.store.fields import clean_text
from gateway.store.states import Outcome
from gateway.store.tables import (
    AttachmentRow,
    Contact,
    Event,
    Ledger,
    Message,
    Outbox,
    Rating,
    SlaClock,
    ThreadReference,
    Ticket,
    TicketLink,
    TicketWatcher,
)
from gateway.ticket import ALWAYS_FILLED, ENDED, FINDINGS, Field, Status, is_reopening

_NEW = [Status.NEW.value, "", "", ""]


@dataclass(kw_only=True)
class Told:
    """What the history of one ticket says. `ids` are those of its mails: digest → fingerprints of who was named, and
    when. `since` is when somebody began to watch it, and a link was made; `calls` what it calls contacts.

    `moves` are the teams that had it, `reopened` how often it came back from its end, `ratings` scores by contact.
    """

    fields: dict[str, list[str]] = field(default_factory=dict)
    subject: str = ""
    requester: int = 0
    standing: list[str] = field(default_factory=lambda: list(_NEW))
    policy: str = ""
    calls: dict[int, list[str]] = field(default_factory=dict)
    since: dict[object, datetime] = field(default_factory=dict)
    watchers: Counter[int] = field(default_factory=Counter)
    links: Counter[tuple[int, str]] = field(default_factory=Counter)
    merged: Counter[int] = field(default_factory=Counter)
    moves: list[str] = field(default_factory=list)
    reopened: int = 0
    followers: list[str] = field(default_factory=list)
    unwatched: list[str] = field(default_factory=list)
    ratings: dict[int, tuple[int, datetime]] = field(default_factory=dict)
    messages: dict[int, list[Any]] = field(default_factory=dict)
    ids: dict[str, set[tuple[str, datetime]]] = field(default_factory=dict)
    clocks: dict[str, list[str]] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)


def tickets(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """Every ticket was opened by one mail, and all that hangs on it is there once, as its history says."""
    for rows in portions(Ticket):
        kept = _kept(rows)
        numbers = _numbers_of_links(rows)
        addresses = _addresses(rows)
        for ticket in rows:
            events, openers = kept["events"][ticket.id], kept["openers"][ticket.id]
            told = _play(events)
            troubles = [
                *told.troubles,
                *_ticket(ticket, told, opened_by=openers),
                *_called(told, addresses),
                *moments(ticket, events, openers, kept["messages"][ticket.id]),
                *_people_and_links(told, kept["watchers"][ticket.id], kept["links"][ticket.id], numbers),
                *_merged(told, kept["merged"][ticket.id]),
                *_endings(ticket, told, kept["ratings"][ticket.id]),
                *_messages(told, kept["messages"][ticket.id], kept["files"]),
                *clocks(ticket, told.clocks, kept["clocks"][ticket.id]),
                *_references(told, kept["references"][ticket.id], kept["mails"][ticket.id]),
            ]
            yield from (f"ticket {ticket.number}: {trouble}" for trouble in troubles)


def _kept(rows: Sequence[Ticket]) -> dict[str, dict[Any, list[Any]]]:
    """All rows that belong to these tickets, by ticket; the files by message."""
    opened = (Ledger.outcome == Outcome.OPENED) & span(Ledger.ticket, rows)
    files = AttachmentRow.select(AttachmentRow).join(Message).where(span(Message.ticket, rows))
    mails = Outbox.select(
        Outbox.id, Outbox.ticket, Outbox.message_id, Outbox.created_at, Contact.id, Contact.address
    ).join(Contact)
    by_ticket: dict[str, Any] = {
        "events": Event.select().where(span(Event.ticket, rows)).order_by(Event.id),
        "openers": Ledger.select(Ledger.id, Ledger.ticket, Ledger.envelope).where(opened),
        "watchers": TicketWatcher.select().where(span(TicketWatcher.ticket, rows)),
        "merged": Ticket.select(Ticket.number, Ticket.merged_into.alias("ticket_id")).where(
            span(Ticket.merged_into, rows)
        ),
        "ratings": Rating.select().where(span(Rating.ticket, rows)),
        "clocks": SlaClock.select().where(span(SlaClock.ticket, rows)).order_by(SlaClock.id),
        "links": TicketLink.select().where(span(TicketLink.ticket, rows)),
        "messages": Message.select().where(span(Message.ticket, rows)).order_by(Message.id),
        "references": ThreadReference.select().where(span(ThreadReference.ticket, rows)),
        "mails": mails.where(span(Outbox.ticket, rows)),
    }
    kept = {name: grouped(query, "ticket_id") for name, query in by_ticket.items()}
    return kept | {"files": grouped(files, "message_id")}


def _numbers_of_links(rows: Sequence[Ticket]) -> dict[int, int]:
    linked = TicketLink.select(TicketLink.other).where(span(TicketLink.ticket, rows))
    return pairs(Ticket.select(Ticket.id, Ticket.number).where(Ticket.id.in_(linked)))


def _addresses(rows: Sequence[Ticket]) -> dict[int, str]:
    """Those of whoever opened or watches one of these tickets."""
    watching = TicketWatcher.select(TicketWatcher.contact).where(span(TicketWatcher.ticket, rows))
    asking = [row.requester_id for row in rows]
    return pairs(Contact.select(Contact.id, Contact.address).where(Contact.id.in_(asking) | Contact.id.in_(watching)))


def _play(events: Sequence[Event]) -> Told:
    """Play the history again, in order."""
    told = Told()
    opened = sum(event.kind == "opened" for event in events)
    if opened != 1:
        told.troubles.append(f"was opened {counted(opened, 'time')} by its history")
    for event in events:
        for an_id in event.detail.get("ids", ()):
            told.ids.setdefault(an_id, set()).add((event.detail.get("named", ""), event.at))
        told.clocks |= event.detail.get("clocks", {})
        if event.kind in _PLAYERS:
            try:
                _PLAYERS[event.kind](told, event, event.detail)
            except (KeyError, TypeError, ValueError, AttributeError):
                told.troubles.append(f"event {event.id} ({event.kind}) can't be read")
    return told


def _opened(told: Told, event: Any, detail: Any) -> None:
    told.requester, told.subject = detail["requester"], detail["subject"]
    told.fields, told.policy = dict(detail["fields"]), detail["policy"]
    told.calls.setdefault(told.requester, []).append(event.text)


def _field(told: Told, event: Any, detail: Any) -> None:
    name, before, after = detail["field"], detail["before"], detail["after"]
    if before != told.fields.get(name, ["", "", ""]) or before == after:
        told.troubles.append(f"event {event.id} does not follow from the one before: {name} was not {before[0]!r}")
    told.fields[name] = after
    if "moves" in detail:
        told.moves = detail["moves"]
    elif name == Field.TEAM and before[0] != after[0]:
        told.moves = [*(told.moves or [before[0]]), after[0]]


def _status(told: Told, event: Any, detail: Any) -> None:
    if detail["before"] != told.standing or detail["before"] == detail["after"]:
        told.troubles.append(f"event {event.id} does not follow from the one before: it was {told.standing[0]}")
    told.standing = detail["after"]
    if "undoes" in detail:
        told.reopened -= detail["reopenings"]
    else:
        told.reopened += is_reopening(detail["before"][0], detail["after"][0])


def _requester(told: Told, event: Any, detail: Any) -> None:
    if detail["before"] != told.requester or detail["before"] == detail["after"]:
        told.troubles.append(f"event {event.id} does not follow from the one before: the requester was another")
    told.requester = detail["after"]
    told.calls.setdefault(told.requester, []).append(event.text)


def _watcher(told: Told, event: Any, detail: Any) -> None:
    told.watchers[detail["contact"]] += 1
    since = detail.get("since")
    told.since[detail["contact"]] = datetime.fromisoformat(since) if since else event.at
    told.calls.setdefault(detail["contact"], []).append(event.text)


def _unwatcher(told: Told, event: Any, detail: Any) -> None:
    if not told.watchers[detail["contact"]]:
        told.troubles.append(f"event {event.id} removes contact {detail['contact']}, who did not watch it")
    told.watchers[detail["contact"]] -= 1


def _follower(told: Told, event: Any, detail: Any) -> None:
    told.followers.append(detail["agent"])
    told.unwatched = [one for one in told.unwatched if one != detail["agent"]]


def _unfollower(told: Told, event: Any, detail: Any) -> None:
    told.followers = [one for one in told.followers if one != detail["agent"]]
    told.unwatched.append(detail["agent"])


def _followers(told: Told, event: Any, detail: Any) -> None:
    told.followers, told.unwatched = detail["followers"], detail["unwatched"]


def _rating(told: Told, event: Any, detail: Any) -> None:
    told.ratings[detail["contact"]] = (detail["score"], event.at)


def _link(told: Told, event: Any, detail: Any) -> None:
    told.links[detail["other"], detail["kind"]] += 1
    told.since[detail["other"], detail["kind"]] = event.at


def _merge(told: Told, event: Any, detail: Any) -> None:
    told.merged[detail["merged"]] += 1


def _unlink(told: Told, event: Any, detail: Any) -> None:
    if not told.links[detail["other"], detail["kind"]]:
        told.troubles.append(f"event {event.id} takes a link to {detail['other']} away that was not there")
    told.links[detail["other"], detail["kind"]] -= 1


def _unmerge(told: Told, event: Any, detail: Any) -> None:
    if not told.merged[detail["merged"]]:
        told.troubles.append(f"event {event.id} takes {detail['merged']} out of it, which was not merged into it")
    told.merged[detail["merged"]] -= 1


def _message(told: Told, event: Any, detail: Any) -> None:
    if detail["message"] in told.messages:
        told.troubles.append(f"message {detail['message']} is told of twice by the history")
    told.messages[detail["message"]] = [event.ledger_id, detail["print"], detail["files"], event.at]


def _message_changed(told: Told, event: Any, detail: Any) -> None:
    before = told.messages[detail["message"]]
    if before[1] == detail["print"]:
        told.troubles.append(f"event {event.id} does not follow from the one before: it changes nothing")
    before[1] = detail["print"]
    if event.kind == "released":
        before[3] = event.at


_PLAYERS = {
    "opened": _opened,
    "field": _field,
    "status": _status,
    "requester": _requester,
    "watcher": _watcher,
    "unwatcher": _unwatcher,
    "follower": _follower,
    "unfollower": _unfollower,
    "followers": _followers,
    "rating": _rating,
    "link": _link,
    "merged": _merge,
    "unlink": _unlink,
    "unmerged": _unmerge,
    "message": _message,
    "note": _message,
    "held": _message,
    "released": _message_changed,
    "dropped": _message_changed,
}


def _ticket(ticket: Ticket, told: Told, *, opened_by: Sequence[Ledger]) -> Iterator[str]:
    if not opened_by:
        yield "was opened by no mail of the ledger"
    standing = fingerprints.standing(ticket)
    if standing != told.standing:
        yield f"is {_in_words(standing)}, but its history says {_in_words(told.standing)}"
    for key in dict.fromkeys([*_keys(ticket), *told.fields]):
        now = [value_of(ticket, key), *ticket.fields.get(key, ["", ""])]
        then = told.fields.get(key, now if not now[0] else ["", "", ""])
        if now != then:
            yield f"{key} is {_in_words(now)}, but its history says {_in_words(then)}"
    if clean_text(told.subject) != ticket.subject:
        yield "its subject is not the one that it was opened with"
    if told.policy != ticket.policy_version:
        yield f"was opened under the rules {told.policy}, not {ticket.policy_version}"
    if told.requester != ticket.requester_id:
        yield f"the requester is contact {ticket.requester_id}, but its history says {told.requester}"
    ended = ticket.status in ENDED
    if ended != (ticket.closed_at is not None) or (ticket.status == Status.RESOLVED and ticket.resolved_at is None):
        yield f"is {ticket.status}, but its times say something else"


def _called(told: Told, addresses: Mapping[int, str]) -> Iterator[str]:
    """The words of the history call people by the addresses that they have."""
    for contact, texts in told.calls.items():
        address = clean_text(addresses.get(contact, ""))
        others = [text for text in texts if address and f" {address} " not in f" {text} "]
        yield from (f"contact {contact} is {address}, but was not: {text}" for text in others)


def _keys(ticket: Ticket) -> Iterator[str]:
    """Every key under which something stands on a ticket."""
    yield from ALWAYS_FILLED
    yield from (Field.ASSET, *FINDINGS)
    yield from ticket.fields
    yield from (f"{Field.TAG.value}.{tag}" for tag in ticket.tags)
    yield from (f"{Field.NAMED.value}.{name}" for name in ticket.named)


def _in_words(values: Sequence[str]) -> str:
    return " ".join(value for value in values if value) or "(none)"


def _people_and_links(
    told: Told, watchers: Sequence[Any], links: Sequence[Any], numbers: Mapping[int, int]
) -> Iterator[str]:
    for contact in Counter(row.contact_id for row in watchers) - told.watchers:
        yield f"contact {contact} watches it, but was added by no event"
    for contact in told.watchers - Counter(row.contact_id for row in watchers):
        yield f"contact {contact}, a watcher by its history, is missing"
    for row in watchers:
        if row.added_at != told.since.get(row.contact_id, row.added_at):
            yield f"contact {row.contact_id} watches it since {row.added_at}, but not by its history"
    for row in links:
        if row.at != told.since.get((numbers.get(row.other_id, 0), row.kind), row.at):
            yield f"its link to {numbers.get(row.other_id)} ({row.kind}) was not made at {row.at}"
    linked = Counter((numbers.get(row.other_id, 0), row.kind) for row in links)
    for (number, kind), count in (linked - told.links).items():
        yield f"{count} link to {number} ({kind}) was made by no event"
    for (number, kind), count in (told.links - linked).items():
        yield f"{count} link to {number} ({kind}) of its history is missing"


def _endings(ticket: Ticket, told: Told, ratings: Sequence[Rating]) -> Iterator[str]:
    if ticket.moves != told.moves:
        yield f"went {_in_words(ticket.moves)}, but by its history {_in_words(told.moves)}"
    if ticket.reopened != told.reopened:
        yield f"was reopened {counted(told.reopened, 'time')} by its history, {ticket.reopened} by its row"
    if (ticket.followers, ticket.unwatched) != (told.followers, told.unwatched):
        now, then = (f"{_in_words(one.followers)}, not by {_in_words(one.unwatched)}" for one in (ticket, told))
        yield f"is followed by {now}, but by its history {then}"
    scores = {row.contact_id: (row.score, row.at) for row in ratings}
    if scores != told.ratings:
        yield f"has the ratings {scores}, but its history says {told.ratings}"


def _merged(told: Told, rows: Sequence[Any]) -> Iterator[str]:
    merged = Counter(row.number for row in rows)
    for number in sorted({*merged, *told.merged}):
        if merged[number] != told.merged[number]:
            times = counted(told.merged[number], "time")
            yield f"{number} was merged into it {times} by its history, {merged[number]} in truth"


def _messages(told: Told, rows: Sequence[Message], files: Mapping[int, list[Any]]) -> Iterator[str]:
    if not rows:
        yield "has no message"
    for row in rows:
        expected = told.messages.pop(row.id, None)
        if expected is None:
            yield f"message {row.id} is in no history"
            continue
        ledger, message_print, files_print, at = expected
        if (row.ledger_id, fingerprints.of_message(row), row.at) != (ledger, message_print, at):
            yield f"message {row.id} is not what was written"
        if fingerprints.of_files(files.get(row.id, ())) != files_print:
            yield f"the attachments of message {row.id} are not those that came with it"
    yield from (f"message {gone} is in the history but not there" for gone in told.messages)


def _references(told: Told, rows: Sequence[Any], mails: Sequence[Any]) -> Iterator[str]:
    """Every id of its mails leads to it, and nothing else does."""
    ours = {reference_digest(mail.message_id).hex(): mail for mail in mails}
    found = {bytes(row.digest).hex(): row for row in rows}
    for digest in (told.ids.keys() | ours.keys()) - found.keys():
        mail = ours.get(digest)
        whose = f"outbox {mail.id} ({mail.message_id})" if mail is not None else f"a mail ({digest})"
        yield f"the thread reference of {whose} is missing"
    for digest, row in found.items():
        mail = ours.get(digest)
        seen = (fingerprints.of_names(row.named), row.at)
        if reference_digest(row.message_id).hex() != digest:
            yield f"the thread reference {row.message_id} is filed under another id"
        elif mail is None and digest not in told.ids:
            yield f"the thread reference {row.message_id} is of no mail of it"
        elif row.outbox_id != (mail.id if mail is not None else None):
            yield f"the thread reference {row.message_id} belongs to outbox {row.outbox_id}"
        elif seen not in told.ids.get(digest, set()) and (
            mail is None or (row.named, row.at) != ([mail.recipient.address], mail.created_at)
        ):
            yield f"the thread reference {row.message_id} names other people than its mail, or another time"
