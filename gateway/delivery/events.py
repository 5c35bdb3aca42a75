"""The life of an outgoing mail in the log: one function for each thing that may happen to it.

No subject, no text and no address is written; `gateway outbox show` tells more to those who may know.
"""

from __future__ import annotations

import logging
from datetime import datetime

from gateway.delivery.outcome import Answer
from gateway.store.outbox import Outgoing

_log = logging.getLogger("gateway.delivery")


def sent(outgoing: Outgoing, answer: Answer) -> None:
    _log.info("sent %s bytes=%d reply=%r", _name(outgoing), outgoing.size_bytes, answer.reply)


def put_off(outgoing: Outgoing, answer: Answer, until: datetime) -> None:
    moment = until.isoformat(timespec="seconds")
    _log.info("put off %s fate=%s until=%s reply=%r", _name(outgoing), answer.fate, moment, answer.reply)


def failed(outgoing: Outgoing, reply: str) -> None:
    _log.warning("failed %s reply=%r", _name(outgoing), reply)


def refusal_not_told(outgoing: Outgoing) -> None:
    """The agent does not know that this mail was refused: a person must tell."""
    _log.exception("the refusal could not be reported %s", _name(outgoing))


def held(outgoing: Outgoing, reason: str, error: object) -> None:
    """The mail waits for a person: `gateway outbox retry` sends it after the correction."""
    _log.error("held %s reason=%s error=%r", _name(outgoing), reason, str(error))


def render_failed(outgoing: Outgoing, error: Exception) -> None:
    _log.warning("not rendered %s", _name(outgoing), exc_info=error)


def send_broke(outgoing: Outgoing, error: BaseException) -> None:
    """A mistake of ours in the dialogue; the mail is tried again."""
    _log.error("sending broke %s", _name(outgoing), exc_info=error)


def lease_lost(outgoing: Outgoing, answer: Answer) -> None:
    """Somebody else has the mail by now, who may send it a second time."""
    _log.warning("lease lost %s fate=%s reply=%r", _name(outgoing), answer.fate, answer.reply)


def channel_paused(answer: Answer, until: datetime) -> None:
    moment = until.isoformat(timespec="seconds")
    _log.error("relay trouble fate=%s until=%s reply=%r", answer.fate, moment, answer.reply)


def channel_well() -> None:
    _log.info("relay is back")


def copy_failed(outbox_id: int) -> None:
    _log.warning("no copy in the Sent folder outbox=%d", outbox_id, exc_info=True)


def copy_skipped(outbox_id: int) -> None:
    _log.warning("no copy in the Sent folder outbox=%d: too many wait already", outbox_id)


def round_broke() -> None:
    """A mistake of ours; the deliverer starts anew after a pause."""
    _log.exception("delivery broke, starting anew")


def _name(outgoing: Outgoing) -> str:
    return f"outbox={outgoing.id} notice={outgoing.notice} attempt={outgoing.claim.attempt}"
