"""What the figures say of two servers: the ratio within each round, and the median of these."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.peers.load import Turn
from benchmarks.peers.rounds import Figure
from benchmarks.peers.workloads import Workload


@dataclass(frozen=True)
class Ratio:
    """The median of the ratios of all rounds, and the lowest and the highest of them."""

    median: float
    lowest: float
    highest: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.lowest:.2f}..{self.highest:.2f})"


@dataclass(frozen=True)
class Cell:
    """Where a figure belongs: the database, the workload, the connections and the server."""

    database: str
    workload: Workload
    connections: int
    server: str


def turns(figures: Iterable[Figure], cell: Cell) -> list[Turn]:
    """The turns of a cell, round by round."""
    return [one.turn for one in figures if Cell(one.database, one.workload, one.connections, one.server) == cell]


def median(turns: Iterable[Turn], measure: Callable[[Turn], float]) -> float:
    """The median of a measure over some turns."""
    return statistics.median(measure(one) for one in turns)


def ratio(mine: Sequence[Turn], theirs: Sequence[Turn], measure: Callable[[Turn], float]) -> Ratio | None:
    """How many times theirs mine is; None when one of them was not measured."""
    found = [measure(one) / measure(other) for one, other in zip(mine, theirs, strict=False) if measure(other)]
    return Ratio(statistics.median(found), min(found), max(found)) if found else None
