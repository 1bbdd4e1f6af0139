"""Rounds: in each, every server has its turn, alone; what a round says of two servers was measured within half a minute."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.load import Turn, enough, turn, write
from benchmarks.peers.options import Options
from benchmarks.peers.running import Running
from benchmarks.peers.tree import busy, settle
from benchmarks.peers.workloads import OURS, Workload


@dataclass(frozen=True)
class Figure:
    """One turn of one server. `idle` is the share of a processor that all others used meanwhile, who had nothing to do."""

    database: str
    workload: Workload
    connections: int
    server: str
    round: int
    turn: Turn
    idle: float


def rounds(servers: Sequence[Running], options: Options, folder: Path) -> Iterator[Figure]:
    """The figures of all workloads, as they come."""
    for together in _together(options.workloads):
        files = {
            (server.peer.name, workload): write(server.peer.bodies(workload), folder / f"{server.peer.name}-{workload}")
            for workload in together
            for server in servers
            if workload in server.peer.workloads()
        }
        asked = [(server, workload) for workload in together for server in servers if (server.peer.name, workload) in files]
        for connections in (1,) if together[0] in OURS else options.connections:
            length: dict[tuple[str, Workload], float] = {}
            for server, workload in asked:  # programs that translate themselves while they run need some requests before they are fast
                cell = server.peer.name, workload
                warm = turn(server, workload, files[cell], connections, max(1, options.seconds / 2))
                length[cell] = enough(warm, connections, options.seconds)
            for number in range(options.rounds):
                for server, workload in asked if number % 2 == 0 else asked[::-1]:
                    cell = server.peer.name, workload
                    others = [process for other in servers if other is not server for process in other.processes()]
                    settle(server.processes() + others)
                    used = busy(others)
                    done = turn(server, workload, files[cell], connections, length[cell])
                    idle = (busy(others) - used) / done.seconds
                    yield Figure(server.peer.stand.kind, workload, connections, server.peer.name, number, done, idle)


def _together(workloads: Sequence[Workload]) -> Iterator[list[Workload]]:
    """The workloads that take turns: those that are compared with each other, and each other one by itself."""
    ours = [one for one in workloads if one in OURS]
    for one in workloads:
        if one not in OURS:
            yield [one]
        elif one is ours[0]:
            yield ours
