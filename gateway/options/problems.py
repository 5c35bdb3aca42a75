"""What is wrong in a file of options, in an admin's words: place, key, mistake and what would be right.

pydantic finds every mistake at once and says where by a path; here its words become ours, and `positions` adds line
and column.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.errors import ConfigurationError, Problem
from gateway.options.suggestions import did_you_mean, nearest_or_all, quoted
from gateway.options.tables import OptionTable

Path = tuple[str | int, ...]

_LONGEST_NAME_CHARS = 80

_KINDS = {
    "string_type": "a text in quotes",
    "int_type": "a whole number without quotes",
    "int_from_float": "a whole number",
    "bool_type": "true or false, without quotes",
    "tuple_type": "a list in square brackets",
    "list_type": "a list in square brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "path_type": "a path in quotes",
}
_YES_AND_NO = {"yes": "true", "true": "true", "on": "true", "no": "false", "false": "false", "off": "false"}


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A mistake at a path of the file, before its line is known."""

    path: Path
    message: str
    suggestion: str = ""


@dataclass(frozen=True)
class Source:
    """The file that is read: its name as shown, and its text for positions."""

    name: str
    text: str

    @cached_property
    def _data(self) -> Any:
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError:
            return None

    @cached_property
    def _places(self) -> dict[Path, Any]:
        # tree-sitter is loaded only when something is to be shown.
        from gateway.options.positions import find_positions

        return find_positions(self.text)

    def problem(self, mistake: Mistake) -> Problem:
        """Give a mistake its line and column."""
        from gateway.options.positions import nearest

        place = nearest(self._places, mistake.path)
        return Problem(
            file=self.name,
            key=key_path(_as_written(mistake.path, self._data)),
            name=_name_of(mistake.path, self._data),
            message=mistake.message,
            line=place.line if place else None,
            column=place.column if place else None,
            suggestion=mistake.suggestion,
        )

    def error(self, mistakes: Iterable[Mistake]) -> ConfigurationError:
        """Make the one error that tells all mistakes, in the order of the file."""
        problems = [self.problem(mistake) for mistake in mistakes]
        return ConfigurationError(sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0)))


def _as_written(path: Path, data: Any) -> Path:
    """A path without what the file leaves out: `words = "vpn"` has no [1], `pattern = '…'` no `words`."""
    written: list[str | int] = []
    for part in path:
        if isinstance(data, str):
            break
        if isinstance(data, list) and isinstance(part, str):
            continue
        written.append(part)
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            data = None
    return tuple(written)


def _name_of(path: Path, data: Any) -> str:
    """What the admin calls the table of a list that a path leads into; "" where it has no name, and of a table that
    stands alone, whose key says which it is: the desk's own name would read like the value that is wrong."""
    if len(path) < 2 or path[-1] == "name" or not isinstance(path[1], int):
        return ""
    try:
        table = data[path[0]]
        name = (table if isinstance(table, dict) else table[path[1]])["name"]
    except (KeyError, IndexError, TypeError):
        return ""
    return " ".join(name.split())[:_LONGEST_NAME_CHARS] if isinstance(name, str) else ""


def key_path(path: Path) -> str:
    """Write a path as an admin reads it: rule[3].when.subject, counted from 1 as people count."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def mistakes_of(error: ValidationError, model: type[OptionTable]) -> list[Mistake]:
    """Put pydantic's errors into an admin's words."""
    schema = _schema_of(model)
    return [_mistake(details, schema) for details in error.errors(include_url=False)]


@lru_cache(maxsize=8)
def _schema_of(model: type[OptionTable]) -> Mapping[str, Any]:
    return model.model_json_schema(by_alias=True)


def _mistake(details: ErrorDetails, schema: Mapping[str, Any]) -> Mistake:
    # pydantic marks a wrong key of a table with an extra last part, "[key]".
    path = tuple(part for part in details["loc"] if part != "[key]")
    kind, context, value = details["type"], details.get("ctx", {}), details["input"]
    message, suggestion = details["msg"], ""
    if kind == "wrong":
        message, suggestion = str(context["message"]), str(context["suggestion"])
    elif kind == "extra_forbidden":
        message = "there is no such key"
        suggestion = _of_a_ticket(path) or _belongs(schema, path)
        suggestion = suggestion or nearest_or_all(str(path[-1]), keys_at(schema, path[:-1]))
    elif kind == "missing":
        message = "is required"
        suggestion = f"write [{path[0]}]" if len(path) == 1 else ""
    elif kind in ("enum", "literal_error"):
        possible = [word.strip("'") for word in str(context["expected"]).replace(" or ", ", ").split(", ")]
        message = f"{_shown(value)} is not possible here"
        near = did_you_mean(str(value), possible)
        suggestion = "; ".join(part for part in (near, f"possible: {', '.join(possible)}") if part)
    elif kind in _KINDS:
        message, suggestion = _of_another_kind(kind, path, value)
    elif kind in ("greater_than_equal", "less_than_equal", "greater_than", "less_than"):
        word = {"g": "at least", "l": "at most"}[kind[0]]
        message = f"{_shown(value)} is out of range: {word} {next(iter(context.values()))}"
    else:
        message = message[:1].lower() + message[1:]
    return Mistake(path=path, message=message, suggestion=suggestion)


def _of_another_kind(kind: str, path: Path, value: object) -> tuple[str, str]:
    """A value of the wrong kind, and how it would be written rightly."""
    name = ".".join(part for part in path if isinstance(part, str))
    if kind == "tuple_type" and isinstance(value, dict) and len(path) == 1:
        return f"[{name}] stands in single brackets, but there may be many", f"write [[{name}]]"
    if kind.startswith("model") and isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return f"[[{name}]] stands in double brackets, but there is only one", f"write [{name}]"
    suggestion = ""
    if kind == "string_type" and isinstance(value, int | float):
        suggestion = f"write {quoted(_shown(value))}"
    elif kind == "string_type" and isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        suggestion = f"write {quoted(value[0])}"
    elif kind.startswith("int") and isinstance(value, str) and value.strip().isdecimal():
        suggestion = f"write {int(value)}"
    elif kind == "bool_type" and isinstance(value, str) and value.casefold() in _YES_AND_NO:
        suggestion = f"write {_YES_AND_NO[value.casefold()]}"
    return f"should be {_KINDS[kind]}, not {_shown(value)}", suggestion


# What a mail has not: rules fill it, and no rule sees what another one has filled.
_FILLED = frozenset({"type", "category", "subcategory", "impact", "urgency", "priority", "team", "assignee", "tags"})


def _of_a_ticket(path: Path) -> str:
    """What to write instead of a condition on what another rule sets, "" for other keys."""
    if "when" not in path[:-1] or path[-1] not in _FILLED:
        return ""
    return f"conditions ask about the mail; add what you want to the `set` of the rules that set {path[-1]}"


def _belongs(schema: Mapping[str, Any], path: Path) -> str:
    """Where a key belongs that stands one table too high, "" where nowhere below."""
    key, above = str(path[-1]), path[:-1]
    for child in keys_at(schema, above):
        if key in keys_at(schema, (*above, child)):
            return f"write {child}.{key}" if above else f"it belongs below [{child}]"
    return ""


def keys_at(schema: Mapping[str, Any], path: Path) -> list[str]:
    """List the keys that a table at a path may have, read from the JSON Schema of the file."""
    node: Mapping[str, Any] = schema
    for part in path:
        node = _resolved(schema, node)
        child = node.get("items") if isinstance(part, int) else node.get("properties", {}).get(part)
        if child is None and isinstance(node.get("additionalProperties"), dict):
            child = node["additionalProperties"]  # a table of tables whose names are the admin's own
        if child is None:
            return []
        node = child
    return list(_resolved(schema, node).get("properties", {}))


def _resolved(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    for choice in node.get("anyOf", ()):
        if choice.get("type") != "null":
            return _resolved(schema, choice)
    if "$ref" in node:
        return _resolved(schema, schema["$defs"][str(node["$ref"]).rpartition("/")[2]])
    return node


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value[:60]}"'
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "a table"
    return str(value)[:60]
