"""An agent's formatted words: without the command lines, or not at all."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.triage.formatted import without_lines
from gateway.triage.grammar import command_lines


@pytest.mark.parametrize(
    ("markup", "lines", "left"),
    [
        ("<p>Hello</p>", [], "<p>Hello</p>"),
        ("<p>#take</p><p>Hello</p>", ["#take"], "<p>Hello</p>"),
        ("<div>#take<br>Hello</div>", ["#take"], "<div><br>Hello</div>"),
        ("<div><div><b>#take</b></div></div>\n<p>Hello</p>", ["#take"], "<p>Hello</p>"),
        ("<p>&#35;take</p><p>Hello</p>", ["#take"], "<p>Hello</p>"),
        ("<p>#assign\u00a0anna</p><p>Hello</p>", ["#assign anna"], "<p>Hello</p>"),
        ("<p>\ufeff#TAKE\u200b</p><p>Hello</p>", ["#take"], "<p>Hello</p>"),
        ("<p># Heading</p><p>#12</p>", [], "<p># Heading</p><p>#12</p>"),
        ('<p>#take</p><p><img src="cid:a"></p>', ["#take"], '<p><img src="cid:a"></p>'),
        ("<p>a #take b</p>", ["#take"], "<p>a #take b</p>"),
    ],
)
def test_the_lines_are_cut_and_the_rest_stays(markup: str, lines: list[str], left: str) -> None:
    assert without_lines(markup, lines) == left


@pytest.mark.parametrize(
    ("markup", "lines"),
    [
        ("", []),
        ("<p>#take</p>", ["#take"]),
        ("<p>#ta<b>ke</b></p><p>Hello</p>", ["#take"]),
        ("<p><span>#</span>take</p><p>Hello</p>", ["#take"]),
        ("<p>Hello</p><p>#secret</p>", ["#take"]),
        ("<p>Hello<br>&#xFF03;secret</p>", []),
        ("<p>Hello</p>\u200b#secret", []),
        ("<p>Hello</p>\u200e#\u2060secret", []),
        ("Hello<hr>#secret", []),
        ("<section>Hello</section>#secret", []),
        ("<p>Hello\n#secret</p>", []),
        ("<p>" + "x" * 600_000 + "</p>", []),
    ],
)
def test_where_a_line_would_be_left_nothing_is_formatted(markup: str, lines: list[str]) -> None:
    assert without_lines(markup, lines) == ""


@pytest.mark.parametrize(
    "markup",
    [
        "<p>" + " " * 200_000 + "x",
        "\n" * 200_000 + "x",
        "<div>" * 20_000 + "</div>" * 20_000,
        "<p>" + "&nbsp;" * 60_000 + "x",
        "<" * 200_000,
        ">" * 200_000,
    ],
)
def test_hostile_markup_costs_no_time(markup: str) -> None:
    started = time.process_time()
    without_lines(markup, ["#take"])
    assert time.process_time() - started < 3


PIECES = [
    "<p>",
    "</p>",
    "<br>",
    "<b>",
    "</b>",
    "#take",
    "#note x",
    "Hello",
    " ",
    "\n",
    "\u200b",
    "&#35;",
    "#",
    "ta",
    "<li>",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_no_line_that_begins_with_a_word_behind_the_sign_is_shown(markup: str) -> None:
    import html
    import re

    left = without_lines(markup, ["#take"])
    shown = html.unescape(re.sub(r"<[^<>]*>", "", re.sub(r"</?(?:p|br|li)>", "\n", left)))
    assert command_lines(shown) == ()
