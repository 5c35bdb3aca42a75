"""A mail that the relay will never take: written down on its ticket, and told to the agents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from gateway.desk.carry_out import carry_out
from gateway.desk.tickets import ticket_facts
from gateway.desk.unit import Unit
from gateway.mail import Address, MailKind, Reason, Verdict
from gateway.phrase import Phrase
from gateway.policy import Policy
from gateway.store.tables import Outbox
from gateway.ticket import Role
from gateway.triage.decision import Action, Change, Decision, MarkUndeliverable, Notice, Record, TakeBackAnswer
from gateway.triage.notices import agents_of_ticket, tell_agents
from gateway.triage.undeliverable import NO_ADDRESS, NO_DOMAIN, UNKNOWN, WHAT, cause_of, reason_of

# In the context of a notice: its files are named only.
WITHOUT_FILES = "without_files"
# RFC 5321 §4.2.3 and RFC 3463 §3.3, §3.4; and our own words where the announced SIZE was enough to know.
_TOO_BIG = re.compile(r"^552\b|\b5\.3\.4\b|\b5\.2\.3\b|the relay takes at most")


def record_refusal(
    outbox_id: int, reply: Phrase | str, *, policy: Policy, secrets: Mapping[int, bytes], now: datetime
) -> None:
    """Tell the agents of the ticket; inside the transaction that marks the mail as failed.

    A refused notice to an agent is told to the colleagues, a refused notice about a refusal to nobody. One that was
    too big for the relay goes to the agent once more, with its files named instead of attached.
    """
    row = Outbox.get_by_id(outbox_id)
    address = row.recipient.address
    changes: list[Change] = [
        Record(kind="refused", text=f"mail to {address} was refused: {reply}", detail={"outbox": outbox_id})
    ]
    cause = cause_of("", str(reply))
    if cause in (NO_ADDRESS, NO_DOMAIN) and not policy.is_desk_address(address):
        changes.append(MarkUndeliverable(address=address, outbox=outbox_id))
    if row.role == Role.REQUESTER and row.notice in ("answer", "resolution") and row.about_id is not None:
        changes.append(TakeBackAnswer())
    if _can_do_without_files(row, str(reply)):
        lighter = {key: value for key, value in row.context.items() if key != "ticket"} | {WITHOUT_FILES: True}
        agent = Address(address=address, name=row.recipient.name)
        changes.append(Notice(name=row.notice, to=agent, role=Role.AGENT, about_message=row.about_id, context=lighter))
    elif row.ticket is not None and row.notice != "undeliverable":
        facts = ticket_facts(row.ticket, policy)
        agents = agents_of_ticket(policy, facts)
        if row.role == Role.AGENT:
            agents = tuple(dict.fromkeys([*agents, *policy.agents_of(facts.team)]))
        changes += tell_agents(
            "undeliverable",
            agents,
            about_message=row.about_id,
            context={
                "address": address,
                "reason": reply if cause is UNKNOWN else reason_of(cause, reply),
                "todo": cause.todo,
                "what": WHAT.get(row.notice, "") if row.about_id is None else "",
            },
            but=[address],
        )
    decision = Decision(
        kind=MailKind.OWN,
        verdict=Verdict.ACCEPT,
        action=Action.FILE,
        reasons=(Reason(code="refused", text=str(reply)),),
        ticket=row.ticket.number if row.ticket is not None else None,
        actor="relay",
        changes=tuple(changes),
    )
    carry_out(Unit(decision=decision, policy=policy, now=now, secrets=secrets, cause=f"refused/{outbox_id}"))


def _can_do_without_files(row: Outbox, reply: str) -> bool:
    """Whether it is a notice that only its files made too big; what an agent wrote goes out whole or not at all."""
    has_files = row.about_id is not None and not row.context.get(WITHOUT_FILES) and not row.context.get("files")
    return row.role == Role.AGENT and has_files and _TOO_BIG.search(reply) is not None
