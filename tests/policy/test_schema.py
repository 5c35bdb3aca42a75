"""The JSON Schema that editors use takes whatever the gateway takes, and marks what is wrong by itself."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from gateway.defaults_files import default_file
from gateway.policy import parse_policy
from gateway.policy.schema import policy_schema, schema_text
from tests.docs.test_toml_snippets import RULES, completed, snippets
from tests.policy.json_schema import as_json, refusals
from tests.policy.test_policy import TEXT
from tests.policy.test_settable import OWN, SOUND

CHECKOUT = Path(__file__).resolve().parents[2]
SCHEMA = policy_schema()
# Everything that a key may be written as.
MANY_FORMS = (
    SOUND
    + OWN
    + """
[[person]]
address = "ben@example.com"
vip = true
room = 204

[[rule]]
name = "All"
set = { tags = "a", hold = "Vendor until friday", acknowledge = false, priority = "{p}", type = "{t}" }
on = "reply"

[rule.when]
words = "vpn"
pattern = '(?P<p>P[1-5]) (?P<t>[a-z]+)'
from = ["*@hr.example.com"]
domain = "*.example.com"
header = { "X-Host" = "*", "List-Id" = ["a", "b"] }
size = "ABOVE 10 MB"
time = ["working hours", "Sa-Su"]
tickets = "3 Today"
person = { vip = true, room = [204, "205"] }
auth = { dmarc = "fail" }
captured.p = "P1"
any = { words = ["a1", "b2"], none = [{ kind = "reply" }] }
"""
)


def refused(text: str) -> list[str]:
    return refusals(SCHEMA, as_json(tomllib.loads(text)))


def test_it_takes_the_shipped_rules_and_those_of_the_demo() -> None:
    for file in (default_file("rules.toml"), CHECKOUT / "gateway" / "demo" / "rules.toml"):
        assert refused(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("block", snippets(RULES), ids=str)
def test_it_takes_every_snippet_of_the_docs(block: Any) -> None:
    assert refused(completed(block.text)) == []


def test_it_takes_every_form_in_which_something_may_be_written() -> None:
    text = MANY_FORMS.replace('on = "reply"', 'on = "open"')
    parse_policy(text)
    assert refused(text) == []
    assert refused(MANY_FORMS) == []
    assert refused(TEXT) == []


WRONG = [
    ('[desk]\nadress = "a@example.com"', ".desk.address: is missing"),
    ('[desk]\nadress = "a@example.com"', ".desk.adress: must not be there"),
    ('[desk]\naddress = "helpdesk"', ".desk.address: 'helpdesk' is not like"),
    ('[team]\nname = "a"', ".team: {'name': 'a'} is no array"),
    ('[[agent]]\nname = "A"', ".agent[0].address: is missing"),
    ('[defaults]\ntype = "incidnt"', ".defaults.type: 'incidnt' is none of"),
    ('[limits]\nhops = "50"', ".limits.hops: '50' is no integer"),
    ("[limits]\nhops = 0", ".limits.hops: 0 is less than 1"),
    ('[matrix]\n"high/low" = "p1"', ".matrix.high/low: 'p1' is none of"),
    ('[[rule]]\nname = "a"\nwhen.wrods = "x"\nset.type = "request"', ".rule[0].when.wrods: must not be there"),
    ('[[rule]]\nname = "a"\nwhen.words = 7\nset.type = "request"', ".rule[0].when.words: 7 is no array"),
    ('[[rule]]\nname = "a"\nwhen.any = ["x"]\nset.type = "request"', ".rule[0].when.any[0]: 'x' is no object"),
    ('[[rule]]\nname = "a"\nwhen.kind = "replies"\nset.type = "request"', ".rule[0].when.kind"),
    ('[[rule]]\nname = "a"\nwhen.size = "10 MB"\nset.type = "request"', ".rule[0].when.size"),
    ('[[rule]]\nname = "a"\nwhen.auth.spv = "fail"\nset.type = "request"', ".rule[0].when.auth"),
    ('[[rule]]\nname = "a"\nwhen.words = "x"\nset.priority = "P9"', ".rule[0].set.priority"),
    ('[[rule]]\nname = "a"\nwhen.words = "x"\nset.category = "a/b/c"', ".rule[0].set.category"),
    ('[[rule]]\nname = "a"\nwhen.words = "x"\nset.hold = "weather"', ".rule[0].set.hold"),
    ('[[example]]\ntext = "x"', ".example[0].subject: is missing"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_it_marks_what_is_wrong(text: str, said: str) -> None:
    desk = "" if text.startswith("[desk]") else '[desk]\naddress = "helpdesk@example.com"\n'
    assert [one for one in refused(desk + text) if one.startswith(said)], refused(desk + text)


def test_every_key_says_what_it_is_and_none_may_be_null() -> None:
    for name, table in {**SCHEMA["$defs"], "": SCHEMA}.items():
        for key, value in table.get("properties", {}).items():
            assert "description" in value, f"{name} {key}"
    assert "null" not in schema_text()


def test_the_file_beside_the_rules_is_the_one_of_the_code() -> None:
    """Else: python -m tests.docs.regenerate."""
    assert (CHECKOUT / ".rules.schema.json").read_text(encoding="utf-8") == schema_text()
    assert default_file("rules.toml").read_text(encoding="utf-8").startswith("#:schema ./.rules.schema.json\n")
