"""The commands for what a ticket has many of: `#tag vpn -printer`, and `#set host=srv1` for fields with names."""

from __future__ import annotations

from gateway.options.suggestions import did_you_mean
from gateway.phrase import say
from gateway.policy.captures import LONGEST_VALUE_CHARS
from gateway.policy.settable import as_field_name, as_language, as_tag
from gateway.subject import one_line
from gateway.ticket import LANGUAGES, Authority, Field, FieldValue
from gateway.triage.work import Refusal, Work

_MOST_TAGS = 20
# What has a command of its own.
_COMMANDED = ("type", "category", "impact", "urgency", "priority", "hold", "requester", "tag")


def tag(work: Work, argument: str) -> Work | Refusal:
    """Add words to find the ticket by; one with a minus before it is taken away, for good."""
    words = argument.replace(",", " ").split()
    if not words or len(words) > _MOST_TAGS:
        return Refusal(why=say("names no tag"))
    added: list[str] = []
    removed: list[str] = []
    for word in words:
        name = as_tag(word.lstrip("+-"))
        if not name:
            return Refusal(why=say("“{tag}” is no tag", tag=word))
        if word.startswith("-") and name not in work.ticket.tags:
            return Refusal(why=say("the ticket has no tag “{tag}”", tag=name))
        (removed if word.startswith("-") else added).append(name)
    kept = [name for name in work.ticket.tags if name not in removed]
    tags = tuple(dict.fromkeys([*kept, *added]))
    values = [_value(Field.TAG, name, name=name) for name in added]
    values += [_value(Field.TAG, "", name=name) for name in removed]
    told = say("tagged {tags}", tags=added) if added else say("no longer tagged {tags}", tags=removed)
    if added and removed:
        told = say("tagged {tags}, no longer {others}", tags=added, others=removed)
    return work.with_values(tuple(values), tags=tags, told=told)


def set_field(work: Work, argument: str) -> Work | Refusal:
    """Set a field with a name, the asset, or the language of the mails; nothing behind the = empties it."""
    written, equals, rest = argument.partition("=")
    name, value = written.strip().casefold(), one_line(rest)[:LONGEST_VALUE_CHARS]
    if not equals or not name:
        return Refusal(why=say("does not say what is set to what"))
    if name in _COMMANDED:
        return Refusal(why=say("has a command of its own"), suggestion=f"#{name} {value}".strip())
    told = say("{name} is now {value}", name=name, value=value) if value else say("{name} is now empty", name=name)
    if name == Field.ASSET:
        return work.with_values((_value(Field.ASSET, value),), asset=value, told=told)
    if name == Field.LANGUAGE:
        language = as_language(value)
        if not language:
            suggestion = f"#set language={'|'.join(LANGUAGES)}"
            return Refusal(why=say("the desk does not write in this language"), suggestion=suggestion)
        return work.with_values((_value(Field.LANGUAGE, language),), language=language, told=told)
    known = tuple(dict.fromkeys([*work.policy.field_names, *(field for field, _ in work.ticket.named)]))
    if as_field_name(name) not in known:
        near = did_you_mean(name, known).removeprefix('did you mean "').removesuffix('"?')
        listed = "|".join(filter(None, [near] if near else ["asset", "language", *known]))
        return Refusal(why=say("there is no field “{name}”", name=name), suggestion=f"#set {listed}=…")
    named = {field: text for field, text in work.ticket.named if field != name} | ({name: value} if value else {})
    return work.with_values((_value(Field.NAMED, value, name=name),), named=tuple(named.items()), told=told)


def _value(field: Field, value: str, *, name: str = "") -> FieldValue:
    return FieldValue(field=field, value=value, authority=Authority.AGENT, name=name)
