"""What a person wrote, made fit for our mails: text without controls, simple HTML from text, sanitised HTML.

HTML of a stranger goes out only through nh3 with the short lists below: lists, tables, links, emphasis, and pictures
that travel in the same mail (``cid:``). Nothing remote, no script, no form, no class, and of styles only what gives a
table its lines. What is too big or nested too deeply is sent as text instead (nh3 needs seconds for 50,000 nested
tags).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from html import escape
from urllib.parse import unquote

import nh3

TEXT_LIMIT_CHARS = 300_000
HTML_LIMIT_CHARS = 1_000_000
_NESTING_LIMIT = 300

_TAGS = set(
    "a abbr b blockquote br caption center cite code col colgroup dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins"
    " kbd li mark ol p pre q s samp small span strike strong sub sup table tbody td tfoot th thead tr tt u ul"
    " var".split()
)
_ATTRIBUTES = {
    "*": {"dir", "lang", "title", "style"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start", "type"},
    "table": {"border", "cellpadding", "cellspacing"},
    "td": {"colspan", "rowspan", "align", "valign"},
    "th": {"colspan", "rowspan", "align", "valign"},
}
_STYLES = set(
    "border border-bottom border-collapse border-left border-right border-top font-style font-weight list-style-type"
    " padding text-align text-decoration vertical-align white-space".split()
)
_GONE_WITH_CONTENT = {"head", "script", "style", "title", "template", "noscript", "iframe", "object", "svg", "math"}

_NESTING_TAG = re.compile(
    r"<(/?)(?:div|span|table|tbody|tr|td|th|ul|ol|dl|blockquote|font|b|i|u|a|em|strong|center|section|article)\b",
    re.IGNORECASE,
)
_INDENTED = re.compile(r"^[ \t]", re.MULTILINE)
_LOST_IMAGE = re.compile(r'<img((?: [a-z-]+="[^"]*")*)>')
_ALT = re.compile(r' alt="([^"]+)"')

_LINK = re.compile(r"\bhttps?://[^\s<>\"\u00a0\u2028\u2029“”„«»]{3,2000}", re.IGNORECASE)
# Marks that override the reading direction (gnp.exe reads as exe.png) are no part of honest text in any language.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e]")
_LINE_END = re.compile("\r\n?|[\u0085\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Everything that one of the three above would change; most text has nothing of it, and one look costs less than three.
_ASCII_CONTROLS = bytes([*range(0x09), *range(0x0B, 0x20), 0x7F])
_UNCLEAN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202d\u202e\ud800-\udfff]")


def clean_text(text: str) -> str:
    """Return text with LF ends of line, without controls, direction overrides and lone surrogates."""
    if text.isascii():
        # Octets are searched at a fifth of the cost of characters.
        octets = text.encode("ascii")
        if len(octets.translate(None, _ASCII_CONTROLS)) == len(octets):
            return text
    elif not _UNCLEAN.search(text):
        return text
    return _SURROGATE.sub("\ufffd", _CONTROLS.sub("", _LINE_END.sub("\n", text)))


def shortened(text: str) -> str:
    """Return text of at most `TEXT_LIMIT_CHARS`; where some is left out, a mark says so."""
    return text if len(text) <= TEXT_LIMIT_CHARS else text[:TEXT_LIMIT_CHARS] + "\n[…]"


def text_to_html(text: str) -> str:
    """Return simple HTML for text: paragraphs, lines kept, links to be clicked, everything else escaped."""
    paragraphs = [item.strip("\n") for item in re.split(r"\n(?:[ \t]*\n)+", text) if item.strip()]
    html = [f'<p dir="auto" style="margin:0 0 1em">{lines_to_html(paragraph)}</p>' for paragraph in paragraphs[:-1]]
    html += [f'<p dir="auto" style="margin:0">{lines_to_html(paragraph)}</p>' for paragraph in paragraphs[-1:]]
    return "\n".join(html)


def lines_to_html(text: str) -> str:
    """Return escaped lines with line breaks, indentation and clickable links."""
    text = text.rstrip()
    if "://" not in text and not _INDENTED.search(text):
        # Most text has no link and no indented line: nothing of it depends on where a line begins.
        return _escaped(text).replace("\n", "<br>\n")
    return "<br>\n".join(_indented(line) for line in text.split("\n"))


def sanitise(html: str, content_ids: Collection[str]) -> str:
    """Return a person's HTML as we send it, or "" where it must be sent as text.

    Pictures stay where they name one of `content_ids`, the others become their alternative text.
    """
    if len(html) > HTML_LIMIT_CHARS or _nested_too_deeply(html):
        return ""

    html = _CONTROLS.sub("", html)

    return _LOST_IMAGE.sub(_image_or_words, _cleaner(frozenset(content_ids)).clean(html))


@lru_cache(maxsize=64)
def _cleaner(content_ids: frozenset[str]) -> nh3.Cleaner:
    """To make one takes longer than to clean most mails, and most show no picture."""

    def keep(tag: str, attribute: str, value: str) -> str | None:
        if attribute == "src":
            scheme, _, name = value.strip().partition(":")
            return f"cid:{unquote(name)}" if scheme.lower() == "cid" and unquote(name) in content_ids else None
        if attribute == "style":
            return None if re.search(r"[(\\@<]", value) else value
        if attribute in ("width", "height", "border", "cellpadding", "cellspacing", "colspan", "rowspan", "start"):
            return value if re.fullmatch(r"\d{1,4}", value) else None
        return value

    return nh3.Cleaner(
        tags=_TAGS,
        clean_content_tags=_GONE_WITH_CONTENT,
        attributes=_ATTRIBUTES,
        attribute_filter=keep,
        filter_style_properties=_STYLES,
        url_schemes={"http", "https", "mailto", "tel", "cid"},
        link_rel="noopener noreferrer",
        strip_comments=True,
    )


def _image_or_words(match: re.Match[str]) -> str:
    if ' src="cid:' in match.group(1):
        return match.group().replace("<img", '<img style="max-width:100%;height:auto"')
    words = _ALT.search(match.group(1))
    return f"[{words.group(1)}]" if words else ""


def _nested_too_deeply(html: str) -> bool:
    depth = 0
    for match in _NESTING_TAG.finditer(html):
        depth = max(depth - 1, 0) if match.group(1) else depth + 1
        if depth > _NESTING_LIMIT:
            return True
    return False


def _indented(line: str) -> str:
    body = line.lstrip(" \t")
    return "&nbsp;" * len(line[: len(line) - len(body)].expandtabs(4)) + _linked(body)


def _linked(line: str) -> str:
    if "://" not in line:
        return _escaped(line)
    pieces, position = [], 0
    for match in _LINK.finditer(line):
        address = _without_punctuation(match.group())
        pieces += [_escaped(line[position : match.start()]), f'<a href="{escape(address)}">{escape(address)}</a>']
        position = match.start() + len(address)
    return "".join([*pieces, _escaped(line[position:])])


def _escaped(text: str) -> str:
    """Columns made of spaces stay columns."""
    return escape(text).replace("  ", "&nbsp; ")


def _without_punctuation(address: str) -> str:
    """A sentence's stop or an unpaired bracket behind an address is not part of it."""
    unpaired = address.count(")") - address.count("(")
    while address[-1] in ".,;:!?'’]}*_" or (address[-1] == ")" and unpaired > 0):
        unpaired -= address[-1] == ")"
        address = address[:-1]
    return address
