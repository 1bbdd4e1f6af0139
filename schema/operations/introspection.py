"""Answers about the schema itself: the same for everyone, so each is worked out once, beside the event loop, and kept."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from graphql import ExecutionResult, FieldNode, OperationDefinitionNode, OperationType

from schema.operations.shapes import INTROSPECTION

KEPT = 16

Key = tuple[str, str | None]


class Introspection:
    """The latest answers about one schema. Working one out takes a second or more of processor time."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Key, asyncio.Task[ExecutionResult]] = OrderedDict()

    async def answer(self, key: Key, work: Callable[[], ExecutionResult]) -> ExecutionResult:
        """The answer that is known under `key`, or what `work` makes; those who ask at once wait for one and the same."""
        if key not in self._answers:
            self._answers[key] = asyncio.create_task(asyncio.to_thread(work))
            if len(self._answers) > KEPT:
                self._answers.popitem(last=False)
        self._answers.move_to_end(key)
        result = await asyncio.shield(self._answers[key])
        if result.errors:
            self._answers.pop(key, None)
        return result


def introspects(operation: OperationDefinitionNode) -> bool:
    """Whether an operation asks for nothing but the schema, and without variables, so that its answer is always the same."""
    selections = operation.selection_set.selections
    return (
        operation.operation is OperationType.QUERY
        and not operation.variable_definitions
        and all(isinstance(one, FieldNode) and one.name.value in INTROSPECTION for one in selections)
    )
