"""Parse mails in worker processes that can be killed.

Hostile bytes cost a bounded attempt: each mail has so many seconds of CPU, counted by the kernel, and so much resident
memory, watched from here while we wait; a worker that takes more is killed and replaced, and the mail becomes one that
could not be read. Many mails go in one hop; when a hop fails, each of its mails gets one of its own; and of a mail that
fails there too, a last hop reads the header block, so that it is known whose it is.

What may fail: `WorkersFailed` when no worker can be had at all. That is nobody's mail's fault: the mails wait.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing.context
import os
import resource
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import structlog
from pebble import ProcessExpired, ProcessPool

from gateway.dkim_proof import Names, Signers, look_at
from gateway.errors import GatewayError
from gateway.mail import Mail
from gateway.parse import HEAD_BYTES, extract_parts, parse, parse_head

_LOG = structlog.get_logger(__name__)
_EXTRACT_SECONDS = 60
# Of CPU, for the header block of a mail whose parser died: what hangs there too is not tried again.
_HEAD_SECONDS = 2
# The backstop behind the watched resident size: address space is larger than what is used.
_ADDRESS_SPACE_FACTOR = 4
# A machine that is busy with other things gives a worker less than all of a core.
_WALL_FACTOR = 3
# How often a worker's memory is looked at, and how much longer than its task may take the pool has for its answer.
_WATCH_SECONDS = 0.05
_GRACE_SECONDS = 15.0
# A new worker takes more than half a second to start, in which all mail waits; and an old one has not grown: by 0.4 MiB
# in 20,000 mails.
_TASKS_A_WORKER = 20_000

_TOO_LONG, _TOO_MUCH, _DIED, _FAILED = "took too long", "took too much memory", "its parser died", "its parser failed"

_T = TypeVar("_T")


class WorkersFailed(GatewayError):
    """No worker process answers, whatever it is given."""


@dataclass(frozen=True, kw_only=True)
class Raw:
    """A mail to parse: its bytes, or the file where they lie for the length of the hop. `signers` says whose DKIM
    signatures are verified."""

    content: bytes = b""
    path: Path | None = None
    full_size_bytes: int | None = None
    signers: Signers | None = None

    def read(self) -> bytes:
        return self.path.read_bytes() if self.path is not None else self.content

    def read_head(self) -> bytes:
        """Its beginning, with the whole header block."""
        if self.path is None:
            return self.content[:HEAD_BYTES]
        with self.path.open("rb") as file:
            return file.read(HEAD_BYTES)

    @property
    def size_bytes(self) -> int:
        if self.full_size_bytes is not None:
            return self.full_size_bytes
        return self.path.stat().st_size if self.path is not None else len(self.content)


class _Context(multiprocessing.context.SpawnContext):
    """Starts processes and remembers which: the pool does not tell."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[BaseProcess] = []

    def Process(self, *args: Any, **kwargs: Any) -> BaseProcess:  # type: ignore[override]  # noqa: N802
        process = multiprocessing.context.SpawnProcess(*args, **kwargs)
        self.started = [*(one for one in self.started if one.is_alive()), process]
        return process


class Parser:
    """A pool of parse workers. `parse_seconds` (CPU) and `memory_bytes` (resident) bound one mail."""

    def __init__(self, *, workers: int, parse_seconds: float, memory_bytes: int) -> None:
        self._workers = workers
        self._parse_seconds = parse_seconds
        self._memory_bytes = memory_bytes
        self._changing = threading.Lock()
        self._killed: set[int] = set()
        self._is_closed = False
        self._open_pool()

    def parse_many(
        self, mails: Sequence[Raw], own_addresses: tuple[str, ...], meanwhile: Callable[[], None] | None = None
    ) -> list[Mail]:
        """Parse in one hop; mails that fail there are tried alone, and get a defect when they fail again: then they
        have what their header block says, and nothing where that can't be read either.

        `meanwhile` is called about twenty times a second where it takes longer, and must not raise: many hostile mails
        take minutes, each its ten seconds. Raises WorkersFailed.
        """
        if not mails:
            return []
        seconds = self._parse_seconds
        try:
            return self._run(
                *(_parse_all, list(mails), own_addresses, seconds),
                wall_seconds=_WALL_FACTOR * seconds + len(mails),
                meanwhile=meanwhile,
            )
        except WorkersFailed:
            raise
        except Exception as error:  # noqa: BLE001 - whatever kills a worker must cost one mail only
            if len(mails) == 1:
                return [self._unparsable(mails[0], error, meanwhile)]
        return [self.parse_many([mail], own_addresses, meanwhile)[0] for mail in mails]

    def extract(self, raw: bytes, numbers: Sequence[int]) -> dict[int, bytes]:
        """The decoded bytes of some parts of a mail."""
        return self._run(_extract, raw, list(numbers), _EXTRACT_SECONDS, wall_seconds=_WALL_FACTOR * _EXTRACT_SECONDS)

    def close(self) -> None:
        """End the workers; whoever waits for one in another thread gets WorkersFailed."""
        with self._changing:
            self._is_closed = True
            self._close_pool()

    def _open_pool(self) -> None:
        self._context = _Context()
        self._pool = ProcessPool(
            max_workers=self._workers,
            max_tasks=_TASKS_A_WORKER,
            initializer=_begin,
            initargs=[self._memory_bytes * _ADDRESS_SPACE_FACTOR],
            context=self._context,
        )

    def _close_pool(self) -> None:
        """Stop the pool. Its workers are killed first: one that hangs, or left half an answer behind, stops nobody."""
        for process in self._context.started:
            if process.is_alive():
                process.kill()
        self._pool.stop()  # type: ignore[no-untyped-call]

    def _run(
        self,
        function: Callable[..., _T],
        *args: Any,
        wall_seconds: float,
        meanwhile: Callable[[], None] | None = None,
    ) -> _T:
        for _ in range(2):
            if self._is_closed:
                raise WorkersFailed("the parse workers were ended")
            pool = self._pool
            try:
                future: Future[_T] = pool.schedule(function, args=list(args), timeout=wall_seconds)
            except RuntimeError as error:
                self._replace(pool, error)
                continue
            try:
                return self._wait(future, pool, wall_seconds, meanwhile)
            except (BrokenProcessPool, CancelledError) as error:
                self._replace(pool, error)
        raise WorkersFailed("no parse worker answers")

    def _wait(
        self, future: Future[_T], pool: ProcessPool, wall_seconds: float, meanwhile: Callable[[], None] | None
    ) -> _T:
        """Wait for the answer, and watch how much memory the workers take."""
        ends_at = monotonic() + wall_seconds + _GRACE_SECONDS
        while True:
            try:
                return future.result(timeout=_WATCH_SECONDS)
            except FutureTimeout:
                if future.done():
                    return future.result()
                if self._is_closed:
                    # The pool forgets whom it owed an answer.
                    raise WorkersFailed("the parse workers were ended") from None
                self._kill_the_fat()
                if meanwhile is not None:
                    meanwhile()
                if monotonic() > ends_at:
                    # A worker that was killed amid its answer blocks all others, and the pool does not see it.
                    self._replace(pool, TimeoutError("the pool of workers hangs"))
                    raise

    def _kill_the_fat(self) -> None:
        for process in self._context.started:
            if process.pid is not None and _resident_bytes(process.pid) > self._memory_bytes and process.is_alive():
                self._killed.add(process.pid)
                process.kill()

    def _replace(self, pool: ProcessPool, error: BaseException) -> None:
        with self._changing:
            if self._pool is pool and not self._is_closed:
                _LOG.error("parse_workers_replaced", error=f"{type(error).__name__}: {error}"[:200])
                self._close_pool()
                self._open_pool()

    def _unparsable(self, mail: Raw, error: BaseException, meanwhile: Callable[[], None] | None) -> Mail:
        why = self._reason(error)
        size = mail.size_bytes
        _LOG.warning("mail_unparsable", why=why, size_bytes=size, error=type(error).__name__)
        try:
            wall_seconds = float(_WALL_FACTOR * _HEAD_SECONDS)
            return self._run(_parse_head, mail, why, _HEAD_SECONDS, wall_seconds=wall_seconds, meanwhile=meanwhile)
        except WorkersFailed:
            raise
        except Exception as again:  # noqa: BLE001 - the header block kills it too: what came is all that is known
            _LOG.warning("header_unparsable", why=self._reason(again), size_bytes=size, error=type(again).__name__)
            return Mail(size_bytes=size, defect=why)

    def _reason(self, error: BaseException) -> str:
        if isinstance(error, ProcessExpired):
            if error.pid in self._killed:
                self._killed.discard(error.pid)
                return _TOO_MUCH
            return _TOO_LONG if error.exitcode == -signal.SIGXCPU else _DIED
        if isinstance(error, MemoryError):
            return _TOO_MUCH
        return _TOO_LONG if isinstance(error, FutureTimeout) else _FAILED


def _resident_bytes(pid: int) -> int:
    """How much memory a process really uses; 0 where it is gone, or the system does not tell (then its limit of
    address space holds alone)."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as statm:  # noqa: PTH123 - twenty times a second
            return int(statm.read().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0


_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


# --- in the worker ---


def _begin(address_space_bytes: int) -> None:
    _limit(resource.RLIMIT_AS, address_space_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    # The libraries log what strangers wrote. Nobody here reads it, and what a mail is, its `Mail` says.
    logging.disable(logging.CRITICAL)
    # The modules are no garbage; a collection need not walk them, nor come after every 700 objects of a mail.
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def _limit(what: int, at_most: int) -> None:
    """Lower a limit; a stricter one of the administrator's stays."""
    hard = resource.getrlimit(what)[1]
    at_most = at_most if hard == resource.RLIM_INFINITY else min(at_most, hard)
    resource.setrlimit(what, (at_most, hard))


def _allow_seconds(seconds: float) -> None:
    """From now on so much CPU; whoever takes more gets SIGXCPU from the kernel and ends."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + seconds) + 1)


def _parse_all(mails: list[Raw], own_addresses: tuple[str, ...], seconds: float) -> list[Mail]:
    parsed, names = [], Names()
    for mail in mails:
        _allow_seconds(seconds)
        raw = mail.read()
        found = parse(raw, own_addresses=own_addresses, full_size_bytes=mail.full_size_bytes)
        if mail.signers is not None:
            whole = mail.full_size_bytes in (None, len(raw))
            found = replace(found, signature=look_at(raw, found, mail.signers, names, whole=whole))
        parsed.append(found)
    return parsed


def _parse_head(mail: Raw, defect: str, seconds: float) -> Mail:
    _allow_seconds(seconds)
    return parse_head(mail.read_head(), size_bytes=mail.size_bytes, defect=defect)


def _extract(raw: bytes, numbers: list[int], seconds: float) -> dict[int, bytes]:
    _allow_seconds(seconds)
    return extract_parts(raw, numbers)
