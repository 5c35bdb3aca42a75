"""What kind of ticket a mail is: the rules of the policy, from top to bottom, fill its fields.

The rules that hold are found here; what they fill is in `filling`. Pure: equal mail and policy give an equal
classification. Nothing here fails.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.errors import Problem
from gateway.mail import Mail, MailKind
from gateway.options.problems import Mistake, Source
from gateway.policy import Example, Occasion, Policy, Rule
from gateway.ticket import Classification
from gateway.triage.example_mail import example_view
from gateway.triage.expecting import differences
from gateway.triage.filling import classified
from gateway.triage.requirements import Captures
from gateway.triage.rulebook import rulebook_of
from gateway.triage.view import NOTHING_KNOWN, Known, View, view_of


def classify(
    mail: Mail,
    *,
    policy: Policy,
    occasion: Occasion = "open",
    kind: MailKind = MailKind.NEW,
    requester: str = "",
    known: Known = NOTHING_KNOWN,
) -> Classification:
    """Classify a mail by the policy's rules.

    `requester` is the address that the ticket is for where that is not the sender (an agent passes a mail on); `known`
    is what the gateway knows beside the mail. On a reply, only fields whose authority is not
    DEFAULT are the rules' word. A team is given by its short name, an assignee by their address. A priority of
    authority DEFAULT comes from the matrix.
    """
    view = view_of(mail, policy=policy, kind=kind, requester=requester, known=known, occasion=occasion)
    return classified(holding_of(view, policy), policy)


def rules_holding(
    mail: Mail,
    *,
    policy: Policy,
    occasion: Occasion = "open",
    kind: MailKind = MailKind.NEW,
    known: Known = NOTHING_KNOWN,
) -> tuple[str, ...]:
    """Name the rules that hold for a mail, in the order of the file, whether or not they filled anything."""
    view = view_of(mail, policy=policy, kind=kind, known=known, occasion=occasion)
    return tuple(rule.name for rule, _ in holding_of(view, policy))


def holding_of(view: View, policy: Policy) -> Iterator[tuple[Rule, Captures]]:
    """Walk the rules that hold for a mail as rules look at it, each with what it captured."""
    rulebook = rulebook_of(policy)
    return rulebook.holding(rulebook.see(view), view.occasion)


def check_examples(policy: Policy) -> list[Problem]:
    """Try every `[[example]]` of the policy; each that comes out otherwise is a problem with its line."""
    source = Source(policy.file, policy.text)
    tried = (_tried(policy, number, example) for number, example in enumerate(policy.examples))
    return [source.problem(mistake) for mistakes in tried for mistake in mistakes]


def _tried(policy: Policy, number: int, example: Example) -> Iterator[Mistake]:
    """Try one example: every expected field, and the rule that must hold."""
    found = tuple(holding_of(example_view(example, policy), policy))
    result = classified(found, policy)
    for one in differences(example.expect, result, policy):
        message = f'"{example.subject}" becomes "{one.got}" {one.by}, not "{one.wanted}"'
        yield Mistake(path=("example", number, "expect", *one.path), message=message)
    if not example.rule:
        return
    holding = {rule.name: captures for rule, captures in found}
    if example.rule not in holding:
        held = f"; what holds: {', '.join(holding)}" if holding else "; no rule does"
        message = f'the rule "{example.rule}" does not hold for "{example.subject}"{held}'
        yield Mistake(path=("example", number, "rule"), message=message)
        return
    for name, text in example.captured.items():
        if (got := holding[example.rule].get(name, "")) != text:
            message = f'of "{example.subject}" the rule "{example.rule}" captures "{got}", not "{text}"'
            yield Mistake(path=("example", number, "captured", name), message=message)
