"""The mutator makes the mistakes that it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutation.modules import TESTS, is_meant
from tests.mutation.mutants import mutants_of


def names(source: str) -> set[str]:
    return {mutant.name for mutant in mutants_of(source)}


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("a < 1", {"module: a <= 1", "module: a < 2", "module: a < 0", "module: pass"}),
        ("if not a: b = c", {"module: if a:"}),
        ("def f():\n    return a or b", {"f: return None", "f: return a and b"}),
        ("class C:\n    def f(self): self.x = True", {"C.f: pass", "C.f: self.x = False"}),
        ("A = 'a{1,2}'", {f"module: A = 'a{{{numbers}}}'" for numbers in ("0,2", "2,2", "1,1", "1,3")}),
        ("x: int | None = None", set()),
        ('"""Words."""\nimport a\n_log.error("no", 1)', set()),
    ],
)
def test_each_mutant_has_one_mistake(source: str, made: set[str]) -> None:
    assert names(source) == made


@pytest.mark.parametrize("module", TESTS)
def test_the_tests_of_every_module_are_there(module: str) -> None:
    checkout = Path(__file__).resolve().parents[2]
    assert all((checkout / test).is_file() for test in TESTS[module] if "/" in test)


def test_an_excuse_is_for_one_mutant_unless_it_says_otherwise() -> None:
    assert is_meant("f: return None", "f: return None")
    assert not is_meant("f: return None (2)", "f: return None")
    assert is_meant("f: return None (2)", "f: return None…")
