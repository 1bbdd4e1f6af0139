"""What SQL on SQLite may ask of Python: cursors, numbers and times whose form SQLite does not know."""

import datetime
import sqlite3

from core.records.pages import sealed
from core.text import rfc3339

CURSOR, FLOAT, MEAN, TIME, LIST = "payvand_cursor", "payvand_float", "payvand_mean", "payvand_time", "payvand_list"


def install(connection: sqlite3.Connection) -> None:
    """Make the functions known to a connection."""
    for name, places, function in FUNCTIONS:
        connection.create_function(name, places, function, deterministic=True)
    connection.create_aggregate(LIST, 2, _List)  # type: ignore[arg-type]  # the stubs want a subclass of a class that there is not


def _float(value: float | None) -> str | None:
    return None if value is None else repr(float(value))


def _mean(total: int | None, count: int) -> str | None:
    """Whole numbers are divided as such: many a total is no number with a floating point."""
    return None if total is None or not count else repr(total / count)


def _time(value: str | None) -> str | None:
    return None if value is None else rfc3339(datetime.datetime.fromisoformat(value))


FUNCTIONS = ((CURSOR, -1, sealed), (FLOAT, 1, _float), (MEAN, 2, _mean), (TIME, 1, _time))


class _List:
    """The JSON of a list of JSON texts, in the order of other texts: an aggregate, which SQLite does not order itself."""

    def __init__(self) -> None:
        self._items: list[tuple[str, str]] = []

    def step(self, text: str, order: str) -> None:
        """Take one more."""
        self._items.append((order, text))

    def finalize(self) -> str:
        """The list."""
        return f"[{','.join(text for _, text in sorted(self._items))}]"
