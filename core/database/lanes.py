"""Connections to PostgreSQL for one kind of statement, handed on without ceremony: nothing that runs on them leaves anything behind."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from core.database.usage import Usage

PATIENCE = 5.0  # seconds until a connection is free
STATEMENTS = 500  # prepared ones that a connection keeps

Decoder = Callable[[bytes], Any]


class Lane:
    """At most `size` connections, opened when they are needed. A pool of asyncpg costs as much as a short statement does."""

    def __init__(self, size: int, words: dict[str, Any], json: Decoder = bytes, patience: float = PATIENCE) -> None:
        self._words = words
        self._size = size
        self._json = json
        self._patience = patience
        self._open: set[asyncpg.Connection] = set()
        self._opening = 0
        self._free: list[asyncpg.Connection] = []
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._statements = 0

    async def rows(self, sql: str, values: Sequence[Any], seconds: float | None = None) -> list[asyncpg.Record]:
        """The rows of a statement, which may take so many `seconds`. Raises TimeoutError when no connection is free for too long."""
        connection = self._idle() or await self._another()
        self._statements += 1
        try:
            # Not fetchrow: a limit of rows keeps PostgreSQL from working in parallel.
            found = await (connection.fetch(sql, *values) if seconds is None else _within(connection, seconds, sql, values))
        except asyncpg.PostgresError:
            self._give_back(connection)
            raise
        except BaseException:  # a connection that was interrupted may yet be busy with the statement
            self._forget(connection)
            raise
        self._give_back(connection)
        return found

    def usage(self) -> Usage:
        """How much it has to do."""
        return Usage(self._statements, self._size, len(self._open), len(self._open) - len(self._free), len(self._waiting))

    async def open(self) -> None:
        """Open the first connection, so that a database that does not answer is known at the start."""
        self._give_back(await self._another())

    async def close(self) -> None:
        """Close all connections that are open."""
        for connection in [*self._open]:
            await connection.close(timeout=PATIENCE)

    async def _another(self) -> asyncpg.Connection:
        async with asyncio.timeout(self._patience):
            while not self._free and len(self._open) + self._opening >= self._size:
                turn = asyncio.get_running_loop().create_future()
                self._waiting.append(turn)
                await turn
        return self._idle() or await self._opened()

    def _idle(self) -> asyncpg.Connection | None:
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():  # as all are after a restart of the server
                return connection
            self._open.discard(connection)
        return None

    async def _opened(self) -> asyncpg.Connection:
        self._opening += 1
        try:
            made = await asyncpg.connect(**self._words, statement_cache_size=STATEMENTS, max_cached_statement_lifetime=0)
            await made.set_type_codec("json", schema="pg_catalog", encoder=json.dumps, decoder=self._json, format="binary")
        finally:
            self._opening -= 1
            self._wake()
        self._open.add(made)
        return made

    def _give_back(self, connection: asyncpg.Connection) -> None:
        if connection.is_closed():
            self._open.discard(connection)
        else:
            self._free.append(connection)
        self._wake()

    def _forget(self, connection: asyncpg.Connection) -> None:
        connection.terminate()
        self._open.discard(connection)
        self._wake()

    def _wake(self) -> None:
        """Let the next one look whether there is a connection for it."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return


async def _within(connection: asyncpg.Connection, seconds: float, sql: str, values: Sequence[Any]) -> list[asyncpg.Record]:
    async with connection.transaction(readonly=True):
        await connection.execute(f"SET LOCAL statement_timeout = {round(seconds * 1_000)}")
        return await connection.fetch(sql, *values)


@asynccontextmanager
async def lane(
    size: int, words: dict[str, Any], *, at_once: bool = True, json: Decoder = bytes, patience: float = PATIENCE
) -> AsyncIterator[Lane]:
    """A lane, open inside the block. Raises what asyncpg raises when the database cannot be reached and is needed `at_once`.

    json: what is made of the bytes of a value of JSON. patience: seconds to wait until a connection is free.
    """
    made = Lane(size, words, json, patience)
    if at_once:
        await made.open()
    try:
        yield made
    finally:
        await made.close()
