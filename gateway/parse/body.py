"""Choose and decode the parts that a person reads: the plain text, and the HTML beside it.

Part of `parse`. Of alternatives the plain text wins where somebody wrote it; a plain part that only says that the
program can't show HTML, or says nothing, does not. Embedded mails and files are never body text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from gateway.parse import attachments, charsets, limits
from gateway.parse.tree import Part, Tree

# What mail programs put into the plain part when they have nothing to say there.
_PLACEHOLDER = re.compile(
    r"(?is)(?=.{0,400}$).*(?:(?:view|read|see|display|show|support|enable|requires?)\b.{0,80}\bhtml"
    r"|html\b.{0,80}\b(?:view|client|reader|enabled|capable|compatible|support|format|version|mail)"
    r"|\bhtml.{0,60}(?:ansehen|anzeigen|darstell|unterst|afficher|lire|visualiser|ver este|visualizar|programma))",
)
_TEXT_KINDS = ("text/plain", "text/html", "text/enriched", "text/richtext")


@dataclass(frozen=True, kw_only=True)
class Body:
    """`pieces` are the chosen texts in order, each marked whether it is HTML; `html` is the HTML body, "" if none."""

    pieces: tuple[tuple[bool, str], ...]
    html: str


def choose(tree: Tree, leaves: list[Part]) -> Body:
    """Choose among the text leaves (no files, nothing embedded)."""
    texts = _texts(tree, leaves)
    branches = {leaf.number: _branches(tree, leaf) for leaf in leaves}
    plain = {leaf.number for leaf in leaves if not _is_html(leaf)}
    chosen_text: dict[int, int] = {}
    chosen_html: dict[int, int] = {}
    for leaf in leaves:
        for group, branch in branches[leaf.number]:
            if leaf.number in plain:
                if _says_something(texts[leaf.number]):
                    chosen_text.setdefault(group, branch)
            else:
                chosen_html[group] = branch
    pieces = []
    html = []
    for leaf in leaves:
        inside = branches[leaf.number]
        text = texts[leaf.number]
        if all(chosen_text.get(group, chosen_html.get(group, branch)) == branch for group, branch in inside):
            if text.strip():
                pieces.append((leaf.number not in plain, text))
        if leaf.number not in plain and all(chosen_html.get(group) == branch for group, branch in inside):
            html.append(text)
        elif leaf.number in plain and text.strip() and not any(group in chosen_html for group, _ in inside):
            # A text beside HTML parts, as Apple Mail sends them around pictures: the HTML shall be complete.
            html.append(f'<div style="white-space:pre-wrap">{escape(text)}</div>')
    if not pieces:
        pieces = [(leaf.number not in plain, texts[leaf.number]) for leaf in leaves[:1]]
    if len(pieces) > 1 and pieces[0][0] is False and any(piece[0] for piece in pieces):
        pieces = _without_placeholders(pieces)
    has_html = len(plain) < len(leaves)
    return Body(pieces=tuple(pieces), html="\n".join(html)[: limits.HTML_BYTES * 2] if has_html else "")


def _without_placeholders(pieces: list[tuple[bool, str]]) -> list[tuple[bool, str]]:
    """In multipart/mixed both parts count, but not one that only excuses itself."""
    return [(is_html, text) for is_html, text in pieces if is_html or _says_something(text)]


def _is_html(leaf: Part) -> bool:
    return leaf.message.get_content_type() == "text/html"


def _texts(tree: Tree, leaves: list[Part]) -> dict[int, str]:
    texts: dict[int, str] = {}
    left = limits.TEXTS_BYTES
    for leaf in leaves:
        data = tree.content(leaf, min(left, limits.TEXT_BYTES))[: min(left, limits.TEXT_BYTES)] if left else b""
        left -= len(data)
        texts[leaf.number] = _text(leaf, data)
    return texts


def _text(leaf: Part, data: bytes) -> str:
    label = str(leaf.message.get_content_charset() or "")
    if not label and _is_html(leaf):
        found = re.search(rb"(?i)<meta[^>]{1,200}charset\s*=\s*[\"']?([\w.:-]{1,40})", data[:4_000])
        label = found[1].decode("ascii") if found else ""
    return charsets.decode(data, label)


def _branches(tree: Tree, leaf: Part) -> tuple[tuple[int, int], ...]:
    """The alternatives that the leaf stands in: (number of the multipart/alternative, number of its child)."""
    found = []
    child = leaf.number
    parent = leaf.parent
    while parent >= 0:
        if tree.parts[parent].message.get_content_type() == "multipart/alternative":
            found.append((parent, child))
        child, parent = parent, tree.parts[parent].parent
    return tuple(found)


def _says_something(text: str) -> bool:
    words = text.strip()
    if not words:
        return False
    return not (len(words) <= 400 and "html" in words.lower() and _PLACEHOLDER.match(words))


def text_leaves(tree: Tree, within: int = -1) -> list[Part]:
    """The parts that may be body text, in order: of the mail, or of the embedded message with number `within`."""
    return [
        part
        for part in tree.parts
        if part.within == within
        and not part.message.is_multipart()
        and (part.message.get_content_type() in _TEXT_KINDS or part.message.get_content_maintype() == "multipart")
        and not attachments.is_file(part.message)
    ]
