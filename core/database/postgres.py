"""PostgreSQL as Payvand uses it: a pool whose connections come back clean, also from a transaction that was cancelled."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import ConnectionWrapper, TransactionalDBClient, TransactionContext
from tortoise.backends.base_postgres.client import translate_exceptions
from tortoise.connection import get_connections

from core.database.endings import Inner, to_the_end
from core.database.insertion import Insertion, Rows, of_several
from core.database.inside import Reading
from core.database.usage import Usage


class Client(AsyncpgDBClient):
    """The pool of this process."""

    turns = waiting = 0

    def usage(self) -> dict[str, Usage]:
        """How much it has to do."""
        if (pool := self._pool) is None:
            return {}
        size = pool.get_size()
        return {"write": Usage(self.turns, pool.get_max_size(), size, size - pool.get_idle_size(), self.waiting)}

    def _in_transaction(self) -> TransactionContext:
        return Turn(self)

    def late_transaction(self) -> TransactionContext:
        """A transaction that begins with the first statement that writes or locks."""
        return Turn(self, late=True)

    async def execute_many(self, query: str, values: list[Any]) -> None:
        """Run `query` for each of `values`, in a transaction of its own."""
        async with self._in_transaction() as transaction:
            await transaction.execute_many(query, values)

    async def create_pool(self, **kwargs: Any) -> asyncpg.Pool:
        """The pool, which opens a connection to the end once it has begun."""
        return await asyncpg.create_pool(None, connect=_opened, **{**kwargs, "connection_class": Connection})

    async def pool(self) -> asyncpg.Pool:
        """The open pool."""
        if not self._pool:
            async with self._pool_init_lock:
                if not self._pool:
                    await self.create_connection(with_db=True)
        assert self._pool is not None
        return self._pool


client_class = Client


async def _opened(*arguments: Any, **named: Any) -> asyncpg.Connection:
    """A new connection. When the one who waits for it is cancelled it is opened all the same, and closed: half open it would complain."""
    opening = asyncio.ensure_future(asyncpg.connect(*arguments, **named))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_closed)
        raise


def _closed(opening: asyncio.Future[asyncpg.Connection]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().terminate()


class Connection(asyncpg.Connection):
    """A connection of the pool. What it has in its session is put back only after statements of which nobody knows what they do."""

    __slots__ = ("spotless",)

    spotless: bool

    def get_reset_query(self) -> str:
        """What makes the session as it was at first, when it may be another by now. An open transaction is rolled back in any case."""
        spotless = getattr(self, "spotless", False)
        self.spotless = False
        return "" if spotless else super().get_reset_query()


class Transaction(TransactionWrapper):
    """What queries run on inside a transaction. A late one begins with the first of them that is not a mere look."""

    def __init__(self, connection: AsyncpgDBClient) -> None:
        super().__init__(connection)
        self.root: Transaction = connection.root if isinstance(connection, Transaction) else self
        self.spotless = True  # whether only statements of the house's own have run

    def _in_transaction(self) -> TransactionContext:
        return Inner(Transaction(self))

    def late_transaction(self) -> TransactionContext:
        """A part of this transaction."""
        return self._in_transaction()

    def acquire_connection(self) -> ConnectionWrapper[asyncpg.Connection]:
        """The connection, for statements of the object mapper and of plugins."""
        self.root.spotless = False
        return _Begun(self._lock, self)

    @translate_exceptions
    async def look(self, sql: str, values: Sequence[Any]) -> list[asyncpg.Record]:
        """The rows of a statement that writes and locks nothing. What is committed it sees before the beginning as after it."""
        async with self._lock:
            return await self._connection.fetch(sql, *values)

    @translate_exceptions
    async def insert(self, tables: Sequence[tuple[Insertion, Rows]]) -> None:
        """Insert rows into several tables by one statement."""
        async with self._lock:
            await self.started()
            await self._connection.execute(of_several(_shape(tables)), *_values(tables))

    @translate_exceptions
    async def last(self, tables: Sequence[tuple[Insertion, Rows]], reading: Reading) -> Sequence[Sequence[Any]]:
        """Insert rows, read, and commit: without a beginning, where one statement does it all, for that is a transaction by itself."""
        if reading.fresh:
            async with self._lock:
                rows = await self._connection.fetch(of_several(_shape(tables), reading.fresh), *_values(tables))
        else:
            await self.insert(tables)
            rows = await self.look(reading.sql, reading.values)
        await self.commit()
        return rows

    async def begin(self) -> None:
        """Begin now; whoever begins so may run what it likes."""
        self.root.spotless = False
        await super().begin()

    async def started(self) -> None:
        """Begin now, unless it has begun."""
        if self.root.transaction is None:
            await TransactionWrapper.begin(self.root)

    async def savepoint(self) -> None:
        """Set a savepoint, and begin first."""
        await self.started()
        await super().begin()

    async def commit(self) -> None:
        """Commit what was written, if anything was."""
        if self.transaction is None and not self._finalized:
            self._finalized = True
        else:
            await super().commit()


def _shape(tables: Sequence[tuple[Insertion, Rows]]) -> tuple[tuple[Insertion, int], ...]:
    return tuple((insertion, len(rows)) for insertion, rows in tables)


def _values(tables: Sequence[tuple[Insertion, Rows]]) -> list[Any]:
    return [value for _, rows in tables for row in rows for value in row]


class _Begun(ConnectionWrapper[asyncpg.Connection]):
    """The connection of a transaction that has begun."""

    client: Transaction

    async def __aenter__(self) -> asyncpg.Connection:
        await self._lock.acquire()
        try:
            await self.client.started()
        except BaseException:
            self._lock.release()
            raise
        return self.connection


class Turn(TransactionContext):
    """One transaction on a connection of the pool: however it ends, the connection goes back and the task is out of it."""

    def __init__(self, client: Client, *, late: bool = False) -> None:
        self.parent = client
        self.late = late

    async def __aenter__(self) -> TransactionalDBClient:
        self.pool = await self.parent.pool()
        self.transaction = Transaction(self.parent)
        self.parent.turns += 1
        self.parent.waiting += 1
        try:
            self.connection = await self.pool.acquire()
        finally:
            self.parent.waiting -= 1
        self.transaction._connection = self.connection  # type: ignore[assignment]  # a proxy of the pool, with all that a connection has
        try:
            if not self.late:
                await self.transaction.begin()
        except BaseException:
            await to_the_end(self._end())
            raise
        self.token = get_connections().set(self.parent.connection_name, self.transaction)
        return self.transaction

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        try:
            if exc_type is None and not self.transaction._finalized:
                await self.transaction.commit()
        finally:
            try:
                get_connections().reset(self.token)
            finally:
                # With nothing to undo, the pool itself sees to it that the connection comes back.
                await (self._end() if self.transaction._finalized else to_the_end(self._end()))

    async def _end(self) -> None:
        """Undo what is still open, and give the connection back; the pool closes one that is broken."""
        try:
            if self.transaction.transaction and not self.transaction._finalized:
                with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                    await self.transaction.rollback()
        finally:
            if isinstance(raw := self.connection._con, Connection):  # None when it was closed meanwhile
                raw.spotless = self.transaction.spotless and self.transaction._finalized
            await self.pool.release(self.connection)
