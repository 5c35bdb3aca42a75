"""Make mutants of a module: each is its syntax tree with one small mistake that somebody could have made.

Left alone is what says nothing about behaviour: annotations, docstrings, decorators, imports, sentences for
people, the words of an exception and of the log.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_PAIRS = (("any", "all"), ("min", "max"), ("partition", "rpartition"), ("find", "rfind"), ("lower", "upper"))
_NAMES = dict(_PAIRS) | {second: first for first, second in _PAIRS} | {"fullmatch": "match", "rstrip": "strip"}
# A text of so many words is told to people; its wording is nobody's mistake.
_SENTENCE_WORDS = 4
_REPETITION = re.compile(r"(?<=[{,])\d+(?=[,}])")
_LOG_METHODS = {"debug", "info", "warning", "error", "exception"}


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """`name` tells it from the module's other mutants, whatever the line that it stands in; `code` is for `exec`."""

    line: int
    name: str
    tree: ast.Module


def mutants_of(source: str) -> Iterator[Mutant]:
    """Every mutant of a module's source, in the order of its lines."""
    tree = ast.parse(source)
    places = list(_places(tree, _Place(function="", statement=None)))
    seen: dict[str, int] = {}
    for index, (node, place) in enumerate(places):
        for number in range(len(_changes(node))):
            mutated = copy.deepcopy(tree)
            twin, where = list(_places(mutated, _Place(function="", statement=None)))[index]
            _changes(twin)[number]()
            ast.fix_missing_locations(mutated)
            name = f"{place.function or 'module'}: {_shown(where.statement)}"
            seen[name] = seen.get(name, 0) + 1
            name += f" ({seen[name]})" if seen[name] > 1 else ""
            yield Mutant(line=getattr(node, "lineno", 0), name=name, tree=mutated)


@dataclass(frozen=True, kw_only=True)
class _Place:
    function: str
    statement: ast.stmt | None


def _places(node: ast.AST, place: _Place) -> Iterator[tuple[ast.AST, _Place]]:
    """Every node that may be changed, with the function and the statement around it."""
    if isinstance(node, ast.Import | ast.ImportFrom) or _is_docstring(node):
        return
    if isinstance(node, ast.stmt):
        place = _Place(function=place.function, statement=node)
    yield node, place
    if isinstance(node, ast.Raise) or _is_logging(node):
        return
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        place = _Place(function=f"{place.function}.{node.name}".lstrip("."), statement=node)
    skipped = {"annotation", "returns", "type_params", "decorator_list"}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"isinstance", "hasattr"}:
        skipped |= {"args"}
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and field not in skipped:
                yield from _places(child, place)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_logging(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        return False
    function = node.value.func
    return isinstance(function, ast.Attribute) and function.attr in _LOG_METHODS


def _shown(statement: ast.stmt | None) -> str:
    """The statement in one line, of one with a body its head alone."""
    return " ".join(ast.unparse(statement).partition("\n")[0].split()) if statement is not None else ""


def _changes(node: ast.AST) -> list[Any]:
    """The changes that can be made to a node, each a function that makes it in place."""
    changes: list[Any] = []

    def put(owner: Any, field: str, value: Any) -> None:
        changes.append(lambda: setattr(owner, field, value))

    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            other = _COMPARISONS[type(operator)]()
            put(node, "ops", [*node.ops[:place], other, *node.ops[place + 1 :]])
    elif isinstance(node, ast.BoolOp):
        put(node, "op", ast.And() if isinstance(node.op, ast.Or) else ast.Or())
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _OPERATORS:
        put(node, "op", _OPERATORS[type(node.op)]())
    elif isinstance(node, ast.If | ast.While | ast.IfExp | ast.comprehension):
        _negate(node, put)
    elif isinstance(node, ast.Attribute) and node.attr in _NAMES:
        put(node, "attr", _NAMES[node.attr])
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in _NAMES:
        put(node, "id", _NAMES[node.id])
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        put(node, "value", ast.Constant(value=None))
    elif isinstance(node, ast.Constant):
        for value in _other_values(node.value):
            put(node, "value", value)
    if _may_be_left_out(node):
        changes.append(lambda: _leave_out(node))
    return changes


def _negate(node: Any, put: Any) -> None:
    if isinstance(node, ast.comprehension):
        for place, test in enumerate(node.ifs):
            put(node, "ifs", [*node.ifs[:place], _not(test), *node.ifs[place + 1 :]])
    else:
        put(node, "test", _not(node.test))


def _not(test: ast.expr) -> ast.expr:
    is_not = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    return test.operand if is_not else ast.UnaryOp(op=ast.Not(), operand=test)  # type: ignore[attr-defined]


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _other_values(value: object) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, str) and len(value.split()) < _SENTENCE_WORDS:
        return _other_repetitions(value) or [value + "x"]
    return [value + b"x"] if isinstance(value, bytes) else []


def _other_repetitions(pattern: str) -> list[str]:
    """A pattern with one of the numbers in its braces one more or one less, none for a text that has no such."""
    return [
        f"{pattern[: found.start()]}{int(found[0]) + step}{pattern[found.end() :]}"
        for found in _REPETITION.finditer(pattern)
        for step in (1, -1)
        if int(found[0]) + step >= 0
    ]


def _may_be_left_out(node: ast.AST) -> bool:
    """A statement without which the module is still one: no name is missing."""
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets)
    is_act = isinstance(node, ast.AugAssign | ast.Raise | ast.Break | ast.Continue | ast.Delete | ast.Expr)
    return is_act and not _is_logging(node)


def _leave_out(node: Any) -> None:
    """Turn a statement into `pass`, in place."""
    node.__class__ = ast.Pass
    for field in list(vars(node)):
        if field not in {"lineno", "col_offset", "end_lineno", "end_col_offset"}:
            delattr(node, field)
