"""The process that `test_accept_crash` kills: accept mails in several threads, and say so after each receipt.

Usage: crash_child.py DATABASE_URL FIRST_NUMBER
"""

from __future__ import annotations

import os
import sys
import threading
from itertools import count

from gateway.intake.accept import Door
from gateway.store.database import open_database
from tests.intake.desk import Clock, an_envelope, crash_mail


def main() -> None:
    door = Door(open_database(sys.argv[1]), clock=Clock()).start()
    numbers = count(int(sys.argv[2]))

    def accept_for_ever() -> None:
        while True:
            number = next(numbers)
            receipt = door.accept(an_envelope(), crash_mail(number))
            # One write is one line, also where the process is killed behind it.
            os.write(1, f"{number} {receipt.ledger_id}\n".encode())

    threads = [threading.Thread(target=accept_for_ever) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
