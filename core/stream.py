"""Hands every committed event to whoever listens in this process."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from core.errors import Refused

if TYPE_CHECKING:
    from core.events import Event

LENGTH = 1_000


class TooSlow(Refused):
    """A listener did not keep up; it has to ask for what it missed and listen again."""

    code, status = "UNAVAILABLE", 503


class Stream:
    """The listeners of one house, each with a queue of its own."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Event | None]] = set()

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._queues)

    def put(self, event: "Event") -> None:
        """Hand the event to each listener; one whose queue is full is let go."""
        for queue in tuple(self._queues):
            if queue.full():
                self._queues.discard(queue)
                queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(event)

    async def listen(self) -> AsyncIterator["Event"]:
        """Every event from now on. Raises TooSlow when the listener falls behind by a thousand."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue(LENGTH)
        self._queues.add(queue)
        try:
            while True:
                event = await queue.get()
                if event is None:
                    raise TooSlow("this subscription fell behind and was ended; subscribe again")
                yield event
        finally:
            self._queues.discard(queue)
