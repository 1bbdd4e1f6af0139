"""The shape of an operation: how deep, how wide, how often, how costly. Every fragment is visited once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
)

from core.settings import Limits
from schema.operations.cost import CEILING, Cost, Variable, page, plus, times


@dataclass(frozen=True, slots=True)
class Shape:
    """What a selection comes to when all its fragments are spread."""

    depth: int = 0
    introspection: int = 0
    fields: int = 0
    width: int = 0
    schemas: int = 0
    cost: Cost = 0
    items: Cost = 0  # what costs again with every row of the connection that this selection is made on
    aliases: Mapping[tuple[str, str], int] = field(default_factory=dict)


EMPTY = Shape()
INTROSPECTION = ("__schema", "__type")
ROWS = ("edges", "nodes")


class Shapes:
    """Measures the operations of one document. Unknown fields, fragments and circles count little: validation refuses them."""

    def __init__(self, schema: GraphQLSchema, limits: Limits, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._limits = limits
        self._fragments = fragments
        self._known: dict[str, Shape] = {}
        self._names: dict[str, dict[tuple[str, str], set[str]]] = {}
        self._aliases: dict[tuple[str, str], set[str]] = {}

    def of(self, operation: OperationDefinitionNode) -> Shape:
        """The shape of an operation of this document."""
        names = list(self._order(operation.selection_set))
        for name in names:
            if name not in self._known:
                fragment = self._fragments[name]
                self._aliases = self._names[name] = defaultdict(set)
                kind = self._schema.get_type(fragment.type_condition.name.value)
                self._known[name] = self._selection(fragment.selection_set, kind)
        self._aliases = defaultdict(set)
        shape = self._selection(operation.selection_set, self._schema.get_root_type(operation.operation))
        for name in names:
            for place, aliases in self._names[name].items():
                self._aliases[place] |= aliases
        return replace(shape, aliases={place: len(aliases) for place, aliases in self._aliases.items()})

    def _order(self, selection: SelectionSetNode) -> Iterator[str]:
        """The fragments behind a selection, each after those that it spreads. A loop, since they may be nested deeply."""
        done: set[str] = set()
        path: list[tuple[str | None, Iterator[str]]] = [(None, iter(_spreads(selection)))]
        while path:
            name, spreads = path[-1]
            for spread in spreads:
                if spread in self._fragments and spread not in done:
                    done.add(spread)
                    path.append((spread, iter(_spreads(self._fragments[spread].selection_set))))
                    break
            else:
                path.pop()
                if name is not None:
                    yield name

    def _selection(self, selection: SelectionSetNode, parent: GraphQLNamedType | None) -> Shape:
        shapes: list[Shape] = []
        spread: set[str] = set()
        waiting: list[tuple[SelectionSetNode, GraphQLNamedType | None]] = [(selection, parent)]
        while waiting:
            selections, kind = waiting.pop()
            for node in selections.selections:
                if isinstance(node, FieldNode):
                    shapes.append(self._field(node, kind))
                elif isinstance(node, InlineFragmentNode):
                    condition = node.type_condition
                    waiting.append((node.selection_set, self._schema.get_type(condition.name.value) if condition else kind))
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                    spread.add(node.name.value)  # a second spread of it at the same place adds nothing to the answer
                    shapes.append(self._known.get(node.name.value, EMPTY))
        return _together(shapes)

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None) -> Shape:
        name = node.name.value
        found = getattr(parent, "fields", {}).get(name)
        kind = get_named_type(found.type) if found else None
        if name in INTROSPECTION:
            kind = self._schema.get_type("__Schema" if name == "__schema" else "__Type")
        if node.alias:
            self._aliases[(parent.name if parent else "", name)].add(node.alias.value)
        below = self._selection(node.selection_set, kind) if node.selection_set else EMPTY
        fields = min(below.fields + 1, CEILING)
        if name in INTROSPECTION:
            return Shape(introspection=below.depth + 1, fields=fields, width=1, schemas=int(name == "__schema"))
        shape = Shape(depth=below.depth + 1, fields=fields, width=1)
        if name in ROWS and _is_connection(parent):
            return replace(shape, items=below.cost)
        cost = self._cost(node, found.args if found else {}, below, kind)
        return replace(shape, cost=cost if name != "node" or not _is_edge(parent) else below.cost)

    def _cost(self, node: FieldNode, arguments: Iterable[str], below: Shape, kind: GraphQLNamedType | None) -> Cost:
        given = {one.name.value: one.value for one in node.arguments or ()}
        if _is_connection(kind):
            return plus(1, below.cost, times(self._page(given), below.items))
        if "first" in arguments:
            return plus(1, times(self._page(given), below.cost))
        if "ids" in given:
            return times(_length(given["ids"]), plus(1, below.cost))
        return plus(1, below.cost)

    def _page(self, given: Mapping[str, ValueNode]) -> int | Variable:
        asked = [given[name] for name in ("first", "last") if name in given]
        if variables := tuple(one.name.value for one in asked if isinstance(one, VariableNode)):
            return Variable(variables)
        return max((page(_number(one), self._limits) for one in asked), default=self._limits.default_page)


def _together(shapes: list[Shape]) -> Shape:
    return Shape(
        depth=max((one.depth for one in shapes), default=0),
        introspection=max((one.introspection for one in shapes), default=0),
        fields=min(sum(one.fields for one in shapes), CEILING),
        width=min(sum(one.width for one in shapes), CEILING),
        schemas=min(sum(one.schemas for one in shapes), CEILING),
        cost=plus(*(one.cost for one in shapes)),
        items=plus(*(one.items for one in shapes)),
    )


def _spreads(selection: SelectionSetNode) -> list[str]:
    names: dict[str, None] = {}
    waiting = [selection]
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FragmentSpreadNode):
                names[node.name.value] = None
            elif isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
                waiting.append(node.selection_set)
    return list(names)


def _is_connection(kind: GraphQLNamedType | None) -> bool:
    fields = getattr(kind, "fields", {})
    return "pageInfo" in fields and any(name in fields for name in ROWS)


def _is_edge(kind: GraphQLNamedType | None) -> bool:
    return "cursor" in getattr(kind, "fields", {})


def _number(node: ValueNode) -> int | None:
    return int(node.value) if isinstance(node, IntValueNode) and len(node.value) < 10 else None


def _length(node: ValueNode) -> int | Variable:
    if isinstance(node, VariableNode):
        return Variable((node.name.value,))
    return len(node.values) if isinstance(node, ListValueNode) else 1
