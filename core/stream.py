"""Hands every event to whoever listens in this process, in the order of their positions."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.errors import Refused
from core.tail.kept import EVERYTHING, KeptEvent, Wanted

if TYPE_CHECKING:
    from core.tail.tail import Tail

LENGTH = 1_000  # events that wait for one listener
PAGE = 100  # events that a listener gets at once


class TooSlow(Refused):
    """A listener did not keep up; it has to listen again, after the last event that it got."""

    code, status = "UNAVAILABLE", 503


class Leaving(Refused):
    """The server stops; the listener goes on at another one, or later."""

    code, status = "UNAVAILABLE", 503


@dataclass(eq=False)
class Told:
    """An event on its way to the listeners. What is found out about it for one of them is kept for the others."""

    event: KeptEvent
    known: dict[Any, Any] = field(default_factory=dict)


@dataclass(eq=False)
class _Listener:
    """One who listens, and what waits for it; of what is not beyond `since` it has heard otherwise."""

    wanted: Wanted
    since: int = 0
    waiting: list[Told] = field(default_factory=list)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    end: Refused | None = None


class Stream:
    """The listeners of one house. They keep the tail of events in motion for as long as there are any."""

    def __init__(self, tail: "Tail") -> None:
        self._tail = tail
        self._listeners: set[_Listener] = set()
        self._through = 0  # everything up to here has been handed on, or is older than all listeners

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def __len__(self) -> int:
        return len(self._listeners)

    async def listen(
        self, wanted: Wanted = EVERYTHING, after: int | None = None, *, beginning: bool = False
    ) -> AsyncGenerator[list[Told], None]:
        """Events in lists: those after the position `after`, then each as it happens; without it, those from now on.

        With `beginning` an empty list says that nothing will be missed from here on. Raises TooSlow when the listener falls behind
        by a thousand, and Leaving when the server stops.
        """
        if after is not None:  # what is far behind waits for nobody
            while page := await self._page(wanted, after, (upto := await self._tail.reached())):
                yield page
                after = page[-1].event.position
            after = max(after, upto)
        async with self._tail.followed():
            listener = await self._joined(wanted)
            try:
                if beginning:
                    yield []
                while after is not None and (page := await self._page(wanted, after, listener.since)):
                    yield page
                    after = page[-1].event.position
                while True:
                    yield await _next(listener)
            finally:
                self._listeners.discard(listener)

    async def pass_on(self, upto: int) -> None:
        """Hand on what there is up to this position."""
        while self._listeners and self._through < upto:
            events, self._through = await self._tail.source.read(EVERYTHING, self._through, upto, PAGE)
            for event in events:
                told = Told(event)
                for listener in self._listeners:
                    if event.position > listener.since and event in listener.wanted:
                        _put(listener, told)
        self._through = max(self._through, upto)

    def end(self) -> None:
        """End all listening, for the server stops."""
        for listener in self._listeners:
            _finish(listener, Leaving("the server stops; subscribe again"))

    async def _joined(self, wanted: Wanted) -> _Listener:
        reached = await self._tail.reached()
        if not self._listeners:  # nobody has heard of what is older, and nobody is to
            self._through = max(self._through, reached)
        listener = _Listener(wanted, self._through)
        self._listeners.add(listener)
        return listener

    async def _page(self, wanted: Wanted, after: int, upto: int) -> list[Told]:
        return [Told(event) for event in (await self._tail.source.read(wanted, after, upto, PAGE))[0]]


async def _next(listener: _Listener) -> list[Told]:
    while not listener.waiting:
        if listener.end:
            raise listener.end
        listener.woken.clear()
        await listener.woken.wait()
    page, listener.waiting = listener.waiting[:PAGE], listener.waiting[PAGE:]
    return page


def _put(listener: _Listener, told: Told) -> None:
    if listener.end:
        return
    if len(listener.waiting) >= LENGTH:
        listener.waiting.clear()
        _finish(listener, TooSlow("this subscription fell behind and was ended; subscribe again, after the last event that you got"))
        return
    listener.waiting.append(told)
    listener.woken.set()


def _finish(listener: _Listener, why: Refused) -> None:
    listener.end = why
    listener.woken.set()
