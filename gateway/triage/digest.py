"""A keeper's answer to a digest of the quarantine: lines like `release 4 7` or `4 7 release`, read and decided. Pure.

The numbers are those of the digest that is answered. It takes that digest's key and the keeper's own address. Nothing
is done for whoever else sends the key: agents and colleagues are told who may decide, strangers are quarantined. Each
line counts for itself: what is wrong (a number that the digest does not have, a mistyped word beside numbers) is named
in the answer, as are lines that say nothing to us, and the others are done. A number that is to be let in and to be
deleted is left alone. What somebody has settled before is said to be settled, and stays as it is.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.mail import Reason, Verdict
from gateway.phrase import NO_SUBJECT, Phrase, say
from gateway.policy import Agent
from gateway.ticket import Role
from gateway.triage import headlines
from gateway.triage.case import Case
from gateway.triage.decision import Action, Change, Decision, DenySender, Notice, SettleQuarantined
from gateway.triage.facts import DigestEntry, DigestFact
from gateway.triage.quarantine import why_quarantined
from gateway.triage.traffic import HOUR

VERBS = ("release", "delete", "block")
# Spaces, a quote mark or a number sign before the word are typed out of habit; a quotation mark is our own example.
_NUMBERS = r"(?:[\s,;]+(?:(?:and|und|et|y|e)\s+)?\d{1,4}(?:\s?[-–]\s?\d{1,4})?\b)*"
_LINE = re.compile(rf"[\s#＃]*([^\W\d_]+)(?:\s?:)?({_NUMBERS})(.*)$")
# The other way round: "1 release", "2, 3: delete rubbish".
_REVERSED = re.compile(
    r"[\s#＃]*(\d{1,4}(?:(?:[\s,;]+(?:(?:and|und|et|y|e)\s+)?|\s?[-–]\s?)\d{1,4})*)[\s.:)]+([^\W\d_]+)\b(.*)$"
)
_NUMBER = re.compile(r"(\d{1,4})(?:\s?[-–]\s?(\d{1,4}))?")
_BARE_NUMBERS = re.compile(r"[\s\d,;]*\d[\s\d,;]*")
_ALIKE = 0.75
_MOST_LINES = 200
_MOST_NUMBERS = 500
_READ_CHARS = 1_000
_SHOWN_CHARS = 100


@dataclass(frozen=True, kw_only=True)
class Order:
    """One line that says what to do: `verb` of `VERBS`, the numbers, and what stands behind them (a reason)."""

    verb: str
    numbers: tuple[int, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A keeper's text, taken apart: orders, lines that must be wrong, and lines that say nothing to us."""

    orders: tuple[Order, ...]
    wrong: tuple[str, ...]
    others: tuple[str, ...]


def read_answer(text: str) -> Answer:
    """Take the lines apart. Only the first `_MOST_LINES` are looked at; more than that is wrong."""
    orders: list[Order] = []
    wrong: list[str] = []
    others: list[str] = []
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines[:_MOST_LINES]:
        line = line[:_READ_CHARS]
        order = _read_line(line)
        if order is not None:
            orders.append(order)
        elif _looks_meant(line):
            wrong.append(line[:_SHOWN_CHARS])
        else:
            others.append(line[:_SHOWN_CHARS])
    wrong += [f"… {len(lines) - _MOST_LINES} lines more"] if len(lines) > _MOST_LINES else []
    return Answer(orders=tuple(orders), wrong=tuple(wrong), others=tuple(others))


def _parts(line: str) -> tuple[str, str, str] | None:
    """The word of a line, its numbers and what stands behind them, in either order."""
    if match := _LINE.match(line):
        return match[1].lower(), match[2], match[3]
    if match := _REVERSED.match(line):
        return match[2].lower(), match[1], match[3]
    return None


def _read_line(line: str) -> Order | None:
    parts = _parts(line)
    if parts is None or parts[0] not in VERBS:
        return None
    verb, of_line, behind = parts
    numbers = tuple(dict.fromkeys(_numbers_in(of_line)))
    reason = behind.strip(" .:;,-")
    is_bad = not numbers or len(numbers) > _MOST_NUMBERS or (reason and verb == "release")
    return None if is_bad else Order(verb=verb, numbers=numbers, reason=reason[:_SHOWN_CHARS])


def _numbers_in(text: str) -> Iterator[int]:
    for first, last in _NUMBER.findall(text):
        # A range of more than the digest can have is none.
        yield from range(int(first), min(int(last or first), int(first) + _MOST_NUMBERS) + 1)


def _looks_meant(line: str) -> bool:
    """Whether a line that is no order can only have been meant as one."""
    parts = _parts(line)
    if parts is None:
        return _BARE_NUMBERS.fullmatch(line) is not None
    word, numbers, behind = parts
    has_numbers = bool(numbers.strip())
    if word in VERBS:
        return has_numbers or not behind.strip()
    return has_numbers and bool(difflib.get_close_matches(word, VERBS, 1, _ALIKE))


def answer_digest(case: Case, digest: DigestFact) -> Decision:
    """Carry out what a keeper answers, and say for each line what was done; anybody else is set aside."""
    if not case.is_by_a_person:
        reason = Reason(code="digest-auto", text=f"{case.screening.kind.value}: an automatic answer to a digest")
        return case.decide(Action.FILE, reasons=(reason,), verdict=Verdict.ACCEPT_QUIETLY)
    keeper = _keeper(case, digest)
    if keeper is None:
        return _refuse(case, digest)
    answer = read_answer(case.mail.new_text)
    both = _let_in_and_deleted(answer)
    orders = {(order.verb, number): order for order in reversed(answer.orders) for number in reversed(order.numbers)}
    changes: list[Change] = []
    told: dict[Phrase, None] = {}
    done = 0
    for (_, number), order in reversed(orders.items()):
        change, line = _carry(order, number, digest.entry(number), case, keeper, is_clear=number not in both)
        changes += change
        told[line] = None
        done += bool(change)
    lines = [*told, *map(_not_understood, answer.wrong)]
    if not done and (not lines or _all_wrong(answer, digest, both)):
        title = say("Nothing was done. Correct these lines and answer once more:")
        if not lines:
            title = say('Nothing was done: there is no line like "{line}" above the quote.', line=_example(digest))
        reason = Reason(code="digest-refused", text="the answer to the digest has no line that can count")
        return _tell(case, keeper, title, lines, reason=reason, headline=headlines.NOTHING_DONE)
    asked = [*(f"{verb} {number}" for verb, number in reversed(orders)), *answer.wrong]
    lines += [say("Left alone: {line}", line=line) for line in answer.others]
    reason = Reason(code="digest-answered", text=f"{keeper.name} answered a digest of the quarantine")
    title = say("Done:") if done == len(asked) else say("Your answer:")
    return _tell(case, keeper, title, lines, *changes, reason=reason, headline=headlines.of_many(done, asked))


def _example(digest: DigestFact) -> str:
    """A line that counts in an answer to this digest, as it offers them itself."""
    let_in = next((entry.number for entry in digest.entries if why_quarantined(entry.code).by_mail), 0)
    return f"release {let_in}" if let_in else "delete 1"


def _all_wrong(answer: Answer, digest: DigestFact, both: frozenset[int]) -> bool:
    """Whether no order is one that the digest could be asked for."""
    numbers = [number for order in answer.orders for number in order.numbers]
    return all(digest.entry(number) is None or number in both for number in numbers)


def _keeper(case: Case, digest: DigestFact) -> Agent | None:
    """The keeper who answers, by key and address (L2); None for everybody else."""
    agent = case.policy.agent_of(case.sender.address)
    if agent is None or case.mail.sender_defects or agent not in case.policy.keepers or digest.is_expired:
        return None
    if case.policy.trust.require != "key" and not case.facts.auth_trusted:
        return None
    return agent if digest.holder in (agent.address, *agent.other_addresses) else None


def _refuse(case: Case, digest: DigestFact) -> Decision:
    """Do nothing, and tell one of our own who may decide; where somebody may pretend, a person looks at it."""
    policy, sender = case.policy, case.sender
    agent = policy.agent_of(sender.address)
    reason = Reason(code="digest-not-theirs", text=_why_not(case, digest))
    is_ours = agent is not None or policy.is_own_domain(sender.address)
    if not is_ours or case.mail.sender_defects:
        return case.quarantine("agent-unproven", reason)
    if agent is None or agent not in policy.keepers:
        names = [keeper.name for keeper in policy.keepers]
        title = say("Nothing was done. What waits in quarantine is decided by: {people}", people=names)
    elif digest.holder not in (agent.address, *agent.other_addresses):
        title = say(
            "Nothing was done: that mail went to {person} alone. Please answer the one that you got.",
            person=digest.holder,
        )
    elif digest.is_expired:
        title = say("Nothing was done: that mail is more than a week old. Please answer a newer one.")
    else:
        return case.quarantine("agent-unproven", reason)
    known = case.facts.traffic_with(sender.address)
    enough = policy.limits.acknowledgements_per_hour
    if known is not None and known.count("result", since=case.facts.now - HOUR) >= enough:
        told = Reason(code="not-told", text=f"{sender.address} was told enough within the hour")
        return case.decide(Action.FILE, reasons=(reason, told), verdict=Verdict.ACCEPT_QUIETLY)
    context: dict[str, object] = {"title": title, "lines": [], "in_reply_to": case.mail.message_id}
    context["headline"] = headlines.NOTHING_DONE
    role = Role.AGENT if agent is not None else Role.REQUESTER
    notice = Notice(name="result", to=sender, role=role, context=context)
    return case.decide(Action.FILE, notice, reasons=(reason,), verdict=Verdict.ACCEPT)


def _why_not(case: Case, digest: DigestFact) -> str:
    if digest.is_expired:
        return f"answers a digest of {digest.sent_at:%Y-%m-%d}, whose key has expired; a newer one counts"
    who = f"{digest.holder}, but the answer is from {case.sender.address}"
    return f"answers a digest that went to {who}: not a keeper's own address, or not proven enough"


def _not_understood(line: str) -> Phrase:
    return say("Not understood: {line}", line=line)


def _let_in_and_deleted(answer: Answer) -> frozenset[int]:
    """The numbers for which two lines say the opposite."""
    named = {verb: {n for one in answer.orders if one.verb == verb for n in one.numbers} for verb in VERBS}
    return frozenset(named["release"] & named["delete"])


def _carry(
    order: Order, number: int, entry: DigestEntry | None, case: Case, keeper: Agent, *, is_clear: bool
) -> tuple[tuple[Change, ...], Phrase]:
    """What one number of an order changes, and the line that tells it."""
    if entry is None:
        return (), say("{number} is not in that digest", number=number)
    if order.verb == "block":
        return _block(order, entry, case, keeper)
    if not is_clear:
        return (), say("{number} is both to be let in and to be deleted", number=number)
    ledger, by = entry.ledger, keeper.address
    if entry.settled:
        return (), say("{number} was settled before: {what}", number=number, what=entry.settled)
    if order.verb == "delete":
        delete = SettleQuarantined(ledger=ledger, how="delete", by=by, reason=order.reason or "by mail")
        return (delete,), say("{number} deleted: {subject}", number=number, subject=entry.subject or NO_SUBJECT)
    if not why_quarantined(entry.code).by_mail and not case.facts.auth_trusted:
        line = say(
            "{number} can't be let in by mail. On the server: gateway quarantine release {ledger}",
            number=number,
            ledger=ledger,
        )
        return (), line
    let_in = SettleQuarantined(ledger=ledger, how="release", by=by)
    return (let_in,), say("{number} let in: {subject}", number=number, subject=entry.subject or NO_SUBJECT)


def _block(order: Order, entry: DigestEntry, case: Case, keeper: Agent) -> tuple[tuple[Change, ...], Phrase]:
    if refusal := why_not_to_deny(entry.sender, case):
        return (), say("{number} not blocked: {why}", number=entry.number, why=refusal)
    if entry.denied_by:
        return (), say("{number}: {address} was already blocked", number=entry.number, address=entry.denied_by)
    deny = DenySender(pattern=entry.sender, by=keeper.address, reason=order.reason or "by mail")
    line = say(
        "{number} blocked: mail from {address} is set aside from now on", number=entry.number, address=entry.sender
    )
    return (deny,), line


def why_not_to_deny(address: str, case: Case) -> Phrase | None:
    """Why nobody may block this sender: the desk would lose its own people's mail."""
    if "@" not in address:
        return say("the mail names no sender")
    if case.policy.is_own_domain(address) or case.policy.agent_of(address) is not None:
        return say("{address} is one of your own", address=address)
    return None


def _tell(
    case: Case,
    keeper: Agent,
    title: Phrase,
    lines: list[Phrase],
    *changes: Change,
    reason: Reason,
    headline: Phrase,
) -> Decision:
    context: dict[str, object] = {"headline": headline, "title": title, "lines": lines}
    context["in_reply_to"] = case.mail.message_id
    notice = Notice(name="result", to=case.sender, role=Role.AGENT, context=context)
    return case.decide(Action.FILE, *changes, notice, reasons=(reason,), verdict=Verdict.ACCEPT)
