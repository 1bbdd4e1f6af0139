"""What a mutation shows of the records that it wrote: read back by one statement, inside its transaction."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import strawberry
from graphql import FieldNode, GraphQLField, GraphQLObjectType, get_named_type
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from core.crm import Call
from core.database.inside import Reading
from core.database.readers import row_inside
from core.permissions import unseen
from core.records import ids
from core.records.ending import Ending
from core.resources import Resource
from schema.readpath.scopes import KEY

Steps = tuple[str, ...]
READER = "reader"  # in the memory of a call: what reads back for the operation at hand


@dataclass(frozen=True)
class Ready:
    """A record of a payload. `shown` is its JSON by the response keys that lead to it below the mutation's field."""

    record: Any
    shown: dict[Steps, dict[str, Any]]


@dataclass(frozen=True)
class Asked:
    """What is asked of a mutation: by whom, the type of its payload, and the nodes of its field. It stands for the info of a resolver."""

    context: Call
    kind: GraphQLObjectType
    nodes: Sequence[FieldNode]

    @classmethod
    def of(cls, info: "strawberry.Info | Asked") -> "Asked":
        """What a resolver is told, in this form."""
        if isinstance(info, Asked):
            return info
        raw: Any = info._raw_info
        return cls(info.context, get_named_type(raw.return_type), raw.field_nodes)


class Execution(StrawberryGraphQLCoreExecutionContext):
    """Graphql-core's execution, which takes a record that is ready as it is."""

    def execute_field(self, parent_type: GraphQLObjectType, source: Any, field_details_list: Any, path: Any, position_context: Any) -> Any:
        """The field, or an error in its place when it is hidden from the actor: here, whoever wrote its resolver."""
        hidden = self.context_value.actor.hidden
        if hidden and (found := parent_type.fields.get(field_details_list[0].node.name.value)):
            name = full_name(parent_type, found)
            if name in hidden:
                self.handle_field_error(unseen(name), found.type, field_details_list, path)
                return None
        tracing = self.context_value.crm.tracing
        if tracing is None or path.prev is not None:
            return super().execute_field(parent_type, source, field_details_list, path, position_context)
        resolve = partial(super().execute_field, parent_type, source, field_details_list, path, position_context)
        return tracing.field(field_details_list[0].node.name.value, resolve)

    def complete_object_value(
        self, return_type: Any, field_details_list: Any, info: Any, path: Any, result: Any, position_context: Any
    ) -> Any:
        """The object, read back already or resolved field by field."""
        if isinstance(result, Ready):
            steps = tuple(step for step in path.as_list()[1:] if isinstance(step, str))
            if (shown := result.shown.get(steps)) is not None:
                return shown
            result = result.record
        return super().complete_object_value(return_type, field_details_list, info, path, result, position_context)


def full_name(kind: GraphQLObjectType, found: GraphQLField) -> str:
    """The name by which roles speak of a field: `deal.lifecycle_stage`."""
    made = (found.extensions or {}).get("strawberry-definition")
    return f"{kind.name[0].lower()}{kind.name[1:]}.{made.python_name if made else ''}"


@dataclass(frozen=True)
class Look:
    """The statement that reads records back, and the way to them of each of its columns."""

    ways: Sequence[Steps]
    reading: Reading


@dataclass
class _Shown(Ending):
    """An ending, and how what it reads is understood."""

    look: Look | None = None


async def read_back(
    info: strawberry.Info | Asked, resource: Resource, steps: Steps, records: Sequence[Any], ending: Ending | None = None
) -> list[Any]:
    """The records with what the operation selects of them; as they are where no statement can say it.

    `steps` are the names of the fields that lead from the mutation's field to a record. What `ending` has read is not read again.
    """
    if isinstance(ending, _Shown) and ending.look and ending.rows is not None:
        found = _found(resource, ending.look.ways, ending.rows[0])
    elif look := _look(info, resource, steps, [record.id for record in records]):
        found = _found(resource, look.ways, await row_inside(look.reading.sql, look.reading.values))
    else:
        return list(records)
    return [Ready(record, found[record.id]) if record.id in found else record for record in records]


def at_the_end(info: strawberry.Info | Asked, resource: Resource, steps: Steps) -> Ending:
    """How a write may end at once, with what `read_back` would read."""

    def reading(keys: Sequence[uuid.UUID]) -> Reading | None:
        ending.look = _look(info, resource, steps, keys)
        return ending.look.reading if ending.look else None

    ending = _Shown(reading)
    return ending


def _look(info: strawberry.Info | Asked, resource: Resource, steps: Steps, keys: Sequence[uuid.UUID]) -> Look | None:
    asked = Asked.of(info)
    reader = asked.context.loaders.get(READER)
    return reader(resource, steps, asked.kind, asked.nodes, keys) if reader and keys else None


def _found(resource: Resource, keys: Sequence[Steps], row: Sequence[Any]) -> dict[uuid.UUID, dict[Steps, dict[str, Any]]]:
    """By the key of a record, what is shown of it: a column of the row for each way that leads to it."""
    found: dict[uuid.UUID, dict[Steps, dict[str, Any]]] = {}
    for steps, text in zip(keys, row, strict=True):
        for shown in json.loads(str(text or "[]")):
            found.setdefault(ids.decode(resource, shown.pop(KEY)), {})[steps] = shown
    return found


def ways(selections: Any, kind: GraphQLObjectType, nodes: Sequence[FieldNode], steps: Steps) -> list[tuple[Steps, Any, list[FieldNode]]]:
    """The response keys that lead to a record, the type of it, and what is selected there."""
    found = []
    for key, same in selections.below(kind, nodes).items():
        if same[0].name.value == steps[0]:
            below: Any = get_named_type(kind.fields[steps[0]].type)
            further = ways(selections, below, same, steps[1:]) if steps[1:] else [((), below, same)]
            found += [((key, *rest), record, chosen) for rest, record, chosen in further]
    return found
