"""Measure: ``python -m tests.benchmarks [loop imap memory start hostile rules sla replay
beside] [--json]``; without names all.

Prints numbers and never judges them: what a machine and its disk can do moves by a factor within the hour, so compare
what stands in one run, best the ratios to the bare server beside it. Progress goes to standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator

from tests.benchmarks import (
    bench_beside,
    bench_hostile,
    bench_imap,
    bench_loop,
    bench_memory,
    bench_replay,
    bench_rules,
    bench_sla,
    bench_start,
)
from tests.benchmarks.meter import look_at_machine
from tests.benchmarks.report import Number, as_json, print_table

BENCHMARKS: dict[str, Callable[[argparse.Namespace], Iterator[Number]]] = {
    "loop": lambda options: bench_loop.measure(runs=options.runs, mails=options.mails or 1000, seconds=options.seconds),
    "imap": lambda options: bench_imap.measure(runs=options.runs, mails=options.mails or 5000),
    "memory": lambda options: bench_memory.measure(runs=options.runs),
    "start": lambda options: bench_start.measure(runs=options.runs),
    "hostile": lambda options: bench_hostile.measure(runs=options.runs),
    "rules": lambda options: bench_rules.measure(runs=options.runs),
    "sla": lambda options: bench_sla.measure(),
    "replay": lambda options: bench_replay.measure(runs=options.runs, mails=options.mails or 5000),
    "beside": lambda options: bench_beside.measure(
        runs=options.runs, mails=options.mails or 5000, seconds=options.seconds
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--runs", type=int, default=3, help="how often each, in turns with the bare server")
    mails = "mails at full speed (1000), or in the folder, or stored (5000)"
    parser.add_argument("--mails", type=int, default=0, help=mails)
    parser.add_argument("--seconds", type=float, default=15.0, help="how long at each steady rate")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    machine = look_at_machine()
    numbers: list[Number] = []
    for name in options.names or BENCHMARKS:
        print(f"{name} …", file=sys.stderr, flush=True)
        numbers += BENCHMARKS[name](options)
    if options.json:
        print(as_json(machine, numbers))
    else:
        print_table(machine, numbers)


if __name__ == "__main__":
    main()
