"""Where a `#command` counts, and that no line that begins with `#word` is ever sent."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.triage.commands import COMMANDS, help_lines, suggest_command
from gateway.triage.grammar import command_lines, nearest, read_agent_text


def commands(text: str) -> list[tuple[str, str]]:
    return [(line.name, line.argument) for line in read_agent_text(text, COMMANDS).commands]


def test_commands_count_in_the_first_lines_and_in_the_last() -> None:
    text = read_agent_text("\n#take\n\n#priority P2\nHello\nthere\n\n#resolve\n#cc a@b\n\n", COMMANDS)
    assert [line.name for line in text.commands] == ["take", "priority", "resolve", "cc"]
    assert (text.public, text.internal, text.misplaced) == ("Hello\nthere", "", ())


def test_a_command_in_the_middle_is_misplaced_and_says_where_it_would_count() -> None:
    text = read_agent_text("Hello\n#resolve\nBye", COMMANDS)
    (wrong,) = text.misplaced
    assert (wrong.raw, str(wrong.suggestion)) == ("#resolve", "#resolve on the first line")
    assert text.public == "Hello\nBye"
    assert text.commands == ()


@pytest.mark.parametrize(
    ("word", "near"),
    [
        *(("#resolv", "#resolve"), ("#clsoe", "#close"), ("#Assing anna", "#assign"), ("#xyzzy", "")),
        *(("#notes", "#note"), ("#noet", "#note")),
    ],
)
def test_an_unknown_word_is_held_with_the_nearest_command(word: str, near: str) -> None:
    text = read_agent_text(f"{word}\nHello", COMMANDS)
    assert [(wrong.raw, wrong.suggestion) for wrong in text.misplaced] == [(word, near)]
    assert (text.public, text.internal) == (("", f"{word}\nHello") if near == "#note" else ("Hello", ""))


def test_the_nearest_command_comes_with_its_usage() -> None:
    assert suggest_command("priorty") == "#priority P2"
    assert suggest_command("frobnicate") == ""
    assert nearest("", COMMANDS) == ""


@pytest.mark.parametrize(
    "text",
    [
        *("# Heading", "#12 is a number", "#", "##", "#!/bin/sh", "a #resolve", "#-", "#_x", "# 1", "# Überschrift"),
        *(
            "# Notebook",
            "# Category",
            "# Cause",
            "# Type of fault",
            "# Take the cable out",
            "# Hold on",
            "## Close",
            "- # take",
        ),
    ],
)
def test_what_is_no_word_behind_the_sign_is_text(text: str) -> None:
    read = read_agent_text(text, COMMANDS)
    assert (read.public, read.commands, read.misplaced) == (text, (), ())


@pytest.mark.parametrize(
    "line",
    [
        *(
            "#resolve done",
            "  #resolve  done  ",
            "#RESOLVE done",
            "#Resolve: done",
            "#resolve\tdone",
            "\t#resolve done",
        ),
        *("＃resolve done", "﹟resolve done", "\u00a0#resolve\u00a0done", "\ufeff#resolve done", "#\u200bresolve done"),
        *(
            "\u200e#resolve done",
            "\u202a#resolve done\u202c",
            "#re\u00adsolve done",
            "＃ｒｅｓｏｌｖｅ done",
            "\u3000#resolve\u3000done",
        ),
        *("#resolve\u00a0\u00a0done", "#resolve \u200bdone"),
    ],
)
def test_phones_write_the_sign_the_word_and_the_spaces_in_many_ways(line: str) -> None:
    assert commands(f"{line}\n\nHello") == [("resolve", "done")]
    assert commands(f"Hello\n\n{line}\n\u00a0\n") == [("resolve", "done")]


@pytest.mark.parametrize(
    ("line", "argument"),
    [
        ("#resolve", ""),
        ("#resolve.", ""),
        ("#resolve!", ""),
        ("#resolve:", ""),
        ("#resolve :-)", ":-)"),
        ("#hold\u00a0requester\u00a0until\u00a0Friday", "requester until Friday"),
        ("#priority:P2", "P2"),
        ("#resolve (done)", "(done)"),
        ("#resolve/close", "/close"),
    ],
)
def test_the_argument_is_the_rest_of_the_line(line: str, argument: str) -> None:
    assert [one.argument for one in command_lines(line)] == [argument]


@pytest.mark.parametrize(
    ("line", "near"),
    [
        *(
            ("# note secret", "#note"),
            ("#  Note", "#note"),
            ("＃\u00a0note: secret", "#note"),
            ("- ## note x", "#note"),
        ),
        *(("# priority P2", "#priority"), ("# hold vendor until Friday", "#hold"), ("# cc a@b", "#cc")),
    ],
)
def test_a_command_with_a_space_behind_the_sign_is_held(line: str, near: str) -> None:
    text = read_agent_text(f"Hello\n{line}\nBye", COMMANDS)
    (wrong,) = text.misplaced
    assert (wrong.raw, wrong.suggestion) == (line, near)
    assert str(wrong.why) == "looks like a command, but has a space behind the #"
    hides = near == "#note"
    assert (text.public, text.internal) == (("Hello", f"{line}\nBye") if hides else ("Hello\nBye", ""))
    assert (text.commands, text.hides_note) == ((), hides)


@pytest.mark.parametrize(
    "line",
    [
        *("Hello # Note secret", "Hello,\u00a0 #\u00a0Note: secret", "Hello# note secret", "all fine.# NOTE secret"),
        *("# notes secret", "# Notes", "#Notes: secret", "see #notes", "#-note secret", "# *Note*: secret"),
        *("#\nnote secret", "# \n\n Note: secret", "#\n*note* secret", "(#)\n- note secret"),
        *(
            "_#note_ secret",
            "# _note_ secret",
            "_#note_: secret",
            "#`note` secret",
            "`#` note secret",
            "(#)note secret",
        ),
        *("#,note secret", "#'note' secret", '#"note" secret', "#(note) secret", "#[note] secret", "#: note secret"),
        *("#.note secret", "#/note secret", "Hello #note- secret"),
    ],
)
def test_what_may_be_meant_as_a_note_is_held_wherever_it_stands(line: str) -> None:
    text = read_agent_text(f"Hello\n{line}\nBye", COMMANDS)
    assert (text.public, len(text.misplaced), text.hides_note) == ("Hello", 1, True)
    # The note is whole, for those who may read it.
    assert text.internal == f"{text.misplaced[0].raw}\nBye"


@pytest.mark.parametrize(
    "line",
    [
        *("the C# note of it", "a song in A# notes", "it is # noted", "a #note-book", "#"),
        *("see https://example.com/printers#notes", "https://example.com/#/notes/7"),
    ],
)
def test_words_beside_a_sign_are_no_note(line: str) -> None:
    assert read_agent_text(line, COMMANDS).public == line


HEADINGS = {
    "# take": "#take",
    "# Resolve it works": "#resolve",
    "# Assign ben": "#assign",
    "# Use VPN": "#use",
    "# category network/vpn": "#category",
    "# Cause and effect": "#cause",
    "# Help": "#help",
    "# Tag der Umstellung": "#tag",
    "# Assign rights": "#assign",
    "# Workaround": "",
}


@pytest.mark.parametrize("line", HEADINGS)
def test_what_reads_like_a_heading_too_is_held_only_where_commands_stand(line: str) -> None:
    middle = f"Hello\n{line}\nBye"
    read = read_agent_text(middle, COMMANDS)
    assert (read.public, read.commands, read.misplaced) == (middle, (), ())
    for text in (f"{line}\nHello", f"Hello\n\n{line}\n", f"#take\n{line}\nHello", f"# take\n{line}\n# priority P2\nx"):
        wrong = {one.raw: one.suggestion for one in read_agent_text(text, COMMANDS).misplaced}
        assert wrong.get(line, "") == HEADINGS[line]


def test_commands_count_right_above_the_first_note() -> None:
    text = read_agent_text("Hello\n\n#resolve\n#cause dust\n\n#note Secret\nmore\n#close\n#note\nstill", COMMANDS)
    assert [line.name for line in text.commands] == ["resolve", "cause"]
    assert (text.public, text.internal) == ("Hello", "Secret\nmore\nstill")
    assert [wrong.raw for wrong in text.misplaced] == ["#close"]


def test_a_note_makes_internal_what_follows_wherever_it_stands() -> None:
    text = read_agent_text("#take\nHello\n#note\nSecret\nmore\n\n#resolve", COMMANDS)
    assert (text.public, text.internal, text.has_note) == ("Hello", "Secret\nmore", True)
    assert [line.name for line in text.commands] == ["take", "resolve"]


@pytest.mark.parametrize("first", ["#note", "#note All of it", "#NOTE", "＃note"])
def test_a_note_on_the_first_line_makes_all_of_it_internal(first: str) -> None:
    text = read_agent_text(f"{first}\nSecret\n", COMMANDS)
    assert text.public == ""
    assert text.internal.endswith("Secret")


def test_text_on_the_line_of_a_note_is_internal_too() -> None:
    text = read_agent_text("Hello\n#note Secret", COMMANDS)
    assert (text.public, text.internal) == ("Hello", "Secret")


def test_a_note_ends_nowhere() -> None:
    text = read_agent_text("Hello\n#note\nSecret\n\n\n\nmore secret\n#note\nstill", COMMANDS)
    assert text.public == "Hello"
    assert text.internal == "Secret\n\nmore secret\nstill"


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\u2028", "\u2029", "\x0b", "\x85"])
def test_every_kind_of_line_end_ends_a_line(separator: str) -> None:
    text = read_agent_text(separator.join(["#take", "Hello", "#note", "Secret"]), COMMANDS)
    assert (text.public, text.internal) == ("Hello", "Secret")


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            ["", " ", "\u00a0", "Hello", "#note", "#note x", "#take", "#resolv", "#resolve it", "＃close", "# x"]
        ),
        st.text(max_size=12),
        st.text(max_size=8).map(lambda text: f"#{text}"),
    ),
    max_size=10,
).map("\n".join)


@given(LINES)
def test_no_line_that_begins_with_a_word_behind_the_sign_is_ever_sent(text: str) -> None:
    read = read_agent_text(text, COMMANDS)
    for line in (read.public + "\n" + read.internal).splitlines():
        assert not re.match(r"\s*[#＃﹟][^\W\d_]", line) or "#note" in text.lower().replace("＃", "#")
    assert command_lines(read.public) == ()


@given(LINES)
def test_every_word_of_an_agent_is_somewhere(text: str) -> None:
    read = read_agent_text(text, COMMANDS)
    kept = [read.public, read.internal, *(line.raw for line in read.commands), *(wrong.raw for wrong in read.misplaced)]
    for word in re.findall(r"[a-zA-Z]+", text):
        assert any(word in one for one in kept) or word.lower() == "note"


@given(LINES)
def test_reading_what_is_left_to_send_finds_nothing_more(text: str) -> None:
    public = read_agent_text(text, COMMANDS).public
    again = read_agent_text(public, COMMANDS)
    assert (again.public, again.commands, again.misplaced, again.has_note) == (public, (), (), False)


def test_the_help_has_a_line_for_each_command() -> None:
    assert len(help_lines()) == len(COMMANDS)
    for name, command in COMMANDS.items():
        assert str(command.usage).startswith(f"#{name}")
        assert str(command.help).endswith(".")


@pytest.mark.parametrize("piece", ["_", "-", "- ", "\t", "\t*", " ", "> ", "| |", "\t ", "#", "*_", "# ", "#\n"])
def test_a_rule_below_a_mail_takes_no_longer_than_other_lines(piece: str) -> None:
    """Mutant 3000026 of the fuzzer: 32 underscores in a row took longer than anybody waits."""
    started = time.process_time()
    read_agent_text(piece * 50_000 + "x", COMMANDS)
    assert time.process_time() - started < 1
