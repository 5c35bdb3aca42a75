"""An account of what rules made of a mail: every rule with why it holds or not, what each set, and what it did not.

What holds and what is filled comes from the functions that decide; this only keeps what they pass over. It may be
slow: it runs for `rules explain` and `#why`. Pure; nothing here fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.mail import Envelope, Mail, Verdict
from gateway.phrase import Phrase, say
from gateway.policy import Occasion, Policy, Rule
from gateway.policy.captures import places_in
from gateway.ticket import Authority, Classification, Field, FieldValue, Status
from gateway.triage.authorise import Standing
from gateway.triage.case import known_of
from gateway.triage.decide import case_of
from gateway.triage.decision import Action, Decision, MoveStatus
from gateway.triage.facts import Facts
from gateway.triage.filling import classified, offered, unfilled
from gateway.triage.onbehalf import matter_of, read_logged
from gateway.triage.requirements import Captures
from gateway.triage.rulebook import rulebook_of
from gateway.triage.trace import ConditionTrace, traced
from gateway.triage.view import View, view_of

# Whose reply the rules look at.
_ON_TICKET = (Standing.REQUESTER, Standing.WATCHER, Standing.OTHER)
# What so many mails have that a rule is not near for that alone.
_COARSE = frozenset(("language", "kind", "to", "desk", "time", "size", "attachment_size", "authenticated", "auth"))


class Outcome(StrEnum):
    """What became of one rule: it held, missed by something, had nothing in the mail, or was not asked."""

    HOLDS = "holds"
    NEAR = "near"
    FAR = "far"
    OTHER_OCCASION = "other-occasion"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One thing that a rule which holds would set; `why_not` says why the ticket has it otherwise, None where not."""

    field: Field
    value: str
    name: str = ""
    why_not: Phrase | None = None

    @property
    def key(self) -> str:
        return f"{self.field.value}.{self.name}" if self.name else self.field.value


@dataclass(frozen=True, kw_only=True)
class RuleAccount:
    """One rule, by its number in the file (from 1), with every condition and, where it holds, what it set."""

    number: int
    name: str
    outcome: Outcome
    conditions: tuple[ConditionTrace, ...] = ()
    captured: Mapping[str, str] = field(default_factory=dict)
    settings: tuple[Setting, ...] = ()
    override: bool = False
    stops: bool = False
    on: tuple[str, ...] = ("open",)


@dataclass(frozen=True, kw_only=True)
class Account:
    """All rules in their order, and the fields that came of them. `stopped_by` is the rule that ended the search."""

    view: View
    version: str
    rules: tuple[RuleAccount, ...]
    made: Classification
    stopped_by: str = ""

    def with_outcome(self, *outcomes: Outcome) -> tuple[RuleAccount, ...]:
        return tuple(one for one in self.rules if one.outcome in outcomes)

    @property
    def fields(self) -> tuple[FieldValue, ...]:
        """What the ticket has by it; on a reply only what rules say."""
        return tuple(one for one in self.made.values if self.view.occasion == "open" or one.rule)

    @property
    def matrix_cell(self) -> tuple[str, str, str] | None:
        """Type, impact and urgency that the priority was read by; None where a rule has set it."""
        priority = self.made.found(Field.PRIORITY)
        if priority is None or priority.authority is not Authority.DEFAULT:
            return None
        return self.made.get(Field.TYPE), self.made.get(Field.IMPACT), self.made.get(Field.URGENCY)


def account_of(view: View, policy: Policy, standing: Mapping[str, Authority] | None = None) -> Account:
    """Go through all rules for a mail. `standing` says whose word each field of its ticket is, where it has one."""
    rulebook = rulebook_of(policy)
    seen = rulebook.see(view)
    holding = {rule.name: (rule, captures) for rule, captures in rulebook.holding(seen, view.occasion)}
    made = classified(holding.values(), policy)
    rules: list[RuleAccount] = []
    stopped_by = ""
    for number, rule in enumerate(policy.rules, 1):
        conditions = traced(rule, seen)
        held = holding.get(rule.name)
        outcome = _outcome(rule, view, conditions, is_holding=held is not None, is_stopped=bool(stopped_by))
        if held is not None and rule.stop:
            stopped_by = rule.name
        rules.append(
            RuleAccount(
                number=number,
                name=rule.name,
                outcome=outcome,
                conditions=conditions,
                captured=_own_captures(held[1], view) if held is not None else {},
                settings=tuple(_settings(rule, held[1], made, policy, standing or {})) if held is not None else (),
                override=rule.override,
                stops=rule.stop,
                on=rule.on,
            )
        )
    return Account(view=view, version=policy.version, rules=tuple(rules), made=made, stopped_by=stopped_by)


def _outcome(
    rule: Rule, view: View, conditions: tuple[ConditionTrace, ...], *, is_holding: bool, is_stopped: bool
) -> Outcome:
    if is_holding:
        return Outcome.HOLDS
    if is_stopped:
        return Outcome.STOPPED
    if view.occasion not in rule.on:
        return Outcome.OTHER_OCCASION
    return Outcome.NEAR if any(map(_is_near, conditions)) else Outcome.FAR


def _is_near(one: ConditionTrace) -> bool:
    """Whether something of a condition is in the mail; that what must not be there is not says little."""
    if one.key == "none":
        return False
    if one.inner:
        return any(map(_is_near, one.inner))
    return one.held and one.key.partition(".")[0] not in _COARSE


def _own_captures(captures: Captures, view: View) -> dict[str, str]:
    return {name: text for name, text in captures.items() if view.built_in.get(name) != text}


def _settings(
    rule: Rule, captures: Captures, made: Classification, policy: Policy, standing: Mapping[str, Authority]
) -> Iterator[Setting]:
    final = {value.key: value for value in made.values}
    for value in offered(rule, captures, policy):
        why_not = _why_not(value, final, standing)
        yield Setting(field=value.field, value=value.value, name=value.name, why_not=why_not)
    for kind, name, text in unfilled(rule, captures, policy):
        empty = [place for place in places_in(text) if not captures.get(place, "")]
        why = say("{place} is empty", place=f"{{{empty[0]}}}") if empty else say("that is not possible here")
        yield Setting(field=kind, value=text, name=name, why_not=why)


def _why_not(value: FieldValue, final: Mapping[str, FieldValue], standing: Mapping[str, Authority]) -> Phrase | None:
    """Why the ticket does not have what a rule offers; None where it has it from this rule."""
    before = standing.get(value.key)
    if before is Authority.AGENT:
        return say("an agent has set it")
    if before is Authority.OVERRIDE and value.authority is Authority.RULE:
        return say("a rule with override has set it")
    there = final.get(value.key)
    if there is not None and there.rule == value.rule:
        return None
    if value.field is Field.SUBCATEGORY:
        category = final[Field.CATEGORY.value]
        return say("the category is {category}, by rule “{rule}”", category=category.value, rule=category.rule)
    if there is None:
        return say("that is not possible here")
    if there.authority is Authority.OVERRIDE and value.authority is Authority.RULE:
        return say("rule “{rule}” overrides it", rule=there.rule)
    return say("rule “{rule}” has set it", rule=there.rule)


def view_of_decision(mail: Mail, envelope: Envelope, facts: Facts, policy: Policy, decision: Decision) -> View | None:
    """What the rules looked at for this decision; None where no rule was asked, as of an agent's answer.

    Of a mail in quarantine it is what they would look at if a person let it in.
    """
    case = case_of(mail, envelope, facts, policy)
    kind, known = case.screening.kind, known_of(mail, envelope, facts)
    let_in = decision.if_released or decision
    if let_in.action is Action.OPEN:
        # A mail that a person lets in is taken as its author's own, whoever that is.
        is_logged = decision.if_released is None and case.ticket is None and case.is_by_a_person
        logged = read_logged(case, case.agent) if is_logged and case.agent is not None else None
        if logged is not None:
            requester = logged.requester.address
            return view_of(matter_of(case, logged), policy=policy, kind=kind, requester=requester, known=known)
        return view_of(mail, policy=policy, kind=kind, known=known)
    ticket, standing = case.ticket, case.authorisation.standing
    is_reply = decision.action is Action.APPEND and standing in _ON_TICKET and decision.verdict is Verdict.ACCEPT
    if not is_reply or ticket is None or envelope.released:
        return None
    moved = any(isinstance(one, MoveStatus) for one in decision.changes)
    occasion: Occasion = "reopen" if moved and ticket.status is Status.RESOLVED else "reply"
    return view_of(mail, policy=policy, kind=kind, known=known, occasion=occasion)
