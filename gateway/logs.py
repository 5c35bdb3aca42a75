"""Logs: structlog, one line an event, key=value for people and JSON for machines, to standard output.

Strangers choose much of what is logged, through libraries most of all. So no value begins a line of its own or
carries control characters, each is cut, and no logger writes more than so many lines a minute; what was left out is
counted.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, TextIO, cast

import structlog

from gateway.phrase import counted

_LONGEST_LINE = 200
_LONGEST_VALUE = 500
_TRACEBACK_LINES = 60
_LINES_A_MINUTE, _OWN_LINES_A_MINUTE = 20, 600
_PARTS = re.compile("[ \\t=\\r\\n\"']")
_LOUD = ("mail.log", "mailparser", "mail.debug", "asyncio", "imapclient", "aiosmtpd", "pebble")


class _OneLine(logging.Formatter):
    """What a library says, on one line without control characters."""

    def format(self, record: logging.LogRecord) -> str:
        said = super().format(record)
        line, _, traceback = said.partition("\nTraceback ") if record.exc_info else (said, "", "")
        line = escaped(line, _LONGEST_LINE)
        return f"{line}\n{_indented('Traceback ' + traceback)}" if traceback else line


@dataclass(kw_only=True)
class _Minute:
    """How many lines a logger has written in this minute, and how many of them were left out."""

    number: int
    lines: int = 0
    left_out: int = 0


class _FloodLimit(logging.Filter):
    """At most so many lines a minute from one logger: few from a library, more from ours."""

    def __init__(self) -> None:
        super().__init__()
        self._minutes: dict[str, _Minute] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        number = int(record.created // 60)
        minute = self._minutes.setdefault(record.name, _Minute(number=number))
        if minute.number != number:
            if minute.left_out:
                record.msg, record.args = f"({counted(minute.left_out, 'line')} left out) {record.getMessage()}", ()
            minute = self._minutes[record.name] = _Minute(number=number)
        minute.lines += 1
        is_ours = record.name.startswith("gateway.")
        if minute.lines > (_OWN_LINES_A_MINUTE if is_ours else _LINES_A_MINUTE):
            minute.left_out += 1
            return False
        return True


def escaped(text: str, limit: int) -> str:
    """Text for a log: on one line, control characters spelled out, cut."""
    short = text[:limit]
    if short.isprintable():
        return short
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in short)[:limit]


def _indented(traceback: str) -> str:
    """A traceback, no line of which can pass for one of the log's own; its end says most."""
    return "\n".join("  | " + escaped(line, _LONGEST_LINE) for line in traceback.split("\n")[-_TRACEBACK_LINES:])


def _escape_values(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog's last step but one: what strangers wrote is harmless in any form of log."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _indented(value) if name == "exception" else escaped(value, _LONGEST_VALUE)
        elif not isinstance(value, int | float | bool | None):
            event[name] = escaped(str(value), _LONGEST_VALUE)
    return event


def plain_line(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    """A line as structlog's `ConsoleRenderer` writes it without colours, at a fifth of the time."""
    head = f"{event.pop('timestamp')} [{event.pop('level'):<9}] {event.pop('event')}"
    traceback = event.pop("exception", None)
    line = " ".join([head, *(f"{name}={_quoted(event[name])}" for name in sorted(event))])
    return f"{line}\n{traceback}" if traceback else line


def _quoted(value: Any) -> str:
    """A text as it is where nothing in it parts one value from the next."""
    return value if isinstance(value, str) and not _PARTS.search(value) else repr(value)


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
    on_screen = structlog.dev.ConsoleRenderer(pad_event_to=0) if stream.isatty() else plain_line
    render = structlog.processors.JSONRenderer() if form == "json" else on_screen
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _escape_values,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        # One write a line: a print would write its end apart.
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, patient)),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(patient)
    handler.addFilter(_FloodLimit())
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=number, handlers=[handler], force=True)
    for name in _LOUD:
        logging.getLogger(name).setLevel(max(number, logging.ERROR))
