"""Kill the server 200 times while clients write to it, on SQLite and on PostgreSQL, and count what is lost and what is doubled.

The environment says otherwise: KILLS for another number, KILLS_DATABASE for one of the two. A PostgreSQL of its own is started; only
the server is killed, never the database.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from tests.engines import engine
from tests.killing import killed

KILLS = 200


def main() -> None:
    """Print the figures; exit code 1 when anything was lost, doubled or left in pieces."""
    kills, chosen = int(os.environ.get("KILLS", KILLS)), os.environ.get("KILLS_DATABASE")
    failed = False
    for name in [chosen] if chosen else ["sqlite", "postgres"]:
        with engine(name) as database, tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            outcome = killed(database, Path(folder), kills)
        failed |= bool(outcome.problems)
        print(
            f"{name:<9} {outcome.kills} kills in {time.monotonic() - began:.0f} s: {outcome.told:,} writes acknowledged,"
            f" {outcome.written:,} there, {outcome.arrived:,} messages of webhooks, {len(outcome.problems)} problems;"
            f" slowest start {outcome.slowest_start:.1f} s",
            flush=True,
        )
        for line in outcome.problems[:20]:
            print(f"    {line}")
    sys.exit(failed)
