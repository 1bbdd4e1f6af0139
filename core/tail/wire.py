"""One connection to PostgreSQL beside all others: it hears of events of other processes, tells them of ours, and holds locks."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import asyncpg

from core.settings import Settings
from core.tail.sources import OUTAGES, words

log = logging.getLogger(__name__)

CHANNEL = "payvand_event"
PATIENCE = 5.0
PAUSE = 0.05  # seconds between two calls to the other processes, however much is written
# The server notices within seconds that this process, or its machine, is gone; then our locks are free.
KEEPALIVE = {"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3", "idle_session_timeout": "0"}
LOCKS = 0x70617976  # the first half of our advisory locks


class Wire:
    """The connection, opened when it is first needed, and again after it was lost. With it go the locks that it held."""

    def __init__(self, settings: Settings, heard: Callable[[], None]) -> None:
        self._words = {**words(settings, **KEEPALIVE), "timeout": PATIENCE, "command_timeout": PATIENCE}
        self._heard = heard
        self._connection: asyncpg.Connection | None = None
        self._listens = False
        self._turn = asyncio.Lock()
        self._calling: asyncio.Task[None] | None = None
        self._again = False
        self.held: set[str] = set()

    async def listen(self) -> None:
        """Hear of events of other processes from now on. Raises what asyncpg raises."""
        async with self._turn:
            connection = await self._open()
            if not self._listens:
                await connection.add_listener(CHANNEL, self._notified)
                self._listens = True

    def call(self) -> None:
        """Tell the other processes that there are events: soon, and only once for many. Nobody waits for it, and it may get lost."""
        self._again = True
        if self._calling is None or self._calling.done():
            self._calling = asyncio.create_task(self._call())

    async def take(self, name: str) -> bool:
        """Whether the lock of that name is ours. Raises what asyncpg raises."""
        async with self._turn:
            connection = await self._open()
            if name not in self.held and await connection.fetchval("SELECT pg_try_advisory_lock($1, hashtext($2))", LOCKS, name):
                self.held.add(name)
            return name in self.held

    async def give_back(self, name: str) -> None:
        """Let go of a lock."""
        async with self._turn:
            if name in self.held and self._connection and not self._connection.is_closed():
                self.held.discard(name)
                await self._connection.fetchval("SELECT pg_advisory_unlock($1, hashtext($2))", LOCKS, name)

    async def close(self) -> None:
        """Close the connection, and with it let go of all locks."""
        if self._calling:
            self._calling.cancel()
            await asyncio.gather(self._calling, return_exceptions=True)
        if self._connection and not self._connection.is_closed():
            self._connection.terminate()
        self._forget()

    async def _call(self) -> None:
        while self._again:
            self._again = False
            try:
                async with self._turn:
                    await (await self._open()).execute(f"NOTIFY {CHANNEL}")
            except OUTAGES as error:
                log.info("other processes hear of events late: %s", error or type(error).__name__)
            await asyncio.sleep(PAUSE)

    async def _open(self) -> asyncpg.Connection:
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        self._forget()
        made: asyncpg.Connection = await asyncpg.connect(**self._words)
        made.add_termination_listener(lambda _: self._lost())
        self._connection = made
        return made

    def _lost(self) -> None:
        self._forget()
        self._heard()

    def _forget(self) -> None:
        self.held.clear()
        self._listens = False
        self._connection = None

    def _notified(self, connection: Any, pid: int, channel: str, payload: object) -> None:
        if self._connection is not None and pid != self._connection.get_server_pid():
            self._heard()
