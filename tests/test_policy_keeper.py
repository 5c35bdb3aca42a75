"""What an admin saves is taken over as a whole, its examples included, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.errors import ConfigurationError
from gateway.policy_keeper import PolicyKeeper

AGENT = '[[agent]]\nname = "Anna"\naddress = "anna@example.com"\n'
DESK = '[desk]\naddress = "helpdesk@example.com"\n[[team]]\nname = "desk"\n' + AGENT
RULE = '[[rule]]\nname = "VPN"\nwhen.words = ["vpn"]\nset.category = "network/vpn"\n'
GOOD = DESK + RULE + '[[example]]\nsubject = "My VPN"\nexpect = { category = "network" }\n'
BAD = DESK + RULE + '[[example]]\nsubject = "My printer"\nexpect = { category = "network" }\n'


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    return tmp_path / "rules.toml"


def save(rules: Path, text: str, second: int) -> None:
    rules.write_text(text)
    os.utime(rules, (second, second))


def test_rules_that_miss_their_own_example_are_refused_and_the_old_ones_stay(rules: Path) -> None:
    save(rules, GOOD, 1)
    keeper = PolicyKeeper(rules, rules.parent / "templates")
    before = keeper.policy
    save(rules, BAD, 2)
    assert not keeper.refresh()
    assert keeper.policy is before
    assert "example[1].expect.category" in keeper.refused
    assert "My printer" in keeper.refused
    # Status and alarm show one line: of several mistakes the first few, and how many more there are.
    save(rules, GOOD + "[desks]\n[teams]\n[agents]\n[persons]\n[slas]\n", 3)
    assert not keeper.refresh()
    assert keeper.refused.count("; ") == 2 and "\n" not in keeper.refused
    assert keeper.refused.endswith(" (and 2 more: gateway check)")
    save(rules, GOOD + "# better\n", 4)
    assert keeper.refresh()
    assert keeper.refused == ""


def test_a_wrong_line_of_phrases_is_said_at_the_start_and_at_a_reload(rules: Path) -> None:
    save(rules, GOOD, 1)
    phrases = rules.parent / "templates" / "_phrases.toml"
    phrases.write_text('"taken by {agent}" = "{who} has it"\n')
    with capture_logs() as said:
        keeper = PolicyKeeper(rules, rules.parent / "templates")
        save(phrases, '"taken by {agnet}" = "{agnet} has it"\n', 2)
        keeper.refresh()
    assert [line["event"] for line in said] == ["templates_broken", "templates_broken"]
    assert all("_phrases.toml: taken by" in line["first"] for line in said)
    assert keeper.templates.phrases.look_up("taken by {agent}", "de") == "übernommen von {agent}"


def test_a_broken_template_is_told_after_a_start_too_until_it_is_mended(rules: Path) -> None:
    save(rules, GOOD, 1)
    template = rules.parent / "templates" / "acknowledgement.txt"
    save(template, "Subject: Yes\n\nYour number\n{% if %}\n", 1)
    clock = Clock(100)
    keeper = keeper_at(rules, clock)
    keeper.refresh()
    assert "acknowledgement.txt:4" in keeper.refused
    save(rules, BAD, 2)
    keeper.refresh()
    assert "acknowledgement.txt:4" in keeper.refused
    assert "example[1].expect.category" in keeper.refused
    save(rules, GOOD, 3)
    template.unlink()
    keeper.refresh()
    clock.now += 1
    keeper.refresh()
    assert keeper.refused == ""


def test_words_that_a_rule_acknowledges_with_must_be_there_and_render(rules: Path) -> None:
    folder = rules.parent / "templates"
    save(rules, GOOD, 1)
    keeper = PolicyKeeper(rules, folder)
    keeper.refresh()
    save(rules, GOOD.replace('"network/vpn"', '"network/vpn"\nset.acknowledge = "outage"'), 2)
    assert keeper.refresh()
    keeper.refresh()
    assert keeper.refused == (
        f"templates: {rules}:12:1: rule[1] “VPN”, set.acknowledge: there is no outage.txt in the templates folder "
        "(write it there)"
    )
    save(folder / "outage.txt", "Subject: Yes\n\n{{ ticket.hosts }}\n", 3)
    keeper.refresh()
    assert "outage.txt:3" in keeper.refused
    save(folder / "outage.txt", "Subject: Yes\n\n{{ ticket.token }}\n", 4)
    keeper.refresh()
    assert keeper.refused == ""
    save(rules, GOOD.replace('"network/vpn"', '"network/vpn"\nset.acknowledge = "new_ticket"'), 5)
    keeper.refresh()
    keeper.refresh()
    assert "new_ticket.txt is the template of another mail (take a name of your own)" in keeper.refused


def test_the_gateway_does_not_start_with_rules_that_miss_their_own_example(rules: Path) -> None:
    save(rules, BAD, 1)
    with pytest.raises(ConfigurationError) as caught:
        PolicyKeeper(rules, rules.parent / "templates")
    assert [problem.key for problem in caught.value.problems] == ["example[1].expect.category"]


def test_a_changed_file_of_people_is_taken_over_like_the_rules(rules: Path) -> None:
    asks = '[people]\nfile = "people.csv"\n[[rule]]\nname = "VIP"\nwhen.person.vip = true\nset.impact = "high"\n'
    people = rules.parent / "people.csv"
    save(people, "address,vip\nanna@example.com,yes\n", 1)
    save(rules, GOOD + asks, 1)
    keeper = PolicyKeeper(rules, rules.parent / "templates")
    before = keeper.policy.version
    assert not keeper.refresh()
    save(people, "address,vip\nanna@example.com,yes\nben@example.com,yes\n", 2)
    assert keeper.refresh()
    assert keeper.policy.version != before
    save(people, "address,vip\nanna,yes\n", 3)
    assert not keeper.refresh()
    assert 'people.csv:2: "anna" is not an e-mail address' in keeper.refused
    save(people, "address,vip\nanna@example.com,no\n", 4)
    assert keeper.refresh()
    assert keeper.refused == ""


def test_a_file_of_people_that_is_missing_is_taken_over_when_it_comes(rules: Path) -> None:
    save(rules, GOOD, 1)
    keeper = PolicyKeeper(rules, rules.parent / "templates")
    save(rules, GOOD + '[people]\nfile = "people.csv"\n', 2)
    assert not keeper.refresh()
    assert "people.csv: cannot be read" in keeper.refused
    save(rules.parent / "people.csv", "address,vip\nben@example.com,yes\n", 1)
    assert keeper.refresh()
    assert keeper.policy.person_of("ben@example.com") == {"vip": "yes"}


class Clock:
    """A clock to turn, beside the times of files that are set by hand."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def keeper_at(rules: Path, clock: Clock) -> PolicyKeeper:
    return PolicyKeeper(rules, rules.parent / "templates", clock=clock)


def test_a_file_that_is_written_in_two_strokes_is_never_read_half(rules: Path) -> None:
    clock = Clock(100)
    save(rules, GOOD, 1)
    keeper = keeper_at(rules, clock)
    before = keeper.policy
    with capture_logs() as said:
        # What stands there for a moment is a sound policy, but nobody's.
        save(rules, DESK, 100)
        assert not keeper.refresh()
        clock.now = 100.6
        assert not keeper.refresh()
        save(rules, GOOD + "# whole\n", 101)
        clock.now = 101.2
        assert not keeper.refresh()
        assert keeper.policy is before
        clock.now = 102.1
        assert keeper.refresh()
    assert [line["event"] for line in said] == ["rules_in_force"]


@pytest.mark.parametrize("half", ["", "[desk\n", DESK + "[[rule]]\nname = ", BAD])
def test_a_broken_file_that_is_whole_a_second_later_is_not_refused(rules: Path, half: str) -> None:
    clock = Clock(100)
    save(rules, GOOD, 1)
    keeper = keeper_at(rules, clock)
    with capture_logs() as said:
        save(rules, half, 100)
        for now in (100.0, 101.0, 101.5):
            clock.now = now
            assert not keeper.refresh()
            assert keeper.refused == ""
        save(rules, GOOD + "# whole\n", 101)
        clock.now = 102.6
        assert keeper.refresh()
    assert [line["event"] for line in said] == ["rules_in_force"]


def test_a_file_that_stays_broken_is_refused_once_and_loudly(rules: Path) -> None:
    clock = Clock(100)
    save(rules, GOOD, 1)
    keeper = keeper_at(rules, clock)
    save(rules, "[desk\n", 100)
    with capture_logs() as said:
        for now in (100, 101, 102, 103, 104):
            clock.now = now
            keeper.refresh()
    assert [(line["event"], line["log_level"]) for line in said] == [("rules_refused", "error")]
    assert keeper.refused


def test_a_template_that_is_being_written_is_judged_when_it_is_whole(rules: Path) -> None:
    clock = Clock(100)
    save(rules, GOOD, 1)
    template = rules.parent / "templates" / "acknowledgement.txt"
    save(template, "Subject: Yes\n\nOld\n", 1)
    keeper = keeper_at(rules, clock)
    keeper.refresh()
    with capture_logs() as said:
        save(template, "Subject: Yes\n\nYour number\n{% if", 100)
        for now in (100.0, 101.5):
            clock.now = now
            keeper.refresh()
        assert keeper.templates.sources["acknowledgement.txt"].text.endswith("Old\n")
        save(template, "Subject: Yes\n\nNew\n", 102)
        clock.now = 103.1
        keeper.refresh()
        assert keeper.templates.sources["acknowledgement.txt"].text.endswith("New\n")
    assert said == []
    save(template, "Subject: Yes\n\n{% if", 104)
    for now in (104.0, 105.5):
        clock.now = now
        keeper.refresh()
        assert keeper.refused == ""
    clock.now = 106.1
    keeper.refresh()
    assert "acknowledgement.txt" in keeper.refused


def test_files_that_bear_the_time_of_another_clock_are_taken_over_too(rules: Path) -> None:
    clock = Clock(100)
    save(rules, GOOD, 1)
    keeper = keeper_at(rules, clock)
    save(rules, GOOD + "# from a disk whose clock is ahead\n", 5000)
    assert not keeper.refresh()
    clock.now = 101.1
    assert keeper.refresh()


def test_a_signal_does_not_wait(rules: Path) -> None:
    clock = Clock(100)
    save(rules, GOOD, 1)
    keeper = keeper_at(rules, clock)
    save(rules, GOOD + "# now\n", 100)
    assert keeper.refresh(at_once=True)
    save(rules, BAD, 100)
    assert not keeper.refresh(at_once=True)
    assert keeper.refused


def test_editors_that_write_anew_and_rename_are_followed(rules: Path) -> None:
    save(rules, GOOD, 1)
    keeper = PolicyKeeper(rules, rules.parent / "templates")
    # As large as before and of the same second: only the file is another one.
    other = rules.with_name(".rules.toml.swp")
    save(other, GOOD.replace("network/vpn", "network/lan"), 1)
    other.replace(rules)
    assert keeper.refresh()
    assert keeper.policy.rules[0].set.category == "network/lan"


def test_a_file_that_is_away_for_a_moment_is_no_mistake(rules: Path) -> None:
    clock = Clock(100)
    save(rules, GOOD, 1)
    keeper = keeper_at(rules, clock)
    rules.unlink()
    assert not keeper.refresh()
    clock.now = 101.5
    assert not keeper.refresh()
    assert keeper.refused == ""
    save(rules, GOOD + "# back\n", 2)
    assert keeper.refresh()
    rules.unlink()
    for now in (102, 103, 104.1):
        clock.now = now
        keeper.refresh()
    assert "cannot be read" in keeper.refused


def test_a_config_map_of_kubernetes_is_followed_with_both_its_files(tmp_path: Path) -> None:
    """There, rules.toml is a link through `..data`, which is swapped from one folder to the next."""
    (tmp_path / "templates").mkdir()
    people = '[people]\nfile = "people.csv"\n'
    for folder, category, name in (("..1", "one", "ben@example.com"), ("..2", "two", "carla@example.com")):
        (tmp_path / folder).mkdir()
        save(tmp_path / folder / "rules.toml", DESK + RULE.replace("network/vpn", category) + people, 1)
        save(tmp_path / folder / "people.csv", f"address,vip\n{name},yes\n", 1)
    (tmp_path / "..data").symlink_to("..1")
    for file in ("rules.toml", "people.csv"):
        (tmp_path / file).symlink_to(f"..data/{file}")
    keeper = PolicyKeeper(tmp_path / "rules.toml", tmp_path / "templates")
    assert set(keeper.policy.people) == {"ben@example.com"}
    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    assert keeper.refresh()
    assert keeper.policy.rules[0].set.category == "two"
    assert set(keeper.policy.people) == {"carla@example.com"}
