"""Connections: one page of a list, the cursors of its rows, and how many rows there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graphql import FieldNode, GraphQLField, get_named_type

from core.crm import Call
from core.database.indices import leading
from core.permissions import demand
from core.records.orders import MOST_KEYS, Order, keyset
from core.records.pages import purpose
from core.resources import Resource, ToMany
from schema.inputs import Direction
from schema.readpath.arguments import Given, arguments
from schema.readpath.conditions import beyond, filtered, where_of
from schema.readpath.dialect import FOUND, PLACE, Found, Row
from schema.readpath.rules import table, visible
from schema.readpath.scopes import EACH, Path, Plans, Scope, Spread
from schema.readpath.statement import Statement
from schema.readpath.variables import Unfit, Variables
from schema.readpath.worked import worked

PLAIN = ("__typename", "totalCount", "totalCountIsExact")


def page(plans: Plans, resource: Resource, found: GraphQLField, nodes: Sequence[FieldNode]) -> Spread:
    """The root field of a connection."""
    made = _page(plans, resource, found, nodes, None)
    return made.spread(get_named_type(found.type), nodes)


def connection(
    plans: Plans, resource: Resource, found: GraphQLField, nodes: Sequence[FieldNode], path: Path, back: tuple[ToMany, Scope]
) -> str:
    """The JSON of a connection of the rows behind a row."""
    return _page(plans, resource, found, nodes, back).json(get_named_type(found.type), nodes, path)


def _page(plans: Plans, resource: Resource, found: GraphQLField, nodes: Sequence[FieldNode], back: tuple[ToMany, Scope] | None) -> "_Page":
    plans.made.brief = False
    given = arguments(found, nodes[0], plans.made.variables)
    deleted = "includeDeleted" in given and bool(given["includeDeleted"].value)
    there = plans.made.alias()
    orders = _orders(plans.made, resource, there, given.get("orderBy"))
    if back:
        tests = plans.behind(*back, there, deleted=deleted)
    else:
        plans.made.led[there] = leading(resource.model, keyset(resource, orders))
        tests = visible(plans.made, resource, there, deleted=deleted)
    tests += filtered(plans.made, resource, there, given.get("where"))
    return _Page(plans, Scope(resource, there, deleted=deleted), tests, orders, given)


def _orders(made: Statement, resource: Resource, alias: str, given: Given | None) -> list[Order]:
    if given is None:
        return []
    if len(given.value) > MOST_KEYS:
        raise Unfit("too many keys")
    demand(made.call, resource, *(one["field"].value for one in given.value))
    return [_order(made, resource, alias, one["field"].value, one.get("direction") is Direction.DESC) for one in given.value]


def _order(made: Statement, resource: Resource, alias: str, name: str, descending: bool) -> Order:
    if one := made.call.crm.worked(resource, name):
        return Order(one.column, descending, worked(made, one, alias))
    return Order(resource.columns[name], descending)


@dataclass
class _Page:
    """One connection while it is planned: what is shown of a page are aggregates over its rows.

    When rows have to know their place one more is found than the page holds, which says whether there are more.
    """

    plans: Plans
    scope: Scope
    tests: list[str]
    orders: list[Order]
    given: Mapping[str, Given]

    def __post_init__(self) -> None:
        self.backwards = "last" in self.given
        self.size = self._size()
        self.numbered = self.backwards
        self.aggregates = 0
        self._gathered: list[Row] = []

    def json(self, kind: Any, nodes: Sequence[FieldNode], path: Path) -> str:
        """The JSON of the connection."""
        dialect, pairs = self.plans.made.dialect, self._pairs(kind, nodes, path)
        return dialect.gathered(pairs, self._rows()) if self.aggregates else dialect.object(pairs)

    def spread(self, kind: Any, nodes: Sequence[FieldNode]) -> Spread:
        """The connection as columns of the answer."""
        dialect = self.plans.made.dialect
        plain = {key for key, same in self.plans.selections.below(kind, nodes).items() if same[0].name.value in PLAIN}
        pairs = [(key, dialect.json(expression) if key in plain else expression) for key, expression in self._pairs(kind, nodes, ())]
        return Spread(pairs, self._rows() if self.aggregates else "(SELECT 1) AS one_row")

    def _pairs(self, kind: Any, nodes: Sequence[FieldNode], path: Path) -> list[tuple[str, str]]:
        dialect = self.plans.made.dialect
        fields = self.plans.selections.below(kind, nodes)
        asked = {one.name.value for same in fields.values() for one in same}
        self.numbered = self.backwards or "pageInfo" in asked
        pairs = []
        for key, same in fields.items():
            name = same[0].name.value
            below = kind.fields.get(name)
            match name:
                case "__typename":
                    expression = dialect.string(kind.name)
                case "nodes":
                    row = self.plans.object(get_named_type(below.type), same, self.scope, (*path, key, EACH))
                    expression = self._array(row)
                case "edges":
                    expression = self._array(self._edge(get_named_type(below.type), same, (*path, key, EACH)))
                case "pageInfo":
                    expression = self._info(get_named_type(below.type), same)
                case "totalCount":
                    cap = self.plans.crm.settings.limits.count
                    expression = dialect.number(f"CASE WHEN {self._total(cap)} > {cap} THEN {cap} ELSE {self._total(cap)} END")
                case "totalCountIsExact":
                    cap = self.plans.crm.settings.limits.count
                    expression = dialect.truth(f"{self._total(cap)} <= {cap}")
                case _:
                    raise Unfit("a field that a plugin adds")
            pairs.append((key, expression))
        if not self.aggregates and (not asked & set(PLAIN[1:]) or self.given.keys() & {"after", "before"}):
            raise Unfit("no row is asked for, and yet the arguments may be wrong")
        if not self.aggregates and any(one.by for one in self.orders):
            raise Unfit("an order of no rows, with values that are bound for it")
        return pairs

    def _edge(self, kind: Any, nodes: Sequence[FieldNode], path: Path) -> str:
        dialect, pairs = self.plans.made.dialect, []
        for key, same in self.plans.selections.below(kind, nodes).items():
            match same[0].name.value:
                case "__typename":
                    pairs.append((key, dialect.string(kind.name)))
                case "cursor":
                    pairs.append((key, dialect.text(self._cursor())))
                case "node":
                    below = get_named_type(kind.fields["node"].type)
                    pairs.append((key, self.plans.object(below, same, self.scope, (*path, key))))
                case _:
                    raise Unfit("a field that a plugin adds")
        return dialect.object(pairs)

    def _info(self, kind: Any, nodes: Sequence[FieldNode]) -> str:
        dialect, pairs = self.plans.made.dialect, []
        more = f"coalesce(max({self._column(FOUND)}) > {self.size}, FALSE)"
        other = "TRUE" if ("before" if self.backwards else "after") in self.given else "FALSE"
        first, last = f"{self._column(PLACE)} = 1", f"{self._column(PLACE)} IN ({self.size}, {self._column(FOUND)})"
        for key, same in self.plans.selections.below(kind, nodes).items():
            match same[0].name.value:
                case "__typename":
                    expression = dialect.string(kind.name)
                case "hasNextPage" | "hasPreviousPage" as name:
                    here = (name == "hasPreviousPage") == self.backwards
                    self.aggregates += here
                    expression = dialect.truth(more if here else other)
                case "startCursor":
                    expression = self._end(last if self.backwards else first)
                case "endCursor":
                    expression = self._end(first if self.backwards else last)
                case _:
                    raise Unfit("a field that a plugin adds")
            pairs.append((key, expression))
        return dialect.object(pairs)

    def _end(self, test: str) -> str:
        """The cursor of the one row of the page for which the test holds; it is made for no other."""
        self.aggregates += 1
        within = f"{self._column(PLACE)} <= {self.size}"
        return self.plans.made.dialect.text(f"max(CASE WHEN {test} AND {within} THEN {self._cursor()} END)")

    def _array(self, row: str) -> str:
        """The list of an expression over the rows of the page."""
        self.aggregates += 1
        one = self.plans.made.dialect.row(row, self._found(), self.plans.made.alias())
        self._gathered.append(one)
        return self.plans.made.dialect.array(one.gathered, f"{self._column(PLACE)} <= {self.size}" if self.numbered else "")

    def _column(self, name: str) -> str:
        return f'{self.plans.made.dialect.placed(self.scope.alias)}."{name}"'

    def _rows(self) -> str:
        """The rows of the page, in its order."""
        made, resource, alias = self.plans.made, self.scope.resource, self.scope.alias
        keys = keyset(resource, self.orders, backwards=self.backwards)
        terms = ", ".join(term for key in keys for term in made.dialect.order(key, alias))
        rest = f"{where_of([*self.tests, *self._window()])} ORDER BY {terms}"
        return made.dialect.rows(replace(self._found(), rest=rest), self._gathered)

    def _found(self) -> Found:
        limit = self.size + 1 if self.numbered else self.size
        return Found(table(self.scope.resource), self.scope.alias, "", limit, self.numbered, self.backwards)

    def _window(self) -> list[str]:
        tests: list[str] = []
        for name in ("after", "before"):
            if name in self.given:
                backwards = name == "before"
                tests += beyond(self.plans.made, self.scope.resource, self.orders, self.given[name], self.scope.alias, backwards=backwards)
        return tests

    def _total(self, cap: int) -> str:
        counted = f'SELECT 1 FROM "{table(self.scope.resource)}" {self.scope.alias}{where_of(self.tests)} LIMIT {cap + 1}'
        return f"(SELECT count(*) FROM ({counted}) c)"

    def _cursor(self) -> str:
        resource, keys = self.scope.resource, keyset(self.scope.resource, self.orders)
        return self.plans.made.dialect.cursor(purpose(resource, self.orders), keys, resource, self.scope.alias)

    def _size(self) -> int:
        limits = self.plans.crm.settings.limits
        if "first" in self.given and "last" in self.given:
            raise Unfit("both first and last")
        asked = self.given.get("last") or self.given.get("first")
        if asked is None:
            return limits.default_page

        def size(_: Call, variables: Variables) -> int:
            number = asked.at(variables)
            if not 0 <= number <= limits.page:
                raise Unfit("a page beyond the limits")
            return number

        return self.plans.made.ask(size)
