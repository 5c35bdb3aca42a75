"""Proposals as text for rules.toml: each a rule with an example, tried together with the rules in force. Pure.

What would not pass `gateway rules check` is not proposed: an example that earlier rules turn into something else is
made of the rule's own words; where that does not help, or an example of the file would break, the rule is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.errors import ConfigurationError
from gateway.options.suggestions import quoted
from gateway.policy import Policy, parse_policy
from gateway.ticket import Field
from gateway.triage.classify import check_examples
from gateway.triage.suggest import Proposal


def as_toml(policy: Policy, proposals: Sequence[Proposal]) -> list[tuple[Proposal, str]]:
    """Each proposal with its text, in an order in which all can be put at the end of the file, one after the other."""
    text, accepted = policy.text, []
    names = {rule.name for rule in policy.rules}
    for proposal in proposals:
        name = _name(proposal, names)
        for subject in dict.fromkeys((proposal.subject, _own_words(proposal))):
            written = _written(proposal, name, subject, policy)
            if _passes(f"{text}\n{written}", policy.file):
                accepted.append((proposal, written))
                text = f"{text}\n{written}"
                names.add(name)
                break
    return accepted


def _passes(text: str, file: str) -> bool:
    try:
        return not check_examples(parse_policy(text, file))
    except ConfigurationError:
        return False


def _name(proposal: Proposal, taken: set[str]) -> str:
    """A name of its own: what it sets, and by what."""
    main = proposal.sets[0]
    by = (*proposal.words, *proposal.senders, *proposal.domains)[0]
    name = f"Suggested: {main.field.value} {main.value}, by {by}"[:100]
    number = 2
    while name in taken:
        name = f"{name.partition(' (')[0]} ({number})"
        number += 1
    return name


def _own_words(proposal: Proposal) -> str:
    return proposal.words[0] if proposal.words else "Hello"


def _written(proposal: Proposal, name: str, subject: str, policy: Policy) -> str:
    sender = _sender(proposal)
    lines = [*_comments(proposal), "[[rule]]", f"name = {quoted(name)}"]
    lines += [f"when.words = {_listed(proposal.words)}"] if proposal.words else []
    by_sender = [("from", proposal.senders), ("domain", proposal.domains)]
    conditions = [f"{key} = {_listed(values)}" for key, values in by_sender if values]
    if len(conditions) > 1:
        lines.append(f"when.any = [{', '.join(f'{{ {one} }}' for one in conditions)}]")
    else:
        lines += [f"when.{one}" for one in conditions]
    sets = ", ".join(f"{one.field.value} = {quoted(one.value)}" for one in proposal.sets)
    lines += [f"set = {{ {sets} }}", "", "[[example]]", f"subject = {quoted(subject or 'Hello')}"]
    lines += [f"from = {quoted(sender)}"] if sender else []
    lines += [f"rule = {quoted(name)}", f"expect = {{ {', '.join(_expected(proposal))} }}", ""]
    return "\n".join(lines)


def _sender(proposal: Proposal) -> str:
    if proposal.senders:
        return proposal.senders[0]
    return f"somebody@{proposal.domains[0]}" if proposal.domains else ""


def _listed(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(quoted, texts))}]" if len(texts) != 1 else quoted(texts[0])


def _expected(proposal: Proposal) -> Iterator[str]:
    for one in proposal.sets:
        main, _, below = one.value.partition("/") if one.field is Field.CATEGORY else (one.value, "", "")
        yield f"{one.field.value} = {quoted(main)}"
        if below:
            yield f"subcategory = {quoted(below)}"


def _comments(proposal: Proposal) -> Iterator[str]:
    """How good each value is, for whoever decides."""
    for one in proposal.sets:
        yield f"# {one.field.value} {one.value}: right in {one.held_out_right} of {one.held_out} newer tickets,"
        yield f"# which were held out ({100 * one.precision:.0f} %), and in {one.older_right} of {one.older} older ones"
