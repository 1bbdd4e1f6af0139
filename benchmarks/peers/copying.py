"""The rows of PostgreSQL in a SQLite file, as our server would have written them there."""

import datetime
import sqlite3
import uuid
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.peers.tables import comforts

TABLES = ("app_user", "pipeline", "stage", "company", "contact", "contact_email", "deal", "activity")
BATCH = 5_000


async def copy(url: str, path: Path) -> None:
    """Fill the tables of a file that `payvand migrate` has made."""
    server, file = await asyncpg.connect(url), sqlite3.connect(path, isolation_level=None)
    try:
        file.execute("PRAGMA journal_mode = WAL")
        for table in TABLES:
            await _table(server, file, table)
        file.executescript(comforts())
        file.executescript("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        file.close()
        await server.close()


async def _table(server: asyncpg.Connection, file: sqlite3.Connection, table: str) -> None:
    columns = [row[1] for row in file.execute(f'PRAGMA table_info("{table}")')]
    names = ", ".join(f'"{name}"' for name in columns)
    insert = f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(columns))})'
    async with server.transaction():
        cursor = await server.cursor(f'SELECT {names} FROM "{table}" ORDER BY id')
        file.execute("BEGIN")
        while rows := await cursor.fetch(BATCH):
            file.executemany(insert, [[_kept(value) for value in row] for row in rows])
        file.execute("COMMIT")


def _kept(value: Any) -> Any:
    match value:
        case uuid.UUID():
            return str(value)
        case datetime.datetime():
            return value.isoformat(" ")
        case datetime.date():
            return value.isoformat()
    return value
