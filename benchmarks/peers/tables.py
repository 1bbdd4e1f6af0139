"""The tables, made by `payvand migrate`, and their rows, made by SQL: first in PostgreSQL, then the same in a SQLite file."""

import json
import subprocess
import sys
from pathlib import Path
from string import Template

import asyncpg

from benchmarks.peers.payvand import MAIL, ROLE, settings
from benchmarks.peers.stand import PYTHON, environment
from tests.engines import FAST

DATA = Path(__file__).parent / "data"
# As the tests have it: in memory, and no commit waits for a disk, for servers are compared and not disks. All rows fit into
# its own memory, and it tidies up only when it is told to, so that no server is measured while it does.
TUNING = {**FAST, "shared_buffers": "1GB", "autovacuum": "off", "max_wal_size": "4GB"}


def migrate(url: str, folder: Path) -> None:
    """Make the tables, and settings.toml in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.toml").write_text(settings(url), "utf-8")
    payvand(folder, "migrate")


async def fill(url: str, contacts: int) -> None:
    """Make the rows, the indices and what peers need besides."""
    sizes = {"contacts": contacts, "companies": contacts // 20, "deals": contacts * 2, "activities": contacts * 5}
    server = await asyncpg.connect(url)
    try:
        await server.execute(Template(_text("rows.sql")).substitute(sizes))
        await server.execute(_text("comforts.sql"))
        await server.execute(_text("defaults.sql"))
        await server.execute("VACUUM ANALYZE")
    finally:
        await server.close()


def key(folder: Path) -> str:
    """A new key of the user who owns what is asked for; its role sees own rows only."""
    made = payvand(folder, "keys", "create", "--name", "peers", "--role", ROLE, "--user", MAIL, "--json")
    return json.loads(made)["key"]


def comforts() -> str:
    """The indices beside our own, which both databases understand."""
    return _text("comforts.sql")


def payvand(folder: Path, *words: str) -> str:
    """What a command of Payvand prints. Ends the program in one sentence when it fails."""
    done = subprocess.run([*PYTHON, "core", *words], cwd=folder, env=environment(), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"payvand {words[0]} failed: {done.stderr or done.stdout}")
    return done.stdout


def _text(name: str) -> str:
    return (DATA / name).read_text("utf-8")
