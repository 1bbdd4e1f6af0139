"""The transaction of this task, for statements of the house's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from tortoise.backends.base.client import TransactionContext
from tortoise.connection import get_connection

from core.database.insertion import Insertion, Rows


@dataclass(frozen=True)
class Reading:
    """A look at records that were just written. `fresh` finds the same in NEW, without parameters; empty where it needs other rows."""

    sql: str
    values: Sequence[Any]
    fresh: str = ""


class Inside(Protocol):
    """What a transaction answers beside the object mapper's questions. Its statements leave nothing behind on the connection."""

    async def look(self, sql: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """The rows of a statement that writes and locks nothing."""
        ...

    async def insert(self, tables: Sequence[tuple[Insertion, Rows]]) -> None:
        """Insert rows into several tables, in that order. Raises IntegrityError."""
        ...

    async def last(self, tables: Sequence[tuple[Insertion, Rows]], reading: Reading) -> Sequence[Sequence[Any]]:
        """Insert rows, those of the first table being new records, read what is to be shown of these, and commit. Raises IntegrityError.

        Only the outermost transaction can be asked for it, and nothing can be asked of it afterwards.
        """
        ...


def opened() -> TransactionContext:
    """A transaction, which need not begin before something is written or locked."""
    return cast(Any, get_connection("default")).late_transaction()


def dialect() -> str:
    """The dialect of the database: postgres or sqlite."""
    return get_connection("default").capabilities.dialect


def within() -> bool:
    """Whether a transaction is open in this task."""
    return hasattr(get_connection("default"), "look")


def inside() -> Inside:
    """The transaction that is open. Raises RuntimeError when there is none."""
    if not within():
        raise RuntimeError("write inside a transaction()")
    return cast(Inside, get_connection("default"))
