"""Words match as words in every script, in any case, with or without accents."""

from __future__ import annotations

import unicodedata

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from gateway.triage.words import TEXT_LIMIT_CHARS, fold, word_patterns


def is_in(word: str, text: str) -> bool:
    return any(re2.search(pattern, fold(text)) for pattern in word_patterns(word))


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("vpn", "My VPN, please."),
        ("vpn", "vpn"),
        ("ärger", "kein ÄRGER!"),
        ("straße", "STRASSE"),
        ("strasse", "Straße"),
        ("zurücksetzen", "bitte zurucksetzen"),
        ("zurücksetzen", "bitte zuruecksetzen"),
        ("zurucksetzen", "bitte zurücksetzen"),
        ("zurücksetzen", "bitte zuru\u0308cksetzen"),
        ("réseau", "le RESEAU"),
        ("contraseña", "CONTRASENA"),
        ("não", "NAO"),
        ("łódź", "lodz"),
        ("œuvre", "oeuvre"),
        ("smørrebrød", "smoerrebroed"),
        ("imprimante", "l'imprimante"),
        ("can't print", "I can’t  print"),
        ("e-mail account", "the E-Mail-Account"),
        ("e-mail", "e mail"),
        ("wi-fi", "Wi\u2011Fi"),
        ("log in", "cannot log\n  in"),
        ("password", "pass\u00adword"),
        ("password", "pass\u200bword"),
        ("vpn", "ＶＰＮ"),
        ("c++", "I need C++ now"),
        ("c++", "(C++)"),
        ("0x80070005", "error 0x80070005."),
        ("print*", "a printer"),
        ("print*", "print"),
        ("*drucker", "der Netzwerkdrucker"),
        ("*drucker*", "Netzwerkdruckers"),
        ("pass*ort", "Passwort"),
        ("joins the * team", "she joins the marketing team"),
        ("打印机", "我的打印机坏了"),
        ("vpn", "我的vpn坏了"),
        ("パスワード", "新しいパスワードを忘れた"),
        ("ﾊﾟｽﾜｰﾄﾞ", "パスワード"),
        ("프린터", "프린터가 고장났어요"),
        ("รหัสผ่าน", "ลืมรหัสผ่าน"),
        ("पासवर्ड", "मेरा पासवर्ड भूल"),
        ("пароль", "Забыл ПАРОЛЬ."),
        ("ещё", "еще раз"),
        ("كلمة", "كَلِمَة المرور"),
        ("κωδικός", "ΚΩΔΙΚΟΣ"),
        ("סיסמה", "שכחתי סיסמה"),
        ("istanbul", "İstanbul"),
    ],
)
def test_a_word_is_found(word: str, text: str) -> None:
    assert is_in(word, text)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("ärger", "Ärgernis"),
        ("ärger", "verärgert"),
        ("vpn", "vpns"),
        ("print", "blueprint"),
        ("log in", "log the in"),
        ("c++", "C"),
        ("print*", "blueprint"),
        ("*drucker", "Netzwerkdruckers"),
        ("joins the * team", "joins the team"),
        ("打印机", "打印"),
        ("पास", "पासवर्ड"),
        ("पासवर्ड", "पासवर्डों"),
        ("a.b", "axb"),
        ("sim", "simple"),
    ],
)
def test_a_part_of_a_word_is_not_the_word(word: str, text: str) -> None:
    assert not is_in(word, text)


WORDS = st.text(alphabet=st.characters(categories=["Lu", "Ll", "Lo", "Nd"]), min_size=1, max_size=8)


@given(WORDS, st.text(max_size=20), st.text(max_size=20))
def test_a_word_is_found_wherever_it_stands_between_spaces(word: str, before: str, after: str) -> None:
    assert is_in(word, f"{before} {word} {after}")


@given(WORDS)
def test_case_and_composition_do_not_matter(word: str) -> None:
    for spelling in (unicodedata.normalize("NFD", word), unicodedata.normalize("NFKC", word), word.casefold()):
        assert is_in(word, spelling)


@given(st.text())
def test_any_text_folds_to_single_spaced_tokens_and_stays_so(text: str) -> None:
    folded = fold(text)
    assert folded == f" {' '.join(folded.split(' ')).strip(' ')} "
    assert "  " not in folded.strip(" ")
    assert fold(folded) == folded


@given(st.text(min_size=1))
def test_any_word_makes_a_pattern_that_compiles(word: str) -> None:
    for pattern in word_patterns(word):
        re2.compile(pattern)


def test_what_is_beyond_the_limit_is_not_read() -> None:
    assert is_in("vpn", "x " * (TEXT_LIMIT_CHARS // 2 - 2) + "vpn")
    assert not is_in("vpn", "x " * TEXT_LIMIT_CHARS + "vpn")
