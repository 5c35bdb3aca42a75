"""Read gateway.toml and the environment into `Settings`, or refuse both with every problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import SecretStr

from gateway.errors import ConfigurationError, Problem
from gateway.options.hosts import is_loopback
from gateway.options.mending import STAND_IN, StandIns, mended, new_only
from gateway.options.problems import Mistake, Source, key_path
from gateway.options.problems import Path as KeyPath
from gateway.options.reading import read_text, read_toml, validated
from gateway.options.suggestions import nearest_or_all
from gateway.options.tables import OptionDescription, describe
from gateway.settings.environment import Overrides, apply, mailbox_variable, read_environment
from gateway.settings.oauth import mistakes_of, resolved
from gateway.settings.tables import Mailbox, Relay, Settings

FILE_NAME = "gateway.toml"

# What stands in for a broken value while the rest of the file is checked.
_STAND_INS: StandIns = {
    ("mailbox", "name"): STAND_IN + "-{}",
    ("mailbox", "host"): f"{STAND_IN}.invalid",
    ("mailbox", "user"): STAND_IN,
    ("oauth", "provider"): "other",
    ("oauth", "grant"): "device_code",
}


def load_settings(folder: Path, environ: Mapping[str, str]) -> Settings:
    """Read gateway.toml of a folder, if there is one, and GATEWAY_… variables over it.

    `ConfigurationError` tells every problem. Secrets are read here, once, from the variable or the file named.
    """
    folder = folder.absolute()
    path = folder / FILE_NAME
    source = Source(str(path), read_text(path) if _is_there(path) else "")
    data = read_toml(source)
    in_the_file = [*_reserved(data), *_inline_secrets(data)]
    overrides = read_environment(environ, _mailbox_names(data), _oauth_names(data))
    apply(data, overrides.values)
    mistakes = _read_secrets(data, folder)
    settings, schema_mistakes = validated(Settings, {**data, "folder": folder})
    mistakes += schema_mistakes
    sound = settings or mended(Settings, {**data, "folder": folder}, schema_mistakes, _STAND_INS)
    if sound is not None:
        found = [mistake for check in CHECKS for mistake in check(sound)]
        mistakes += new_only(found, mistakes)
    # What is wrong in the file is wrong there also where a variable would win over it.
    problems = [*overrides.problems, *(source.problem(mistake) for mistake in in_the_file)]
    problems += [_problem(source, overrides, mistake) for mistake in mistakes]
    if problems or settings is None:
        raise ConfigurationError(sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0)))
    return _resolved(settings)


def describe_settings() -> tuple[OptionDescription, ...]:
    """Describe every key of gateway.toml, for the reference."""
    return tuple(describe(Settings, skip=("folder",)))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True  # and reading it will say why it can't be read


def _problem(source: Source, overrides: Overrides, mistake: Mistake) -> Problem:
    """Give a mistake its place: the variable that the value came from, else the line of the file."""
    inner_first = (mistake.path[:length] for length in range(len(mistake.path), 0, -1))
    variable = next((overrides.names[path] for path in inner_first if path in overrides.names), "")
    if variable:
        return Problem(file="environment", key=variable, message=mistake.message, suggestion=mistake.suggestion)
    if not source.text:
        return Problem(
            file=source.name, key=key_path(mistake.path), message=mistake.message, suggestion=mistake.suggestion
        )
    return source.problem(mistake)


def _mailbox_names(data: Mapping[str, Any]) -> list[str]:
    boxes = data.get("mailbox")
    if not isinstance(boxes, list):
        return []
    return [str(box.get("name", "")) if isinstance(box, dict) else "" for box in boxes]


def _oauth_names(data: Mapping[str, Any]) -> list[str]:
    accounts = data.get("oauth")
    return [name for name, one in accounts.items() if isinstance(one, dict)] if isinstance(accounts, dict) else []


def _reserved(data: dict[str, Any]) -> list[Mistake]:
    if "folder" not in data:
        return []
    del data["folder"]
    hint = "the folder is the one that gateway.toml is in"
    return [Mistake(path=("folder",), message="there is no such key", suggestion=hint)]


def _secret_tables(data: Mapping[str, Any]) -> Iterator[tuple[KeyPath, dict[str, Any], str, str]]:
    """Walk the tables that have a secret: path, table, its key, and the variable that may hold it."""
    for name in ("storage", "relay"):
        table = data.get(name)
        if isinstance(table, dict):
            yield (name,), table, "password", f"GATEWAY_{name.upper()}_PASSWORD"
    boxes = data.get("mailbox")
    for number, box in enumerate(boxes if isinstance(boxes, list) else ()):
        if isinstance(box, dict):
            variable = f"GATEWAY_MAILBOX_{mailbox_variable(str(box.get('name', '')))}_PASSWORD"
            yield ("mailbox", number), box, "password", variable
    for name in _oauth_names(data):
        variable = f"GATEWAY_OAUTH_{mailbox_variable(name)}_CLIENT_SECRET"
        yield ("oauth", name), data["oauth"][name], "client_secret", variable


def _inline_secrets(data: dict[str, Any]) -> list[Mistake]:
    """Refuse secrets that are written into a file which people commit, copy and send around."""
    mistakes = []
    for path, table, key, variable in _secret_tables(data):
        # The template shows the key empty, which is no secret.
        if table.pop(key, ""):
            table[key] = STAND_IN
            hint = f'write {key}_file = "/path/to/file", or set {variable}'
            mistakes.append(Mistake(path=(*path, key), message="secrets do not belong in this file", suggestion=hint))
    storage = data.get("storage")
    url = storage.get("url") if isinstance(storage, dict) else None
    if isinstance(url, str) and "@" in url and ":" in url.rpartition("@")[0].partition("://")[2]:
        hint = "leave the password out and write password_file, or set GATEWAY_STORAGE_PASSWORD"
        mistakes.append(Mistake(path=("storage", "url"), message="has a password in it", suggestion=hint))
    return mistakes


def _read_secrets(data: dict[str, Any], folder: Path) -> list[Mistake]:
    """Replace each password_file by what is in it; a variable with the password itself wins."""
    mistakes = []
    for path, table, key, _ in _secret_tables(data):
        file = table.get(f"{key}_file")
        if table.get(key):
            # Nobody must read another one from the file later.
            table.pop(f"{key}_file", None)
            continue
        if not isinstance(file, str) or not file:
            continue
        try:
            secret = (folder / file).read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            message = f'the secret can\'t be read from "{file}": {reason}'
            mistakes.append(Mistake(path=(*path, f"{key}_file"), message=message))
            secret = STAND_IN
        if not secret:
            mistakes.append(Mistake(path=(*path, f"{key}_file"), message=f'the first line of "{file}" is empty'))
        table[key] = secret or STAND_IN
    return mistakes


def _logins(settings: Settings) -> Iterator[Mistake]:
    relay = settings.relay
    secret = bool(relay.password.get_secret_value())
    if relay.user and not secret and not relay.oauth:
        yield Mistake(
            path=("relay", "user"),
            message="has no password",
            suggestion="write password_file, or set GATEWAY_RELAY_PASSWORD",
        )
    yield from _oauth_login(settings, ("relay",), relay)
    if secret and not relay.user:
        yield Mistake(path=("relay",), message="has a password but no user")
    if relay.host and relay.tls == "none" and relay.user and not is_loopback(relay.host):
        yield Mistake(
            path=("relay", "tls"), message="would send the password in the clear", suggestion='write "starttls"'
        )
    for number, box in enumerate(settings.mailboxes):
        yield from _oauth_login(settings, ("mailbox", number), box)
        if not box.password.get_secret_value() and not box.oauth:
            hint = f"write password_file, or set GATEWAY_MAILBOX_{mailbox_variable(box.name)}_PASSWORD"
            yield Mistake(path=("mailbox", number), message="has no password", suggestion=hint)
        if box.tls == "none" and not is_loopback(box.host):
            yield Mistake(
                path=("mailbox", number, "tls"),
                message="none is allowed on this machine only",
                suggestion='write "implicit" or "starttls"',
            )


def _oauth_login(settings: Settings, path: KeyPath, table: Mailbox | Relay) -> Iterator[Mistake]:
    if not table.oauth:
        return
    if table.oauth not in settings.oauth:
        hint = nearest_or_all(table.oauth, settings.oauth) if settings.oauth else f"write a table [oauth.{table.oauth}]"
        yield Mistake(path=(*path, "oauth"), message=f"there is no [oauth.{table.oauth}]", suggestion=hint)
    if table.password.get_secret_value():
        yield Mistake(path=(*path, "oauth"), message="and a password can't both be used", suggestion="leave one out")
    if not table.user:
        yield Mistake(path=path, message="has no user", suggestion="write user, the address of the mailbox")


def _oauth_accounts(settings: Settings) -> Iterator[Mistake]:
    seen: dict[str, str] = {}
    for name, one in settings.oauth.items():
        variable = mailbox_variable(name)
        if variable in seen:
            message = f"can't be told from [oauth.{seen[variable]}] in GATEWAY_OAUTH_{variable}_…"
            yield Mistake(path=("oauth", name), message=message)
        seen.setdefault(variable, name)
        for key, message, hint in mistakes_of(one):
            yield Mistake(path=("oauth", name, key) if key else ("oauth", name), message=message, suggestion=hint)


def _mailboxes(settings: Settings) -> Iterator[Mistake]:
    seen: dict[str, str] = {}
    for number, box in enumerate(settings.mailboxes):
        variable = mailbox_variable(box.name)
        if variable in seen:
            message = f'"{box.name}" can\'t be told from the mailbox "{seen[variable]}" in GATEWAY_MAILBOX_{variable}_…'
            yield Mistake(path=("mailbox", number, "name"), message=message)
        seen.setdefault(variable, box.name)
        if box.after == "move" and not box.move_to:
            yield Mistake(
                path=("mailbox", number, "after"), message="needs move_to", suggestion='write move_to = "Done"'
            )
        if box.move_to and box.after != "move":
            yield Mistake(
                path=("mailbox", number, "move_to"), message="does nothing by itself", suggestion='write after = "move"'
            )
        if box.move_to and box.move_to == box.folder:
            yield Mistake(path=("mailbox", number, "move_to"), message="is the folder that is watched")
    wanted = settings.relay.sent_mailbox
    if wanted and settings.mailbox_named(wanted) is None:
        hint = nearest_or_all(wanted, [box.name for box in settings.mailboxes])
        message = f'there is no mailbox "{wanted}"'
        yield Mistake(path=("relay", "sent_mailbox"), message=message, suggestion=hint)


def _listeners(settings: Settings) -> Iterator[Mistake]:
    smtp = settings.smtp
    if smtp.require_starttls and smtp.tls_certificate is None:
        yield Mistake(path=("smtp", "require_starttls"), message="needs tls_certificate")
    if smtp.tls_key is not None and smtp.tls_certificate is None:
        yield Mistake(path=("smtp", "tls_key"), message="needs tls_certificate")


CHECKS = (_logins, _oauth_accounts, _mailboxes, _listeners)


def _resolved(settings: Settings) -> Settings:
    """Make every path absolute and fill in the database's URL."""
    folder = settings.folder

    def absolute(path: Path | None) -> Path | None:
        return None if path is None else folder / path.expanduser()

    storage_folder = folder / settings.storage.folder.expanduser()
    storage = settings.storage.model_copy(
        update={"folder": storage_folder, "url": _database_url(settings, storage_folder)}
    )
    smtp = settings.smtp.model_copy(
        update={
            "tls_certificate": absolute(settings.smtp.tls_certificate),
            "tls_key": absolute(settings.smtp.tls_key),
        }
    )
    relay = settings.relay.model_copy(
        update={
            "ca_file": absolute(settings.relay.ca_file),
            "dkim_key_file": absolute(settings.relay.dkim_key_file),
        }
    )
    boxes = tuple(box.model_copy(update={"ca_file": absolute(box.ca_file)}) for box in settings.mailboxes)
    return settings.model_copy(
        update={
            "rules_file": absolute(settings.rules_file),
            "templates_folder": absolute(settings.templates_folder),
            "storage": storage,
            "smtp": smtp,
            "relay": relay,
            "mailboxes": boxes,
            "oauth": {name: resolved(one, folder) for name, one in settings.oauth.items()},
        }
    )


def _database_url(settings: Settings, storage_folder: Path) -> str:
    url, password = settings.storage.url, settings.storage.password
    if not url:
        # A folder may be called "100% #1"; what is no letter is percent-encoded in a URL (RFC 3986 §2.1).
        return f"sqlite:///{quote(str(storage_folder / 'gateway.sqlite'))}"
    if url.startswith("sqlite:///"):
        return f"sqlite:///{Path(quote(str(settings.folder))) / url.removeprefix('sqlite:///')}"
    return _with_password(url, password)


def _with_password(url: str, password: SecretStr) -> str:
    """Put the password into a URL that has a user and none yet (RFC 3986 §3.2.1, percent-encoded)."""
    parts = urlsplit(url)
    if not password.get_secret_value() or parts.password is not None or not parts.scheme.startswith("postgres"):
        return url
    user, _, place = parts.netloc.rpartition("@")
    secret = quote(password.get_secret_value(), safe="")
    return urlunsplit(parts._replace(netloc=f"{user}:{secret}@{place}"))
