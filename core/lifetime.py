"""How a house ends, in order: the one place for whatever runs beside the requests.

1. `stop`: the process is told to stop. `stopping` is set, /readyz is red, and what watches `stopping` takes on nothing new.
2. The server accepts no more connections, closes sockets with 1001, and finishes the requests that have begun (core/server/process.py).
3. `end`: what was begun by `run` comes to its end; then what follows from committed writes is told.
4. Readers and database close (core/server/app.py).

All of it takes no longer than `[server] grace` seconds and a moment: what still runs then is cancelled, and its transaction undone.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)

MOMENT = 2.0  # seconds that even the last one to end has, when requests took all the time that there was
UNWINDING = 5.0  # seconds in which what was cancelled undoes its transaction


class Lifetime:
    """What a house runs beside its requests, and its end."""

    def __init__(self, grace: float) -> None:
        self.stopping = asyncio.Event()
        self._grace = grace
        self._until = 0.0
        self._work: set[asyncio.Task[None]] = set()

    def run(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Let `work` run until the house ends: consumers, jobs. It must return soon after `stopping` is set, or is cancelled in the end.

        To be called while the house is open, for the task sees the database of whoever calls. An error that escapes is logged.
        """
        task = asyncio.create_task(work, name=name)
        self._work.add(task)
        task.add_done_callback(self._ended)

    def stop(self) -> None:
        """Begin to end."""
        if not self.stopping.is_set():
            self._until = time.monotonic() + self._grace
            self.stopping.set()

    async def end(self, background: set[asyncio.Task[None]]) -> None:
        """Wait for the work that was begun by `run`, and then for the tasks that come into `background` meanwhile."""
        self.stop()
        await self._emptied(self._work)
        await self._emptied(background)

    async def _emptied(self, tasks: set[asyncio.Task[None]]) -> None:
        """Wait until the set is empty. It is emptied by its tasks, which may start others."""
        until = max(self._until, time.monotonic() + MOMENT)
        while tasks and (left := until - time.monotonic()) > 0:
            await asyncio.wait(tuple(tasks), timeout=left)
        if late := tuple(tasks):
            log.warning("cancelled after %g s: %s", self._grace, ", ".join(sorted(task.get_name() for task in late)))
            for task in late:
                task.cancel()
            await asyncio.wait(late, timeout=UNWINDING)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._work.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("%s ended with an error", task.get_name(), exc_info=error)
