"""A SQLite file while its tables change: nobody else has it, the work is done on a copy, and the copy comes back only when it is right."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

from core.database.shape import Table, asking, tables
from core.errors import StartError

PATIENCE = 5.0  # seconds to wait for another process, which may be migrating the same file
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@asynccontextmanager
async def alone(path: Path, then: str = "migrate") -> AsyncIterator[sqlite3.Connection]:
    """The only connection to the file: others wait, or are told that it is locked. Raises StartError when somebody has it open.

    `then` is what is to be done once it is free.
    """
    _make_folder(path)
    deadline = time.monotonic() + PATIENCE
    while (connection := _try_alone(path)) is None:
        if time.monotonic() > deadline:
            raise StartError(f"another process has {path} open; stop the server, then {then}")
        await asyncio.sleep(0.05)
    with closing(connection):
        yield connection


@contextmanager
def copied(original: sqlite3.Connection, path: Path) -> Iterator[Path]:
    """A copy of the file beside it, with all that is in the write-ahead log; gone after the block."""
    copy = path.with_name(f"{path.name}.migrating")
    _remove(copy)  # a killed process may have left one
    copy.touch(path.stat().st_mode & 0o777)  # who may not read the file may not read its copy
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as target:
            original.backup(target)
        yield copy
    finally:
        _remove(copy)


def put_back(copy: sqlite3.Connection, original: sqlite3.Connection) -> None:
    """Make the original what the copy is, in one transaction of SQLite: a killed process leaves the old or the new, never a mixture."""
    copy.backup(original)
    original.execute("PRAGMA journal_mode = WAL")


def expected(script: str) -> sqlite3.Connection:
    """An empty database in memory with the tables that the models declare."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(script)
    return connection


async def mend(copy: sqlite3.Connection, wanted: sqlite3.Connection) -> None:
    """Rebuild tables that have the right columns, but lost a UNIQUE, a reference or a type on the way; add lost indexes."""
    should, now = await tables(asking(wanted), "sqlite"), await tables(asking(copy), "sqlite")
    for name, table in should.items():
        if name in now and table.columns.keys() == now[name].columns.keys():
            if _lacking(table, now[name]):
                _rebuild(copy, wanted, name, table, now[name])
            have = {row[0] for row in copy.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?", (name,))}
            for index, sql in _definitions(wanted, name, "index").items():
                if index not in have:
                    copy.execute(sql)


def keep_counting(copy: sqlite3.Connection, original: sqlite3.Connection) -> None:
    """A rebuilt table would give the keys of deleted rows again; events are counted on by others, so it must not."""
    for name, last in _sequences(original):
        if any(name == other for other, _ in _sequences(copy)):
            copy.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (last, name))
        elif copy.execute("SELECT 1 FROM sqlite_master WHERE name = ? AND sql LIKE '%AUTOINCREMENT%'", (name,)).fetchone():
            copy.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, last))


def orphans(connection: sqlite3.Connection) -> int:
    """How many rows point to a row that is not there."""
    return len(connection.execute("PRAGMA foreign_key_check").fetchall())


def damage(connection: sqlite3.Connection) -> str | None:
    """What SQLite finds wrong in the file itself, if anything."""
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    return None if found == "ok" else found


def _try_alone(path: Path) -> sqlite3.Connection | None:
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # the lock stays after the COMMIT, and reading takes it already
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        connection.close()  # half a lock would be in the way of whoever else tries
        if error.sqlite_errorcode & 0xFF in BUSY:
            return None
        raise
    return connection


def _rebuild(copy: sqlite3.Connection, wanted: sqlite3.Connection, name: str, should: Table, now: Table) -> None:
    columns = ", ".join(f'"{column}"' for column in now.columns)
    kept = {**_definitions(copy, name, "index"), **_definitions(copy, name, "trigger")}
    copy.execute("PRAGMA legacy_alter_table = ON")  # references of other tables stay references to this name
    copy.execute(f'ALTER TABLE "{name}" RENAME TO "old__{name}"')
    copy.execute(_definitions(wanted, name, "table")[name])
    copy.execute(f'INSERT INTO "{name}" ({columns}) SELECT {columns} FROM "old__{name}"')
    copy.execute(f'DROP TABLE "old__{name}"')
    said = {now.uniques[columns] for columns in should.uniques if columns in now.uniques}  # by the new table itself
    for other, sql in kept.items():
        if other not in said:
            copy.execute(sql)


def _lacking(should: Table, now: Table) -> bool:
    same = (should.columns, should.primary, should.references.keys()) == (now.columns, now.primary, now.references.keys())
    # Only a new table is without a UNIQUE that the old one said itself; an index that somebody made is not ours to drop.
    too_much = any(name.startswith("sqlite_autoindex") for columns, name in now.uniques.items() if columns not in should.uniques)
    return not same or too_much or bool(should.uniques.keys() - now.uniques.keys())


def _definitions(connection: sqlite3.Connection, table: str, kind: str) -> dict[str, str]:
    query = "SELECT name, sql FROM sqlite_master WHERE tbl_name = ? AND type = ? AND sql IS NOT NULL"
    return dict(connection.execute(query, (table, kind)).fetchall())


def _sequences(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone():
        return []
    return connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall()


def _make_folder(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)


def _remove(path: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
