"""From what is selected below a root field to the SQL that says it: one expression of JSON for each field."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLObjectType, GraphQLSchema, get_named_type

from core.crm import CRM, Call
from core.database.insertion import NEW
from core.records import ids
from core.resources import Column, Kind, Linked, Resource, ToMany
from schema.queries import MOST_NODES
from schema.readpath.arguments import arguments
from schema.readpath.conditions import where_of
from schema.readpath.dialect import Found
from schema.readpath.groups import grouped
from schema.readpath.pages import connection, page
from schema.readpath.reads import AnyNode, AnyNodes, Follow, Groups, One, Pages, Parts, Read, Single, Ties, Value, Worked, read_of
from schema.readpath.rules import own, table, visible
from schema.readpath.scopes import EACH, KEY, Hole, Scope, Spread
from schema.readpath.selection import Selections
from schema.readpath.statement import EVERY, Bind, Statement
from schema.readpath.variables import Unfit, Variables
from schema.readpath.worked import worked
from schema.readpath.written import full_name


@dataclass
class Planner:
    """Plans the fields of one operation. Raises Unfit for what a statement cannot say."""

    schema: GraphQLSchema
    crm: CRM
    made: Statement
    selections: Selections
    holes: list[Hole] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hidden: frozenset[str] = self.made.ask(lambda call, _: call.actor.hidden)

    def root(self, found: GraphQLField | None, nodes: Sequence[FieldNode]) -> str | Spread:
        """The JSON of a root field; NULL, or the text null, where its resolver would have an error to tell."""
        if found is None:
            raise Unfit("about the schema")
        match _read(found):
            case One(resource):
                return self._one(resource, found, nodes)
            case Pages(resource, None):
                return page(self, resource, found, nodes)
            case Groups(resource):
                return grouped(self, resource, found, nodes)
            case AnyNode():
                return self._node(found, nodes)
            case AnyNodes():
                return self._nodes(found, nodes)
        raise Unfit("only its resolver knows")

    def object(
        self, kind: GraphQLObjectType, nodes: Sequence[FieldNode], scope: Scope, path: tuple[str, ...], *, keyed: bool = False
    ) -> str:
        """The JSON of a record; when `keyed`, or when Python has something to add, with its key."""
        pairs: list[tuple[str, str]] = []
        for key, same in self.selections.below(kind, nodes).items():
            name = same[0].name.value
            if name == "__typename":
                pairs.append((key, self.made.dialect.string(kind.name)))
            elif (read := _read(kind.fields[name])) is None or full_name(kind, kind.fields[name]) in self.hidden:
                self.holes.append(Hole(path, key, kind, tuple(same), scope.resource))
                pairs.append((key, self.made.dialect.null))
                keyed = True
            else:
                pairs.append((key, self._field(read, kind.fields[name], same, scope, (*path, key))))
        if keyed:
            id = scope.resource.columns["id"]
            pairs.append((KEY, self.made.dialect.column(scope.resource, id, f'{scope.alias}."id"', null=False)))
        return self.made.dialect.object(pairs)

    def _field(self, read: Read, found: GraphQLField, nodes: list[FieldNode], scope: Scope, path: tuple[str, ...]) -> str:
        match read:
            case Value(column):
                return self._value(column, found, nodes, scope)
            case Worked(expressed) if expressed.to:
                target, there = self.crm.resource(expressed.to), self.made.alias()
                tests = [f'{there}."id" = {worked(self.made, expressed, scope.alias)}', *visible(self.made, target, there)]
                return self._record(found, nodes, Scope(target, there), tests, path)
            case Worked(expressed):
                # As mere text: what SQL works out may be of another type than the field says. In FROM, since a column may be named often.
                shown = str(self.made.dialect.column(scope.resource, expressed.column, "w.v", null=True))
                return f"(SELECT {shown} FROM (SELECT {worked(self.made, expressed, scope.alias)} AS v) w)"
            case Follow(relation, deleted):
                target, there = self.crm.resource(relation.model), self.made.alias()
                self.made.led[there] = EVERY
                tests = [f'{there}."id" = {scope.alias}."{relation.attr}"', *visible(self.made, target, there, deleted=deleted)]
                return self._record(found, nodes, Scope(target, there, deleted=deleted), tests, path)
            case Parts(back):
                return self._list(found, nodes, *self._behind(back, scope), path)
            case Single(back):
                behind, tests = self._behind(back, scope)
                return self._record(found, nodes, behind, tests, path, f"{_sorted(behind)} LIMIT 1")
            case Ties(link):
                return self._list(found, nodes, *self._tied(link, scope), path)
            case Pages(resource, back) if back:
                return connection(self, resource, found, nodes, path, (back, scope))
        raise Unfit("not below a record")

    def _value(self, column: Column, found: GraphQLField, nodes: list[FieldNode], scope: Scope) -> str:
        dialect = self.made.dialect
        if column.kind is not Kind.MONEY:
            return dialect.column(scope.resource, column, f'{scope.alias}."{column.name}"', null=column.null)
        amount, currency = f'{scope.alias}."{column.name}"', f'{scope.alias}."{column.currency}"'
        whole = self.money(get_named_type(found.type), nodes, dialect.text(dialect.amount(amount, currency)), dialect.text(currency))
        return dialect.provided(f"{amount} IS NOT NULL AND {currency} IS NOT NULL", whole)

    def money(self, kind: Any, nodes: Sequence[FieldNode], amount: str, currency: str) -> str:
        """The JSON of an amount of money, of JSON for its two parts."""
        known = {"amount": amount, "currency": currency, "__typename": self.made.dialect.string(kind.name)}
        fields = self.selections.below(kind, nodes)
        return self.made.dialect.object([(key, _known(known, same[0].name.value)) for key, same in fields.items()])

    def behind(self, back: ToMany, scope: Scope, there: str, *, deleted: bool = False) -> list[str]:
        """Tests for the rows of a way back that the actor may see."""
        child = self.crm.resource(back.model)
        self.made.led[there] = EVERY
        with_it = child.parent is not None and child.parent.attr == back.attr and scope.known and (deleted or not scope.deleted)
        return [f'{there}."{back.attr}" = {scope.alias}."id"', *(own if with_it else visible)(self.made, child, there, deleted=deleted)]

    def _behind(self, back: ToMany, scope: Scope) -> tuple[Scope, list[str]]:
        there = self.made.alias()
        return Scope(self.crm.resource(back.model), there), self.behind(back, scope, there)

    def _tied(self, link: Linked, scope: Scope) -> tuple[Scope, list[str]]:
        target, there, tie = self.crm.resource(link.model), self.made.alias(), self.made.alias()
        self.made.led[there] = EVERY
        ties = f'SELECT {tie}."{link.far}" FROM "{link.through._meta.db_table}" {tie} WHERE {tie}."{link.near}" = {scope.alias}."id"'
        return Scope(target, there), [f'{there}."id" IN ({ties})', *visible(self.made, target, there)]

    def _record(
        self, found: GraphQLField, nodes: Sequence[FieldNode], scope: Scope, tests: Sequence[str], path: tuple[str, ...], rest: str = ""
    ) -> str:
        source = f'"{table(scope.resource)}" {scope.alias}{where_of(tests)}{rest}'
        return self.made.dialect.select(self.object(_object(found), nodes, scope, path), source)

    def _list(self, found: GraphQLField, nodes: Sequence[FieldNode], scope: Scope, tests: Sequence[str], path: tuple[str, ...]) -> str:
        rows = Found(table(scope.resource), scope.alias, f"{where_of(tests)}{_sorted(scope)}")
        row = self.made.dialect.row(self.object(_object(found), nodes, scope, (*path, EACH)), rows, self.made.alias())
        return f"(SELECT {self.made.dialect.array(row.gathered)} FROM {self.made.dialect.rows(rows, [row])})"

    def _one(self, resource: Resource, found: GraphQLField, nodes: Sequence[FieldNode]) -> str:
        given = arguments(found, nodes[0], self.made.variables)
        deleted = "includeDeleted" in given and bool(given["includeDeleted"].value)
        keep, id = self.made.dialect.value, given["id"]
        there = self.made.alias()
        key = self.made.bind(lambda _, variables: keep(ids.decode(resource, id.at(variables))), "uuid")
        tests = [f'{there}."id" = {key}', *visible(self.made, resource, there, deleted=deleted)]
        return self._record(found, nodes, Scope(resource, there, deleted=deleted), tests, ())

    def written(self, resource: Resource, kind: GraphQLObjectType, nodes: Sequence[FieldNode], keys: Bind) -> str:
        """The JSON of records that were just written, whoever may see them, each with its key."""
        there = self.made.alias()
        row = self.object(kind, nodes, Scope(resource, there, known=False, deleted=True), (), keyed=True)
        if self.holes:
            raise Unfit("a field that Python fills in")
        place = self.made.bind(keys, "uuid", many=True)
        test = self.made.dialect.one_of(f'{there}."id"', place)
        return f'(SELECT {self.made.dialect.array(row)} FROM "{table(resource)}" {there} WHERE {test})'

    def fresh(self, resource: Resource, kind: GraphQLObjectType, nodes: Sequence[FieldNode]) -> str:
        """As `written`, of the rows that the same statement inserts; empty where more is shown than their own values."""
        below = self.selections.below(kind, nodes).values()
        if not all(same[0].name.value == "__typename" or isinstance(_read(kind.fields[same[0].name.value]), Value) for same in below):
            return ""  # other rows of this statement are not there yet
        there = self.made.alias()
        row = self.object(kind, nodes, Scope(resource, there, known=False, deleted=True), (), keyed=True)
        return f"(SELECT {self.made.dialect.array(row)} FROM {NEW} {there})"

    def _node(self, found: GraphQLField, nodes: Sequence[FieldNode]) -> str:
        resources, id = self.crm.resources, arguments(found, nodes[0], self.made.variables)["id"]
        keep, there = self.made.dialect.value, self.made.alias()
        resource = resources.by_key[self.made.ask(lambda _, variables: ids.find(resources, id.at(variables))[0].key)]
        key = self.made.bind(lambda _, variables: keep(ids.find(resources, id.at(variables))[1]), "uuid")
        tests = [f'{there}."id" = {key}', *visible(self.made, resource, there)]
        source = f'"{table(resource)}" {there}{where_of(tests)}'
        return self.made.dialect.select(self.object(self._type(resource), nodes, Scope(resource, there), ()), source)

    def _nodes(self, found: GraphQLField, nodes: Sequence[FieldNode]) -> str:
        resources, keep = self.crm.resources, self.made.dialect.value
        given = arguments(found, nodes[0], self.made.variables)["ids"]

        def known(_: Call, variables: Variables) -> tuple[str, ...]:
            if len(given.at(variables)) > MOST_NODES:
                raise Unfit("too many")
            return tuple(sorted({ids.find(resources, one)[0].key for one in given.at(variables)}))

        names = self.made.ask(known)
        keys = self.made.bind(lambda _, values: keep([ids.find(resources, one)[1] for one in given.at(values)]), "uuid", many=True)
        kinds = self.made.bind(lambda _, values: keep([ids.find(resources, one)[0].key for one in given.at(values)]), "text", many=True)
        cases = []
        for name in names:
            resource, there = resources.by_key[name], self.made.alias()
            tests = [f'{there}."id" = u.key', *visible(self.made, resource, there)]
            record = self.object(self._type(resource), nodes, Scope(resource, there), (EACH,))
            source = f'"{table(resource)}" {there}{where_of(tests)}'
            cases.append(f"WHEN '{name}' THEN {self.made.dialect.select(record, source)}")
        each = f"CASE u.kind {' '.join(cases)} END" if cases else self.made.dialect.null
        return f"(SELECT {self.made.dialect.array(each)} FROM (SELECT u.* FROM {self.made.dialect.listed(keys, kinds)} ORDER BY u.i) u)"

    def _type(self, resource: Resource) -> GraphQLObjectType:
        kind = self.schema.get_type(resource.name)
        assert isinstance(kind, GraphQLObjectType)
        return kind


def _read(found: GraphQLField) -> Read | None:
    return read_of((found.extensions or {}).get("strawberry-definition"))


def _object(found: GraphQLField) -> GraphQLObjectType:
    kind = get_named_type(found.type)
    if not isinstance(kind, GraphQLObjectType):
        raise Unfit("no object")
    return kind


def _known(known: dict[str, str], name: str) -> str:
    if name not in known:
        raise Unfit("a field that a plugin adds")
    return known[name]


def _sorted(scope: Scope) -> str:
    terms = [f'{scope.alias}."{term}"' for term in (("position", "id") if scope.resource.has("position") else ("id",))]
    return f" ORDER BY {', '.join(terms)}"
