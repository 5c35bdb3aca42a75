"""Tickets as material for better rules: what rules made of each, what stands on it now, and what its first mail says.

Reads only, in slices that hold no transaction open, so that it goes beside a running gateway however many there are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.store.fields import UtcDateTime
from gateway.store.rows import find_values
from gateway.ticket import COLUMNS, Authority, Field, Status

_SLICE = 1000
_TEXT_CHARS = 2000
_MOMENT = UtcDateTime()
_COLUMNS = tuple(field.value for field in COLUMNS)
_TICKETS = f"""SELECT ticket.id, ticket.opened_at, ticket.status, ticket.policy_version, ticket.fields, ticket.tags,
    ticket.named, event.detail, contact.address, {", ".join(f'ticket."{name}"' for name in _COLUMNS)}
    FROM ticket JOIN event ON event.ticket_id = ticket.id AND event.kind = 'opened'
    JOIN contact ON contact.id = ticket.requester_id
    WHERE ticket.id > ? AND ticket.opened_at >= ? AND ticket.opened_at < ? ORDER BY ticket.id LIMIT {_SLICE}"""  # noqa: S608
# Where it is read at all, the text is the larger part: its own statement, by the index of the messages.
_TEXTS = f"""SELECT message.ticket_id, message.subject, SUBSTR(message.text, 1, {_TEXT_CHARS}) FROM message
    WHERE message.id IN (SELECT MIN(id) FROM message WHERE ticket_id >= ? AND ticket_id <= ? GROUP BY ticket_id)"""  # noqa: S608
_SET_LATER = f"""SELECT event.id, event.at, event.ticket_id, event.detail FROM event
    WHERE event.id > ? AND event.kind = 'field' AND event.at >= ? AND event.at < ?
    ORDER BY event.id LIMIT {_SLICE}"""  # noqa: S608


@dataclass(frozen=True, kw_only=True)
class OpenedTicket:
    """A ticket as it was opened and as it stands.

    `then` is what was filled when it opened, by field: value, authority, rule. `now` is what stands there, the same.
    """

    id: int
    opened_at: datetime
    status: Status
    version: str
    requester: str
    subject: str
    text: str
    then: Mapping[str, tuple[str, str, str]]
    now: Mapping[str, tuple[str, str, str]]

    def corrected(self, key: str) -> str | None:
        """What an agent set instead of what stood there at first; None where nobody has."""
        value, authority, _ = self.now.get(key, ("", "", ""))
        return value if authority == Authority.AGENT and value != self.then[key][0] else None


def opened_tickets(since: datetime, until: datetime, *, with_text: bool) -> Iterator[OpenedTicket]:
    """Walk the tickets that were opened in a period, in their order; the text of the first mail only where wanted."""
    last = 0
    while rows := find_values(_TICKETS, last, since, until):
        first, last = rows[0][0], rows[-1][0]
        texts = {row[0]: row[1:] for row in find_values(_TEXTS, first, last)} if with_text else {}
        for row in rows:
            yield _ticket(row, *texts.get(row[0], ("", "")))


def _ticket(row: tuple[Any, ...], subject: str, text: str) -> OpenedTicket:
    number, opened_at, status, version, fields, tags, named, detail, requester, *columns = row
    opened = json.loads(detail)
    standing = dict(zip(_COLUMNS, columns, strict=True))
    return OpenedTicket(
        id=number,
        opened_at=_moment(opened_at),
        status=Status(status),
        version=str(opened.get("policy", version)),
        requester=requester,
        subject=subject or str(opened.get("subject", "")),
        text=text,
        then={key: (value, who, rule) for key, (value, who, rule) in opened.get("fields", {}).items()},
        now=_standing(json.loads(fields), standing, json.loads(tags), json.loads(named)),
    )


def _standing(
    fields: Mapping[str, list[str]], columns: Mapping[str, str], tags: list[str], named: Mapping[str, str]
) -> dict[str, tuple[str, str, str]]:
    standing = {}
    for key, (authority, rule, *_) in fields.items():
        field, _, name = key.partition(".")
        if field == Field.TAG:
            value = name if name in tags else ""
        else:
            value = named.get(name, "") if field == Field.NAMED else columns.get(field, "")
        standing[key] = (value, authority, rule)
    return standing


def set_by_rules_later(since: datetime, until: datetime) -> Iterator[tuple[datetime, int, str, str, str]]:
    """Walk what rules have set on replies: when, on which ticket (its row), field, value, rule."""
    last = 0
    while rows := find_values(_SET_LATER, last, since, until):
        last = rows[-1][0]
        for _, at, ticket, detail in rows:
            said = json.loads(detail)
            value, authority, *rule = said["after"]
            if authority in (Authority.RULE, Authority.OVERRIDE) and rule and rule[0]:
                yield _moment(at), ticket, str(said["field"]), str(value), str(rule[0])


def first_opened() -> datetime | None:
    """When the oldest ticket opened; None where there is none."""
    found = find_values("SELECT MIN(opened_at) FROM ticket")
    return _moment(found[0][0]) if found and found[0][0] is not None else None


def known_names() -> Iterator[str]:
    """The names of everybody who has ever written or been written to, one by one, and what stands before their @."""
    last = 0
    while rows := find_values("SELECT id, name, address FROM contact WHERE id > ? ORDER BY id LIMIT 5000", last):
        last = rows[-1][0]
        for _, name, address in rows:
            yield str(name)
            yield str(address).partition("@")[0]


def _moment(value: Any) -> datetime:
    moment = _MOMENT.python_value(value)
    if moment is None:
        raise ValueError("a moment is missing")
    return moment
