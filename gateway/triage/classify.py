"""What kind of ticket a mail is: the rules of the policy, from top to bottom, fill its fields.

Each rule that holds fills the fields that no earlier rule has filled; rules with `override` win over those without;
`[defaults]` fill the rest; the priority is read from the matrix unless a rule set it. Every field says which rule
filled it. Pure: equal mail and policy give an equal classification. Nothing here fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from gateway.errors import Problem
from gateway.mail import Address, Attachment, Mail, MailKind, Passage, PassageRole
from gateway.options.problems import Mistake, Source
from gateway.policy import Example, Occasion, Policy, Rule
from gateway.ticket import Authority, Classification, Field, FieldValue, Level
from gateway.triage.conditions import Entry, Requirement, View, Vocabulary, build_vocabulary, compile_condition, look


def classify(
    mail: Mail,
    *,
    policy: Policy,
    occasion: Occasion = "open",
    kind: MailKind = MailKind.NEW,
    requester: str = "",
) -> Classification:
    """Classify a mail by the policy's rules.

    `requester` is the address that the ticket is for where that is not the sender (an agent passes a mail on). On a
    reply, only fields whose authority is not DEFAULT are the rules' word. A team is given by its short name, an
    assignee by their address. A priority of authority DEFAULT comes from the matrix.
    """
    rulebook = rulebook_of(policy)
    found = look(_view(mail, kind, requester), rulebook.vocabulary)
    return _filled(rulebook.holding(found, occasion), policy)


def rules_holding(
    mail: Mail, *, policy: Policy, occasion: Occasion = "open", kind: MailKind = MailKind.NEW
) -> tuple[str, ...]:
    """Name the rules that hold for a mail, in the order of the file, whether or not they filled anything."""
    rulebook = rulebook_of(policy)
    found = look(_view(mail, kind, ""), rulebook.vocabulary)
    return tuple(rule.name for rule in rulebook.holding(found, occasion))


def check_examples(policy: Policy) -> list[Problem]:
    """Try every `[[example]]` of the policy; each that comes out otherwise is a problem with its line."""
    source = Source(policy.file, policy.text)
    tried = (_tried(policy, number, example) for number, example in enumerate(policy.examples))
    return [source.problem(mistake) for mistakes in tried for mistake in mistakes]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rulebook:
    """The rules of one policy, compiled: what to look for, and which rules to try when it is found."""

    vocabulary: Vocabulary
    rules: tuple[tuple[Rule, Requirement], ...]
    by_trigger: dict[Entry, tuple[int, ...]]
    always: tuple[int, ...]

    def holding(self, found: frozenset[Entry], occasion: Occasion) -> Iterator[Rule]:
        """Walk the rules that hold, in the order of the file, up to one that stops."""
        candidates = set(self.always)
        for entry in found:
            candidates.update(self.by_trigger.get(entry, ()))
        for number in sorted(candidates):
            rule, test = self.rules[number]
            if occasion in rule.on and test.holds(found):
                yield rule
                if rule.stop:
                    return


@lru_cache(maxsize=2)
def rulebook_of(policy: Policy) -> Rulebook:
    """Compile a policy's rules; kept for the policy in force and the one before it (a policy hashes by identity)."""
    rules = tuple((rule, compile_condition(rule.when)) for rule in policy.rules)
    by_trigger: dict[Entry, list[int]] = {}
    always = []
    for number, (_, test) in enumerate(rules):
        triggers = test.triggers()
        if triggers is None:
            always.append(number)
        for entry in triggers or ():
            by_trigger.setdefault(entry, []).append(number)
    return Rulebook(
        vocabulary=build_vocabulary(entry for _, test in rules for entry in test.entries()),
        rules=rules,
        by_trigger={entry: tuple(numbers) for entry, numbers in by_trigger.items()},
        always=tuple(always),
    )


def _view(mail: Mail, kind: MailKind, requester: str) -> View:
    """Take what rules may see; of a mail that was passed on, its own subject and text too."""
    subject, body = mail.subject, mail.new_text or mail.text
    if mail.forwarded is not None:
        subject = f"{subject}\n{mail.forwarded.subject}"
        body = f"{body}\n{mail.forwarded.text}"
    sender = requester or (mail.sender.address if mail.sender else "")
    return View(mail=mail, subject=subject, body=body, sender=sender, kind=kind)


def _filled(rules: Iterator[Rule], policy: Policy) -> Classification:
    holding = tuple(rules)
    values: dict[Field, FieldValue] = {}
    for authority in (Authority.OVERRIDE, Authority.RULE):
        for rule in holding:
            if rule.override is (authority is Authority.OVERRIDE):
                _fill(values, _assigned(rule, policy), authority, rule.name)
    _fill(values, _defaults(policy), Authority.DEFAULT)
    priority = policy.priority_of(Level(values[Field.IMPACT].value), Level(values[Field.URGENCY].value))
    _fill(values, {Field.PRIORITY: priority.value}, Authority.DEFAULT)
    return Classification(values=tuple(values[field] for field in Field))


def _fill(values: dict[Field, FieldValue], offered: Mapping[Field, str], authority: Authority, rule: str = "") -> None:
    """Fill the fields that are free; a subcategory only below the category that it was written with."""
    for field, value in offered.items():
        if field is Field.SUBCATEGORY and values[Field.CATEGORY].value != offered[Field.CATEGORY]:
            continue
        values.setdefault(field, FieldValue(field=field, value=value, authority=authority, rule=rule))
    if authority is Authority.DEFAULT:
        nothing = FieldValue(field=Field.SUBCATEGORY, value="", authority=authority)
        values.setdefault(Field.SUBCATEGORY, nothing)


def _assigned(rule: Rule, policy: Policy) -> dict[Field, str]:
    """List what a rule sets, category before subcategory, names as the policy spells them."""
    assignment = rule.set
    category, _, subcategory = (assignment.category or "").partition("/")
    team = policy.team_named(assignment.team) if assignment.team else None
    agent = policy.agent_named(assignment.assignee) if assignment.assignee else None
    offered = {
        Field.TYPE: assignment.type,
        Field.CATEGORY: category,
        Field.SUBCATEGORY: subcategory,
        Field.IMPACT: assignment.impact,
        Field.URGENCY: assignment.urgency,
        Field.PRIORITY: assignment.priority,
        Field.TEAM: team.name if team else None,
        Field.ASSIGNEE: agent.address if agent else None,
    }
    return {field: str(value) for field, value in offered.items() if value}


def _defaults(policy: Policy) -> dict[Field, str]:
    defaults = policy.defaults
    return {
        Field.TYPE: defaults.type.value,
        Field.CATEGORY: defaults.category,
        Field.SUBCATEGORY: defaults.subcategory,
        Field.IMPACT: defaults.impact.value,
        Field.URGENCY: defaults.urgency.value,
        Field.TEAM: policy.default_team.name,
        Field.ASSIGNEE: "",
    }


def _tried(policy: Policy, number: int, example: Example) -> Iterator[Mistake]:
    """Try one example: every expected field, and the rule that must hold."""
    mail = mail_of(example, policy)
    result = classify(mail, policy=policy)
    for name in sorted(example.expect.model_fields_set):
        wanted, got = getattr(example.expect, name), result.get(Field(name))
        expected = _as_policy_spells(policy, name, str(wanted or ""))
        if got != expected:
            setter = next(value for value in result.values if value.field == name)
            by = f'by the rule "{setter.rule}"' if setter.rule else _without_rule(setter.field)
            yield Mistake(
                path=("example", number, "expect", name),
                message=f'"{example.subject}" becomes "{got}" {by}, not "{expected}"',
            )
    if example.rule:
        names = rules_holding(mail, policy=policy)
        if example.rule not in names:
            held = f"; what holds: {', '.join(names)}" if names else "; no rule does"
            message = f'the rule "{example.rule}" does not hold for "{example.subject}"{held}'
            yield Mistake(path=("example", number, "rule"), message=message)


def _without_rule(field: Field) -> str:
    """What filled a field that no rule filled."""
    return "by the matrix" if field is Field.PRIORITY else "by default"


def _as_policy_spells(policy: Policy, name: str, value: str) -> str:
    """Spell a team or an agent as `classify` gives them."""
    if name == Field.TEAM and (team := policy.team_named(value)):
        return team.name
    if name == Field.ASSIGNEE and (agent := policy.agent_named(value)):
        return agent.address
    return value


def mail_of(example: Example, policy: Policy) -> Mail:
    """Make the mail that an example describes."""
    sender = example.sender or f"somebody@{policy.desk.own_domains[0].removeprefix('*.')}"
    return Mail(
        size_bytes=len(example.subject) + len(example.text),
        subject=example.subject,
        sender=Address(address=sender.lower()),
        to=(Address(address=(example.to or policy.desk.address).lower()),),
        passages=(Passage(role=PassageRole.NEW, text=example.text),),
        attachments=tuple(
            Attachment(number=number, filename=name, content_type="application/octet-stream", size_bytes=0)
            for number, name in enumerate(example.attachments, start=1)
        ),
        language=example.language,
    )
