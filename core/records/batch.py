"""Rows of several tables that are inserted together: what one write needs costs one statement, not one for each table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from tortoise.models import Model

from core.database.insertion import Insertion, Rows
from core.database.inside import Reading, dialect, inside
from core.records.bulk import insert, insert_columns, plan_of
from core.records.encoding import One, encoder_of_one

FEW = 10  # rows of one table that wait for those of others; more are written at once, as fast as many rows can be


class Batch:
    """Rows that wait. They are written in the order of the tables in which they came, by `write`."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Insertion, Rows]] = []
        self._dialect = dialect()
        self._begun = False  # whether some rows have been written

    async def insert(self, records: Sequence[Model]) -> None:
        """Add new records of one model; see core.records.bulk.insert."""
        if not records:
            return
        model = type(records[0])
        if len(records) > FEW or plan_of(model) is None:
            self._begun = True
            await self.write()
            await insert(model, records)
        else:
            self._add(model, [(vars(record), record) for record in records])

    async def insert_columns(self, model: type[Model], columns: dict[str, list[Any]]) -> None:
        """Add new rows, given by their columns, that nobody needs as records; see core.records.bulk.insert_columns."""
        count, plan = len(next(iter(columns.values()))), plan_of(model)
        if count > FEW or plan is None:
            self._begun = True
            await self.write()
            await insert_columns(model, columns)
            return
        constants = {**plan.constants, **plan.moments()}
        makers = [(name, make) for name, make in plan.makers if name not in columns]
        rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
        self._add(model, [({**constants, **{name: make() for name, make in makers}, **row}, model) for row in rows])

    async def write(self) -> None:
        """Insert what waits. Raises IntegrityError when one of the rows cannot be."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            await inside().insert(waiting)

    async def last(self, reading: Reading) -> Sequence[Sequence[Any]]:
        """Insert what waits, read, and commit; see core.database.inside. Raises IntegrityError."""
        waiting, self._waiting = self._waiting, []
        return await inside().last(waiting, replace(reading, fresh="") if self._begun else reading)

    def _add(self, model: type[Model], states: Iterable[tuple[Mapping[str, Any], Any]]) -> None:
        table = _table(model, self._dialect)
        self._waiting.append((table.insertion, [table.row(state, owner) for state, owner in states]))


@dataclass(frozen=True)
class _Table:
    """How rows of a model become rows of its table."""

    insertion: Insertion
    encoders: Sequence[tuple[str, One]]

    def row(self, state: Mapping[str, Any], owner: Any) -> list[Any]:
        """The values of one row, as the driver takes them."""
        row: list[Any] = []
        for name, one in self.encoders:
            value: Any = state[name]
            fits = one.null if value is None else value.__class__ is one.kind and (one.limit is None or len(value) <= one.limit)
            if fits:
                row.append(value)
            else:
                row.append(one.other(value, owner))
        return row


@lru_cache(maxsize=512)
def _table(model: type[Model], dialect: str) -> _Table:
    meta = model._meta
    columns = {name: meta.fields_map[name] for name in meta.fields_db_projection if not meta.fields_map[name].generated}
    table = f'"{meta.schema}"."{meta.db_table}"' if meta.schema else f'"{meta.db_table}"'
    insertion = Insertion(table, tuple(meta.fields_db_projection[name] for name in columns))
    return _Table(insertion, [(name, encoder_of_one(column, dialect)) for name, column in columns.items()])
