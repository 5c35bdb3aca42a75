"""From a row of the outbox to the letter that is composed: names, thread, words, files.

Reads only. What goes to a requester shows no agent's address and no key of somebody else.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from zoneinfo import ZoneInfo

from gateway.compose import Letter, LetterFile, choose_language, is_signed
from gateway.desk.letter_heads import automatic, importance, list_id
from gateway.desk.outgoing import question_key, reply_key, ticket_context
from gateway.desk.perspective import added_by, conversation, merged_ticket_of, people_in, readers_of, shown_ticket
from gateway.desk.raw import read_raw
from gateway.desk.refusals import WITHOUT_FILES
from gateway.desk.rule_answers import Recall, rule_answer
from gateway.desk.scrubbing import scrubber
from gateway.desk.tapping import links_of
from gateway.keys import Purpose, ReplyKey, issue_day, loop_mark, message_id, plus_address, seal, without_keys
from gateway.mail import Address
from gateway.parse.archives import Budget, archive_holds_key
from gateway.phrase import Phrase, say
from gateway.policy import Policy
from gateway.store.rows import find, find_all, find_together, find_values
from gateway.store.states import AuthorRole
from gateway.store.tables import AttachmentRow, Contact, Message, Outbox, Ticket
from gateway.ticket import LANGUAGES, SETTLED, Field, Role, Status
from gateway.triage.challenge import CHALLENGE
from gateway.triage.posting import stand_in
from gateway.triage.reply_notices import INTERNAL_FILES

_MOST_REFERENCES = 20
_TAG = re.compile(r"<[^<>]*>")
# The plus keeps SQLite from the index over people: an agent has had a hundred thousand mails, a ticket a dozen.
_MAILS_TO_PERSON = """
    SELECT created_at, message_id FROM outbox WHERE +recipient_id = ? AND id < ?
    AND (ticket_id = ? OR ticket_id IN (SELECT id FROM ticket WHERE merged_into_id = ?))"""
_MAILS_BY_PERSON = """
    SELECT at, message_id FROM message WHERE +author_id = ? AND message_id <> ''
    AND (ticket_id = ? OR ticket_id IN (SELECT id FROM ticket WHERE merged_into_id = ?))"""
# All that a letter is about, in one statement.
_OF_A_LETTER = {"o": Outbox, "r": Contact, "t": Ticket, "m": Message, "a": Contact, "w": Contact}
_LETTER_JOINED = """outbox o JOIN contact r ON r.id = o.recipient_id LEFT JOIN ticket t ON t.id = o.ticket_id
    LEFT JOIN message m ON m.id = o.about_id LEFT JOIN contact a ON a.id = m.author_id
    LEFT JOIN contact w ON o.role = 'agent'
    AND w.id = (SELECT MIN(contact_id) FROM ticket_watcher WHERE ticket_id = t.id)
    WHERE o.id = ?"""
# What a person who was merged in may see of a ticket: the same of their own one.
_OWN_TICKET = ("token", "number", "type", "subject", "requester", "opened_at", "asset", "tags", "fields")
_SHOWS_SENDER = frozenset({"new_ticket", "new_reply", "internal_note", "agent_answered"})

Extract = Callable[[bytes, Sequence[int]], dict[int, bytes]]


class LetterBuilder:
    """Builds letters under one policy. `extract` takes the bytes of attachments out of a raw mail, in a worker;
    `recall` reads a whole one there, for what an agent asks of the rules."""

    def __init__(
        self,
        *,
        policy: Callable[[], Policy],
        secrets: Mapping[int, bytes],
        extract: Extract,
        file_limit_bytes: int,
        recall: Recall | None = None,
    ) -> None:
        self._policy = policy
        self._secrets = secrets
        self._extract = extract
        self._file_limit_bytes = file_limit_bytes
        self._recall = recall

    def build(self, outbox_id: int) -> tuple[Letter, str]:
        """The letter of an outbox row, and its envelope sender."""
        found = find_together(_OF_A_LETTER, _LETTER_JOINED, outbox_id)
        if found is None:
            raise LookupError(f"there is no outbox row {outbox_id}")
        row, row.recipient, ticket, message, author, watcher = found
        if author is not None:
            message.author = author
        policy = self._policy()
        files, set_aside, too_big = self._files(row, ticket, message)
        left_out: list[Phrase | str] = [*set_aside]
        left_out += [say("{file} (too large to go along; #files sends it)", file=name) for name in too_big]
        context = self._context(row, policy, message, files=files, set_aside=left_out)
        own = merged_ticket_of(row.recipient.id, ticket) if ticket is not None and row.role == Role.WATCHER else None
        if own is not None:
            ours = ticket_context(own, policy)
            own_words = {key: ours[key] for key in _OWN_TICKET}
            context["ticket"] = shown_ticket(row, is_plain=_hides_name(row)) | own_words
        if watcher is not None and isinstance(context["ticket"], dict):
            context["ticket"]["readers"] = readers_of(ticket, policy)
        context["links"] = links_of(row, ticket, policy, self._secrets)
        context |= _by_reader(row, own or ticket, policy)
        if asked := str(row.context.get("asked", "")):
            context |= rule_answer(asked, row, ticket, policy, recall=self._recall, secrets=self._secrets)
        if row.notice in ("answer", "resolution"):
            agent = row.context.get("agent")
            context["signed"] = message is not None and bool(agent) and is_signed(message.text, agent["name"])
        mark = loop_mark(row.message_id, self._secrets[max(self._secrets)])
        in_reply_to, references = self._thread(row, ticket, policy)
        letter = Letter(
            notice=_spoken(row, ticket),
            template=str(row.context.get("template", "")),
            language=self._language(row, ticket, policy),
            sender=_sender(row, policy, context),
            recipient=Address(address=row.recipient.address, name="" if _hides_name(row) else row.recipient.name),
            reply_to=self._reply_to(row, ticket, policy),
            subject=(own or ticket).subject if ticket is not None else "",
            token=str(context["ticket"]["token"]) if isinstance(context["ticket"], dict) else "",
            message_id=row.message_id,
            in_reply_to=in_reply_to,
            references=references,
            automatic=automatic(row),
            loop_mark=mark,
            list_id=list_id(row, ticket, policy),
            importance=importance(row, ticket),
            date=row.created_at.astimezone(ZoneInfo(policy.desk.time_zone)),
            context=context,
            files=tuple(files),
        )
        return letter, self._reverse_path(row, policy)

    def _language(self, row: Outbox, ticket: Ticket | None, policy: Policy) -> str:
        agent, asked_in = policy.agent_of(row.recipient.address), str(row.context.get("mail_language", ""))
        listed = (agent.language if agent is not None else "") or policy.language_of(row.recipient.address)
        if row.role == Role.AGENT:
            return choose_language(stored=listed, mail="", desk=policy.desk.language, available=LANGUAGES)
        stored = listed or asked_in or row.recipient.language
        if ticket is not None and Field.LANGUAGE in ticket.fields:
            # Somebody, or a rule, has chosen it for this ticket.
            stored = ticket.language
        # A watcher of whom nothing is known reads what the ticket is written in.
        mail = ticket.language if ticket is not None else ""
        return choose_language(stored=stored, mail=mail, desk=policy.desk.language, available=LANGUAGES)

    def _reply_to(self, row: Outbox, ticket: Ticket | None, policy: Policy) -> str:
        sealed = question_key(row.context, row.recipient, secrets=self._secrets, now=row.created_at)
        if policy.desk.plus_addresses and sealed:
            return plus_address(policy.desk.address, sealed)
        if not policy.desk.plus_addresses or ticket is None:
            return policy.desk.address
        role = Role(row.role)
        sealed = reply_key(row.recipient, role, ticket, policy=policy, secrets=self._secrets, now=row.created_at)
        return plus_address(policy.desk.address, sealed)

    def _reverse_path(self, row: Outbox, policy: Policy) -> str:
        """An address that knows which mail came back (VERP); bounces are wanted, and never answered."""
        if not policy.desk.plus_addresses:
            return policy.desk.address
        key = ReplyKey(ticket=row.id, person=row.recipient.id, role=Role(row.role), issued_on=issue_day(row.created_at))
        newest = max(self._secrets)
        sealed = seal(key, purpose=Purpose.BOUNCE, secret_id=newest, secret=self._secrets[newest])
        return plus_address(policy.desk.address, sealed)

    def _thread(self, row: Outbox, ticket: Ticket | None, policy: Policy) -> tuple[str, tuple[str, ...]]:
        """In-Reply-To and References: the person's own mails on the ticket and ours to them, in order of time.

        Those on tickets that were merged into it count: to the person it is one conversation that goes on.
        One more id stands in every References: it carries the reply key even where a relay rewrites our Message-ID.
        """
        if ticket is None:
            sealed = question_key(row.context, row.recipient, secrets=self._secrets, now=row.created_at)
            roots = (message_id(sealed, "root", policy.desk.address.partition("@")[2]),) if sealed else ()
            return str(row.context.get("in_reply_to", "")), roots
        mails = find_values(_MAILS_TO_PERSON, row.recipient_id, row.id, ticket.id, ticket.id)
        if row.role != Role.AGENT:
            mails += find_values(_MAILS_BY_PERSON, row.recipient_id, ticket.id, ticket.id)
        ids = list(dict.fromkeys(an_id for _, an_id in sorted(mails)))
        role = Role(row.role)
        sealed = reply_key(row.recipient, role, ticket, policy=policy, secrets=self._secrets, now=ticket.opened_at)
        root = message_id(sealed, "root", policy.desk.address.partition("@")[2])
        first = ids[:1] if ids and row.role != Role.AGENT else []
        rest = [an_id for an_id in ids if an_id not in first][-_MOST_REFERENCES:]
        answered = ids[-1] if ids else ""
        return answered, (*first, root, *rest)

    def _context(
        self,
        row: Outbox,
        policy: Policy,
        message: Message | None,
        *,
        files: list[LetterFile],
        set_aside: Sequence[Phrase | str],
    ) -> dict[str, object]:
        apart = ("ticket", "template", "mail_language", "asked_by")
        context: dict[str, object] = {key: value for key, value in row.context.items() if key not in apart}
        ticket = row.context.get("ticket")
        context["ticket"] = None
        if ticket:
            context["ticket"] = shown_ticket(row, is_plain=_hides_name(row))
        context["desk"] = {"name": policy.desk.name, "address": policy.desk.address}
        context |= people_in(row, policy)
        scrub = scrubber(policy, to_agent=row.role == Role.AGENT)
        context["message"] = (
            _message_context(message, policy, files=files, set_aside=set_aside, scrub=scrub) if message else None
        )
        if row.notice == "resolution":
            context["reopen_until"] = str(ticket.get("close_at", "")) if ticket else ""
        if row.role != Role.AGENT and isinstance(context.get("agent"), dict):
            context["agent"] = {"name": context["agent"]["name"], "address": policy.desk.address}  # type: ignore[index]
        return context

    def _files(
        self, row: Outbox, ticket: Ticket | None, message: Message | None
    ) -> tuple[list[LetterFile], list[str], list[str]]:
        """Files to attach, names of signature pictures set aside, and names of files too big to go along."""
        if row.context.get("files"):
            return self._read(_named_rows(row.context["files"]), to_agent=row.role == Role.AGENT), [], []
        if row.role != Role.AGENT and row.context.get(INTERNAL_FILES):
            return [], [], []
        if message is not None and row.notice not in ("question", "confirmation", "undeliverable"):
            rows = find_all(AttachmentRow, "message_id = ?", message.id, order="number")
            for one in rows:
                one.message = message
        else:
            return [], [], []
        wanted: list[AttachmentRow] = []
        too_big: list[str] = []
        # What an agent wrote goes out whole or not at all; a notice can do without a file.
        left = self._file_limit_bytes if row.role == Role.AGENT else sys.maxsize
        if row.context.get(WITHOUT_FILES):
            left = -1
        for one in rows:
            if _is_set_aside(one, message, row):
                continue
            if one.size_bytes > left:
                too_big.append(one.filename)
            else:
                left -= one.size_bytes
                wanted.append(one)
        files = self._read(wanted, to_agent=row.role == Role.AGENT)
        if row.context.get("attach_original") and message.ledger_id is not None:
            original = read_raw(message.ledger_id)
            if len(original) <= left:
                files.append(
                    LetterFile(filename="original.eml", content_type="application/octet-stream", content=original)
                )
        # To people outside, a picture of an agent's signature is nothing to speak of.
        left_out = [one.filename for one in rows if row.role == Role.AGENT and _is_set_aside(one, message, row)]
        return files, left_out, too_big

    def _read(self, wanted: list[AttachmentRow], *, to_agent: bool) -> list[LetterFile]:
        by_ledger: dict[int | None, list[AttachmentRow]] = {}
        for one in wanted:
            by_ledger.setdefault(one.message.ledger_id, []).append(one)
        content = {
            (ledger_id, number): data
            for ledger_id, rows in by_ledger.items()
            for number, data in self._extract(read_raw(ledger_id or 0), [one.number for one in rows]).items()
        }
        budget = Budget()
        files = []
        for one in wanted:
            data = content.get((one.message.ledger_id, one.number))
            # What nobody can cross out stays behind; its author has read so when the answer was held.
            if data is None or (not to_agent and archive_holds_key(data, budget)):
                continue
            files.append(
                LetterFile(
                    filename=one.filename,
                    content_type=one.content_type,
                    content=data if to_agent else without_keys(data),
                    content_id=one.content_id,
                    inline=one.inline,
                )
            )
        return files


def _spoken(row: Outbox, ticket: Ticket | None) -> str:
    """The notice whose words the mail has. The words of a resolution that had to wait are a mere answer by the time
    that their ticket is open again, or is part of another one."""
    if row.notice != "resolution" or ticket is None or not (row.about_id and row.context.get("agent")):
        return str(row.notice)
    is_settled = ticket.status in SETTLED and ticket.merged_into_id is None
    return "resolution" if is_settled else "answer"


def _by_reader(row: Outbox, ticket: Ticket | None, policy: Policy) -> dict[str, object]:
    """What a mail says to this reader only, of the ticket that they know, which may go on in another one. A row of an
    older version lacks what its template asks for by now."""
    if row.notice in ("answer", "resolution"):
        # Whose ticket was merged into this one came by no doing of their own, and knows why the mail comes.
        is_watcher = row.role == Role.WATCHER and ticket is not None and ticket.requester_id != row.recipient.id
        name = added_by(row.recipient.id, ticket, policy) if ticket is not None and is_watcher else ""
        is_open = ticket is not None and ticket.status != Status.CLOSED
        asked = {key: is_open and row.context.get(key, False) for key in ("asks", "asks_rating")}
        return {"watcher": is_watcher, "added_by": name} | (asked if row.notice == "resolution" else {})
    if row.notice == "closing":
        return {"agent": row.context.get("agent"), "confirmed_by": row.context.get("confirmed_by", "")}
    if row.notice == "acknowledgement":
        return {"is_call": row.context.get("is_call", False)}
    if row.notice == "internal_note":
        return {"changes": row.context.get("changes", [])}
    if row.notice == "result":
        missing: dict[str, object] = {"title": "", "headline": "", "left": []}
        return {name: row.context.get(name, value) for name, value in missing.items()}
    if row.notice == "question":
        usual: dict[str, object] = {"problems": [], "sendable": True, "facts": [], "headline": ""}
        usual |= {"only_commands": False, "is_last": False}
        return {name: row.context.get(name, value) for name, value in usual.items()}
    if row.notice == CHALLENGE:
        hide = scrubber(policy, to_agent=True)
        return {name: hide(row.context[name]) for name in ("their_subject", "their_text") if name in row.context}
    if row.notice not in ("new_ticket", "escalated", "bad_rating", "agent_answered"):
        return {}
    scrub = scrubber(policy, to_agent=True)
    history: list[dict[str, object]] = []
    is_cut, note = False, None
    if row.role == Role.AGENT and ticket is not None and row.context.get("history"):
        history, is_cut = conversation(ticket, policy, until=row.created_at, but=row.about_id or 0, scrub=scrub)
    if row.role == Role.AGENT and row.context.get("note"):
        message = find(Message, "id = ?", row.context["note"])
        note = _message_context(message, policy, files=[], set_aside=[], scrub=scrub) if message is not None else None
    changes = row.context.get("changes", [])
    if row.notice == "agent_answered":
        return {"changes": changes, "note": note}
    return {"changes": changes, "history": history, "history_cut": is_cut, "note": note}


def _is_set_aside(one: AttachmentRow, message: Message | None, row: Outbox) -> bool:
    """Whether a picture that its author has sent before stays behind; #files sends it all the same.

    What an agent attaches or shows among the words is meant, however often; only the picture of a signature is not.
    """
    if not one.set_aside or row.context.get("files"):
        return False
    if message is None or message.author_role != AuthorRole.AGENT:
        return True
    return bool(one.inline) and f"cid:{one.content_id}" not in message.html


def _named_rows(pairs: list[tuple[int, int]]) -> list[AttachmentRow]:
    """The attachments that a `#files` mail names, as (message, number)."""
    found = (find(AttachmentRow, "message_id = ? AND number = ?", message_id, number) for message_id, number in pairs)
    return [row for row in found if row is not None]


def _message_context(
    message: Message,
    policy: Policy,
    *,
    files: list[LetterFile],
    set_aside: Sequence[Phrase | str],
    scrub: Callable[[str], str],
) -> dict[str, object]:
    author = message.author if message.author_id is not None else None
    named = {"name": author.name, "address": author.address} if author is not None else {"name": "", "address": ""}
    zone = ZoneInfo(policy.desk.time_zone)
    return {
        "author": {"name": scrub(named["name"]), "address": scrub(named["address"])},
        "text": stand_in(message.text) or scrub(message.text),
        "html": _scrubbed_html(message.html, scrub),
        "files": [{"filename": one.filename, "size": len(one.content)} for one in files if not one.inline],
        "set_aside": list(set_aside),
        "at": (message.arrived_at or message.at).astimezone(zone).isoformat(timespec="seconds"),
        "verified": "unverified" not in message.marks,
        "another_person": "another_person" in message.marks,
        "from_html": bool(message.html),
    }


def _scrubbed_html(html: str, scrub: Callable[[str], str]) -> str:
    """The HTML scrubbed; "" (the text stands for it) where tags hide something from the scrubber."""
    cleaned = scrub(html)
    shown = _TAG.sub("", cleaned)
    return cleaned if scrub(shown) == shown else ""


def _sender(row: Outbox, policy: Policy, context: Mapping[str, object]) -> Address:
    """Always the desk's address; under the name of whoever speaks."""
    desk = policy.desk
    name = desk.name
    agent, message = context.get("agent"), context.get("message")
    if row.role != Role.AGENT and row.notice in ("answer", "resolution") and isinstance(agent, dict) and agent["name"]:
        name = f"{agent['name']} ({desk.name})"
    elif row.role == Role.AGENT and row.notice in _SHOWS_SENDER and isinstance(message, dict):
        author = message["author"]
        own = policy.is_own_domain(author["address"])
        shown = author["name"] if author["name"] and own else author["address"]
        name = f"{shown} via {desk.name}" if shown else desk.name
    return Address(address=desk.address, name=name)


def _hides_name(row: Outbox) -> bool:
    """What a stranger calls himself is a stranger's text: an acknowledgement must not carry it to a third person."""
    return row.notice == "acknowledgement" and not row.context.get("trusted", False)
