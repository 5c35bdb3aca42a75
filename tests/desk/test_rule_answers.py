"""An agent asks what the rules did: `#why` and `#rules stats`, answered to that agent alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.explain import Explainer
from gateway.parsing import Parser
from gateway.policy import Policy, parse_policy
from gateway.store.database import connection
from tests.desk.harness import DeskUnderTest, Sent, policy_of

ERIKA, ANNA, BEN = "Erika Muster <erika@example.com>", "anna@example.com", "ben@example.com"
RULES = """
[[rule]]
name = "VPN"
when.words = ["vpn", "tunnel"]
when.kind = "new"
set = { category = "network/vpn", urgency = "high" }
[[rule]]
name = "Header"
when.header = { X-Host = "*" }
when.tickets = "2 today"
set = { category = "hosts", tags = "host" }
[[rule]]
name = "Erika's printer"
when = { words = "printer", from = "erika@example.com" }
set = { category = "printing" }
[[rule]]
name = "Never"
when.words = "fax"
set = { category = "fax" }
"""


@pytest.fixture
def ruled(desk: DeskUnderTest) -> DeskUnderTest:
    desk.change_policy(policy_of(more=RULES))
    return desk


def report(desk: DeskUnderTest, text: str = "The VPN is down", **more: object) -> Sent:
    desk.write(ERIKA, text, subject="Trouble", **more)  # type: ignore[arg-type]
    return desk.last(ANNA, "new_ticket")


def lines(sent: Sent) -> list[str]:
    """The lines of the answer, those that a client would wrap made whole."""
    whole = " ".join(sent.text.split())
    return [line.strip() for line in whole.partition("--")[0].split(" - ")[1:]]


def test_why_tells_an_admin_how_the_rules_came_to_it(ruled: DeskUnderTest) -> None:
    report(ruled, "Hello")
    told = report(ruled, "The VPN is down, the printer too", headers={"X-Host": "srv1"})
    ruled.answer(ANNA, told, "#why")
    sent = ruled.last(ANNA, "result")
    assert "What set the fields of this ticket, and how the rules came to it" in sent.text
    told_lines = lines(sent)
    assert "category network/vpn (rule “VPN”)" in told_lines
    assert "priority P2 (matrix: incident, impact medium, urgency high)" in told_lines
    assert (
        'rule “VPN” holds, for words "vpn", kind "new", and sets category = network, subcategory = vpn, urgency = high'
        in (told_lines)
    )
    # What the mail had in its header, and what its sender had written before, is known again.
    assert 'rule “Header” holds, for header.x-host "*", tickets "2 today", and sets tags.host = host' in told_lines
    assert "rule “Header” does not set category = hosts: rule “VPN” has set it" in told_lines
    assert not any("Never" in line for line in told_lines)


def test_why_tells_of_corrections_and_of_other_rules_since(ruled: DeskUnderTest) -> None:
    told = report(ruled)
    ruled.answer(ANNA, told, "#category hosts")
    ruled.change_policy(policy_of(more=RULES.replace('"network/vpn"', '"vpn"')))
    ruled.answer(ANNA, told, "#why")
    told_lines = lines(ruled.last(ANNA, "result"))
    assert "category hosts (an agent)" in told_lines
    assert "Anna Agent, 2 March 2026: category = hosts" in told_lines
    assert "the rules have changed since; these would make of it: category = vpn, subcategory = –" in told_lines


def test_why_compares_no_assignee_whom_the_team_gave_it_to(ruled: DeskUnderTest) -> None:
    def turning(hours: int) -> Policy:
        text = policy_of(f"same_matter_hours = {hours}", more=RULES).text
        return parse_policy(text.replace('name = "desk"\n', 'name = "desk"\nassign = "round_robin"\n', 1), "rules.toml")

    ruled.change_policy(turning(4))
    told = report(ruled)
    assert ruled.ticket()["assignee"] == ANNA
    ruled.change_policy(turning(5))
    ruled.answer(ANNA, told, "#why")
    assert "the rules have changed since; these would make of it: =" in lines(ruled.last(ANNA, "result"))


def test_why_tells_other_agents_who_set_what_and_no_more(ruled: DeskUnderTest) -> None:
    report(ruled)
    ruled.answer(BEN, ruled.last(BEN, "new_ticket"), "#why")
    told_lines = lines(ruled.last(BEN, "result"))
    assert "category network/vpn (rule “VPN”)" in told_lines
    assert not any("holds" in line for line in told_lines)


def test_an_answer_about_rules_reaches_nobody_else_and_starts_nothing(ruled: DeskUnderTest) -> None:
    told = report(ruled)
    before = len(ruled.sent)
    ruled.answer(ANNA, told, "#why\n#why\n#rules stats")
    assert [(one.notice, one.to) for one in ruled.sent[before:]] == [("result", ANNA), ("result", ANNA)]
    assert ruled.ticket()["status"] == "new"
    ruled.answer(ANNA, ruled.sent[-1], "I am away", headers={"Auto-Submitted": "auto-replied"})
    assert all(one.to != "erika@example.com" for one in ruled.sent[before:])
    assert ruled.audit() == []


def test_words_beside_why_go_to_the_requester_without_it(ruled: DeskUnderTest) -> None:
    ruled.answer(ANNA, report(ruled), "#why\n\nWe look into it.")
    answer = ruled.last("erika@example.com", "answer")
    assert "We look into it." in answer.text
    assert "#why" not in answer.text and "rule" not in answer.text.lower()


def test_stats_are_for_admins(ruled: DeskUnderTest) -> None:
    told = report(ruled)
    ruled.answer(ANNA, told, "#category hosts")
    ruled.answer(ANNA, told, "#rules stats")
    sent = ruled.last(ANNA, "result")
    assert "The rules in the last 30 days: 1 tickets, 1 corrected by agents" in " ".join(sent.text.split())
    assert "rule “VPN”: 1 hits, 1 corrected" in lines(sent)
    ruled.answer(BEN, ruled.last(BEN, "new_ticket"), "#rules stats")
    question = ruled.last(BEN, "question")
    assert "is for those who tune the rules" in " ".join(question.text.split())
    assert not ruled.inbox(BEN, "result")


def test_admins_are_those_of_the_desk(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    desk = make_desk(policy_of('admins = ["ben"]', RULES))
    report(desk)
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#why")
    assert any("holds" in line for line in lines(desk.last(BEN, "result")))
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#why")
    assert not any("holds" in line for line in lines(desk.last(ANNA, "result")))


def test_why_speaks_the_agents_language(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    desk = make_desk(policy_of('language = "de"', RULES))
    desk.answer(ANNA, report(desk), "#why")
    text = " ".join(desk.last(ANNA, "result").text.split())
    assert "Was die Felder dieses Tickets gesetzt hat" in text
    assert 'die Regel „VPN“ gilt wegen words "vpn"' in text


def test_a_mail_whose_bytes_are_gone_still_tells_who_set_what(ruled: DeskUnderTest) -> None:
    from gateway.store.tables import RawMailPart

    told = report(ruled)
    with connection(ruled.database):
        RawMailPart.delete().where(RawMailPart.ledger == 1).execute()
    ruled.answer(ANNA, told, "#why")
    assert "category network/vpn (rule “VPN”)" in lines(ruled.last(ANNA, "result"))


def test_a_stored_reply_is_seen_as_it_was(ruled: DeskUnderTest, parser: Parser) -> None:
    """A rule on replies, looked at once more: with the occasion, and with the fields that agents had set by then."""
    on_reply = (
        '[[rule]]\nname = "Again"\non = ["reply"]\nwhen.words = "again"\nset = { urgency = "low", category = "again" }'
    )
    ruled.change_policy(policy_of(more=RULES + on_reply))
    told = report(ruled)
    ruled.answer(ANNA, told, "#category hosts\n\nIs it better?")
    row = ruled.answer(ERIKA, ruled.last("erika@example.com", "answer"), "It is down again")
    assert ruled.ticket()["urgency"] == "low"
    explainer = Explainer(policy=ruled.policy, parser=parser, secrets=ruled.secrets)
    with connection(ruled.database):
        account = explainer.account_of_stored(row.id)
    assert account is not None and account.account is not None
    assert account.account.view.occasion == "reply"
    again = next(one for one in account.account.rules if one.name == "Again")
    assert {one.key: str(one.why_not or "") for one in again.settings} == {
        "category": "an agent has set it",
        "urgency": "",
    }
    assert account.recalled is not None and account.recalled.then["urgency"].rule == "Again"
