"""A gateway that ticks once, in a process of its own, so that it can be killed in the middle: URL, moment."""

from __future__ import annotations

import sys
from datetime import datetime

from gateway.desk.ladder import climb
from gateway.desk.people import read_secrets
from gateway.store.database import connection, open_database
from tests.benchmarks.sla_load import policy_with


def main(url: str, moment: str) -> None:
    database = open_database(url)
    with connection(database):
        climb(database, policy_with(10), read_secrets(), now=datetime.fromisoformat(moment))


if __name__ == "__main__":
    main(*sys.argv[1:])
