"""Answers about one event that several subscribers get: made once for all who ask the same with the same rights."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, runtime_checkable

from core.permissions import Actor
from core.stream import Told
from schema.operations.answers import Answer
from schema.operations.documents import Prepared
from schema.transport.parameters import Parameters


@runtime_checkable
class OfEvent(Protocol):
    """What a subscription gives for an event, where it depends on nothing but the event and the rights of who asks."""

    told: Told


class Question:
    """What one subscriber asks about each event."""

    def __init__(self, prepared: Prepared, parameters: Parameters) -> None:
        self._document = prepared.document
        self._key = (id(prepared.document), parameters.operation_name, json.dumps(parameters.variables, sort_keys=True, default=str))

    async def answer(self, told: Told, actor: Actor, make: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer that somebody with the same rights gets to the same question, else one that is made now."""
        known = told.known.setdefault(self._key, [])
        # The document is kept with the answer, so that its id is nobody else's.
        task = next((one for other, _, one in known if other is actor or (other.key_id == actor.key_id and other == actor)), None)
        if task is not None:
            answer: Answer = await asyncio.shield(task)
            return await make() if "errors" in answer.body else answer  # errors name the request
        task = asyncio.ensure_future(_encoded(make))  # a task of its own: who asks first may be gone before the others have it
        known.append((actor, self._document, task))
        return await asyncio.shield(task)


async def _encoded(make: Callable[[], Awaitable[Any]]) -> Answer:
    answer = await make()
    answer.text = answer.encoded()
    return answer
