"""Carry out, in its mail's unit, what somebody says of the end of a ticket: ratings, and who goes on hearing of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.desk.calming import GIVEN_UP
from gateway.desk.people import contact_of
from gateway.desk.stopped_mails import STILL_HERE, give_up
from gateway.desk.unit import Unit
from gateway.mail import Address
from gateway.store.database import skip_locked
from gateway.store.rows import find, find_values, insert, update
from gateway.store.tables import Contact, Rating, Ticket, TicketWatcher, database_proxy
from gateway.triage.confirming import CLOSING, RESOLUTION
from gateway.triage.decision import AskRating, Follow, Rate, RemoveWatchers, Unfollow


def _rate(unit: Any, change: Rate) -> None:
    """Keep the newest rating of a person; every one is in the history."""
    contact = contact_of(change.rater, now=unit.now, known=unit.people)
    values = {"score": change.score, "assignee": unit.ticket.assignee, "at": unit.now}
    key = ("ticket_id = ? AND contact_id = ?", unit.ticket.id, contact.id)
    if find(Rating, *key) is None:
        insert(Rating, ticket=unit.ticket.id, contact=contact.id, **values)
    else:
        update(Rating, values, *key)
    detail = {"contact": contact.id, "score": change.score}
    unit.record("rating", f"rated {change.score} of 5 by {contact.address}", detail)


def _ask_rating(unit: Any, change: AskRating) -> None:
    update(Contact, {"rating_asked_at": unit.now}, "address = ?", change.address)


def _follow(unit: Any, change: Follow) -> None:
    if change.agent in unit.ticket.followers:
        return
    unit.ticket.followers = [*unit.ticket.followers, change.agent]
    unit.ticket.unwatched = [one for one in unit.ticket.unwatched if one != change.agent]
    unit.ticket.save()
    unit.record("follower", f"{change.agent} goes on hearing of it", {"agent": change.agent})


def _unfollow(unit: Any, change: Unfollow) -> None:
    if change.agent in unit.ticket.unwatched:
        return
    unit.ticket.followers = [one for one in unit.ticket.followers if one != change.agent]
    unit.ticket.unwatched = [*unit.ticket.unwatched, change.agent]
    unit.ticket.save()
    unit.record("unfollower", f"{change.agent} follows it no longer", {"agent": change.agent})


def _remove_watchers(unit: Any, change: RemoveWatchers) -> None:
    for address in change.addresses:
        contact = contact_of(Address(address=address), now=unit.now, known=unit.people)
        key = (TicketWatcher.ticket == unit.ticket) & (TicketWatcher.contact == contact)
        if TicketWatcher.delete().where(key).execute():
            unit.record("unwatcher", f"{address} gets no more answers", {"contact": contact.id})


# What a delivery has just now is on its way.
_NEWS_OF_END = """SELECT id FROM outbox WHERE ticket_id = ? AND (notice = ? OR notice = ? AND about_id IS NULL)
    AND state IN (?, ?) AND lease_until IS NULL AND uncertain_count = 0 ORDER BY id"""


def drop_news_of_end(unit: Unit, ticket: Ticket) -> None:
    """Cancel what still waits to tell that the ticket had ended, now that it is open again; but no agent's words."""
    values = (ticket.id, CLOSING, RESOLUTION, *STILL_HERE)
    ids = [an_id for (an_id,) in find_values(_NEWS_OF_END + skip_locked(database_proxy.obj), *values)]
    if ids:
        text = f"no longer sent, the ticket is open again: mail {', '.join(map(str, ids))}"
        unit.record(GIVEN_UP, text, give_up(ids), on=ticket)


# Change: how it is carried out; the unit is the running transaction of a mail.
ENDINGS: dict[type, Callable[[Any, Any], None]] = {
    Rate: _rate,
    AskRating: _ask_rating,
    Follow: _follow,
    Unfollow: _unfollow,
    RemoveWatchers: _remove_watchers,
}
