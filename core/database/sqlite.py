"""SQLite as Payvand uses it: a write-ahead log, writers that wait for each other, and a connection that survives every failure."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionWrapper, translate_exceptions
from tortoise.connection import get_connections
from tortoise.exceptions import TransactionManagementError

from core.database.endings import Inner, to_the_end
from core.database.functions import FUNCTIONS
from core.database.insertion import Insertion, Rows, of_one
from core.database.inside import Reading
from core.database.usage import Usage

AT_ONCE = 500  # rows in one statement
MOST = 32_766  # values in one statement

PRAGMAS = {"busy_timeout": 5000, "journal_mode": "WAL", "synchronous": "NORMAL", "foreign_keys": "ON"}


class Client(SqliteClient):
    """The one connection of this process to the file."""

    def __init__(self, file_path: str, **kwargs: Any) -> None:
        super().__init__(file_path, **{**PRAGMAS, **kwargs})
        self.turns = self.waiting = 0

    def usage(self) -> dict[str, Usage]:
        """How much it has to do."""
        return {"write": Usage(self.turns, 1, int(self._connection is not None), int(self._lock.locked()), self.waiting)}

    async def create_connection(self, with_db: bool) -> None:
        """Open the file; its folder is made when it is not there."""
        Path(self.filename).parent.mkdir(parents=True, exist_ok=True)
        try:
            await super().create_connection(with_db)
            assert self._connection
            for name, places, function in FUNCTIONS:
                await self._connection.create_function(name, places, function, deterministic=True)
        except BaseException:
            await self.close()  # half open, its thread would keep the process alive
            raise

    def _in_transaction(self) -> TransactionContext:
        return Turn(self)

    def late_transaction(self) -> TransactionContext:
        """A transaction; it begins at once, for the connection is its own anyway."""
        return self._in_transaction()

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        """Run `query` for each of `values`, in a transaction of its own."""
        async with self._in_transaction() as transaction:
            await transaction.execute_many(query, values)


client_class = Client


class Transaction(SqliteTransactionWrapper):
    """What queries run on inside a transaction."""

    def _in_transaction(self) -> TransactionContext:
        return Inner(Transaction(self))

    def late_transaction(self) -> TransactionContext:
        """A part of this transaction."""
        return self._in_transaction()

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        """Run `query` for each of `values`; of rows to insert, many in one statement.

        The driver lets go of the interpreter while a statement runs. With a statement for each row it would have to wait
        for the interpreter after each of them, and so could do nothing while anything else goes on in this process.
        """
        rows = min(AT_ONCE, MOST // len(values[0])) if values and values[0] and _inserts(query) else 0
        if rows < 2 or len(values) < rows:
            await super().execute_many(query, values)
            return
        whole = len(values) - len(values) % rows
        await super().execute_many(_of_many(query, rows), [list(chain(*values[start : start + rows])) for start in range(0, whole, rows)])
        if whole < len(values):
            await super().execute_many(query, values[whole:])

    @translate_exceptions
    async def look(self, sql: str, values: Sequence[Any]) -> Iterable[sqlite3.Row]:
        """The rows of a statement that writes and locks nothing."""
        async with self.acquire_connection() as connection:
            return await connection.execute_fetchall(sql, values)

    @translate_exceptions
    async def insert(self, tables: Sequence[tuple[Insertion, Rows]]) -> None:
        """Insert rows into several tables, all in one turn of the thread that has the connection."""
        async with self.acquire_connection() as connection:
            await connection._execute(_insert, connection._conn, tables)

    @translate_exceptions
    async def last(self, tables: Sequence[tuple[Insertion, Rows]], reading: Reading) -> Sequence[Sequence[Any]]:
        """Insert rows, read, and commit, all in one turn of the thread."""
        async with self.acquire_connection() as connection:
            rows = await connection._execute(_last, connection._conn, tables, reading)
        self._finalized = True
        return rows

    async def begin(self) -> None:
        """Take the right to write at once: a transaction that reads first and writes later could not wait for another process."""
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise TransactionManagementError(error) from error


class Turn(TransactionContext):
    """One transaction: it has the connection for itself, and however it ends, the connection is free and clean afterwards."""

    def __init__(self, client: Client) -> None:
        self.parent = client
        self.transaction: Transaction | None = None

    async def __aenter__(self) -> TransactionalDBClient:
        self.parent.turns += 1
        self.parent.waiting += 1
        try:
            await self.parent._lock.acquire()
        finally:
            self.parent.waiting -= 1
        try:
            if not self.parent._connection:
                await self.parent.create_connection(with_db=True)
            self.transaction = Transaction(self.parent)
            await self.transaction.begin()
        except BaseException:
            await self._end()
            raise
        self.token = get_connections().set(self.parent.connection_name, self.transaction)
        return self.transaction

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        try:
            assert self.transaction
            if exc_type is None and not self.transaction._finalized:
                await self.transaction.commit()
        finally:
            try:
                get_connections().reset(self.token)
            finally:
                await self._end()

    async def _end(self) -> None:
        """Undo what is still open, and let the next one in."""
        try:
            connection, done = self.parent._connection, self.transaction is not None and self.transaction._finalized
            if connection and (connection.in_transaction or not done):
                with suppress(sqlite3.Error):
                    await to_the_end(connection.rollback())
        finally:
            self.parent._lock.release()


def _insert(connection: sqlite3.Connection, tables: Sequence[tuple[Insertion, Rows]]) -> None:
    for insertion, rows in tables:
        connection.executemany(of_one(insertion), rows)


def _last(connection: sqlite3.Connection, tables: Sequence[tuple[Insertion, Rows]], reading: Reading) -> list[Any]:
    _insert(connection, tables)
    rows = connection.execute(reading.sql, reading.values).fetchall()
    connection.commit()
    return rows


def _inserts(query: str) -> bool:
    return query.startswith("INSERT INTO ") and query.endswith(")") and query.count(_VALUES) == 1


@lru_cache(maxsize=256)
def _of_many(query: str, rows: int) -> str:
    """The statement that inserts so many rows, of one that inserts a row."""
    start, values, places = query.partition(_VALUES)
    return start + values + ",".join([places] * rows)


_VALUES = " VALUES "
