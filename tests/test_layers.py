"""The house keeps its layers: every import of every module under `gateway/` is read and held against three tables.

words < core < desk < edge < front: a module imports its own room, rooms of a layer below, and of its own layer only
what `NEIGHBOURS` names. Each third-party package belongs to one room (`OWNERS`). The core is pure: `IMPURE` names what
of the standard library it must not touch.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGE = CHECKOUT / "gateway"

LAYERS: dict[str, tuple[str, ...]] = {
    "words": ("mail", "ticket", "errors", "phrase"),
    "core": (
        *("parse", "triage", "compose", "policy", "settings", "options"),
        *("keys", "subject", "worktime", "when", "sla", "defaults_files", "alarms"),
    ),
    "desk": ("desk", "store"),
    "edge": (
        *("intake", "oauth", "sorting", "parsing", "dkim_proof", "delivery"),
        *("timers", "lookout", "policy_keeper", "heartbeat", "steady", "outage", "logs", "stored"),
    ),
    "front": ("cli", "checking", "doctor", "demo", "explain", "replay", "roundtrip", "service", "storage", "__main__"),
}
ORDER = list(LAYERS)
LAYER_OF = {room: layer for layer, rooms in LAYERS.items() for room in rooms}

# Which room may use which other one of its own layer.
NEIGHBOURS: dict[str, set[str]] = {
    "settings": {"options", "defaults_files"},
    "policy": {"options", "worktime", "when", "subject", "defaults_files", "sla"},
    "sla": {"worktime"},
    "triage": {"policy", "options", "keys", "subject", "worktime", "when", "sla"},
    "compose": {"keys", "subject", "defaults_files"},
    "parse": {"subject", "keys"},
    "desk": {"store"},
    "sorting": {"intake", "parsing", "dkim_proof", "outage"},
    "parsing": {"dkim_proof"},
    "stored": {"intake", "parsing"},
    "intake": {"oauth", "outage"},
    "delivery": {"oauth", "outage"},
    "timers": {"policy_keeper", "lookout", "outage"},
    "lookout": {"policy_keeper"},
    "heartbeat": {"policy_keeper", "outage"},
    "cli": {"service", "storage", "explain", "replay", "checking", "doctor", "demo"},
    "checking": {"storage", "roundtrip"},
    "roundtrip": {"storage"},
    "explain": {"storage"},
    "replay": {"storage"},
    "demo": {"service"},
    "service": {"storage"},
    "__main__": {"cli"},
}

# Each third-party package (by the name it is imported as) and what may import it: a room, or modules of a room by
# pattern, where the whole room would be too much.
OWNERS: dict[str, tuple[str, ...]] = {
    "aiosmtpd": ("intake.smtp*", "intake.lmtp*"),
    "imapclient": ("intake.imap*",),
    "mailparser": ("parse",),
    # The edges hold a handle and meet its errors (see `EDGES_MAY_NAME`); SQL lives in the desk and the store.
    "peewee": (
        "store",
        "desk",
        "intake",
        "oauth",
        "sorting",
        "delivery",
        "timers",
        "lookout",
        "heartbeat",
        "service",
        "storage",
        "replay",
    ),
    "playhouse": ("store", "desk"),
    "psycopg": ("store",),
    "jinja2": ("compose",),
    "markupsafe": ("compose",),
    "pydantic": ("settings", "policy", "options"),
    "pydantic_core": ("settings", "policy", "options"),
    "re2": ("policy.patterns", "triage.sets", "triage.requirements", "triage.trace"),
    "nh3": ("compose", "parse"),
    "orjson": ("store.fields",),
    "resiliparse": ("parse",),
    "quotequail": ("parse",),
    "mailparser_reply": ("parse",),
    "flufl": ("parse",),
    "chardet": ("parse",),
    "aiosmtplib": ("delivery",),
    "dkim": ("delivery.signing", "dkim_proof"),
    "dns": ("dkim_proof",),
    "nacl": ("dkim_proof",),
    "publicsuffixlist": ("dkim_proof",),
    "authlib": ("oauth.client",),
    "requests": ("oauth.client",),
    "cryptography": ("oauth.client",),
    "joserfc": ("oauth.client",),
    "pebble": ("parsing",),
    "opening_hours": ("worktime",),
    "holidays": ("sla.public_holidays",),
    "icalendar": ("policy.on_call_file",),
    "recurring_ical_events": ("policy.on_call_file",),
    "typer": ("cli",),
    "rich": ("cli",),
    # `logs` says how they look; the edges say what happened.
    "structlog": (
        *("logs", "service", "policy_keeper", "intake", "sorting"),
        *("parsing", "delivery", "timers", "lookout", "heartbeat", "steady", "outage"),
    ),
    "watchfiles": ("policy_keeper", "service"),
    "tree_sitter": ("options.positions",),
    "tree_sitter_toml": ("options.positions",),
}

# What of peewee may be named outside the desk and the store: what a transaction is asked of, and how it fails.
EDGES_MAY_NAME = {
    *("Database", "PeeweeException", "DatabaseError", "OperationalError", "InterfaceError", "IntegrityError"),
    "DataError",
}

# What of the standard library would make the core read a socket, a clock, chance or a database.
IMPURE = {
    *("asyncio", "http", "imaplib", "multiprocessing", "random", "secrets", "select", "selectors", "smtplib", "socket"),
    *("socketserver", "sqlite3", "ssl", "subprocess", "tempfile", "threading", "time", "urllib.request", "uuid"),
}


@dataclass(frozen=True, kw_only=True)
class Import:
    """One import statement: which module says it, where, and what it names."""

    module: str
    line: int
    target: str

    @property
    def room(self) -> str:
        return self.module.partition(".")[0]

    @property
    def top(self) -> str:
        return self.target.partition(".")[0]

    def __str__(self) -> str:
        return f"gateway.{self.module}:{self.line} imports {self.target}"


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    """The dotted name below `gateway`, "" for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[Import]:
    """Every import of a module, also those inside functions and under TYPE_CHECKING; relative ones made absolute."""
    module = module_name(path)
    package = ["gateway", *module.split(".")] if module else ["gateway"]
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module=module, line=node.lineno, target=alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            # `from gateway import mail` names a room only in its second half.
            targets = [f"gateway.{alias.name}" for alias in node.names] if source == "gateway" else [source]
            for target in targets:
                yield Import(module=module, line=node.lineno, target=target)


ALL_IMPORTS = [found for path in modules() for found in imports_of(path)]
INSIDE = [found for found in ALL_IMPORTS if found.top == "gateway"]
OUTSIDE = [found for found in ALL_IMPORTS if found.top != "gateway" and found.top not in sys.stdlib_module_names]


def owned(module: str, owner: str) -> bool:
    return fnmatchcase(module, owner) or fnmatchcase(module, f"{owner}.*")


def test_every_room_has_its_layer() -> None:
    rooms = {module_name(path).partition(".")[0] for path in modules()} - {""}
    unknown = sorted(rooms - set(LAYER_OF))
    assert not unknown, f"say in LAYERS where these live: {unknown}"


def test_a_module_imports_only_its_own_room_or_what_is_below() -> None:
    wrong = []
    for found in INSIDE:
        target = found.target.split(".")[1] if "." in found.target else ""
        if found.room in ("", target) or target in ("", "__version__"):
            continue
        here, there = (ORDER.index(LAYER_OF.get(room, "front")) for room in (found.room, target))
        if there < here or (there == here and target in NEIGHBOURS.get(found.room, set())):
            continue
        wrong.append(str(found))
    assert not wrong, "\n".join(wrong)


def test_the_package_itself_imports_nothing() -> None:
    assert [str(found) for found in ALL_IMPORTS if found.room == "" and found.target != "__future__"] == []


def test_neighbours_do_not_import_each_other_in_a_circle() -> None:
    def reaches(start: str, end: str, seen: frozenset[str] = frozenset()) -> bool:
        return any(
            following == end or (following not in seen and reaches(following, end, seen | {following}))
            for following in NEIGHBOURS.get(start, set())
        )

    assert [room for room in NEIGHBOURS if reaches(room, room)] == []


def test_words_use_the_standard_library_only() -> None:
    assert [str(found) for found in OUTSIDE if LAYER_OF.get(found.room) == "words"] == []


def test_each_third_party_package_has_one_owner() -> None:
    wrong = [
        f"{found} (owned by {', '.join(OWNERS[found.top]) if found.top in OWNERS else 'nobody: say who in OWNERS'})"
        for found in OUTSIDE
        if not any(owned(found.module, owner) for owner in OWNERS.get(found.top, ()))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_sql_outside_the_desk_and_the_store() -> None:
    wrong = []
    for path in modules():
        module = module_name(path)
        if LAYER_OF.get(module.partition(".")[0]) == "desk":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in ("peewee", "playhouse"):
                wrong.append(f"gateway.{module}:{node.lineno} imports from {node.module}; name it as {node.module}.x")
            elif isinstance(node, ast.Attribute):
                names_peewee = isinstance(node.value, ast.Name) and node.value.id == "peewee"
                if node.attr == "execute_sql" or (names_peewee and node.attr not in EDGES_MAY_NAME):
                    wrong.append(f"gateway.{module}:{node.lineno} names {ast.unparse(node)}")
    assert wrong == []


def test_the_core_touches_no_socket_clock_chance_or_database() -> None:
    core = [found for found in ALL_IMPORTS if LAYER_OF.get(found.room) == "core"]
    assert [str(found) for found in core if found.target in IMPURE or found.top in IMPURE] == []


def test_the_core_asks_nobody_what_time_it_is() -> None:
    asked = []
    for path in modules():
        module = module_name(path)
        if LAYER_OF.get(module.partition(".")[0]) not in ("words", "core"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute) and called.attr in ("now", "utcnow", "today"):
                asked.append(f"gateway.{module}:{called.lineno} calls {ast.unparse(called)}()")
    assert not asked, "\n".join(asked)


def declared() -> tuple[set[str], set[str]]:
    """The distributions that pyproject.toml declares for users, and those of the extras."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def names(requirements: list[str]) -> set[str]:
        cut = [requirement.partition(">")[0].partition("[")[0].partition("=")[0] for requirement in requirements]
        return {name.strip().lower().replace("_", "-") for name in cut}

    extras = [names(listed) for extra, listed in project["optional-dependencies"].items() if extra != "dev"]
    return names(project["dependencies"]), set().union(*extras)


def test_what_is_imported_is_declared() -> None:
    needed, extras = declared()
    # They come with, and are versioned by, what we declare.
    companions = {"pydantic-core": "pydantic", "markupsafe": "jinja2"}
    providers_of = packages_distributions()
    wrong = []
    for found in OUTSIDE:
        names = {name.lower().replace("_", "-") for name in providers_of.get(found.top, [])}
        providers = {companions.get(name, name) for name in names}
        if not providers & (needed | extras):
            wrong.append(f"{found}, which pyproject.toml does not declare")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("import gateway.desk", "gateway.desk"),
        ("from gateway import desk", "gateway.desk"),
        ("from gateway.desk import facts", "gateway.desk"),
        ("def f():\n    import socket", "socket"),
        ("from .desk import facts", "gateway.desk"),
        ("from . import desk", "gateway.desk"),
    ],
)
def test_the_reader_sees_an_import_in_every_form(
    tmp_path: Path, source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "gateway" / "words.py"
    path.parent.mkdir()
    path.write_text(source)
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", path.parent)
    assert [found.target for found in imports_of(path)] == [target]
