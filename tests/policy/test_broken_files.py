"""A broken rules.toml is refused as a whole, and says where, what and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.policy import load_policy, parse_policy

SOUND = """\
[desk]
address = "helpdesk@example.com"
[[team]]
name = "network"
[[agent]]
name = "Anna Agent"
address = "anna@example.com"
teams = ["network"]
"""


def problems_of(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        parse_policy(text)
    return [str(problem) for problem in refused.value.problems]


# What is written after SOUND (whose last line is line 8), and what is said about it.
BROKEN_TABLES = [
    ('[[agent]]\nname = "Ben"\naddress = "ben@example.com"\nlanguage = "german"',
     'rules.toml:12:1: agent[2] “Ben”, language: "german" is not a language '
     '(write its code, like "en", "de" or "pt-BR")'),
    ('[[rule]]\nname = "a"\nwhen.subjct = "vpn"\nset.type = "request"',
     'rules.toml:11:1: rule[1] “a”, when.subjct: there is no such key (did you mean "subject"?)'),
    ('[[rule]]\nname = "a"\nwhen = { any = [{ words = "x1" }, { froom = "x" }] }\nset.type = "request"',
     'rules.toml:11:37: rule[1] “a”, when.any[2].froom: there is no such key (did you mean "from"?)'),
    ('[[rule]]\nname = "a"\nwhen.any = ["vpn"]\nset.type = "request"',
     'rules.toml:11:1: rule[1] “a”, when.any: is a group of conditions, not of words '
     '(write { words = ["…"] } in it, or words = ["…"] instead)'),
    ('[[rule]]\nname = "a"\nwhen = {}\nset.type = "request"',
     "rules.toml:11:1: rule[1] “a”, when: has no condition, so it would hold for every mail "
     "(what holds for every mail is in [defaults])"),
    ('[[rule]]\nname = "a"\nwhen.words = []\nset.type = "request"',
     "rules.toml:11:1: rule[1] “a”, when: has no condition, so it would hold for every mail "
     "(what holds for every mail is in [defaults])"),
    ('[[rule]]\nname = "a"\nwhen.words = ["vpn", ""]\nset.type = "request"',
     "rules.toml:11:22: rule[1] “a”, when.words[2]: is an empty word (leave it out)"),
    ('[[rule]]\nname = "a"\nwhen.words = "*"\nset.type = "request"',
     'rules.toml:11:1: rule[1] “a”, when.words: "*" matches every word (leave it out)'),
    ('[[rule]]\nname = "a"\nwhen.words = "v*"\nset.type = "request"',
     'rules.toml:11:1: rule[1] “a”, when.words: "v*" matches too much (write at least two letters beside a *)'),
    ('[[rule]]\nname = "a"\nwhen.words = "extension *"\nset.type = "request"',
     'rules.toml:11:1: rule[1] “a”, when.words: "extension *" matches too much '
     "(write at least two letters beside a *)"),
    ('[[rule]]\nname = "a"\nwhen.words = 7\nset.type = "request"',
     "rules.toml:11:1: rule[1] “a”, when.words: should be a list in square brackets, not 7"),
    ('[[rule]]\nname = "a"\nwhen.words = [7]\nset.type = "request"',
     'rules.toml:11:15: rule[1] “a”, when.words[1]: should be a text in quotes, not 7 (write "7")'),
    ('[[rule]]\nname = "a"\nwhen.from = "hr.example.com"\nset.type = "request"',
     'rules.toml:11:1: rule[1] “a”, when.from: "hr.example.com" is not an address '
     '(for everybody of a domain write "*@hr.example.com")'),
    ('[[rule]]\nname = "a"\nwhen.from = "*@*"\nset.type = "request"',
     'rules.toml:11:1: rule[1] “a”, when.from: "*@*" matches everybody (leave it out)'),
    ('[[rule]]\nname = "a"\nwhen.attachment = "*"\nset.type = "request"',
     'rules.toml:11:1: rule[1] “a”, when.attachment: "*" matches every file (write it like "*.pdf")'),
    ('[[rule]]\nname = "a"\nwhen.header = { "X Priority" = "1" }\nset.type = "request"',
     'rules.toml:11:17: rule[1] “a”, when.header.X Priority: "X Priority" is not the name of a header '
     '(write it like "List-Id")'),
    ('[[rule]]\nname = "a"\nwhen.language = "german"\nset.type = "request"',
     'rules.toml:11:1: rule[1] “a”, when.language: "german" is not a language '
     '(write its code, like "en", "de" or "pt-BR")'),
    ('[[rule]]\nname = "a"\nwhen.kind = "replies"\nset.type = "request"',
     'rules.toml:11:1: rule[1] “a”, when.kind: "replies" is not possible here (did you mean "reply"?; possible: '
     "new, reply, auto-reply, bounce, list, notification, calendar, receipt, arf, spam, own)"),
    ('[[rule]]\nname = "a"\nwhen.words = "vpn"\nset = {}',
     'rules.toml:12:1: rule[1] “a”, set: sets nothing (write for instance { category = "network/vpn" })'),
    ('[[rule]]\nname = "a"\nwhen.words = "vpn"',
     "rules.toml:9:1: rule[1] “a”, set: is required"),
    ('[[rule]]\nname = "a"\nset.type = "request"',
     "rules.toml:9:1: rule[1] “a”, when: is required"),
    ('[[rule]]\nwhen.words = "vpn"\nset.type = "request"',
     "rules.toml:9:1: rule[1].name: is required"),
    ('[[rule]]\nname = "a"\nwhen.words = "vpn"\nset.type = "incidnt"',
     'rules.toml:12:1: rule[1] “a”, set.type: "incidnt" is not possible here (did you mean "incident"?; '
     "possible: incident, request)"),
    ('[[rule]]\nname = "a"\nwhen.words = "vpn"\nset.category = "a/b/c"',
     'rules.toml:12:1: rule[1] “a”, set.category: "a/b/c" is not a category '
     '(write "category" or "category/subcategory")'),
    ('[[rule]]\nname = "a"\nwhen.words = "vpn"\nset.team = "netwrok"',
     'rules.toml:12:1: rule[1] “a”, set.team: there is no team "netwrok" (did you mean "network"?)'),
    ('[[rule]]\nname = "a"\nwhen.words = "vpn"\nset.assignee = "ana"',
     'rules.toml:12:1: rule[1] “a”, set.assignee: there is no agent "ana" (did you mean "anna"?)'),
    ('[[rule]]\nname = "a"\nwhen.words = "vpn"\nset.type = "request"\non = ["opened"]',
     'rules.toml:13:7: rule[1] “a”, on[1]: "opened" is not possible here (did you mean "open"?; '
     "possible: open, reply, reopen)"),
    ('[[rule]]\nname = "a"\nwhen.words = "vpn"\nset.type = "request"\n'
     '[[rule]]\nname = "A"\nwhen.words = "lan"\nset.type = "request"',
     'rules.toml:14:1: rule[2].name: "A" names an earlier rule (take another name)'),
    ('[[team]]\nname = "Network"',
     'rules.toml:10:1: team[2].name: "Network" is the name of another team or agent, '
     "so #assign could not tell them apart"),
    ('[[team]]\nname = "anna"',
     'rules.toml:5:1: agent[1] “Anna Agent”, handle: "anna" is the name of another team or agent, '
     "so #assign could not tell them apart"),
    ('[[team]]\nname = "second level"',
     'rules.toml:10:1: team[2].name: "second level" is not a short name without spaces (write "second-level")'),
    ('[[agent]]\nname = "Ben"\naddress = "Ben <ben@example.com>"',
     'rules.toml:11:1: agent[2] “Ben”, address: "Ben <ben@example.com>" is not an e-mail address '
     '(write only "ben@example.com")'),
    ('[[agent]]\nname = "Ben"\naddress = "ANNA@example.com"\nhandle = "ben"',
     'rules.toml:11:1: agent[2] “Ben”, address: "anna@example.com" is the address of an earlier agent'),
    ('[[agent]]\nname = "Ben"\naddress = "ben@example.com"\nother_addresses = ["helpdesk+x@example.com"]',
     'rules.toml:12:20: agent[2] “Ben”, other_addresses[1]: "helpdesk+x@example.com" is an address of the desk; '
     "mail to this agent would come back as a ticket"),
    ('[[agent]]\nname = "Ben"\naddress = "ben@example.com"\nteams = ["networks"]',
     'rules.toml:12:10: agent[2] “Ben”, teams[1]: there is no team "networks" (did you mean "network"?)'),
    ('[defaults]\nteam = "nobody"',
     'rules.toml:10:1: defaults.team: there is no team "nobody" (possible: network)'),
    ('[defaults]\nimpact = "huge"',
     'rules.toml:10:1: defaults.impact: "huge" is not possible here (possible: high, medium, low)'),
    ('[defaults]\ncategory = "a/b"',
     'rules.toml:10:1: defaults.category: "a/b" is not one category (write "/" only in the set of a rule)'),
    ('[matrix]\n"huge/low" = "P1"',
     'rules.toml:10:1: matrix.huge/low: "huge/low" is not impact/urgency (write for instance "high/low" = "P3")'),
    ('[matrix]\n"high/low" = "p1"',
     'rules.toml:10:1: matrix.high/low: "p1" is not possible here (did you mean "P1"?; '
     "possible: P1, P2, P3, P4, P5)"),
    ('[[example]]\nsubject = "a"\nrule = "nix"\n[[rule]]\nname = "nice"\nwhen.words = "x"\nset.type = "request"',
     'rules.toml:11:1: example[1].rule: there is no rule "nix" (possible: nice)'),
    ('[[example]]\nsubject = "a"',
     'rules.toml:9:1: example[1]: expects nothing (write for instance expect = { type = "request" })'),
    ('[[example]]\nsubject = "a"\nexpect.priorty = "P1"',
     'rules.toml:11:1: example[1].expect.priorty: there is no such key (did you mean "priority"?)'),
    ('[rules]\nname = "a"',
     'rules.toml:9:1: rules: there is no such key (did you mean "rule"?)'),
    ('[rule]\nname = "a"',
     ["rules.toml:9:1: rule: [rule] stands in single brackets, but there may be many (write [[rule]])",
      "rules.toml:9:1: rule[1] “a”, when: is required", "rules.toml:9:1: rule[1] “a”, set: is required"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), BROKEN_TABLES)
def test_a_mistake_is_told_with_its_place_and_what_would_be_right(text: str, said: str | list[str]) -> None:
    assert problems_of(SOUND + text) == ([said] if isinstance(said, str) else said)


# A line of [desk] instead of the sound one, and what is said about it.
BROKEN_DESKS = [
    ('adress = "helpdesk@example.com"',
     ["rules.toml:1:1: desk.address: is required",
      'rules.toml:2:1: desk.adress: there is no such key (did you mean "address"?)']),
    ('address = "helpdesk"',
     ['rules.toml:2:1: desk.address: "helpdesk" is not an e-mail address (write it like helpdesk@example.com)']),
    ('address = "helpdesk+x@example.com"',
     ['rules.toml:2:1: desk.address: "helpdesk+x@example.com" has a +, which is for reply keys '
      '(write "helpdesk@example.com")']),
    ('address = "helpdesk@example.com"\nown_domains = ["example.org"]',
     ["rules.toml:3:1: desk.own_domains: does not have the domain of the desk's own address, example.com "
      '(add "example.com")']),
    ('address = "helpdesk@example.com"\nown_domains = ["@example.com"]',
     ['rules.toml:3:16: desk.own_domains[1]: "@example.com" is not a domain (write "example.com")']),
    ('address = "helpdesk@example.com"\ntime_zone = "Berlin"',
     ['rules.toml:3:1: desk.time_zone: "Berlin" is not a time zone (did you mean "Europe/Berlin"?)']),
    ('address = "helpdesk@example.com"\nworking_hours = "9 to 5"',
     ['rules.toml:3:1: desk.working_hours: "9 to 5" is not understood as working hours '
      '(write them like "Mo-Fr 08:00-17:00" or "Mo-Th 08:00-17:00; Fr 08:00-14:00")']),
    ('address = "helpdesk@example.com"\nkey_days = "90"',
     ['rules.toml:3:1: desk.key_days: should be a whole number without quotes, not "90" (write 90)']),
    ('address = "helpdesk@example.com"\nkey_days = 0',
     ["rules.toml:3:1: desk.key_days: 0 is out of range: at least 1"]),
    ('address = "helpdesk@example.com"\nkey_days = 1.5',
     ["rules.toml:3:1: desk.key_days: should be a whole number without quotes, not 1.5"]),
    ('address = "helpdesk@example.com"\nplus_addresses = "yes"',
     ['rules.toml:3:1: desk.plus_addresses: should be true or false, without quotes, not "yes" (write true)']),
    ('address = "helpdesk@example.com"\nacknowledge = "all"',
     ['rules.toml:3:1: desk.acknowledge: "all" is not possible here (possible: own, everyone, nobody)']),
    ('address = "helpdesk@example.com"\nincident_prefix = "inc"',
     ['rules.toml:3:1: desk.incident_prefix: "inc" is not a prefix (write two to ten capital letters, like INC)']),
    ('address = "helpdesk@example.com"\nrequest_prefix = "INC"',
     ["rules.toml:3:1: desk.request_prefix: is the same as incident_prefix"]),
    ('address = "helpdesk@example.com"\nname = " "',
     ["rules.toml:3:1: desk.name: is empty"]),
    ('address = "helpdesk@example.com"\naliases = ["a b@example.com"]',
     ['rules.toml:3:12: desk.aliases[1]: "a b@example.com" is not an e-mail address '
      "(write it like helpdesk@example.com)"]),
    ('address = "helpdesk@example.com"\nname = "Example Help Desk"\noperators = ["bob"]',
     ['rules.toml:4:14: desk.operators[1]: there is no agent "bob" (possible: anna, Anna Agent)']),
]  # fmt: skip


@pytest.mark.parametrize(("line", "said"), BROKEN_DESKS)
def test_a_mistake_in_the_desk_is_told(line: str, said: list[str]) -> None:
    assert problems_of(SOUND.replace('address = "helpdesk@example.com"', line)) == said


SYNTAX = [
    ("[desk\n", "rules.toml:1:6: not TOML: a heading in brackets is not closed (write it like [desk])"),
    (
        '[desk]\naddress = "a',
        'rules.toml:2: not TOML: a text begins and is not closed, at the end of the file (close it with ")',
    ),
    ("[desk]\nname = Help Desk\n", 'rules.toml:2:8: not TOML: Help stands without quotes (write "Help")'),
    (
        "[desk]\n[desk]\n",
        "rules.toml:2:6: not TOML: [desk] is there already (put both together, or write [[desk]] for each)",
    ),
]


@pytest.mark.parametrize(("text", "said"), SYNTAX)
def test_what_is_not_toml_is_told_with_line_and_column(text: str, said: str) -> None:
    assert problems_of(text) == [said]


def test_all_mistakes_are_told_at_once_also_those_that_need_the_whole_file() -> None:
    text = SOUND.replace("[desk]", "[desk]\ntimezone = 'UTC'") + (
        '[[rule]]\nname = "a"\nwhen.wrods = "vpn"\nset.team = "netwrok"\n[[example]]\nsubject = "x"\nrule = "b"\n'
    )
    assert problems_of(text) == [
        'rules.toml:2:1: desk.timezone: there is no such key (did you mean "time_zone"?)',
        'rules.toml:12:1: rule[1] “a”, when.wrods: there is no such key (did you mean "words"?)',
        'rules.toml:13:1: rule[1] “a”, set.team: there is no team "netwrok" (did you mean "network"?)',
        'rules.toml:16:1: example[1].rule: there is no rule "b" (possible: a)',
    ]


def test_a_mistake_brings_no_second_one_in_its_train() -> None:
    text = SOUND.replace('"helpdesk@example.com"', '"helpdesk"').replace('name = "network"', "name = 7")
    assert [line.partition(": ")[0] for line in problems_of(text + '[[rule]]\nname = "a"')] == [
        "rules.toml:2:1",
        "rules.toml:4:1",
        "rules.toml:9:1",
        "rules.toml:9:1",
    ]


def test_a_desk_without_team_and_agent_is_refused() -> None:
    assert problems_of('[desk]\naddress = "helpdesk@example.com"') == [
        'rules.toml: team: there is no team (write [[team]] with name = "desk")',
        "rules.toml: agent: there is no agent, so nobody would get a ticket (write [[agent]] with name and address)",
    ]


def test_columns_count_characters_not_bytes() -> None:
    text = SOUND + '[[rule]]\nname = "ä"\nwhen = { words = ["größe", ""] }\nset.type = "request"'
    assert problems_of(text) == ["rules.toml:11:28: rule[1] “ä”, when.words[2]: is an empty word (leave it out)"]


def test_a_file_that_is_missing_or_not_utf8_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"rules\.toml: cannot be read: No such file or directory"):
        load_policy(tmp_path / "rules.toml")
    (tmp_path / "rules.toml").write_bytes(SOUND.encode() + b"# gr\xfc\xdfe\n")
    with pytest.raises(ConfigurationError, match=r"rules\.toml:9: is not UTF-8 text \(save it as UTF-8\)"):
        load_policy(tmp_path / "rules.toml")


def test_lists_nested_without_end_are_refused_and_stop_nothing() -> None:
    assert problems_of("x = " + "[" * 100_000) == ["rules.toml: lists or tables are nested too deeply to be read"]
