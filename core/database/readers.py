"""Connections for reading alone, beside those that write: a reader waits for no writer, and can change nothing."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from core.database.addresses import connection, sqlite_file
from core.database.connection import UNREACHABLE, unreachable
from core.database.functions import install
from core.database.inside import inside, within
from core.database.lanes import PATIENCE, STATEMENTS, Lane, lane
from core.database.usage import Usage
from core.settings import Settings

T = TypeVar("T")
Parts = Sequence[bytes | str | int | None]

# An index that leads from one value to the rows in their order is good for every value; a bitmap of them, sorted, for few rows only,
# and a plan for any value does not know how many there will be.
STEADY = {"plan_cache_mode": "force_generic_plan", "enable_bitmapscan": "off"}
CACHE = 3_072  # KiB of pages that a connection to a file keeps
STEPS = 20_000  # of SQLite's machine, between two looks at the clock
THREADS = 2  # threads that read a file for statistics, so that lists never wait for these
LONGER = 30.0  # seconds until a connection for statistics is free: one query may ask for many

_asked: ContextVar["Readers | None"] = ContextVar("readers", default=None)


class TooDeep(Exception):
    """The statement is nested deeper than this version of the database reads."""


class Readers(Protocol):
    """Answers statements that return one row of JSON texts, or of whole numbers."""

    dialect: str

    async def row(self, sql: str, values: Sequence[Any], *, brief: bool = False, steady: bool = False) -> Parts:
        """The columns of the one row. Raises TooDeep.

        With `brief` it is known to be found by keys, at once; with `steady` the best plan is the same for all values.
        """
        ...

    def row_now(self, sql: str, values: Sequence[Any]) -> Parts | None:
        """The columns of a row that is found by keys, if they are to be had without waiting for anybody; what is wrong else `row` tells."""
        ...

    async def rows(self, sql: str, values: Sequence[Any], seconds: float | None = None) -> list[dict[str, Any]]:
        """The rows of a statement that may look through whole tables, by the names of their columns.

        It is given up after so many `seconds`, where these are more than those of all statements.
        """
        ...

    async def explained(self, sql: str, values: Sequence[Any]) -> list[str]:
        """How the database would go about a statement, line by line."""
        ...

    def usage(self) -> dict[str, Usage]:
        """How much the connections have to do, by what they are for."""
        ...


@asynccontextmanager
async def readers(settings: Settings) -> AsyncIterator[Readers]:
    """The readers of a house, open inside the block. Raises StartError when the database, or its replica, cannot be reached."""
    path = sqlite_file(settings)
    if path is None:
        async with _postgres(settings) as pool:
            yield pool
        return
    files = _Sqlite(path, settings)
    try:
        yield files
    finally:
        files.close()


@contextmanager
def querying(readers: Readers | None) -> Iterator[None]:
    """Let `of_query` give these readers inside the block, in this task and in those that it begins."""
    token = _asked.set(readers)
    try:
        yield
    finally:
        _asked.reset(token)


def of_query() -> Readers | None:
    """The readers for the query of this task. None where no query is answered, and inside a transaction, which has to see what it wrote."""
    return None if within() else _asked.get()


async def row_inside(sql: str, values: Sequence[Any]) -> Parts:
    """As `Readers.row`, inside the transaction of this task, with what it has written."""
    return tuple((await inside().look(sql, values))[0])


class _Watched(sqlite3.Connection):
    """A connection whose statement is stopped at a time."""

    end = inf


class _Sqlite:
    """A few connections to the file, each used by one thread at a time; what is brief is answered without a thread."""

    dialect = "sqlite"

    def __init__(self, path: Path, settings: Settings) -> None:
        self._address = f"file:{quote(str(path))}?mode=ro"
        self._seconds = settings.database.statement_timeout
        self._size = min(settings.database.pool, 4)
        self._threads = ThreadPoolExecutor(self._size, "reader")
        self._statistics = ThreadPoolExecutor(THREADS, "statistics")
        self._statements = 0  # a thread may miss one of another's: a lock would cost more than it is worth
        self._idle: dict[float, list[_Watched]] = {0.0: [], PATIENCE: []}  # by how long they wait for the file
        self._all: list[_Watched] = []

    async def row(self, sql: str, values: Sequence[Any], *, brief: bool = False, steady: bool = False) -> Parts:
        if brief and (found := self.row_now(sql, values)) is not None:
            return found
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, sql, values)

    def row_now(self, sql: str, values: Sequence[Any]) -> Parts | None:
        try:
            return self._read(sql, values, patience=0.0)
        except (sqlite3.Error, TooDeep):  # a file that is busy, most of all: to wait is for a thread, here everybody would
            return None

    async def rows(self, sql: str, values: Sequence[Any], seconds: float | None = None) -> list[dict[str, Any]]:
        at_most = max(self._seconds, seconds or 0.0)
        return await asyncio.get_running_loop().run_in_executor(self._statistics, self._run, sql, values, _named, PATIENCE, at_most)

    async def explained(self, sql: str, values: Sequence[Any]) -> list[str]:
        work = asyncio.get_running_loop().run_in_executor(self._threads, self._run, f"EXPLAIN QUERY PLAN {sql}", values, _all)
        depths: dict[int, int] = {0: -1}
        lines = []
        for place, above, _, text in await work:
            depths[place] = depths[above] + 1
            lines.append("  " * depths[place] + text)
        return lines

    def usage(self) -> dict[str, Usage]:
        idle = sum(map(len, self._idle.values()))
        waiting = self._threads._work_queue.qsize() + self._statistics._work_queue.qsize()
        size = self._size + THREADS + 1
        return {"read": Usage(self._statements, size, len(self._all), len(self._all) - idle, waiting)}

    def close(self) -> None:
        """Close what is open. Nobody waits for statistics any more."""
        self._threads.shutdown()
        for one in self._all:
            one.interrupt()
        self._statistics.shutdown(cancel_futures=True)
        for one in self._all:
            one.close()

    def _read(self, sql: str, values: Sequence[Any], patience: float = PATIENCE) -> Parts:
        return self._run(sql, values, _all, patience)[0]

    def _run(
        self, sql: str, values: Sequence[Any], read: Callable[[sqlite3.Cursor], T], patience: float = PATIENCE, seconds: float | None = None
    ) -> T:
        idle = self._idle[patience]
        try:
            connection = idle.pop()
        except IndexError:  # one look, for there are other threads
            connection = self._opened(patience)
        try:
            self._statements += 1
            connection.end = time.monotonic() + (self._seconds if seconds is None else seconds)
            return read(connection.execute(sql, values))
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                connection.rollback()
            if "parser stack overflow" in str(error):  # at a hundred open parts, before SQLite 3.46
                raise TooDeep from error
            raise
        finally:
            idle.append(connection)

    def _opened(self, patience: float) -> "_Watched":
        made = sqlite3.connect(
            self._address, uri=True, timeout=patience, isolation_level=None, check_same_thread=False, cached_statements=STATEMENTS,
            factory=_Watched,
        )  # fmt: skip
        if self._seconds > 0:
            made.set_progress_handler(lambda: time.monotonic() > made.end, STEPS)
        made.execute("PRAGMA query_only = ON")
        made.execute(f"PRAGMA cache_size = {-CACHE}")
        install(made)
        self._all.append(made)
        return made


def _all(cursor: sqlite3.Cursor) -> list[Any]:
    return cursor.fetchall()


def _named(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


class _Postgres:
    """What is found by keys has one plan for all keys, and so has a list whose values do not matter to its plan.

    Other lists are planned each time: a plan for any value takes a filter for a good one that most rows pass, such as the owner
    of nearly everything.
    """

    dialect = "postgres"

    def __init__(self, seconds: float, brief: Lane, steady: Lane, wide: Lane, statistics: Lane) -> None:
        self._seconds = seconds
        self._brief = brief
        self._steady = steady
        self._wide = wide
        self._statistics = statistics

    async def row(self, sql: str, values: Sequence[Any], *, brief: bool = False, steady: bool = False) -> Parts:
        lane = self._brief if brief else self._steady if steady else self._wide
        return tuple((await lane.rows(sql, values))[0].values())

    def usage(self) -> dict[str, Usage]:
        return {
            "read_keys": self._brief.usage(), "read_steady_lists": self._steady.usage(), "read_lists": self._wide.usage(),
            "read_statistics": self._statistics.usage(),
        }  # fmt: skip

    def row_now(self, sql: str, values: Sequence[Any]) -> Parts | None:
        return None  # the server is asked over a socket

    async def rows(self, sql: str, values: Sequence[Any], seconds: float | None = None) -> list[dict[str, Any]]:
        longer = seconds if seconds is not None and 0 < self._seconds < seconds else None
        return [dict(row) for row in await self._statistics.rows(sql, values, longer)]

    async def explained(self, sql: str, values: Sequence[Any]) -> list[str]:
        return [row[0] for row in await self._wide.rows(f"EXPLAIN {sql}", values)]


@asynccontextmanager
async def _postgres(settings: Settings) -> AsyncIterator[Readers]:
    database = settings.database
    source = replace(settings, database=replace(database, url=database.replica)) if database.replica else settings
    async with AsyncExitStack() as stack:
        try:
            brief = await stack.enter_async_context(lane(database.pool, _words(source)))
            steady = await stack.enter_async_context(lane(database.pool, _words(source, **STEADY), at_once=False))
            planned = _words(source, plan_cache_mode="force_custom_plan")
            wide = await stack.enter_async_context(lane(database.pool, planned))
            statistics = await stack.enter_async_context(lane(database.pool, planned, at_once=False, json=bytes.decode, patience=LONGER))
        except UNREACHABLE as error:
            raise unreachable(source, error) from error
        yield _Postgres(database.statement_timeout, brief, steady, wide, statistics)


def _words(settings: Settings, **more: str) -> dict[str, Any]:
    words: dict[str, Any] = connection(settings)["credentials"]
    name, _, _ = words.pop("application_name"), words.pop("minsize"), words.pop("maxsize")
    return words | {
        "server_settings": {
            **words["server_settings"], "application_name": name, "default_transaction_read_only": "on", "jit": "off", **more,
        }
    }  # fmt: skip
