"""What stands on a ticket by key ("type", "fields.host", "tags.vpn"), and the one way in which it changes.

`ticket.fields` says for each key whose word it is and by which rule; where the rules were another version than the one
that the ticket opened under, which. A tag that an agent took away keeps its entry, so that no rule brings it back.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.desk.clocks import turn_clocks
from gateway.desk.unit import Unit
from gateway.store.tables import Ticket
from gateway.ticket import COLUMNS, FINDINGS, Authority, Classification, Field, FieldValue
from gateway.triage.decision import Change, OpenTicket, SetFields, TurnTo

_COLUMNS = frozenset(field.value for field in (*COLUMNS, *FINDINGS))
# What decides which targets a ticket has.
_PROMISED_BY = frozenset({Field.TYPE, Field.PRIORITY, Field.TEAM})


def value_of(ticket: Ticket, key: str) -> str:
    """What a ticket has under a key, "" for nothing; its language counts where somebody has chosen it."""
    field, _, name = key.partition(".")
    if field == Field.NAMED:
        return str(ticket.named.get(name, ""))
    if field == Field.TAG:
        return name if name in ticket.tags else ""
    if field == Field.LANGUAGE and field not in ticket.fields:
        return ""
    return str(getattr(ticket, field)) if field in _COLUMNS else ""


def standing_of(ticket: Ticket) -> Classification:
    """What stands on a ticket, and whose word each field is."""
    values = []
    for key, (authority, rule, *_) in ticket.fields.items():
        field, _, name = key.partition(".")
        value = FieldValue(
            field=Field(field), value=value_of(ticket, key), authority=Authority(authority), rule=rule, name=name
        )
        values.append(value)
    return Classification(values=tuple(values))


def put(ticket: Ticket, value: FieldValue) -> None:
    """Change one value of a row; saving it is the caller's."""
    if value.field is Field.TEAM and value.value != ticket.team:
        ticket.moves = [*(ticket.moves or [ticket.team]), value.value]
    if value.field is Field.NAMED:
        kept = {name: text for name, text in ticket.named.items() if name != value.name}
        ticket.named = kept | ({value.name: value.value} if value.value else {})
    elif value.field is Field.TAG:
        kept_tags = [tag for tag in ticket.tags if tag != value.name]
        ticket.tags = [*kept_tags, value.name] if value.value else kept_tags
    else:
        setattr(ticket, value.field.value, value.value)


def at_once(changes: Sequence[Change]) -> Sequence[Change]:
    """The changes in their order, but all that a mail sets on a ticket where it sets the first of it.

    What is true between two lines of a mail was promised to nobody: no clock may run by it, or lose its miss to it.
    """
    if sum(isinstance(change, SetFields) for change in changes) < 2:
        return changes
    found: list[Change] = []
    first: int | None = None
    for change in changes:
        if isinstance(change, TurnTo | OpenTicket):
            first = None
        if isinstance(change, SetFields):
            before = found[first] if first is not None else None
            if isinstance(before, SetFields) and first is not None:
                found[first] = SetFields(values=(*before.values, *change.values))
                continue
            first = len(found)
        found.append(change)
    return found


def set_fields(unit: Unit, ticket: Ticket, change: SetFields) -> None:
    """Set values, and write into the history what each was, what it is, and who says so."""
    events: list[tuple[str, dict[str, object]]] = []
    for value in change.values:
        key, who = value.key, [value.authority.value, value.rule]
        if value.rule and unit.policy.version != ticket.policy_version:
            who.append(unit.policy.version)
        before, before_who = value_of(ticket, key), ticket.fields.get(key, ["", ""])
        unchosen = ticket.language if value.field is Field.LANGUAGE and not before else ""
        if value.field is not Field.TAG or before != value.value:
            put(ticket, value)
        ticket.fields = ticket.fields | {key: who}
        after = value_of(ticket, key)
        if before == after and before_who == who:
            continue
        text = f"{key}: {before or '(none)'} → {after or '(none)'}"
        if before == after:
            text = f"{key}: {after or '(none)'}, by {' '.join(who[:2]).strip()}"
        detail: dict[str, object] = {"field": key, "before": [before, *before_who], "after": [after, *who]}
        if unchosen:
            # Nobody had said so, but it stood there: `#undo` puts it back.
            detail["column"] = unchosen
        events.append((text, detail | ({"policy": unit.policy.version} if value.rule else {})))
    ticket.updated_at = unit.now
    ticket.save()
    if events and any(value.field in _PROMISED_BY for value in change.values):
        events[-1][1].update(turn_clocks(unit, ticket))
    for text, detail in events:
        unit.record("field", text, detail)
