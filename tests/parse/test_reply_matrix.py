"""Replies of twenty languages in eight client shapes, quoting the desk or somebody else: what counts as new text."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from gateway.mail import PassageRole
from gateway.parse import mark_passages


def _load_matrix() -> ModuleType:
    path = Path(__file__).with_name("reply_matrix.py")
    spec = importlib.util.spec_from_file_location("parse_reply_matrix", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


matrix = _load_matrix()


def new_text(text: str, own: bool) -> str:
    passages = mark_passages(text, own_addresses=(matrix.ADDRESS,) if own else ())
    return " ".join("".join(passage.text for passage in passages if passage.role is PassageRole.NEW).split())


def share_right(languages: dict[str, object]) -> tuple[float, list[str]]:
    right = 0
    wrong: list[str] = []
    for language, client, own, text, expected in matrix.cases(languages):
        if new_text(text, own) == " ".join(expected.split()):
            right += 1
        else:
            wrong.append(f"{language} / {client} / {'own' if own else 'other'}")
    return right / (right + len(wrong)), wrong


@pytest.mark.parametrize("half", ["SEEN", "UNSEEN"])
def test_replies_of_every_language_and_client_are_cut_right(half: str) -> None:
    share, wrong = share_right(getattr(matrix, half))
    assert share >= 0.95, wrong


@pytest.mark.parametrize("half", ["SEEN", "UNSEEN"])
def test_no_reply_loses_words_of_its_author(half: str) -> None:
    for language, client, own, text, expected in matrix.cases(getattr(matrix, half)):
        kept = new_text(text, own).split()
        lost = [word for word in expected.split() if word not in kept]
        assert len(lost) * 20 <= len(expected.split()), (language, client, own, lost)


def test_the_matrix_has_twenty_languages() -> None:
    assert len(matrix.SEEN | matrix.UNSEEN) == 20
