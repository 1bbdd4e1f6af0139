"""Reads the table of events, on connections of its own: a reader waits for no writer, and sees only what is committed."""

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import asyncpg

from core.database.addresses import connection, sqlite_file
from core.database.lanes import Lane
from core.settings import Settings
from core.tail.kept import COLUMNS, TABLES, KeptEvent, Wanted, kept

STRETCH = 20_000  # positions that one statement looks through at most
LOOKED = 2_000  # positions whose gaps are looked for at once
LANES = 2

Rows = Sequence[Any]


class Source(Protocol):
    """What the database says of events."""

    async def read(self, wanted: Wanted, after: int, upto: int, most: int) -> tuple[list[KeptEvent], int]:
        """At most so many of the wanted events beyond `after` and not beyond `upto`, and the position up to which these are all."""
        ...

    async def identity(self, position: int) -> str | None:
        """The id of the event at a position, without dashes; None when there is none."""
        ...

    async def pending(self, wanted: Wanted, after: int, most: int) -> tuple[int, float]:
        """How many wanted events are beyond a position, counted up to `most`, and how many seconds ago the first of them happened."""
        ...

    async def states(self) -> Rows:
        """Of each consumer its name, plugin, position, failures, last error, and how many events it has put aside."""
        ...

    async def top(self) -> int:
        """The highest position that can be seen; there may be lower ones that cannot be seen yet."""
        ...

    async def run(self, position: int) -> tuple[int, bool]:
        """The end of the run of positions without a gap that begins after this one, and whether there are rows behind the gap."""
        ...

    async def writers(self) -> frozenset[str]:
        """The transactions that may have taken a position and have not ended."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


def source(settings: Settings) -> Source:
    """The source of a house. Nothing is opened before something is asked."""
    path = sqlite_file(settings)
    return _Sqlite(path) if path else _Postgres(settings)


class _Asking(ABC):
    """The statements, which are the same for both databases."""

    async def read(self, wanted: Wanted, after: int, upto: int, most: int) -> tuple[list[KeptEvent], int]:
        while after < upto:
            end = min(upto, after + STRETCH)
            values: list[Any] = [after, end]
            sql = (
                f"SELECT {COLUMNS} FROM {TABLES} WHERE e.position > {self._place(1)} AND e.position <= {self._place(2)}"
                f" AND {wanted.condition(self._into(values))} ORDER BY e.position LIMIT {int(most)}"
            )
            events = [kept(row) for row in await self._rows(sql, values)]
            if events:
                return events, events[-1].position if len(events) == most else end
            after = end
        return [], after

    async def identity(self, position: int) -> str | None:
        rows = await self._rows(f"SELECT e.id FROM event AS e WHERE e.position = {self._place(1)}", [position])
        return str(rows[0][0]).replace("-", "") if rows else None

    async def pending(self, wanted: Wanted, after: int, most: int) -> tuple[int, float]:
        values: list[Any] = [after]
        some = (
            f"SELECT e.position, e.at FROM event AS e WHERE e.position > {self._place(1)}"
            f" AND {wanted.condition(self._into(values))} ORDER BY e.position LIMIT {int(most)}"
        )
        count, seconds = (await self._rows(f"SELECT count(*), {self._since('min(p.at)')} FROM ({some}) AS p", values))[0]
        return count, max(0.0, float(seconds or 0.0))

    async def states(self) -> Rows:
        return await self._rows(_STATES, [])

    async def top(self) -> int:
        return (await self._rows("SELECT max(e.position) FROM event AS e", []))[0][0] or 0

    def _into(self, values: list[Any]) -> Any:
        def place(value: Any) -> str:
            values.append(value)
            return self._place(len(values))

        return place

    @abstractmethod
    def _place(self, number: int) -> str: ...

    @abstractmethod
    def _since(self, at: str) -> str: ...

    @abstractmethod
    async def _rows(self, sql: str, values: Sequence[Any]) -> Rows: ...


class _Sqlite(_Asking):
    """One connection to the file. There is one writer at a time, so positions are seen in their order."""

    def __init__(self, path: Path) -> None:
        self._address = f"file:{quote(str(path))}?mode=ro"
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None

    async def run(self, position: int) -> tuple[int, bool]:
        return max(position, await self.top()), False

    async def writers(self) -> frozenset[str]:
        return frozenset()

    async def close(self) -> None:
        if self._thread:
            self._thread.shutdown()
        if self._connection:
            self._connection.close()
        self._thread = self._connection = None

    def _place(self, number: int) -> str:
        return f"?{number}"

    def _since(self, at: str) -> str:
        return f"(julianday('now') - julianday({at})) * 86400"

    async def _rows(self, sql: str, values: Sequence[Any]) -> Rows:
        self._thread = self._thread or ThreadPoolExecutor(1, "tail")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._fetch, sql, [_plain(one) for one in values])

    def _fetch(self, sql: str, values: Sequence[Any]) -> Rows:
        if self._connection is None:
            self._connection = sqlite3.connect(self._address, uri=True, timeout=10, isolation_level=None, check_same_thread=False)
        return self._connection.execute(sql, values).fetchall()


class _Postgres(_Asking):
    """A few connections to the server that is written to: a replica does not know who writes."""

    def __init__(self, settings: Settings) -> None:
        self._lane = Lane(LANES, words(settings, default_transaction_read_only="on", jit="off"))

    async def run(self, position: int) -> tuple[int, bool]:
        while True:
            sql = f"SELECT e.position FROM event AS e WHERE e.position > $1 ORDER BY e.position LIMIT {LOOKED}"
            found = [row[0] for row in await self._rows(sql, [position])]
            for one in found:
                if one != position + 1:
                    return position, True
                position = one
            if len(found) < LOOKED:
                return position, False

    async def writers(self) -> frozenset[str]:
        return frozenset(row[0] for row in await self._rows(_WRITERS, []))

    async def close(self) -> None:
        await self._lane.close()

    def _place(self, number: int) -> str:
        return f"${number}"

    def _since(self, at: str) -> str:
        return f"extract(epoch FROM clock_timestamp() - {at})"

    async def _rows(self, sql: str, values: Sequence[Any]) -> Rows:
        return await self._lane.rows(sql, values)


def words(settings: Settings, **more: str) -> dict[str, Any]:
    """How to connect to the PostgreSQL of the settings, in the words of asyncpg."""
    found: dict[str, Any] = connection(settings)["credentials"]
    name, _, _ = found.pop("application_name"), found.pop("minsize"), found.pop("maxsize")
    return found | {"server_settings": {**found["server_settings"], "application_name": name, **more}}


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | str) else str(value)


OUTAGES = (OSError, TimeoutError, sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError)
_STATES = """
    SELECT c.name, c.plugin, c.position, c.failures, c.error, (SELECT count(*) FROM dead_event AS d WHERE d.consumer = c.name)
    FROM consumer AS c ORDER BY c.name"""
# Whoever inserts an event holds this lock from before it takes a position until its rows can be seen.
_WRITERS = """
    SELECT l.virtualtransaction FROM pg_locks AS l
    WHERE l.locktype = 'relation' AND l.relation = 'event'::regclass AND l.mode = 'RowExclusiveLock' AND l.granted
      AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())"""
