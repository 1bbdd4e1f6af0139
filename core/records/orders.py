"""In which order rows come, on both databases alike, and which of them come after a given one."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tortoise.expressions import Q, RawSQL
from tortoise.queryset import QuerySet

from core.records.logic import ALWAYS, every, some, tests
from core.records.worked import Holds, Missing, Worked
from core.resources import Column, Kind, Resource

MOST_KEYS = 10  # of an order


@dataclass(frozen=True)
class Order:
    """One key of an order. Rows without a value come last when ascending, first when descending.

    `by` is how the value is worked out of a row when it is no column: for the object mapper, or as SQL.
    """

    column: Column
    descending: bool = False
    by: Worked | str | None = field(default=None, compare=False)

    @property
    def keys(self) -> tuple["Key", ...]:
        """What is compared: of money first whether there is any, then its currency."""
        null, descending = self.column.null, self.descending
        if self.column.kind is Kind.MONEY:
            name, currency = self.column.name, str(self.column.currency)
            if not null:
                return (Key(currency, False, descending), Key(name, False, descending))
            return (Key(name, True, descending, flag=True), Key(currency, False, descending, of=name), Key(name, True, descending))
        return (Key(self.column.compared, null, descending, by=self.by, worked=self.column if self.by else None),)


@dataclass(frozen=True)
class Key:
    """One attribute of a keyset; with `flag` only whether it has a value, with `of` only where that other attribute has one.

    Of what is worked out `worked` is the column that it would be, and the attribute is among the rows when they are `sort`ed.
    """

    attribute: str
    null: bool
    descending: bool
    flag: bool = False
    of: str | None = None
    by: Worked | str | None = field(default=None, compare=False)
    worked: Column | None = None

    def value(self, row: Any) -> Any:
        """What a row has here."""
        value = None if self.of and getattr(row, self.of) is None else getattr(row, self.attribute)
        return self.worked.field.to_python_value(value) if self.worked else value

    def sql(self, table: str) -> str:
        """SQL of the attribute of a row."""
        return self.by if isinstance(self.by, str) else f'"{table}"."{self.attribute}"'

    def terms(self, table: str) -> list[str]:
        """SQL of what is compared, nulls as the largest."""
        column = self.sql(table)
        if self.of:
            return [f'CASE WHEN "{table}"."{self.of}" IS NOT NULL THEN {column} END']
        return [*([f"({column} IS NULL)"] if self.null else []), *([] if self.flag else [column])]


def keyset(resource: Resource, orders: Sequence[Order], *, backwards: bool = False) -> list[Key]:
    """The attributes that put the rows of a list in one certain order; the id breaks ties."""
    keys = [replace(key, descending=key.descending != backwards) for order in orders for key in order.keys]
    last = orders[-1].descending if orders else False
    return [*keys, Key("id", False, last != backwards)]


def column_of(resource: Resource, key: Key) -> Column | None:
    """The column that is compared; None for a folded form and for a currency."""
    return key.worked or resource.columns.get(key.attribute)


def with_worked(queryset: QuerySet[Any], keys: Sequence[Key]) -> QuerySet[Any]:
    """The queryset with the values of the keys that are worked out of its rows, as further attributes."""
    for key in keys:
        if isinstance(key.by, Worked):
            queryset = queryset.annotate(**{key.attribute: key.by})
    return queryset


def sort(queryset: QuerySet[Any], keys: Sequence[Key]) -> QuerySet[Any]:
    """The queryset in the order of the keys, nulls as the largest, on both databases alike."""
    table = queryset.model._meta.db_table
    queryset = with_worked(queryset, keys)
    names: list[str] = []
    for place, key in enumerate(keys):
        if isinstance(key.by, Worked):
            queryset = queryset.annotate(**{f"_order_{place}": Missing(key.by)})
            names += [f"{'-' if key.descending else ''}{name}" for name in (f"_order_{place}", key.attribute)]
            continue
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
        return _is(key, "is_null", value is None)
    return _is(key, "eq", value)


def _is(key: Key, operator: str, value: Any) -> Q:
    return Holds(key.by, operator, value) if isinstance(key.by, Worked) else tests({f"{key.attribute}{_LOOKUPS[operator]}": value})


_LOOKUPS = {"eq": "", "is_null": "__isnull", "lt": "__lt", "gt": "__gt"}


def _after(key: Key, value: Any) -> Q | None:
    if key.of and value is None:
        return None
    if value is None:
        return _is(key, "is_null", False) if key.descending else None
    if key.flag:
        return None if key.descending else _is(key, "is_null", True)
    if key.descending:
        return _is(key, "lt", value)
    larger = _is(key, "gt", value)
    return larger | _is(key, "is_null", True) if key.null else larger
