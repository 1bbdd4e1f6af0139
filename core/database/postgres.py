"""PostgreSQL as Payvand uses it: a pool whose connections come back clean, also from a transaction that was cancelled."""

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.connection import get_connections

from core.database.endings import Inner, to_the_end


class Client(AsyncpgDBClient):
    """The pool of this process."""

    def _in_transaction(self) -> TransactionContext:
        return Turn(self)

    async def execute_many(self, query: str, values: list[Any]) -> None:
        """Run `query` for each of `values`, in a transaction of its own."""
        async with self._in_transaction() as transaction:
            await transaction.execute_many(query, values)

    async def create_pool(self, **kwargs: Any) -> asyncpg.Pool:
        """The pool, which opens a connection to the end once it has begun."""
        return await asyncpg.create_pool(None, connect=_opened, **kwargs)

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


class Transaction(TransactionWrapper):
    """What queries run on inside a transaction."""

    def _in_transaction(self) -> TransactionContext:
        return Inner(Transaction(self))


class Turn(TransactionContext):
    """One transaction on a connection of the pool: however it ends, the connection goes back and the task is out of it."""

    def __init__(self, client: Client) -> None:
        self.parent = client

    async def __aenter__(self) -> TransactionalDBClient:
        self.pool = await self.parent.pool()
        self.transaction = Transaction(self.parent)
        self.connection = await self.pool.acquire()
        self.transaction._connection = self.connection  # type: ignore[assignment]  # a proxy of the pool, with all that a connection has
        try:
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
                await to_the_end(self._end())

    async def _end(self) -> None:
        """Undo what is still open, and give the connection back; the pool closes one that is broken."""
        try:
            if not self.transaction._finalized:
                with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                    await self.transaction.rollback()
        finally:
            await self.pool.release(self.connection)
