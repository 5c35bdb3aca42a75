"""Recognise the lines by which a mail client introduces what it quotes.

Used by `quotes`. Each function looks at a few lines from a given place and answers where the introduction ends or
begins. They rest on structure (a date, an address, labels with colons) before words, so that they hold in languages
whose words nobody listed. All are linear in the (cut) length of a line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.parse import limits, quote_words

_LABEL = re.compile(r"^[\s*_|]{0,8}([^\W\d_][^:：<>@\n]{0,28}?)[\s*_]{0,4}[:：][\s*_]{0,4}(.*)$")
_ADDRESS = re.compile(r"[^\s<>()\[\]:;,\"]{1,64}@[^\s<>()\[\]:;,\"]{1,190}\.[^\s<>()\[\]:;,\"]{2,24}")
_YEAR = re.compile(r"(?<!\d)(?:19|20|25)\d\d(?!\d)|\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}\.\s?\d{1,2}\.\s?\d{2}")
# A weekday and a day: "pon., 2 mar". Some languages write both small.
_WEEKDAY = re.compile(r"[^\W\d_]{2,6}\.?,? \d{1,2}[ .]")
_TIME = re.compile(r"(?<!\d)\d{1,2}\s?[:.h時点시時点]\s?\d{2}(?!\d)|\d\s?[apAP]\.?[mM]\.?\b")
_RULE = re.compile(r"^\s*(?:[-_=*─—]\s?){5,}\s*$")
_DASHES = "-_*=—– \t"
_SUBJECT_PREFIX = re.compile(
    r"^\s*(?:\[[^\]]{1,40}\]\s*)?([^\s:：\[(]{1,20}(?: [^\s:：\[(]{1,12})?)\s*(?:[\[(]\d{1,3}[\])])?\s*[:：]"
)


@dataclass(frozen=True, kw_only=True)
class HeaderBlock:
    """The header of a mail as text: lines `start` to `end` (exclusive); `fields` maps meanings to values."""

    start: int
    end: int
    fields: dict[str, str]


def is_quoted(line: str) -> bool:
    """Whether the line is marked as quoted by ">" (or by "|" where a client writes "| >")."""
    return line.lstrip(" ")[:1] == ">" and not line.lstrip(" ").startswith(">From ")


def is_rule(line: str) -> bool:
    """Whether the line is nothing but a ruled line."""
    return bool(_RULE.match(line))


def is_delimiter(line: str) -> bool:
    """Whether the line is the one that we ask people to write above."""
    return line.count("=-=-=") >= 2


def is_original_marker(line: str) -> bool:
    """Whether the line says "Original message" between dashes, in any language that we know."""
    shown = line[:200].strip()
    return shown[:1] in _DASHES and shown[-1:] in _DASHES and _core(shown) in quote_words.ORIGINAL


def is_forward_marker(line: str) -> bool:
    """Whether the line announces a forwarded mail, between dashes or as Apple Mail writes it with a colon."""
    shown = line[:200].strip()
    if not shown or not (shown[0] in _DASHES and shown[-1] in _DASHES or shown.rstrip(" *").endswith((":", "："))):
        return False
    core = _core(shown)
    # Lotus Notes names the forwarder: "----- Forwarded by Anna Meyer/HQ on 01.06.2026 10:04 -----".
    return (
        core in quote_words.FORWARDED or shown[0] == "-" and core.startswith(("forwarded by ", "weitergeleitet von "))
    )


def _core(shown: str) -> str:
    return _lower(shown.strip(_DASHES + ":："))


def _lower(text: str) -> str:
    """Lower case in which the Turkish dotted capital is an ordinary "i" (Python gives it a second character)."""
    return text.replace("İ", "i").lower()


def is_forward_subject(subject: str) -> bool:
    """Whether the first prefix of the subject is one of forwarding."""
    found = _SUBJECT_PREFIX.match(subject)
    return found is not None and _lower(found[1].strip()) in quote_words.FORWARD_PREFIXES


def attribution_start(lines: Sequence[str], end: int, own: Sequence[str]) -> int | None:
    """The first line of the attribution ("On … wrote:") that stands directly above line `end`, None without one.

    Up to two blank lines may stand between. The fewest lines that are complete are taken, because people write their
    last words right above it.
    """
    last = end - 1
    while last >= 0 and end - last <= 3 and not lines[last].strip():
        last -= 1
    if last < 0 or not lines[last].strip() or is_quoted(lines[last]):
        return None
    for first in range(last, max(last - 5, -1), -1):
        if not lines[first].strip() or is_quoted(lines[first]):
            return None
        joined = " ".join(line.strip() for line in lines[first : last + 1])
        if _is_attribution(joined, own) and not _goes_on_above(joined):
            return first
    return None


def _goes_on_above(joined: str) -> bool:
    """Whether an attribution was wrapped, so that its beginning stands a line higher ("bob@example.org> wrote:")."""
    if joined.count(">") > joined.count("<"):
        return True
    if _YEAR.search(joined):
        return False
    verb = next((verb for verb in quote_words.WROTE if joined.lower().rstrip(" :：").endswith(verb)), "")
    writer = joined.rstrip(" :：").removesuffix(verb) if verb else joined
    begins_low = joined[:1].islower() and not _WEEKDAY.match(joined)
    return joined[:1] in "<(" or begins_low or not any(char.isalpha() for char in writer)


def attribution_end(lines: Sequence[str], start: int, own: Sequence[str]) -> int | None:
    """Behind which line an attribution ends that begins at `start` and is followed by unmarked text, None without one.

    As nothing marks the quote behind it, the evidence must be stronger: a full date and an address or a verb.
    """
    if start > 0 and lines[start - 1].strip() and not _YEAR.search(lines[start]):
        return None
    for end in range(start + 1, min(start + 4, len(lines)) + 1):
        if not lines[end - 1].strip():
            return None
        joined = " ".join(line.strip() for line in lines[start:end])
        if not _ends_open(joined) or not _is_attribution(joined, own):
            continue
        if _YEAR.search(joined):
            return end if _has_writer(joined, own) and (_TIME.search(joined) or _has_verb(joined)) else None
        # Gmail leaves the year out of its own: "pon., 2 mar, 09:00 Help Desk <helpdesk@…> napisał(a):". Polish clients
        # leave the date out: "Użytkownik Help Desk <helpdesk@…> napisał:".
        has_form = _TIME.search(joined) or names_the_writer(joined)
        if _has_verb(joined) and has_form and any(address in joined.lower() for address in own):
            return end
    return None


def names_the_writer(line: str) -> bool:
    """Whether a line begins as Polish clients begin an attribution ("Użytkownik …")."""
    return line[:20].lower().startswith(quote_words.WRITER)


def _is_attribution(joined: str, own: Sequence[str]) -> bool:
    if not _ends_open(joined) or len(joined) > 400:
        return False
    if _LABEL.match(joined) and not _YEAR.search(joined) and not _has_verb(joined) and "@" not in joined:
        return False
    if _YEAR.search(joined):
        return bool(_TIME.search(joined)) or _has_writer(joined, own)
    return len(joined) <= 200 and _has_verb(joined) and ("@" in joined or names_the_writer(joined) or len(joined) <= 80)


def _ends_open(joined: str) -> bool:
    """Whether the text ends like an introduction: with a colon, or with the verb that stands last in some languages."""
    end = joined.rstrip(" *_\xa0")
    return end.endswith((":", "：")) or end.endswith(quote_words.WROTE)


def _has_verb(joined: str) -> bool:
    lowered = joined.lower()
    return any(verb in lowered for verb in quote_words.WROTE)


def _has_writer(joined: str, own: Sequence[str]) -> bool:
    lowered = joined.lower()
    return bool(_ADDRESS.search(joined)) or any(address in lowered for address in own) or _has_verb(joined)


def header_block(lines: Sequence[str], start: int, own: Sequence[str]) -> HeaderBlock | None:
    """The header block ("From: … Sent: … To: … Subject: …") that begins at line `start`, None without one."""
    first = _LABEL.match(lines[start][: limits.QUOTE_LINE_CHARACTERS])
    if not first:
        return None
    fields: dict[str, str] = {}
    values: list[str] = []
    position = start
    blanks = 0
    while position < len(lines) and position - start < 40 and len(values) < 10:
        line = lines[position][: limits.QUOTE_LINE_CHARACTERS]
        found = _LABEL.match(line)
        if not line.strip():
            # One blank line between fields: paragraphs of an HTML mail.
            blanks += 1
            if blanks > 1 or not values or "subject" in fields:
                break
        elif found and (_meaning(found[1]) or blanks == 0):
            meaning = _meaning(found[1])
            if meaning:
                fields.setdefault(meaning, found[2].strip())
            values.append(found[2])
            blanks = 0
            if meaning is None and "subject" in fields and len(fields) >= 3:
                values.pop()
                break
        elif blanks == 0 and _continues(line):
            values[-1] += " " + line.strip()
        else:
            break
        position += 1
    while position > start and not lines[position - 1].strip():
        position -= 1
    if not _is_header_block(first[1], fields, values, own):
        return None
    return HeaderBlock(start=start, end=position, fields=_complete(fields, values))


def _continues(line: str) -> bool:
    return "@" in line or ";" in line or line[:1] in (" ", "\t")


def _meaning(label: str) -> str | None:
    clean = _lower(label.strip(" *_\xa0\t"))
    for meaning, words in (
        ("from", quote_words.FROM),
        ("sent", quote_words.SENT),
        ("to", quote_words.TO),
        ("subject", quote_words.SUBJECT),
        ("copy", quote_words.COPY),
    ):
        if clean in words:
            return meaning
    return None


def _is_header_block(first_label: str, fields: dict[str, str], values: list[str], own: Sequence[str]) -> bool:
    """Forms ("Name: … Date: … Room: …") and travel plans ("From: … To: …") look alike: ask for more."""
    if len(values) < 2:
        return False
    together = " ".join(values).lower()
    dated = any(_YEAR.search(value) and _TIME.search(value) for value in values)
    if "from" in fields and "subject" in fields and (len(fields) >= 3 or "@" in together or dated):
        return True
    if len(values) < 3:
        return False
    if "from" in fields and dated and ("@" in together or len(fields) >= 3):
        return True
    if dated and any(address in together for address in own):
        return True
    # A language that we have no words for: a mailbox first, then a moment.
    return dated and bool(_ADDRESS.search(values[0])) and _meaning(first_label) in (None, "from", "to")


def _complete(fields: dict[str, str], values: list[str]) -> dict[str, str]:
    if "from" not in fields and values:
        fields = {**fields, "from": values[0].strip()}
    return fields


def first_address(text: str) -> str:
    """The first mail address in a text, in lower case, "" without one."""
    found = _ADDRESS.search(text[: limits.QUOTE_LINE_CHARACTERS])
    return found[0].strip("'<>.").lower() if found else ""
