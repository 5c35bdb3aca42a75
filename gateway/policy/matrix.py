"""The priority matrix: how wide a matter is (impact) and how pressing (urgency) give its priority.

`[matrix]` of rules.toml is read here. Rows with words of the admin's own make a matrix of any size, its first row being
the head; cells "high/low" change single ones; `[matrix.request]` and `[matrix.incident]` say what differs for a type.
Every mistake is told with the path of its cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.options.problems import Mistake, Path
from gateway.options.suggestions import nearest_or_all
from gateway.ticket import PRIORITY_MATRIX, Level, Priority, TicketType

_WORD = re.compile(r"[^\W_](?:[\w.&+-]*[\w+])?")
_USUAL = tuple(level.value for level in Level)
_TYPES = tuple(one.value for one in TicketType)


@dataclass(frozen=True)
class Matrix:
    """The levels in the order of the file, the widest and the most pressing first, and a priority for every cell."""

    impacts: tuple[str, ...] = _USUAL
    urgencies: tuple[str, ...] = _USUAL
    cells: Mapping[tuple[str, str, str], Priority] = field(default_factory=dict)

    def priority(self, ticket_type: str, impact: str, urgency: str) -> Priority | None:
        """The priority of a cell, None where a level is unknown."""
        return self.cells.get((ticket_type, impact, urgency))

    def impact(self, word: str) -> str:
        """An impact as the file spells it, "" for what is none."""
        return _spelt(word, self.impacts)

    def urgency(self, word: str) -> str:
        """An urgency as the file spells it, "" for what is none."""
        return _spelt(word, self.urgencies)


def _spelt(word: str, levels: tuple[str, ...]) -> str:
    folded = word.strip().casefold()
    return next((level for level in levels if level.casefold() == folded), "")


@dataclass(frozen=True, kw_only=True)
class _Cell:
    impact: str
    urgency: str
    priority: Priority | None
    path: Path
    in_row: bool


def read_matrix(table: Mapping[str, Any]) -> tuple[Matrix, list[Mistake]]:
    """Read `[matrix]`; what is wrong in it is told, and left out."""
    mistakes: list[Mistake] = []
    general = {name: value for name, value in table.items() if name not in _TYPES}
    cells = list(_cells(general, ("matrix",), mistakes))
    words = [word for cell in cells if cell.in_row for word in (cell.impact, cell.urgency)]
    is_own = any(word not in _USUAL for word in words)
    impacts, urgencies = _USUAL, _USUAL
    if is_own:
        impacts = tuple(dict.fromkeys(cell.impact for cell in cells if cell.in_row))
        urgencies = tuple(cell.urgency for cell in cells if cell.in_row and cell.impact == impacts[0])
        mistakes += _gaps(general, impacts, urgencies)
    found: dict[tuple[str, str, str], Priority] = {}
    if not is_own:
        found = {(kind, *levels): priority for kind in _TYPES for levels, priority in PRIORITY_MATRIX.items()}
    for kind, cell in [*((kind, cell) for cell in cells for kind in _TYPES), *_of_types(table, mistakes)]:
        unknown = list(_unknown(cell, impacts, urgencies, is_own=is_own))
        mistakes += [one for one in unknown if one not in mistakes]
        if not unknown and cell.priority is not None:
            found[kind, cell.impact, cell.urgency] = cell.priority
    return Matrix(impacts, urgencies, found), mistakes


def _of_types(table: Mapping[str, Any], mistakes: list[Mistake]) -> list[tuple[str, _Cell]]:
    found = []
    for kind in _TYPES:
        inner = table.get(kind, {})
        if not isinstance(inner, Mapping):
            mistakes.append(Mistake(path=("matrix", kind), message="should be a table", suggestion=f"[matrix.{kind}]"))
            continue
        found += [(kind, cell) for cell in _cells(inner, ("matrix", kind), mistakes)]
    return found


def _cells(table: Mapping[str, Any], path: Path, mistakes: list[Mistake]) -> Iterator[_Cell]:
    """Every cell of one table, as rows or as single cells; priorities that are none are told."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            if not _is_new_word(name, table, (*path, name), mistakes):
                continue
            if not value:
                mistakes.append(Mistake(path=(*path, name), message="has no priorities"))
            for urgency, priority in value.items():
                place = (*path, name, urgency)
                if _is_new_word(urgency, value, place, mistakes):
                    known = _priority(priority, place, mistakes)
                    yield _Cell(impact=name, urgency=urgency, priority=known, path=place, in_row=True)
        elif name.count("/") == 1:
            impact, urgency = name.split("/")
            known = _priority(value, (*path, name), mistakes)
            yield _Cell(impact=impact, urgency=urgency, priority=known, path=(*path, name), in_row=False)
        else:
            message = f'"{name}" is not impact/urgency'
            mistakes.append(
                Mistake(path=(*path, name), message=message, suggestion='write for instance "high/low" = "P3"')
            )


def _is_new_word(word: str, table: Mapping[str, Any], path: Path, mistakes: list[Mistake]) -> bool:
    """Whether a word may name a level, and no earlier one of its table has it in other letters."""
    if not _WORD.fullmatch(word):
        mistakes.append(Mistake(path=path, message=f'"{word}" is not a short name without spaces'))
        return False
    for earlier in table:
        if earlier == word:
            return True
        if earlier.casefold() == word.casefold():
            mistakes.append(Mistake(path=path, message=f'"{word}" stands there already, as "{earlier}"'))
            return False
    return True


def _priority(value: object, path: Path, mistakes: list[Mistake]) -> Priority | None:
    if isinstance(value, str) and value in Priority.__members__:
        return Priority(value)
    shown = f'"{value}"' if isinstance(value, str) else str(value).lower()
    near = f'did you mean "{shown.upper()[1:-1]}"?; ' if shown.upper()[1:-1] in Priority.__members__ else ""
    suggestion = f"{near}possible: {', '.join(Priority)}"
    mistakes.append(Mistake(path=path, message=f"{shown} is not possible here", suggestion=suggestion))
    return None


def _gaps(table: Mapping[str, Any], impacts: tuple[str, ...], urgencies: tuple[str, ...]) -> Iterator[Mistake]:
    """Rows of the admin's own that lack a cell; one with a word that the first row lacks is told for that alone."""
    for impact in impacts:
        row = table[impact]
        lacking = [urgency for urgency in urgencies if urgency not in row and f"{impact}/{urgency}" not in table]
        if lacking and not set(row) - set(urgencies):
            named = " and ".join(filter(None, [", ".join(f'"{one}"' for one in lacking[:-1]), f'"{lacking[-1]}"']))
            write = f'write for instance {impact} = {{ …, {lacking[0]} = "P3" }}'
            yield Mistake(path=("matrix", impact), message=f"has no priority for {named}", suggestion=write)


def _unknown(cell: _Cell, impacts: tuple[str, ...], urgencies: tuple[str, ...], *, is_own: bool) -> Iterator[Mistake]:
    """What of a cell is no level."""
    if not is_own and not cell.in_row and not {cell.impact, cell.urgency} <= set(_USUAL):
        message = f'"{cell.impact}/{cell.urgency}" is not impact/urgency'
        yield Mistake(path=cell.path, message=message, suggestion='write for instance "high/low" = "P3"')
        return
    for what, word, levels in (("impact", cell.impact, impacts), ("urgency", cell.urgency, urgencies)):
        if word not in levels:
            path = cell.path if what == "urgency" or not cell.in_row else cell.path[:-1]
            hint = nearest_or_all(word, levels)
            yield Mistake(path=path, message=f'there is no {what} "{word}"', suggestion=hint)


USUAL_MATRIX = read_matrix({})[0]
