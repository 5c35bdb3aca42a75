"""A tap on a link of an agent's mail: a mail with a command in it, to an address whose key is good for that once. Pure.

The key counts with the agent's own address, as a reply key does, and for the ticket of the mail that it stood in. What
somebody else sends there, to whom that mail was forwarded, does nothing. A second tap is answered, and does nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.mail import Address, Reason, Verdict
from gateway.phrase import say
from gateway.policy import Agent
from gateway.ticket import OPEN_STATUSES, SETTLED, Role, Status
from gateway.triage import headlines
from gateway.triage.case import Case
from gateway.triage.commands import COMMANDS
from gateway.triage.decision import Action, Decision, Notice, UseLink
from gateway.triage.facts import TapFact
from gateway.triage.grammar import NOTE


@dataclass(frozen=True, kw_only=True)
class Link:
    """One link: its number in the key, what it writes, and on which tickets it stands."""

    number: int
    line: str
    statuses: frozenset[Status]


LINKS: dict[str, Link] = {
    "take": Link(number=1, line="#take", statuses=OPEN_STATUSES),
    "resolve": Link(number=2, line="#resolve", statuses=OPEN_STATUSES),
    "hold": Link(number=3, line="#hold requester", statuses=OPEN_STATUSES - {Status.ON_HOLD}),
    "escalate": Link(number=4, line="#escalate", statuses=OPEN_STATUSES),
    "reopen": Link(number=5, line="#reopen", statuses=SETTLED | {Status.CANCELLED}),
    "note": Link(number=6, line="#note", statuses=OPEN_STATUSES | SETTLED),
}
BY_NUMBER = {link.number: name for name, link in LINKS.items()}


def is_tapped_note(tap: TapFact | None) -> bool:
    """Whether all that the mail says is for colleagues: phones put the first words above the line of the link."""
    return tap is not None and tap.action == NOTE


def tapping(case: Case, decide: Callable[[Case], Decision]) -> Decision:
    """Decide a mail that may come of a link; `decide` does so for every other, and for the first use of one."""
    tap = case.facts.tap
    if tap is None or not case.is_by_a_person:
        return decide(case)
    agent = _holder(case, tap)
    if agent is None:
        text = f"a link that was given to {tap.holder}, and not sent from that agent's own address: nothing is done"
        return case.quarantine("not-theirs", Reason(code="link-not-theirs", text=text))
    if tap.used_at is not None:
        return _already_used(case, agent, tap, tap.used_at)
    decision = decide(case)
    if decision.action is not Action.APPEND or decision.ticket is None:
        return decision
    use = UseLink(outbox=tap.outbox, number=LINKS[tap.action].number, name=tap.action)
    return replace(decision, changes=(use, *decision.changes))


def _holder(case: Case, tap: TapFact) -> Agent | None:
    agent = case.policy.agent_of(case.sender.address)
    if agent is None or case.mail.sender_defects:
        return None
    return agent if tap.holder in (agent.address, *agent.other_addresses) else None


def _already_used(case: Case, agent: Agent, tap: TapFact, used_at: datetime) -> Decision:
    """Say so, and give the words back: nothing is lost that was typed."""
    at = used_at.astimezone(ZoneInfo(case.policy.zone_of(agent.address)))
    line = LINKS[tap.action].line
    title = say("{command} was done already, by this link on {day}; nothing was done now.", command=line, day=at)
    title = say("{ticket}: {line}", ticket=tap.token, line=title) if tap.token else title
    words = [text for text in map(str.strip, case.mail.new_text.splitlines()) if text and text != line]
    lines = [say("Write it in answer to the mail itself:"), *words] if words else []
    context = {"headline": headlines.not_done(line), "title": title, "lines": lines, "files": False}
    mailbox = Address(address=agent.address, name=agent.name)
    told = Notice(name="result", to=mailbox, role=Role.AGENT, context=context)
    reason = Reason(code="link-used", text=f"{agent.name} used the link {line} of mail {tap.outbox} before")
    return case.decide(Action.FILE, told, reasons=(reason,), verdict=Verdict.ACCEPT, actor=agent.address)


def links_on(status: Status, *, is_readers: bool, has_tier_above: bool) -> tuple[str, ...]:
    """The names of the links on a ticket, in their order. `is_readers`: the reader has it already."""
    left_out = {"take"} if is_readers else set()
    if not has_tier_above:
        left_out.add("escalate")
    known = COMMANDS.keys() - left_out
    return tuple(name for name, link in LINKS.items() if name in known and status in link.statuses)
