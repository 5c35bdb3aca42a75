"""Short cuts of the MIME tree find what the patterns that they replaced would find."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.parse import tree

_PIECES = (
    *(b"boundary=", b"BOUNDARY*0*=", b"Boundary =", b'"', b"abc", b"=_x;", b" ", b"bound", b"ary", b"=", b"a" * 40),
    *(b"--", b"-", b"\n", b"\r\n", b"\r", b"--abc", b"\n--abc--", b"x" * 250),
)
_RAW = st.lists(st.sampled_from(_PIECES), max_size=30).map(b"".join)
_HEAD = b'Content-Type: multipart/mixed; boundary="own"'
_IN_ANY_CASE = re.compile(tree._BOUNDARY.pattern)
_AT_LINE_BEGIN = re.compile(rb"(?m)^--[^\r\n]{1,210}")


@given(_RAW)
@example(b'boundary="a boundary=b" BOUNDARY=c')
def test_boundaries_are_those_of_a_search_through_the_whole_mail(raw: bytes) -> None:
    assert tree._boundaries(_HEAD, raw) == {b"own"} | {one[1] or one[2] for one in _IN_ANY_CASE.finditer(raw)}


@given(st.integers(min_value=-30, max_value=30))
def test_a_boundary_is_named_once_wherever_a_window_ends(offset: int) -> None:
    raw = b"x" * (tree._WINDOW_BYTES + offset - 8) + b"BounDary=here" + b"x " * tree._WINDOW_BYTES
    assert list(tree._boundary_words(raw)) == [tree._WINDOW_BYTES + offset - 8]
    assert b"own" in tree._boundaries(_HEAD, raw)
    assert any(name.startswith(b"here") for name in tree._boundaries(_HEAD, raw))


@given(_RAW, st.integers(min_value=0, max_value=20))
def test_boundary_lines_are_those_at_the_beginning_of_a_line(raw: bytes, start: int) -> None:
    lines = [line for line in _AT_LINE_BEGIN.finditer(raw, start) if line[0][2:].rstrip() in (b"abc", b"abc--")]
    assert list(tree._boundary_lines(raw, start, {b"abc"})) == [line.span() for line in lines]
