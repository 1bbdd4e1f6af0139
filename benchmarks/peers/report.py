"""The figures for people, and for programs."""

import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.peers.goals import OURSELVES, goals, rate
from benchmarks.peers.options import Options
from benchmarks.peers.ratios import Cell, median, ratio, turns
from benchmarks.peers.rounds import Figure
from benchmarks.peers.workloads import MEANING

NARROW, WIDE = 27, 40
HERE = Path(__file__).parent


def lines(figures: Sequence[Figure], options: Options) -> Iterator[str]:
    """Tables of all that was measured, and the goals."""
    yield f"{options.contacts:,} contacts, {options.rounds} rounds of {options.seconds:g} s; medians of the rounds"
    yield "each cell: requests/s, p50/p99 in ms, and how many times theirs our requests/s are: the median (lowest..highest) of the rounds"
    for database, connections in sorted({(one.database, one.connections) for one in figures}):
        yield ""
        yield from _table(figures, database, connections)
    yield ""
    for database, server in dict.fromkeys((one.database, one.server) for one in figures):
        held = max(one.turn.memory for one in figures if (one.database, one.server) == (database, server))
        yield f"memory under load on {database}, {server}: {held:.0f} MB"
    yield f"idle servers used at most {max(one.idle for one in figures):.1%} of a processor"
    yield ""
    for goal in goals(figures):
        sign = ">=" if goal.at_least else "<="
        yield f"{goal.name:48} {goal.words:22} goal {sign} {goal.bound:g}  {'reached' if goal.reached else 'MISSED'}"


def save(figures: Sequence[Figure], options: Options, path: Path) -> None:
    """Write everything as JSON."""
    told: dict[str, Any] = {
        "options": asdict(options),
        "versions": _versions(),
        "workloads": MEANING,
        "figures": [{**asdict(one), **asdict(one.turn)} for one in figures],
        "goals": [{**asdict(goal), "reached": goal.reached} for goal in goals(figures)],
    }
    for one in told["figures"]:
        del one["turn"]
    path.write_text(json.dumps(told, indent=1), "utf-8")


def _table(figures: Sequence[Figure], database: str, connections: int) -> Iterator[str]:
    mine = [one for one in figures if (one.database, one.connections) == (database, connections)]
    servers = list(dict.fromkeys(one.server for one in mine))
    title = f"{database}, {connections} connection{'s' if connections > 1 else ''}"
    yield f"{title:{NARROW}}{''.join(name.ljust(WIDE) for name in servers)}".rstrip()
    for workload in dict.fromkeys(one.workload for one in mine):
        cells = [_cell(mine, Cell(database, workload, connections, server)).ljust(WIDE) for server in servers]
        yield f"{workload:{NARROW}}{''.join(cells)}".rstrip()


def _cell(figures: Sequence[Figure], cell: Cell) -> str:
    found = turns(figures, cell)
    if not found:
        return "-"
    ours = turns(figures, Cell(cell.database, cell.workload, cell.connections, OURSELVES))
    beside = None if cell.server == OURSELVES else ratio(ours, found, rate)
    p50, p99 = (median(found, measure) for measure in (lambda one: one.p50, lambda one: one.p99))
    return f"{_number(median(found, rate))} {_number(p50)}/{_number(p99)}{f' {beside}' if beside else ''}"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def _versions() -> dict[str, str]:
    packages = {name: version(name) for name in ("payvand", "strawberry-graphql", "tortoise-orm", "asyncpg", "starlette", "uvicorn")}
    peers: dict[str, str] = {}
    for name in ("postgraphile", "directus"):
        peers |= json.loads((HERE / name / "package.json").read_text("utf-8"))["dependencies"]
    return {**packages, **peers, "python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
