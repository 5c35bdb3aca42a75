"""What can go wrong in an SMTP dialogue, as a script for the sink: where, what, how often."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from enum import StrEnum

WAIT_SECONDS = 15.0


class Stage(StrEnum):
    """Where in the dialogue of RFC 5321 a fault strikes."""

    CONNECT = "connect"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    BODY = "body"
    """After the final dot, before the answer to it."""


class Gate:
    """A dialogue that stands still at one stage until the test lets it go on."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._released = threading.Event()

    def wait_until_reached(self, timeout_seconds: float = WAIT_SECONDS) -> None:
        """Return when a client stands at the gate."""
        assert self._reached.wait(timeout_seconds), f"no client reached the gate in {timeout_seconds} s"

    def release(self) -> None:
        self._released.set()

    async def pass_through(self) -> None:
        """Stand still, inside the server's event loop, until released."""
        self._reached.set()
        while not self._released.is_set():
            await asyncio.sleep(0.005)


@dataclass(kw_only=True)
class Fault:
    """What happens at a stage instead of, or before, the usual answer; `times` counts down, None means for ever."""

    stage: Stage
    times: int | None = 1
    reply: str = ""
    recipient: str = ""
    close: bool = False
    keep_mail: bool = False
    delay_seconds: float = 0.0
    gate: Gate | None = None

    def strikes(self, stage: Stage, argument: str) -> bool:
        if self.stage is not stage or self.times == 0:
            return False
        return self.recipient.lower() in argument.lower()

    @property
    def closes(self) -> bool:
        """RFC 5321 §3.8: 421 says that the server closes the connection; a refusal at connect leaves nothing to say."""
        return self.close or self.reply.startswith("421") or (bool(self.reply) and self.stage is Stage.CONNECT)

    async def wait(self) -> None:
        """Stand still, inside the server's event loop, as long as the fault asks for."""
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        if self.gate is not None:
            await self.gate.pass_through()
