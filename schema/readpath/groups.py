"""Aggregates: rows put together by their keys, with counts, sums and extremes, as `core.records.aggregates` does it in Python.

Rows are counted by raw keys and currencies first; what follows works on few rows. A relation whose record is hidden is
then taken for none, and amounts of several currencies become a list.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from graphql import FieldNode, GraphQLField, GraphQLObjectType, get_named_type

from core.permissions import demand
from core.records.aggregates import SUMMED, Grouping, grouping
from core.records.calendars import Calendar
from core.resources import Column, Kind, Resource
from schema.aggregates import FUNCTIONS
from schema.readpath.arguments import Given, arguments
from schema.readpath.conditions import filtered, where_of
from schema.readpath.rules import table, visible
from schema.readpath.scopes import Plans, Scope
from schema.readpath.variables import Unfit


def grouped(plans: Plans, resource: Resource, found: GraphQLField, nodes: Sequence[FieldNode]) -> str:
    """The JSON of an aggregate; NULL when it has more groups than the limit."""
    plans.made.brief = False
    given = arguments(found, nodes[0], plans.made.variables)
    deleted = "includeDeleted" in given and bool(given["includeDeleted"].value)
    there = plans.made.alias()
    tests = visible(plans.made, resource, there, deleted=deleted)
    tests += filtered(plans.made, resource, there, given.get("where"))
    groups = _Groups(plans, resource, there, tests, _groupings(plans, resource, given.get("groupBy")))
    return groups.json(get_named_type(found.type), nodes)


def _groupings(plans: Plans, resource: Resource, given: Given | None) -> list[Grouping]:
    found = [_grouping(plans, resource, one) for one in given] if given else []
    if len({one.name for one in found}) < len(found):
        raise Unfit("a key that comes twice")
    return found


def _grouping(plans: Plans, resource: Resource, one: Given) -> Grouping:
    zone = one.get("time_zone")
    name = plans.made.ask(lambda _, variables: zone.at(variables)) if zone else "UTC"
    demand(plans.made.call, resource, one["field"].value.value)
    period, calendar = (given.value if (given := one.get(key)) else None for key in ("period", "calendar"))
    return grouping(plans.made.call, resource, one["field"].value.value, period, name, calendar or Calendar.GREGORIAN)


@dataclass
class _Groups:
    """One aggregate while it is planned. `_wanted` are the columns that something is made of."""

    plans: Plans
    resource: Resource
    alias: str
    tests: list[str]
    groupings: list[Grouping]
    _wanted: list[Column] = field(default_factory=list)
    _lists: list[str] = field(default_factory=list)

    def json(self, kind: Any, nodes: Sequence[FieldNode]) -> str:
        """The JSON of the groups, in the order of their keys."""
        dialect, limit = self.plans.made.dialect, self.plans.crm.settings.limits.groups
        pairs = []
        for key, same in self.plans.selections.below(kind, nodes).items():
            name = same[0].name.value
            if name == "__typename":
                pairs.append((key, dialect.string(kind.name)))
            elif name == "count":
                pairs.append((key, dialect.number("coalesce(g.n, 0)")))
            elif name == "key":
                pairs.append((key, self._key(get_named_type(kind.fields[name].type), same)))
            elif name in FUNCTIONS:
                pairs.append((key, self._values(name, get_named_type(kind.fields[name].type), same)))
            else:
                raise Unfit("a field that a plugin adds")
        rows = dialect.array(dialect.object(pairs))
        if not self.groupings:
            return f"(SELECT {rows} FROM {self._source()} g)"
        source = f"(SELECT g.* FROM {self._source()} g ORDER BY {self._order()} LIMIT {limit + 1}) g"
        # Counted as they are before hidden records are taken for none, so that what is hidden does not show in what is refused.
        return f"(SELECT CASE WHEN coalesce(max(g.d), 0) <= {limit} THEN {rows} END FROM {source})"

    def _order(self) -> str:
        dialect, terms = self.plans.made.dialect, []
        for index, one in enumerate(self.groupings):
            text = one.column is not None and one.period is None and one.column.kind in (Kind.STRING, Kind.TEXT, Kind.ENUM)
            number = one.column is not None and one.column.enum is not None and issubclass(one.column.enum, int)
            value = f"g.g{index}"
            terms.append(f"({value} IS NULL), {dialect.exactly(value) if text and not number else value}")
        return ", ".join(terms)

    # What a group shows

    def _key(self, kind: Any, nodes: Sequence[FieldNode]) -> str:
        dialect, pairs = self.plans.made.dialect, []
        for key, same in self.plans.selections.below(kind, nodes).items():
            name = same[0].name.value
            if name == "__typename":
                pairs.append((key, dialect.string(kind.name)))
                continue
            plain = kind.fields[name].extensions["strawberry-definition"].python_name
            index = next((place for place, one in enumerate(self.groupings) if one.name == plain), None)
            pairs.append((key, dialect.null if index is None else self._part(index, kind.fields[name], same)))
        return dialect.object(pairs)

    def _part(self, index: int, found: GraphQLField, nodes: Sequence[FieldNode]) -> str:
        one, dialect, value = self.groupings[index], self.plans.made.dialect, f"g.g{index}"
        if one.column is None:
            target, there = self.plans.crm.resource(self.resource.to_one[one.name].model), self.plans.made.alias()
            record = self.plans.object(cast(GraphQLObjectType, get_named_type(found.type)), nodes, Scope(target, there), ())
            if self.plans.holes:
                raise Unfit("a field that Python fills in, behind the key of a group")
            return dialect.select(record, f'"{table(target)}" {there} WHERE {there}."id" = {value}')
        return dialect.day(value) if one.period else dialect.column(self.resource, one.column, value, null=True)

    def _values(self, function: str, kind: Any, nodes: Sequence[FieldNode]) -> str:
        dialect, pairs = self.plans.made.dialect, []
        for key, same in self.plans.selections.below(kind, nodes).items():
            name = same[0].name.value
            if name == "__typename":
                pairs.append((key, dialect.string(kind.name)))
                continue
            found = kind.fields[name]
            column = self.resource.columns[found.extensions["strawberry-definition"].python_name]
            demand(self.plans.made.call, self.resource, column.name)
            if column not in self._wanted:
                self._wanted.append(column)
            place = self._wanted.index(column)
            money = column.kind is Kind.MONEY
            pairs.append((key, self._amounts(function, place, found, same) if money else self._value(function, place, column)))
        return dialect.object(pairs)

    def _value(self, function: str, place: int, column: Column) -> str:
        dialect, (total, filled, low, high) = self.plans.made.dialect, (f"g.{name}{place}" for name in ("s", "m", "lo", "hi"))
        if function in ("min", "max"):
            return dialect.column(self.resource, column, low if function == "min" else high, null=True)
        if function == "sum":
            return dialect.decimal(total, column.scale) if column.kind is Kind.DECIMAL else dialect.integer(total)
        if column.kind is Kind.DECIMAL:
            return dialect.decimal(dialect.rounded(f"{total} * 100", filled), column.scale + 2)
        return dialect.mean(total, filled)

    def _amounts(self, function: str, place: int, found: GraphQLField, nodes: Sequence[FieldNode]) -> str:
        """The amounts of each currency, which are made one list where the groups are made."""
        dialect = self.plans.made.dialect
        total, filled, low, high = (f"f.{name}{place}" for name in ("s", "m", "lo", "hi"))
        minor = {"sum": total, "avg": dialect.rounded(total, filled), "min": low, "max": high}[function]
        amount = self.plans.money(get_named_type(found.type), nodes, dialect.text(dialect.amount(minor, "f.c")), dialect.text("f.c"))
        name = f"l{len(self._lists)}"
        self._lists.append(f"{dialect.sorted_array(amount, 'f.c', f'f.c IS NOT NULL AND f.m{place} > 0')} AS {name}")
        return f"g.{name}"

    # Where it comes from

    def _source(self) -> str:
        """A select with the columns g0, g1, ... of the key, n, s, m, lo, hi of each wanted column, and the lists of amounts."""
        currencies = {str(column.currency) for column in self._wanted if column.kind is Kind.MONEY}
        if len(currencies) > 1:
            raise Unfit("money in several columns of currencies")
        currency = next(iter(currencies), None)
        relations = [index for index, one in enumerate(self.groupings) if one.column is None]
        source = self._counted(currency)
        if relations:
            source = self._again(self._seen(source, relations), currency is not None, [])
        if currency is not None:
            source = self._again(source, False, self._lists)
        return source

    def _counted(self, currency: str | None) -> str:
        keys = [f"{self._raw(one)} AS g{index}" for index, one in enumerate(self.groupings)]
        keys += [f'{self.alias}."{currency}" AS c'] if currency else []
        values = [
            f"{expression} AS {name}{place}"
            for place, column in enumerate(self._wanted)
            for name, expression in self._functions(column, f'{self.alias}."{column.name}"')
        ]
        if self.groupings:
            raw = ", ".join(self._raw(one) for one in self.groupings)
            values.append(f"dense_rank() OVER (ORDER BY {raw}) AS d")
        rows = f'"{table(self.resource)}" {self.alias}{where_of(self.tests)}'
        return f"(SELECT {', '.join([*keys, 'count(*) AS n', *values])} FROM {rows}{_by(len(keys))})"

    def _raw(self, one: Grouping) -> str:
        value = f'{self.alias}."{one.attribute}"'
        return one.first_day(value) if one.period else value

    def _functions(self, column: Column, value: str) -> list[tuple[str, str]]:
        extremes = [("lo", f"min({value})"), ("hi", f"max({value})")]
        return [("s", f"sum({value})"), ("m", f"count({value})"), *extremes] if column.kind in SUMMED else extremes

    def _seen(self, source: str, relations: Sequence[int]) -> str:
        """The rows of a source, whose relations are null where the actor does not see the record."""
        names = [f"g{index}" for index in range(len(self.groupings)) if index not in relations]
        keys, joins = [f"f.{name}" for name in names], []
        for index in relations:
            target, there = self.plans.crm.resource(self.resource.to_one[self.groupings[index].name].model), self.plans.made.alias()
            tests = visible(self.plans.made, target, there)
            joins.append(f' LEFT JOIN "{table(target)}" {there} ON {" AND ".join([f"{there}.id = f.g{index}", *tests])}')
            keys.append(f'{there}."id" AS g{index}')
        others = [name for name in self._names() if name not in names and not name.startswith("g")]
        return f"(SELECT {', '.join([*keys, *(f'f.{name}' for name in others)])} FROM {source} f{''.join(joins)})"

    def _names(self) -> list[str]:
        money = any(column.kind is Kind.MONEY for column in self._wanted)
        names = [f"{name}{place}" for place, column in enumerate(self._wanted) for name, _ in self._functions(column, "")]
        return [*(["c"] if money else []), "n", *(["d"] if self.groupings else []), *names]

    def _again(self, source: str, by_currency: bool, lists: Sequence[str]) -> str:
        """The rows of a source put together once more."""
        keys = [f"f.g{index}" for index in range(len(self.groupings))] + (["f.c"] if by_currency else [])
        sums = {"n": "sum", "d": "max", "s": "sum", "m": "sum", "lo": "min", "hi": "max"}
        values = [f"{sums[name.rstrip('0123456789')]}(f.{name}) AS {name}" for name in self._names() if name != "c"]
        return f"(SELECT {', '.join([*keys, *values, *lists])} FROM {source} f{_by(len(keys))})"


def _by(keys: int) -> str:
    return f" GROUP BY {', '.join(str(place + 1) for place in range(keys))}" if keys else ""
