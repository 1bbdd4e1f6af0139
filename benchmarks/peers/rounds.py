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
    for workload in options.workloads:
        asked = [server for server in servers if workload in server.peer.workloads()]
        files = {server.peer.name: write(server.peer.bodies(workload), folder / f"{server.peer.name}-{workload}") for server in asked}
        for connections in (1,) if workload in OURS else options.connections:
            length: dict[str, float] = {}
            for server in asked:  # programs that translate themselves while they run need some requests before they are fast
                warm = turn(server, workload, files[server.peer.name], connections, max(1, options.seconds / 2))
                length[server.peer.name] = enough(warm, connections, options.seconds)
            for number in range(options.rounds):
                for server in asked if number % 2 == 0 else asked[::-1]:
                    others = [process for other in servers if other is not server for process in other.processes()]
                    settle(server.processes() + others)
                    used = busy(others)
                    done = turn(server, workload, files[server.peer.name], connections, length[server.peer.name])
                    idle = (busy(others) - used) / done.seconds
                    yield Figure(server.peer.stand.kind, workload, connections, server.peer.name, number, done, idle)
