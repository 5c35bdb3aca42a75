"""Whether the way out works: how long to leave the relay alone, and what `gateway status` says meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from gateway.delivery import events
from gateway.delivery.outcome import Answer, channel_delay


class Health:
    """The trouble of one channel. `error` is "" when all is well."""

    def __init__(self, *, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._pause: tuple[datetime, datetime] | None = None
        self.failures = 0
        self.error = ""
        self.error_at: datetime | None = None

    def is_paused(self, now: datetime) -> bool:
        # A clock that was set back to before the pause began must not make it longer.
        return self._pause is not None and self._pause[0] <= now < self._pause[1]

    def trouble(self, answer: Answer, now: datetime) -> None:
        """Pause the channel for longer than the last time; several failures at the same time count once."""
        self.error, self.error_at = answer.reply, now
        if self.is_paused(now):
            return
        self.failures += 1
        until = now + channel_delay(answer.fate, self.failures, chance=self._chance())
        self._pause = (now, until)
        events.channel_paused(answer, until)

    def well(self) -> None:
        """The relay has talked with us about a mail, whatever it said."""
        if self.failures:
            events.channel_well()
        self._pause, self.failures, self.error = None, 0, ""
