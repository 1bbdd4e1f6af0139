"""Counts, sums and the like over groups of records, in one statement."""

import datetime
import zoneinfo
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

from tortoise.connection import get_connection

from core.errors import Invalid
from core.money import Money, exponent
from core.query import Where, condition, statement
from core.resources import Column, Kind, Resource
from core.visibility import visible

if TYPE_CHECKING:
    from core.crm import Call

SUMMED = frozenset({Kind.INT, Kind.BIG_INT, Kind.DECIMAL, Kind.MONEY})
COMPARED = SUMMED | {Kind.DATE, Kind.DATETIME}
GROUPED = frozenset({Kind.ENUM, Kind.BOOLEAN, Kind.STRING, Kind.DATE, Kind.DATETIME, Kind.INT})


class Period(StrEnum):
    """A stretch of the Gregorian calendar; a group is named by its first day.

    DAY: from midnight to midnight.
    WEEK: from Monday to Sunday (ISO 8601).
    MONTH: a calendar month.
    QUARTER: three months, from January, April, July or October.
    YEAR: a calendar year.
    """

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"


@dataclass(frozen=True)
class Grouping:
    """What records are put together by: an attribute, and for dates the period and the time zone of its days."""

    name: str
    attribute: str
    column: Column | None = None
    period: Period | None = None
    zone: str = "UTC"


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

    Raises Invalid when there are more groups than the limit, or for a time zone that is none.
    """
    wanted = sorted(set(wanted))
    columns = [resource.columns[name] for name in sorted({name for _, name in wanted})]
    currencies = sorted({str(column.currency) for column in columns if column.kind is Kind.MONEY})
    limit = call.crm.settings.limits.groups
    rows = visible(call, resource, deleted=deleted).filter(condition(call, resource, where))
    attributes = {*(one.attribute for one in groupings), *currencies, *(column.name for column in columns)} or {"id"}
    inner, parameters = statement(rows.values(*sorted(attributes)))
    found = await get_connection("default").execute_query_dict(_sql(inner, groupings, currencies, columns, limit), parameters)
    groups = _fold([dict(row) for row in found], resource, groupings, currencies, columns, wanted)
    if len(groups) > limit:
        raise Invalid(group_by=f"makes more than {limit} groups; filter more or group by less")
    return (
        groups
        if groups or groupings
        else [Group({}, 0, {one: [] if resource.columns[one[1]].kind is Kind.MONEY else None for one in wanted})]
    )


def local_day(attribute: str, zone: str) -> str:
    """SQL for the day of a time in a zone, on the database at hand. Raises Invalid for an unknown zone."""
    return _day(f't."{attribute}"', zone)


def _sql(inner: str, groupings: Sequence[Grouping], currencies: Sequence[str], columns: Sequence[Column], limit: int) -> str:
    keys = [f"{_key(one)} AS g{index}" for index, one in enumerate(groupings)]
    keys += [f't."{name}" AS c{index}' for index, name in enumerate(currencies)]
    values = [
        f'{function}(t."{column.name}") AS {name}{index}' for index, column in enumerate(columns) for function, name in _functions(column)
    ]
    selected = ", ".join([*keys, "COUNT(*) AS n", *values])
    ordinals = ", ".join(str(index + 1) for index in range(len(keys)))
    tail = f" GROUP BY {ordinals} ORDER BY {ordinals} LIMIT {(limit + 1) * (1 + 10 * len(currencies))}" if keys else ""
    return f"SELECT {selected} FROM ({inner}) AS t{tail}"


def _functions(column: Column) -> list[tuple[str, str]]:
    both = [("MIN", "low"), ("MAX", "high"), ("COUNT", "m")]
    return [*both, ("SUM", "s")] if column.kind in SUMMED else both


def _key(one: Grouping) -> str:
    if one.period is None:
        return f't."{one.attribute}"'
    dated = one.column is not None and one.column.kind is Kind.DATE
    day = f't."{one.attribute}"' if dated else _day(f't."{one.attribute}"', one.zone)
    return _POSTGRES[one.period].format(day) if _postgres() else _SQLITE[one.period].format(day)


_POSTGRES = {period: f"CAST(date_trunc('{period.value.lower()}', CAST({{0}} AS timestamp)) AS date)" for period in Period}
_SQLITE = {
    Period.DAY: "date({0})",
    Period.WEEK: "date({0}, '-6 days', 'weekday 1')",
    Period.MONTH: "date({0}, 'start of month')",
    Period.QUARTER: "date({0}, 'start of month', '-' || ((CAST(strftime('%m', {0}) AS INTEGER) - 1) % 3) || ' months')",
    Period.YEAR: "date({0}, 'start of year')",
}


def _postgres() -> bool:
    return get_connection("default").capabilities.dialect == "postgres"


def _day(value: str, zone: str) -> str:
    steps = offsets(zone)
    if _postgres():
        return f"CAST({value} AT TIME ZONE '{zone}' AS date)"
    if len(steps) == 1:
        return f"date({value}, '{steps[0][1]} seconds')"
    cases = " ".join(f"WHEN {value} >= '{start}' THEN '{seconds} seconds'" for start, seconds in reversed(steps[1:]))
    return f"date({value}, CASE {cases} ELSE '{steps[0][1]} seconds' END)"


@cache
def offsets(zone: str) -> tuple[tuple[str, int], ...]:
    """From when (UTC, as SQLite keeps times) a zone has been so many seconds ahead of UTC, between 1970 and 2100.

    SQLite knows no zones. Raises Invalid for a zone that is not in the IANA database.
    """
    try:
        rules = zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(time_zone=f"'{zone[:40]}' is not a time zone of the IANA database") from None

    def ahead(minute: int) -> int:
        offset = datetime.datetime.fromtimestamp(minute * 60, rules).utcoffset()
        return int(offset.total_seconds()) if offset else 0

    week, end = 7 * 24 * 60, 130 * 366 * 24 * 60
    steps = [("1970-01-01 00:00:00", ahead(0))]
    for start in range(0, end, week):
        before, after = ahead(start), ahead(start + week)
        if before != after:
            minute = start + bisect_left(range(week), True, key=lambda step, start=start, after=after: ahead(start + step) == after)
            steps.append((datetime.datetime.fromtimestamp(minute * 60, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S"), after))
    return tuple(steps)


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
    for key, same in folded.items():
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
    total = Decimal(sum(int(row[f"s{index}"]) for row in filled))
    return total if function == "sum" else total / sum(row[f"m{index}"] for row in filled)


def _money(minor: Any, currency: str) -> Money:
    digits = exponent(currency)
    return Money(_rounded(Decimal(minor).scaleb(-digits), digits), currency)


def _rounded(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits))


def grouping(resource: Resource, name: str, period: Period | None, zone: str) -> Grouping:
    """The grouping of a field by name. Raises Invalid for a date without a period, or a period without a date."""
    if relation := resource.to_one.get(name):
        if period is not None:
            raise Invalid(group_by=f"{name} is not a date and has no period")
        return Grouping(name, relation.attr)
    column = resource.columns[name]
    dated = column.kind in (Kind.DATE, Kind.DATETIME)
    if dated and period is None:
        raise Invalid(group_by=f"{name} is a date: name a period")
    if not dated and period is not None:
        raise Invalid(group_by=f"{name} is not a date and has no period")
    return Grouping(name, column.name, column, period, zone)
