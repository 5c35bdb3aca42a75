"""Gather what a decision may know of a mail: the only reads on its way, all before the decision."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from gateway.desk.absences import denied_and_away
from gateway.desk.answered import MOST_IDS, references_of
from gateway.desk.beating import heartbeat_in
from gateway.desk.border import believed_results, check_signature, read_border_test, vouched_by
from gateway.desk.counting import ticket_counts
from gateway.desk.key_facts import (
    answers_nothing_known,
    answers_the_desk,
    bounced_in,
    carries_probe_key,
    has_broken_key,
    has_own_mark,
    keys_in,
    question_in,
    quoted_text,
    recipient_keys,
    unbound_in,
    written_keys,
)
from gateway.desk.listings import listing_in, owned_tickets
from gateway.desk.matters import same_matter_among
from gateway.desk.people import KnownPeople, as_person, find_contact
from gateway.desk.quarantining import digest_in
from gateway.desk.questions import confirmed_among
from gateway.desk.tapping import tap_in
from gateway.desk.tickets import follow_merges, ticket_facts
from gateway.desk.traffic import held_back, may_be_told, may_hear, outside_of, traffic_around, traffic_to
from gateway.desk.turns import duty_facts
from gateway.desk.undoing import merged_just_now, undoable_on
from gateway.mail import Envelope, Mail
from gateway.policy import Agent, Policy
from gateway.policy.telling import Event
from gateway.store.rows import find_all
from gateway.store.tables import AttachmentRow, Contact, Message, Outbox
from gateway.subject import find_tokens
from gateway.ticket import Role
from gateway.triage.actions import ADDRESS
from gateway.triage.case import author_of
from gateway.triage.challenge import CHALLENGE
from gateway.triage.desk_commands import MOST_SHOWN, named_numbers
from gateway.triage.facts import (
    BouncedMail,
    Evidence,
    Facts,
    KeyFact,
    ListingFact,
    OwnedTicket,
    ReferenceFact,
    SameId,
    SignatureFact,
    TapFact,
    TicketFacts,
    TokenFact,
)
from gateway.triage.grammar import command_lines
from gateway.triage.orders import numbers_ordered
from gateway.triage.traffic import Traffic
from gateway.triage.trust import REACHING

# A mail may name many numbers; only so many are looked up.
_MOST_TOKENS = 10
_Fact = TypeVar("_Fact", KeyFact, ReferenceFact, TokenFact)


def gather_facts(
    mail: Mail,
    envelope: Envelope,
    policy: Policy,
    *,
    now: datetime,
    secrets: Mapping[int, bytes],
    people: KnownPeople | None = None,
    ledger_id: int | None = None,
    counts_traffic: bool = True,
    opened: int | None = None,
) -> Facts:
    """Read everything that the mail names, in the unit of its mail. `people` learns who was looked up, for the rest of
    the unit; `ledger_id` is the row of the mail, if it has one. Of an old mail, `opened` is the row of the ticket that
    it has opened; the traffic of its day can't be counted again.
    """
    named = _named(mail, envelope, policy, now=now, secrets=secrets)
    sender, signature = _sender_of(mail, people), check_signature(mail, policy, now=now, ledger_id=ledger_id)
    vouched, logged = vouched_by(mail, envelope, policy, now=now) or _proven_by(signature), _logged_for(mail, policy)
    denied, away = denied_and_away(author_of(mail, envelope).address, now=now)
    told, traffic = _to_and_fro(mail, envelope, policy, sender, logged, bool(vouched), named, now, counts_traffic)
    is_marked, is_own = _origin(mail, policy, secrets)
    return Facts(
        now=now,
        is_own=is_own,
        has_own_mark=is_marked,
        is_probe=(is_own or mail.report is not None) and carries_probe_key(mail, envelope, now=now, secrets=secrets),
        auth_trusted=bool(vouched),
        vouched_by=vouched,
        auth=believed_results(mail, envelope, policy, now=now) if policy.asks_for_auth else None,
        ticket_counts=ticket_counts((sender, *logged.values()), policy, at=envelope.received_at, but=opened),
        signature=signature,
        confirmed_by=envelope.confirmed_by,
        question=question_in(mail, envelope, policy, now=now, secrets=secrets),
        asked_about=_asked_about(mail, envelope, named, vouched, policy, now=now),
        border_test=read_border_test(mail, envelope, policy, now=now, secrets=secrets),
        sender=as_person(sender) if sender else None,
        has_broken_key=has_broken_key(mail, envelope, policy, secrets),
        keys=tuple(_led(key, named.leads_to) for key in named.keys if key.ticket in named.tickets),
        references=tuple(_led(one, named.leads_to) for one in named.references if one.ticket in named.tickets),
        tokens=tuple(_led(one, named.leads_to) for one in named.tokens if one.ticket in named.tickets),
        named_tickets=_each_once(_with_handed_over(named, mail, envelope, vouched, policy), away),
        same_id=named.same_id,
        bounced=named.bounced,
        traffic=traffic,
        outside=outside_of(told, policy, now=now),
        known_pictures=_known_pictures(mail, sender),
        denied_by=denied,
        heartbeat=heartbeat_in(written_keys(mail, envelope, policy), secrets) if is_own else None,
        digest=digest_in(written_keys(mail, envelope, policy), secrets, now=now),
        listing=named.listing,
        unbound=named.unbound,
        owned=named.owned,
        away=away,
        duty=duty_facts(policy),
        tap=named.tap,
        held_back=held_back(mail.new_text, named.tickets.values()),
        undoable=undoable_on(mail.new_text, _agent_in(mail, policy), named.tickets.values(), policy, now=now),
        same_matter=None if named.tickets else same_matter_among(_recent(mail, envelope, traffic), mail, policy),
    )


def _agent_in(mail: Mail, policy: Policy) -> Agent | None:
    return policy.agent_of(mail.sender.address) if mail.sender is not None else None


def _origin(mail: Mail, policy: Policy, secrets: Mapping[int, bytes]) -> tuple[bool, bool]:
    """Whether the mail carries our own mark, and whether it is one of ours by that or by From."""
    is_marked = has_own_mark(mail, secrets)
    return is_marked, is_marked or (mail.sender is not None and policy.is_desk_address(mail.sender.address))


def _to_and_fro(
    mail: Mail,
    envelope: Envelope,
    policy: Policy,
    sender: Contact | None,
    logged: Mapping[str, Contact | None],
    is_vouched_for: bool,
    named: _Named,
    now: datetime,
    counts_traffic: bool,
) -> tuple[tuple[str, ...], tuple[Traffic, ...]]:
    """Who may get an automatic mail, and what went to and fro with the people of the mail."""
    if not counts_traffic:
        return (), ()
    told = may_be_told(mail, envelope, logged, is_vouched_for, policy)
    around = traffic_around(mail, envelope, policy, sender, logged, tickets=[*named.leads_to.values()], now=now)
    hearing = may_hear(author_of(mail, envelope).address, named.tickets.values(), policy)
    told = (*told, *(one.address for one in hearing))
    return told, (*around, *traffic_to(hearing, now=now)) if hearing else around


def _recent(mail: Mail, envelope: Envelope, traffic: Iterable[Traffic]) -> tuple[int, ...]:
    """The tickets that the author has opened within the hours in which the same matter is one ticket."""
    author = author_of(mail, envelope).address
    return next((known.recent for known in traffic if known.address == author), ())


@dataclass(frozen=True, kw_only=True)
class _Named:
    """What a mail names: by keys, ids and numbers, and the tickets behind them, by the numbers that it names."""

    keys: tuple[KeyFact, ...]
    references: tuple[ReferenceFact, ...]
    same_id: SameId | None
    tokens: tuple[TokenFact, ...]
    bounced: tuple[BouncedMail, ...]
    listing: ListingFact | None
    tap: TapFact | None
    unbound: Role | None
    tickets: dict[int, TicketFacts]
    owned: tuple[OwnedTicket, ...]

    @property
    def leads_to(self) -> dict[int, int]:
        """Where each number leads: to itself, or to what its ticket was merged into."""
        return {number: facts.number for number, facts in self.tickets.items()}

    def holds_key_of(self, agent: Agent | None) -> bool:
        """Whether some key of the mail is one by which this agent acts."""
        own = (agent.address, *agent.other_addresses) if agent is not None else ()
        usable = [key for key in self.keys if key.usable and key.holder in own]
        return any(key.is_agents(self.tickets.get(key.ticket)) for key in usable)


def _named(mail: Mail, envelope: Envelope, policy: Policy, *, now: datetime, secrets: Mapping[int, bytes]) -> _Named:
    tap, proofs = tap_in(mail, envelope, policy, now=now, secrets=secrets)
    keys = (*proofs, *keys_in(mail, envelope, policy, now=now, secrets=secrets))
    references, same_id = references_of(mail)
    tokens = tuple(_tokens(mail, policy))
    shown = {*(key.evidence for key in keys), *(one.evidence for one in references)}
    unbound = unbound_in(mail, envelope, policy, secrets) if shown <= {Evidence.QUOTED} else None
    is_lost = unbound is None and not shown and answers_nothing_known(mail, envelope, policy)
    if is_lost and tokens and answers_the_desk(mail, policy):
        unbound = Role.AGENT
    listing = listing_in(written_keys(mail, envelope, policy), secrets, now=now)
    if unbound is not None or listing is not None or is_lost:
        # Numbers that such a mail of ours, or of others, tells in a list or as an example say nothing of its answer.
        tokens = tuple(one for one in tokens if one.evidence is not Evidence.QUOTED)
    bounced = tuple(bounced_in(mail, envelope, secrets))
    stays = merged_just_now(mail.new_text, _agent_in(mail, policy), policy, now=now)
    texts = (mail.subject, mail.new_text)
    tickets = _tickets_around((*keys, *references, *tokens, *bounced), texts, policy, listing, stays)
    return _Named(
        keys=keys,
        references=references,
        same_id=same_id,
        tokens=tokens,
        bounced=bounced,
        listing=listing,
        tap=tap,
        unbound=unbound,
        tickets=tickets,
        owned=_owned(mail, policy, tickets.values()),
    )


def _tickets_around(
    named: Sequence[KeyFact | ReferenceFact | TokenFact | BouncedMail],
    texts: Sequence[str],
    policy: Policy,
    listing: ListingFact | None,
    stays: Container[int],
) -> dict[int, TicketFacts]:
    """The tickets that these name or the texts do, also by its place in a list, and those that their held mails name.

    What a held mail commands is carried out when another one releases or confirms it. `stays` are tickets that are
    meant themselves, and not what they were merged into.
    """
    numbers = [one.ticket for one in named if one.ticket is not None]
    if listing is not None:
        numbers += [one for one in map(listing.ticket_at, numbers_ordered("\n".join(texts))) if one is not None]
    tickets = _tickets([*numbers, *(one for text in texts for one in _named_in_text(text, policy))], policy, stays)
    held = [message for ticket in tickets.values() for message in ticket.held]
    return tickets | _tickets([one for message in held for one in _named_in_text(message.text, policy)], policy, stays)


def _owned(mail: Mail, policy: Policy, tickets: Iterable[TicketFacts]) -> tuple[OwnedTicket, ...]:
    """The open tickets that a `#handover` of the mail, or of a held one that it may release, is about."""
    held = (message.text for ticket in tickets for message in ticket.held)
    author = mail.sender.address if mail.sender is not None else ""
    return owned_tickets((mail.subject, mail.new_text, *held), author, policy)


def _with_handed_over(
    named: _Named, mail: Mail, envelope: Envelope, vouched: str, policy: Policy
) -> Iterable[TicketFacts]:
    """The tickets that a mail names, and those of its hand-over where their people hear of who has them now.

    Anybody can write one in an agent's name; where nothing more is there, none is carried out.
    """
    is_proven = vouched or envelope.confirmed_by or named.listing or named.holds_key_of(_agent_in(mail, policy))
    is_told = is_proven and policy.people_told(Event.TAKEN)
    numbers = [one.number for one in named.owned if one.number not in named.tickets] if is_told else []
    return (*named.tickets.values(), *_tickets(numbers, policy, ()).values())


def _sender_of(mail: Mail, people: KnownPeople | None) -> Contact | None:
    sender = find_contact(mail.sender.address) if mail.sender else None
    if mail.sender is not None and people is not None:
        people[mail.sender.address.lower()] = sender
    return sender


def _proven_by(signature: SignatureFact | None) -> str:
    return signature.words if signature is not None and signature.digest else ""


def _asked_about(
    mail: Mail, envelope: Envelope, named: _Named, vouched: str, policy: Policy, *, now: datetime
) -> tuple[int | None, ...]:
    """About which tickets the agent in From was asked in the last day, None where the agent said yes since; read only
    where one may have to be asked."""
    agent = _agent_in(mail, policy)
    if agent is None or envelope.confirmed_by:
        return ()
    holds_key = named.holds_key_of(agent)
    reaches = any(line.name in REACHING for line in command_lines(mail.new_text))
    names_nothing = not (mail.in_reply_to or mail.references or recipient_keys(mail, envelope, policy))
    names_nothing &= next(iter(_tokens(mail, policy)), None) is None
    # What a new mail tells the desk itself to do may have to be asked about.
    names_nothing &= not command_lines(f"{mail.subject}\n{mail.new_text}")
    plainly_theirs = holds_key and not reaches and not mail.sender_defects and policy.trust.require == "key"
    if names_nothing or plainly_theirs or (holds_key and vouched):
        return ()
    contact = find_contact(agent.address)
    if contact is None:
        return ()
    condition = "recipient_id = ? AND notice = ? AND created_at > ?"
    found = find_all(Outbox, condition, contact.id, CHALLENGE, now - timedelta(days=1), limit=MOST_IDS)
    confirmed = confirmed_among([row.context.get("asks_about", 0) for row in found])
    return tuple(
        None if row.context.get("asks_about", 0) in confirmed else int(row.context.get("about_ticket", 0))
        for row in found
    )


def _tokens(mail: Mail, policy: Policy) -> Iterable[TokenFact]:
    prefixes = policy.prefixes()
    for token, number in find_tokens(mail.subject, prefixes)[:_MOST_TOKENS]:
        yield TokenFact(evidence=Evidence.SUBJECT_TOKEN, token=token, ticket=number)
    for token, number in find_tokens(quoted_text(mail), prefixes)[:_MOST_TOKENS]:
        yield TokenFact(evidence=Evidence.QUOTED, token=token, ticket=number)


def _tickets(numbers: Iterable[int], policy: Policy, stays: Container[int]) -> dict[int, TicketFacts]:
    found: dict[int, TicketFacts] = {}
    for number in dict.fromkeys(numbers):
        ticket, passed = follow_merges(number, until=stays)
        if ticket is not None:
            found[number] = ticket_facts(ticket, policy, merged_from=passed)
    return found


def _named_in_text(text: str, policy: Policy) -> list[int]:
    """The tickets that a text names: by token, and behind `#merge`, `#link` and `#show` by the bare number too."""
    lines = command_lines(text)
    others = [line.argument for line in lines if line.name in ("merge", "link") and line.argument.isdecimal()]
    found = [number for argument in others[:_MOST_TOKENS] for number in named_numbers(argument, policy)]
    shown = dict.fromkeys(one for line in lines if line.name == "show" for one in named_numbers(line.argument, policy))
    found += list(shown)[:MOST_SHOWN]
    return found + [number for _, number in find_tokens(text, policy.prefixes())[:_MOST_TOKENS]]


def _each_once(tickets: Iterable[TicketFacts], away: Mapping[str, datetime]) -> tuple[TicketFacts, ...]:
    """Each ticket once, with all the merged ones that led to it, and whether its assignee is away."""
    found: dict[int, TicketFacts] = {}
    for ticket in tickets:
        before = found.setdefault(ticket.number, ticket)
        merged_from = tuple(dict.fromkeys(before.merged_from + ticket.merged_from))
        found[ticket.number] = replace(before, merged_from=merged_from, is_assignee_away=before.assignee in away)
    return tuple(found.values())


def _led(fact: _Fact, leads_to: Mapping[int, int]) -> _Fact:
    """The fact about the ticket that a merged one leads to."""
    return replace(fact, ticket=leads_to[fact.ticket])


def _logged_for(mail: Mail, policy: Policy) -> dict[str, Contact | None]:
    """Whom an agent's mail may open a ticket for: the budget is that of who gets the acknowledgement."""
    if mail.sender is None or policy.agent_of(mail.sender.address) is None:
        return {}
    commands = [line.argument for line in command_lines(mail.new_text) if line.name == "requester"]
    addresses = [found.lower() for argument in commands[:_MOST_TOKENS] for found in ADDRESS.findall(argument)[:1]]
    if mail.forwarded is not None:
        addresses.append(mail.forwarded.sender.address)
    return {address: find_contact(address) for address in dict.fromkeys(addresses)}


def _known_pictures(mail: Mail, sender: Contact | None) -> frozenset[str]:
    """Hashes of pictures that this author has sent before: a signature's, most likely."""
    hashes = [one.sha256 for one in mail.attachments if one.sha256 and one.content_type.startswith("image/")]
    if sender is None or not hashes:
        return frozenset()
    query = (
        AttachmentRow.select(AttachmentRow.sha256)
        .join(Message)
        .where((Message.author == sender) & AttachmentRow.sha256.in_(hashes))
        .distinct()
    )
    return frozenset(row.sha256 for row in query)
