"""Fields that only Python knows: filled into the JSON of a statement afterwards, all rows of a field at once."""

import asyncio
import inspect
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from graphql import Executor, GraphQLError
from graphql.execution.collect_fields import FieldDetails
from graphql.pyutils import Path

from core.records import ids
from core.resources import Resource
from schema.readpath.scopes import EACH, KEY, Hole
from schema.readpath.variables import Unfit

Steps = tuple[str | int, ...]


async def fill(executor: Executor, root: str, holes: Sequence[Hole], value: Any) -> list[GraphQLError]:
    """Fill the holes in the value of a root field. The resolvers run side by side, so that their loaders load together.

    Answers the errors of fields that may be null. Raises Unfit when one that may not be null fails.
    """
    places = [(hole, *place) for hole in holes for place in _places(value, hole)]
    records = {resource.key: await _records(resource, places) for resource in {id(hole.resource): hole.resource for hole in holes}.values()}
    work = []
    for hole, parent, steps in places:
        record = records[hole.resource.key].get(_key(hole, parent))
        if record is None:
            raise Unfit("a record that has gone meanwhile")
        work.append(_filled(executor, hole, record, parent, _path(root, (*steps, hole.key))))
    try:
        await asyncio.gather(*work)
    except GraphQLError as error:
        raise Unfit("a field that must not be null has failed") from error
    for _, parent, _ in places:
        parent.pop(KEY, None)
    return executor.collected_errors.errors


async def _filled(executor: Executor, hole: Hole, record: Any, parent: dict[str, Any], path: Path) -> None:
    found = executor.execute_field(hole.kind, record, [FieldDetails(node, None) for node in hole.nodes], path, None)
    parent[hole.key] = await found if inspect.isawaitable(found) else found


async def _records(resource: Resource, places: Sequence[tuple[Hole, dict[str, Any], Steps]]) -> dict[uuid.UUID, Any]:
    """The rows that resolvers want to see; that the actor may see them the statement has found out already."""
    keys = {_key(hole, parent) for hole, parent, _ in places if hole.resource is resource}
    rows: list[Any] = await resource.model.filter(id__in=list(keys)) if keys else []
    return {row.id: row for row in rows}


def _key(hole: Hole, parent: dict[str, Any]) -> uuid.UUID:
    return ids.decode(hole.resource, parent[KEY])


def _places(value: Any, hole: Hole) -> Iterator[tuple[dict[str, Any], Steps]]:
    """The objects that have the hole, with the steps to each."""
    waiting: list[tuple[Any, Steps, Steps]] = [(value, (), hole.path)]
    while waiting:
        one, steps, rest = waiting.pop()
        if one is None:
            continue
        if not rest:
            if one.get(KEY, "").rpartition("_")[0] == hole.resource.snake:  # a list of nodes has records of several types
                yield one, steps
        elif rest[0] == EACH:
            waiting += [(item, (*steps, place), rest[1:]) for place, item in reversed(list(enumerate(one)))]
        elif rest[0] in one:
            waiting.append((one[rest[0]], (*steps, rest[0]), rest[1:]))


def _path(root: str, steps: Steps) -> Path:
    path = Path(None, root, None)
    for step in steps:
        path = path.add_key(step)
    return path
