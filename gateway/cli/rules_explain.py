"""`gateway rules explain`: every rule for one mail, with the words that decided, marked. Nothing is written."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.common import Folder, Json, fail, print_json, print_line, quiet_logs, rules_if_any, settings_of, shown
from gateway.phrase import NO_SUBJECT

if TYPE_CHECKING:
    from gateway.desk.recalling import Recalled, Word
    from gateway.explain import Explainer, Told
    from gateway.ticket import FieldValue
    from gateway.triage.account import Account, RuleAccount
    from gateway.triage.trace import ConditionTrace, Span
    from gateway.triage.view import View

_TICKET = re.compile(r"[A-Za-z][A-Za-z0-9]*-([1-9]\d*)")
_MOST_ENTRIES = 6
_MOST_EXCERPTS = 3
_MOST_NAMES = 12
_WIDTH_WITHOUT_TERMINAL = 100


def explain_rules(
    what: Annotated[
        str, typer.Argument(metavar="MAIL", help="A file (- is standard input), a ledger number, or INC-1042.")
    ],
    candidate: Annotated[
        Path | None, typer.Option("--rules", metavar="FILE", help="Explain with these rules, not with those in force.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every rule, with every condition in full.")] = False,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Say of one mail which rules hold, by which words, what each has set and what not, and why. Writes nothing.

    A stored mail is named by its number in `gateway ledger list`, or by the ticket that it opened. It is looked at with
    what was known when it came, and shown beside what was decided then and what agents have corrected since.
    """
    from gateway.explain import Explainer

    quiet_logs()
    settings = settings_of(folder)
    policy = rules_if_any(settings) if candidate is None else None
    with Explainer.open(settings, candidate=candidate, policy=policy) as explainer:
        for note in explainer.notes:
            typer.echo(note, err=True)
        told = _told(explainer, what)
    if as_json:
        print_json(_record(told))
    else:
        _print(told, what, everything=everything)


def _told(explainer: Explainer, what: str) -> Told:
    """The account of what was named: a file where there is one of that name, else a stored mail."""
    if what == "-":
        return explainer.account(sys.stdin.buffer.read())
    try:
        return explainer.account(Path(what).read_bytes())
    except (OSError, ValueError) as error:
        number, ticket = what.removeprefix("ledger/"), _TICKET.fullmatch(what)
        if not (number.isascii() and number.isdecimal()) and ticket is None:
            raise fail(f"{shown(what)}: {getattr(error, 'strerror', None) or error}") from None
    if not explainer.knows_desk:
        raise fail("no mail is stored here: there is no database of a gateway yet")
    found = explainer.account_of_ticket(int(ticket[1])) if ticket else explainer.account_of_stored(int(number))
    if found is None:
        missing = f"there is no ticket {what} that a mail has opened" if ticket else f"there is no stored mail {number}"
        raise fail(missing)
    return found


# --- for people ---


def _print(told: Told, name: str, *, everything: bool) -> None:
    typer.secho(f"== {shown(name)}", bold=True)
    account = told.account
    if account is not None:
        sender = f"from {shown(account.view.sender or 'nobody')}"
        print_line(f"{sender}: {shown(account.view.mail.subject) or NO_SUBJECT}")
    print_line(f"Rules {told.policy.version} of {shown(Path(told.policy.file).name)}{_compared(told)}")
    if account is None:
        print_line(f"No rule is asked: {'; '.join(map(shown, told.reasons))}")
        return
    if account.view.occasion != "open":
        typer.echo(f'It is asked which rules hold on = ["{account.view.occasion}"].')
    _print_rules(account, everything=everything)
    _print_fields(account, told.recalled)


def _compared(told: Told) -> str:
    """How the rules that explain stand to those that decided."""
    if told.recalled is None or not told.recalled.version:
        return ""
    if told.recalled.version == told.policy.version:
        return ", which decided it"
    return f"; it was decided by {told.recalled.version}"


def _print_rules(account: Account, *, everything: bool) -> None:
    from gateway.triage.account import Outcome

    shown_ones = [one for one in account.rules if everything or one.outcome in (Outcome.HOLDS, Outcome.NEAR)]
    typer.echo("")
    for rule in shown_ones:
        _print_rule(rule, account, full=everything)
    folded = [one for one in account.rules if one not in shown_ones]
    for outcome, words in (
        (Outcome.FAR, "did not come near"),
        (Outcome.OTHER_OCCASION, "are for other occasions"),
        (Outcome.STOPPED, f"were not looked at, since “{shown(account.stopped_by)}” stops"),
    ):
        if names := [one.name for one in folded if one.outcome is outcome]:
            listed = ", ".join(map(shown, names[:_MOST_NAMES])) + (", …" if len(names) > _MOST_NAMES else "")
            count = "1 rule" if len(names) == 1 else f"{len(names)} rules"
            words = words if len(names) > 1 else words.replace("are ", "is ").replace("were ", "was ")
            print_line(f"{count} {words}: {listed}")
    if not account.rules:
        typer.echo("There are no rules.")
    if folded and not everything:
        typer.echo("(--all shows them in full)")


def _print_rule(rule: RuleAccount, account: Account, *, full: bool) -> None:
    from gateway.triage.account import Outcome

    words = {
        Outcome.HOLDS: "holds",
        Outcome.NEAR: "does not hold",
        Outcome.FAR: "does not hold",
        Outcome.OTHER_OCCASION: f"is not asked: it is on {', '.join(rule.on)}",
        Outcome.STOPPED: f"is not looked at, since “{account.stopped_by}” stops",
    }[rule.outcome]
    if rule.outcome is Outcome.HOLDS:
        words += (", overrides" if rule.override else "") + (", stops" if rule.stops else "")
    colour = typer.colors.GREEN if rule.outcome is Outcome.HOLDS else None
    typer.secho(shown(f"{rule.number}. {rule.name}: {words}"), fg=colour, bold=rule.outcome is Outcome.HOLDS)
    for condition in rule.conditions:
        _print_condition(condition, account.view, "   ", full=full)
    for name, text in rule.captured.items():
        print_line(f"   {{{shown(name)}}} is {shown(text)}", hanging=" " * 7)
    for one in rule.settings:
        what = f"{one.key} = {shown(one.value)}"
        if one.why_not is None:
            print_line(f"   sets {what}", hanging=" " * 7)
        else:
            print_line(f"   does not set {what}: {shown(one.why_not)}", hanging=" " * 7)


def _print_condition(one: ConditionTrace, view: View, indent: str, *, full: bool) -> None:
    mark = "+" if one.held else "-"
    if one.inner and one.key.isdecimal() and len(one.inner) == 1:
        # A member with one key needs no line of its own.
        _print_condition(one.inner[0], view, indent, full=full)
        return
    if one.inner:
        words = {"any": "any: one of these", "all": "all of these", "none": "none of these"}.get(one.key, "together")
        if one.key == "none" and one.held and not full:
            typer.echo(f"{indent}{mark} none: nothing of it is there")
            return
        typer.echo(f"{indent}{mark} {words}")
        for inner in one.inner:
            # Of a group that is met, what it was met by.
            if full or inner.held or not (one.key == "any" and one.held):
                _print_condition(inner, view, indent + "    ", full=full)
        return
    found = "" if one.matched else _instead(one)
    print_line(f"{indent}{mark} {shown(_key(one))}: {_entries(one)}{found}", hanging=indent + "    ")
    if one.matched:
        for excerpt in _excerpts(one.spans, view, len(indent) + 4):
            typer.echo(f"{indent}    {excerpt}")


def _key(one: ConditionTrace) -> str:
    return f"captured {one.path[-1]}" if one.key == "captured" else one.key


def _entries(one: ConditionTrace) -> str:
    """What was asked: of what is there that alone, with how much was asked beside it."""
    listed = one.matched or one.asked
    text = ", ".join(map(shown, listed[:_MOST_ENTRIES]))
    if len(listed) > _MOST_ENTRIES:
        text += f", … ({len(listed)} in all)"
    elif one.matched and len(one.matched) < len(one.asked):
        text += f" ({len(one.matched)} of {len(one.asked)})"
    return text


def _instead(one: ConditionTrace) -> str:
    """What the mail has where something else is asked."""
    texts = [shown(span.text) for span in one.spans if span.text]
    return f" (it is {', '.join(texts[:_MOST_EXCERPTS])})" if texts else ""


def _excerpts(spans: Iterable[Span], view: View, indent: int) -> Iterator[str]:
    """The places that matched, each with the words around it, the matching ones marked."""
    width = (shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL) - indent - 1
    # Two entries may match the same place.
    for span in list(dict.fromkeys(spans))[:_MOST_EXCERPTS]:
        where = f"{shown(span.where)}: "
        if span.start is None or span.end is None:
            yield where + _marked(shown(span.text[: max(10, width - len(where))]))
            continue
        text = view.subject if span.where == "subject" else view.body
        yield where + _around(text, span.start, span.end, width - len(where))


def _around(text: str, start: int, end: int, width: int) -> str:
    """One line of a text with the place from `start` to `end` marked, cut at both sides to `width`."""
    end = min(end, start + max(10, width - 10))
    first = text.rfind("\n", 0, start) + 1
    last = end + (text[end:].find("\n") if "\n" in text[end:] else len(text) - end)
    room = max(0, width - (end - start) - 6)
    after = min(last - end, max(room - (start - first), room // 2))
    before = min(start - first, room - after)
    head = ("…" if start - before > first else "") + text[start - before : start]
    tail = text[end : end + after] + ("…" if end + after < last else "")
    return shown(head) + _marked(shown(text[start:end])) + shown(tail)


def _marked(text: str) -> str:
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        return typer.style(text, fg=typer.colors.BLACK, bg=typer.colors.YELLOW)
    return f"[[{text}]]"


def _print_fields(account: Account, recalled: Recalled | None) -> None:
    rows = list(_field_rows(account, recalled))
    typer.echo("\nFields" if rows else "\nNo field is set.")
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:2]] if rows else []
    for key, value, by, *more in rows:
        print_line(f"  {key:<{widths[0]}}  {value:<{widths[1]}}  {by}", hanging=" " * 4)
        for line in more:
            if line:
                print_line(f"  {'':<{widths[0]}}  {line}", hanging=" " * (widths[0] + 6))


def _field_rows(account: Account, recalled: Recalled | None) -> Iterator[tuple[str, str, str, str, str]]:
    """Each field: its value and whose word that is, what was decided then where that differs, and what agents said."""
    fields = {value.key: value for value in account.fields}
    then, now = (recalled.then, recalled.now) if recalled is not None else ({}, {})
    for key in dict.fromkeys([*fields, *then]):
        made = fields.get(key)
        value = shown(made.value) or "(none)" if made is not None else "(not set)"
        if key not in then and made is not None and not made.value and made.authority == "default":
            continue
        before = then.get(key)
        was = ""
        if (
            recalled is not None
            and (before is None) != (made is None)
            or (before is not None and made is not None and (before.value, before.rule) != (made.value, made.rule))
        ):
            was = f"then: {_word(before)}" if before is not None else "then: not set"
        yield key, value, _by(made, account) if made is not None else "", was, _since(key, recalled, now.get(key))


def _by(value: FieldValue, account: Account) -> str:
    from gateway.triage.opening import who_set

    return shown(str(who_set(value, account.made)))


def _word(word: Word) -> str:
    by = f"rule “{word.rule}” of {word.version}" if word.rule else word.authority
    return f"{shown(word.value) or '(none)'}, {shown(by)}"


def _since(key: str, recalled: Recalled | None, now: Word | None) -> str:
    """What agents have said of a field since, "" where nobody has."""
    said = [word for name, word in recalled.since if name == key] if recalled is not None else []
    if not said:
        return ""
    steps = [f"{shown(one.actor)} {one.at:%Y-%m-%d}: {shown(one.value) or '(none)'}" for one in said]
    text = f"since: {'; '.join(steps)}"
    return text if now is None or now.value == said[-1].value else f"{text}; now {shown(now.value) or '(none)'}"


# --- for machines ---


def _record(told: Told) -> dict[str, Any]:
    account, recalled = told.account, told.recalled
    return {
        "rules_file": told.policy.file,
        "rules_version": told.policy.version,
        "reasons": list(told.reasons),
        "occasion": account.view.occasion if account is not None else None,
        "from": account.view.sender if account is not None else "",
        "subject": account.view.subject if account is not None else "",
        "text": account.view.body if account is not None else "",
        "rules": [_rule_record(one) for one in account.rules] if account is not None else [],
        "fields": [_field_record(one) for one in account.fields] if account is not None else [],
        "matrix_cell": list(account.matrix_cell) if account is not None and account.matrix_cell is not None else None,
        "stored": _stored_record(recalled) if recalled is not None else None,
    }


def _rule_record(rule: RuleAccount) -> dict[str, Any]:
    return {
        "number": rule.number,
        "name": rule.name,
        "outcome": rule.outcome.value,
        "override": rule.override,
        "stop": rule.stops,
        "on": list(rule.on),
        "when": [_condition_record(one) for one in rule.conditions],
        "captured": dict(rule.captured),
        "set": [
            {"field": one.key, "value": one.value, "why_not": str(one.why_not) if one.why_not is not None else ""}
            for one in rule.settings
        ],
    }


def _condition_record(one: ConditionTrace) -> dict[str, Any]:
    return {
        "path": list(one.path),
        "held": one.held,
        "asked": list(one.asked),
        "matched": list(one.matched),
        "found": [{"where": span.where, "text": span.text, "start": span.start, "end": span.end} for span in one.spans],
        "inner": [_condition_record(inner) for inner in one.inner],
    }


def _field_record(value: FieldValue) -> dict[str, str]:
    return {"field": value.key, "value": value.value, "by": value.authority.value, "rule": value.rule}


def _stored_record(recalled: Recalled) -> dict[str, Any]:
    def words(found: Iterable[tuple[str, Word]]) -> list[dict[str, Any]]:
        return [
            {"field": key, "value": one.value, "by": one.authority, "rule": one.rule, "version": one.version}
            | ({"at": one.at, "agent": one.actor} if one.at is not None else {})
            for key, one in found
        ]

    return {
        "ledger": recalled.ledger,
        "received_at": recalled.received_at,
        "ticket": recalled.ticket,
        "decided_by": recalled.version,
        "then": words(recalled.then.items()),
        "corrections": words(recalled.since),
        "now": words(recalled.now.items()),
    }
