"""Lists of tickets as mails: what `#list` answers, and which list a mail answers.

Reads only. What a list shows is fixed when its mail is written, so that "2" stays the ticket that the agent has read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gateway.desk.clocks import due_moments
from gateway.desk.perspective import last_said
from gateway.desk.scrubbing import scrubber
from gateway.desk.searching import NEWEST_FIRST, words_condition
from gateway.keys import Purpose, unseal
from gateway.phrase import Phrase, say
from gateway.policy import Agent, Policy
from gateway.sla import ClockKind
from gateway.store.rows import find, find_all, marks
from gateway.store.tables import Contact, Outbox, Ticket
from gateway.ticket import OPEN_STATUSES, TicketType, Visibility
from gateway.triage.decision import Notice
from gateway.triage.desk_commands import LISTING
from gateway.triage.due_words import list_line
from gateway.triage.facts import ListingFact, OwnedTicket
from gateway.triage.grammar import command_lines
from gateway.triage.handover import HANDOVER
from gateway.triage.headlines import shortened
from gateway.triage.posting import stand_in

LISTING_AGE = timedelta(days=7)
MOST_ENTRIES = 60
# So many mails one mail may cause at most, as far as lists can be among them.
_MOST_NOTICES = 4096
_MOST_NAMES = 200
# A line or two on a phone.
_LAST_CHARS = 140
_OPEN = tuple(sorted(OPEN_STATUSES))
_IS_OPEN = f"status IN ({marks(_OPEN)})"
_OVERDUE = "SELECT ticket_id FROM sla_clock WHERE outcome = 'running' AND breached_at IS NOT NULL"


# --- which list does a mail answer ---


def listing_in(written: Iterable[str], secrets: Mapping[int, bytes], *, now: datetime) -> ListingFact | None:
    """The list that a mail answers, by the key that only this list carried."""
    keys = (unseal(one, purpose=Purpose.LISTING, secrets=secrets) for one in written)
    key = next((key for key in keys if key is not None), None)
    if key is None:
        return None
    row = find(Outbox, "dedupe_key = ?", _dedupe_key(key.ticket, key.person))
    holder = find(Contact, "id = ?", key.person)
    if row is None or holder is None:
        return None
    return ListingFact(
        outbox_id=row.id,
        holder=holder.address,
        sent_at=row.created_at,
        is_expired=now - row.created_at > LISTING_AGE,
        entries=tuple((one["place"], one["ticket"]) for one in row.context.get("entries", [])),
    )


def asked_number(ledger_id: int, notice: int) -> int:
    """The number of a list that a mail asks for, which its key carries: its `notice`-th mail is the list."""
    return 2 * (ledger_id * _MOST_NOTICES + notice)


def clock_number(number: int) -> int:
    """The number of a list that the clock writes."""
    return 2 * number + 1


def listing_cause(number: int) -> str:
    """What causes the list of this number, so that its row is found again by its key."""
    asked, by_clock = divmod(number, 2)
    if by_clock:
        return f"clock/listing/{asked}"
    ledger_id, notice = divmod(asked, _MOST_NOTICES)
    return f"ledger/{ledger_id}/{notice}"


def _dedupe_key(number: int, contact_id: int) -> str:
    # As `outgoing.enqueue` makes it.
    return hashlib.sha256(f"{listing_cause(number)}/{LISTING}/{contact_id}".encode()).hexdigest()


# --- what a list shows ---


def listing_of(asked: Notice, policy: Policy, *, now: datetime) -> dict[str, object]:
    """The contents of a list that an agent asks for."""
    agent = policy.agent_of(asked.to.address)
    if agent is None:
        raise RuntimeError(f"{asked.to.address} is no agent, and only agents get lists")
    query, argument = str(asked.context["query"]), str(asked.context["argument"])
    if query == HANDOVER:
        taker = policy.agent_of(str(asked.context["taker"])) or agent
        author = str(asked.context["author"])
        return _handed_over(asked.context["numbers"], argument, taker, agent, policy, author=author, now=now)
    return listing_context(query, argument, agent, policy, now=now)


def _handed_over(
    numbers: object, giver: str, taker: Agent, reader: Agent, policy: Policy, *, author: str, now: datetime
) -> dict[str, object]:
    """What a list says of tickets that are just being handed over, to who gets them or stands in for them."""
    wanted = list(numbers) if isinstance(numbers, list | tuple) else []
    condition = f"number IN ({marks(wanted)})"
    rows = find_all(Ticket, condition, *wanted, order="priority, opened_at, id", limit=MOST_ENTRIES + 1)
    entries = entries_of(rows, policy, reader=reader.address, now=now)
    title = say("{agent} hands over to you", agent=giver)
    if reader.address == author:
        title = say("You have taken over from {agent}", agent=giver)
    if reader != taker:
        title = say("{agent} hands over to {taker}, who is away", agent=giver, taker=taker.name)
    zone, scrub = ZoneInfo(policy.zone_of(reader.address)), scrubber(policy, to_agent=True)
    whose = {"assignee": taker.name}
    shown = [one | whose | {"last": _last(row, policy, zone, scrub)} for one, row in zip(entries, rows, strict=False)]
    return {"title": title, "lines": [], "entries": shown, "more": len(rows) > MOST_ENTRIES}


def _last(ticket: Ticket, policy: Policy, zone: ZoneInfo, scrub: Callable[[str], str]) -> dict[str, object]:
    """Who said what last on a ticket, and when; {} for nothing."""
    said = last_said(ticket, scrub=scrub, longest=_LAST_CHARS)
    if said is None:
        return {}
    author = find(Contact, "id = ?", said.author_id) if said.author_id is not None else None
    agent = policy.agent_of(author.address) if author is not None else None
    name = agent.name if agent is not None else (author.name or author.address if author is not None else "")
    return {
        "who": shortened(scrub(name)),
        "at": (said.arrived_at or said.at).astimezone(zone).isoformat(timespec="seconds"),
        "is_note": said.visibility == Visibility.INTERNAL,
        "text": stand_in(said.text) or said.text,
    }


def owned_tickets(texts: Iterable[str], sender: str, policy: Policy) -> tuple[OwnedTicket, ...]:
    """The open tickets that a `#handover` in these texts may be about; read only where there is one."""
    author = policy.agent_of(sender)
    lines = [line for text in texts if HANDOVER in text.casefold() for line in command_lines(text)]
    words = [word.lstrip("@") for line in lines if line.name == HANDOVER for word in line.argument.split()]
    if author is None or not any(line.name == HANDOVER for line in lines):
        return ()
    spans = (" ".join(words[start:end]) for start in range(len(words)) for end in range(start + 1, start + 5))
    named = [policy.agent_named(span) for span in list(spans)[:_MOST_NAMES]]
    addresses = list(dict.fromkeys(agent.address for agent in (author, *named) if agent is not None))
    condition = f"{_IS_OPEN} AND assignee IN ({marks(addresses)})"
    rows = find_all(Ticket, condition, *_OPEN, *addresses, order="number")
    return tuple(
        OwnedTicket(
            owner=row.assignee,
            number=row.number,
            token=policy.token(TicketType(row.type), row.number).strip("[]"),
        )
        for row in rows
    )


def listing_context(query: str, argument: str, agent: Agent, policy: Policy, *, now: datetime) -> dict[str, object]:
    """What a list mail says: its title and its entries, the most pressing first."""
    title, condition, values = _asked(query, argument, agent, policy)
    order = NEWEST_FIRST if query == "find" else "priority, opened_at, id"
    rows = find_all(Ticket, condition, *values, order=order, limit=MOST_ENTRIES + 1)
    return {
        "title": title,
        "lines": [],
        "entries": entries_of(rows, policy, reader=agent.address, now=now),
        "more": len(rows) > MOST_ENTRIES,
    }


def _asked(query: str, argument: str, agent: Agent, policy: Policy) -> tuple[Phrase, str, list[Any]]:
    """The title of a list, and the condition of its tickets."""
    teams = [argument] if argument else list(agent.teams)
    of_teams = f"{_IS_OPEN} AND team IN ({marks(teams)})" if teams else "1 = 0"
    titles = [policy.team_title(team) for team in teams]
    if query == "find":
        return say("Found: {words}", words=shortened(argument)), *words_condition(argument)
    if query == "team":
        return say("Open tickets of: {teams}", teams=titles), of_teams, [*_OPEN, *teams] if teams else []
    if query == "unowned":
        title = say("Tickets that nobody has, of: {teams}", teams=titles)
        return title, f"{of_teams} AND assignee = ''", [*_OPEN, *teams] if teams else []
    if query == "overdue":
        title = say("Overdue tickets of: {teams}", teams=titles)
        return title, f"{of_teams} AND id IN ({_OVERDUE})", [*_OPEN, *teams] if teams else []
    return say("Your open tickets"), f"{_IS_OPEN} AND assignee = ?", [*_OPEN, agent.address]


def entries_of(rows: Sequence[Ticket], policy: Policy, *, reader: str, now: datetime) -> list[dict[str, object]]:
    """The lines of a list, as many as it has room for, in the order of `rows`; times by the reader's clock."""
    shown = rows[:MOST_ENTRIES]
    due = due_moments(shown, policy)
    ids = sorted({row.requester_id for row in shown})
    people = {one.id: one for one in find_all(Contact, f"id IN ({marks(ids)})", *ids)} if ids else {}
    zone = policy.zone_of(reader)
    return [
        _entry(place, row, people[row.requester_id], policy, zone=zone) | _due_of(row, due[row.id], zone=zone, now=now)
        for place, row in enumerate(shown, 1)
    ]


def _entry(place: int, ticket: Ticket, requester: Contact, policy: Policy, *, zone: str) -> dict[str, object]:
    """One line of a list: plain values."""
    assignee = policy.agent_of(ticket.assignee) if ticket.assignee else None
    return {
        "place": place,
        "ticket": ticket.number,
        "number": policy.token(TicketType(ticket.type), ticket.number).strip("[]"),
        "subject": ticket.subject,
        "priority": ticket.priority,
        "status": ticket.status,
        "team": ticket.team,
        "assignee": assignee.name if assignee is not None else ticket.assignee,
        "requester": requester.name or requester.address,
        "opened_at": ticket.opened_at.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds"),
    }


def _due_of(ticket: Ticket, due: Mapping[str, datetime], *, zone: str, now: datetime) -> dict[str, object]:
    """What is due first, in words and as a time; "" where nothing is."""
    if not due:
        return {"promise": "", "due": ""}
    kind, moment = min(due.items(), key=lambda one: one[1])
    return {
        "promise": list_line(ClockKind(kind), ticket.type, due=moment, now=now, zone=zone),
        "due": moment.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds"),
    }
