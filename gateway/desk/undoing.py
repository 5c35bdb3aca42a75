"""`#undo` and the tables: what an agent's last mail on a ticket did. How it is taken back is in `taking_back`.

What was done on the command line in an agent's name counts as a mail of theirs. No row of the ledger stands for it, so
the event that names the operator does, as a negative number.

Reads only, in the transaction of the mail that says `#undo`. The outgoing mails in question are locked as they are
read: a delivery that has one has it, and the answer says so; one that has not can't get it before we are done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from gateway.desk import fingerprints
from gateway.desk.clocks import clocks_of, print_of
from gateway.desk.perspective import says_something
from gateway.desk.stopped_mails import caused_mails, given_up_by
from gateway.desk.ticket_fields import value_of
from gateway.policy import Agent, Policy
from gateway.store.rows import find, find_all, find_values, marks
from gateway.store.states import MessageState
from gateway.store.tables import Contact, Event, Message, Ticket, TicketWatcher
from gateway.ticket import ENDED, Status, TicketType, is_reopening
from gateway.triage.facts import TicketFacts
from gateway.triage.grammar import command_lines
from gateway.triage.undoable import (
    ClockPrint,
    FieldChanged,
    FollowingChanged,
    GivenUp,
    Linked,
    Merged,
    Moved,
    RequesterChanged,
    Undoable,
    WatcherChanged,
    Written,
)
from gateway.triage.undoing import UNDO
from gateway.triage.undone_words import FIXED, OPENED

UNDONE = "undone"
# What the history keeps first of what was done on the command line in an agent's name.
OPERATOR = "operator"
_SAID = ("message", "note", "held", "released")
_WATCHING = ("watcher", "unwatcher")
_FOLLOWING = ("follower", "unfollower", "followers")
_DONE = (
    *("message", "note", "released", "field", "status", "requester", "link", "merged", "ack"),
    *_WATCHING,
    *_FOLLOWING,
    *FIXED,
)
_NOBODY = "gateway"


def asks_to_undo(text: str, agent: Agent | None) -> bool:
    """Whether an agent's mail has a line `#undo`."""
    return agent is not None and UNDO in text.lower() and any(line.name == UNDO for line in command_lines(text))


def undoable_on(
    text: str, agent: Agent | None, tickets: Iterable[TicketFacts], policy: Policy, *, now: datetime
) -> dict[int, Undoable]:
    """What the agent's last mail did on each of these tickets, where the mail's text has a line `#undo`."""
    if agent is None or not asks_to_undo(text, agent):
        return {}
    found = {ticket.number: _last_of(ticket.number, agent, policy, now=now) for ticket in tickets}
    return {number: undoable for number, undoable in found.items() if undoable is not None}


def merged_just_now(text: str, agent: Agent | None, policy: Policy, *, now: datetime) -> frozenset[int]:
    """The tickets whose merger is the last that the agent did, where the mail's text has a line `#undo`.

    Such a mail is about the ticket that was merged, and not about the one that it has become a part of.
    """
    if agent is None or not asks_to_undo(text, agent):
        return frozenset()
    since = now - timedelta(minutes=policy.desk.undo_minutes)
    mergers = find_all(Event, "actor = ? AND kind = 'merged' AND at >= ?", agent.address, since)
    found = set()
    for merger in mergers:
        source, target = find(Ticket, "number = ?", merger.detail["merged"]), find(Ticket, "id = ?", merger.ticket_id)
        if source is not None and target is not None and source.merged_into_id == target.id:
            last = _History(target, agent, since=since).last
            if last is not None and (last.ledger_id, last.at) == (merger.ledger_id, merger.at):
                found.add(source.number)
    return frozenset(found)


class _History:
    """The last minutes of a ticket, and the agent's last mail in them that was not looked at by an `#undo` before."""

    def __init__(self, ticket: Ticket, agent: Agent, *, since: datetime) -> None:
        self.ticket = ticket
        self.events = find_all(Event, "ticket_id = ? AND at >= ?", ticket.id, since, order="id")
        # Of a merger it stands on the other ticket.
        self._by_operator = find_all(Event, "kind = ? AND at >= ?", OPERATOR, since, order="id")
        undone = [event for event in self.events if event.kind == UNDONE]
        self._undone = {event.detail.get("undoes") for event in undone} | {self.mail_of(event) for event in undone}
        own = [one for one in self.events if one.actor == agent.address and self.mail_of(one)]
        own = [one for one in own if self.mail_of(one) not in self._undone]
        self.last = next((one for one in reversed(own) if one.kind in _DONE and not _is_silent(one)), None)
        self.ledger = self.mail_of(self.last) if self.last is not None else 0
        self.done = [one for one in own if self.mail_of(one) == self.ledger]

    def mail_of(self, event: Event) -> int:
        """The mail that did it, by its row of the ledger or by the event of the command line; 0 for neither."""
        if event.ledger_id is not None:
            return event.ledger_id
        own = (one for one in reversed(self._by_operator) if one.id <= event.id and one.at == event.at)
        return -next((one.id for one in own if one.actor == event.actor), 0)

    def own(self, *kinds: str) -> list[Event]:
        """What the mail did, of these kinds."""
        return [one for one in self.done if one.kind in kinds]

    def later(self, *kinds: str, than: Event) -> list[Event]:
        """What others did since, or later mails of the agent, and nobody has taken back."""
        since = [one for one in self.events if one.kind in kinds and one.id > than.id]
        return [one for one in since if self.mail_of(one) not in self._undone or not self.mail_of(one)]

    def earlier(self, *kinds: str) -> list[Event]:
        """All of these kinds that stood in the ticket's history before that mail."""
        kept = f"ticket_id = ? AND id < ? AND kind IN ({marks(kinds)})"
        return find_all(Event, kept, self.ticket.id, self.done[0].id, *kinds, order="id")


def _is_silent(event: Event) -> bool:
    """Whether it only keeps a mail of commands, which may have done nothing (`#help`)."""
    if event.kind not in _SAID:
        return False
    message = find(Message, "id = ?", event.detail["message"])
    return message is not None and not says_something(message)


def _last_of(number: int, agent: Agent, policy: Policy, *, now: datetime) -> Undoable | None:
    ticket = find(Ticket, "number = ?", number)
    if ticket is None:
        return None
    history = _History(ticket, agent, since=now - timedelta(minutes=policy.desk.undo_minutes))
    last = history.last
    if last is None:
        return None
    if history.own(OPENED):
        # All of it, words of somebody else among them, is the ticket itself.
        return Undoable(ledger=history.ledger, at=last.at, fixed=(OPENED,))
    if merged_here := history.own("merged"):
        tokens = tuple(_token(one.detail["merged"], policy) for one in merged_here)
        return Undoable(ledger=history.ledger, at=last.at, merged_here=tokens)
    merged, own = _merged(history, agent, policy), (agent.address, *agent.other_addresses)
    return Undoable(
        ledger=history.ledger,
        at=last.at,
        moved=_moved(history),
        fields=tuple(_fields(history)),
        written=tuple(_written(history.own("message", "note", "released"))),
        watchers=tuple(_watchers(history)),
        following=_following(history),
        requester=_requester(history),
        links=tuple(_links(history, policy)),
        merged=merged,
        clocks=_clocks(history, policy),
        acked=bool(history.own("ack")),
        mails=tuple(caused_mails([ticket.number, *([merged.other] if merged is not None else ())], last.at, but=own)),
        given_up=_given_up(history),
        fixed=tuple(dict.fromkeys(one.kind for one in history.done if one.kind in FIXED)),
        elsewhere=tuple(_elsewhere(history, last, policy, but=merged.other if merged is not None else 0)),
    )


def _moved(history: _History) -> Moved | None:
    """The move as a whole: from before the first to behind the last; None where it stands as it did."""
    own, ticket = history.own("status"), history.ticket
    if not own or own[0].detail["before"] == own[-1].detail["after"]:
        return None
    after = own[-1].detail["after"]
    later = history.later("status", than=own[-1])
    changed_by = later[-1].actor if later else (_NOBODY if fingerprints.standing(ticket) != after else "")
    resolved_at, closed_at = _times_of(history.earlier("status"))
    return Moved(
        before=tuple(own[0].detail["before"]),
        after=tuple(after),
        resolved_at=resolved_at,
        closed_at=closed_at,
        reopenings=sum(is_reopening(one.detail["before"][0], one.detail["after"][0]) for one in own),
        changed_by=changed_by,
    )


def _times_of(moves: Iterable[Event]) -> tuple[datetime | None, datetime | None]:
    """When the ticket was resolved and when it ended, after all these moves; None where it is open again."""
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    for one in moves:
        status = one.detail["after"][0]
        if "undoes" in one.detail:
            kept = (one.detail.get("resolved_at"), one.detail.get("closed_at"))
            resolved_at, closed_at = (datetime.fromisoformat(moment) if moment else None for moment in kept)
            continue
        if status == Status.RESOLVED:
            resolved_at = one.at
        elif status not in ENDED:
            resolved_at = None
        closed_at = one.at if status in ENDED else None
    return resolved_at, closed_at


def _fields(history: _History) -> Iterable[FieldChanged]:
    ticket, own = history.ticket, history.own("field")
    for key in dict.fromkeys(one.detail["field"] for one in own):
        changes = [one for one in own if one.detail["field"] == key]
        before, after = changes[0].detail["before"], changes[-1].detail["after"]
        if before == after:
            continue
        later = [one for one in history.later("field", than=changes[-1]) if one.detail["field"] == key]
        changed_by = later[-1].actor if later else ""
        if not later and [value_of(ticket, key), *ticket.fields.get(key, ["", ""])] != after:
            changed_by = _NOBODY
        yield FieldChanged(
            key=key,
            before=tuple(before),
            after=tuple(after),
            changed_by=changed_by,
            times=sum(one.detail["before"][0] != one.detail["after"][0] for one in changes),
            column=changes[0].detail.get("column", ""),
        )


def _written(own: Iterable[Event]) -> Iterable[Written]:
    for number in dict.fromkeys(one.detail["message"] for one in own):
        message = find(Message, "id = ? AND state = ?", number, MessageState.POSTED)
        if message is not None:
            is_public = message.visibility == "public"
            yield Written(message=message.id, is_public=is_public, says=is_public or says_something(message))


def _watchers(history: _History) -> Iterable[WatcherChanged]:
    """Who reads along since, and who no longer."""
    own = history.own(*_WATCHING)
    for number in dict.fromkeys(one.detail["contact"] for one in own):
        changes = [one for one in own if one.detail["contact"] == number]
        contact = find(Contact, "id = ?", number)
        added = changes[-1].kind == "watcher"
        if contact is None or added != (changes[0].kind == "watcher"):
            continue
        later = [one for one in history.later(*_WATCHING, than=changes[-1]) if one.detail["contact"] == number]
        changed_by = later[-1].actor if later else ""
        reads = find(TicketWatcher, "ticket_id = ? AND contact_id = ?", history.ticket.id, number) is not None
        if not later and reads != added:
            changed_by = _NOBODY
        before = [one for one in history.earlier("watcher") if one.detail["contact"] == number] if not added else []
        yield WatcherChanged(
            contact=number,
            address=contact.address,
            added=added,
            since=before[-1].at if before else None,
            changed_by=changed_by,
        )


def _following(history: _History) -> FollowingChanged | None:
    own, ticket = history.own(*_FOLLOWING), history.ticket
    if not own:
        return None
    followers, unwatched = played(history.earlier(*_FOLLOWING))
    later = history.later(*_FOLLOWING, than=own[-1])
    after, unwatched_after = played(own, followers, unwatched)
    changed_by = later[-1].actor if later else ""
    if not later and (ticket.followers, ticket.unwatched) != (after, unwatched_after):
        changed_by = _NOBODY
    return FollowingChanged(
        followers=tuple(followers),
        unwatched=tuple(unwatched),
        followers_after=tuple(after),
        unwatched_after=tuple(unwatched_after),
        changed_by=changed_by,
    )


def played(
    events: Iterable[Event], followers: Sequence[str] = (), unwatched: Sequence[str] = ()
) -> tuple[list[str], list[str]]:
    """Which agents follow a ticket and which no longer want to, after these events."""
    following, leaving = [*followers], [*unwatched]
    for one in events:
        if one.kind == "followers":
            following, leaving = [*one.detail["followers"]], [*one.detail["unwatched"]]
            continue
        agent = one.detail["agent"]
        into, out_of = (following, leaving) if one.kind == "follower" else (leaving, following)
        out_of[:] = [other for other in out_of if other != agent]
        into.append(agent)
    return following, leaving


def _requester(history: _History) -> RequesterChanged | None:
    own = history.own("requester")
    if not own or own[0].detail["before"] == own[-1].detail["after"]:
        return None
    before, after = own[0].detail["before"], own[-1].detail["after"]
    later = history.later("requester", than=own[-1])
    changed_by = later[-1].actor if later else (_NOBODY if history.ticket.requester_id != after else "")
    contact = find(Contact, "id = ?", before)
    address = contact.address if contact is not None else ""
    return RequesterChanged(before=before, after=after, address=address, changed_by=changed_by)


# Mails that have come to one ticket and go on from a mail of another.
_SHARED = """SELECT 1 FROM thread_reference own JOIN thread_reference theirs ON theirs.digest = own.digest
    WHERE own.ticket_id = ? AND theirs.ticket_id = ? AND theirs.at > ? LIMIT 1"""


def _links(history: _History, policy: Policy) -> Iterable[Linked]:
    for one in history.own("link"):
        number, kind = one.detail["other"], one.detail["kind"]
        if kind != "merged":
            yield Linked(other=number, kind=kind, token=_token(number, policy))


def _merged(history: _History, agent: Agent, policy: Policy) -> Merged | None:
    """The merger, and whether something has come since that belongs to both by now."""
    own = next((one for one in history.own("link") if one.detail["kind"] == "merged"), None)
    target = find(Ticket, "number = ?", own.detail["other"]) if own is not None else None
    if own is None or target is None or history.ticket.merged_into_id != target.id:
        return None
    of_mail, values = _same_mail(own)
    there = find_all(Event, f"ticket_id = ? AND {of_mail}", target.id, *values, order="id")
    said = find_all(Event, f"ticket_id = ? AND id > ? AND kind IN ({marks(_SAID)})", target.id, there[-1].id, *_SAID)
    shared = find_values(_SHARED, history.ticket.id, target.id, there[-1].at)
    in_the_way = "written" if shared or not all(map(_is_silent, said)) else ""
    if target.merged_into_id is not None:
        in_the_way = "moved"
    watchers = [one.detail["contact"] for one in there if one.kind == "watcher"]
    rows = find_all(Contact, f"id IN ({marks(watchers)})", *watchers) if watchers else []
    people = {row.id: row.address for row in rows}
    return Merged(
        other=target.number,
        token=_token(target.number, policy),
        watchers=tuple(WatcherChanged(contact=one, address=people[one]) for one in watchers),
        in_the_way=in_the_way,
    )


def _clocks(history: _History, policy: Policy) -> tuple[ClockPrint, ...]:
    """The clocks that the mail changed, as they were; not those that something else has changed since."""
    own = {kind: tuple(kept) for one in history.done for kind, kept in one.detail.get("clocks", {}).items()}
    if not own:
        return ()
    now = {clock.kind.value: tuple(print_of(clock)) for clock in clocks_of(history.ticket, policy)}
    before: dict[str, tuple[str, ...]] = {}
    earlier = "ticket_id = ? AND id < ? AND detail LIKE ?"
    for one in find_all(Event, earlier, history.ticket.id, history.done[0].id, '%"clocks"%', order="id"):
        before |= {kind: tuple(kept) for kind, kept in one.detail.get("clocks", {}).items()}
    return tuple((kind, before[kind]) for kind in own if kind in before and now.get(kind) == own[kind])


def _given_up(history: _History) -> tuple[GivenUp, ...]:
    """The mails that were stopped because of it: none where the ticket was moved since, for they tell of how it was."""
    own, stands = history.own("status"), fingerprints.standing(history.ticket)
    if own and (history.later("status", than=own[-1]) or stands != own[-1].detail["after"]):
        return ()
    return tuple(given_up_by(history.done, history.ticket.id))


def _same_mail(event: Event) -> tuple[str, tuple[object, ...]]:
    """What finds the events of one mail, or of one command, on any ticket: a condition and its values."""
    if event.ledger_id is not None:
        return "ledger_id = ?", (event.ledger_id,)
    return "ledger_id IS NULL AND actor = ? AND at = ?", (event.actor, event.at)


def _elsewhere(history: _History, last: Event, policy: Policy, *, but: int) -> Iterable[str]:
    """The other tickets that the mail changed, as a hand-over does."""
    of_mail, values = _same_mail(last)
    others = f"{of_mail} AND ticket_id <> ? AND kind IN ({marks(_DONE)})"
    ids = {one.ticket_id for one in find_all(Event, others, *values, history.ticket.id, *_DONE)}
    for row in find_all(Ticket, f"id IN ({marks([*ids])})", *ids, order="number") if ids else ():
        if row.number != but:
            yield policy.token(TicketType(row.type), row.number).strip("[]")


def _token(number: int, policy: Policy) -> str:
    ticket = find(Ticket, "number = ?", number)
    return policy.token(TicketType(ticket.type), number).strip("[]") if ticket is not None else str(number)
