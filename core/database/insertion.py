"""Statements that insert rows: into one table, or into several at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any

Rows = Sequence[Sequence[Any]]
KEPT = 1_000  # texts of statements
NEW = '"#new"'  # in a statement that inserts, the new rows of its first table; no table is called that


@dataclass(frozen=True)
class Insertion:
    """A table and the columns that are given of each new row. All of them are names of models, and no client's words."""

    table: str
    columns: tuple[str, ...]


@lru_cache(maxsize=KEPT)
def of_one(insertion: Insertion) -> str:
    """The statement that inserts a row on SQLite."""
    return f"{_start(insertion)} ({', '.join('?' * len(insertion.columns))})"


@lru_cache(maxsize=KEPT)
def of_several(shape: tuple[tuple[Insertion, int], ...], shown: str = "") -> str:
    """The statement that inserts so many rows into each table on PostgreSQL: all or none, and keys among them are checked at its end.

    `shown` is a SELECT that may look at NEW.
    """
    places = count(1)
    parts = []
    for insertion, rows in shape:
        values = (f"({', '.join(f'${next(places)}' for _ in insertion.columns)})" for _ in range(rows))
        parts.append(f"{_start(insertion)} {', '.join(values)}")
    if shown:
        first, *others = [f"{parts[0]} RETURNING *", *parts[1:]]
        return f"WITH {', '.join([f'{NEW} AS ({first})', *(f'w{number} AS ({part})' for number, part in enumerate(others))])} {shown}"
    *first, last = parts
    return f"WITH {', '.join(f'w{number} AS ({part})' for number, part in enumerate(first))} {last}" if first else last


def _start(insertion: Insertion) -> str:
    columns = ", ".join(f'"{name}"' for name in insertion.columns)
    return f"INSERT INTO {insertion.table} ({columns}) VALUES"
