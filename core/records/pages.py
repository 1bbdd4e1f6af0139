"""Pages of a list: windows between cursors."""

import base64
import datetime
import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from tortoise.exceptions import BaseORMException
from tortoise.models import Model
from tortoise.queryset import QuerySet

from core.errors import Invalid
from core.records.orders import Key, Order, beyond, keyset, sort
from core.records.values import EARLIEST, LATEST
from core.resources import Resource
from core.text import rfc3339, storable

if TYPE_CHECKING:
    from core.crm import Call

SEAL = 9  # bytes of a cursor's check sum


@dataclass(frozen=True)
class Window:
    """Which part of a list: `size` rows after or before a cursor."""

    size: int
    after: str | None = None
    before: str | None = None
    backwards: bool = False

    @classmethod
    def of(cls, call: "Call", first: int | None, after: str | None, last: int | None, before: str | None) -> "Window":
        """The window of Relay's arguments. Raises Invalid for sizes beyond the limits."""
        limits = call.crm.settings.limits
        if first is not None and last is not None:
            raise Invalid(first="give first or last, not both")
        name, size = ("last", last) if last is not None else ("first", limits.default_page if first is None else first)
        if not 0 <= size <= limits.page:
            raise Invalid({name: f"must be between 0 and {limits.page}, not {size}"})
        return cls(size, after, before, last is not None)


@dataclass(frozen=True)
class Page:
    """The rows of one page, and whether there are more on either side."""

    rows: list[Any]
    has_next: bool
    has_previous: bool


async def page(queryset: QuerySet[Any], resource: Resource, orders: Sequence[Order], window: "Window") -> Page:
    """The rows of a window of the list."""
    keys = keyset(resource, orders, backwards=window.backwards)
    rows = list(await sort(windowed(queryset, resource, orders, window), keys).limit(window.size + 1))
    more = len(rows) > window.size
    return arranged(rows[: window.size], more, window)


def windowed(queryset: QuerySet[Any], resource: Resource, orders: Sequence[Order], window: "Window") -> QuerySet[Any]:
    """The rows between the cursors of a window."""
    for text, path, backwards in ((window.after, "after", False), (window.before, "before", True)):
        if text is not None:
            values = position(resource, orders, text, path)
            queryset = queryset.filter(beyond(keyset(resource, orders, backwards=backwards), values))
    return queryset


def arranged(rows: list[Any], more: bool, window: "Window") -> Page:
    """The page of rows that came in the direction of the window."""
    if window.backwards:
        return Page(rows[::-1], window.before is not None, more)
    return Page(rows, more, window.after is not None)


def cursor(resource: Resource, orders: Sequence[Order], row: Model) -> str:
    """The place of a row in a list of this order, as an opaque word."""
    return sealed(purpose(resource, orders), *(_wire(key.value(row)) for key in keyset(resource, orders)))


def sealed(purpose: str, *values: Any) -> str:
    """The cursor of these values, as base64 of a check sum and of JSON. PostgreSQL makes the same one in SQL."""
    body = json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(_seal(purpose, body) + body).decode().rstrip("=")


def purpose(resource: Resource, orders: Sequence[Order]) -> str:
    """What list a cursor is for, and in which order."""
    terms = ",".join(f"{order.column.name}{'-' if order.descending else '+'}" for order in orders)
    return f"{resource.key}|{terms}|"


def position(resource: Resource, orders: Sequence[Order], text: str, path: str) -> list[Any]:
    """The values in a cursor. Raises Invalid for one that was edited, or made for another list or order."""
    wrong = Invalid({path: "is not a cursor of this list in this order"})
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        seal, body = raw[:SEAL], raw[SEAL:]
        if seal != _seal(purpose(resource, orders), body) or base64.urlsafe_b64encode(raw).decode().rstrip("=") != text:
            raise wrong
        values = json.loads(body)
        return [_unwire(resource, key, value) for key, value in zip(keyset(resource, orders), values, strict=True)]
    except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError, BaseORMException, Invalid):
        raise wrong from None  # whatever the libraries say to a cursor that somebody made by hand


def _seal(purpose: str, body: bytes) -> bytes:
    """A check sum that PostgreSQL knows too; it reveals and protects nothing but mistakes."""
    return hashlib.md5(purpose.encode() + body, usedforsecurity=False).digest()[:SEAL]


def _wire(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime.datetime):
        return rfc3339(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    return int(value) if isinstance(value, bool) else str(value) if isinstance(value, uuid.UUID) else value


def _unwire(resource: Resource, key: Key, value: Any) -> Any:
    """The value of the row that a cursor stands for. Raises one of many errors for what no row can have."""
    if value is None and (key.null or key.of):
        return None
    found = (key.worked.field if key.worked else resource.model._meta.fields_map[key.attribute]).to_python_value(value)
    moment = isinstance(found, datetime.date) and not EARLIEST.year < found.year < LATEST.year + 1
    if value is None or _wire(found) != value or moment or (isinstance(found, int) and abs(found) >= 2**63):
        raise ValueError(value)
    return storable(found, key.attribute) if isinstance(found, str) and not isinstance(found, Enum) else found
