"""In which order rows come, on both databases alike, and which of them come after a given one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tortoise.expressions import Q, RawSQL
from tortoise.queryset import QuerySet

from core.records.logic import ALWAYS, every, some, tests
from core.resources import Column, Kind, Resource

MOST_KEYS = 10  # of an order


@dataclass(frozen=True)
class Order:
    """One key of an order. Rows without a value come last when ascending, first when descending."""

    column: Column
    descending: bool = False

    @property
    def keys(self) -> tuple["Key", ...]:
        """What is compared: of money first whether there is any, then its currency."""
        null, descending = self.column.null, self.descending
        if self.column.kind is Kind.MONEY:
            name, currency = self.column.name, str(self.column.currency)
            if not null:
                return (Key(currency, False, descending), Key(name, False, descending))
            return (Key(name, True, descending, flag=True), Key(currency, False, descending, of=name), Key(name, True, descending))
        return (Key(self.column.compared, null, descending),)


@dataclass(frozen=True)
class Key:
    """One attribute of a keyset; with `flag` only whether it has a value, with `of` only where that other attribute has one."""

    attribute: str
    null: bool
    descending: bool
    flag: bool = False
    of: str | None = None

    def value(self, row: Any) -> Any:
        """What a row has here."""
        return None if self.of and getattr(row, self.of) is None else getattr(row, self.attribute)

    def terms(self, table: str) -> list[str]:
        """SQL of what is compared, nulls as the largest."""
        column = f'"{table}"."{self.attribute}"'
        if self.of:
            return [f'CASE WHEN "{table}"."{self.of}" IS NOT NULL THEN {column} END']
        return [*([f"({column} IS NULL)"] if self.null else []), *([] if self.flag else [column])]


def keyset(resource: Resource, orders: Sequence[Order], *, backwards: bool = False) -> list[Key]:
    """The attributes that put the rows of a list in one certain order; the id breaks ties."""
    keys = [replace(key, descending=key.descending != backwards) for order in orders for key in order.keys]
    last = orders[-1].descending if orders else False
    return [*keys, Key("id", False, last != backwards)]


def sort(queryset: QuerySet[Any], keys: Sequence[Key]) -> QuerySet[Any]:
    """The queryset in the order of the keys, nulls as the largest, on both databases alike."""
    table = queryset.model._meta.db_table
    names: list[str] = []
    for place, key in enumerate(keys):
        for term in key.terms(table):
            name = key.attribute
            if term != f'"{table}"."{name}"':
                name = f"_order_{place}"
                queryset = queryset.annotate(**{name: RawSQL(f"({term})")})
            names.append(f"-{name}" if key.descending else name)
    return queryset.order_by(*names)


def beyond(keys: Sequence[Key], values: Sequence[Any]) -> Q:
    """The rows that come after the one with these values."""
    alternatives = []
    for index, key in enumerate(keys):
        same = [_same(one, value) for one, value in zip(keys[:index], values, strict=False)]
        after = _after(key, values[index])
        if after is not None:
            alternatives.append(every([*same, after]))
    return some(alternatives)


def _same(key: Key, value: Any) -> Q:
    if key.of and value is None:
        return ALWAYS
    if value is None or key.flag:
        return tests({f"{key.attribute}__isnull": value is None})
    return tests({key.attribute: value})


def _after(key: Key, value: Any) -> Q | None:
    name = key.attribute
    if key.of and value is None:
        return None
    if value is None:
        return tests({f"{name}__isnull": False}) if key.descending else None
    if key.flag:
        return None if key.descending else tests({f"{name}__isnull": True})
    if key.descending:
        return tests({f"{name}__lt": value})
    larger = tests({f"{name}__gt": value})
    return larger | tests({f"{name}__isnull": True}) if key.null else larger
