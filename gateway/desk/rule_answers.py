"""What `#why` and `#rules stats` answer: how the rules came to the fields of a ticket, and how all of them do.

Place in the mail's way: behind the decision, which reads nothing; the letter is filled here, outside of a transaction,
when it is rendered for the one agent who asked. Reads only. The trace is that of the rules in force, with what was
known when the mail came; of other tickets it says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

from gateway.desk.recalling import Recalled, opening_mail, view_then
from gateway.desk.recalling import recall as recall_mail
from gateway.desk.rule_stats import rule_stats
from gateway.desk.ticket_fields import standing_of
from gateway.mail import Envelope, Mail
from gateway.phrase import Phrase, say
from gateway.policy import Policy
from gateway.store.tables import Outbox, Ticket
from gateway.ticket import KEPT, Authority, Classification, Field, FieldValue
from gateway.triage.account import Account, Outcome, RuleAccount, account_of
from gateway.triage.opening import why
from gateway.triage.results import Asked
from gateway.triage.trace import ConditionTrace

# Reads a stored mail again, in a worker; None where its bytes are gone.
Recall = Callable[[Recalled, Policy], tuple[Mail, Envelope] | None]

STATS_DAYS = 30
_MOST_NEAR = 3
_MOST_MISSING = 2
_MOST_RULES = 10
_MOST_WORDS = 8
_MOST_ENTRIES = 5


def rule_answer(
    asked: str,
    row: Outbox,
    ticket: Ticket | None,
    policy: Policy,
    *,
    recall: Recall | None,
    secrets: Mapping[int, bytes],
) -> dict[str, object]:
    """The title and the lines of a result mail that answers such a question."""
    if asked == Asked.STATS:
        return _stats(row, policy)
    if ticket is None:
        return {"title": say("This mail is on no ticket."), "lines": []}
    standing = standing_of(ticket)
    if asked == Asked.TRACE:
        told = _account(ticket, policy, recall, secrets)
        if told is not None:
            return {
                "title": say("What set the fields of this ticket, and how the rules came to it"),
                "lines": list(_trace(*told, standing, policy)),
            }
    return {"title": say("What set the fields of this ticket"), "lines": list(why(standing))}


def _account(
    ticket: Ticket, policy: Policy, recall: Recall | None, secrets: Mapping[int, bytes]
) -> tuple[Account, Recalled] | None:
    """What the rules in force make of the mail that opened a ticket; None where it can't be read any more."""
    ledger = opening_mail(ticket.number)
    recalled = recall_mail(ledger) if ledger is not None else None
    stored = recall(recalled, policy) if recall is not None and recalled is not None else None
    if recalled is None or stored is None:
        return None
    mail, envelope = stored
    view, standing = view_then(recalled, mail, envelope, policy, secrets=secrets)
    return account_of(view, policy, standing), recalled


def _trace(account: Account, recalled: Recalled, standing: Classification, policy: Policy) -> Iterator[Phrase]:
    """What stands there, the rules that hold and those that nearly do, and what agents have said since."""
    yield from why(standing)
    for rule in account.with_outcome(Outcome.HOLDS):
        yield from _held(rule)
    if account.stopped_by:
        yield say("rule “{rule}” stops: those below it are not looked at", rule=account.stopped_by)
    for rule in account.with_outcome(Outcome.NEAR)[:_MOST_NEAR]:
        missing = [text for one in rule.conditions for text in _missing(one)]
        yield say("rule “{rule}” does not hold: {conditions}", rule=rule.name, conditions=missing[:_MOST_MISSING])
    if recalled.version != account.version:
        made = [f"{one.key} = {one.value or '–'}" for one in account.fields if _differs(one, recalled)]
        yield say("the rules have changed since; these would make of it: {fields}", fields=made or ["="])
    zone = ZoneInfo(policy.desk.time_zone)
    for key, word in recalled.since:
        agent = policy.agent_of(word.actor)
        day = word.at.astimezone(zone).date() if word.at is not None else ""
        what = f"{key} = {word.value or '–'}"
        yield say("{agent}, {day}: {what}", agent=agent.name if agent is not None else word.actor, day=day, what=what)


def _differs(value: FieldValue, recalled: Recalled) -> bool:
    then = recalled.then.get(value.key)
    if value.field is Field.ASSIGNEE and value.authority is Authority.DEFAULT:
        # Whom the team gives it to no rule says; only an assignee whom one had named is missed.
        return then is not None and then.authority != Authority.DEFAULT
    return then.value != value.value if then is not None else bool(value.value) and value.field in KEPT


def _held(rule: RuleAccount) -> Iterator[Phrase]:
    found = [text for one in rule.conditions for text in _found(one)]
    done = [f"{one.key} = {one.value}" for one in rule.settings if one.why_not is None]
    if done:
        yield say("rule “{rule}” holds, for {found}, and sets {fields}", rule=rule.name, found=found, fields=done)
    else:
        yield say("rule “{rule}” holds, for {found}, and sets nothing", rule=rule.name, found=found)
    refused: dict[Phrase, list[str]] = {}
    for one in rule.settings:
        # Without its category, what stands below it needs no words of its own.
        if one.why_not is not None and not (one.field is Field.SUBCATEGORY and refused):
            refused.setdefault(one.why_not, []).append(f"{one.key} = {one.value}")
    for why_not, what in refused.items():
        yield say("rule “{rule}” does not set {what}: {why}", rule=rule.name, what=what, why=why_not)


def _found(one: ConditionTrace) -> Iterator[str]:
    """What was found of a condition, as the file writes it: words "vpn"; what must not be there is not named."""
    if one.key == "none" or not one.held:
        return
    for inner in one.inner:
        yield from _found(inner)
    if one.matched:
        yield f"{one.key} {_listed(one.matched)}"


def _missing(one: ConditionTrace) -> Iterator[str]:
    """Which conditions are not met, in short: what is asked and not there, and what is there and must not be."""
    if one.held:
        return
    if one.key == "none":
        yield from (f"none: {text}" for inner in one.inner if inner.held for key in inner.inner for text in _found(key))
    elif one.inner:
        yield from (text for inner in one.inner for text in _missing(inner))
    else:
        yield f"{one.key} {_listed(one.asked)}"


def _listed(entries: tuple[str, ...]) -> str:
    text = ", ".join(f'"{entry}"' for entry in entries[:_MOST_ENTRIES])
    return f"{text}, …" if len(entries) > _MOST_ENTRIES else text


def _stats(row: Outbox, policy: Policy) -> dict[str, object]:
    until = row.created_at
    stats = rule_stats(policy, since=until - timedelta(days=STATS_DAYS), until=until)
    return {
        "title": say(
            "The rules in the last {days} days: {tickets} tickets, {corrected} corrected by agents",
            days=STATS_DAYS,
            tickets=stats.tickets,
            corrected=stats.corrected,
        ),
        "lines": [
            *(
                say(
                    "rule “{rule}”: {hits} hits, {corrected} corrected",
                    rule=one.name,
                    hits=one.hits,
                    corrected=one.corrected,
                )
                for one in sorted(stats.rules, key=lambda one: -one.hits)[:_MOST_RULES]
                if one.hits
            ),
            say("no rule set anything: {count}", count=stats.without_rule),
            say("no rule set the category: {count}", count=stats.without_category),
            *(
                [say("frequent there: {words}", words=[one.word for one in stats.words[:_MOST_WORDS]])]
                if stats.words
                else []
            ),
            *(
                [say("rules that have never hit: {rules}", rules=[one.name for one in stats.never_hit[:_MOST_RULES]])]
                if stats.never_hit
                else []
            ),
        ],
    }
