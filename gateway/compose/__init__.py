"""Compose: a letter of the outbox becomes the final bytes of a mail.

Place in the mail's way: the last step before the wire. Delivery hands over a `Letter` (who, to whom, about what, which
notice) and commits the bytes that come back before it opens a connection. Everything here is pure: the same letter and
the same templates give the same bytes.

What may fail: `TemplateFailure` when an admin's template is broken, `LetterRefused` when a value of the letter can't be
put into a header safely. Both hold this one mail and nothing else.

The words of every mail are in `templates/`; `notices.py` lists which there are, `samples.py` what each of them may use.
"""

from gateway.compose.answers import CannedAnswers
from gateway.compose.check import check_templates, why_no_acknowledgement
from gateway.compose.failures import LetterRefused, TemplateFailure
from gateway.compose.language import choose_language
from gateway.compose.letter import DELIMITER_MARK, Letter, LetterFile
from gateway.compose.mime import compose
from gateway.compose.notices import NOTICES, Audience, Notice
from gateway.compose.signed import is_signed
from gateway.compose.templates import Templates, load_templates
from gateway.subject import clean_subject

__all__ = [
    "DELIMITER_MARK",
    "NOTICES",
    "Audience",
    "CannedAnswers",
    "Letter",
    "LetterFile",
    "LetterRefused",
    "Notice",
    "TemplateFailure",
    "Templates",
    "check_templates",
    "choose_language",
    "clean_subject",
    "compose",
    "is_signed",
    "load_templates",
    "why_no_acknowledgement",
]
