"""All that is pure of a mail's way: read, decide, and write what the desk would send; nothing may escape."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from gateway.compose import Templates, compose, load_templates
from gateway.compose.failures import LetterRefused
from gateway.compose.headers import checked_address, is_writable_id
from gateway.compose.letter import Letter
from gateway.compose.samples import sample_letters
from gateway.mail import Address, Mail
from gateway.parse import extract_parts, parse
from gateway.subject import clean_subject
from gateway.ticket import Role
from gateway.triage.decide import decide
from gateway.triage.decision import Action, Decision
from gateway.triage.facts import Facts, Person
from gateway.triage.groups import through_group
from tests.triage import values

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


class Escape(AssertionError):
    """Something that must not happen to any mail."""


def check(raw: bytes) -> Action:
    """Take a mail down the pure chain; raises for whatever must not happen, and returns what became of the mail."""
    mail = through_group(parse(raw, own_addresses=(values.DESK,)), values.policy())
    if "unexpected" in mail.defect:
        raise Escape(f"not read: {mail.defect}")
    if not all(
        isinstance(data, bytes) for data in extract_parts(raw, [file.number for file in mail.attachments]).values()
    ):
        raise Escape("a file without bytes")
    sender = mail.sender.address if mail.sender else ""
    decisions = [_decided(mail, facts) for facts in _facts(sender, len(raw))]
    for letter in _letters(mail, sender):
        _compose(letter)
    return decisions[0].action


def _facts(sender: str, turn: int) -> list[Facts]:
    """A stranger, and in turns: a requester with a key, an agent with one, somebody whom a machine vouches for."""
    person = Person(id=1, address=sender)
    more = (
        values.facts(sender=person, keys=(values.key(holder=sender),), auth_trusted=True),
        values.facts(sender=person, keys=(values.key(holder=values.ANNA, role=Role.AGENT),), auth_trusted=True),
        values.facts(sender=person, tokens=(values.token(),)),
        values.facts(is_own=True, has_broken_key=True),
    )
    return [Facts(now=values.NOW), more[turn % len(more)]]


def _decided(mail: Mail, facts: Facts) -> Decision:
    decision = decide(mail, values.ENVELOPE, facts, values.policy())
    if not isinstance(decision.action, Action):
        raise Escape("no outcome")
    return decision


def _letters(mail: Mail, sender: str) -> list[Letter]:
    """The acknowledgement to the sender and the notice to an agent, with all that the stranger wrote in them."""
    name = mail.sender.name if mail.sender else ""
    person = {"address": sender, "name": name}
    notice = sample_letters("new_ticket")[0]
    ticket, message = notice.context["ticket"], notice.context["message"]
    assert isinstance(ticket, dict)
    assert isinstance(message, dict)
    message = message | {
        "text": mail.new_text or mail.text,
        "html": mail.new_html,
        "author": person,
        "files": [{"filename": file.filename, "size": file.size_bytes} for file in mail.attachments],
    }
    files = tuple(
        replace(notice.files[0], filename=file.filename, content_type=file.content_type, content_id=file.content_id)
        for file in mail.attachments[:5]
    )
    context = {**notice.context, "ticket": ticket | {"requester": person}, "message": message}
    letters = (
        replace(
            sample_letters("acknowledgement")[0], recipient=Address(address=sender or "nobody@example.com", name=name)
        ),
        replace(notice, context=context, files=files),
    )
    return [
        replace(
            letter,
            subject=clean_subject(mail.subject),
            in_reply_to=mail.message_id if is_writable_id(mail.message_id) else "",
            references=mail.references,
        )
        for letter in letters
    ]


def _compose(letter: Letter) -> None:
    """Write a letter; its headers are read again and compared with the plan there. Only a bad recipient is refused."""
    try:
        compose(letter, _templates())
    except LetterRefused as refusal:
        try:
            checked_address(letter.recipient.address)
        except LetterRefused:
            return
        raise Escape(f"a letter that can't be written: {refusal}") from refusal


@cache
def _templates() -> Templates:
    return load_templates(TEMPLATES)
