"""Holds a value against a JSON Schema: the part of draft 2020-12 that ours is written in, and nothing else.

A word of a schema that is not known here is an error, so that nothing passes unseen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from typing import Any

_SAYS_NOTHING = {"$schema", "$defs", "title", "description", "default", "examples", "type", "items"}
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def as_json(value: Any) -> Any:
    """What TOML has read, as JSON would have it: moments are texts."""
    if isinstance(value, dict):
        return {key: as_json(one) for key, one in value.items()}
    if isinstance(value, list):
        return [as_json(one) for one in value]
    return value.isoformat() if isinstance(value, datetime | date | time) else value


def refusals(schema: dict[str, Any], value: Any) -> list[str]:
    """Where a value is not what a schema says; [] where it is."""
    return list(_refusals(schema, schema, value, ""))


def _refusals(whole: dict[str, Any], schema: Any, value: Any, path: str) -> Iterator[str]:
    if schema is True or schema is False:
        yield from [] if schema else [f"{path}: must not be there"]
        return
    if "type" in schema and not _is_of(schema["type"], value):
        yield f"{path}: {value!r} is no {schema['type']}"
        return
    for word, said in schema.items():
        if word not in _SAYS_NOTHING:
            yield from _WORDS[word](whole, schema, said, value, path)
    if isinstance(value, list) and "items" in schema:
        for number, one in enumerate(value):
            yield from _refusals(whole, schema["items"], one, f"{path}[{number}]")


def _is_of(kinds: str | list[str], value: Any) -> bool:
    names = [kinds] if isinstance(kinds, str) else kinds
    return any(isinstance(value, _TYPES[name]) and (name == "boolean") is isinstance(value, bool) for name in names)


def _ref(whole: Any, schema: Any, said: str, value: Any, path: str) -> Iterator[str]:
    yield from _refusals(whole, whole["$defs"][said.removeprefix("#/$defs/")], value, path)


def _any_of(whole: Any, schema: Any, said: list[Any], value: Any, path: str) -> Iterator[str]:
    found = [list(_refusals(whole, one, value, path)) for one in said]
    if all(found):
        yield max(found, key=lambda one: one[0].count("."))[0]


def _enum(whole: Any, schema: Any, said: list[Any], value: Any, path: str) -> Iterator[str]:
    if value not in said:
        yield f"{path}: {value!r} is none of {said}"


def _const(whole: Any, schema: Any, said: Any, value: Any, path: str) -> Iterator[str]:
    if value != said:
        yield f"{path}: {value!r} is not {said!r}"


def _pattern(whole: Any, schema: Any, said: str, value: Any, path: str) -> Iterator[str]:
    if isinstance(value, str) and not re.search(said, value):
        yield f"{path}: {value!r} is not like {said}"


def _properties(whole: Any, schema: Any, said: dict[str, Any], value: Any, path: str) -> Iterator[str]:
    for name in said.keys() & (value.keys() if isinstance(value, dict) else ()):
        yield from _refusals(whole, said[name], value[name], f"{path}.{name}")


def _additional(whole: Any, schema: Any, said: Any, value: Any, path: str) -> Iterator[str]:
    for name in value.keys() - schema.get("properties", {}).keys() if isinstance(value, dict) else ():
        yield from _refusals(whole, said, value[name], f"{path}.{name}")


def _names(whole: Any, schema: Any, said: Any, value: Any, path: str) -> Iterator[str]:
    for name in value if isinstance(value, dict) else ():
        yield from _refusals(whole, said, name, f"{path}.{name}")


def _required(whole: Any, schema: Any, said: list[str], value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"{path}.{name}: is missing" for name in said if name not in value)


def _at_least(whole: Any, schema: Any, said: float, value: Any, path: str) -> Iterator[str]:
    if isinstance(value, int | float) and value < said:
        yield f"{path}: {value} is less than {said}"


def _long_enough(whole: Any, schema: Any, said: int, value: Any, path: str) -> Iterator[str]:
    if isinstance(value, str | list) and len(value) < said:
        yield f"{path}: is too short"


_WORDS: dict[str, Callable[..., Iterator[str]]] = {
    "$ref": _ref,
    "anyOf": _any_of,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "required": _required,
    "minimum": _at_least,
    "minLength": _long_enough,
    "minItems": _long_enough,
}
