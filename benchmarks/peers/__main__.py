"""`python -m benchmarks.peers`: measure Payvand beside its peers."""

import asyncio
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.peers import load, tables
from benchmarks.peers.copying import copy
from benchmarks.peers.directus import Directus
from benchmarks.peers.equality import compare
from benchmarks.peers.floor import Floor, SqliteFloor
from benchmarks.peers.naive import Naive
from benchmarks.peers.options import Options, options
from benchmarks.peers.payvand import Payvand
from benchmarks.peers.peer import Peer
from benchmarks.peers.postgraphile import PostGraphile
from benchmarks.peers.report import lines, save
from benchmarks.peers.rounds import Figure, rounds
from benchmarks.peers.running import running
from benchmarks.peers.samples import samples
from benchmarks.peers.stand import Stand
from tests.engines import engine

SERVERS: dict[str, dict[str, type[Peer]]] = {
    "postgres": {one.name: one for one in (Payvand, PostGraphile, Directus, Floor, Naive)},
    "sqlite": {one.name: one for one in (Payvand, SqliteFloor)},
}


def main(words: list[str]) -> None:
    """Measure and print."""
    wanted = options(words)
    load.needs()
    # What was started is stopped also when the benchmark is told to stop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="payvand-peers-") as place, engine("postgres", tables.TUNING) as server:
        url, folder = server.create(), Path(place)
        print(f"making {wanted.contacts:,} contacts and what belongs to them ...", flush=True)
        tables.migrate(url, folder / "postgres")
        asyncio.run(tables.fill(url, wanted.contacts))
        found = samples(server, url)
        if "sqlite" in wanted.databases:
            file = folder / "sqlite" / "peers.db"
            tables.migrate(f"sqlite://{file}", file.parent)
            asyncio.run(copy(url, file))
            stand = Stand("sqlite", f"sqlite://{file}", file.parent, found, tables.key(file.parent))
            figures += _measure(stand, wanted)
        if "postgres" in wanted.databases:
            stand = Stand("postgres", url, folder / "postgres", found, tables.key(folder / "postgres"))
            figures += _measure(stand, wanted)
    print("\n".join(lines(figures, wanted)))
    if wanted.json:
        save(figures, wanted, Path(wanted.json))


def _measure(stand: Stand, wanted: Options) -> list[Figure]:
    figures: list[Figure] = []
    with ExitStack() as stack:
        peers = [SERVERS[stand.kind][name](stand) for name in wanted.of(stand.kind)]
        print(f"starting {', '.join(peer.name for peer in peers)} on {stand.kind} ...", flush=True)
        servers = [stack.enter_context(running(peer, stand.folder / f"{peer.name}.log")) for peer in peers]
        compare(peers, wanted.workloads)
        print("their answers are equal", flush=True)
        for figure in rounds(servers, wanted, stand.folder):
            figures.append(figure)
            print(
                f"{figure.database} {figure.workload} x{figure.connections} round {figure.round + 1} {figure.server:13}"
                f"{figure.turn.rate:9.1f}/s  {figure.turn.p50:8.2f} ms",
                flush=True,
            )
    return figures


try:
    main(sys.argv[1:])
except RuntimeError as error:  # a server that says something else than its answer
    sys.exit(str(error))
