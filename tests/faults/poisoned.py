"""A sorter that one of its mails kills, or lets hang, and a supervisor that starts it again: a process of its own.

    python -m tests.faults.poisoned (kill|hang) DATABASE_URL FOLDER

Each life is a fork that opens the desk as a starting gateway does and sorts all that waits. Prints one line of JSON:
how each life ended, as a wait status.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from gateway.desk.people import mirror_policy, read_secrets
from gateway.mail import Mail
from gateway.parsing import Raw
from gateway.policy_keeper import PolicyKeeper
from gateway.sorting import Sorter
from gateway.store.database import connection, open_database, transaction
from gateway.store.queue import free_leases
from tests.crash.day import BEGIN, ParserOfThisProcess, new_keeper

POISON = b"X-Test: poison"
MOST_LIVES = 10


class PoisonedParser(ParserOfThisProcess):
    """Kills the process that takes the poisonous mail, or remembers that it has taken it."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.took_poison = False

    def parse_many(
        self, mails: Sequence[Raw], own_addresses: tuple[str, ...], meanwhile: Callable[[], None] | None = None
    ) -> list[Mail]:
        self.took_poison = any(POISON in mail.read() for mail in mails)
        if self.took_poison and self.mode == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().parse_many(mails, own_addresses)

    def now(self) -> datetime:
        """The sorter's clock, which stands still for ever while the poisonous mail is decided."""
        while self.took_poison and self.mode == "hang":
            pass
        return BEGIN


def live(mode: str, url: str, folder: Path, keeper: PolicyKeeper) -> None:
    database = open_database(url)
    parser: Any = PoisonedParser(mode)
    with connection(database):
        with transaction(database):
            mirror_policy(keeper.policy, now=BEGIN)
        free_leases(database, is_dead=lambda _: True)
        sorter = Sorter(
            database,
            parser=parser,
            policy=lambda: keeper.policy,
            secrets=read_secrets(),
            clock=parser.now,
            owner=f"process {os.getpid()}",
            batch=64,
            scratch=folder,
            on_sorted=lambda: None,
            hang_seconds=1.0 if mode == "hang" else 60.0,
        )
        while sorter.run_once(BEGIN):
            pass


def main(mode: str, url: str, folder: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    keeper = new_keeper(Path(folder))
    ends: list[int] = []
    while len(ends) < MOST_LIVES and (not ends or ends[-1]):
        pid = os.fork()
        if pid == 0:
            live(mode, url, Path(folder), keeper)
            os._exit(0)
        ends.append(os.waitpid(pid, 0)[1])
    print(json.dumps(ends))


if __name__ == "__main__":
    main(*sys.argv[1:])
