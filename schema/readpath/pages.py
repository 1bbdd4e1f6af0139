"""Connections: one page of a list, the cursors of its rows, and how many rows there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import FieldNode, GraphQLField, get_named_type

from core.crm import Call
from core.records.orders import MOST_KEYS, Order, keyset
from core.records.pages import purpose
from core.resources import Resource, ToMany
from schema.inputs import Direction
from schema.readpath.arguments import Given, arguments
from schema.readpath.conditions import beyond, filtered, where_of
from schema.readpath.rules import table, visible
from schema.readpath.scopes import EACH, Path, Plans, Scope
from schema.readpath.variables import Unfit, Variables


def connection(
    plans: Plans, resource: Resource, found: GraphQLField, nodes: Sequence[FieldNode], path: Path, back: tuple[ToMany, Scope] | None
) -> str:
    """The JSON of a connection: of all rows of a resource, or of those behind a row."""
    plans.made.brief = False
    given = arguments(found, nodes[0], plans.made.variables)
    deleted = "includeDeleted" in given and bool(given["includeDeleted"].value)
    there = plans.made.alias()
    tests = plans.behind(*back, there, deleted=deleted) if back else visible(plans.made, resource, there, deleted=deleted)
    tests += filtered(plans.made, resource, there, given.get("where"))
    page = _Page(plans, Scope(resource, there, deleted=deleted), tests, _orders(resource, given.get("orderBy")), given)
    return page.json(get_named_type(found.type), nodes, path)


def _orders(resource: Resource, given: Given | None) -> list[Order]:
    if given is None:
        return []
    if len(given.value) > MOST_KEYS:
        raise Unfit("too many keys")
    return [Order(resource.columns[one["field"].value], one.get("direction") is Direction.DESC) for one in given.value]


@dataclass
class _Page:
    """One connection while it is planned. `_columns` are what each row brings along, `_totals` what the page makes of them."""

    plans: Plans
    scope: Scope
    tests: list[str]
    orders: list[Order]
    given: Mapping[str, Given]
    _columns: list[str] = field(default_factory=list)
    _totals: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.backwards = "last" in self.given
        self.size = self._size()
        self.numbered = self.backwards

    def json(self, kind: Any, nodes: Sequence[FieldNode], path: Path) -> str:
        """The JSON of the connection."""
        made, selections = self.plans.made, self.plans.selections
        fields = selections.below(kind, nodes)
        asked = {one.name.value for same in fields.values() for one in same}
        self.numbered = self.backwards or "pageInfo" in asked
        pairs = []
        for key, same in fields.items():
            name = same[0].name.value
            below = kind.fields.get(name)
            match name:
                case "__typename":
                    expression = made.dialect.string(kind.name)
                case "nodes":
                    row = self.plans.object(get_named_type(below.type), same, self.scope, (*path, key, EACH))
                    expression = self._array(row)
                case "edges":
                    expression = self._array(self._edge(get_named_type(below.type), same, (*path, key, EACH)))
                case "pageInfo":
                    expression = self._info(get_named_type(below.type), same)
                case "totalCount":
                    cap = self.plans.crm.settings.limits.count
                    expression = made.dialect.number(f"CASE WHEN q.total > {cap} THEN {cap} ELSE q.total END")
                    self._totals["total"] = self._total(cap)
                case "totalCountIsExact":
                    cap = self.plans.crm.settings.limits.count
                    expression = made.dialect.truth(f"q.total <= {cap}")
                    self._totals["total"] = self._total(cap)
                case _:
                    raise Unfit("a field that a plugin adds")
            pairs.append((key, expression))
        totals = ", ".join(f"{expression} AS {name}" for name, expression in self._totals.items())
        if self._totals.keys() - {"total"}:
            return f"(SELECT {made.dialect.object(pairs)} FROM (SELECT {totals} FROM {self._rows()}) q)"
        if self.given.keys() & {"after", "before"}:
            raise Unfit("a cursor of which nothing is made may yet be wrong")
        return f"(SELECT {made.dialect.object(pairs)} FROM (SELECT {totals}) q)" if totals else made.dialect.object(pairs)

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
        more, beyond_it = f"coalesce(q.found > {self.size}, FALSE)", "before" if self.backwards else "after"
        other = "TRUE" if beyond_it in self.given else "FALSE"
        first, last = ("q.tail", "q.head") if self.backwards else ("q.head", "q.tail")
        for key, same in self.plans.selections.below(kind, nodes).items():
            match same[0].name.value:
                case "__typename":
                    expression = dialect.string(kind.name)
                case "hasNextPage":
                    expression = dialect.truth(other if self.backwards else more)
                case "hasPreviousPage":
                    expression = dialect.truth(more if self.backwards else other)
                case "startCursor":
                    expression = self._end(first)
                case "endCursor":
                    expression = self._end(last)
                case _:
                    raise Unfit("a field that a plugin adds")
            pairs.append((key, expression))
        self._totals["found"] = "max(p.n)"
        return dialect.object(pairs)

    def _end(self, name: str) -> str:
        """The cursor of a row at the end of the page; it is made for these rows alone."""
        ends = f"row_number() OVER () IN (1, {self.size}) OR row_number() OVER () = count(*) OVER ()"
        cursor = f"CASE WHEN {ends} THEN {self._cursor()} END AS c"
        if cursor not in self._columns:
            self._columns.append(cursor)
        self._totals["head"] = f"max(p.c) FILTER (WHERE p.i = 1 AND p.i <= {self.size})"
        self._totals["tail"] = f"max(p.c) FILTER (WHERE (p.i = {self.size} OR p.i = p.n) AND p.i <= {self.size})"
        return self.plans.made.dialect.text(name)

    def _array(self, row: str) -> str:
        """The list of an expression over the rows of the page."""
        dialect, name = self.plans.made.dialect, f"a{len(self._totals)}"
        if not self.numbered:
            self._totals[name] = dialect.array(row)
            return f"q.{name}"
        self._columns.append(f"{row} AS {name}")
        self._totals[name] = dialect.array(f"p.{name}", f"p.i <= {self.size}")
        return f"q.{name}"

    def _rows(self) -> str:
        """The rows of the page, in its order; numbered ones know their place and how many there are, one more than the page holds."""
        made, resource, alias = self.plans.made, self.scope.resource, self.scope.alias
        keys = keyset(resource, self.orders, backwards=self.backwards)
        tests = [*self.tests, *self._window()]
        terms = ", ".join(term for key in keys for term in made.dialect.order(key, alias))
        source = f'SELECT {alias}.* FROM "{table(resource)}" {alias}{where_of(tests)} ORDER BY {terms}'
        if not self.numbered:
            return f"({source} LIMIT {self.size}) {alias}"
        columns = ", ".join([*self._columns, "row_number() OVER () AS i", "count(*) OVER () AS n"])
        numbered = f"(SELECT {columns} FROM ({source} LIMIT {self.size + 1}) {alias}) p"
        return f"(SELECT p.* FROM {numbered} ORDER BY p.i DESC) p" if self.backwards else numbered

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
