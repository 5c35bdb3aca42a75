"""A watcher in a process of its own, which a test may kill: ``python -m tests.intake.imap_child URL SETTINGS``."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

from gateway.intake.accept import Door
from gateway.intake.imap import MailboxWatcher
from gateway.settings import Mailbox as MailboxSettings
from gateway.store.database import open_database


def clock() -> datetime:
    return datetime.now(UTC)


def main() -> None:
    database = open_database(sys.argv[1])
    settings = MailboxSettings.model_validate(json.loads(sys.argv[2]))
    with Door(database, clock=clock) as door:
        MailboxWatcher(settings, database=database, door=door, clock=clock, owner="child").run_once(clock())


if __name__ == "__main__":
    main()
