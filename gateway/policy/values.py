"""The kinds of text that a policy is written in, each checked where it stands: addresses, names, categories, words."""

from __future__ import annotations

import re
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field

from gateway.options.shapes import OneOrMany, shaped
from gateway.options.suggestions import did_you_mean
from gateway.options.tables import wrong
from gateway.ticket import Priority, TicketType
from gateway.worktime import is_opening_hours

_ADDRESS = re.compile(r"[^@\s<>()\[\],;:\\\"]+@(?:[^\W_](?:[\w-]*[^\W_])?\.)*[^\W_](?:[\w-]*[^\W_])?")
_DOMAIN = re.compile(r"(?:\*\.)?(?:[^\W_](?:[\w-]*[^\W_])?\.)*[^\W_](?:[\w-]*[^\W_])?")
_NAME = re.compile(r"[^\W_](?:[\w.&+-]*[\w+])?")
_CATEGORY_PART = re.compile(r"[^\s/](?:[^/]*[^\s/])?")
_PREFIX = re.compile(r"[A-Z]{2,10}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})?")
_LANGUAGE_SHAPE = "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$"
_HEADER = re.compile(r"[!-9;-~]+")


def is_address(text: str) -> bool:
    """Say whether a text is a bare e-mail address."""
    return _ADDRESS.fullmatch(text) is not None


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        inner = re.search(r"<([^<>]+)>", text)
        hint = f'write only "{inner[1]}"' if inner else "write it like helpdesk@example.com"
        raise wrong(f'"{text}" is not an e-mail address', hint)
    return text.lower()


def _domain(text: str) -> str:
    bare = text.rpartition("@")[2]
    if bare != text or not _DOMAIN.fullmatch(text):
        hint = f'write "{bare}"' if _DOMAIN.fullmatch(bare) else 'write it like "example.com" or "*.example.com"'
        raise wrong(f'"{text}" is not a domain', hint)
    return text.lower()


def _address_pattern(text: str) -> str:
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain or any(character.isspace() for character in text):
        raise wrong(f'"{text}" is not an address', f'for everybody of a domain write "*@{domain.lstrip("*@") or text}"')
    if not text.replace("*", "").replace("@", "").strip("."):
        raise wrong(f'"{text}" matches everybody', "leave it out")
    return text.lower()


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        hint = re.sub(r"[^\w]+", "-", text).strip("-_").lower()
        raise wrong(f'"{text}" is not a short name without spaces', f'write "{hint}"' if hint else "")
    return text


def _full_name(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise wrong("is empty" if not text.strip() else "has characters that can't be printed")
    return " ".join(text.split())


def _category_part(text: str) -> str:
    if text and not _CATEGORY_PART.fullmatch(text):
        raise wrong(f'"{text}" is not one category', 'write "/" only in the set of a rule')
    return text


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise wrong(f'"{text}" is not a prefix', "write two to ten capital letters, like INC")
    return text


def _language(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise wrong(f'"{text}" is not a language', 'write its code, like "en", "de" or "pt-BR"')
    return text


def is_time_zone(text: str) -> bool:
    """Say whether a text names a time zone."""
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _time_zone(text: str) -> str:
    if not is_time_zone(text):
        raise wrong(f'"{text}" is not a time zone', _nearest_zone(text))
    return text


def _nearest_zone(text: str) -> str:
    zones = available_timezones()
    return did_you_mean(text, zones) or did_you_mean(text, {zone.rpartition("/")[2]: zone for zone in zones})


def _working_hours(text: str) -> str:
    if not is_opening_hours(text):
        hint = 'write them like "Mo-Fr 08:00-17:00" or "Mo-Th 08:00-17:00; Fr 08:00-14:00"'
        raise wrong(f'"{text}" is not understood as working hours', hint)
    return text


# What only regular expressions have; each could stand in a word by the letter, but nobody asks for that.
_PATTERN_LIKE = re.compile(
    r"[\x07\x08\x0b\x0c]"  # "\bvpn" in double quotes: TOML has read the \b
    r"|(?:^|[\s(|])\\[bBAdDwWsS]|\\[bBzZ](?:$|[\s)|])|\\[dDwWsS][+*{]"
    r"|\(\?|\([^()]*\|[^()]*\)|\.[*+][^\s*]|\.\+|^\^\w|\[\^?(?:a-z|A-Z|0-9)|\w\{\d+,?\d*\}"
)


def _word(text: str) -> str:
    if not text.strip():
        raise wrong("is an empty word", "leave it out")
    if _PATTERN_LIKE.search(text):
        shown = text.replace("\b", r"\b")
        raise wrong(
            f'"{shown}" looks like a pattern, but words are taken by the letter', f"write pattern = '{shown}' instead"
        )
    if not any(character.isalnum() for character in text) and not text.replace("*", "").strip():
        raise wrong(f'"{text}" matches every word', "leave it out")
    parts = text.split()
    for number, part in enumerate(parts):
        between_words = part == "*" and 0 < number < len(parts) - 1
        if "*" in part and len(part.replace("*", "")) < 2 and not between_words:
            raise wrong(f'"{text}" matches too much', "write at least two letters beside a *")
    return text


def _header_word(text: str) -> str:
    return text if text == "*" else _word(text)


def _file_pattern(text: str) -> str:
    if not text.replace("*", "").strip():
        raise wrong(f'"{text}" matches every file' if text else "is an empty name", 'write it like "*.pdf"')
    return text


def _header_name(text: str) -> str:
    if not _HEADER.fullmatch(text):
        raise wrong(f'"{text}" is not the name of a header', 'write it like "List-Id"')
    return text.lower()


def _spam_header(text: str) -> str:
    name, _, value = text.partition(":")
    if not _HEADER.fullmatch(name.strip()) or not name.strip():
        raise wrong(f'"{text}" is no header', 'write it like "X-Spam-Flag" or "X-My-Filter: spam"')
    return f"{name.strip()}: {value.strip()}" if value.strip() else name.strip()


def _list_id(text: str) -> str:
    bare = text.strip().removeprefix("<").removesuffix(">").lower()
    if not bare or any(character.isspace() or character in "<>" for character in bare):
        raise wrong(f'"{text}" is no List-Id', 'write what stands in < > of the List-Id header: "staff.example.com"')
    return bare


def one_or_many(value: object) -> object:
    """Let a single text stand for a list of one."""
    return [value] if isinstance(value, str) else value


Address = Annotated[str, AfterValidator(_address), shaped(r"^[^@\s<>]+@[^@\s<>]+$", "helpdesk@example.com")]
AddressPattern = Annotated[
    str, AfterValidator(_address_pattern), shaped(r"^\S+@\S+$", "anna@example.com", "*@hr.example.com")
]
Domain = Annotated[str, AfterValidator(_domain), shaped(r"^(\*\.)?[^@\s*]+$", "example.com", "*.example.com")]
Name = Annotated[str, AfterValidator(_name), shaped(r"^\S+$", "network")]
NameOrNone = Annotated[str, AfterValidator(lambda text: text and _name(text)), shaped(r"^\S*$", "anna")]
FullName = Annotated[str, AfterValidator(_full_name), shaped(r"\S")]
CategoryPart = Annotated[str, AfterValidator(_category_part), shaped("^[^/]*$", "network")]
Prefix = Annotated[str, AfterValidator(_prefix), shaped("^[A-Z]{2,10}$", "INC")]
Language = Annotated[str, AfterValidator(_language), shaped(_LANGUAGE_SHAPE, "en", "de", "pt-BR")]
LanguageOrNone = Annotated[
    str, AfterValidator(lambda text: text and _language(text)), shaped(f"{_LANGUAGE_SHAPE}|^$", "en", "de", "pt-BR")
]
TimeZone = Annotated[str, AfterValidator(_time_zone), shaped(r"^\S+$", "Europe/Berlin")]
WorkingHours = Annotated[
    str, AfterValidator(_working_hours), shaped(r"\S", "Mo-Fr 08:00-17:00", "Mo-Th 08:00-17:00; Fr 08:00-14:00")
]
TimeZoneOrNone = Annotated[
    str, AfterValidator(lambda text: text and _time_zone(text)), shaped(r"^\S*$", "Europe/Berlin")
]
WorkingHoursOrNone = Annotated[
    str, AfterValidator(lambda text: text and _working_hours(text)), shaped("", "Mo-Fr 08:00-17:00")
]
Word = Annotated[str, AfterValidator(_word), shaped(r"\S")]
FilePattern = Annotated[str, AfterValidator(_file_pattern), shaped(r"[^*\s]", "*.pdf", "invoice*")]
HeaderWord = Annotated[str, AfterValidator(_header_word), shaped(r"\S")]
HeaderName = Annotated[str, AfterValidator(_header_name), shaped("^[!-9;-~]+$", "List-Id")]
SpamHeader = Annotated[str, AfterValidator(_spam_header), shaped(r"^\s*[!-9;-~]", "X-Spam-Flag", "X-My-Filter: spam")]
ListId = Annotated[str, AfterValidator(_list_id), shaped(r"\S", "staff.example.com")]

# TOML knows texts and lists only; enums and tuples are read from them.
Type = Annotated[TicketType, Field(strict=False)]
PriorityName = Annotated[Priority, Field(strict=False)]
Words = Annotated[tuple[Word, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
HeaderWords = Annotated[tuple[HeaderWord, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
Addresses = Annotated[tuple[Address, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
AddressPatterns = Annotated[tuple[AddressPattern, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
Domains = Annotated[tuple[Domain, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
Names = Annotated[tuple[Name, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
People = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()
]
Languages = Annotated[tuple[Language, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
SpamHeaders = Annotated[tuple[SpamHeader, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
ListIds = Annotated[tuple[ListId, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
FilePatterns = Annotated[tuple[FilePattern, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
