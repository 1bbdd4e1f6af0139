"""Selections of any type: fields and aliases, fragments within fragments, directives, and the same field from two places."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    Undefined,
    get_named_type,
    is_leaf_type,
)

from tests.equality.chance import Chance
from tests.equality.inputs import SETS, Inputs, Place
from tests.equality.pools import Orders, ordering
from tests.equality.scopes import Entry, Scope, form

Composite = GraphQLObjectType | GraphQLInterfaceType

LONG = "the_name_of_this_one_is_as_long_as_no_database_lets_a_column_be_named_"
SIZES = ("1", "2", "3", "2", "1", "5", "0", "20")
ODD_SIZES = ("0", "100", "1000", "-1", "101")


@dataclass
class Fragment:
    """A named fragment, and the response keys that it takes."""

    name: str
    kind: str
    body: str
    scope: Scope

    @property
    def text(self) -> str:
        """The definition."""
        return f"fragment {self.name} on {self.kind} {self.body}"


@dataclass
class Selections:
    """Makes the selections of one document, and keeps its fragments."""

    chance: Chance
    inputs: Inputs
    hit: Callable[[str], None]
    budget: int = 70
    fragments: list[Fragment] = field(default_factory=list)
    _count: int = 0

    def of(self, kind: Composite, depth: int, scope: Scope) -> str:
        """A selection of a type, nested as deep as `depth` resources."""
        items: list[str] = []
        wanted = self.chance.number(1, 6)
        if isinstance(kind, GraphQLObjectType) and self.chance.happens(2):
            wanted = 45
            self.hit("many fields in one object")
        while len(items) < wanted or not items:
            item = self._item(kind, depth, scope)
            wanted -= item is None
            items += [item] if item else []
            if wanted <= 0 and not items:
                items.append("__typename")
        return f"{{ {' '.join(items)} }}"

    def field(self, kind: Composite, name: str, depth: int, scope: Scope) -> str | None:
        """A field with alias, arguments, directives and selection; None where it cannot stand beside what is there."""
        found, below = kind.fields[name], Scope()
        self.budget -= 1
        given = self.arguments(name, found, depth)
        selected = self._below(found, depth, below)
        head = f"{name}({', '.join(given)})" if given else name
        entry = Entry(kind.name, head, form(found.type), below, kind=found.type)
        alias = self._alias(kind) if self.chance.happens(25) else ""
        key = alias or name
        if not scope.takes(Scope({key: [entry]})):
            alias = key = self._fresh()
        entry.head = f"{alias}: {head}" if alias else head
        scope.take(Scope({key: [entry]}))
        return f"{entry.head}{self.directives()}{selected}"

    def directives(self) -> str:
        """Perhaps `@include` or `@skip`, or both."""
        if not self.chance.happens(7):
            return ""
        names = self.chance.some(("include", "skip"), 2, 1)
        return "".join(f" @{name}(if: {self._condition(name)})" for name in names)

    def spread(self, kind: Composite, depth: int, scope: Scope) -> str | None:
        """A spread of a fragment that is there already, or of a new one."""
        self.budget -= 1
        names = self._conditions(kind)
        there = [one for one in self.fragments if one.kind in names and scope.takes(one.scope)]
        if there and self.chance.happens(50):
            chosen = self.chance.pick(there)
            self.hit("fragment spread twice")
        else:
            condition, taken = self._type(self.chance.pick(names)), Scope()
            body = self.of(condition, depth, taken)
            chosen = Fragment(f"F{len(self.fragments)}", condition.name, body, taken)
            if not scope.takes(taken):
                return None
            self.fragments.append(chosen)
        scope.take(chosen.scope)
        self.hit("fragment on Node" if chosen.kind == "Node" else "fragment")
        return f"...{chosen.name}{self.directives()}"

    def inline(self, kind: Composite, depth: int, scope: Scope) -> str:
        """An inline fragment, with or without a type."""
        self.budget -= 1
        condition = self._type(self.chance.pick(self._conditions(kind)))
        bare = condition is kind and self.chance.happens(30)
        self.hit("inline fragment on Node" if condition.name == "Node" else "inline fragment")
        return f"...{'' if bare else f' on {condition.name}'}{self.directives()} {self.of(condition, depth, scope)}"

    # Arguments

    def arguments(self, name: str, found: GraphQLField, depth: int) -> list[str]:
        """The arguments of a field, those of a connection so that they fit together."""
        resource = self._resource(found)
        if "first" in found.args:
            return self._connection(found, resource, depth)
        given = []
        for one, argument in found.args.items():
            needed = argument.default_value is Undefined and isinstance(argument.type, GraphQLNonNull)
            if needed or self.chance.happens(70 if one == "groupBy" else 25):
                place = self._place(one, argument, resource if name not in ("node", "nodes") else "")
                if one == "where" and name == "labCount":
                    place = self._place(one, argument, "probe")
                given.append(f"{one}: {self.inputs.literal(place)}")
                self.hit(f"argument {one}")
        return given

    def _connection(self, found: GraphQLField, resource: str, depth: int) -> list[str]:
        given: dict[str, str] = {}
        for name in self._window():
            self.hit(name)
            given[name] = self._size(found.args[name], depth)
        orders, text = self._orders(found.args["orderBy"], resource)
        if text:
            given["orderBy"] = text
            self.hit("orderBy")
        if self.chance.happens(35):
            for name in self.chance.some(("after", "before"), 2, 1):
                self.hit(name)
                given[name] = self._cursor(found.args[name], resource, orders)
        for name, percent in (("where", 35), ("includeDeleted", 15)):
            if name in found.args and self.chance.happens(percent):
                self.hit(name)
                given[name] = self.inputs.literal(self._place(name, found.args[name], resource))
        return [f"{name}: {value}" for name, value in given.items()]

    def _window(self) -> list[str]:
        how = self.chance.weighed(first=50, last=25, none=22, both=3)
        return {"first": ["first"], "last": ["last"], "none": [], "both": ["first", "last"]}[how]

    def _size(self, argument: GraphQLArgument, depth: int) -> str:
        def size() -> int:
            odd = depth >= 2 and self.chance.happens(6)
            return int(self.chance.pick(ODD_SIZES if odd else SIZES))

        if self.chance.happens(25):
            return self.inputs.variable(Place(argument.type), [size() for _ in range(SETS)])
        return "null" if self.chance.happens(2) else str(size())

    def _orders(self, argument: GraphQLArgument, resource: str) -> tuple[Sequence[Orders], str]:
        """The order each time that it is asked, and how the argument says so."""
        known = list(self.inputs.pools.cursors[resource])
        how = self.chance.weighed(none=40, literal=35, variable=12, free=13)
        if how == "literal":
            chosen = self.chance.pick(known)
            return [chosen] * SETS, ordering(chosen)
        if how == "variable":
            several = [self.chance.pick(known) for _ in range(SETS)]
            values = [[{"field": one, "direction": way} for one, way in orders] for orders in several]
            return several, self.inputs.variable(Place(argument.type), values)
        free = self.inputs.literal(self._place("orderBy", argument, resource)) if how == "free" else ""
        return [()] * SETS, free

    def _cursor(self, argument: GraphQLArgument, resource: str, orders: Sequence[Orders]) -> str:
        if len(set(orders)) == 1 and self.chance.happens(50):
            return self.inputs.literal(Place(argument.type)) if self.chance.happens(4) else f'"{self._a_cursor(resource, orders[0])}"'
        return self.inputs.variable(Place(argument.type), [self._a_cursor(resource, one) for one in orders])

    def _a_cursor(self, resource: str, orders: Orders) -> str:
        cursors = self.inputs.pools.cursors[resource]
        how = self.chance.weighed(right=78, other=12, mangled=10)
        right = cursors[orders] or [""]
        if how == "right":
            self.hit("cursor")
            return self.chance.pick(right)
        if how == "other":
            self.hit("cursor of another order")
            return self.chance.pick(cursors[self.chance.pick(list(cursors))] or [""])
        self.hit("mangled cursor")
        one = self.chance.pick(right)
        return self.chance.pick((one[:-1], f"{one}=", "", one.swapcase(), f"{one}A", one[1:], f" {one}", "%%%", one[::-1]))

    def _place(self, name: str, argument: GraphQLArgument, resource: str) -> Place:
        return Place(argument.type, resource, operator=name, depth=2, loose=argument.default_value is not Undefined)

    # The parts of a selection

    def _item(self, kind: Composite, depth: int, scope: Scope) -> str | None:
        plain, deep = self._fields(kind, depth)
        again = [one for some in scope.entries.values() for one in some if one.parent == kind.name and one.below.entries and one.head]
        roomy = self.budget > 0
        rows = "nodes" in kind.fields
        how = self.chance.weighed(
            plain=50 * bool(plain) if not rows else 15,
            deep=(120 if rows else 40) * bool(deep) * roomy,
            typename=6,
            inline=(60 if kind.name == "Node" else 7) * roomy,
            spread=(25 if kind.name == "Node" else 7) * roomy,
            again=7 * bool(again) * roomy,
        )
        if how in ("plain", "deep"):
            names = plain if how == "plain" else deep
            fresh = [name for name in names if name not in scope.entries]
            return self.field(kind, self.chance.pick(fresh if fresh and self.chance.happens(80) else names), depth, scope)
        if how == "typename":
            self.hit("__typename")
            return f"__typename{self.directives()}"
        if how == "again":
            return self._again(self.chance.pick(again), depth)
        return self.inline(kind, depth, scope) if how == "inline" else self.spread(kind, depth, scope)

    def _again(self, entry: Entry, depth: int) -> str | None:
        """A field that has been selected, with another selection, which is merged with the first."""
        kind, below = get_named_type(entry.kind), Scope()
        assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
        selected = self.of(kind, depth - self._is_resource(kind), below)
        if not entry.below.takes(below):
            return None
        entry.below.take(below)
        self.hit("merged fields")
        return f"{entry.head} {selected}"

    def _below(self, found: GraphQLField, depth: int, scope: Scope) -> str:
        kind = get_named_type(found.type)
        if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            return ""
        return f" {self.of(kind, depth - self._is_resource(kind), scope)}"

    def _fields(self, kind: Composite, depth: int) -> tuple[list[str], list[str]]:
        """The names of the fields that hold values, money among them, and of those that hold other things."""
        plain, deep = [], []
        for name, one in kind.fields.items():
            below = get_named_type(one.type)
            shallow = is_leaf_type(below) or below.name in ("Money", "PageInfo")
            (plain if shallow else deep).append(name)
        far = {"edges", "nodes", "key", "sum", "avg", "min", "max"}
        return plain, deep if depth > 0 else [name for name in deep if name in far - {"key"}]

    def _alias(self, kind: Composite) -> str:
        how = self.chance.weighed(short=30, other=15, under=12, long=12, case=8)
        self.hit(f"alias {how}")
        if how == "other":
            return self.chance.pick([one for one in kind.fields if is_leaf_type(get_named_type(kind.fields[one].type))] or ["id"])
        if how == "case":
            return self.chance.pick(("ID", "Id", "NAME", "key", "KEY", "a", "A", "t", "id"))
        return {"short": "a", "under": self.chance.pick(("_", "__")), "long": LONG}[how] + str(self._number())

    def _fresh(self) -> str:
        return f"z{self._number()}"

    def _number(self) -> int:
        self._count += 1
        return self._count

    def _condition(self, name: str) -> str:
        self.hit(f"@{name}")
        place = Place(GraphQLNonNull(GraphQLBoolean))
        if self.chance.happens(60):
            self.hit(f"@{name} with a variable")
            return self.inputs.variable(place)
        return self.inputs.literal(place)

    def _conditions(self, kind: Composite) -> list[str]:
        """The types that a fragment on this type may be for."""
        if kind.name == "Node":
            return ["Node", "Contact", "Deal", "Activity", "Probe", "Company", "ContactEmail", "Badge", "DealStageChange", "Tag"]
        return [kind.name, "Node"] if self._is_resource(kind) else [kind.name]

    def _type(self, name: str) -> Composite:
        kind = self.inputs.schema.type_map[name]
        assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
        return kind

    def _is_resource(self, kind: Composite) -> bool:
        return kind.name == "Node" or any(one.name == "Node" for one in kind.interfaces)

    def _resource(self, found: GraphQLField) -> str:
        name = re.sub(r"(Connection|Aggregate)$", "", get_named_type(found.type).name)
        return next((one.key for one in self.inputs.pools.world.house.crm.resources if one.name == name), "")


def reachable(text: str, fragments: Sequence[Fragment]) -> list[Fragment]:
    """The fragments that a text spreads, directly or through others."""
    by_name = {one.name: one for one in fragments}
    found: dict[str, Any] = {}
    waiting = re.findall(r"\.\.\.(F\d+)\b", text)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = by_name[name]
            waiting += re.findall(r"\.\.\.(F\d+)\b", by_name[name].body)
    return list(found.values())
