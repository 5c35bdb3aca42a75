"""What rules set beside type and team, on a whole desk: who sees it, who corrects it, and what the history tells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.compose import load_templates
from gateway.policy import Policy
from tests.desk.harness import CHECKOUT, DeskUnderTest, policy_of

ERIKA = "Erika Muster <erika@example.com>"
ANNA, BEN, BOSS = "anna@example.com", "ben@example.com", "boss@example.com"
RULES = """
[[rule]]
name = "Host down"
when.pattern = 'host (?P<host>\\S+) is down'
set.asset = "{host}"
set.tags = ["server", "outage"]
set.fields = { host = "{host}", told_by = "{sender_name}" }
set.watchers = "boss@example.com"
set.hold = "vendor until 3 days"
set.language = "fr"
set.acknowledge = "outage"
on = ["open", "reply"]
[[rule]]
name = "Site"
when.words = "berlin"
set.tags = "berlin"
on = ["open", "reply"]
"""
OUTAGE = "Subject: {{ subject }}\n\nNous savons que {{ ticket.fields.get('host', 'un serveur') }} est en panne.\n"


@pytest.fixture
def outage(desk: DeskUnderTest, tmp_path: Path) -> DeskUnderTest:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "outage.txt").write_text(OUTAGE, encoding="utf-8")
    desk.templates = load_templates(folder, CHECKOUT / "templates")
    desk.change_policy(policy_of(more=RULES))
    return desk


def test_a_ticket_is_what_its_rules_say_and_tells_which_rule_of_which_file(outage: DeskUnderTest) -> None:
    outage.write(ERIKA, "The host srv1.example.com is down in Berlin.", subject="Help")
    ticket = outage.ticket()
    assert (ticket["status"], ticket["hold"], ticket["hold_until"].date().isoformat()) == (
        *("on_hold", "vendor"),
        "2026-03-05",
    )
    assert (ticket["asset"], ticket["tags"], ticket["language"]) == (
        "srv1.example.com",
        ["server", "outage", "berlin"],
        "fr",
    )
    assert ticket["fields"] == {"host": "srv1.example.com", "told_by": "Erika Muster"}
    assert ticket["watchers"] == [BOSS]
    version = outage.policy.version
    assert ticket["set_by"]["fields.host"] == {
        "by": "rule",
        "rule": "Host down",
        "version": version,
        "words": "rule “Host down”",
    }
    assert ticket["set_by"]["tags.berlin"]["words"] == "rule “Site”"
    assert ticket["set_by"]["team"] == {"by": "default", "rule": "", "version": "", "words": "default"}
    told = {event["kind"]: (event["text"], event["rules"]) for event in ticket["history"]}
    assert told["opened"][1] == told["watcher"][1] == version
    assert "the rule “Host down” holds it for vendor until 3 days" in told["status"][0]
    assert "by the rule “Host down”" in told["watcher"][0]
    assert outage.audit() == []


def test_each_reader_sees_of_it_what_is_theirs(outage: DeskUnderTest) -> None:
    outage.write(ERIKA, "The host srv1 is down.", subject="Help")
    words = outage.last("erika@example.com", "acknowledgement").text
    assert "Nous savons que srv1 est en panne." in words
    notice = outage.last(ANNA, "new_ticket")
    for line in ("Asset: srv1", "Host: srv1", "Told_by: Erika Muster", "Tags: server, outage", "vendor until 3 days"):
        assert line in notice.text
    outage.answer(ANNA, notice, "We are on it.")
    assert "We are on it." in outage.last(BOSS, "answer").text
    answer = outage.last("erika@example.com", "answer")
    assert "INC-1001" in answer.text and "outage" not in answer.text
    assert "Merci d'écrire" in answer.text  # in the language that the rule says
    assert outage.inbox(BOSS, "acknowledgement") == []


def test_what_agents_correct_stays_corrected_and_is_theirs(outage: DeskUnderTest) -> None:
    outage.write(ERIKA, "The host srv1 is down.", subject="Help")
    notice = outage.last(ANNA, "new_ticket")
    outage.answer(ANNA, notice, "#tag -outage laptop\n#set host=srv9\n#set asset=\n#set language=en")
    outage.answer(ERIKA, outage.last("erika@example.com"), "The host srv2 is down too, in Berlin.")
    ticket = outage.ticket()
    assert (ticket["tags"], ticket["asset"], ticket["language"]) == (["server", "laptop", "berlin"], "", "en")
    assert ticket["fields"]["host"] == "srv9"
    for key in ("tags.outage", "tags.laptop", "fields.host", "asset", "language"):
        assert ticket["set_by"][key]["by"] == "agent"
    assert [line["text"] for line in ticket["history"] if line["text"].startswith("tags.outage")] == [
        "tags.outage: outage → (none)"
    ]
    outage.answer(ANNA, notice, "We come.")
    assert outage.last("erika@example.com", "answer").message["Content-Language"] in (None, "en")
    assert "#set host" not in outage.last("erika@example.com", "answer").text
    assert outage.audit() == []


def test_a_rule_of_a_later_file_is_named_with_that_file_s_version(outage: DeskUnderTest) -> None:
    outage.write(ERIKA, "Something is down.", subject="Help")
    first = outage.policy.version
    outage.change_policy(policy_of(more=RULES + "# another file\n"))
    assert outage.policy.version != first
    outage.answer(ERIKA, outage.last("erika@example.com"), "It is in Berlin.")
    ticket = outage.ticket()
    assert ticket["rules_version"] == first
    by = ticket["set_by"]["tags.berlin"]
    assert (by["by"], by["rule"], by["version"]) == ("rule", "Site", outage.policy.version)
    (event,) = [event for event in ticket["history"] if event["kind"] == "field"]
    assert (event["text"], event["rules"]) == ("tags.berlin: (none) → berlin", outage.policy.version)
    assert outage.audit() == []


OWN_LEVELS = """
[defaults]
impact = "site"
urgency = "week"
[matrix]
company = { now = "P1", week = "P2" }
site = { now = "P2", week = "P4" }
"""


def test_levels_that_a_later_file_no_longer_has_do_no_harm(desk: DeskUnderTest) -> None:
    desk.change_policy(policy_of(more=OWN_LEVELS))
    desk.write(ERIKA, "Slow.", subject="Help")
    notice = desk.last(ANNA, "new_ticket")
    assert "Priority: P4 (impact site, urgency week)" in notice.text
    desk.answer(ANNA, notice, "#impact company")
    assert (desk.ticket()["impact"], desk.ticket()["priority"]) == ("company", "P2")
    desk.change_policy(policy_of())
    desk.answer(ANNA, notice, "#urgency high")
    assert (desk.ticket()["impact"], desk.ticket()["urgency"], desk.ticket()["priority"]) == ("company", "high", "P2")
    assert "impact company" in desk.last(BEN, "changed").text or desk.inbox(BEN, "changed")
    assert desk.audit() == []


def test_what_an_unproven_sender_wrote_comes_back_in_no_acknowledgement(
    make_desk: Callable[[Policy], DeskUnderTest], tmp_path: Path
) -> None:
    desk = make_desk(policy_of('acknowledge = "everyone"', RULES))
    (tmp_path / "outage.txt").write_text(OUTAGE, encoding="utf-8")
    desk.templates = load_templates(tmp_path, CHECKOUT / "templates")
    desk.write("Eve <victim@elsewhere.example>", "The host buy-pills is down.", subject="Help")
    words = desk.last("victim@elsewhere.example", "acknowledgement").text
    assert "buy-pills" not in words
    assert "un serveur" in words


def test_a_rule_can_keep_the_desk_silent(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    rule = '[[rule]]\nname = "Hush"\nwhen.words = "backup"\nset.acknowledge = false'
    desk = make_desk(policy_of(more=rule))
    desk.write(ERIKA, "The backup ran.", subject="Nightly")
    assert desk.inbox("erika@example.com") == []
    (event,) = [event for event in desk.ticket()["history"] if event["kind"] == "suppressed"]
    assert "the rule “Hush” sets acknowledge = false" in event["text"]


def test_without_its_template_the_usual_words_go_out(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    desk = make_desk(policy_of(more=RULES.replace('set.language = "fr"\n', "")))
    desk.write(ERIKA, "The host srv1 is down.", subject="Help")
    assert "Thank you for your message" in desk.last("erika@example.com", "acknowledgement").text


def test_what_an_agent_logs_for_somebody_follows_the_rules_too(outage: DeskUnderTest) -> None:
    outage.write(ANNA, "#requester erika@example.com\n#tag -server phone\n\nThe host srv1 is down.", subject="Call")
    outage.answer(ANNA, outage.last(ANNA, "confirmation"), "yes")
    ticket = outage.ticket()
    assert (ticket["status"], ticket["tags"], ticket["watchers"]) == ("on_hold", ["outage", "phone"], [BOSS])
    assert outage.audit() == []
