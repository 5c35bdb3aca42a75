"""What an IMAP server's answers come to in Python: imapclient gives whatever the server wrote. Pure; never raises."""

from __future__ import annotations

from datetime import UTC, datetime


def printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:300]


def is_news(response: object) -> bool:
    return word_of(response, 1) in (b"EXISTS", b"RECENT")


def word_of(response: object, place: int) -> object:
    return response[place] if isinstance(response, tuple) and len(response) > place else None


def number(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**63 else 0


def text_of(value: object) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)


def moment(value: object) -> datetime | None:
    """INTERNALDATE as an aware moment; None for what is no date on earth."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    try:
        return value.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
