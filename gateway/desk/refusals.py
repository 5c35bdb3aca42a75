"""A mail that the relay will never take: written down on its ticket, and told to the agents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gateway.desk.carry_out import Unit, carry_out
from gateway.desk.tickets import ticket_facts
from gateway.mail import MailKind, Reason, Verdict
from gateway.policy import Policy
from gateway.store.tables import Outbox
from gateway.ticket import Role
from gateway.triage.decision import Action, Change, Decision, MarkUndeliverable, Record
from gateway.triage.notices import agents_of_ticket, tell_agents


def record_refusal(outbox_id: int, reply: str, *, policy: Policy, secrets: Mapping[int, bytes], now: datetime) -> None:
    """Tell the agents of the ticket; inside the transaction that marks the mail as failed.

    A refused notice to an agent is told to the colleagues, a refused notice about a refusal to nobody.
    """
    row = Outbox.get_by_id(outbox_id)
    address = row.recipient.address
    changes: list[Change] = [
        Record(kind="refused", text=f"mail to {address} was refused: {reply}", detail={"outbox": outbox_id})
    ]
    # RFC 3463: 5.1.x speaks of the address; size, content and policy say nothing about it.
    if " 5.1." in reply:
        changes.append(MarkUndeliverable(address=address))
    if row.ticket is not None and row.notice != "undeliverable":
        facts = ticket_facts(row.ticket)
        agents = agents_of_ticket(policy, facts)
        if row.role == Role.AGENT:
            agents = tuple(dict.fromkeys([*agents, *policy.agents_of(facts.team)]))
        changes += tell_agents(
            "undeliverable",
            agents,
            about_message=row.about_id,
            context={"address": address, "reason": reply},
            but=[address],
        )
    decision = Decision(
        kind=MailKind.OWN,
        verdict=Verdict.ACCEPT,
        action=Action.FILE,
        reasons=(Reason(code="refused", text=reply),),
        ticket=row.ticket.number if row.ticket is not None else None,
        actor="relay",
        changes=tuple(changes),
    )
    carry_out(Unit(decision=decision, policy=policy, now=now, secrets=secrets, cause=f"refused/{outbox_id}"))
