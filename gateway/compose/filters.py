"""The filters that templates may use besides a few of Jinja's own.

========  ==============================================================================================
body      what a person wrote: ``{{ message | body }}``; as text in the text body, as safe HTML in the other
links     the links of a mail to an agent in one line, behind a title: ``{{ links | links("Reply with:") }}``
framed    the same, set off by a line at its side
when      a time (ISO 8601) as one reads it in the mail's language
until     the same of an end: midnight is 24:00 of the day before
word      what a field of closed words holds, in the mail's language: ``{{ ticket.status | word("status") }}``
size      a number of bytes as KB or MB
who       a person for agents: the address, then the name, which anyone can choose
short     a sentence for a subject: at most 70 characters, without what stands behind a colon where it is longer
spoken    a display name as one speaks it: "Muster, Erika (IT)" is Erika Muster; "" for what is no name
========  ==============================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html import escape

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from gateway.compose.person import sanitise, shortened, text_to_html
from gateway.compose.phrases import written, written_end
from gateway.compose.words import Body, mark
from gateway.phrase import Lookup, Phrase, in_words, word
from gateway.subject import one_line

_SPOKEN = re.compile(r"[^\W\d_][A-Za-z .'`\u0080-\U0010ffff-]{0,60}")


_SHORT_CHARS = 70


@dataclass(kw_only=True)
class Rendering:
    """What one rendering collects: the bodies in order. `as_html` puts them in at once (an `.html` template).

    `look_up` gives the words of the mail's language for a phrase.
    """

    content_ids: frozenset[str] = frozenset()
    as_html: bool = False
    look_up: Lookup = str
    bodies: list[Body] = field(default_factory=list)

    def insert_links(self, title: str, links: object) -> str:
        """One line of commands, each a link in the HTML; the text body has the same words."""
        lines = [link for link in links if isinstance(link, Mapping)] if isinstance(links, list) else []
        text = " · ".join(str(link.get("line", "")) for link in lines)
        anchors = [_anchor(str(link.get("href", "")), str(link.get("line", ""))) for link in lines]
        html = " ".join([*(f'<span style="white-space:nowrap">{one} ·</span>' for one in anchors[:-1]), *anchors[-1:]])
        body = Body(text=f"{title} {text}", html=f'<p style="margin:0">{escape(title)} {html}</p>')
        if not lines:
            return ""
        if self.as_html:
            return Markup(body.html)  # noqa: S704 - escaped on the lines above
        self.bodies.append(body)
        return mark(len(self.bodies) - 1)

    def insert(self, message: object, *, framed: bool) -> str:
        values = message if isinstance(message, Mapping) else {"text": message}
        text, html = str(values.get("text") or ""), str(values.get("html") or "")
        safe = sanitise(html, self.content_ids) if html.strip() else ""
        body = Body(text=shortened(text), html=safe or text_to_html(shortened(text)), framed=framed)
        if not body.html:
            return ""
        if self.as_html:
            return Markup(body.html)  # noqa: S704 - sanitised or escaped on the line above
        self.bodies.append(body)
        return mark(len(self.bodies) - 1)


def _anchor(href: str, words: str) -> str:
    """A link with room for a thumb; only our own kind."""
    shown = escape(words)
    if not href.startswith("mailto:"):
        return shown
    return f'<a href="{escape(href)}" style="display:inline-block;padding:.4em 0">{shown}</a>'


@pass_context
def _links(context: Context, links: object, title: str) -> str:
    return _rendering(context).insert_links(title, links)


@pass_context
def _body(context: Context, message: object) -> str:
    return _rendering(context).insert(message, framed=False)


@pass_context
def _framed(context: Context, message: object) -> str:
    return _rendering(context).insert(message, framed=True)


def _rendering(context: Context) -> Rendering:
    rendering = context["rendering"]
    assert isinstance(rendering, Rendering)
    return rendering


@pass_context
def _when(context: Context, value: object) -> str:
    """Text that is no ISO 8601 time is shown as it is."""
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    return written(time, str(context["language"]))


@pass_context
def _until(context: Context, value: object) -> str:
    """As `when`, but nobody reads "until 3 March, 00:00" as the night before that day."""
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    return written_end(time, str(context["language"]))


@pass_context
def _word(context: Context, value: object, of: str) -> str:
    phrase = word(of, str(value))
    return in_words(phrase, _rendering(context).look_up, str) if isinstance(phrase, Phrase) else phrase


@pass_context
def _size(context: Context, value: object) -> str:
    count, language = int(str(value)), context["language"]
    unit = "o" if language == "fr" else "B"
    if count < 1000:
        return f"{count} {unit}"
    if count < 1_000_000:
        return f"{round(count / 1000)} K{unit}"
    number = f"{count / 1_000_000:.1f}"
    return f"{number if language == 'en' else number.replace('.', ',')} M{unit}"


def _who(value: object) -> str:
    person = value if isinstance(value, Mapping) else {}
    name = one_line(str(person.get("name") or ""))
    return f"{person.get('address', '')} ({name})" if name else str(person.get("address", ""))


def _short(value: object) -> str:
    text = one_line(str(value))
    if len(text) > _SHORT_CHARS and (colon := re.search(r"(?<=.{20})\s?:\s", text)):
        text = text[: colon.start()]
    return text if len(text) <= _SHORT_CHARS else text[:_SHORT_CHARS].rpartition(" ")[0] + " …"


def _spoken(value: object) -> str:
    """A name with an address, a link, digits or more than a few words greets nobody: it may be an advertisement."""
    name = re.sub(r" ?[(\[].*$", "", one_line(str(value)[:200])).strip(" '\"")
    last, comma, first = name.partition(",")
    if comma and "," not in first:
        name = f"{first.strip()} {last.strip()}".strip()
    return name if _SPOKEN.fullmatch(name) and name.count(" ") < 5 else ""


FILTERS: dict[str, Callable[..., str]] = {
    "body": _body,
    "framed": _framed,
    "links": _links,
    "when": _when,
    "until": _until,
    "word": _word,
    "size": _size,
    "who": _who,
    "short": _short,
    "spoken": _spoken,
}
