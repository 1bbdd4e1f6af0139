"""Many rows at once: new records, and one statement for all of them, without what the object mapper does for each.

It does the same as `Model(...)` and `Model.bulk_create(...)`, several times as fast: a record costs what its columns
cost. Where a model needs more, as with defaults of the database or defaults that wait, the object mapper does it.
"""

import asyncio
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from tortoise import fields
from tortoise.connection import get_connection
from tortoise.fields.base import Field
from tortoise.fields.data import CharEnumFieldInstance
from tortoise.models import Model
from tortoise.validators import MaxLengthValidator

CHUNK = 500  # rows that the database takes while the next are made ready

M = TypeVar("M", bound=Model)
Encode = Callable[[Any, Model], Any]


def blank(model: type[M], **values: Any) -> M:
    """A new record with the defaults of its columns and these values, which must be as the columns keep them."""
    plan = _plan(model)
    if plan is None:
        return model(**values)
    record = model.__new__(model)
    state = vars(record)
    state.update(plan.constants)
    state["_await_when_save"] = {}
    for name, make in plan.makers:
        if name not in values:
            state[name] = make()
    state.update(values)
    return record


def assign(record: Model, name: str, value: Any) -> None:
    """Set a column of a record: as an assignment does, but without a look at relations, which columns are not."""
    if record._await_when_save:
        setattr(record, name, value)
    else:
        object.__setattr__(record, name, value)


async def insert(model: type[Model], records: Iterable[Model]) -> None:
    """Write new records of a model with one statement, inside a transaction. Raises IntegrityError when one of them cannot be."""
    records = list(records)
    plan = _plan(model)
    if plan is None:
        await model.bulk_create(records)
        return
    if not records:
        return
    database = get_connection("default")
    executor = database.executor_class(model=model, db=database)
    encoders = [(name, plan.encoders[name]) for name in executor.regular_columns]
    writing: asyncio.Future[None] | None = None
    try:
        for start in range(0, len(records), CHUNK):
            some = records[start : start + CHUNK]
            rows = [[encode(state[name], record) for name, encode in encoders] for record in some if (state := vars(record))]
            if writing:
                await writing
            writing = asyncio.ensure_future(database.execute_many(executor.insert_query, rows))
            await asyncio.sleep(0)  # lets the database begin, while the next rows are made ready
    finally:
        if writing:
            await writing


@dataclass(frozen=True)
class _Plan:
    """The state of a new record: what is always the same, what is made for each; and how its values are written."""

    constants: dict[str, Any]
    makers: list[tuple[str, Callable[[], Any]]]
    encoders: dict[str, Encode]


@lru_cache(maxsize=512)
def _plan(model: type[Model]) -> _Plan | None:
    """The plan of a model; None when it needs the object mapper."""
    columns = {name: model._meta.fields_map[name] for name in model._meta.fields_db_projection}
    if any(one.has_db_default() or asyncio.iscoroutinefunction(one.default) for one in columns.values()):
        return None
    constants: dict[str, Any] = {"_partial": False, "_saved_in_db": False, "_custom_generated_pk": False}
    makers: list[tuple[str, Callable[[], Any]]] = []
    for name, column in columns.items():
        if callable(column.default):
            makers.append((name, column.default))
        elif column.default is None or isinstance(column.default, int | float | str | bytes):
            constants[name] = column.default
        else:
            makers.append((name, lambda column=column: deepcopy(column.default)))
    return _Plan(constants, makers, {name: _encoder(column) for name, column in columns.items()})


def _encoder(column: Field[Any]) -> Encode:
    """A function from the value of a column to what the driver takes; what is not plain goes through the column itself."""
    slow = column.to_db_value
    if isinstance(column, fields.UUIDField):
        return lambda value, record: None if value is None else str(value)
    if isinstance(column, fields.JSONField):
        dumps = column.encoder
        return lambda value, record: dumps(value) if value.__class__ in (dict, list) else slow(value, record)
    if isinstance(column, CharEnumFieldInstance):
        kind = column.enum_type
        return lambda value, record: value.value if value.__class__ is kind else slow(value, record)
    plain = type(column).to_db_value is Field.to_db_value or isinstance(column, fields.DateField)
    if isinstance(column, fields.DatetimeField):
        plain = not (column.auto_now or column.auto_now_add)
    limits = [one.max_length for one in column.validators if isinstance(one, MaxLengthValidator)]
    if not plain or len(limits) != len(column.validators) or not isinstance(column.field_type, type):
        return slow
    return _plain(column.field_type, min(limits) if limits else None, slow)


def _plain(kind: type, limit: int | None, slow: Encode) -> Encode:
    if limit is None:
        return lambda value, record: value if value is None or value.__class__ is kind else slow(value, record)
    return lambda value, record: value if value is None or (value.__class__ is kind and len(value) <= limit) else slow(value, record)
