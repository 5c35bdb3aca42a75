"""What must hold after every attack, and what its file expects.

Each check returns what is wrong in words; nothing is wrong where the list is empty. The universal ones are the promises
of the desk: nothing internal and nobody else's words in what somebody outside gets, no agent's address, no key of
anybody else, headers that say what was planned, nothing changed but what was expected.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gateway.keys import Purpose, unseal
from gateway.store.database import connection
from gateway.store.tables import AttachmentRow, Contact, Ledger, Message, Ticket
from gateway.ticket import Role
from tests.attacks.casefile import Attack
from tests.attacks.house import (
    ANNA,
    BEN,
    HUGO,
    INTERNAL_SECRET,
    NORA,
    OLGA,
    OLGAS_SECRET,
    RITA,
    SAM,
    TEAMS,
    AttackedDesk,
)
from tests.desk.harness import Sent

_AGENT = re.compile(rf"(?<![\w.+-])(?:{'|'.join(map(re.escape, (ANNA, BEN, NORA, SAM, RITA)))})", re.IGNORECASE)
_KEY = re.compile(r"(?<![a-z0-9])[a-z2-7]{40}(?![a-z0-9])", re.IGNORECASE)
# Every header that a mail of the desk may have (RFC 5322, 2045, 2369, 3834, 2076; X-… by their documentation).
_PLANNED = frozenset(
    """from to subject date message-id in-reply-to references reply-to mime-version content-type
    content-transfer-encoding content-language auto-submitted x-auto-response-suppress x-helpdesk-gateway list-id
    list-unsubscribe importance priority x-priority thread-topic thread-index""".split()
)
_HOSTILE_HTML = re.compile(
    rb"<script|<iframe|<object|<embed|<form|<svg|<link|<meta http-equiv|<base|javascript:|data:text|vbscript:"
    rb"|<[a-z][^<>]*\son\w+\s*=|src=[\"']?(?:https?:|//)|url\(|@import",
    re.IGNORECASE,
)
_BIDI = re.compile("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_UNSAFE_NAME = re.compile(rf"[\x00-\x1f\x7f/\\]|{_BIDI.pattern}|^[.-]|^$|^\s")
_TO = re.compile(rb"(?m)^To:.*\r\n(?:[ \t].*\r\n)*")
_LINE_LIMIT_OCTETS = 998


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of an attack: the ledger row of its last mail, the desk before and after, what was sent."""

    attack: Attack
    desk: AttackedDesk
    row: Ledger
    raw: bytes
    before: dict[int, dict[str, Any]]
    after: dict[int, dict[str, Any]]
    agents_before: list[tuple[str, bool, object]]
    sent: list[Sent]
    sent_by_last: list[Sent]
    suppressed: list[str]

    @property
    def decision(self) -> dict[str, Any]:
        return self.row.decision or {}

    @property
    def reasons(self) -> list[str]:
        return [code for code, _ in self.decision.get("reasons", [])]

    @property
    def opened(self) -> list[int]:
        return sorted(set(self.after) - set(self.before))


def universal(outcome: Outcome) -> list[str]:
    """What is wrong whatever was expected."""
    wrong: list[str] = []
    if outcome.agents_before != outcome.desk.agents():
        wrong.append("a mail changed who is an agent")
    if outcome.row.state not in ("done", "quarantined"):
        wrong.append(f"the ledger row is {outcome.row.state}: {outcome.row.error}")
    for one in outcome.sent:
        wrong += [f"{one.notice} to {one.to}: {what}" for what in (*_unsound(one), *_told_wrongly(one, outcome))]
    return wrong


def readable(content: bytes) -> str:
    """Everything that a mail says: its octets, its decoded headers and all its decoded parts."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    return "\n".join([content.decode("utf-8", "replace"), *map(str, message.values()), *_parts(content)])


def _parts(content: bytes) -> list[str]:
    # The older policy reads the many small headers of parts without parsing them.
    message = email.message_from_bytes(content)
    payloads = [part.get_payload(decode=True) for part in message.walk()]
    return [payload.decode("utf-8", "replace") for payload in payloads if isinstance(payload, bytes)]


def _unsound(one: Sent) -> Iterable[str]:
    """What is wrong with the octets of an outgoing mail."""
    head, _, _ = one.content.partition(b"\r\n\r\n")
    if re.search(rb"(?<!\r)\n|\r(?!\n)|\0", one.content):
        yield "a bare CR, a bare LF or a NUL"
    if max(map(len, one.content.split(b"\r\n"))) > _LINE_LIMIT_OCTETS:
        yield "a line of more than 998 octets"
    if not head.isascii():
        yield "eight-bit octets in the header"
    message = email.message_from_bytes(head + b"\r\n\r\n", policy=email.policy.default)
    names = [name.lower() for name in message]
    if unplanned := set(names) - _PLANNED:
        yield f"headers that nobody planned: {sorted(unplanned)}"
    if repeated := {name for name in names if names.count(name) > 1}:
        yield f"headers that stand twice: {sorted(repeated)}"
    if [found.addr_spec for found in message["To"].addresses] != [one.to]:
        yield f"To says {message['To']}"
    if _BIDI.search("".join(str(message[name] or "") for name in ("Subject", "From", "To", "Reply-To"))):
        yield "direction marks or invisible characters in its headers"
    for part in email.message_from_bytes(one.content).walk():
        if part.get_content_type() == "text/html" and part.get_content_disposition() != "attachment":
            markup = part.get_payload(decode=True)
            if isinstance(markup, bytes) and (found := _HOSTILE_HTML.search(markup)):
                yield f"HTML that does or fetches something: {found[0]!r}"


def _told_wrongly(one: Sent, outcome: Outcome) -> Iterable[str]:
    """What this reader must not see."""
    said = readable(one.content)
    is_agent = outcome.desk.policy.agent_of(one.to) is not None
    if not is_agent:
        if INTERNAL_SECRET in said:
            yield "an internal note"
        if _AGENT.search(said):
            # In To stands the name that its reader chose.
            found = set(_AGENT.findall(readable(_TO.sub(b"", one.content)).lower())) - {one.to}
            if found:
                yield f"addresses of agents: {sorted(found)}"
        if OLGAS_SECRET in said and one.to not in (OLGA, HUGO):
            yield "another requester's words"
        if one.to != _author(outcome) and not outcome.attack.expected.get("relays"):
            if words := [line for line in _own_lines(outcome.raw) if line in said]:
                yield f"a stranger's words: {words[0]!r}"
    yield from _foreign_keys(one, said, outcome, is_agent=is_agent)


def _author(outcome: Outcome) -> str:
    written = str(email.message_from_bytes(outcome.raw).get("From", ""))
    found: list[str] = re.findall(r"[\w.+-]+@[\w.-]+", written)
    return found[-1].lower() if found else ""


def _own_lines(raw: bytes) -> list[str]:
    """Lines of a mail's text that are long enough to be its own."""
    _, _, body = raw.partition(b"\r\n\r\n")
    lines = (line.strip() for line in body.decode("utf-8", "replace").splitlines())
    return [line for line in lines if 20 <= len(line) <= 500 and " " in line and not line.startswith((">", "--"))]


def _foreign_keys(one: Sent, said: str, outcome: Outcome, *, is_agent: bool) -> Iterable[str]:
    """Keys that were given to somebody else; whoever has one could speak as that person."""
    desk = outcome.desk
    for text in sorted({found.lower() for found in _KEY.findall(said)}):
        for purpose in (Purpose.REPLY, Purpose.CONFIRM, Purpose.DIGEST):
            key = unseal(text, purpose=purpose, secrets=desk.secrets)
            if key is None:
                continue
            with connection(desk.database):
                holder = Contact.get_by_id(key.person).address
            if holder != one.to:
                yield f"a {purpose.name.lower()} key of {holder}"
            elif key.role is Role.AGENT and not is_agent:
                yield "an agent's key"


def expectations(outcome: Outcome) -> list[str]:
    """What is not as the file expects it."""
    expected, row = outcome.attack.expected, outcome.row
    action = "duplicate" if row.outcome == "duplicate" else outcome.decision.get("action", "")
    found: dict[str, object] = {
        "action": action,
        "kind": outcome.decision.get("kind", ""),
        "code": row.reason_code if action == "quarantine" else "",
        "auto_reply_ok": not any(code.startswith("no-answer-") for code in outcome.reasons),
        "acknowledged": any(one.notice == "acknowledgement" for one in outcome.sent_by_last),
        "opened": len(outcome.opened),
        "suppressed": sorted(set(outcome.suppressed)),
        "sent": len(outcome.sent),
        "people": sorted({one.to for one in outcome.sent if outcome.desk.policy.agent_of(one.to) is None}),
    }
    wrong = [
        f"{name} is {found[name]!r}, expected {expected[name]!r}"
        for name in found
        if name in expected and found[name] != _in_order(expected[name])
    ]
    if "one_of" in expected and action not in expected["one_of"]:
        wrong.append(f"action is {action!r}, expected one of {expected['one_of']}")
    return [*wrong, *_told(outcome), *_changed(outcome), *_posted(outcome), *_said(outcome)]


def _in_order(value: object) -> object:
    return sorted(value) if isinstance(value, list) else value


def _told(outcome: Outcome) -> Iterable[str]:
    """Who got which notice of the last mail: exactly these."""
    if "told" not in outcome.attack.expected:
        return
    wanted = {
        (notice, person)
        for notice, people in outcome.attack.expected["told"].items()
        for name in people
        for person in TEAMS.get(name, {name})
    }
    got = sorted((one.notice, one.to) for one in outcome.sent_by_last)
    if got != sorted(wanted):
        yield f"told were {got}, expected {sorted(wanted)}"


def _changed(outcome: Outcome) -> Iterable[str]:
    """Tickets that changed, and in what: the one that is named in what was expected, any other in nothing."""
    expected = outcome.attack.expected
    numbers = outcome.desk.numbers
    changes = dict(expected.get("changes", {}))
    target = numbers.get(expected.get("ticket", ""))
    if target is not None:
        changes.setdefault("messages", 1)
    for number, before in outcome.before.items():
        after = outcome.after[number]
        got = {name: value for name, value in after.items() if value != before[name]}
        if "messages" in got:
            got["messages"] = after["messages"] - before["messages"]
        wanted = changes if number == target else {}
        if got != {name: value for name, value in wanted.items() if (name, value) != ("messages", 0)}:
            name = next((name for name, one in numbers.items() if one == number), str(number))
            yield f"ticket {name} changed in {got}, expected {wanted}"
    if expected.get("action") not in ("open", None) and "opened" not in expected and outcome.opened:
        yield f"opened {len(outcome.opened)} tickets"


def _posted(outcome: Outcome) -> Iterable[str]:
    """What was written on the ticket: who, how visible, with which marks and files."""
    expected = outcome.attack.expected
    desk, number = outcome.desk, outcome.row.ticket.number if outcome.row.ticket is not None else None
    if "new_ticket" in expected:
        wanted: dict[str, Any] = expected["new_ticket"]
        got = dict(outcome.after.get(number or 0, {})) | {"links": desk.links(number) if number else []}
        for name, value in wanted.items():
            if got.get(name) != value:
                yield f"the new ticket has {name} {got.get(name)!r}, expected {value!r}"
    if "posted" not in expected and "file_count" not in expected:
        return
    with connection(desk.database):
        message = Message.select().where(Message.ledger == outcome.row).order_by(Message.id).first()
        if message is None:
            yield "nothing was written on a ticket"
            return
        files = [one.filename for one in AttachmentRow.select().where(AttachmentRow.message == message)]
        author = message.author.address if message.author_id is not None else ""
        posted = {
            "author": author,
            "role": message.author_role,
            "visibility": message.visibility,
            "state": message.state,
            "files": files,
            "text": message.text,
            "ticket": Ticket.get_by_id(message.ticket_id).number,
        }
        marks = [mark for mark in message.marks if isinstance(mark, str)]
    if len(files) != expected.get("file_count", len(files)):
        yield f"the message has the files {files}"
    for name in files:
        if _UNSAFE_NAME.search(name) or len(name) > 255:
            yield f"a file is named {name[:300]!r}"
    for name, value in expected.get("posted", {}).items():
        if name == "marks" and not set(value) <= set(marks):
            yield f"marks are {marks}, expected {value} among them"
        elif name == "no_marks" and set(value) & set(marks):
            yield f"marks are {marks}, expected none of {value}"
        elif name == "says" and not all(words in posted["text"] for words in value):
            yield f"the text is {posted['text'][:300]!r}, expected {value} in it"
        elif name in posted and posted[name] != value:
            yield f"the message has {name} {posted[name]!r}, expected {value!r}"


def _said(outcome: Outcome) -> Iterable[str]:
    """Words that must stand, or must not, in what goes out."""
    expected, policy = outcome.attack.expected, outcome.desk.policy
    to_agents = [one for one in outcome.sent_by_last if policy.agent_of(one.to) is not None]
    to_people = [one for one in outcome.sent if policy.agent_of(one.to) is None]
    for words in expected.get("agents_see", []):
        if not to_agents or any(words not in f"{one.subject}\n{one.text}" for one in to_agents):
            shown = to_agents[0].text[:600] if to_agents else "nothing was sent to them"
            yield f"agents don't see {words!r}: {shown}"
    for words in expected.get("agents_never_see", []):
        if any(words in f"{one.subject}\n{one.text}" for one in to_agents):
            yield f"agents see {words!r}"
    for words in expected.get("people_never_see", []):
        if any(words in readable(one.content) for one in to_people):
            yield f"{words!r} went to a person"
    for words in expected.get("nobody_sees", []):
        if any(words in readable(one.content) for one in outcome.sent):
            yield f"{words!r} stands in what went out"
