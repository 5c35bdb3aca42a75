"""HTML bodies: readable text with quotes marked, a harmless copy, and the part above the quote.

Part of `parse`, and the owner of resiliparse and nh3. Client markers (RFC 2557 pages carry none of their own; these
are what Gmail, Outlook, Apple Mail, Thunderbird, Yahoo, Proton and others write) tell quoted history apart. Too deep
or too long HTML, on which the libraries hang, is cut down before they see it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from gateway.parse import limits

# Invisible marks around quoted lines while the text is made; they are taken out of what senders write.
_OPEN: Final = "\ue0f0"
_CLOSE: Final = "\ue0f1"
_CUT: Final = "\ue0f2"
_MARKS = re.compile(f"[{_OPEN}{_CLOSE}{_CUT}]")

_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*0(?![\d.]*[1-9])", re.IGNORECASE
)
_NEVER_SHOWN: Final = frozenset(("script", "style", "title", "template", "noscript"))
# Containers that hold nothing but history: the attribution or header block and what it introduces.
_CONTAINERS: Final = frozenset(
    "yahoo_quoted protonmail_quote tutanota_quote zmail_extra ms-outlook-mobile-reference-message "
    "mail-editor-reference-message-container".split()
)
# Behind these everything to the end is history (RTF-born Outlook mails, Outlook on the web, Hotmail, Zimbra).
_CUTS: Final = frozenset("appendonsend divRplyFwdMsg x_divRplyFwdMsg stopSpelling OLK_SRC_BODY_SECTION zwchr".split())
_INTRODUCTIONS: Final = frozenset("gmail_quote gmail_quote_container gmail_attr moz-cite-prefix gmail_extra".split())
_BEGINNINGS: Final = _INTRODUCTIONS | _CONTAINERS | _CUTS
_SIGNATURES: Final = frozenset("gmail_signature_prefix gmail_signature moz-signature Signature x_Signature".split())
_ELEMENTS: Final = 20_000
_LINKS: Final = 200
_FENCES: Final = 200
_ENDING_WORDS: Final = 20

_VOID = frozenset("area base br col embed hr img input link meta param source track wbr p li td tr th".split())
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:]{0,20})")
# A tag with its attributes as HTML reads them (a quote counts only behind "="); possessive, for it to be linear.
_ATTRIBUTE = re.compile(r"""[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+)?+)?+""")
_WHOLE_TAG = re.compile(rf"(</?[a-zA-Z][^\s/>]*+)((?:{_ATTRIBUTE.pattern})*+)")
_SHORT_TAG: Final = 400
_ANY_TAG = re.compile(r"<[^<>]{0,5000}>")
_WORD = re.compile(r"\w+")
_URL = re.compile(r"(?i)(?:https?://|mailto:)[^\s<>\"]{1,2000}|\[(?:cid|image):[^\]\n]{1,200}\]")
_TAGS = frozenset(
    "a abbr b blockquote br caption center code col colgroup dd del div dl dt em font h1 h2 h3 h4 h5 h6 hr i img ins "
    "li ol p pre q s small span strike strong sub sup table tbody td tfoot th thead tr tt u ul".split()
)
_ATTRIBUTES = {
    "*": {"style", "dir", "lang", "title", "align"},
    "a": {"href", "name"},
    "img": {"src", "alt", "width", "height"},
    "table": {"border", "cellpadding", "cellspacing", "width", "bgcolor"},
    "td": {"colspan", "rowspan", "width", "height", "valign", "bgcolor"},
    "th": {"colspan", "rowspan", "width", "height", "valign", "bgcolor"},
    "col": {"width", "span"},
    "ol": {"start", "type"},
    "font": {"color", "face", "size"},
    "blockquote": {"type"},
}
_STYLES = frozenset(
    "color background-color font-weight font-style font-size font-family text-decoration text-align margin-left "
    "border border-collapse border-left padding padding-left width list-style-type white-space vertical-align".split()
)


@dataclass(frozen=True, kw_only=True)
class HtmlText:
    """The text of an HTML body: quoted lines begin with ">"; behind character `cut` all is history, None if not."""

    text: str
    cut: int | None = None


def tame(html: str) -> str:
    """Cut HTML down to what the libraries can read: size, and nesting of tags that are not closed."""
    html = _MARKS.sub("", html[: limits.HTML_BYTES]).replace("\0", "")
    html = _WHOLE_TAG.sub(_with_few_attributes, html)
    if html.count("<") <= limits.HTML_OPEN_TAGS:
        return html
    depth = deepest = 0
    for tag in _TAG.finditer(html):
        if tag[2].lower() in _VOID:
            continue
        depth = max(depth - 1, 0) if tag[1] else depth + 1
        deepest = max(deepest, depth)
    if deepest <= limits.HTML_OPEN_TAGS and html.count("<!--") <= limits.HTML_OPEN_TAGS:
        return html
    return re.sub(r"\s*\n\s*\n\s*", "<br><br>", _ANY_TAG.sub("\n", html).replace("<", "&lt;"))


def _with_few_attributes(tag: re.Match[str]) -> str:
    if len(tag[2]) < _SHORT_TAG:
        return tag[0]
    attributes: list[str] = _ATTRIBUTE.findall(tag[2])
    return tag[1] + "".join(attributes[: limits.HTML_ATTRIBUTES])


def to_text(html: str, *, quotes_are_content: bool = False) -> HtmlText:
    """Make readable text of tamed HTML; lists, tables and link targets stay. With `quotes_are_content` (a forwarded
    mail) nothing is marked as quoted."""
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    tree = HTMLTree.parse(html)
    if tree.body is None:
        return HtmlText(text="")
    elements = _elements(tree.body, _is_hidden)
    _show_link_targets(tree, elements)
    if not quotes_are_content:
        _mark_quotes(tree, elements)
    text = extract_plain_text(tree, preserve_formatting=True, main_content=False, alt_texts=False, links=False)
    return _with_prefixes(text)


def _elements(body: Any, is_unwanted: Callable[[Any], bool]) -> list[Any]:
    """The elements in document order, after the unwanted ones were removed.

    Walks by hand, because the library's node lists search the document anew for each member (seconds for a thousand).
    Nothing below an unwanted element is touched: it is freed with it.
    """
    found: list[Any] = []
    doomed: list[Any] = []
    node = body.first_element_child
    while node is not None and len(found) + len(doomed) < _ELEMENTS:
        if is_unwanted(node):
            doomed.append(node)
            following = None
        else:
            found.append(node)
            following = node.first_element_child
        while following is None and node is not None:
            following = node.next_element_sibling
            if following is None:
                node = node.parent
                if node == body:
                    node = None
        node = following
    for unwanted in doomed:
        unwanted.decompose()
    return found


def _names(node: Any) -> set[str]:
    """Class names and id of an element."""
    names = set((node.getattr("class") or "").split())
    if node.id:
        names.add(node.id)
    return names


def _is_hidden(node: Any) -> bool:
    """Whether a reader would not see the element."""
    return (
        node.tag in _NEVER_SHOWN
        or node.hasattr("hidden")
        or _HIDDEN_STYLE.search(node.getattr("style") or "") is not None
    )


def _show_link_targets(tree: Any, elements: list[Any]) -> None:
    links = [node for node in elements if node.tag == "a" and node.hasattr("href")]
    for link in links[:_LINKS]:
        target = (link.getattr("href") or "").strip()
        if not target.lower().startswith(("http://", "https://")) or len(target) > 200:
            continue
        shown = (link.text or "").strip()
        bare = re.sub(r"(?i)^https?://(www\.)?|/$", "", target)
        if shown and bare not in shown and shown.rstrip("/") not in target:
            link.append_child(tree.create_text_node(f" <{target}>"))


def _mark_quotes(tree: Any, elements: list[Any]) -> None:
    fences = 0
    for node in elements:
        if fences < _FENCES and (_is_quote(node) or _CONTAINERS & _names(node)):
            _fence(tree, node)
            fences += 1
    cut = next((node for node in elements if node.id in _CUTS), None)
    if cut is not None and cut.parent is not None:
        cut.parent.insert_before(_mark(tree, _CUT), cut)


def _is_quote(node: Any) -> bool:
    """Whether an element is quoted mail, and not an indented paragraph, which is a blockquote too."""
    if node.tag != "blockquote":
        return False
    if (node.getattr("type") or "").lower() == "cite" or node.hasattr("cite"):
        return True
    if "quote" in (node.getattr("class") or "") or "border-left" in (node.getattr("style") or ""):
        return True
    before = node.prev_element
    introduction = (before.text or "").strip()[-200:] if before is not None else ""
    return introduction.endswith((":", "：")) and re.search(r"\d.*\d", introduction) is not None


def _fence(tree: Any, node: Any) -> None:
    if node.first_child is not None:
        node.insert_before(_mark(tree, _OPEN), node.first_child)
        node.append_child(_mark(tree, _CLOSE))


def _mark(tree: Any, mark: str) -> Any:
    line = tree.create_element("div")
    line.append_child(tree.create_text_node(mark))
    return line


def _with_prefixes(text: str) -> HtmlText:
    lines: list[str] = []
    depth = 0
    cut: int | None = None
    length = 0
    for line in text.replace("\xa0", " ").split("\n"):
        if _MARKS.search(line):
            depth += line.count(_OPEN) - line.count(_CLOSE)
            if _CUT in line and cut is None and depth <= 0:
                cut = length
            line = _MARKS.sub("", line)
            if not line.strip():
                continue
        line = line.rstrip()
        if depth > 0:
            line = ">" * depth + (" " + line if line else "")
        lines.append(line)
        length += len(line) + 1
    return HtmlText(text="\n".join(lines), cut=cut)


def sanitise(html: str) -> str:
    """A copy of tamed HTML that can be shown: no scripts, forms, remote or hidden content; pictures through `cid:`."""
    from resiliparse.parse.html import HTMLTree

    body = HTMLTree.parse(html).body
    if body is None:
        return ""
    _elements(body, _is_hidden_or_remote)
    return _cleaned(body.html)


def _cleaned(html: str) -> str:
    cleaned: str = _cleaner().clean(html)
    return cleaned


@lru_cache(maxsize=1)
def _cleaner() -> Any:
    """To make one takes longer than to clean most mails."""
    import nh3

    return nh3.Cleaner(
        tags=set(_TAGS),
        clean_content_tags={"script", "style", "title", "template", "noscript"},
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        attribute_filter=_only_local_pictures,
        url_schemes={"http", "https", "mailto", "tel", "cid"},
        filter_style_properties=set(_STYLES),
        link_rel="noopener noreferrer",
        strip_comments=True,
    )


def _only_local_pictures(tag: str, attribute: str, value: str) -> str | None:
    if tag == "img" and attribute == "src":
        return value if value.strip().lower().startswith("cid:") else None
    if attribute == "style" and "(" in value:
        # No function of CSS is needed here, and url() would fetch.
        return None
    return value


def above_quote(html: str, *, expected: str, allowed: str, quote: str) -> str:
    """The sanitised HTML above the quoted history, "" where it can't be cut reliably.

    `quote` is how the history begins as text. The cut is reliable if the words that are left are those of `expected`
    (the new text as it was found by other means), give or take words of `allowed` (the signature).
    """
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    tree = HTMLTree.parse(html)
    body = tree.body
    if body is None:
        return ""
    first = _first_of_history(_elements(body, _is_hidden_or_remote), _first_words(quote))
    if first is not None:
        _remove_from(body, first)
    if allowed:
        _elements(body, lambda node: bool(_SIGNATURES & _names(node)))
        _without_end(body, _WORD.findall(_URL.sub(" ", allowed)))
    if not _same_words(extract_plain_text(tree, preserve_formatting=True, alt_texts=False), expected, allowed):
        return ""
    return _cleaned(body.html).strip()


def _without_end(body: Any, words: list[str]) -> None:
    """Remove the pieces of text that are the last words, where they are no more than these: a phone's line."""
    ended: list[Any] = []
    node = _last_inside(body)
    while node is not None and words and len(words) <= _ENDING_WORDS:
        found = _WORD.findall(_URL.sub(" ", node.text or "")) if node.tag == "#text" else []
        if found and found != words[-len(found) :]:
            return
        if found:
            words = words[: -len(found)]
            ended.append(node)
        above = node.parent
        node = _last_inside(node.prev) if node.prev is not None else above if above != body else None
    for piece in ended if not words else ():
        above = piece.parent
        piece.decompose()
        while above is not None and above != body and not (above.text or "").strip() and "<img" not in above.html:
            above, emptied = above.parent, above
            emptied.decompose()


def _last_inside(node: Any) -> Any:
    while node.last_child is not None:
        node = node.last_child
    return node


def _first_of_history(elements: list[Any], beginning: list[str]) -> Any:
    """The first element that a client marked as history, or that begins with the words by which it begins as text."""
    budget = limits.HTML_BYTES * 4
    for node in elements:
        if _begins_history(node):
            return node
        if len(beginning) > 1 and budget > 0:
            text = node.text or ""
            budget -= len(text)
            if _WORD.findall(text[:500])[: len(beginning)] == beginning:
                return node
    return None


def _first_words(quote: str) -> list[str]:
    line = next((line for line in quote.split("\n") if _WORD.search(line)), "")
    return _WORD.findall(line[:300])[:5]


def _is_remote_picture(node: Any) -> bool:
    return node.tag == "img" and not (node.getattr("src") or "").strip().lower().startswith("cid:")


def _is_hidden_or_remote(node: Any) -> bool:
    return _is_hidden(node) or _is_remote_picture(node)


def _begins_history(node: Any) -> bool:
    return not _BEGINNINGS.isdisjoint(_names(node)) or _is_quote(node)


def _remove_from(body: Any, first: Any) -> None:
    """Remove a node and all that follows it in the document."""
    node = first
    while node is not None and node != body:
        following = node.next
        while following is not None:
            after = following.next
            following.decompose()
            following = after
        node = node.parent
    first.decompose()


def _same_words(found: str, expected: str, allowed: str) -> bool:
    words, expected_words = _WORD.findall(_URL.sub(" ", found)), _WORD.findall(_URL.sub(" ", expected))
    if words == expected_words:
        return True
    there, wanted = Counter(words), Counter(expected_words)
    extra = there - wanted - Counter(_WORD.findall(allowed))
    missing = wanted - there
    # Link targets and list numbers stand in the text only; a few words more are no history, a sentence would be.
    return extra.total() <= max(1, there.total() // 50) and missing.total() <= max(1, wanted.total() // 6)
