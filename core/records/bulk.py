"""Many rows at once: new records, and one statement for all of them, without what the object mapper does for each.

It does the same as `Model(...)` and `Model.bulk_create(...)`, several times as fast: a record costs what its columns
cost. Where a model needs more, as with defaults of the database or defaults that wait, the object mapper does it.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from tortoise.connection import get_connection
from tortoise.models import Model

from core.fields import new_id, new_id_text, now
from core.records.encoding import Encode, encoder

CHUNK = 1_000  # rows that the database takes while the next are made ready

M = TypeVar("M", bound=Model)


def blank(model: type[M], **values: Any) -> M:
    """A new record with the defaults of its columns and these values, which must be as the columns keep them."""
    return blanks(model)(values)


def blanks(model: type[M]) -> Callable[[Mapping[str, Any]], M]:
    """`blank` for many records of a model: a function from values to a record. All of them have the same time of making."""
    plan = plan_of(model)
    if plan is None:
        return lambda values: model(**values)
    constants, makers = {**plan.constants, **plan.moments()}, plan.makers

    def make(values: Mapping[str, Any]) -> M:
        record = model.__new__(model)
        state = vars(record)
        state.update(constants)
        state.update(values)
        state["_await_when_save"] = {}
        for name, default in makers:
            if name not in values:
                state[name] = default()
        return record

    return make


def assign(record: Model, name: str, value: Any) -> None:
    """Set a column of a record: as an assignment does, but without a look at relations, which columns are not."""
    if record._await_when_save:
        setattr(record, name, value)
    else:
        object.__setattr__(record, name, value)


async def insert(model: type[Model], records: Iterable[Model]) -> None:
    """Write new records of a model with one statement, inside a transaction. Raises IntegrityError when one of them cannot be."""
    records = list(records)
    plan = plan_of(model)
    if plan is None:
        await model.bulk_create(records)
        return
    states = [vars(record) for record in records]
    await _write(model, len(records), lambda name, some: ([state[name] for state in states[some]], records[some]))


async def insert_columns(model: type[Model], columns: dict[str, list[Any]]) -> None:
    """Write new rows, given by their columns, that nobody needs as records; what is left out gets its default."""
    plan, count = plan_of(model), len(next(iter(columns.values())))
    if plan is None:
        await model.bulk_create([model(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)])
        return
    makers = [(name, new_id_text if make is new_id else make) for name, make in plan.makers if name not in columns]
    made = {name: [make() for _ in range(count)] for name, make in makers}
    constant = {name: [value] * count for name, value in (plan.constants | plan.moments()).items()}
    whole = {**constant, **made, **columns}
    await _write(model, count, lambda name, some: (whole[name][some], [model] * len(whole[name][some])))


async def _write(model: type[Model], count: int, read: Callable[[str, slice], tuple[list[Any], Sequence[Any]]]) -> None:
    """Write so many rows. `read` gives the values of a column in some of them, and whose they are."""
    if not count:
        return
    database = get_connection("default")
    executor = database.executor_class(model=model, db=database)
    known = _encoders(model, database.capabilities.dialect)
    encoders = [(name, known[name]) for name in executor.regular_columns]
    writing: asyncio.Future[None] | None = None
    try:
        for start in range(0, count, CHUNK):
            some = slice(start, start + CHUNK)
            rows: list[Any] = list(zip(*[encode(*read(name, some)) for name, encode in encoders], strict=True))
            if writing:
                await writing
            writing = asyncio.ensure_future(database.execute_many(executor.insert_query, rows))
            await asyncio.sleep(0)  # lets the database begin, while the next rows are made ready
    finally:
        if writing:
            await writing


@dataclass(frozen=True)
class Plan:
    """The state of a new record: what is always the same, what is made for each, and what is the time of making."""

    constants: dict[str, Any]
    makers: list[tuple[str, Callable[[], Any]]]
    times: list[str]

    def moments(self) -> dict[str, Any]:
        """This moment, for the columns that have it."""
        return dict.fromkeys(self.times, now())


@lru_cache(maxsize=512)
def plan_of(model: type[Model]) -> Plan | None:
    """The plan of a model; None when it needs the object mapper."""
    columns = {name: model._meta.fields_map[name] for name in model._meta.fields_db_projection}
    if any(one.has_db_default() or asyncio.iscoroutinefunction(one.default) for one in columns.values()):
        return None
    plan = Plan({"_partial": False, "_saved_in_db": False, "_custom_generated_pk": False}, [], [])
    for name, column in columns.items():
        if column.default is now:
            plan.times.append(name)
        elif callable(column.default):
            plan.makers.append((name, column.default))
        elif column.default is None or isinstance(column.default, int | float | str | bytes):
            plan.constants[name] = column.default
        else:
            plan.makers.append((name, lambda column=column: deepcopy(column.default)))
    return plan


@lru_cache(maxsize=512)
def _encoders(model: type[Model], dialect: str) -> dict[str, Encode]:
    return {name: encoder(model._meta.fields_map[name], dialect) for name in model._meta.fields_db_projection}
