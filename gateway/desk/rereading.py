"""Read a reply once more, knowing the mail that it answers.

Parsing alone takes everything below our "write above this line" for a quote. Somebody who answers below it, without
quote marks, is only understood beside the mail that we sent: whatever is not ours in it is new.
"""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from email.message import EmailMessage

from gateway.desk.raw import read_outgoing
from gateway.mail import Mail
from gateway.parse import mark_passages
from gateway.store.rows import find_all, marks
from gateway.store.tables import Outbox

_MOST_IDS = 20


def reread(mail: Mail, *, own_addresses: tuple[str, ...]) -> Mail:
    """The mail with its passages marked anew where no new words were found; any other mail as it is."""
    if mail.new_text or not mail.text.strip() or mail.defect:
        return mail
    answered = _answered_text(mail)
    if not answered:
        return mail
    passages = mark_passages(mail.text, own_addresses=own_addresses, answered=answered)
    return replace(mail, passages=passages, new_html="")


def _answered_text(mail: Mail) -> str:
    """The plain text of the newest mail of ours that this one answers, "" when it answers none."""
    ids = tuple(dict.fromkeys((*mail.in_reply_to, *reversed(mail.references))))[:_MOST_IDS]
    if not ids:
        return ""
    found = find_all(Outbox, f"message_id IN ({marks(ids)})", *ids, order="id DESC", limit=1)
    content = read_outgoing(found[0].id) if found else b""
    sent = email.message_from_bytes(content, policy=email.policy.default)
    body = sent.get_body(("plain",))
    return str(body.get_content()) if isinstance(body, EmailMessage) else ""
