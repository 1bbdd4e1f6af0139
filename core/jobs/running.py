"""Jobs run for as long as a block lasts: the relay, the clock, and the engine once there is something for it to do."""

import asyncio
import datetime
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING

from core.crm import CRM
from core.fields import now
from core.jobs.clock import Clock
from core.jobs.doing import STOPPING, Doings
from core.jobs.locks import Locks, locks
from core.models import Job, JobState

if TYPE_CHECKING:  # the engine is read when there is work for it: it is as large as the rest of the house
    from core.jobs.engine import Engine

log = logging.getLogger(__name__)

LOOK = 0.5  # seconds between two looks for jobs that other processes wrote down
WATCH = 1.0
LONGEST = 60.0
DOUBT, TIDY = 30.0, 600.0
KEPT = datetime.timedelta(hours=1)  # how long the engine remembers what is over
LEADER = 0  # the place of the process that hands over and takes over for all
MOST_PLACES = 10_000


@asynccontextmanager
async def running(crm: CRM) -> AsyncIterator[None]:
    """The jobs of this house run in this process inside the block. At its end they are finished or handed back, within the grace."""
    runner = Runner(crm)
    task = asyncio.create_task(runner.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Runner:
    """What runs the jobs of one house in one process."""

    def __init__(self, crm: CRM) -> None:
        self._crm, self._clock = crm, Clock(crm)

    async def run(self) -> None:
        """Until cancelled. Whatever fails is tried again, for the database may be away for a while."""
        pause = WATCH
        while True:
            try:
                await self._until_needed()
                await self._work()
                pause = WATCH
            except (Exception, SystemExit):  # an edge: jobs go on, whatever happens
                log.exception("no jobs can be run now; the next attempt follows in %.0f s", pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST)

    async def _until_needed(self) -> None:
        while not (await self._clock.read() or await self._needed()):
            await self._look()

    async def _needed(self) -> bool:
        unfinished = Job.filter(state__in=[JobState.QUEUED, JobState.RUNNING], run_at__lte=now(), name__in=list(self._crm.jobs))
        return await unfinished.exists()

    async def _look(self) -> None:
        """Wait until there may be something new."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._crm.enqueued.wait(), LOOK)
        self._crm.enqueued.clear()

    async def _work(self) -> None:
        """Run jobs from a place of our own, until cancelled or until the place is lost."""
        await asyncio.to_thread(import_module, "core.jobs.engine")  # it is as large as the rest of the house
        from core.jobs.engine import Engine

        held = await locks(self._crm.settings)
        try:
            place = await _free(held)
            doings = Doings(self._crm, f"place-{place}")
            queues = {job.queue.name: job.queue for job in self._crm.jobs.values()}
            engine = Engine(self._crm.settings, place, list(queues.values()), doings.do)
            await engine.start()
            try:
                await self._together(Leading(self._crm, engine, held, place), held, doings)
            finally:
                await doings.close(self._crm.settings.jobs.grace)
                await engine.stop()
        finally:
            await held.close()

    async def _together(self, leading: "Leading", held: Locks, doings: Doings) -> None:
        tasks = [asyncio.create_task(one) for one in (self._hand(leading), _every(WATCH, leading.watch), _every(WATCH, doings.obey))]
        try:
            await held.lost()
            log.error("the place of this process is lost, so others may do its jobs; it begins anew")
            doings.stop(STOPPING)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _hand(self, leading: "Leading") -> None:
        async def once() -> None:
            await self._clock.read()
            while await leading.hand():
                pass
            await self._look()

        await _every(0, once)


class Leading:
    """What one process does for all: it hands over, and takes over what dead ones left."""

    def __init__(self, crm: CRM, engine: "Engine", held: Locks, place: int) -> None:
        from core.jobs.relay import Relay  # here, because it knows the engine

        self._engine, self._held, self._place = engine, held, place
        self._relay = Relay(crm, engine)
        self._next_doubt, self._next_tidy = 0.0, 0.0

    async def hand(self) -> bool:
        """Hand over what is due, if it is ours to do; whether there may be more."""
        return await self._held.take(LEADER) and await self._relay.hand() > 0

    async def watch(self) -> None:
        """Look for dead places, for what the engine forgot, and for what it need not know any more."""
        if not await self._held.take(LEADER):
            return
        for place in await self._engine.places() - {self._place}:
            if await self._held.take(place):
                count = await self._engine.take_over(place)
                await self._held.release(place)
                log.warning("a process died; what it was doing goes on: %d jobs", count)
        moment = time.monotonic()
        if moment >= self._next_doubt:
            await self._relay.doubt()
            self._next_doubt = moment + DOUBT
        if moment >= self._next_tidy:
            while over := await self._engine.over((now() - KEPT).isoformat()):
                await self._engine.forget(over)
            self._next_tidy = moment + TIDY


async def _free(held: Locks) -> int:
    """A place that is ours from now on: the lowest, so that whoever starts again goes on with what it left."""
    for place in range(LEADER + 1, MOST_PLACES):
        if await held.take(place):
            return place
    raise RuntimeError("all places are taken")


async def _every(pause: float, step: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await step()
        except (Exception, SystemExit):  # an edge: the database may be away for a while
            log.exception("the jobs are held up")
            await asyncio.sleep(WATCH)
        await asyncio.sleep(pause)
