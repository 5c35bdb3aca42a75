"""Write the generated parts of the pages anew: `python -m tests.docs.regenerate`.

A part stands between ``<!-- generated: NAME -->`` and ``<!-- end: NAME -->``. What it says is written in the code:
tables of commands and notices, docstrings of settings, helps of the command line. A test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any

import typer

from gateway.alarms import CONDITIONS
from gateway.cli.app import app
from gateway.compose.notices import NOTICES
from gateway.compose.samples import sample_letters
from gateway.options.tables import OptionDescription
from gateway.parse import limits as parse_limits
from gateway.policy import describe_policy
from gateway.policy.roles import DUTIES, StaffRole
from gateway.policy.schema import SCHEMA_FILE, schema_text
from gateway.policy.telling import EVENTS, FIXED_MAILS
from gateway.settings import describe_settings
from gateway.ticket import LANGUAGES, PRIORITY_MATRIX, Level
from gateway.triage.commands import COMMANDS
from gateway.triage.desk_commands import DESK_COMMANDS
from gateway.triage.lint import LINTS
from gateway.triage.quarantine import QUARANTINE
from gateway.triage.restraint import RESTRAINTS
from gateway.triage.self_help import FORMS
from gateway.triage.trust import ACTS, Means, Proof
from tests.docs.pages import CHECKOUT, pages, read, shown

SCHEMA = CHECKOUT / SCHEMA_FILE
PART = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)
# GitHub's Markdown reads a bare pipe as the border of a cell, also between backticks.
PIPE = "\\|"
_EXAMPLE_LIMIT_CHARS = 60
# The agent's card: what one wants to do, in a narrow column that leaves each command one line, and the commands for it.
CARD = {
    "take it or<br>pass it on": "take assign escalate",
    "say what it is": "priority impact urgency category type tag set",
    "wait": "hold ack",
    "end it, or take<br>it up again": "resolve workaround cause code close reopen spam",
    "answer and<br>take back": "note use preview send undo retry",
    "let somebody<br>read along": "cc watch unwatch requester",
    "put together": "merge link",
    "know more": "files why rules help",
    "ask the desk,<br>in a new mail": "list show find",
    "be away, also<br>in a new mail": "handover away back",
}


def main() -> None:
    for page in pages():
        text = read(page)
        new = regenerated(text)
        if new != text:
            page.write_text(new, encoding="utf-8")
            print(f"written: {shown(page)}")
    if SCHEMA.read_text(encoding="utf-8") != schema_text():
        SCHEMA.write_text(schema_text(), encoding="utf-8")
        print(f"written: {shown(SCHEMA)}")


def regenerated(text: str) -> str:
    """A page with every generated part as the code has it now. Raises KeyError for a part that nobody writes."""
    return PART.sub(lambda match: f"{match.group(1)}\n{PARTS[match.group(2)]()}\n\n{match.group(3)}", text)


def table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    lines += [f"| {' | '.join(cell.replace('|', PIPE) for cell in row)} |" for row in rows]
    return "\n".join(lines)


def code(text: str) -> str:
    return f"`{text}`"


def restraints() -> str:
    return table(("code", "why"), [(code(name), words) for name, words in RESTRAINTS.items()])


def card() -> str:
    """All that an agent can command, by what one wants to do, on one page: a row of the table for each wish."""
    usages = {name: f"{code(str(row.usage))} {row.help}" for name, row in (DESK_COMMANDS | COMMANDS).items()}
    groups = [(title, names.split()) for title, names in CARD.items()]
    placed = {name for _, names in groups for name in names}
    groups.append(("More", [name for name in usages if name not in placed]))
    rows = [(f"**{title}**", "<br>".join(usages[name] for name in names)) for title, names in groups if names]
    return table(("you want to", "you write"), rows)


def wishes() -> str:
    """The words by which employees help themselves, of each language the first."""
    columns = ("one word", *LANGUAGES)
    forms = {wish: {language: FORMS[wish][language].split() for language in LANGUAGES} for wish in FORMS}
    rows = [
        (wish.value, *(", ".join(form.replace("_", " ") for form in found) for found in by_language.values()))
        for wish, by_language in forms.items()
    ]
    return table(columns, rows)


def duties() -> str:
    rows = [(row.what, *("yes" if role in row.whose else "" for role in StaffRole)) for row in DUTIES.values()]
    return table(("", *(role.value for role in StaffRole)), rows)


def settings() -> str:
    return options(describe_settings())


def policy() -> str:
    return options(describe_policy())


def options(descriptions: tuple[OptionDescription, ...]) -> str:
    """One table of keys for each table of the file, in the order of the file."""
    parts = []
    for name, group in groupby(descriptions, key=lambda option: option.table):
        rows = [
            (code(option.key), code(option.kind) if '"' in option.kind else option.kind, default(option), said(option))
            for option in group
        ]
        parts.append(f"### {f'`{name}`' if name else 'At the top of the file'}\n")
        parts.append(table(("key", "value", "without it", "what it is"), rows) + "\n")
    return "\n".join(parts).rstrip()


def default(option: OptionDescription) -> str:
    return code(option.default) if option.default else "must be there"


def said(option: OptionDescription) -> str:
    """The description; a star or an angle bracket in it is meant as such."""
    return re.sub(r"(`[^`]*`)|([*<])", lambda match: match.group(1) or f"\\{match.group(2)}", option.description)


def matrix() -> str:
    rows = [
        (f"impact {impact.value}", *(PRIORITY_MATRIX[impact, urgency].value for urgency in Level)) for impact in Level
    ]
    return table(("", *(f"urgency {urgency.value}" for urgency in Level)), rows)


def quarantine() -> str:
    rows = [
        (
            code(why.code),
            str(why.text),
            why.todo,
            why.release,
            "yes" if why.by_mail else "only what your own server authenticates",
            "yes" if why.expires else "never",
        )
        for why in QUARANTINE.values()
    ]
    return table(("code", "what it is", "what to do", "a release", "release by mail", "expires"), rows)


def alarms() -> str:
    rows = [
        (
            code(condition.code),
            condition.colour,
            condition.what,
            _after(condition.hold_minutes),
        )
        for condition in CONDITIONS.values()
    ]
    return table(("code", "colour", "what it is", "the operators hear of it"), rows)


def _after(minutes: int | None) -> str:
    return "no mail" if minutes is None else "after one minute" if minutes == 1 else f"after {minutes} minutes"


def lints() -> str:
    return table(("warning", "what it is"), [(code(lint.code), lint.what) for lint in LINTS])


def events() -> str:
    """Which event tells whom by default, whom else it may tell, and whether it may tell nobody."""
    rows = []
    for event, told in EVENTS.items():
        by_default = told.words or ", ".join(map(code, told.by_default)) or "nobody"
        never = "no" if told.is_must else "yes"
        rows.append((code(event), told.what, by_default, ", ".join(map(code, told.possible)) or "nobody else", never))
    return table(("event", "what has happened", "tells without a word of yours", "`to` may name", '`"never"`'), rows)


def fixed_mails() -> str:
    return table(
        ("mail", "why no rule redirects it"), [(code(name), f"It {why}.") for name, why in FIXED_MAILS.items()]
    )


def notices() -> str:
    rows = []
    for notice in NOTICES.values():
        own = sorted(set(sample_letters(notice.name)[0].context) - {"desk", "ticket", "person", "requester"})
        rows.append((f"`{notice.name}`", notice.audience.value, notice.purpose, ", ".join(map(code, own))))
    return table(("template", "who reads it", "what it is for", "what else it knows"), rows)


def variables() -> str:
    """Every variable that a template may use, with what it is in the sample that `gateway check` renders."""
    found: dict[str, str] = {}
    for name in NOTICES:
        for key, value in _flat(sample_letters(name)[0].context):
            found[key] = found.get(key) or value
    return table(("variable", "for example"), [(f"`{name}`", found[name]) for name in sorted(found)])


def _flat(values: Mapping[str, object], before: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield from _flat(value[0], f"{before}{key}[].")
        else:
            first = value[0] if isinstance(value, list) and value else "" if isinstance(value, list) else value
            yield before + key + ("[]" if isinstance(value, list) else ""), _shortened(first)


def _shortened(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else " ".join(str(value).split())
    cut = text if len(text) <= _EXAMPLE_LIMIT_CHARS else text[:_EXAMPLE_LIMIT_CHARS].rstrip() + "…"
    return code(cut) if cut else ""


@cache
def command_line_group() -> Any:
    """The whole command line; to build it takes a while."""
    return typer.main.get_command(app)


@cache
def command_tree() -> dict[str, Any]:
    """Every command by its words ("ledger list") as the command line knows it."""
    found: dict[str, Any] = {}

    def walk(group: Any, words: tuple[str, ...]) -> None:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                walk(command, (*words, name))
            else:
                found[" ".join((*words, name))] = command

    walk(command_line_group(), ())
    return found


def command_line() -> str:
    rows = []
    for words, command in sorted(command_tree().items()):
        arguments = " ".join(map(_usage_of, _arguments(command)))
        # Click's own mark for "take the rest on a line of its own".
        help_text = " ".join((command.help or "").replace("\b", "").split())
        rows.append((code(f"gateway {words} {arguments}".strip()), help_text.replace("<", "\\<").replace("*", "\\*")))
    return table(("command", "what it does"), rows)


def _arguments(command: Any) -> list[Any]:
    return [one for one in command.params if one.param_type_name == "argument"]


def _usage_of(argument: Any) -> str:
    many = "…" if argument.nargs != 1 else ""
    name = re.sub(r"[^A-Z]", "", str(argument.metavar or argument.name).upper())
    return f"{name}{many}" if argument.required else f"[{name}{many}]"


_LEVELS = {
    frozenset({Means.CLAIM}): "L1",
    frozenset({Means.KEY}): "L2",
    frozenset({Means.DOMAIN}): "L3",
    frozenset({Means.KEY, Means.DOMAIN}): "L2 and L3",
    frozenset({Means.CONFIRMED}): "a yes to this mail",
    frozenset({Means.KEY, Means.REMEMBERED}): "L2 and a yes of the last days",
}


def trust() -> str:
    """What each act needs, by the two settings of `require`."""

    def needs(proofs: tuple[Proof, ...]) -> str:
        return ", or ".join(_LEVELS[proof] for proof in proofs)

    rows = [(row.what, needs(row.key), needs(row.strict)) for row in ACTS.values()]
    return table(("to", 'with `require = "key"` it takes', 'with `require = "key+domain"`'), rows)


def limits() -> str:
    """Every number that an admin can set, with the file and table that it stands in."""
    rows = [
        (code(f"{option.table} {option.key}".strip()), file, default(option), said(option))
        for file, found in (("rules.toml", describe_policy()), ("gateway.toml", describe_settings()))
        for option in found
        if option.default.isdecimal() and option.default != "0" and option.key not in ("port",)
    ]
    fixed = [
        (code(name.lower()), f"{value:,}")
        for name, value in vars(parse_limits).items()
        if name.isupper() and isinstance(value, int)
    ]
    read = "Fixed, of one mail that is read (what is beyond stays in the raw mail):"
    settable = table(("limit", "file", "default", "what it is"), rows)
    return f"{settable}\n\n{read}\n\n{table(('limit', 'at most'), fixed)}"


PARTS: dict[str, Callable[[], str]] = {
    "trust": trust,
    "limits": limits,
    "wishes": wishes,
    "card": card,
    "duties": duties,
    "settings": settings,
    "policy": policy,
    "matrix": matrix,
    "notices": notices,
    "events": events,
    "fixed-mails": fixed_mails,
    "variables": variables,
    "command-line": command_line,
    "quarantine": quarantine,
    "restraints": restraints,
    "alarms": alarms,
    "lints": lints,
}


if __name__ == "__main__":
    main()
