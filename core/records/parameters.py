"""Values as the databases take them: of what type a parameter is, and how SQLite keeps what it has no type for."""

import datetime
import json
import uuid
from enum import Enum
from typing import Any

from core.resources import Column, Kind

KINDS: dict[Kind, str] = {
    Kind.ID: "uuid", Kind.UUID: "uuid", Kind.STRING: "text", Kind.TEXT: "text", Kind.INT: "bigint", Kind.BIG_INT: "bigint",
    Kind.FLOAT: "float8", Kind.BOOLEAN: "boolean", Kind.DATETIME: "timestamptz", Kind.DATE: "date", Kind.DECIMAL: "bigint",
    Kind.MONEY: "bigint",
}  # fmt: skip


def kind_of(column: Column) -> str:
    """The kind of the parameters that a column is compared with."""
    if column.enum:
        return "bigint" if issubclass(column.enum, int) else "text"
    return KINDS[column.kind]


def kept(value: Any) -> Any:
    """A value as the tables of SQLite hold it; of several, the JSON of a list of them."""
    if type(value) is str:
        return value
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, list):
        return json.dumps([kept(one) for one in value], ensure_ascii=False)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).isoformat(" ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return int(value) if isinstance(value, bool) else value
