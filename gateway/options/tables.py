"""The base of every table of options: strict, frozen, no unknown keys; its docstrings are the admin's documentation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from gateway.options.suggestions import quoted


class OptionTable(BaseModel):
    """A table whose keys are exactly its fields. A field's docstring is its description in the docs."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )


def _not_empty(value: object) -> object:
    if value == "":
        raise wrong("is empty")
    return value


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


# TOML has texts and no paths. A path that may be absent is written "".
FilePath = Annotated[Path, BeforeValidator(_not_empty), Field(strict=False)]
OptionalFilePath = Annotated[Annotated[Path, Field(strict=False)] | None, BeforeValidator(_empty_is_none)]


def wrong(message: str, suggestion: str = "") -> PydanticCustomError:
    """Make the error that a validator raises: what is wrong, and what would be right."""
    context = {"message": message, "suggestion": suggestion}
    return PydanticCustomError("wrong", "{message}", context)


@dataclass(frozen=True, kw_only=True)
class OptionDescription:
    """One row of the reference: `table` as in the file ("[smtp]"), `default` as TOML would write it ("" = required)."""

    table: str
    key: str
    kind: str
    default: str
    description: str


def describe(model: type[OptionTable], table: str = "", skip: tuple[str, ...] = ()) -> Iterator[OptionDescription]:
    """Describe every key of a table, then of its sub-tables, in the order of the file."""
    subtables: list[tuple[str, type[OptionTable]]] = []
    for name, field in model.model_fields.items():
        key = field.alias or name
        if name in skip:
            continue
        inner = _table_of(field)
        if inner is not None and inner is not model and key not in ("any", "all", "none"):
            path = f"{table.strip('[]')}.{key}".lstrip(".")
            subtables.append((_heading(path, field), inner))
            continue
        yield OptionDescription(
            table=table,
            key=key,
            kind=_kind(field.annotation),
            default="" if field.is_required() else toml_literal(field.get_default(call_default_factory=True)),
            description=" ".join((field.description or "").split()),
        )
    for path, inner in subtables:
        yield from describe(inner, path)


def toml_literal(value: object) -> str:
    """Write a default as TOML would; None is "" (the key is simply absent)."""
    if value is None:
        return '""'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, SecretStr):
        return '""'
    if isinstance(value, tuple | list):
        return f"[{', '.join(toml_literal(item) for item in value)}]"
    if isinstance(value, dict):
        return "{}"
    return quoted(str(value))


def _arguments(annotation: object) -> Iterator[object]:
    """Walk an annotation: itself and everything inside it."""
    yield annotation
    for argument in get_args(annotation):
        yield from _arguments(argument)


def _table_of(field: FieldInfo) -> type[OptionTable] | None:
    for part in _arguments(field.annotation):
        if isinstance(part, type) and issubclass(part, OptionTable):
            return part
    return None


def _heading(path: str, field: FieldInfo) -> str:
    """How the table is begun in the file: once, as often as you like, or with a name of the admin's own."""
    origin = get_origin(field.annotation)
    return f"[[{path}]]" if origin is tuple else f"[{path}.NAME]" if origin is dict else f"[{path}]"


def _kind(annotation: object) -> str:
    """Name the kind of value in an admin's words."""
    if get_origin(annotation) in (Union, UnionType):
        return _kind(next(part for part in get_args(annotation) if part is not type(None)))
    if get_origin(annotation) is tuple:
        return "list of " + _kind(get_args(annotation)[0]).removeprefix("a ") + "s"
    if get_origin(annotation) is dict:
        return "table"
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return " | ".join(f'"{member.value}"' for member in annotation)
    if annotation is bool:
        return "true | false"
    if annotation is int:
        return "number"
    if annotation is Path:
        return "path"
    if isinstance(annotation, type) and issubclass(annotation, OptionTable):
        return "condition"
    literals = [argument for argument in get_args(annotation) if isinstance(argument, str)]
    return " | ".join(f'"{literal}"' for literal in literals) if literals else "text"
