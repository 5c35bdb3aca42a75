"""Take one mail from standard input: the work of `gateway deliver`, for an MTA's alias or for fetchmail.

Place in the mail's way: a program that the mail server starts for each mail. The exit code is the answer (sysexits.h):
0 only when the mail is on disk. What may fail: nothing is raised; whatever nobody expected is 75, "try again".
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from gateway.errors import TemporaryFailure
from gateway.intake.accept import Door
from gateway.intake.data import Spool
from gateway.mail import Envelope, Transport

_PIECE_BYTES = 256 * 1024
_MBOX_LINE_LIMIT_BYTES = 1000

_log = logging.getLogger(__name__)


def deliver(
    stdin: BinaryIO,
    *,
    recipient: str,
    sender: str | None,
    door: Door,
    clock: Callable[[], datetime],
    is_recipient: Callable[[str], bool],
    size_limit_bytes: int,
    complain: Callable[[str], None],
    spool_folder: Path | None = None,
) -> int:
    """Store the mail on `stdin` and return the exit code: 0 stored, 75 try again, 65 no mail or too big, 64 wrong use.

    `sender` is the return path: "" or "<>" for the null sender, None where nobody knows; then an mbox "From " line at
    the top says it. `complain` gets the reason of every code but 0, for the mail server's log and its bounce. The door
    must be started.
    """
    if not is_recipient(recipient):
        complain(f"{recipient!r} is not an address of this desk")
        return os.EX_USAGE
    spool = Spool(size_limit_bytes=size_limit_bytes, folder=spool_folder)
    try:
        mbox_sender = _read(stdin, spool)
        if spool.size_bytes == 0 or spool.too_big:
            complain("there is no mail on standard input" if not spool.size_bytes else _too_big(size_limit_bytes))
            return os.EX_DATAERR
        envelope = Envelope(
            transport=Transport.PIPE,
            received_at=clock(),
            reverse_path=mbox_sender if sender is None else sender.strip("<>"),
            recipients=(recipient.lower(),),
        )
        door.accept(envelope, spool.content())
    except TemporaryFailure as failure:
        complain(failure.public_text)
        return os.EX_TEMPFAIL
    except Exception:  # noqa: BLE001 - the mail server must keep the mail, whatever happened
        _log.exception("pipe: unexpected error")
        complain("Something went wrong here, please try again later")
        return os.EX_TEMPFAIL
    finally:
        spool.close()
    return os.EX_OK


def _too_big(size_limit_bytes: int) -> str:
    return f"the mail is larger than {size_limit_bytes} bytes"


def _read(stdin: BinaryIO, spool: Spool) -> str | None:
    """Read all of the mail but an mbox "From " line at its top, and return the sender that this line names."""
    first = stdin.readline(_MBOX_LINE_LIMIT_BYTES)
    is_mbox = first.startswith(b"From ") and first.endswith(b"\n")
    if not is_mbox:
        spool.write(first)
    while piece := stdin.read(_PIECE_BYTES):
        spool.write(piece)
        if spool.too_big:
            break
    return _mbox_sender(first) if is_mbox else None


def _mbox_sender(line: bytes) -> str | None:
    """The second word of an mbox "From " line (RFC 4155 appendix A), as a return path."""
    words = line.split()
    sender = words[1].decode("ascii", "replace") if len(words) > 1 else ""
    if sender.upper() == "MAILER-DAEMON":
        return ""
    return sender if "@" in sender else None
