"""Every phrase of the code has its words in every language, and an admin's own words are checked before they count."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from gateway.compose import check_templates, compose, load_templates
from gateway.compose.phrases import CATALOGUE, written
from gateway.compose.samples import sample_letters
from gateway.defaults_files import default_file
from gateway.phrase import Phrase, as_json, from_json, in_words, listed, placeholders, say, word
from gateway.when import read_until
from tests.compose.phrases import all_phrases, phrases_of

LANGUAGES = ("de", "es", "fr", "pt")
CODE = all_phrases()
SHIPPED = load_templates(default_file("templates"))


def catalogue(language: str) -> dict[str, str]:
    text = (default_file("templates") / language / CATALOGUE).read_text(encoding="utf-8")
    return {key: str(value) for key, value in tomllib.loads(text).items()}


def test_every_phrase_is_written_out_and_fills_its_own_places() -> None:
    assert [said.place for said in CODE if said.text is None] == []
    wrong = [said.place for said in CODE if said.text is not None and said.names != placeholders(said.text)]
    assert wrong == []


def test_only_say_and_listed_make_phrases() -> None:
    package = Path(__file__).resolve().parents[2] / "gateway"
    makers = [path.name for path in package.rglob("*.py") if "Phrase(" in path.read_text(encoding="utf-8")]
    assert makers == ["phrase.py"]


def test_the_english_list_has_each_phrase_and_nothing_else() -> None:
    english = catalogue("")
    assert sorted(english) == sorted({said.text for said in CODE if said.text})
    assert [key for key, text in english.items() if key != text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_is_translated_with_its_places_and_nothing_is_stale(language: str) -> None:
    english, translated = catalogue(""), catalogue(language)
    assert sorted(translated) == sorted(english)
    assert [key for key, text in translated.items() if placeholders(key) != placeholders(text) or not text] == []
    # Who begins a sentence in English begins one here; nothing ends in a stray space.
    assert [key for key, text in translated.items() if text != text.strip()] == []
    assert [key for key, text in translated.items() if key.endswith(".") != text.endswith(".")] == []
    # A command is never translated.
    commands = {key: [one for one in key.replace("(", " ").split() if one.startswith("#")] for key in english}
    assert [key for key, named in commands.items() for one in named if one.strip("),;") not in translated[key]] == []


# Words that stand in nearly every text of a language, and in none of the others.
OF_A_LANGUAGE = {
    "en": {"the", "is", "and", "of", "this"},
    "de": {"der", "ist", "nicht", "und"},
    "es": {"el", "los", "usted", "correo"},
    "fr": {"vous", "est", "une", "message"},
    "pt": {"uma", "não", "são", "e-mail"},
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_speaks_no_other_language(language: str) -> None:
    others = set().union(*(words for other, words in OF_A_LANGUAGE.items() if other != language))
    strange = [text for text in catalogue(language).values() if others & set(re.findall(r"[\w-]+", text.lower()))]
    assert strange == ["#away until {day}"] * strange.count("#away until {day}")


def test_french_sets_no_breaking_space_before_its_marks() -> None:
    folder = default_file("templates")
    texts = [*catalogue("fr").values(), *(path.read_text("utf-8") for path in [*folder.glob("fr/*.txt")])]
    said = [re.sub(r"\{#.*?#\}|\{%.*?%\}", "", text, flags=re.DOTALL) for text in texts]
    assert [found for text in said for found in re.findall(r".* [:;?!»](?:\s.*|$)", text)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_command_is_understood_as_it_is_suggested(language: str) -> None:
    suggestion = catalogue(language)["#hold {whom} until {day}"].format(whom="vendor", day="2026-12-24")
    until = read_until(suggestion.removeprefix("#hold vendor "), now=datetime(2026, 3, 4, tzinfo=UTC), time_zone="UTC")
    assert until == datetime(2026, 12, 24, 8, tzinfo=UTC)


def test_the_reader_of_the_code_sees_each_form() -> None:
    source = "say('a {b}', b=1)\nphrase.say(text)\nX = {1: say('c')}\nsay('d', **values)"
    found = {said.place: (said.text, set(said.names)) for said in phrases_of(source, "x")}
    assert found == {"x:1": ("a {b}", {"b"}), "x:2": (None, set()), "x:3": ("c", set()), "x:4": ("d", {"**"})}


def test_a_phrase_survives_the_outbox() -> None:
    phrase = say(
        "{agent} answered at {time}",
        agent=say("A colleague"),
        time=time(14, 5),
        days=[date(2026, 3, 4), datetime(2026, 3, 4, 9, 0, tzinfo=UTC)],
        count=3,
        nothing="{agent}",
    )
    assert from_json(as_json(phrase)) == phrase
    assert as_json({"lines": [phrase, "#take"]}) == {"lines": [phrase.to_json(), "#take"]}
    assert str(phrase) == "A colleague answered at 14:05"


@pytest.mark.parametrize("value", ["text", None, 3, {}, {"phrase": 1}, ["phrase"], {"name": "x"}])
def test_what_is_no_phrase_is_none(value: object) -> None:
    assert from_json(value) is None


def test_braces_in_a_value_stay_what_they_are() -> None:
    phrase = say("{line}: {why}", line="{why} {0} {line.__class__}", why="x")
    assert str(phrase) == "{why} {0} {line.__class__}: x"
    assert str(Phrase("{gone}: x")) == "{gone}: x"


def test_a_translation_may_turn_the_order_and_parts_of_it_are_translated_too() -> None:
    words = {"{a} of {b}": "{b} : {a}", "new": "neu"}
    phrase = say("{a} of {b}", a=say("new"), b=listed(["x", say("new")]))
    assert in_words(phrase, lambda text: words.get(text, text), str) == "x, neu : neu"


def test_a_field_value_of_no_closed_set_stays_as_the_admin_wrote_it() -> None:
    assert str(word("impact", "high")) == "impact high"
    assert word("category", "high") == "high"
    assert str(word("impact", "huge")) == "impact huge"


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", ("4 March 2026", "14:05", "4 March 2026, 14:05")),
        ("de", ("04.03.2026", "14:05 Uhr", "04.03.2026, 14:05 Uhr")),
        ("fr", ("04/03/2026", "14:05", "04/03/2026 à 14:05")),
        ("es", ("04/03/2026", "14:05", "04/03/2026, 14:05")),
        ("pt", ("04/03/2026", "14:05", "04/03/2026, 14:05")),
        ("nl", ("2026-03-04", "14:05", "2026-03-04 14:05")),
    ],
)
def test_days_and_times_are_written_as_the_reader_is_used_to(language: str, shown: tuple[str, str, str]) -> None:
    moment = datetime(2026, 3, 4, 14, 5, tzinfo=UTC)
    assert (written(moment.date(), language), written(moment.time(), language), written(moment, language)) == shown


def rendered(folder: Path, language: str, why: object) -> str:
    letter = sample_letters("question")[0]
    context: Mapping[str, object] = {**letter.context, "why": why}
    content = compose(replace(letter, language=language, context=context), load_templates(folder))
    return content.decode("ascii").replace("=\r\n", "")


WHY = say("is no command")


def test_an_admins_words_are_said_and_the_rest_is_shipped(tmp_path: Path) -> None:
    (tmp_path / "de").mkdir()
    (tmp_path / CATALOGUE).write_text('"is no command" = "is nothing that we know"\n')
    (tmp_path / "de" / CATALOGUE).write_text('"is no type" = "ist kein Typ"\n')
    assert check_templates(load_templates(tmp_path)) == check_templates(SHIPPED)
    assert "Why: is nothing that we know" in rendered(tmp_path, "en", WHY)
    assert "Warum: ist kein Befehl" in rendered(tmp_path, "de", WHY)
    assert "Warum: ist kein Typ" in rendered(tmp_path, "de", as_json(say("is no type")))
    assert "Warum: as it was" in rendered(tmp_path, "de", "as it was")


def test_midnight_in_a_phrase_is_the_end_of_a_day(tmp_path: Path) -> None:
    why = say("{waits}, until {day}", waits=WHY, day=datetime(2026, 3, 7, tzinfo=UTC))
    assert "Warum: ist kein Befehl, bis 06.03.2026, 24:00 Uhr" in rendered(tmp_path, "de", as_json(why))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            '"taken by {agent}" = "von {agnet} genommen"',
            "taken by {agent}: must have the same places in braces",
        ),
        ('"is no comand" = "x"', 'is no comand: no phrase of this version reads so (did you mean "is no command"?)'),
        ('"is no command" = 3', "is no command: must be a text in quotes"),
        ('"is no command" = " "', "is no command: must be a text in quotes"),
        ('"is no command" = "a" "b"', ":1: is no TOML"),
    ],
)
def test_a_wrong_line_is_named_and_counts_for_nothing(tmp_path: Path, line: str, problem: str) -> None:
    (tmp_path / "de").mkdir()
    path = tmp_path / "de" / CATALOGUE
    path.write_text(line, encoding="utf-8")
    templates = load_templates(tmp_path)
    (found,) = [str(one) for one in check_templates(templates) if str(path) in str(one)]
    assert problem in found
    assert templates.phrases.look_up("is no command", "de") == "ist kein Befehl"
    assert templates.phrases.look_up("taken by {agent}", "de") == "übernommen von {agent}"
