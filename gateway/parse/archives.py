"""Whether somebody's reply key lies in an archive: a mail of ours packed into a ZIP file, or pasted into a document.

Part of `parse`, and asked once more when a file goes to people. What Office and LibreOffice write is ZIP too. Nothing
is unpacked to a disk, and all is bounded, for an archive may unfold to any size: how many entries, how many octets of
each and of all, archives within archives. What lies behind a bound, overlaps, is damaged or encrypted, or is packed
otherwise, is not looked at.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.keys import carries_key
from gateway.parse import limits

_FIRST: Final = b"PK\x03\x04"
# The end of the central directory (APPNOTE 4.3.16), its length without a comment, and what points to a 64-bit one.
_END: Final = b"PK\x05\x06"
_END_BYTES: Final = 22
_COMMENT_BYTES: Final = 0xFFFF
_END_OF_64: Final = b"PK\x06\x07"
_END_OF_64_BYTES: Final = 20
# The least that an entry takes in the directory.
_ENTRY_BYTES: Final = 46
# What stands before an entry's content beside its name and extra field; their two lengths end it (APPNOTE 4.3.7).
_HEADER_BYTES: Final = 30
_ENCRYPTED: Final = 0x1
# Others cost memory that their first octets choose (LZMA).
_PACKED: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What `zipfile` raises for damaged archives; OverflowError for places that no file has.
_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, ArithmeticError, EOFError, OSError, RuntimeError, ValueError)


@dataclass(kw_only=True)
class Budget:
    """What may still be looked at in the archives of one mail."""

    entries: int = limits.ARCHIVE_ENTRIES
    octets: int = limits.ARCHIVE_BYTES


def archive_holds_key(content: bytes, budget: Budget) -> bool:
    """Whether a file is an archive with what looks like a reply key of ours in it. Never raises for what it holds."""
    return _holds_key(content, budget, depth=1)


def _holds_key(content: bytes, budget: Budget, *, depth: int) -> bool:
    if not content.startswith(_FIRST) or not _may_open(content, budget):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            # The smaller ones first: mails and documents, not films.
            entries = _apart(sorted(archive.infolist(), key=lambda one: one.file_size), content)
            return any(_entry_holds_key(archive, entry, budget, depth=depth) for entry in entries)
    except _DAMAGED:
        return False


def _may_open(content: bytes, budget: Budget) -> bool:
    """Whether its directory is short; `zipfile` reads the whole of it, whatever it says of its length elsewhere."""
    end = len(content) - _END_BYTES
    if not (content.startswith(_END, max(end, 0)) and content.endswith(b"\0\0")):
        end = content.rfind(_END, max(end - _COMMENT_BYTES, 0))
    if end < 0 or content.startswith(_END_OF_64, max(end - _END_OF_64_BYTES, 0)):
        return False
    entries = int.from_bytes(content[end + 12 : end + 16], "little") // _ENTRY_BYTES
    if entries > budget.entries:
        return False
    budget.entries -= entries
    return True


def _apart(entries: Iterable[zipfile.ZipInfo], content: bytes) -> Iterator[zipfile.ZipInfo]:
    """Those that can lie in the archive side by side: entries that overlap would read the same octets thousands of
    times, whatever little comes out of them."""
    left = len(content)
    for entry in entries:
        lengths = content[entry.header_offset + _HEADER_BYTES - 4 : entry.header_offset + _HEADER_BYTES]
        name, extra = int.from_bytes(lengths[:2], "little"), int.from_bytes(lengths[2:], "little")
        taken = _HEADER_BYTES + name + extra + entry.compress_size
        if taken <= left:
            left -= taken
            yield entry


def _entry_holds_key(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: Budget, *, depth: int) -> bool:
    wanted = min(limits.ARCHIVE_ENTRY_BYTES, budget.octets, entry.file_size)
    if wanted <= 0 or entry.flag_bits & _ENCRYPTED or entry.compress_type not in _PACKED:
        return False
    # Before it is read: a damaged entry is found to be one when all of it is unpacked.
    budget.octets -= wanted
    try:
        with archive.open(entry) as file:
            content = file.read(wanted)
    except _DAMAGED:
        return False
    if depth < limits.ARCHIVE_DEPTH and content.startswith(_FIRST):
        return _holds_key(content, budget, depth=depth + 1)
    return carries_key(content)
