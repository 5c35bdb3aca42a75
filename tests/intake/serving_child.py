"""A process of its own that takes mail by SMTP until its standard input ends; it prints its port.

Usage: serving_child.py DATABASE_URL
"""

from __future__ import annotations

import sys

from gateway.intake.accept import Door
from gateway.intake.smtp import SmtpListener, SmtpThread
from gateway.settings.tables import Smtp
from gateway.store.database import open_database
from tests.intake.desk import Clock, is_recipient


def main() -> None:
    settings = Smtp(port=0, size_limit_bytes=60_000_000)
    with Door(open_database(sys.argv[1]), clock=Clock()) as door:
        thread = SmtpThread(SmtpListener(settings, is_recipient=is_recipient, door=door, clock=Clock())).start()
        print(thread.port, flush=True)
        sys.stdin.read()
        thread.stop(1.0)


if __name__ == "__main__":
    main()
