"""Values as the tables keep them: every value that is written passes here, by the kind of its column."""

import datetime
import uuid
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Any

from core.errors import Invalid
from core.money import LARGEST, Money, units
from core.resources import Column, Kind
from core.text import storable

TEXT_LIMIT = 100_000  # characters of a text without a limit of its own
EARLIEST, LATEST = datetime.date(1800, 1, 1), datetime.date(2199, 12, 31)
JSON_DEPTH = 20


def clean(column: Column, value: Any, path: str) -> Any:
    """The value as the column keeps it (money apart: see core.records.store). Raises Invalid under `path`."""
    if value is None:
        if not column.null:
            raise Invalid({path: "must not be null"})
        return None
    return _CLEAN[column.kind](column, value, path)


def cleaner(column: Column) -> Callable[[Any], Any]:
    """`clean` for many values of one column, under its name."""
    name = column.name
    if column.kind not in (Kind.STRING, Kind.TEXT):
        return lambda value: clean(column, value, name)
    limit = column.max_length or TEXT_LIMIT

    def text(value: Any) -> Any:
        if value.__class__ is str:
            plain = (value if value.isascii() and "\x00" not in value else storable(value, name)).strip()
            if plain and len(plain) <= limit:
                return plain
        return clean(column, value, name)

    return text


def _text(column: Column, value: Any, path: str) -> str | None:
    if not isinstance(value, str):
        raise Invalid({path: "must be text"})
    text = storable(value, path).strip()
    limit = column.max_length or TEXT_LIMIT
    if len(text) > limit:
        raise Invalid({path: f"has {len(text)} characters (code points), at most {limit} fit"})
    if not text:
        if column.required:
            raise Invalid({path: "must not be empty"})
        return None if column.null else ""
    return text


def _integer(low: int, high: int) -> Callable[[Column, Any, str], int]:
    def check(column: Column, value: Any, path: str) -> int:
        if type(value) is not int:
            raise Invalid({path: "must be a whole number"})
        if not low <= value <= high:
            raise Invalid({path: f"must be between {low} and {high}"})
        return value

    return check


def _decimal(column: Column, value: Any, path: str) -> int:
    if not isinstance(value, Decimal):
        raise Invalid({path: "must be a decimal number"})
    return units(value, column.scale, path, f"has at most {column.scale} digits after the point")


def _boolean(column: Column, value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise Invalid({path: "must be true or false"})
    return value


def _float(column: Column, value: Any, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or value in (float("inf"), float("-inf")):
        raise Invalid({path: "must be a finite number"})
    return float(value)


def _datetime(column: Column, value: Any, path: str) -> datetime.datetime:
    if not isinstance(value, datetime.datetime) or value.tzinfo is None:
        raise Invalid({path: "must be a time with an offset"})
    if not EARLIEST < value.date() < LATEST:
        raise Invalid({path: f"must lie between {EARLIEST} and {LATEST}"})
    return value.astimezone(datetime.UTC)


def _date(column: Column, value: Any, path: str) -> datetime.date:
    if isinstance(value, datetime.datetime) or not isinstance(value, datetime.date):
        raise Invalid({path: "must be a date"})
    if not EARLIEST <= value <= LATEST:
        raise Invalid({path: f"must lie between {EARLIEST} and {LATEST}"})
    return value


def _enum(column: Column, value: Any, path: str) -> Enum:
    assert column.enum is not None
    try:
        return column.enum(value)
    except ValueError:
        raise Invalid({path: f"must be one of {', '.join(str(one.value) for one in column.enum)}"}) from None


def _json(column: Column, value: Any, path: str) -> Any:
    def walk(one: Any, depth: int) -> None:
        if depth > JSON_DEPTH:
            raise Invalid({path: f"is nested deeper than {JSON_DEPTH} levels"})
        if isinstance(one, str):
            storable(one, path)
        elif isinstance(one, float) and (one != one or one in (float("inf"), float("-inf"))):
            raise Invalid({path: "holds a number that is not finite"})
        elif isinstance(one, dict):
            for name, inner in one.items():
                walk(name, depth + 1)
                walk(inner, depth + 1)
        elif isinstance(one, list):
            for inner in one:
                walk(inner, depth + 1)

    walk(value, 0)
    return value


def _money(column: Column, value: Any, path: str) -> Money:
    if not isinstance(value, Money):
        raise Invalid({path: "must be money"})
    return value


def _uuid(column: Column, value: Any, path: str) -> uuid.UUID:
    try:
        return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))
    except ValueError:
        raise Invalid({path: "must be a UUID"}) from None


_CLEAN: dict[Kind, Callable[[Column, Any, str], Any]] = {
    Kind.ID: _uuid,
    Kind.UUID: _uuid,
    Kind.STRING: _text,
    Kind.TEXT: _text,
    Kind.INT: _integer(-(2**31), 2**31 - 1),
    Kind.BIG_INT: _integer(-LARGEST, LARGEST),
    Kind.FLOAT: _float,
    Kind.BOOLEAN: _boolean,
    Kind.DATETIME: _datetime,
    Kind.DATE: _date,
    Kind.DECIMAL: _decimal,
    Kind.MONEY: _money,
    Kind.ENUM: _enum,
    Kind.JSON: _json,
}
