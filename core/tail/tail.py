"""The end of the table of events, followed for as long as somebody wants to know: what is committed anywhere is seen here."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from core.database.addresses import sqlite_file
from core.settings import Settings
from core.stream import Stream
from core.tail.duty import Duty, duty
from core.tail.frontier import Frontier
from core.tail.sources import OUTAGES, Source, source
from core.tail.wire import Wire

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 1.0  # where nobody says that there is something new
SECONDS_BETWEEN_CALLS = 0.01  # between two looks, however much is written meanwhile
SECONDS_IN_A_GAP = (0.005, 0.25)  # between two looks while rows lie behind a gap: at first, and at most


class Tail:
    """The events of one house. Opened with it; it looks only while it is followed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.source: Source = source(settings)
        self.stream = Stream(self)
        self.wire = None if sqlite_file(settings) else Wire(settings, self._wake)
        self.duty: Duty = duty(settings, self.wire)
        self._frontier = Frontier(self.source)
        self._woken = asyncio.Event()
        self._moved = asyncio.Event()
        self._looking = asyncio.Lock()
        self._followers = 0
        self._pause = 0.0
        self._running: asyncio.Task[None] | None = None

    @property
    def position(self) -> int:
        """The position up to which everything is there and was seen here."""
        return self._frontier.position or 0

    def tell(self) -> None:
        """Something was committed by this process; nothing is awaited."""
        if self._running is None:  # a command, which ends soon: the servers see it when they look
            return
        self._wake()
        if self.wire:
            self.wire.call()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Follow inside this block, and close what was opened after it. An inner block leaves that to the outer one."""
        if self._running is not None:
            yield
            return
        self._running = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None
            self.stream.end()
            if self.wire:
                await self.wire.close()
            await self.duty.close()
            await self.source.close()

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Keep looking inside this block."""
        self._followers += 1
        self._wake()
        try:
            yield
        finally:
            self._followers -= 1

    async def reached(self) -> int:
        """Look, and say up to which position everything is there. Waits for those who were writing, when this is the first look."""
        while await self._look() is None:  # noqa: ASYNC110  # who writes in other processes tells nobody when it ends
            await asyncio.sleep(SECONDS_IN_A_GAP[0])
        return self.position

    async def beyond(self, position: int, seconds: float) -> None:
        """Wait until there is something beyond a position, at most for so long."""
        if self.position <= position:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._moved.wait()

    def _wake(self) -> None:
        self._woken.set()

    async def _look(self) -> int | None:
        async with self._looking:
            before = self._frontier.position
            after = await self._frontier.advance()
            if after != before:
                self._moved.set()
                self._moved = asyncio.Event()
            return after

    async def _run(self) -> None:
        broken = False
        while True:
            await self._rest()
            began = time.monotonic()
            try:
                if self.wire:
                    await self.wire.listen()
                await self._look()
                await self.stream.pass_on(self.position)
                if broken:
                    log.info("events are followed again")
                broken = False
            except OUTAGES as error:
                if not broken:
                    log.warning("events cannot be followed: %s", error or type(error).__name__)
                broken = True
                await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            await asyncio.sleep(max(0.0, began + SECONDS_BETWEEN_CALLS - time.monotonic()))

    async def _rest(self) -> None:
        """Wait until it is time to look."""
        if self._frontier.waits and self._followers:
            first, most = SECONDS_IN_A_GAP
            self._pause = min(max(self._pause * 1.5, first), most)
            await asyncio.sleep(self._pause)
            return
        self._pause = 0.0
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_BETWEEN_LOOKS if self._followers else None):
                await self._woken.wait()
        self._woken.clear()
        while not self._followers:
            await self._woken.wait()
            self._woken.clear()
