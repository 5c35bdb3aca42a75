"""What a condition asks wrongly is told where it stands, and what would be right; so are people and examples."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.policy import load_policy, parse_policy
from tests.policy.test_broken_files import SOUND, problems_of

# A condition of the one rule in lines 9 to 12, and what is said about it behind the name of its place.
CONDITIONS = [
    (
        "pattern = ''",
        "rules.toml:11:1: rule[1] “a”, when.pattern: is an empty pattern (leave it out)",
    ),
    (
        "pattern = 'x(?=y)'",
        (
            "rules.toml:11:1: rule[1] “a”, when.pattern: 'x(?=y)' looks ahead or behind, which patterns here "
            'can\'t (for what must not be there write none = [{ words = ["…"] }])'
        ),
    ),
    (
        "pattern = '(a)\\1'",
        (
            "rules.toml:11:1: rule[1] “a”, when.pattern: '(a)\\1' refers back to what it captured, which "
            'patterns here can\'t (capture both by name and write captured = { second = "{first}" })'
        ),
    ),
    (
        "pattern = 'x++'",
        (
            "rules.toml:11:1: rule[1] “a”, when.pattern: 'x++' forbids going back, which is not needed here "
            "(no pattern can be slow; leave it out)"
        ),
    ),
    (
        "pattern = '(?#c)x'",
        (
            "rules.toml:11:1: rule[1] “a”, when.pattern: '(?#c)x' has a comment in it, or (?x) (write it "
            "without, and put the comment behind #)"
        ),
    ),
    (
        "pattern = 'x\\Z'",
        "rules.toml:11:1: rule[1] “a”, when.pattern: 'x\\Z' ends with \\Z (write \\z)",
    ),
    (
        "pattern = 'x*'",
        (
            "rules.toml:11:1: rule[1] “a”, when.pattern: 'x*' matches the empty text, and so every mail "
            "(write + instead of *, or drop the ?)"
        ),
    ),
    (
        "pattern = '[a-'",
        "rules.toml:11:1: rule[1] “a”, when.pattern: '[a-' is not a pattern: missing ]: [a- (close the [ with ], "
        "or write \\[ for the character)",
    ),
    (
        "pattern = '(x{900}){9}'",
        (
            "rules.toml:11:1: rule[1] “a”, when.pattern: '(x{900}){9}' repeats too often "
            "(repeat a thousand times at most, in all)"
        ),
    ),
    (
        "pattern = '(?P<Host>x)'",
        (
            'rules.toml:11:1: rule[1] “a”, when.pattern: "Host" can\'t be the name of a capture (write small '
            "letters, like (?P<host>…))"
        ),
    ),
    (
        "pattern = '(?P<sender>x)'",
        (
            "rules.toml:11:1: rule[1] “a”, when.pattern: {sender} is there in every rule, so no pattern may "
            "capture it (take another name)"
        ),
    ),
    (
        "pattern = '(?P<a>x)(?P<a>y)'",
        ('rules.toml:11:1: rule[1] “a”, when.pattern: captures "a" twice (take two names, or write two patterns)'),
    ),
    (
        'pattern = "\\bvpn"',
        (
            "rules.toml:11:1: rule[1] “a”, when.pattern: has a control character where a \\ was meant (write "
            "patterns in single quotes: '\\bvpn\\b')"
        ),
    ),
    (
        'pattern = "\\d+"',
        "rules.toml:11:19: not TOML: unescaped '\\' in a string (write patterns in single quotes: 'host \\d+')",
    ),
    (
        "pattern.subjct = 'x'",
        'rules.toml:11:1: rule[1] “a”, when.pattern.subjct: there is no such key (did you mean "subject"?)',
    ),
    (
        "pattern.body = ['x', 'y*']",
        (
            "rules.toml:11:27: rule[1] “a”, when.pattern.body[2]: 'y*' matches the empty text, and so every mail "
            "(write + instead of *, or drop the ?)"
        ),
    ),
    (
        "pattern.header = { 'X Y' = 'x' }",
        (
            'rules.toml:11:25: rule[1] “a”, when.pattern.header.X Y: "X Y" is not the name of a header (write it like '
            '"List-Id")'
        ),
    ),
    (
        'words = "print(er|s)"',
        (
            'rules.toml:11:1: rule[1] “a”, when.words: "print(er|s)" looks like a pattern, but words are taken by '
            "the letter (write pattern = 'print(er|s)' instead)"
        ),
    ),
    (
        "words = '\\bvpn\\b'",
        (
            'rules.toml:11:1: rule[1] “a”, when.words: "\\bvpn\\b" looks like a pattern, but words are taken by the '
            "letter (write pattern = '\\bvpn\\b' instead)"
        ),
    ),
    (
        'words = "\\bvpn\\b"',
        (
            'rules.toml:11:1: rule[1] “a”, when.words: "\\bvpn\\b" looks like a pattern, but words are taken by the '
            "letter (write pattern = '\\bvpn\\b' instead)"
        ),
    ),
    (
        'words = "host-[0-9]"',
        (
            'rules.toml:11:1: rule[1] “a”, when.words: "host-[0-9]" looks like a pattern, but words are taken by '
            "the letter (write pattern = 'host-[0-9]' instead)"
        ),
    ),
    (
        'words = "disk.*full"',
        (
            'rules.toml:11:1: rule[1] “a”, when.words: "disk.*full" looks like a pattern, but words are taken by '
            "the letter (write pattern = 'disk.*full' instead)"
        ),
    ),
    (
        'domain = "anna@example.com"',
        'rules.toml:11:1: rule[1] “a”, when.domain: "anna@example.com" is not a domain (write "example.com")',
    ),
    (
        'desk = "printing@example.com"',
        (
            'rules.toml:11:1: rule[1] “a”, when.desk: "printing@example.com" is not an address of the desk (add it '
            "to aliases in [desk])"
        ),
    ),
    (
        'desk = "hepldesk@example.com"',
        (
            'rules.toml:11:1: rule[1] “a”, when.desk: "hepldesk@example.com" is not an address of the desk (did '
            'you mean "helpdesk@example.com"?)'
        ),
    ),
    (
        'desk = "printing"',
        (
            'rules.toml:11:1: rule[1] “a”, when.desk: "printing" is not an address of the desk (write it like '
            '"printing@example.com")'
        ),
    ),
    (
        'attachment_type = "pdf"',
        (
            'rules.toml:11:1: rule[1] “a”, when.attachment_type: "pdf" is not a type of file (write it like '
            '"application/pdf" or "image/*")'
        ),
    ),
    (
        'size = "10 MB"',
        (
            'rules.toml:11:1: rule[1] “a”, when.size: "10 MB" is not understood as a size (write "above 10 MB" or '
            '"below 10 MB")'
        ),
    ),
    (
        'size = "> 10MB"',
        (
            'rules.toml:11:1: rule[1] “a”, when.size: "> 10MB" is not understood as a size (write "above 10MB" or '
            '"below 10MB")'
        ),
    ),
    (
        'attachment_size = "above 10 mega"',
        (
            'rules.toml:11:1: rule[1] “a”, when.attachment_size: "above 10 mega" is not understood as a size '
            '(write "above 10 MB" or "below 10 MB")'
        ),
    ),
    (
        'time = "outside workinghours"',
        (
            'rules.toml:11:1: rule[1] “a”, when.time: "outside workinghours" is not understood as a time (did you '
            'mean "outside working hours"?)'
        ),
    ),
    (
        'time = "at night"',
        (
            'rules.toml:11:1: rule[1] “a”, when.time: "at night" is not understood as a time (write "working '
            'hours", "outside working hours" or opening hours like "Mo-Fr 18:00-22:00; Sa-Su")'
        ),
    ),
    (
        'authenticated = "yes"',
        (
            "rules.toml:11:1: rule[1] “a”, when.authenticated: should be true or false, without quotes, "
            'not "yes" (write true)'
        ),
    ),
    (
        'auth = { dmark = "fail" }',
        (
            'rules.toml:11:15: rule[1] “a”, when.auth.dmark: "dmark" is not possible here (did you mean "dmarc"?; '
            "possible: spf, dkim, dmarc)"
        ),
    ),
    (
        'auth = { dmarc = "failed" }',
        (
            'rules.toml:11:15: rule[1] “a”, when.auth.dmarc: "failed" is not possible here (did you mean "fail"?; '
            "possible: pass, fail, softfail, neutral, none, policy, temperror, permerror)"
        ),
    ),
    (
        "person = { vip = true }",
        (
            "rules.toml:11:17: rule[1] “a”, when.person.vip: nothing is known of anybody (write [[person]] with "
            'address and vip, or [people] with file = "people.csv")'
        ),
    ),
    (
        'person = { "a b c!" = 1 }',
        (
            'rules.toml:11:17: rule[1] “a”, when.person.a b c!: "a b c!" is not the name of an attribute (write one '
            'word, like "department")'
        ),
    ),
    (
        'person = { vip = "" }',
        "rules.toml:11:17: rule[1] “a”, when.person.vip: is an empty text (false asks for what is not there)",
    ),
    (
        'tickets = "1 today"',
        (
            'rules.toml:11:1: rule[1] “a”, when.tickets: "1 today" holds for every ticket (the ticket itself is '
            "counted: write 2 or more)"
        ),
    ),
    (
        'tickets = "three today"',
        (
            'rules.toml:11:1: rule[1] “a”, when.tickets: "three today" is not understood as a number of tickets '
            '(write it like "3 today" or "10 in 7 days")'
        ),
    ),
    (
        'tickets = "3 in 500 days"',
        'rules.toml:11:1: rule[1] “a”, when.tickets: "3 in 500 days" goes too far back (write a year at most)',
    ),
    (
        "captured = { host = 'x' }",
        (
            'rules.toml:11:19: rule[1] “a”, when.captured.host: no pattern of this rule captures "host" (write '
            "pattern = '… (?P<host>[a-z0-9-]+)')"
        ),
    ),
    (
        "pattern = '(?P<host>x)'\nwhen.captured.hots = 'x'",
        (
            'rules.toml:12:1: rule[1] “a”, when.captured.hots: no pattern of this rule captures "hots" '
            '(did you mean "host"?)'
        ),
    ),
    (
        "pattern = '(?P<host>x)'\nwhen.captured.host = '{hots}'",
        (
            'rules.toml:12:1: rule[1] “a”, when.captured.host: no pattern of this rule captures "hots" (did you '
            'mean "host"?)'
        ),
    ),
    (
        "words='x'\nwhen.none = [{ pattern = '(?P<host>x)' }]\nwhen.captured.host = 'x'",
        (
            'rules.toml:13:1: rule[1] “a”, when.captured.host: no pattern of this rule captures "host" (write pattern '
            "= '… (?P<host>[a-z0-9-]+)')"
        ),
    ),
]


@pytest.mark.parametrize(("when", "said"), CONDITIONS)
def test_a_condition_that_can_not_be_is_told(when: str, said: str) -> None:
    assert problems_of(f'{SOUND}[[rule]]\nname = "a"\nwhen.{when}\nset.type = "request"') == [said]


RULE = '[[rule]]\nname = "a"\nwhen.words="x"\nset.type = "request"'

# What is written behind line 8.
TABLES = [
    (
        '[team]\nname="x"',
        [
            "rules.toml:9:6: not TOML: [team] is there already (put both together, or write [[team]] for each)",
        ],
    ),
    (
        '[person]\naddress="a@b.c"',
        [
            "rules.toml:9:1: person: [person] stands in single brackets, but there may be many (write [[person]])",
        ],
    ),
    (
        "[[person]]\nvip = true",
        [
            "rules.toml:9:1: person[1].address: is required",
        ],
    ),
    (
        '[[person]]\naddress = "x"',
        [
            ('rules.toml:10:1: person[1].address: "x" is not an e-mail address (write it like helpdesk@example.com)'),
        ],
    ),
    (
        '[[person]]\naddress = "a@example.com"\nvip = [1]',
        [
            "rules.toml:11:1: person[1].vip: should be a text, a number, true or false",
        ],
    ),
    (
        '[[person]]\naddress = "a@example.com"\n"Cost Center!" = 1',
        [
            (
                'rules.toml:9:1: person[1]: "Cost Center!" is not the name of an attribute (write one word, like '
                '"department")'
            ),
        ],
    ),
    (
        '[people]\nfile = "nix.csv"',
        [
            'nix.csv: cannot be read: No such file or directory ([people] in rules.toml says file = "nix.csv")',
        ],
    ),
    (
        "[people]\nfile = 3",
        [
            'rules.toml:10:1: people.file: should be a text in quotes, not 3 (write "3")',
        ],
    ),
    (
        '[[example]]\nsubject = "a"\nrule = "a"\ntime = "yesterday"\n' + RULE,
        [
            'rules.toml:12:1: example[1].time: "yesterday" is not a moment (write it like "2026-11-21 21:30")',
        ],
    ),
    (
        '[[example]]\nsubject = "a"\nrule = "a"\nsize = "big"\ncaptured.host = "x"\n' + RULE,
        [
            'rules.toml:12:1: example[1].size: "big" is not understood as a size (write it like "10 MB")',
            (
                'rules.toml:13:1: example[1].captured.host: no pattern of this rule captures "host" (write pattern = '
                "'… (?P<host>[a-z0-9-]+)')"
            ),
        ],
    ),
    (
        '[[example]]\nsubject = "a"\ncaptured.host = "x"\nexpect.type = "incident"',
        [
            (
                'rules.toml:11:1: example[1].captured: says what a rule captures, but not which (write rule = "…" '
                "beside it)"
            ),
        ],
    ),
    (
        '[[example]]\nsubject = "a"\nrule = "a"\ncaptured.host = "x"\n' + RULE,
        [
            (
                'rules.toml:12:1: example[1].captured.host: no pattern of this rule captures "host" (write pattern = '
                "'… (?P<host>[a-z0-9-]+)')"
            ),
        ],
    ),
    (
        '[[example]]\nsubject = "a"\nattachments = [{ type = "x" }, 3]\nexpect.type = "incident"',
        [
            "rules.toml:11:16: example[1].attachments[1].name: is required",
            "rules.toml:11:32: example[1].attachments[2]: should be a table, not 3",
        ],
    ),
]


@pytest.mark.parametrize(("text", "said"), TABLES)
def test_people_and_examples_that_can_not_be_are_told(text: str, said: list[str]) -> None:
    assert problems_of(SOUND + text) == said


@pytest.mark.parametrize(
    "word", ["c++", "(C++)", "[EXTERN]", "C:\\data", "setup.*", "US$", "a|b", "50 %", "R&D", "print*"]
)
def test_words_with_signs_in_them_are_no_patterns(word: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_policy(f"{SOUND}[[rule]]\nname = 'a'\nwhen.words = '{word}'\nset.team = 'nobody'")
    assert [problem.key for problem in refused.value.problems] == ["rule[1].set.team"]


CSV = [
    ("", 'people.csv:1: is empty (begin it with the names of the columns: "address,department")'),
    (
        "adress,department\n",
        'people.csv:1: has no column address in its first line (write "address" for "adress")',
    ),
    (
        "name;department\n",
        'people.csv:1: has no column address in its first line (name the column of e-mail addresses "address")',
    ),
    ("address,site,Site\n", 'people.csv:1: names the column "site" twice'),
    ("address,is he?\n", 'people.csv:1: "is_he?" is not the name of an attribute (write one word, like "department")'),
    ("address,site\nanna@example.com,a\nben,b\n", 'people.csv:3: "ben" is not an e-mail address'),
    ("address,site\n,a\n", "people.csv:2: has no address"),
    (
        "address,site\nanna@example.com,a,b\n",
        "people.csv:2: has 3 fields, but the first line names 2 (write a text with commas in quotes)",
    ),
    (
        "address\nanna@example.com\n\nANNA@example.com\n",
        'people.csv:4: "anna@example.com" stands in line 2 already',
    ),
    (
        'address,site\nanna@example.com,"a\n',
        'people.csv:2: is not CSV: unexpected end of data (a cell that begins with " must end with one)',
    ),
]


@pytest.mark.parametrize(("text", "said"), CSV)
def test_a_broken_file_of_people_is_told_with_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "rules.toml").write_text(SOUND + '[people]\nfile = "people.csv"\n')
    (tmp_path / "people.csv").write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        load_policy(tmp_path / "rules.toml")
    assert [str(problem).replace(f"{tmp_path}/", "") for problem in refused.value.problems] == [said]


def test_a_thousand_wrong_lines_of_people_are_told_as_twenty(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(SOUND + '[people]\nfile = "people.csv"\n')
    (tmp_path / "people.csv").write_text("address\n" + "ben\n" * 1000)
    with pytest.raises(ConfigurationError) as refused:
        load_policy(tmp_path / "rules.toml")
    assert len(refused.value.problems) == 21
    assert refused.value.problems[-1].message == "and 980 more lines are wrong"


@pytest.mark.parametrize(
    "text", ["mail;Cost Center;VIP\n", "E-Mail,cost center,vip\n", "\ufeffaddress\tCOST_CENTER\tvip\n"]
)
def test_people_are_read_as_spreadsheets_write_them(tmp_path: Path, text: str) -> None:
    sign = next(sign for sign in ";\t," if sign in text)
    (tmp_path / "rules.toml").write_text(
        SOUND
        + '[people]\nfile = "people.csv"\n[[person]]\naddress = "anna@example.com"\nvip = false\n'
        + '[[rule]]\nname = "a"\nwhen.person.cost_center = "47*"\nset.type = "request"'
    )
    (tmp_path / "people.csv").write_text(text + sign.join(("Anna@example.com", "4711", "x")) + "\r\n", newline="")
    policy = load_policy(tmp_path / "rules.toml")
    assert policy.person_of("anna@EXAMPLE.com") == {"cost_center": "4711", "vip": "no"}
    assert policy.person_of("ben@example.com") == {}
    before = policy.version
    (tmp_path / "people.csv").write_text(text + sign.join(("anna@example.com", "4712", "")) + "\n")
    assert load_policy(tmp_path / "rules.toml").version != before


def test_groups_that_nobody_can_read_are_refused() -> None:
    when = '{ words = "x" }'
    for _ in range(6):
        when = f"{{ any = [{when}] }}"
    parse_policy(f'{SOUND}[[rule]]\nname = "a"\nwhen = {when}\nset.type = "request"')
    (said,) = problems_of(f'{SOUND}[[rule]]\nname = "a"\nwhen = {{ none = [{when}] }}\nset.type = "request"')
    assert said.endswith("is nested more than 6 deep, which nobody can read (write two rules)")
