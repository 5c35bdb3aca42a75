"""Numbers as a table for people and as JSON for machines. Nothing here says whether a number is good."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from tests.benchmarks.meter import Machine


@dataclass(frozen=True, kw_only=True)
class Number:
    """One measured figure, with the bare server's where there is one; of several runs the median, lowest, highest."""

    benchmark: str
    name: str
    unit: str
    value: float
    lowest: float
    highest: float
    runs: int
    bare: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.bare if self.bare else None


def number(benchmark: str, name: str, unit: str, values: Sequence[float], bare: Sequence[float] = ()) -> Number:
    return Number(
        benchmark=benchmark,
        name=name,
        unit=unit,
        value=statistics.median(values),
        lowest=min(values),
        highest=max(values),
        runs=len(values),
        bare=statistics.median(bare) if bare else None,
    )


def as_json(machine: Machine, numbers: Iterable[Number]) -> str:
    rows = [dataclasses.asdict(one) | {"ratio": one.ratio} for one in numbers]
    return json.dumps({"machine": dataclasses.asdict(machine), "numbers": rows}, indent=2)


def print_table(machine: Machine, numbers: Iterable[Number]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("benchmark", "what", "median", "lowest–highest", "unit", "bare", "ratio"):
        table.add_column(title, justify="left" if title in ("benchmark", "what", "unit") else "right")
    for one in numbers:
        spread = f"{_shown(one.lowest)}–{_shown(one.highest)}" if one.runs > 1 else ""
        bare = _shown(one.bare) if one.bare is not None else ""
        ratio = f"{one.ratio:.2f}" if one.ratio is not None else ""
        table.add_row(one.benchmark, one.name, _shown(one.value), spread, one.unit, bare, ratio)
    console = Console(width=120)
    console.print(str(machine), soft_wrap=True)
    console.print(table)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
