"""The conditions of rules: what each looks at in a mail.

Every condition asks one question: which of the entries that the rules have for it are there in this mail? All entries
of all rules are looked for at once (`sets`); a rule then only looks up its own (`requirements`). So the cost of a mail
hardly depends on how many rules there are, and what no rule asks for is not looked at.

To add a condition: a key in `policy.conditions.Condition`, one function here, and one row in `CONDITIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway.policy.measures import INSIDE, OUTSIDE, count_of, is_of_size, period_of
from gateway.policy.people import NO, YES, says_no, says_yes
from gateway.policy.promises import DESK
from gateway.sla.days import is_working_time
from gateway.triage.sets import PatternSet, PhraseSet, wildcard_patterns
from gateway.triage.view import View
from gateway.triage.words import fold, value_patterns, word_patterns
from gateway.worktime import is_open

# An entry of one condition as the rule's author wrote it: ("subject", "vpn"), ("header:list-id", "announce").
Entry = tuple[str, str]
# What stands before the key of a pattern: ("pattern.subject", "…").
PATTERN = "pattern."
_TEXTS = ("words", "subject", "body")


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """All entries of all rules: by key as they were written, and by the way in which they are looked for."""

    asked: Mapping[str, tuple[str, ...]]
    words: PhraseSet
    addresses: PhraseSet
    filenames: PhraseSet
    values: PhraseSet
    text_patterns: PatternSet
    short_patterns: PatternSet
    header_names: tuple[str, ...]
    attributes: tuple[str, ...]

    def asks(self, *keys: str) -> bool:
        """Whether any rule has one of these keys."""
        return any(key in self.asked for key in keys)


def build_vocabulary(entries: Iterable[Entry]) -> Vocabulary:
    """Compile the entries of all rules once."""
    by_key: dict[str, dict[str, None]] = {}
    for key, entry in entries:
        by_key.setdefault(key, {})[entry] = None

    def all_of(*keys: str) -> list[str]:
        return [entry for key in keys for entry in by_key.get(key, ())]

    headers = _names_behind("header:", by_key)
    people = _names_behind("person:", by_key)
    in_text = [PATTERN + key for key in _TEXTS]
    elsewhere = [key for key in by_key if key.startswith(PATTERN) and key not in in_text]
    words = all_of(*_TEXTS, *(f"header:{name}" for name in headers))
    return Vocabulary(
        asked={key: tuple(entries) for key, entries in by_key.items()},
        words=PhraseSet((word for word in words if word != "*"), word_patterns, whole=False),
        addresses=PhraseSet(all_of("from", "to", "domain", "desk"), wildcard_patterns, whole=True),
        filenames=PhraseSet(all_of("attachment", "attachment_type"), wildcard_patterns, whole=True),
        values=PhraseSet(all_of(*(f"person:{name}" for name in people)), value_patterns, whole=True),
        text_patterns=PatternSet(all_of(*in_text)),
        short_patterns=PatternSet(all_of(*elsewhere)),
        header_names=tuple(dict.fromkeys((*headers, *_names_behind(f"{PATTERN}header:", by_key)))),
        attributes=tuple(people),
    )


def _names_behind(prefix: str, keys: Iterable[str]) -> list[str]:
    return [key.removeprefix(prefix) for key in keys if key.startswith(prefix)]


Found = Iterator[Entry]
Look = Callable[[View, Vocabulary], Found]


def _words(view: View, vocabulary: Vocabulary) -> Found:
    """Words in the subject, in the new text, and so in either."""
    in_subject = vocabulary.words.found_in(fold(view.subject))
    in_body = vocabulary.words.found_in(fold(view.body))
    yield from (("subject", word) for word in in_subject)
    yield from (("body", word) for word in in_body)
    yield from (("words", word) for word in in_subject | in_body)


def _text_patterns(view: View, vocabulary: Vocabulary) -> Found:
    """Patterns in the subject, in the new text, and so in either."""
    in_subject = vocabulary.text_patterns.found_in(view.subject)
    in_body = vocabulary.text_patterns.found_in(view.body)
    yield from (("pattern.subject", pattern) for pattern in in_subject)
    yield from (("pattern.body", pattern) for pattern in in_body)
    yield from (("pattern.words", pattern) for pattern in in_subject | in_body)


def _headers(view: View, vocabulary: Vocabulary) -> Found:
    """Words and patterns in a header; "*" for its being there at all."""
    for name in vocabulary.header_names:
        values = view.mail.all_headers(name)
        if not values:
            continue
        yield f"header:{name}", "*"
        if vocabulary.asks(f"header:{name}"):
            yield from ((f"header:{name}", word) for word in vocabulary.words.found_in(fold("\n".join(values))))
        if vocabulary.asks(f"pattern.header:{name}"):
            found = vocabulary.short_patterns.found_in("\n".join(values))
            yield from ((f"pattern.header:{name}", pattern) for pattern in found)


def _sender(view: View, vocabulary: Vocabulary) -> Found:
    yield from (("from", pattern) for pattern in vocabulary.addresses.found_in(view.sender.casefold()))


def _domain(view: View, vocabulary: Vocabulary) -> Found:
    domain = view.sender.rpartition("@")[2].casefold()
    yield from (("domain", pattern) for pattern in vocabulary.addresses.found_in(domain))


def _sender_patterns(view: View, vocabulary: Vocabulary) -> Found:
    """In the address, or in the name beside it."""
    for text in (view.sender, view.sender_name):
        yield from (("pattern.from", pattern) for pattern in vocabulary.short_patterns.found_in(text))


def _recipients(view: View, vocabulary: Vocabulary) -> Found:
    for address in view.addresses:
        yield from (("to", pattern) for pattern in vocabulary.addresses.found_in(address.casefold()))


def _desk(view: View, vocabulary: Vocabulary) -> Found:
    """Which of the desk's own addresses it went to; one with a tag is the address without it too."""
    for address in view.desk_addresses:
        yield from (("desk", pattern) for pattern in vocabulary.addresses.found_in(address))


def _attachments(view: View, vocabulary: Vocabulary) -> Found:
    for attachment in view.mail.attachments:
        name = attachment.filename
        yield from (("attachment", pattern) for pattern in vocabulary.filenames.found_in(name.casefold()))
        for pattern in vocabulary.filenames.found_in(attachment.content_type.casefold()):
            yield "attachment_type", pattern
        yield from (("pattern.attachment", pattern) for pattern in vocabulary.short_patterns.found_in(name))
        for text in vocabulary.asked.get("attachment_size", ()):
            if is_of_size(text, attachment.size_bytes):
                yield "attachment_size", text


def _size(view: View, vocabulary: Vocabulary) -> Found:
    yield from (("size", text) for text in vocabulary.asked["size"] if is_of_size(text, view.mail.size_bytes))


def _language(view: View, vocabulary: Vocabulary) -> Found:
    """The language as it is written, and without its region: "pt-BR" is "pt" too."""
    language = view.mail.language.casefold()
    yield "language", language
    yield "language", language.partition("-")[0]


def _kind(view: View, vocabulary: Vocabulary) -> Found:
    yield "kind", view.kind.value


def _time(view: View, vocabulary: Vocabulary) -> Found:
    """When it arrived, by the clock where the desk is."""
    moment, policy = view.known.received_at, view.policy
    if moment is None or policy is None:
        return
    for text in vocabulary.asked["time"]:
        if text in (INSIDE, OUTSIDE):
            holds = is_working_time(policy.work_calendar(DESK), moment) is (text == INSIDE)
        else:
            holds = is_open(moment, hours=text, time_zone=policy.desk.time_zone)
        if holds:
            yield "time", text


def _authenticated(view: View, vocabulary: Vocabulary) -> Found:
    author = view.mail.sender.address if view.mail.sender is not None else ""
    yield "authenticated", YES if view.known.authenticated and view.sender == author else NO


def _auth(view: View, vocabulary: Vocabulary) -> Found:
    """What a believed Authentication-Results header says; nothing where none is believed."""
    said = view.known.auth
    if said is not None:
        yield "auth:spf", said.spf or "none"
        yield "auth:dkim", said.dkim or "none"
        yield "auth:dmarc", said.dmarc or "none"


def _person(view: View, vocabulary: Vocabulary) -> Found:
    """What the people table says of the sender; what it does not say means no."""
    for name in vocabulary.attributes:
        value = view.person.get(name, "")
        if says_yes(value):
            yield f"person:{name}", YES
        if says_no(value):
            yield f"person:{name}", NO
        if value:
            yield f"person:{name}", "*"
            yield from ((f"person:{name}", pattern) for pattern in vocabulary.values.found_in(fold(value)))


def _tickets(view: View, vocabulary: Vocabulary) -> Found:
    """How many tickets the sender has opened, the one that this mail opens too."""
    counted = {one.period: one.count for one in view.known.tickets if one.address == view.sender}
    this_one = 1 if view.occasion == "open" else 0
    for text in vocabulary.asked["tickets"]:
        if counted.get(period_of(text), 0) + this_one >= count_of(text):
            yield "tickets", text


# Which keys of `when` a function answers for; a test holds that every key has its row.
CONDITIONS: tuple[tuple[tuple[str, ...], Look], ...] = (
    (("words", "subject", "body"), _words),
    (("pattern.words", "pattern.subject", "pattern.body"), _text_patterns),
    (("header", "pattern.header"), _headers),
    (("from",), _sender),
    (("pattern.from",), _sender_patterns),
    (("domain",), _domain),
    (("to",), _recipients),
    (("desk",), _desk),
    (("attachment", "attachment_type", "attachment_size", "pattern.attachment"), _attachments),
    (("size",), _size),
    (("language",), _language),
    (("kind",), _kind),
    (("time",), _time),
    (("authenticated",), _authenticated),
    (("auth",), _auth),
    (("person",), _person),
    (("tickets",), _tickets),
)


def look(view: View, vocabulary: Vocabulary) -> frozenset[Entry]:
    """List every entry of every rule that is there in a mail."""
    asked = {key.partition(":")[0] for key in vocabulary.asked}
    functions = (function for keys, function in CONDITIONS if not asked.isdisjoint(keys))
    return frozenset(entry for function in functions for entry in function(view, vocabulary))
