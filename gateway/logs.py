"""Logs: structlog, one line an event, key=value for people and JSON for machines, to standard output.

Libraries log what senders wrote; their lines are escaped, cut to 200 characters and kept to warnings.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TextIO, cast

import structlog

_LONGEST_LINE = 200
_LOUD = ("mail.log", "mailparser", "mail.debug", "asyncio", "imapclient", "aiosmtpd", "pebble")


class _OneLine(logging.Formatter):
    """What a library says, on one line without control characters."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if record.exc_info:
            return text
        return "".join(character if character.isprintable() else " " for character in text)[:_LONGEST_LINE]


class _PatientStream:
    """A stream whose disk may be full and whose reader may be gone: then a line is lost, and no mail for it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def configure_logs(*, level: str, form: str, to_stderr: bool = False) -> None:
    """Set logging up for the whole process."""
    stream = sys.stderr if to_stderr else sys.stdout
    patient = _PatientStream(stream)
    number = getattr(logging, level.upper())
    render = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=stream.isatty(), pad_event_to=0)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, patient)),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(patient)
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=number, handlers=[handler], force=True)
    for name in _LOUD:
        logging.getLogger(name).setLevel(max(number, logging.ERROR))
