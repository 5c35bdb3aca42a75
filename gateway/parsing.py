"""Parse mails in worker processes that can be killed.

Hostile bytes cost one bounded attempt: a worker that takes too long or too much memory is killed and replaced, and
the mail becomes
one that could not be read. Many mails go in one hop; when a hop fails, each of its mails gets one of its own.
"""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from pebble import ProcessExpired, ProcessPool

from gateway.mail import Mail
from gateway.parse import extract_parts, parse

_LOG = structlog.get_logger(__name__)
_EXTRACT_SECONDS = 60
# The backstop behind the watched resident size: address space is larger than what is used.
_ADDRESS_SPACE_FACTOR = 4
_TASKS_A_WORKER = 500


@dataclass(frozen=True, kw_only=True)
class Raw:
    """A mail to parse: its bytes, or the file where they lie for the length of the hop."""

    content: bytes = b""
    path: Path | None = None
    full_size_bytes: int | None = None

    def read(self) -> bytes:
        return self.path.read_bytes() if self.path is not None else self.content


class Parser:
    """A pool of parse workers. `parse_seconds` and `memory_bytes` bound one mail."""

    def __init__(self, *, workers: int, parse_seconds: float, memory_bytes: int) -> None:
        self._parse_seconds = parse_seconds
        self._pool = ProcessPool(
            max_workers=workers,
            max_tasks=_TASKS_A_WORKER,
            initializer=_limit_memory,
            initargs=[memory_bytes * _ADDRESS_SPACE_FACTOR],
            context=multiprocessing.get_context("spawn"),
        )

    def parse_many(self, mails: Sequence[Raw], own_addresses: tuple[str, ...]) -> list[Mail]:
        """Parse in one hop; mails that fail there are tried alone, and get a defect when they fail again."""
        if not mails:
            return []
        try:
            future = self._pool.schedule(
                _parse_all, args=[list(mails), own_addresses], timeout=self._parse_seconds + len(mails)
            )
            parsed: list[Mail] = future.result()
            return parsed
        except Exception as error:  # noqa: BLE001 - whatever kills a worker must cost one mail only
            if len(mails) == 1:
                return [_unparsable(mails[0], error)]
        return [self.parse_many([mail], own_addresses)[0] for mail in mails]

    def extract(self, raw: bytes, numbers: Sequence[int]) -> dict[int, bytes]:
        """The decoded bytes of some parts of a mail."""
        future = self._pool.schedule(extract_parts, args=[raw, list(numbers)], timeout=_EXTRACT_SECONDS)
        parts: dict[int, bytes] = future.result()
        return parts

    def close(self) -> None:
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()


def _limit_memory(address_space_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (address_space_bytes, address_space_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _parse_all(mails: list[Raw], own_addresses: tuple[str, ...]) -> list[Mail]:
    return [parse(mail.read(), own_addresses=own_addresses, full_size_bytes=mail.full_size_bytes) for mail in mails]


def _unparsable(mail: Raw, error: BaseException) -> Mail:
    why: dict[type[Any], str] = {FutureTimeout: "took too long", ProcessExpired: "its parser died"}
    words = next((text for kind, text in why.items() if isinstance(error, kind)), "its parser failed")
    size = mail.path.stat().st_size if mail.path is not None else len(mail.content)
    _LOG.warning("mail_unparsable", why=words, size_bytes=size, error=type(error).__name__)
    return Mail(size_bytes=size, defect=words)
