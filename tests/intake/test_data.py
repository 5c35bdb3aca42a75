"""The end of DATA and the dots: the same as octet by octet, however the stream is cut, at a bounded cost."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.intake.data import DotDecoder, Spool, SpoolMemory, count_hops
from tests.fuzz import dots
from tests.fuzz.dots import decode, octet_by_octet

MEBIBYTE = 1024 * 1024

# What some server somewhere has taken for an end; only the first one is.
ENDS = {
    "CRLF.CRLF": b"\r\n.\r\n",
    "LF.LF": b"\n.\n",
    "LF.CRLF": b"\n.\r\n",
    "CRLF.LF": b"\r\n.\n",
    "CR.CR": b"\r.\r",
    "CR.CRLF": b"\r.\r\n",
    "CRLF.CR": b"\r\n.\r",
    "CR.LF": b"\r.\n",
    "CRLF.CRCRLF": b"\r\n.\r\r\n",
    "LF.CRCRLF": b"\n.\r\r\n",
    "CRLF NUL.CRLF": b"\r\n\x00.\r\n",
    "CRLF.NUL CRLF": b"\r\n.\x00\r\n",
    "CRLF..CRLF": b"\r\n..\r\n",
    "CRLF. CRLF": b"\r\n. \r\n",
    "CRLF .CRLF": b"\r\n .\r\n",
    "VT.VT": b"\x0b.\x0b",
    "FF.FF": b"\x0c.\x0c",
    "NEL.NEL": b"\xc2\x85.\xc2\x85",
    "LS.LS": b"\xe2\x80\xa8.\xe2\x80\xa8",
}


tokens = st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"a", b"\r\n.", b"..", b"\r\n.\r\n"])


@given(st.lists(tokens, max_size=14).map(b"".join), st.booleans(), st.lists(st.integers(1, 6), min_size=1, max_size=8))
def test_the_decoder_agrees_with_the_standard(stream: bytes, ended: bool, sizes: list[int]) -> None:
    stream += b"\r\n.\r\n" if ended else b""
    content, rest = decode(stream, sizes)
    expected_content, expected_rest = octet_by_octet(stream)

    assert rest == expected_rest
    if rest is None:
        # What may yet be the beginning of an end is held back.
        assert expected_content.startswith(content)
        assert len(expected_content) - len(content) <= 4
    else:
        assert content == expected_content


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 1000])
@pytest.mark.parametrize("name", [name for name in ENDS if name != "CRLF.CRLF"])
def test_nothing_but_crlf_dot_crlf_ends_a_mail(name: str, size: int) -> None:
    tail = b"MAIL FROM:<evil@example.net>\r\n"
    content, rest = decode(b"one" + ENDS[name] + tail + b".\r\nQUIT\r\n", [size])

    assert rest == b"QUIT\r\n"
    assert content == b"one" + ENDS[name].replace(b"\r\n.", b"\r\n") + tail


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 1000])
def test_crlf_dot_crlf_ends_a_mail(size: int) -> None:
    assert decode(b"one\r\n.\r\ntwo", [size]) == (b"one\r\n", b"two")
    assert decode(b"one\r\r\n.\r\ntwo", [size]) == (b"one\r\r\n", b"two")
    assert decode(b".\r\ntwo", [size]) == (b"", b"two")


@pytest.mark.parametrize("line", [b"\r\n", b"\r", b"\n", b".", b"\r\n..", b"x" * 76 + b"\r\n"])
def test_any_flood_costs_little_memory(line: bytes) -> None:
    """32 MiB of nothing but CRLF cost aiosmtpd's own reader 2.7 GiB."""
    piece = (line * (65536 // len(line) + 1))[:65536]
    decoder = DotDecoder()
    tracemalloc.start()
    decoded = sum(len(decoder.feed(piece)) for _ in range(512))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert decoded >= 512 * 65536 // 2
    assert peak_bytes < MEBIBYTE


def test_a_small_mail_stays_in_memory(tmp_path: Path) -> None:
    spool = Spool(size_limit_bytes=10 * MEBIBYTE, folder=tmp_path / "missing")
    spool.write(b"x" * MEBIBYTE)

    assert spool.content() == b"x" * MEBIBYTE


def test_a_big_mail_goes_to_a_file_without_a_name(tmp_path: Path) -> None:
    spool = Spool(size_limit_bytes=10 * MEBIBYTE, folder=tmp_path)
    tracemalloc.start()
    for _ in range(8):
        spool.write(os.urandom(1000) + b"x" * (MEBIBYTE - 1000))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    spool.write(b"end")
    content = spool.content()

    assert not isinstance(content, bytes)
    # All of it is in the file: a full disk is met here, not by the reader.
    assert os.fstat(content.fileno()).st_size == spool.size_bytes == 8 * MEBIBYTE + 3
    content.seek(0)
    assert len(content.read()) == 8 * MEBIBYTE + 3
    assert peak_bytes < 4 * MEBIBYTE
    assert list(tmp_path.iterdir()) == []
    spool.close()
    assert content.closed


def test_what_is_beyond_the_limit_is_counted_and_thrown_away(tmp_path: Path) -> None:
    spool = Spool(size_limit_bytes=2 * MEBIBYTE, folder=tmp_path)
    spool.write(b"x" * (2 * MEBIBYTE))
    states = [spool.too_big]
    for _ in range(3):
        spool.write(b"x")
        states.append(spool.too_big)

    assert states == [False, True, True, True]
    assert spool.size_bytes == 2 * MEBIBYTE + 3
    assert spool.content() == b""


def test_a_spool_without_room_says_so(tmp_path: Path) -> None:
    spool = Spool(size_limit_bytes=10 * MEBIBYTE, folder=tmp_path / "missing")

    with pytest.raises(OSError):
        spool.write(b"x" * (MEBIBYTE + 1))


def test_all_mails_together_have_so_much_memory_and_the_rest_goes_through_files(tmp_path: Path) -> None:
    memory = SpoolMemory(1000)
    spools = [Spool(size_limit_bytes=MEBIBYTE, folder=tmp_path, memory=memory) for _ in range(3)]
    for spool in spools:
        spool.write(b"x" * 600)

    assert [isinstance(spool.content(), bytes) for spool in spools] == [True, False, False]
    for spool in spools:
        spool.close()
    assert memory.take(1000)


def test_memory_is_given_back_once_however_a_mail_ends(tmp_path: Path) -> None:
    memory = SpoolMemory(2 * MEBIBYTE)
    too_big = Spool(size_limit_bytes=1000, folder=tmp_path, memory=memory)
    too_big.write(b"x" * 900)
    too_big.write(b"x" * 900)
    assert too_big.content() == b""
    too_big.close()
    grown = Spool(size_limit_bytes=10 * MEBIBYTE, folder=tmp_path, memory=memory)
    grown.write(b"x" * 900_000)
    grown.write(b"x" * 900_000)
    assert memory.take(2 * MEBIBYTE)
    memory.give_back(2 * MEBIBYTE)
    grown.close()
    grown.close()

    assert memory.take(2 * MEBIBYTE)
    assert not memory.take(1)


def test_no_stream_is_read_otherwise_than_octet_by_octet() -> None:
    """`python -m tests.fuzz dots --rounds …` looks at millions."""
    assert dots.differences(rounds=30_000, seed=1) == []


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("size_bytes", [0, 2 * MEBIBYTE])
def test_hops_are_counted_in_the_header_only_and_the_content_stays(
    line_end: bytes, size_bytes: int, tmp_path: Path
) -> None:
    head = [
        b"Received: from a",
        b" by b",
        b"RECEIVED : from b",
        b"X-Received: from c",
        b"Subject: x",
        b"",
        b"Received: d",
    ]
    content = line_end.join(head) + b"x" * size_bytes
    spool = Spool(size_limit_bytes=3 * MEBIBYTE, folder=tmp_path)
    spool.write(content[:20])
    spool.write(content[20:])
    assert count_hops(spool) == 2
    spool.write(b"end")
    kept = spool.content()
    if not isinstance(kept, bytes):
        kept.seek(0)
        kept = kept.read()
    assert kept == content + b"end"
    spool.close()


def test_hops_are_counted_in_the_first_256_kib() -> None:
    head, hop = b"Received: a\nX-Filter: ", b"\nReceived:"
    filling = b"x" * (256 * 1024 - len(head) - len(hop))
    for more, hops in ((b"", 2), (b"x", 1)):
        spool = Spool(size_limit_bytes=MEBIBYTE)
        spool.write(head + filling + more + hop + b" b\n\n")
        assert count_hops(spool) == hops
