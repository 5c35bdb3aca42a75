"""From a mail to the message that is put on a ticket."""

from __future__ import annotations

from gateway.mail import Address, Mail
from gateway.phrase import Phrase, say
from gateway.ticket import Visibility
from gateway.triage.case import Case
from gateway.triage.decision import PostMessage

# What stands on a ticket where nobody wrote a word, in English; a letter shows it in its reader's language.
NO_TEXT = say("(no text)")
FILES_ONLY = say("(see the attached files)")


def post(
    case: Case,
    *,
    author: Address,
    role: str,
    marks: tuple[Phrase | str, ...],
    visibility: Visibility = Visibility.PUBLIC,
    text: str | None = None,
) -> PostMessage:
    """The whole mail as one message: new words to show, all passages to keep."""
    words = words_of(case.mail) if text is None else text
    return PostMessage(
        author=author,
        author_role=role,
        visibility=visibility,
        text=words or words_of(case.mail),
        passages=passages_of(case),
        html=case.mail.new_html if text is None else "",
        subject=case.mail.subject,
        marks=marks,
    )


def words_of(mail: Mail) -> str:
    """What stands on a ticket of a mail: its new words, without any all that it says, else that it says nothing."""
    return mail.new_text or mail.text.strip() or str(NO_TEXT)


def stand_in(text: str) -> Phrase | None:
    """The phrase that a message's text is, where it stands for none; None for what somebody wrote."""
    return next((phrase for phrase in (NO_TEXT, FILES_ONLY) if str(phrase) == text), None)


def passages_of(case: Case) -> tuple[tuple[str, str], ...]:
    return tuple((passage.role.value, passage.text) for passage in case.mail.passages)
