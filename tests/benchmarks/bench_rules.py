"""Rules: what matching costs a mail, and what loading costs a start, beside Python's `re` in the same run.

The bare numbers are Python's: for matching one alternation for each rule and one over all rules, for the same words;
for loading, reading the same TOML into dictionaries without looking at it.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from time import process_time

from gateway.mail import Address, Mail, Passage, PassageRole
from gateway.policy import Policy, parse_policy
from gateway.triage.classify import check_examples, classify
from tests.benchmarks.report import Number, number

DESK = """\
[desk]
address = "helpdesk@example.com"
[[team]]
name = "desk"
[[agent]]
name = "Anna Agent"
address = "anna@example.com"
"""
_LETTERS = "aeioubcdfghklmnprstvwz"
_REPEATS = 20


def measure(*, runs: int) -> Iterator[Number]:
    """Match many rules on small mails and fewer on large ones, load many, with an example for each and without."""
    for count, size_bytes, label in ((5000, 2_000, "2 KB"), (1000, 50_000, "50 KB")):
        for patterns in (False, True):
            yield from _matching(count, size_bytes, label, patterns=patterns, runs=runs)
    text = DESK + rules(2000)
    loaded, bare = [], []
    for _ in range(runs):
        loaded.append(_milliseconds(lambda: parse_policy(text), 1))
        bare.append(_milliseconds(lambda: tomllib.loads(text), 1))
    yield number("rules", "read and check 2,000 rules (bare: tomllib)", "ms", loaded, bare)
    with_examples = DESK + rules(2000, examples=True)
    tried = []
    for _ in range(runs):
        policy = parse_policy(with_examples)
        tried.append(_milliseconds(partial(check_examples, policy), 1))
    yield number("rules", "compile them and try an example each", "ms", tried)


def _matching(count: int, size_bytes: int, label: str, *, patterns: bool, runs: int) -> Iterator[Number]:
    policy = parse_policy(DESK + rules(count, patterns=patterns))
    expressions = expressions_of(policy)
    one_for_all = re.compile("|".join(f"(?P<r{n}>{one.pattern})" for n, one in enumerate(expressions)), re.IGNORECASE)
    mail = mail_of(size_bytes)
    text = f"{mail.subject}\n{mail.new_text}"
    tenth = len(text) // 10
    assert any(value.rule for value in classify(mail, policy=policy).values)
    # The alternation over all rules takes many seconds, so it reads a tenth of the text, once.
    at_once = [10 * _milliseconds(lambda: sum(1 for _ in one_for_all.finditer(text[:tenth])), 1)]
    ours, by_rule = [], []
    for _ in range(runs):
        ours.append(_milliseconds(lambda: classify(mail, policy=policy), _REPEATS))
        by_rule.append(_milliseconds(lambda: [one.search(text) for one in expressions], 1))
    what = f"{count:,} rules{' with patterns' if patterns else ''} on {label}"
    yield number("rules", f"{what} (bare: re, one for each rule)", "ms", ours, by_rule)
    yield number("rules", f"{what} (bare: re, one for all)", "ms", ours, at_once)


def _milliseconds(work: Callable[[], object], repeats: int) -> float:
    """CPU time: there is nothing to wait for, and others may use the machine."""
    began_at = process_time()
    for _ in range(repeats):
        work()
    return 1000 * (process_time() - began_at) / repeats


def words(count: int, *, seed: int) -> list[str]:
    """Words as people might write them, always the same."""
    chance = random.Random(seed)
    return ["".join(chance.choices(_LETTERS, k=chance.randint(3, 10))) for _ in range(count)]


def rules(count: int, *, patterns: bool = False, examples: bool = False) -> str:
    """So many rules, each with some words, a phrase and a stem; each fifth with a sender, each tenth with a group."""
    chosen = words(4 * count, seed=1)
    text = []
    for n in range(count):
        one, two, three, four = chosen[4 * n : 4 * n + 4]
        text.append(f'[[rule]]\nname = "rule {n}"\nset.category = "{one}/{two}"\n')
        if patterns and n % 2:
            text.append(f"when.pattern = '{one} (?P<host>[a-z0-9-]+)'\nset.asset = '{{host}}'\n")
        else:
            text.append(f'when.words = ["{one}", "{two} {three}", "{four}*"]\n')
        if n % 5 == 4:
            text.append(f'when.none = [{{ from = ["*@{two}.example.com"] }}]\n')
        if n % 10 == 9:
            text.append(f'when.any = [{{ language = "en" }}, {{ subject = "{three}" }}]\n')
        if examples:
            text.append(f'[[example]]\nsubject = "about {one}"\nlanguage = "en"\nrule = "rule {n}"\n')
    return "".join(text)


def expressions_of(policy: Policy) -> list[re.Pattern[str]]:
    """What somebody would write in Python for the words of each rule."""
    found = []
    for rule in policy.rules:
        if rule.when.pattern is not None:
            found.append(re.compile(rule.when.pattern.words[0].replace("?P<host>", "?:"), re.IGNORECASE))
            continue
        parts = (re.escape(word).replace(r"\*", r"\w*").replace(r"\ ", r"\s+") for word in rule.when.words)
        found.append(re.compile(rf"\b(?:{'|'.join(parts)})\b", re.IGNORECASE))
    return found


def mail_of(size_bytes: int) -> Mail:
    """A mail of other words, with the words of a few rules among them."""
    said, asked = words(size_bytes // 7, seed=2), words(4000, seed=1)
    for number_, place in enumerate(range(50, len(said), 100)):
        said[place] = asked[4 * number_ % len(asked)]
    text = " ".join(said)[:size_bytes]
    return Mail(
        size_bytes=size_bytes,
        subject="something is broken",
        sender=Address(address="erika@example.com"),
        passages=(Passage(role=PassageRole.NEW, text=text),),
        language="en",
    )
