"""Two policies held against each other: what counts as the agents' word, as a change, as better and as worse."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail import Address, Envelope, Mail, Passage, PassageRole, Transport
from gateway.policy import parse_policy
from gateway.replay import treatment_of
from gateway.ticket import ALWAYS_FILLED, Authority, Field, FieldValue
from gateway.triage.agents_word import Word, words_of
from gateway.triage.decide import decide
from gateway.triage.facts import Facts
from gateway.triage.replay import Comparison, Replayed, Treatment, compare

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DEFAULTS = {"type": "incident", "category": "general", "priority": "P3", "team": "desk"}


def values(*, by: Authority = Authority.RULE, rule: str = "a rule", **given_values: str) -> tuple[FieldValue, ...]:
    """Values by field; a double underscore stands for a dot, as in `fields__host`; "-" is an empty value."""
    made = []
    for key, text in given_values.items():
        of_field, _, name = key.partition("__")
        found = "" if text == "-" else text
        kind = Authority.DEFAULT if DEFAULTS.get(key) == text and by is Authority.RULE else by
        made.append(FieldValue(field=Field(of_field), value=found, name=name, authority=kind, rule=rule))
    return tuple(made)


def replayed(
    before: tuple[FieldValue, ...],
    after: tuple[FieldValue, ...],
    final: tuple[FieldValue, ...] | None = None,
    *,
    on_reply: bool = False,
    action: str = "open",
    now: str = "",
    ledger: int = 1,
) -> Replayed:
    return Replayed(
        ledger=ledger,
        arrived_at=NOW,
        sender="erika@example.com",
        subject="Help",
        ticket="INC-1001",
        before=Treatment(action=action, values=before),
        after=Treatment(action=now or action, values=after, why="because"),
        on_reply=on_reply,
        final=final,
    )


def agent(**given_values: str) -> tuple[FieldValue, ...]:
    return values(by=Authority.AGENT, rule="", **given_values)


@pytest.mark.parametrize(
    ("opened", "final", "key", "word"),
    [
        (values(team="desk"), agent(team="network"), "team", Word(value="network", certain=True)),
        (values(team="desk"), agent(team="desk"), "team", Word(value="desk", certain=True)),
        (values(team="desk"), values(team="desk"), "team", Word(value="desk", certain=False)),
        # A rule raised it on a reply: nobody has said that it was wrong when the ticket opened.
        (values(urgency="low"), values(urgency="high"), "urgency", Word(value="low", certain=False)),
        # The matrix follows the agent.
        (values(priority="P3"), (*agent(impact="high"), *values(by=Authority.DEFAULT, priority="P2")), "priority",
         Word(value="P2", certain=True)),
        (values(subcategory="vpn"), (*agent(category="mail"), *values(by=Authority.DEFAULT, subcategory="-")),
         "subcategory", Word(value="", certain=True)),
        # What is mostly left empty counts only where an agent says something.
        (values(asset="PC-1"), values(asset="PC-1"), "asset", None),
        (values(asset="PC-1"), agent(asset="PC-2"), "asset", Word(value="PC-2", certain=True)),
        ((), agent(fields__host="srv1"), "fields.host", Word(value="srv1", certain=True)),
        (values(tags__vpn="vpn", tags__a="a"), agent(tags__vpn="-", tags__b="b"), "tags",
         Word(value="a, b", certain=True)),
        (values(tags__vpn="vpn"), values(tags__vpn="vpn"), "tags", None),
    ],
)  # fmt: skip
def test_the_agents_word(
    opened: tuple[FieldValue, ...], final: tuple[FieldValue, ...], key: str, word: Word | None
) -> None:
    assert words_of(final, opened).get(key) == word


def test_accuracy_is_counted_for_each_field_and_apart_where_agents_set_it() -> None:
    desk, network = values(team="desk"), values(team="network")
    report = compare(
        [
            replayed(desk, network, agent(team="network")),
            replayed(desk, desk, agent(team="network")),
            replayed(desk, network, desk),
            replayed(desk, network),
        ]
    )
    (team,) = report.fields
    assert (team.changed, report.changed, report.judged) == (3, 3, 3)
    assert (team.all.tickets, team.all.before, team.all.after) == (3, 1, 1)
    assert (team.certain.tickets, team.certain.before, team.certain.after) == (2, 0, 1)
    assert (report.better, report.worse, report.worse_certain, report.other) == (1, 1, 0, 1)
    assert not report.is_worse
    (move,) = report.moves
    assert (move.before, move.after, move.tickets, move.better, move.worse) == ("desk", "network", 3, 1, 1)
    assert [row.standing for row in report.rows] == ["worse", "better", "other"]


def test_against_a_correction_is_worse_for_certain() -> None:
    report = compare([replayed(values(team="network"), values(team="desk"), agent(team="network"))])
    assert (report.worse, report.worse_certain, report.is_worse) == (1, 1, True)


def test_from_one_wrong_value_to_another_is_neither() -> None:
    report = compare([replayed(values(team="desk"), values(team="network"), agent(team="printing"))])
    assert (report.other, report.is_worse, report.rows[0].changes[0].word) == (1, False, "printing")


def test_tags_are_one_change_and_in_no_order() -> None:
    same = replayed(values(tags__a="a", tags__b="b"), values(tags__b="b", tags__a="a"))
    more = replayed(values(tags__a="a"), values(tags__b="b", tags__a="a"))
    report = compare([same, more])
    assert [(one.field, one.before, one.after) for row in report.rows for one in row.changes] == [("tags", "a", "a, b")]


def test_what_an_agent_said_in_the_mail_itself_is_no_rules_merit() -> None:
    said = agent(category="mail")
    assert compare([replayed(said, said, agent(category="mail"))]).fields == ()


def test_a_reply_counts_apart() -> None:
    report = compare([replayed((), values(urgency="high"), on_reply=True, action="append")])
    assert (report.changed, report.changed_on_reply, report.tickets, report.fields) == (0, 1, 0, ())
    assert report.rows[0].on_reply


def test_another_action_is_reported_and_not_compared() -> None:
    report = compare([replayed(values(team="desk"), (), now="quarantine", action="open")])
    assert (report.treated_otherwise, report.tickets, report.changed) == (1, 0, 0)
    assert [(one.before, one.after, one.why) for one in report.otherwise] == [("open", "quarantine", "because")]


def test_a_mail_that_waits_for_another_reason_waits_all_the_same() -> None:
    denied = Treatment(action="quarantine", code="agent-denied")
    one = replace(replayed((), ()), before=denied, after=replace(denied, code="agent-unproven"))
    assert compare([one]).treated_otherwise == 0


def test_rows_are_bounded_and_counts_are_not() -> None:
    comparison = Comparison(most_rows=2)
    for number in range(5):
        comparison.add(replayed(values(team="desk"), values(team=f"team{number}"), ledger=number))
        comparison.add(replayed((), (), now="quarantine", ledger=number))
    report = comparison.report()
    assert (len(report.rows), len(report.moves), len(report.otherwise)) == (2, 2, 2)
    assert (report.changed, report.treated_otherwise) == (5, 5)


WORDS = st.sampled_from(["vpn", "printer", "invoice", "host srv1 is down", "urgent", "hello"])
RULE = st.fixed_dictionaries(
    {"word": WORDS, "team": st.sampled_from(["desk", "network"]), "category": st.sampled_from(["a", "b/c"])}
)
RULES = st.lists(RULE, max_size=4)
MAILS = st.lists(st.lists(WORDS, min_size=1, max_size=3).map(" and ".join), max_size=5)


def policy_of(rules: list[dict[str, str]]) -> str:
    text = '[desk]\naddress = "helpdesk@example.com"\n[[team]]\nname = "desk"\n[[team]]\nname = "network"\n'
    text += '[[agent]]\nname = "Anna"\naddress = "anna@example.com"\n'
    for number, one in enumerate(rules):
        text += f'[[rule]]\nname = "r{number}"\nwhen.words = "{one["word"]}"\n'
        text += f'set = {{ team = "{one["team"]}", category = "{one["category"]}", tags = "t{number}" }}\n'
    return text


def treated(text: str, policy: str) -> Treatment:
    mail = Mail(
        size_bytes=len(text),
        subject="Help",
        sender=Address(address="erika@example.com"),
        to=(Address(address="helpdesk@example.com"),),
        passages=(Passage(role=PassageRole.NEW, text=text),),
    )
    envelope = Envelope(transport=Transport.SMTP, received_at=NOW)
    facts = Facts(now=NOW)
    return treatment_of(decide(mail, envelope, facts, parse_policy(policy)), facts)


@given(old=RULES, new=RULES, texts=MAILS)
def test_the_same_policy_differs_nowhere_and_two_differ_the_same_in_both_directions(
    old: list[dict[str, str]], new: list[dict[str, str]], texts: list[str]
) -> None:
    before, after = policy_of(old), policy_of(new)
    one, other = [treated(text, before) for text in texts], [treated(text, after) for text in texts]
    finals = [made.values if number % 2 else None for number, made in enumerate(one)]

    def held(first: list[Treatment], second: list[Treatment]) -> list[Replayed]:
        return [replayed(a.values, b.values, final) for a, b, final in zip(first, second, finals, strict=True)]

    same = compare(held(one, one))
    assert (same.changed, same.rows, same.moves, same.is_worse) == (0, (), (), False)
    assert all(found.all.before == found.all.after for found in same.fields)
    there, back = compare(held(one, other)), compare(held(other, one))
    assert there.changed == back.changed == there.better + there.worse + there.other
    assert {found.field: found.changed for found in there.fields if found.changed} == {
        found.field: found.changed for found in back.fields if found.changed
    }
    # What nobody corrected is what the first policy said: it is always right, and the other one can only lose.
    required = [found for found in there.fields if found.field in ALWAYS_FILLED]
    assert all(found.all.before == found.all.tickets >= found.all.after for found in required)
