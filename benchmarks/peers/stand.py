"""What a server stands on: the database with its rows, and a folder of its own."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.samples import Samples

ROOT = Path(__file__).parents[2]
NPM = ROOT / "var" / "peers"  # where npm puts the peers; git does not see it
PYTHON = [sys.executable, "-m"]
POOL = 10  # connections of a server to PostgreSQL


@dataclass(frozen=True)
class Stand:
    """One database, its rows, and a folder for what servers write beside it."""

    kind: str
    url: str
    folder: Path
    samples: Samples
    key: str


def environment(**more: str) -> dict[str, str]:
    """The environment of a server: in production, without the settings of whoever measures."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PAYVAND_", "DB_"))}
    return {**kept, "PYTHONPATH": str(ROOT), "NODE_ENV": "production", "GRAPHILE_ENV": "production", **more}
