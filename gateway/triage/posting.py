"""From a mail to the message that is put on a ticket."""

from __future__ import annotations

from gateway.mail import Address
from gateway.ticket import Visibility
from gateway.triage.case import Case
from gateway.triage.decision import PostMessage

_EMPTY = "(no text)"


def post(
    case: Case,
    *,
    author: Address,
    role: str,
    marks: tuple[str, ...],
    visibility: Visibility = Visibility.PUBLIC,
    text: str | None = None,
) -> PostMessage:
    """The whole mail as one message: new words to show, all passages to keep."""
    words = case.mail.new_text if text is None else text
    return PostMessage(
        author=author,
        author_role=role,
        visibility=visibility,
        text=words or case.mail.text.strip() or _EMPTY,
        passages=passages_of(case),
        html=case.mail.new_html if text is None else "",
        subject=case.mail.subject,
        marks=marks,
    )


def passages_of(case: Case) -> tuple[tuple[str, str], ...]:
    return tuple((passage.role.value, passage.text) for passage in case.mail.passages)
