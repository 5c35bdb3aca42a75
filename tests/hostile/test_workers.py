"""Parse workers that take more than they may: killed, replaced, and only the mail that did it pays."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.parsing import Parser, Raw, WorkersFailed
from tests.hostile.mails import plain

MEBIBYTE = 1024 * 1024
linux_only = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident size is read from /proc")


class Endless(Raw):
    """A mail that is never read to its end."""

    def read(self) -> bytes:
        while True:
            pass


class Greedy(Raw):
    """A mail that takes more resident memory than it may, though less address space, and keeps it."""

    def read(self) -> bytes:
        kept = []
        for _ in range(300):
            kept.append(b"x" * MEBIBYTE)
        time.sleep(3600)
        return b"".join(kept)


class Vast(Raw):
    """A mail that asks for more address space than there is for it, at once."""

    def read(self) -> bytes:
        return bytes(8 * 1024 * MEBIBYTE)


class Deadly(Raw):
    """A mail at which the worker's process dies."""

    def read(self) -> bytes:
        os.kill(os.getpid(), signal.SIGKILL)
        return b""


class HalfAnswered(Raw):
    """A mail at which the worker dies with its pool's lock in hand."""

    def read(self) -> bytes:
        frame = sys._getframe()
        while "channel" not in frame.f_locals and frame.f_back is not None:
            frame = frame.f_back
        frame.f_locals["channel"].mutex.writer_mutex.acquire()
        os.kill(os.getpid(), signal.SIGKILL)
        return b""


def mails(count: int) -> list[Raw]:
    return [Raw(content=plain(subject=f"number {number}")) for number in range(count)]


@pytest.fixture(scope="module")
def strict() -> Iterator[Parser]:
    pool = Parser(workers=1, parse_seconds=1, memory_bytes=256 * MEBIBYTE)
    yield pool
    pool.close()


HEAD = (
    b"From: Mallory <mallory@example.net>\r\nTo: helpdesk@example.com\r\nSubject: Read me\r\n"
    b"Date: Mon, 2 Mar 2026 09:00:00 +0100\r\nMessage-ID: <bomb@example.net>\r\nReferences: <a@x.example>\r\n\r\n"
)


@pytest.mark.parametrize("kind", [Deadly, Endless])
def test_of_a_mail_that_kills_its_parser_the_header_is_read(strict: Parser, kind: type[Raw], tmp_path: Path) -> None:
    (tmp_path / "big.eml").write_bytes(HEAD + b"x" * MEBIBYTE)
    for hostile in (kind(content=HEAD + b"boom"), kind(path=tmp_path / "big.eml")):
        found = strict.parse_many([hostile], ())[0]

        assert found.defect in ("its parser died", "took too long")
        assert found.sender is not None and found.sender.address == "mallory@example.net"
        assert (found.subject, found.message_id, found.references) == (
            "Read me",
            "<bomb@example.net>",
            ("<a@x.example>",),
        )
        assert found.date is not None and found.date.isoformat() == "2026-03-02T08:00:00+00:00"
        assert found.size_bytes == hostile.size_bytes
        assert found.text == ""


class DeadlyHeaded(Deadly):
    """A mail whose header block kills as well as its text."""

    def read_head(self) -> bytes:
        return self.read()


def test_a_header_that_kills_too_leaves_a_mail_without_sender(strict: Parser) -> None:
    found = strict.parse_many([*mails(1), DeadlyHeaded(content=HEAD)], ())[1]

    assert (found.sender, found.subject, found.defect, found.size_bytes) == (None, "", "its parser died", len(HEAD))


@pytest.mark.parametrize(
    ("hostile", "defect"),
    [
        (Endless(), "took too long"),
        pytest.param(Greedy(), "took too much memory", marks=linux_only),
        (Vast(), "took too much memory"),
        (Deadly(), "its parser died"),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Raw) else "",
)
def test_a_hostile_mail_costs_only_itself(strict: Parser, hostile: Raw, defect: str) -> None:
    parsed = strict.parse_many([*mails(5), hostile, *mails(5)], ())

    assert [one.subject for one in parsed if not one.defect] == [f"number {n}" for n in [*range(5), *range(5)]]
    assert parsed[5].defect == defect


class Busy(Raw):
    """A mail that takes much of the CPU that it may."""

    def read(self) -> bytes:
        started = time.process_time()
        while time.process_time() < started + 0.7:
            pass
        return plain()


def test_seconds_are_counted_anew_for_each_mail(strict: Parser) -> None:
    """Many mails in one worker take more CPU together than one of them may."""
    assert not any(one.defect for one in strict.parse_many([Busy()] * 4, ()))


def test_a_pool_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.parsing._GRACE_SECONDS", 0.2)
    pool = Parser(workers=1, parse_seconds=0.5, memory_bytes=256 * MEBIBYTE)
    try:
        broken = pool.parse_many([HalfAnswered()], ())
        assert broken[0].defect
        assert [one.subject for one in pool.parse_many(mails(2), ())] == ["number 0", "number 1"]
    finally:
        pool.close()


def test_a_pool_without_workers_is_nobodys_mails_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_process(*_: object, **__: object) -> None:
        raise OSError("no more processes")

    pool = Parser(workers=1, parse_seconds=1, memory_bytes=256 * MEBIBYTE)
    try:
        with monkeypatch.context() as broken:
            broken.setattr("multiprocessing.context.SpawnProcess.start", no_process)
            with pytest.raises(WorkersFailed):
                pool.parse_many(mails(1), ())
        assert pool.parse_many(mails(1), ())[0].subject == "number 0"
    finally:
        pool.close()


def test_whoever_waits_for_an_answer_hears_at_once_that_the_parser_was_closed() -> None:
    """A command that is interrupted does not wait for the mail that its workers are at."""
    parser = Parser(workers=1, parse_seconds=600, memory_bytes=512 * MEBIBYTE)
    parser.parse_many([Raw(content=plain())], ())
    with ThreadPoolExecutor(max_workers=1) as thread:
        waiting = thread.submit(parser.parse_many, [Endless()], ())
        parser.close()
        with pytest.raises(WorkersFailed):
            waiting.result(timeout=20)
