"""Read mails: bytes in, values out (`gateway.mail.Mail`).

A mail's way through this room: `scan` looks at the raw bytes, repairs the header block and refuses what would hang a
library; `tree` builds the MIME tree without its long bodies; `headers` reads who and what; `body`, `html` and `quotes`
make readable text and tell new words from history; `attachments`, `forwards`, `reports`, `authentication` and
`language` read the rest. The room is pure, and `parse` never raises for what a stranger sends; its time and memory are
bounded by `limits` and by the worker process it runs in.
"""

from gateway.parse.message import HEAD_BYTES, extract_parts, parse, parse_head
from gateway.parse.quotes import mark_passages

__all__ = ["HEAD_BYTES", "extract_parts", "mark_passages", "parse", "parse_head"]
