"""GATEWAY_… variables: each stands for one key of gateway.toml and wins over the file.

GATEWAY_SMTP_PORT is `[smtp] port`, GATEWAY_RULES_FILE is `rules_file`, GATEWAY_MAILBOX_SUPPORT_PASSWORD is the password
of the mailbox named "support", GATEWAY_OAUTH_M365_TENANT is the tenant of `[oauth.m365]`. Each
secret may also come from a file: GATEWAY_RELAY_PASSWORD_FILE. What does not stand for a key is refused, since a
mistyped variable would silently change nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from gateway.errors import Problem
from gateway.options.problems import Path
from gateway.options.suggestions import did_you_mean, quoted
from gateway.options.tables import OptionTable
from gateway.settings.oauth import Oauth
from gateway.settings.tables import Mailbox, Settings

PREFIX = "GATEWAY_"
PLACE = "environment"


@dataclass(frozen=True)
class Variable:
    """What a variable stands for: the path in the file and the field that its text must suit."""

    path: Path
    field: FieldInfo


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """The values that the environment gives, by path in the file; and for messages, the variable of each."""

    values: Mapping[Path, object]
    names: Mapping[Path, str]
    problems: tuple[Problem, ...]


def read_environment(environ: Mapping[str, str], mailbox_names: list[str], oauth_names: list[str]) -> Overrides:
    """Read every GATEWAY_… variable; the names are those of the file, those of mailboxes in its order."""
    known = dict(_variables(mailbox_names, oauth_names))
    values: dict[Path, object] = {}
    names: dict[Path, str] = {}
    problems: list[Problem] = []
    for name in sorted(variable for variable in environ if variable.startswith(PREFIX)):
        if name not in known:
            # Many variables look alike; only a slip of the finger is taken for one of them.
            hint = (
                did_you_mean(name, known, cutoff=0.9) or _mailbox_hint(name, mailbox_names) or did_you_mean(name, known)
            )
            problems.append(Problem(file=PLACE, key=name, message="there is no such setting", suggestion=hint))
            continue
        variable = known[name]
        try:
            values[variable.path] = _read(environ[name], variable.field)
            names[variable.path] = name
        except ValidationError:
            kind = "true or false" if variable.field.annotation is bool else "a whole number"
            message = f"should be {kind}, not {quoted(environ[name][:60])}"
            problems.append(Problem(file=PLACE, key=name, message=message))
    return Overrides(values=values, names=names, problems=tuple(problems))


def apply(data: dict[str, Any], values: Mapping[Path, object]) -> None:
    """Put the environment's values into what the file says."""
    for path, value in values.items():
        target: Any = data
        for part in path[:-1]:
            target = target[part] if isinstance(part, int) else target.setdefault(part, {})
            if not isinstance(target, dict | list):
                break  # the file has something else here, and is refused for it
        else:
            target[path[-1]] = value


def mailbox_variable(name: str) -> str:
    """Write a mailbox's name as it stands in a variable: "Support-DE" as "SUPPORT_DE"."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _variables(mailbox_names: list[str], oauth_names: list[str]) -> Iterator[tuple[str, Variable]]:
    for key, field in Settings.model_fields.items():
        table = field.annotation
        if key in ("folder", "mailboxes", "oauth"):
            continue
        if isinstance(table, type) and issubclass(table, OptionTable):
            for inner, inner_field in table.model_fields.items():
                yield f"{PREFIX}{key}_{inner}".upper(), Variable((key, inner), inner_field)
        else:
            yield f"{PREFIX}{key}".upper(), Variable((key,), field)
    for number, name in enumerate(mailbox_names):
        for inner, inner_field in Mailbox.model_fields.items():
            if inner != "name":
                variable = f"{PREFIX}MAILBOX_{mailbox_variable(name)}_{inner.upper()}"
                yield variable, Variable(("mailbox", number, inner), inner_field)
    for name in oauth_names:
        for inner, inner_field in Oauth.model_fields.items():
            variable = f"{PREFIX}OAUTH_{mailbox_variable(name)}_{inner.upper()}"
            yield variable, Variable(("oauth", name, inner), inner_field)


def _read(text: str, field: FieldInfo) -> object:
    """Read a variable's text as the kind of value that the key has; a list is separated by commas."""
    value: object = text
    if field.annotation is not None and "tuple" in str(field.annotation):
        value = [part.strip() for part in text.split(",") if part.strip()]
    if text == "" and type(None) in get_args(field.annotation):
        return None
    # Only numbers and booleans need reading; what else is wrong is found with the whole file.
    if field.annotation in (int, bool):
        return TypeAdapter(field.annotation).validate_python(value, strict=False)
    return value


def _mailbox_hint(name: str, mailbox_names: list[str]) -> str:
    if not name.startswith(f"{PREFIX}MAILBOX_"):
        return ""
    if not mailbox_names:
        return "gateway.toml has no [[mailbox]]"
    return f"the mailboxes are {', '.join(mailbox_variable(known) for known in mailbox_names)}"
