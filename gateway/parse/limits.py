"""How much of a stranger's mail is looked at: every bound of the parse room in one place.

The libraries behind `parse` have shapes that make them hang or swallow memory (nested parts, thousands of encoded
words, endless blank lines); each bound keeps one of them away. What is cut off stays in the raw mail.
"""

from __future__ import annotations

from typing import Final

HEADER_BLOCK_BYTES: Final = 256 * 1024
HEADER_COUNT: Final = 1_000
HEADER_BYTES: Final = 64 * 1024
AUTHENTICATION_BYTES: Final = 8 * 1024
ENCODED_WORDS: Final = 200
ADDRESSES: Final = 100
IDS: Final = 200

MIME_DEPTH: Final = 20
MIME_PARTS: Final = 500
# A part's parameters are a list that email.message splits again and again; more than this is no file name.
PARAMETER_BYTES: Final = 8 * 1024
PARAMETERS: Final = 100

# Bodies longer than this do not go through the MIME parser: they stay where they are and are found by position.
HELD_BODY_BYTES: Final = 64 * 1024
# Above this size attachments are not decoded to learn their size and digest.
DECODED_MAIL_BYTES: Final = 10 * 1024 * 1024

TEXT_BYTES: Final = 1024 * 1024
# Of all text parts of a mail together.
TEXTS_BYTES: Final = 2 * 1024 * 1024
HTML_BYTES: Final = 512 * 1024
HTML_OPEN_TAGS: Final = 1_000
# Of one tag; the libraries compare each attribute with all that came before it.
HTML_ATTRIBUTES: Final = 100

# What the reply libraries may see (measured: worst hostile text 0.12 s under these, minutes without).
QUOTE_CHARACTERS: Final = 64 * 1024
QUOTE_LINES: Final = 2_000
QUOTE_LINE_CHARACTERS: Final = 1_000

# Of all archives of a mail together: how many entries, and octets unpacked; of one entry; archives within archives.
ARCHIVE_ENTRIES: Final = 4_000
ARCHIVE_BYTES: Final = 16 * 1024 * 1024
ARCHIVE_ENTRY_BYTES: Final = 4 * 1024 * 1024
ARCHIVE_DEPTH: Final = 2

FILENAME_CHARACTERS: Final = 255
REPORT_BYTES: Final = 256 * 1024
REPORT_RECIPIENTS: Final = 100
