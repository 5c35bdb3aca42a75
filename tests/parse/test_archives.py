"""Keys in archives are found, and no archive costs more than it may."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable

import pytest

from gateway.parse import limits, parse
from gateway.parse.archives import Budget, archive_holds_key

KEY = "abcdefghijklmnopqrstuvwxyz234567abcdefgh"
MAIL = f"Reply-To: desk+{KEY}@example.com\r\nSubject: x\r\n\r\nx".encode()


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
        archive.comment = comment
    return out.getvalue()


def document(words: str) -> bytes:
    return zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": f"<w:t>{words}</w:t>".encode()})


def damaged(content: bytes) -> bytes:
    """One entry is not what its checksum says, the others are."""
    return content.replace(b"another", b"anotheR")


FOUND: dict[str, Callable[[], bytes]] = {
    "a mail": lambda: zipped({"a.txt": b"a", "mails/notice.eml": MAIL}),
    "a mail as it is": lambda: zipped({"notice.eml": MAIL}, zipfile.ZIP_STORED),
    "a mail of Outlook": lambda: zipped({"notice.msg": MAIL.decode().encode("utf-16-le")}),
    "a document": lambda: document(f"desk+{KEY}@example.com"),
    "a document with a key in two pieces": lambda: document(f"desk+{KEY[:9]}</w:t><w:t>{KEY[9:]}@example.com"),
    "a document in an archive": lambda: zipped({"a.docx": document(f"desk+{KEY}@example.com")}),
    "an archive with a comment": lambda: zipped({"notice.eml": MAIL}, comment=b"PK" * 100),
    "one beside a damaged entry": lambda: damaged(zipped({"a.txt": b"another", "n.eml": MAIL}, zipfile.ZIP_STORED)),
    "a small mail behind big files": lambda: zipped({f"{n}.log": bytes(5_000_000) for n in range(4)} | {"n.eml": MAIL}),
}


@pytest.mark.parametrize("what", FOUND)
def test_a_key_in_an_archive_is_found(what: str) -> None:
    assert archive_holds_key(FOUND[what](), Budget())


def encrypted(content: bytes) -> bytes:
    """Both flags of its only entry say so."""
    at = content.index(b"PK\x01\x02") + 8
    return content[:6] + b"\x01" + content[7:at] + b"\x01" + content[at + 1 :]


NOT_LOOKED_AT: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no archive": lambda: MAIL,
    "no key": lambda: zipped({"a.txt": b"a", "b.docx": document("nothing")}),
    "no directory": lambda: zipped({"notice.eml": MAIL})[:-30],
    "half of one": lambda: zipped({"notice.eml": MAIL})[:60] + b"PK\x05\x06" + bytes(18),
    "an encrypted one": lambda: encrypted(zipped({"notice.eml": MAIL})),
    "one of another method": lambda: zipped({"notice.eml": MAIL}, zipfile.ZIP_LZMA),
    "one in one in one": lambda: zipped({"a.zip": zipped({"b.zip": zipped({"notice.eml": MAIL})})}),
    "a key behind four mebibytes": lambda: zipped({"a.mbox": bytes(limits.ARCHIVE_ENTRY_BYTES) + MAIL}),
    "too many entries": lambda: zipped({f"{n}": b"" for n in range(4_001)} | {"notice.eml": MAIL}),
    "a directory of 64 bits": lambda: with_long_directory(zipped({"notice.eml": MAIL})),
}


def with_long_directory(content: bytes) -> bytes:
    """As `zipfile` writes one for more than four gigabytes."""
    locator = b"PK\x06\x07" + bytes(4) + (len(content) - 22).to_bytes(8, "little") + b"\x01\0\0\0"
    return content[:-22] + locator + content[-22:]


@pytest.mark.parametrize("what", NOT_LOOKED_AT)
def test_what_is_no_archive_or_lies_behind_a_bound_is_not_looked_at(what: str) -> None:
    assert not archive_holds_key(NOT_LOOKED_AT[what](), Budget())


def test_all_archives_of_a_mail_have_one_budget() -> None:
    budget = Budget(entries=4, octets=len(MAIL))
    assert archive_holds_key(zipped({"notice.eml": MAIL}), budget)
    assert not archive_holds_key(zipped({"notice.eml": MAIL}), budget)
    assert (budget.octets, budget.entries) == (0, 2)


def in_directory(content: bytes, at: int, value: int) -> bytes:
    """With four octets of its first directory entry overwritten."""
    at += content.index(b"PK\x01\x02")
    return content[:at] + value.to_bytes(4, "little") + content[at + 4 :]


def overlapping(content: bytes, times: int) -> bytes:
    """Its only entry stands so many times in the directory."""
    begin, end = content.index(b"PK\x01\x02"), len(content) - 22
    counts = 2 * times.to_bytes(2, "little") + (times * (end - begin)).to_bytes(4, "little")
    return content[:begin] + times * content[begin:end] + content[end : end + 8] + counts + content[end + 16 :]


def nowhere(content: bytes) -> bytes:
    """Its only entry begins at the last place that 64 bits can say."""
    content = in_directory(in_directory(content, 42, 0xFFFFFFFF), 28, 1 | 12 << 16)
    end = len(content) - 22
    size = int.from_bytes(content[end + 12 : end + 16], "little") + 12
    end_of_directory = content[end : end + 12] + size.to_bytes(4, "little") + content[end + 16 :]
    return content[:end] + b"\x01\0\x08\0" + 8 * b"\xff" + end_of_directory


def test_an_entry_beyond_all_places_is_damaged() -> None:
    budget = Budget(octets=9)
    assert not archive_holds_key(nowhere(zipped({"a": b"words"})), budget)
    assert budget.octets == 4


def test_a_damaged_entry_costs_what_it_unpacks() -> None:
    budget = Budget(octets=4_000_000)
    assert not archive_holds_key(in_directory(zipped({"a": bytes(3_000_000)}), 16, 0), budget)
    assert budget.octets == 1_000_000


def test_an_entry_costs_what_it_says_however_much_comes_out_of_it() -> None:
    budget = Budget(octets=5)
    assert not archive_holds_key(in_directory(zipped({"a": bytes(3_000_000)}), 24, 3), budget)
    assert budget.octets == 2


def test_entries_that_overlap_are_read_as_often_as_they_fit_into_their_archive() -> None:
    once = zipped({"a": b"words" * 100}, zipfile.ZIP_STORED)
    content, budget = overlapping(once, 300), Budget()
    assert not archive_holds_key(content, budget)
    # What stands before the words: a header of thirty octets and a name of one.
    assert limits.ARCHIVE_BYTES - budget.octets == len(content) // 531 * 500 < 300 * 500


BOMBS: dict[str, Callable[[], bytes]] = {
    "one that unfolds a thousandfold": lambda: zipped({f"{n}": bytes(8_000_000) for n in range(8)}),
    "one in many": lambda: zipped({f"{n}.zip": zipped({"a": bytes(1_000_000)}) for n in range(100)}),
    "many entries in many": lambda: zipped({f"{n}.zip": zipped({f"{m}": b"" for m in range(900)}) for n in range(20)}),
    "letters of a key": lambda: zipped({f"{n}": b"+abcdefgh" * 450_000 for n in range(2)}),
}


@pytest.mark.parametrize("what", BOMBS)
def test_no_archive_takes_long(what: str) -> None:
    content = BOMBS[what]()
    budget = Budget()
    started = time.process_time()
    assert not archive_holds_key(content, budget)
    assert time.process_time() - started < 2
    assert budget.entries >= 0 and budget.octets >= 0


def test_a_mail_says_which_of_its_files_has_a_key_inside() -> None:
    files = (("a.zip", zipped({"notice.eml": MAIL})), ("b.zip", zipped({"a.txt": b"a"})), ("c.eml", MAIL))
    raw = b"From: a@example.com\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    for name, content in files:
        head = f"--b\r\nContent-Type: application/octet-stream; name={name}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        raw += head.encode() + content + b"\r\n"
    found = parse(raw + b"--b--\r\n").attachments
    assert [(one.filename, one.has_key, one.key_inside) for one in found] == [
        ("a.zip", False, True),
        ("b.zip", False, False),
        ("c.eml", True, False),
    ]
