"""Look past mistakes, so that one run tells all of them: what is wrong is replaced by something harmless.

The mended data are never used but to see what else is wrong, in the checks that need whole tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from gateway.options.problems import Mistake, Path
from gateway.options.reading import Table, validated

# Every text that stands in for another has this in it, so that what is said about it can be told.
STAND_IN = "stand-in"

# What stands in for a required key, by its path without numbers; "{}" is the number of its table.
StandIns = Mapping[tuple[str, ...], Any]


# What is mended may leave a table empty, which is a mistake of its own; more rounds than tables are deep make no sense.
_ROUNDS = 4


def mended(
    model: type[Table], data: Mapping[str, Any], mistakes: Sequence[Mistake], stand_ins: StandIns
) -> Table | None:
    """Read data with every known mistake replaced; None where that is still not enough."""
    remains = deepcopy(dict(data))
    for _ in range(_ROUNDS):
        for mistake in mistakes:
            _mend(remains, mistake.path, stand_ins)
        table, mistakes = validated(model, remains)
        if table is not None:
            return table
    return None


def new_only(found: Iterable[Mistake], known: Sequence[Mistake]) -> list[Mistake]:
    """Keep the mistakes that are not mere consequences of known ones or of what stands in for them."""
    around = {mistake.path[:length] for mistake in known for length in range(1, len(mistake.path) + 1)}
    return [
        mistake
        for mistake in found
        if mistake.path not in around and STAND_IN not in mistake.message and STAND_IN not in mistake.suggestion
    ]


def _mend(data: dict[str, Any], path: Path, stand_ins: StandIns) -> None:
    """Replace the value at a path, or take away the innermost key around it; a list is taken away as a whole."""
    table: Any = data
    for depth, part in enumerate(path):
        names = tuple(name for name in path[: depth + 1] if isinstance(name, str))
        is_last = depth == len(path) - 1
        if names in stand_ins and isinstance(part, str) and (is_last or not _goes_deeper(table, part)):
            table[part] = _numbered(stand_ins[names], path)
            return
        if is_last or not _goes_deeper(table, part):
            if isinstance(table, dict):
                table.pop(part, None)
            return
        table = table[part]


def _goes_deeper(table: Any, part: str | int) -> bool:
    """Say whether there are tables below, so that less than the whole value can be taken away."""
    inner = table.get(part) if isinstance(table, dict) else table[part]
    if isinstance(inner, list):
        return bool(inner) and all(isinstance(item, dict) for item in inner)
    return isinstance(inner, dict)


def _numbered(stand_in: Any, path: Path) -> Any:
    number = next((part for part in path if isinstance(part, int)), 0)
    return stand_in.replace("{}", str(number)) if isinstance(stand_in, str) else deepcopy(stand_in)
