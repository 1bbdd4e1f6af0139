"""From values as records have them to what a driver takes, a column of many rows at a time.

What most values of a column are needs one look at all of them; only where one is of another kind, each goes through
the column itself.
"""

import datetime
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import uuid_utils
from tortoise import fields
from tortoise.fields.base import Field
from tortoise.fields.data import JSON_DUMPS, CharEnumFieldInstance
from tortoise.validators import MaxLengthValidator

Values = list[Any]
# The second argument: the records of these values, or the one model of them all.
Encode = Callable[[Values, Sequence[Any]], Values]
Slow = Callable[[Any, Any], Any]

_NONE = type(None)


def encoder(column: Field[Any], dialect: str) -> Encode:
    """A function from values of a column, and the records that they are of, to what the driver of that dialect takes."""
    slow: Slow = column.to_db_value
    if isinstance(column, fields.UUIDField):
        return _keys
    if isinstance(column, fields.JSONField):
        return _texts(_dumps(column), (dict, list), slow)
    if isinstance(column, CharEnumFieldInstance):
        return _words(column.enum_type, slow)
    plain = type(column).to_db_value is Field.to_db_value or isinstance(column, fields.DateField)
    if isinstance(column, fields.DatetimeField):
        plain = not (column.auto_now or column.auto_now_add)
        if plain and dialect == "sqlite":
            return _texts(lambda value: value.isoformat(" "), (datetime.datetime,), slow)  # as the driver would, for each
    limits = [one.max_length for one in column.validators if isinstance(one, MaxLengthValidator)]
    if not plain or len(limits) != len(column.validators) or not isinstance(column.field_type, type):
        return lambda values, records: _each(slow, values, records)
    return _Plain(column.field_type, min(limits) if limits else None, slow)


@dataclass(frozen=True)
class One:
    """How a single value of a column is encoded: one of `kind` goes as it is, up to a limit of its length; any other through `other`."""

    kind: type | None
    limit: int | None
    other: Slow
    null: bool = True  # whether None goes as it is, too


def encoder_of_one(column: Field[Any], dialect: str) -> One:
    """As `encoder`, for a row that comes alone: there a look at all values of a column would cost more than it saves."""
    many = encoder(column, dialect)
    other: Slow = lambda value, record: many([value], [record])[0]  # noqa: E731  # named, it would say no more
    if isinstance(column, fields.UUIDField):
        return One(uuid.UUID if dialect == "postgres" else None, None, other)
    if isinstance(column, CharEnumFieldInstance):
        kind, slow = column.enum_type, column.to_db_value
        return One(None, None, lambda value, record: value._value_ if value.__class__ is kind else slow(value, record))
    return One(*many.plain, other) if isinstance(many, _Plain) else One(None, None, other, null=False)


def _keys(values: Values, records: Sequence[Any]) -> Values:
    """Keys as text, which the other library writes in half the time."""
    text = uuid_utils.UUID
    return [str(text(int=value.int)) if isinstance(value, uuid.UUID) else None if value is None else str(value) for value in values]


def _each(slow: Slow, values: Values, records: Sequence[Any]) -> Values:
    return [slow(value, record) for value, record in zip(values, records, strict=True)]


class _Plain:
    """Values that the driver takes as they are."""

    def __init__(self, kind: type, limit: int | None, slow: Slow) -> None:
        self.plain = kind, limit
        self._kinds, self._slow = {kind, _NONE}, slow

    def __call__(self, values: Values, records: Sequence[Any]) -> Values:
        kind, limit = self.plain
        there = set(map(type, values))
        if there <= self._kinds and (limit is None or kind not in there or max(map(len, filter(None, values)), default=0) <= limit):
            return values
        return _each(self._slow, values, records)


def _words(kind: type[Enum], slow: Slow) -> Encode:
    kinds = {kind, _NONE}

    def encode(values: Values, records: Sequence[Any]) -> Values:
        there = set(map(type, values))
        if there == {_NONE}:
            return values
        return [None if value is None else value._value_ for value in values] if there <= kinds else _each(slow, values, records)

    return encode


def _texts(text: Callable[[Any], str], kinds: tuple[type, ...], slow: Slow) -> Encode:
    """Values as text. One that many rows share, such as the time of their making, is written once."""

    def encode(values: Values, records: Sequence[Any]) -> Values:
        texts: dict[int, Any] = {id(None): None}
        for value, record in zip(values, records, strict=True):
            if id(value) not in texts:
                texts[id(value)] = text(value) if value.__class__ in kinds else slow(value, record)
        return [texts[id(value)] for value in values]

    return encode


def _dumps(column: fields.JSONField[Any]) -> Callable[[Any], str]:
    if column.encoder is not JSON_DUMPS or getattr(JSON_DUMPS, "func", None) is not json.dumps:
        return column.encoder
    return json.JSONEncoder(separators=(",", ":")).encode  # the same, made once
