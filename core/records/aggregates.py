"""Counts, sums and the like over groups of records, in one statement."""

import datetime
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from tortoise.connection import get_connection

from core.errors import Invalid
from core.money import Money, exponent
from core.permissions import demand
from core.records.calendars import Calendar, Period
from core.records.filters import Where, condition
from core.records.periods import first_day, local_day, postgres
from core.records.statements import statement
from core.records.visibility import visible
from core.resources import Column, Kind, Resource

if TYPE_CHECKING:
    from core.crm import Call

SUMMED = frozenset({Kind.INT, Kind.BIG_INT, Kind.DECIMAL, Kind.MONEY})
COMPARED = SUMMED | {Kind.DATE, Kind.DATETIME}
GROUPED = frozenset({Kind.ENUM, Kind.BOOLEAN, Kind.STRING, Kind.DATE, Kind.DATETIME, Kind.INT})


@dataclass(frozen=True)
class Grouping:
    """What records are put together by: an attribute, and for dates the period, the time zone of its days, and the calendar.

    Weeks begin on `weekday`, 0 for Monday.
    """

    name: str
    attribute: str
    column: Column | None = None
    period: Period | None = None
    zone: str = "UTC"
    calendar: Calendar = Calendar.GREGORIAN
    weekday: int = 0

    def first_day(self, value: str) -> str:
        """SQL for the first day of the period of `value`, which is SQL for the attribute. There is a period."""
        assert self.period is not None
        dated = self.column is not None and self.column.kind is Kind.DATE
        return first_day(value if dated else local_day(value, self.zone), self.period, self.calendar, self.weekday)


@dataclass
class Group:
    """Records with the same key. `values` holds what was asked for: `("sum", "amount")` -> value.

    Money comes as a list with one amount for each currency. Without a value there is no sum, average or extreme: None.
    """

    key: dict[str, Any]
    count: int = 0
    values: dict[tuple[str, str], Any] = field(default_factory=dict)


async def aggregate(
    call: "Call",
    resource: Resource,
    where: Where | None,
    groupings: Sequence[Grouping],
    wanted: Iterable[tuple[str, str]],
    *,
    deleted: bool = False,
) -> list[Group]:
    """The groups in the order of their keys. `wanted` are pairs of sum, avg, min or max and a column's name.

    Raises Invalid when there are more groups than the limit, for a time zone that is none, and for a key that comes twice.
    """
    if twice := [one.name for one in groupings if sum(other.name == one.name for other in groupings) > 1]:
        raise Invalid(group_by=f"names {twice[0].upper()} twice")
    wanted = sorted(set(wanted))
    demand(call, resource, *(one.name for one in groupings), *(name for _, name in wanted))
    columns = [resource.columns[name] for name in sorted({name for _, name in wanted})]
    currencies = sorted({str(column.currency) for column in columns if column.kind is Kind.MONEY})
    limit = call.crm.settings.limits.groups
    rows = visible(call, resource, deleted=deleted).filter(condition(call, resource, where))
    attributes = {*(one.attribute for one in groupings), *currencies, *(column.name for column in columns)} or {"id"}
    inner, parameters = statement(rows.values(*sorted(attributes)))
    answer = await get_connection("default").execute_query_dict(_sql(inner, groupings, currencies, columns, limit), parameters)
    found = [dict(row) for row in answer]
    if groupings and any(row["place"] > limit for row in found):
        raise Invalid(group_by=f"makes more than {limit} groups; filter more or group by less")
    for index, one in enumerate(groupings):
        if one.name in resource.to_one:
            await _forget_hidden(call, resource, one, f"g{index}", found)
    groups = _fold(found, resource, groupings, currencies, columns, wanted)
    return (
        groups
        if groups or groupings
        else [Group({}, 0, {one: [] if resource.columns[one[1]].kind is Kind.MONEY else None for one in wanted})]
    )


def _sql(inner: str, groupings: Sequence[Grouping], currencies: Sequence[str], columns: Sequence[Column], limit: int) -> str:
    keys = [f"{_key(one)} AS g{index}" for index, one in enumerate(groupings)]
    keys += [f't."{name}" AS c{index}' for index, name in enumerate(currencies)]
    values = [f"{value} AS {name}{index}" for index, column in enumerate(columns) for name, value in _functions(column)]
    selected = ", ".join([*keys, "COUNT(*) AS n", *values])
    ordinals = ", ".join(str(index + 1) for index in range(len(keys)))
    grouped = f"SELECT {selected} FROM ({inner}) AS t" + (f" GROUP BY {ordinals}" if keys else "")
    if not groupings:
        return grouped
    order = ", ".join(f"(g{index} IS NULL), g{index}" for index in range(len(groupings)))
    ranked = f"SELECT grouped.*, DENSE_RANK() OVER (ORDER BY {order}) AS place FROM ({grouped}) AS grouped"
    return f"SELECT * FROM ({ranked}) AS ranked WHERE place <= {limit + 1}"  # all currencies of a group, or none


def _functions(column: Column) -> list[tuple[str, str]]:
    value = f't."{column.name}"'
    functions = [("low", f"MIN({value})"), ("high", f"MAX({value})"), ("m", f"COUNT({value})")]
    if column.kind in SUMMED:
        high, low = (f"SUM({value} >> 32)", f"SUM({value} & 4294967295)") if not postgres() else (f"SUM({value})", "0")
        functions += [("s", high), ("r", low)]  # SQLite stops at sums over 64 bits, so it sums the halves
    return functions


async def _forget_hidden(call: "Call", resource: Resource, one: Grouping, name: str, rows: list[dict[str, Any]]) -> None:
    """Rows whose relation leads to a record that is deleted or hidden are together with those that have none."""
    keys = {uuid.UUID(str(row[name])) for row in rows if row[name] is not None}
    there = visible(call, resource.to_one[one.name].model).filter(id__in=list(keys)).values_list("id", flat=True)
    seen = {str(key) for key in (await there if keys else [])}
    for row in rows:
        if str(row[name]) not in seen:
            row[name] = None


def _key(one: Grouping) -> str:
    if one.period is None:
        return f't."{one.attribute}"'
    return one.first_day(f't."{one.attribute}"')


def _fold(
    rows: list[dict[str, Any]],
    resource: Resource,
    groupings: Sequence[Grouping],
    currencies: Sequence[str],
    columns: Sequence[Column],
    wanted: Sequence[tuple[str, str]],
) -> list[Group]:
    """Put the rows that differ only in a currency together."""
    folded: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        folded.setdefault(tuple(row[f"g{index}"] for index in range(len(groupings))), []).append(row)
    groups = []
    for key, same in sorted(folded.items(), key=lambda item: tuple((part is None, "" if part is None else part) for part in item[0])):
        group = Group(
            {one.name: _python(resource, one, value) for one, value in zip(groupings, key, strict=True)}, sum(row["n"] for row in same)
        )
        for function, name in wanted:
            index = next(place for place, column in enumerate(columns) if column.name == name)
            group.values[function, name] = _value(resource, function, columns[index], index, currencies, same)
        groups.append(group)
    return groups


def _python(resource: Resource, one: Grouping, value: Any) -> Any:
    if value is None:
        return None
    if one.period is not None:
        return value if isinstance(value, datetime.date) else datetime.date.fromisoformat(value)
    return resource.model._meta.fields_map[one.attribute].to_python_value(value)


def _value(resource: Resource, function: str, column: Column, index: int, currencies: Sequence[str], rows: list[dict[str, Any]]) -> Any:
    if column.kind is Kind.MONEY:
        place = f"c{currencies.index(str(column.currency))}"
        by_currency: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            if row[place] is not None and row[f"m{index}"]:
                by_currency.setdefault(row[place], []).append(row)
        return [_money(_number(function, index, same), currency) for currency, same in sorted(by_currency.items())]
    number = _number(function, index, rows)
    if number is None:
        return None
    if column.kind is Kind.DECIMAL:
        return _rounded(Decimal(number).scaleb(-column.scale), column.scale + (2 if function == "avg" else 0))
    if column.kind in SUMMED:
        return float(number) if function == "avg" else int(number)
    return resource.model._meta.fields_map[column.name].to_python_value(number)


def _number(function: str, index: int, rows: list[dict[str, Any]]) -> Any:
    filled = [row for row in rows if row[f"m{index}"]]
    if not filled:
        return None
    if function == "min":
        return min(row[f"low{index}"] for row in filled)
    if function == "max":
        return max(row[f"high{index}"] for row in filled)
    half = 1 if postgres() else 1 << 32
    total = Decimal(sum(int(row[f"s{index}"]) * half + int(row[f"r{index}"]) for row in filled))
    return total if function == "sum" else total / sum(row[f"m{index}"] for row in filled)


def _money(minor: Any, currency: str) -> Money:
    digits = exponent(currency)
    return Money(_rounded(Decimal(minor).scaleb(-digits), digits), currency)


def _rounded(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def grouping(
    call: "Call", resource: Resource, name: str, period: Period | None, zone: str, calendar: Calendar = Calendar.GREGORIAN
) -> Grouping:
    """The grouping of a field by name. Raises Invalid for a date without a period, or a period without a date."""
    if relation := resource.to_one.get(name):
        if period is not None:
            raise Invalid(group_by=f"{name.upper()} is not a date and has no period")
        return Grouping(name, relation.attr)
    column = resource.columns[name]
    dated = column.kind in (Kind.DATE, Kind.DATETIME)
    if dated and period is None:
        raise Invalid(group_by=f"{name.upper()} is a date: name a period")
    if not dated and period is not None:
        raise Invalid(group_by=f"{name.upper()} is not a date and has no period")
    return Grouping(name, column.name, column, period, zone, calendar, call.crm.settings.company.weekday)
