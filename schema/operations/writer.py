"""Standard mutations without graphql-core: their arguments are read by functions made once, and their payloads are mostly ready."""

import inspect
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from graphql import (
    Executor,
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    located_error,
)
from graphql.execution.collect_fields import FieldDetails
from graphql.pyutils import Path

from core.crm import Call
from schema.errors import field_entry
from schema.operations.answers import Answer
from schema.operations.documents import Prepared
from schema.readpath.arguments import arguments
from schema.readpath.plans import MOST_PLANS, fragments_of
from schema.readpath.reader import Begin, Reader
from schema.readpath.reads import Writes, read_of
from schema.readpath.selection import Selections
from schema.readpath.variables import Unfit, Variables
from schema.readpath.written import Asked, Ready, Steps
from schema.transport.parameters import Parameters

TYPENAME = "__typename"


@dataclass(frozen=True)
class Root:
    """A root field: its response key, how it is answered, and what is selected of its payload."""

    key: str
    nodes: Sequence[FieldNode]
    field: GraphQLField
    writes: Writes
    kind: GraphQLObjectType
    selections: Selections

    def given(self, variables: Variables) -> dict[str, Any]:
        """The arguments by their names in Python. Raises Unfit for what graphql-core has to refuse."""
        found = arguments(self.field, self.nodes[0], variables)
        if any(is_required_argument(one) and name not in found for name, one in self.field.args.items()):
            raise Unfit("a required argument is missing")
        return {self.field.args[name].extensions["strawberry-definition"].python_name: one.value for name, one in found.items()}


class Writer:
    """Answers mutations of one schema of which every root field is a standard mutation."""

    def __init__(self, schema: GraphQLSchema, reader: Reader, executor: Begin) -> None:
        self._schema = schema
        self._reader = reader
        self._executor = executor

    async def answer(self, prepared: Prepared, parameters: Parameters, call: Call) -> Answer | None:
        """The answer; None when graphql-core has to give it, and then nothing has been done."""
        try:
            roots, variables, shape = self._roots(prepared, parameters)
            given = [root.given(variables) for root in roots]
        except Unfit:
            return None
        self._reader.begin(prepared, parameters, call, (variables, shape))
        data: dict[str, Any] | None = {}
        errors: list[GraphQLError] = []
        for root, values in zip(roots, given, strict=True):
            try:
                payload = await root.writes.answer(info=Asked(call, root.kind, root.nodes), **values)
                data[root.key] = await self._shown(root, payload, errors, prepared, parameters, call)
            except Exception as error:  # the edge where a mutation fails: the client reads of it as of any other field
                errors.append(located_error(error, root.nodes, [root.key]))
                data = None  # as no payload may be null; what would come next is not done
                break
        body = {"errors": [field_entry(error, call.request_id or "") for error in errors]} if errors else {}
        return Answer({**body, "data": data, "extensions": {"cost": prepared.cost}}, written=True)

    def _roots(self, prepared: Prepared, parameters: Parameters) -> tuple[Sequence[Root], Variables, Hashable]:
        known = self._reader.operations.of(prepared.operation, prepared.document)
        if known.signature is None:
            raise Unfit("variables that are not understood")
        variables, shape = known.signature.read(parameters.variables)
        roots = known.roots.get(shape)
        if roots is None:
            if len(known.roots) >= MOST_PLANS:
                known.roots.clear()
            roots = known.roots[shape] = self._planned(prepared, variables)
        return roots, variables, shape

    def _planned(self, prepared: Prepared, variables: Variables) -> Sequence[Root]:
        """The root fields. Raises Unfit when one of them is not a standard mutation."""
        kind = self._schema.mutation_type
        assert kind
        selections = Selections(self._schema, fragments_of(prepared.document), variables)
        roots = []
        for key, nodes in selections.root(kind, prepared.operation.selection_set).items():
            field = kind.fields.get(nodes[0].name.value)
            writes = read_of(field.extensions.get("strawberry-definition")) if field else None
            if field is None or not isinstance(writes, Writes) or not is_non_null_type(field.type):
                raise Unfit(key)
            roots.append(Root(key, nodes, field, writes, cast(GraphQLObjectType, get_named_type(field.type)), selections))
        return roots

    async def _shown(
        self, root: Root, payload: Any, errors: list[GraphQLError], prepared: Prepared, parameters: Parameters, call: Call
    ) -> Any:
        try:
            return _plain(root.selections, root.kind, root.nodes, payload, ())
        except Unfit:
            return await _completed(self._executor(prepared, parameters, call), root, payload, errors)


def _plain(selections: Selections, kind: GraphQLObjectType, nodes: Sequence[FieldNode], value: Any, steps: Steps) -> dict[str, Any]:
    """A payload, or an object of it. Raises Unfit for what has resolvers of its own."""
    shown: dict[str, Any] = {}
    for key, same in selections.below(kind, nodes).items():
        name = same[0].name.value
        if name == TYPENAME:
            shown[key] = kind.name
            continue
        field = kind.fields[name]
        made = field.extensions.get("strawberry-definition")
        if made is None or made.base_resolver is not None:
            raise Unfit(name)
        shown[key] = _value(selections, field.type, same, getattr(value, made.python_name), (*steps, key))
    return shown


def _value(selections: Selections, kind: Any, nodes: Sequence[FieldNode], value: Any, steps: Steps) -> Any:
    kind = kind.of_type if is_non_null_type(kind) else kind
    if value is None:
        return None
    if isinstance(value, Ready):
        if (ready := value.shown.get(steps)) is None:
            raise Unfit("not read back")
        return ready
    if is_list_type(kind):
        return [_value(selections, kind.of_type, nodes, one, steps) for one in value]
    return kind.serialize(value) if is_leaf_type(kind) else _plain(selections, kind, nodes, value, steps)


async def _completed(executor: Executor, root: Root, payload: Any, errors: list[GraphQLError]) -> Any:
    """A payload as graphql-core completes it, with the resolvers of what is selected."""
    path, details = Path(None, root.key, None), [FieldDetails(node, None) for node in root.nodes]
    mutation = executor.schema.mutation_type
    assert mutation
    info = executor.build_resolve_info(root.field, list(root.nodes), mutation, path)
    found = executor.complete_value(root.field.type, details, info, path, payload, None)
    shown = await found if inspect.isawaitable(found) else found
    errors += executor.collected_errors.errors
    return None if shown is Undefined else shown
