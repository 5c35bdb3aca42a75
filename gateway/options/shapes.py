"""What an editor is told of a value beside what pydantic sees by itself: the house's own formats, in a JSON Schema.

A pattern here is wider than the check that it stands for: an editor must never mark what the gateway takes. It is
written so that JavaScript, Rust and Python read it alike.
"""

from __future__ import annotations

from typing import Any

from pydantic import GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema

Shape = dict[str, Any]


class OneOrMany:
    """A list, or one entry of it alone."""

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> Shape:
        listed = handler(core_schema)
        return {"anyOf": [listed, listed["items"]]}


class OrElse:
    """What pydantic sees, or something of these other shapes."""

    def __init__(self, *shapes: Shape) -> None:
        self._shapes = shapes

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> Shape:
        return {"anyOf": [handler(core_schema), *self._shapes]}


def shaped(pattern: str, *examples: str) -> WithJsonSchema:
    """Text of a format of our own."""
    return WithJsonSchema(text(pattern, *examples))


def text(pattern: str, *examples: str) -> Shape:
    """The schema of a text that a pattern finds itself in."""
    return {"type": "string", "pattern": pattern} | ({"examples": list(examples)} if examples else {})


def any_case(word: str) -> str:
    """A word in small or capital letters, for engines that know no flag for that."""
    return "".join(f"[{one.lower()}{one.upper()}]" if one.isalpha() else one for one in word)
