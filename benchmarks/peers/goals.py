"""What Payvand wants to reach beside the others, and whether it did."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.peers.load import Turn
from benchmarks.peers.ratios import Cell, Ratio, ratio, turns
from benchmarks.peers.rounds import Figure
from benchmarks.peers.workloads import Workload

OURSELVES = "payvand"
BUSY = 16  # connections
MEMORY = 120.0  # MB under load
# Requests a second, as a multiple of those of a server: (database, server) -> workload -> at least.
READS = (Workload.W1, Workload.W2, Workload.W3)
RATES = {
    ("postgres", "postgraphile"): {**dict.fromkeys(READS, 2.5), Workload.W4: 1.5, Workload.W6: 1.5},
    ("postgres", "floor"): dict.fromkeys(READS, 0.85),
    ("sqlite", "floor"): dict.fromkeys(READS, 0.8),
}
PATIENT = (*READS, Workload.W4, Workload.W6)  # whose slowest answers are compared with those of PostGraphile
SAME = 1.25  # a deep page may cost so many times the first before they cost no longer the same: the noise of a shared machine


@dataclass(frozen=True)
class Goal:
    """A goal and what was measured."""

    name: str
    measured: float
    words: str
    bound: float
    at_least: bool

    @property
    def reached(self) -> bool:
        """Whether it was reached."""
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


def rate(one: Turn) -> float:
    """Requests a second."""
    return one.rate


def goals(figures: Sequence[Figure]) -> Iterator[Goal]:
    """The goals for which something was measured."""
    for (database, server), bounds in RATES.items():
        for workload, bound in bounds.items():
            found = _ratio(figures, database, workload, server, BUSY)
            if found:
                yield Goal(f"{database}, {workload}, requests/s beside {server}", found.median, str(found), bound, True)
    for workload in PATIENT:
        ours, theirs = (turns(figures, Cell("postgres", workload, BUSY, name)) for name in (OURSELVES, "postgraphile"))
        if found := ratio(ours, theirs, lambda one: one.p99):
            yield Goal(f"postgres, {workload}, p99 beside postgraphile", found.median, str(found), 1.0, False)
    for database in ("postgres", "sqlite"):
        deep, first = (turns(figures, Cell(database, workload, 1, OURSELVES)) for workload in (Workload.DEEP, Workload.FIRST))
        if found := ratio(deep, first, lambda one: one.p50):
            yield Goal(f"{database}, deep page beside the first, p50", found.median, str(found), SAME, False)
        if held := [one.turn.memory for one in figures if one.database == database and one.server == OURSELVES]:
            yield Goal(f"{database}, memory under load, MB", max(held), f"{max(held):.0f}", MEMORY, False)


def _ratio(figures: Sequence[Figure], database: str, workload: Workload, server: str, connections: int) -> Ratio | None:
    ours, theirs = (turns(figures, Cell(database, workload, connections, name)) for name in (OURSELVES, server))
    return ratio(ours, theirs, rate)
