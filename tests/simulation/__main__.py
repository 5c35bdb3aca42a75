"""Play days of a company: ``python -m tests.simulation [--people N] [--days N] [--seed N] [--database postgresql]``;
``make simulation``.

Prints figures, and whatever is not as it must be; then the exit code is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import structlog

from gateway.parsing import Parser
from tests.servers.postgres import running_postgres
from tests.servers.prepared import PreparedPostgres
from tests.simulation.checks import findings
from tests.simulation.wall import berlin
from tests.simulation.world import World


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--people", type=int, default=3000)
    parser.add_argument("--agents", type=int, default=0, help="0: one for 120 people")
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--tickets", type=float, default=0, help="on a working day; 0: 77 for 1,000 people")
    parser.add_argument("--first", default="2026-03-26", help="the first day")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    workers = Parser(workers=1, parse_seconds=10, memory_bytes=512 * 1024 * 1024)
    with tempfile.TemporaryDirectory() as folder, _database(options.database, Path(folder)) as url:
        world = World(
            url,
            parser=workers,
            scratch=Path(folder),
            first=berlin(f"{options.first} 00:00"),
            days=options.days,
            people=options.people,
            agents=options.agents or max(8, options.people // 120),
            tickets_a_day=options.tickets or options.people * 0.077,
            seed=options.seed,
        )
        world.run()
        found = findings(world)
    workers.close()
    _print(world)
    for one in found:
        print(one)
    print(f"{len(found)} findings" if found else "all is as it must be")
    return 1 if found else 0


@contextlib.contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    """A database of its own, on a server of its own."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/desk.db"
        return
    with tempfile.TemporaryDirectory() as own, running_postgres(Path(own)) as server:
        # Lent, it keeps its connections: each new one costs more than a mail.
        lent = PreparedPostgres(server).lend()
        yield lent.url
        lent.close()


def _print(world: World) -> None:
    own, children = (resource.getrusage(one) for one in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    came, left = world.counts["in"], world.counts["out"]
    happenings = [one for account in world.accounts.values() for one in account.happenings]
    print(f"{len(world.accounts)} tickets, {came} mails in, {left} mails out, {world.counts['ticks']} ticks")
    print(
        f"{2 * len(world.accounts)} clocks compared; {len(happenings)} turns,"
        f" {sum(one.by_clock for one in happenings)} of them by the clock"
    )
    for name, count in sorted(world.counts.items()):
        if ": " in name or name in ("handed over", "called", "nobody there"):
            print(f"  {name} {count}")
    print(f"{1000 * world.seconds_in / came:.1f} ms for a mail in, with all that it sends ({left / came:.1f} mails)")
    print(f"{1000 * world.seconds_ticking / world.counts['ticks']:.1f} ms for a tick; {cpu:.1f} s of CPU for all of it")


if __name__ == "__main__":
    sys.exit(main())
