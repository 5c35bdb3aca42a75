"""Fetch mails: many small ones at a time, large ones in pieces, of those above the limit only the beginning.

Neither the size that a server announces nor the end that it implies is believed: a mail is fetched in pieces of at most
1 MiB until a piece is short *and* the announced size is reached, or until the server has nothing more. Exchange
announces sizes that are only estimates, in both directions.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from gateway.intake.imap_session import PIECE_BYTES, Listed, Refused, Session

SET_LIMIT_MAILS = 50
SET_LIMIT_BYTES = 8 * 1024 * 1024

# Of a mail above the size limit: its header and enough text to know what it is about.
BEGINNING_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A mail from the server. A file is the caller's to close; `full_size_bytes` is set when this is a beginning."""

    listed: Listed
    content: bytes | IO[bytes]
    full_size_bytes: int | None = None

    def close(self) -> None:
        if not isinstance(self.content, bytes):
            self.content.close()


def sets_of(mails: Sequence[Listed]) -> Iterator[list[Listed]]:
    """Cut a list of mails into what may be fetched at once; a large mail stands alone."""
    group: list[Listed] = []
    group_bytes = 0
    for mail in mails:
        is_full = len(group) >= SET_LIMIT_MAILS or group_bytes + mail.size_bytes > SET_LIMIT_BYTES
        if group and (is_full or mail.size_bytes > PIECE_BYTES):
            yield group
            group, group_bytes = [], 0
        group.append(mail)
        # A large mail comes alone: nothing more fits beside it.
        group_bytes += mail.size_bytes if mail.size_bytes <= PIECE_BYTES else SET_LIMIT_BYTES
    if group:
        yield group


def fetch_set(
    session: Session, mails: Sequence[Listed], *, size_limit_bytes: int, tick: Callable[[], None]
) -> tuple[list[Fetched], list[Listed]]:
    """Fetch one set: what came, and what the server gave nothing of. `tick` runs after each piece of a large mail."""
    small = [mail for mail in mails if mail.size_bytes <= min(PIECE_BYTES, size_limit_bytes)]
    large = [mail for mail in mails if mail.size_bytes > min(PIECE_BYTES, size_limit_bytes)]
    pieces: dict[int, bytes] = {}
    if small:
        expect_bytes = sum(mail.size_bytes for mail in small)
        pieces = session.pieces([mail.uid for mail in small], start=0, length=PIECE_BYTES, expect_bytes=expect_bytes)
    found: list[Fetched] = []
    unread: list[Listed] = []
    with contextlib.ExitStack() as undo:
        for mail in [*small, *large]:
            fetched = _complete(session, mail, pieces.get(mail.uid), size_limit_bytes=size_limit_bytes, tick=tick)
            if fetched is None:
                unread.append(mail)
            else:
                undo.callback(fetched.close)
                found.append(fetched)
        undo.pop_all()
    return found, unread


def _complete(
    session: Session, mail: Listed, piece: bytes | None, *, size_limit_bytes: int, tick: Callable[[], None]
) -> Fetched | None:
    """Fetch the rest of a mail of which `piece` (None: nothing yet) is there; None where the server gives nothing."""
    if mail.size_bytes > size_limit_bytes:
        beginning = _piece(session, mail.uid, 0, BEGINNING_BYTES)
        return Fetched(listed=mail, content=beginning, full_size_bytes=mail.size_bytes) if beginning else None
    if piece is None and mail.size_bytes > PIECE_BYTES:
        piece = _piece(session, mail.uid, 0, PIECE_BYTES)
    if piece is None or (not piece and mail.size_bytes > 0):
        return None
    if mail.size_bytes <= len(piece) < PIECE_BYTES:
        return Fetched(listed=mail, content=piece)
    return _in_pieces(session, mail, piece, size_limit_bytes=size_limit_bytes, tick=tick)


def _in_pieces(
    session: Session, mail: Listed, first: bytes, *, size_limit_bytes: int, tick: Callable[[], None]
) -> Fetched:
    with contextlib.ExitStack() as undo:
        spool = undo.enter_context(tempfile.TemporaryFile())
        piece, total = first, 0
        while piece:
            spool.write(piece)
            total += len(piece)
            if total > size_limit_bytes:
                spool.seek(0)
                size_bytes = max(mail.size_bytes, total)
                return Fetched(listed=mail, content=spool.read(BEGINNING_BYTES), full_size_bytes=size_bytes)
            if len(piece) < PIECE_BYTES and total >= mail.size_bytes:
                break
            tick()
            piece = _next_piece(session, mail, total, is_full=len(piece) == PIECE_BYTES)
        if total <= PIECE_BYTES:
            spool.seek(0)
            return Fetched(listed=mail, content=spool.read())
        undo.pop_all()
        return Fetched(listed=mail, content=spool)


def _next_piece(session: Session, mail: Listed, start: int, *, is_full: bool) -> bytes:
    """The octets from `start` on, b"" at the end of the mail; Refused where it breaks off in the middle."""
    piece = _piece(session, mail.uid, start, PIECE_BYTES)
    if piece is None and is_full and start < mail.size_bytes:
        raise Refused(f"the server gives nothing of UID {mail.uid} from octet {start} of {mail.size_bytes} on")
    # RFC 9051 §6.4.5: beyond the end the answer is empty; some servers say NIL.
    return piece or b""


def _piece(session: Session, uid: int, start: int, length: int) -> bytes | None:
    return session.pieces([uid], start=start, length=length, expect_bytes=length).get(uid)
