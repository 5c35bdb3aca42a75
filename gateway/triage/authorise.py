"""May this sender? Appending needs less than disclosing or commanding (DESIGN: threading and authority are two
questions).

An agent acts on an existing ticket with the proof that the table `trust.ACTS` asks for: the reply key that was given
to that agent for that ticket and the agent's own address, or a proof of the sender's domain. An agent who
reads along is an agent there, and acts by a reader's key too. A requester or watcher appends, from any address that the
people table has of them: what an address may move, it must prove itself. Somebody else appends as "another person"
where a valid key or an id of a mail that named them vouches for it; a ticket number alone is a claim, and opens a
ticket of its own beside the claimed one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from gateway.mail import Mail, Reason
from gateway.policy import Agent, Policy
from gateway.triage.facts import Evidence, Facts, TicketFacts
from gateway.triage.thread import Threading
from gateway.triage.trust import NO_PROOF, Act, Means, Proof, level_of, may


class Standing(StrEnum):
    """As whom a mail may speak on the ticket that it names."""

    AGENT = "agent"
    AGENT_UNPROVEN = "agent_unproven"
    REQUESTER = "requester"
    WATCHER = "watcher"
    OTHER = "other"
    CLAIM = "claim"
    NOBODY = "nobody"


@dataclass(frozen=True, kw_only=True)
class Authorisation:
    """`verified`: the address is more than a claim. `moves`: the mail may reopen the ticket or stop a clock. `proof` is
    what the mail proves about an agent."""

    standing: Standing
    verified: bool
    moves: bool
    agent: Agent | None = None
    reasons: tuple[Reason, ...] = ()
    proof: Proof = NO_PROOF


def authorise(mail: Mail, facts: Facts, policy: Policy, threading: Threading) -> Authorisation:
    """Decide as whom the sender may speak. Without a ticket the standing is NOBODY: a new matter."""
    found = _authorise(mail, facts, policy, threading)
    if facts.signature is None:
        return found
    return replace(found, reasons=(*found.reasons, Reason(code="dkim", text=facts.signature.words)))


def _authorise(mail: Mail, facts: Facts, policy: Policy, threading: Threading) -> Authorisation:
    ticket = facts.ticket(threading.ticket) if threading.ticket is not None else None
    address = mail.sender.address if mail.sender else ""
    agent = policy.agent_of(address) if address else None
    proof = proof_of(mail, agent, facts, policy, threading)
    if threading.evidence is Evidence.QUOTED:
        # Whoever passes an old mail on quotes it too; without a key that is no answer to anybody.
        proof -= {Means.DOMAIN}
    is_vouched_for = Means.CONFIRMED in proof or (Means.DOMAIN in proof and ticket is not None)
    if not is_vouched_for and _tries_as_agent(address, agent, facts, threading):
        why = "its reply key is not valid, or not any more"
        reason = Reason(code="agent-unproven", text=f"in the name of {agent.name if agent else address}, but {why}")
        return Authorisation(
            standing=Standing.AGENT_UNPROVEN, verified=False, moves=False, agent=agent, reasons=(reason,), proof=proof
        )
    if ticket is None:
        return Authorisation(
            standing=Standing.NOBODY, verified=facts.auth_trusted, moves=True, agent=agent, proof=proof
        )
    is_own_matter = _role_on(ticket, address, policy) is not None
    if agent is not None and (not is_own_matter or _holds_agent_key(agent, ticket, threading)):
        return _authorise_agent(mail, agent, facts, policy, proof)
    return _authorise_person(mail, address, facts, policy, threading, ticket)


def _tries_as_agent(address: str, agent: Agent | None, facts: Facts, threading: Threading) -> bool:
    """Whether the mail acts by an agent's key that is expired, tampered with, or a former agent's, and by no other."""
    if any(key.is_agents(facts.ticket(key.ticket)) for key in threading.keys):
        return False
    void = [key for key in facts.keys if not key.usable and key.evidence is not Evidence.QUOTED]
    if any(key.is_agents(facts.ticket(key.ticket)) and key.holder == address for key in void):
        return True
    return agent is not None and threading.ticket is None and (bool(void) or facts.has_broken_key)


def _holds_agent_key(agent: Agent, ticket: TicketFacts, threading: Threading) -> bool:
    """Whether the mail answers one that the agent got as an agent.

    The address that it was sent to says so best: the ids of a thread may be those of mails in either role.
    """
    own = {agent.address, *agent.other_addresses}
    held = [key for key in threading.keys if key.holder in own]
    sent_to = [key for key in held if key.evidence is Evidence.RECIPIENT_KEY]
    return any(key.is_agents(ticket) for key in sent_to or held)


def proof_of(mail: Mail, agent: Agent | None, facts: Facts, policy: Policy, threading: Threading) -> Proof:
    """What a mail proves about the agent whose address it carries; an address that two readers could read differently
    proves nothing by itself."""
    if agent is None:
        return NO_PROOF
    own = (agent.address, *agent.other_addresses)
    means = {Means.CLAIM}
    if facts.confirmed_by in own:
        means.add(Means.CONFIRMED)
    if mail.sender_defects:
        return frozenset(means)
    if facts.auth_trusted:
        means.add(Means.DOMAIN)
    keys = [key for key in threading.keys if key.holder in own and key.is_agents(facts.ticket(key.ticket))]
    if keys:
        means.add(Means.KEY)
    since = facts.now - timedelta(days=policy.trust.confirm_days)
    if any(key.confirmed_at is not None and key.confirmed_at > since for key in keys):
        means.add(Means.REMEMBERED)
    return frozenset(means)


def _authorise_agent(mail: Mail, agent: Agent, facts: Facts, policy: Policy, proof: Proof) -> Authorisation:
    if may(proof, Act.WORK, policy):
        by = [words for means, words in _BY_WORDS.items() if means in proof]
        text = f"{agent.name}, proven by {' and '.join(by)} (L{level_of(proof).value})"
        if Means.DOMAIN in proof and facts.vouched_by:
            text += f": {facts.vouched_by}"
        reason = Reason(code="agent-proven", text=text)
        return Authorisation(
            standing=Standing.AGENT, verified=True, moves=True, agent=agent, reasons=(reason,), proof=proof
        )
    if mail.sender_defects:
        why = f"the From header is not one plain mailbox ({', '.join(mail.sender_defects)})"
    elif Means.KEY in proof:
        why = "it has only the key, and the policy asks for a proof of the domain too"
    elif Means.DOMAIN in proof:
        why = "it has only a proof of the domain, and the policy asks for the key too"
    else:
        why = "it carries no valid reply key of this agent for this ticket, and nothing vouches for its domain"
    reason = Reason(code="agent-unproven", text=f"in the name of {agent.name}, but {why} (L{level_of(proof).value})")
    return Authorisation(
        standing=Standing.AGENT_UNPROVEN, verified=False, moves=False, agent=agent, reasons=(reason,), proof=proof
    )


_BY_WORDS = {
    Means.KEY: "the key given to them for this ticket",
    Means.DOMAIN: "their domain",
    Means.CONFIRMED: "their answer to our question",
}


def _authorise_person(
    mail: Mail, address: str, facts: Facts, policy: Policy, threading: Threading, ticket: TicketFacts
) -> Authorisation:
    role = _role_on(ticket, address, policy)
    verified = facts.auth_trusted and not mail.sender_defects
    own_domain = bool(address) and policy.is_own_domain(address)
    if threading.keys:
        standing = role or Standing.OTHER
        holds = any(policy.is_same_person(key.holder, address) for key in threading.keys)
        return _appended(standing, "carries a valid reply key of this ticket", verified=verified or holds, moves=True)
    if threading.evidence is Evidence.REFERENCE:
        named = any(address in reference.named for reference in threading.references)
        if role or named or own_domain:
            why = "answers a mail that named them" if named else "is on the ticket or in the desk's own domains"
            return _appended(role or Standing.OTHER, why, verified=verified, moves=bool(role) or own_domain or verified)
        return _claim("answers a mail of this ticket that did not name them")
    if role:
        moves = verified or own_domain
        why = f"is the {role.value} of the ticket" if role is Standing.REQUESTER else f"is a {role.value} of the ticket"
        why += "" if verified else ", known by address only"
        return _appended(role, why, verified=verified, moves=moves)
    return _claim("names a ticket that they are not on; a number is a label, not a key")


def _role_on(ticket: TicketFacts, address: str, policy: Policy) -> Standing | None:
    """Who has several addresses, by the people table or as an agent, is the same person under each of them."""
    if not address:
        return None
    if policy.is_same_person(address, ticket.requester.address):
        return Standing.REQUESTER
    is_watcher = any(policy.is_same_person(address, watcher.address) for watcher in ticket.watchers)
    return Standing.WATCHER if is_watcher else None


def _appended(standing: Standing, why: str, *, verified: bool, moves: bool) -> Authorisation:
    reason = Reason(code=f"append-{standing.value}", text=f"the sender {why}")
    return Authorisation(standing=standing, verified=verified, moves=moves, reasons=(reason,))


def _claim(why: str) -> Authorisation:
    reason = Reason(code="claim", text=f"the sender {why}: a new ticket, linked to the one named")
    return Authorisation(standing=Standing.CLAIM, verified=False, moves=False, reasons=(reason,))
