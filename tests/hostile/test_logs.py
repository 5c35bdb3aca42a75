"""What strangers get into the log: one line, harmless, short, and not without end."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from gateway.logs import configure_logs, plain_line

NASTY = "x\x1b[31m\r\n2026-01-01 INFO root gave everything away\u2028\u202e" + "y" * 5_000


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """The log as text."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs(level="info", form="text")
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_library_s_line_is_one_escaped_short_line(written: io.StringIO) -> None:
    logging.getLogger("somelibrary").warning("unknown subtype %s", NASTY)

    (line,) = written.getvalue().splitlines()
    assert len(line) <= 200
    assert line.isprintable()
    assert "\\x1b" in line
    assert "\\r\\n" in line


@pytest.mark.parametrize("say", ["library", "own"])
def test_no_line_of_an_exception_passes_for_a_line_of_the_log(written: io.StringIO, say: str) -> None:
    try:
        raise ValueError(NASTY)
    except ValueError:
        if say == "library":
            logging.getLogger("somelibrary").exception("it failed with %s", NASTY)
        else:
            structlog.get_logger().exception("it_failed", why=NASTY)

    first, *rest = written.getvalue().rstrip("\n").split("\n")
    assert "failed" in first
    assert "\r" not in written.getvalue()
    assert "\x1b[31m\r" not in first
    assert rest
    assert all(line.startswith("  | ") and line.isprintable() and len(line) < 210 for line in rest)


def test_our_own_events_carry_strangers_words_escaped_and_cut(written: io.StringIO) -> None:
    structlog.get_logger().info("mail_sorted", subject=NASTY, people=[NASTY])

    (line,) = written.getvalue().splitlines()
    assert line.isprintable()
    assert len(line) < 1_200
    assert "root gave everything away" in line


def test_events_for_machines_are_one_json_object_a_line(monkeypatch: pytest.MonkeyPatch, written: io.StringIO) -> None:
    monkeypatch.setattr(sys, "stdout", written)
    configure_logs(level="info", form="json")
    structlog.get_logger().info("mail_sorted", subject=NASTY, ticket=1001, ok=True, nothing=None)

    (line,) = written.getvalue().splitlines()
    event = json.loads(line)
    assert len(event["subject"]) == 500
    assert (event["ticket"], event["ok"], event["nothing"]) == (1001, True, None)


def test_a_library_writes_twenty_lines_a_minute_and_the_rest_is_counted(written: io.StringIO) -> None:
    logger = logging.getLogger("somelibrary")
    (handler,) = (each for each in logging.getLogger().handlers if each.filters)
    for number in range(500):
        handler.handle(_record(logger, f"line {number}", moment=60.0 + number / 100))
    handler.handle(_record(logger, "a minute later", moment=125.0))
    handler.handle(_record(logging.getLogger("anotherlibrary"), "another", moment=125.0))

    lines = written.getvalue().splitlines()
    assert len(lines) == 22
    assert lines[20].endswith("(480 lines left out) a minute later")


def _record(logger: logging.Logger, text: str, *, moment: float) -> logging.LogRecord:
    record = logger.makeRecord(logger.name, logging.WARNING, __file__, 1, text, (), None)
    record.created = moment
    return record


@pytest.mark.parametrize(
    "event",
    [
        {
            "event": "mail_sorted",
            "level": "info",
            "ledger": 7,
            "reason": "x y",
            "ms": 1.25,
            "ticket": None,
            "new": True,
        },
        {"event": "mail_failed", "level": "error", "said": 'it\'s = "a"\t', "exception": "  | Traceback\n  | x"},
        {"event": "alone", "level": "warning"},
    ],
)
def test_a_line_without_colours_is_structlogs_own(event: dict[str, Any]) -> None:
    event["timestamp"] = "2026-03-05T09:00:00Z"
    console = structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    assert plain_line(None, "info", dict(event)) == console(None, "info", dict(event))
