"""What is measured, how often and for how long."""

import argparse
import os
from dataclasses import dataclass

from benchmarks.peers.workloads import Workload

POSTGRES = ("payvand", "postgraphile", "directus", "floor", "naive")
SQLITE = ("payvand", "floor")


@dataclass(frozen=True)
class Options:
    """The options of one run."""

    rounds: int
    seconds: float
    contacts: int
    connections: tuple[int, ...]
    workloads: tuple[Workload, ...]
    servers: tuple[str, ...]
    databases: tuple[str, ...]
    json: str | None

    def of(self, database: str) -> list[str]:
        """The servers that are measured on a database."""
        return [name for name in (POSTGRES if database == "postgres" else SQLITE) if name in self.servers]


def options(words: list[str]) -> Options:
    """The options of a command line; PEERS_ROUNDS and PEERS_SECONDS speak where it is silent. Ends the program when they are wrong."""
    parser = argparse.ArgumentParser("python -m benchmarks.peers", description="Measure Payvand beside its peers; see docs/benchmarks.md.")
    parser.add_argument("--quick", action="store_true", help="a glance: 2 rounds of 2 s, a tenth of the rows")
    parser.add_argument("--rounds", type=int, help="how often each server has its turn (7)")
    parser.add_argument("--seconds", type=float, help="how long one turn is (5)")
    parser.add_argument("--contacts", type=int, help="how many; 20 to a company, 2 deals and 5 activities each (100,000)")
    parser.add_argument("--connections", type=_numbers, default=(1, 16), help="how many at a time (1,16)")
    parser.add_argument("--workloads", type=_workloads, default=tuple(Workload), help=f"of {', '.join(Workload)}")
    parser.add_argument("--servers", type=_servers, default=POSTGRES, help=f"of {', '.join(POSTGRES)}")
    parser.add_argument("--databases", type=_databases, default=("postgres", "sqlite"), help="of postgres, sqlite")
    parser.add_argument("--json", metavar="FILE", help="where to write all figures")
    given = parser.parse_args(words)
    contacts = given.contacts or (10_000 if given.quick else 100_000)
    if contacts < 10_000:
        parser.error("the pages of 1,000 need 10,000 contacts")
    return Options(
        rounds=given.rounds or int(os.environ.get("PEERS_ROUNDS", "2" if given.quick else "7")),
        seconds=given.seconds or float(os.environ.get("PEERS_SECONDS", "2" if given.quick else "5")),
        contacts=contacts,
        connections=given.connections,
        workloads=given.workloads,
        servers=given.servers,
        databases=given.databases,
        json=given.json,
    )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in text.split(","))


def _workloads(text: str) -> tuple[Workload, ...]:
    return tuple(one for one in Workload if one in _chosen(text, tuple(Workload)))


def _servers(text: str) -> tuple[str, ...]:
    return _chosen(text, POSTGRES)


def _databases(text: str) -> tuple[str, ...]:
    return _chosen(text, ("postgres", "sqlite"))


def _chosen(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    names = text.split(",")
    if unknown := [name for name in names if name not in known]:
        raise argparse.ArgumentTypeError(f"there is no '{unknown[0]}'; there are {', '.join(known)}")
    return tuple(name for name in known if name in names)
