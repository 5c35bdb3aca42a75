"""The people table: what the organisation knows of those who write, by their address.

`[[person]]` in rules.toml and a CSV file beside it (`[people] file`) are one table; what rules.toml says of an address
goes before what the CSV says. Some attributes are known (`KNOWN`), the others are free: every further key or column is
one. Who writes from several addresses is one person under all of them. What may fail: a CSV that can't be read as a
whole, with file and line of every mistake; an address of two persons.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, WithJsonSchema, model_validator

from gateway.errors import Problem
from gateway.options.shapes import shaped
from gateway.options.suggestions import did_you_mean
from gateway.options.tables import OptionTable, wrong
from gateway.policy.values import Address, Addresses, is_address
from gateway.ticket import LANGUAGES

# What is known of one person: attribute → text.
Attributes = Mapping[str, str]

# What templates may say of everybody, whether the table knows it or not.
KNOWN = ("department", "site", "vip", "language", "manager", "deputy")
OTHERS = "other_addresses"

YES, NO = "yes", "no"
_YES_WORDS = frozenset({"yes", "true", "1", "x", "y", "on", "ja", "oui", "si", "sí", "sim"})
_NO_WORDS = frozenset({"", "no", "false", "0", "n", "off", "nein", "non", "não", "nao"})
_ATTRIBUTE = re.compile(r"[^\W\d_][\w-]*")
_ADDRESS_COLUMNS = ("address", "email", "e-mail", "e_mail", "mail", "e-mail_address", "email_address", "mail_address")
_QUOTES = 'a cell that begins with " must end with one'
# A mistake in every line is one mistake.
_MOST_PROBLEMS = 20


def attribute_name(text: str) -> str:
    """Spell an attribute as rules do: "Cost Center" is cost_center."""
    name = "_".join(text.split()).casefold()
    if not _ATTRIBUTE.fullmatch(name):
        raise wrong(f'"{text}" is not the name of an attribute', 'write one word, like "department"')
    return name


def attribute_text(value: object) -> str:
    """Write a value of rules.toml as the CSV would have it."""
    if isinstance(value, bool):
        return YES if value else NO
    if isinstance(value, str | int | float):
        return " ".join(str(value).split())
    raise wrong("should be a text, a number, true or false")


def says_yes(text: str) -> bool:
    """Whether an attribute means yes, however it is written."""
    return text.casefold() in _YES_WORDS


def says_no(text: str) -> bool:
    """Whether an attribute means no; what is not there means no."""
    return text.casefold() in _NO_WORDS


AttributeName = Annotated[str, AfterValidator(attribute_name), shaped(r"\S", "department")]
AttributeText = Annotated[
    str, BeforeValidator(attribute_text), WithJsonSchema({"type": ["string", "number", "boolean"]})
]


class Person(OptionTable):
    """`[[person]]`: what is known of somebody who writes; every further key is an attribute that rules may ask for."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, AttributeText]

    address: Address
    """The address that the person writes from."""
    other_addresses: Addresses = ()
    """Other addresses of the same person: mails from any of them are the same requester's."""
    name: str = ""
    """The full name."""
    department: AttributeText = ""
    """Where the person works, as rules and mails say it."""
    site: AttributeText = ""
    """The building or town."""
    vip: AttributeText = ""
    """true for somebody whose trouble goes first."""
    language: AttributeText = ""
    """The language of the desk's mails to this person: en, de, fr, es or pt; "" = that of the person's own mails."""
    manager: AttributeText = ""
    """Who decides for the person, best as an address."""
    deputy: AttributeText = ""
    """Who stands in for the person, best as an address."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        for key in self.__pydantic_extra__:
            attribute_name(key)
        return self

    @property
    def attributes(self) -> Attributes:
        known = {key: str(getattr(self, key)) for key in ("name", *KNOWN)}
        named = {key: value for key, value in known.items() if value}
        return named | {attribute_name(key): value for key, value in self.__pydantic_extra__.items()}


class People(OptionTable):
    """`[people]`: a CSV file with more people."""

    file: str = ""
    """A CSV file beside rules.toml, one person in each line: the column "address" and one for each attribute."""


def people_of(persons: Iterable[Person], rows: Mapping[str, Attributes]) -> dict[str, Attributes]:
    """Put both sources together; what rules.toml says goes before."""
    people = dict(rows)
    for person in persons:
        people[person.address] = {**people.get(person.address, {}), **person.attributes}
    return people


def others_of(persons: Iterable[Person], rows: Mapping[str, Attributes]) -> tuple[tuple[str, str], ...]:
    """Whose every other address is: (other address, the address that the table has first)."""
    found = {(other, address): None for address, row in rows.items() for other in row.get(OTHERS, "").split()}
    found |= {(other, person.address): None for person in persons for other in person.other_addresses}
    return tuple(found)


def language_in(attributes: Attributes) -> str:
    """The language that somebody reads, as the desk names it: "de" of "de-AT"; "" for none that it writes."""
    said = re.split(r"[-_]", attributes.get("language", "").casefold())[0]
    return said if said in LANGUAGES else ""


def read_people(text: str, file: str) -> tuple[dict[str, Attributes], list[Problem]]:
    """Read a CSV with a line of column names; comma, semicolon or tab, as the first line shows."""
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    people: dict[str, Attributes] = {}
    problems: list[Problem] = []
    lines: dict[str, int] = {}
    try:
        columns = [_column(name) for name in next(reader, [])]
        if said := _wrong_columns(columns):
            return {}, [Problem(file=file, line=1, message=said[0], suggestion=said[1])]
        own = columns.index("address")
        for row in reader:
            number, cells = reader.line_num, [cell.strip() for cell in row]
            if not any(cells):
                continue
            address = cells[own].lower() if own < len(cells) else ""
            if said := _wrong_row(cells, columns, address, lines):
                problems.append(Problem(file=file, line=number, message=said[0], suggestion=said[1]))
                continue
            lines[address] = number
            people[address] = {
                column: _others(cell) if column == OTHERS else " ".join(cell.split())
                for column, cell in zip(columns, cells, strict=False)
                if cell and column and column != "address"
            }
    except csv.Error as error:
        problems.append(Problem(file=file, line=reader.line_num, message=f"is not CSV: {error}", suggestion=_QUOTES))
    if len(problems) > _MOST_PROBLEMS:
        rest = len(problems) - _MOST_PROBLEMS
        problems[_MOST_PROBLEMS:] = [Problem(file=file, message=f"and {rest} more lines are wrong")]
    return people, problems


def _column(name: str) -> str:
    plain = "_".join(name.split()).casefold()
    return "address" if plain in _ADDRESS_COLUMNS else plain


def _others(cell: str) -> str:
    """Addresses in one cell, however they are separated."""
    return " ".join(re.split(r"[\s,;|]+", cell.lower()))


def _wrong_columns(columns: list[str]) -> tuple[str, str] | None:
    if not any(columns):
        return "is empty", 'begin it with the names of the columns: "address,department"'
    if "address" not in columns:
        near = did_you_mean("address", columns).removeprefix("did you mean ").removesuffix("?")
        hint = f'write "address" for {near}' if near else 'name the column of e-mail addresses "address"'
        return "has no column address in its first line", hint
    for column in columns:
        if column and not _ATTRIBUTE.fullmatch(column) and column != "address":
            return f'"{column}" is not the name of an attribute', 'write one word, like "department"'
        if column and columns.count(column) > 1:
            return f'names the column "{column}" twice', ""
    return None


def _wrong_row(cells: list[str], columns: list[str], address: str, lines: Mapping[str, int]) -> tuple[str, str] | None:
    if len(cells) > len(columns):
        return f"has {len(cells)} fields, but the first line names {len(columns)}", "write a text with commas in quotes"
    if not is_address(address):
        return f'"{address}" is not an e-mail address' if address else "has no address", ""
    wrong_others = [
        other
        for column, cell in zip(columns, cells, strict=False)
        if column == OTHERS and cell
        for other in _others(cell).split()
        if not is_address(other)
    ]
    if wrong_others:
        return f'"{wrong_others[0]}" is not an e-mail address', "separate several addresses by a space"
    if address in lines:
        return f'"{address}" stands in line {lines[address]} already', ""
    return None
