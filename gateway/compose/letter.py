"""What one outgoing mail is made of, before it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gateway.mail import Address

# The mark at both ends of the line "please write above this line"; parse cuts the quote there.
DELIMITER_MARK = "=-=-="


@dataclass(frozen=True, kw_only=True)
class LetterFile:
    """A file that travels with a letter.

    `content_id` stands without angle brackets. An `inline` picture with one is shown where the person's HTML names it
    through ``cid:``; one that is named nowhere is attached like any other file.
    """

    filename: str
    content_type: str
    content: bytes = field(repr=False)
    content_id: str = ""
    inline: bool = False


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One outgoing mail to one recipient.

    `notice` names the template, `language` ("de", "pt-BR") its locale folder. `subject` is the ticket's cleaned subject
    without `token` ("[INC-1042]", "" for mails that belong to no ticket). Ids stand with their angle brackets.
    `automatic` is the Auto-Submitted value of RFC 3834 §5, "" for what a person wrote. `loop_mark` is the value of
    X-Helpdesk-Gateway, `list_id` of List-Id (``<network.helpdesk.example.com>``), `importance` "high", "low" or "".
    `context` holds plain JSON values, see `samples.py`. `template` names another template with words for this notice,
    which an admin's rule has chosen; where there is none, the notice's own stands.
    """

    notice: str
    language: str
    sender: Address
    recipient: Address
    reply_to: str
    subject: str
    token: str
    message_id: str
    date: datetime
    context: Mapping[str, object] = field(repr=False)
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    automatic: str = ""
    loop_mark: str = ""
    list_id: str = ""
    importance: str = ""
    template: str = ""
    files: tuple[LetterFile, ...] = ()
