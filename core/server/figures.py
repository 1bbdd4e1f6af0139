"""Figures of /metrics for which the database has to be asked: how far consumers are behind, and what the jobs do."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from tortoise.functions import Count, Min

from core.crm import CRM
from core.fields import now
from core.measures import Measure, Values
from core.models import Job
from core.models.jobs import JobState
from core.tail.lag import Lag, lags

FRESH = 1.0  # seconds in which the figures of one look are taken from one answer
OPEN = (JobState.QUEUED, JobState.RUNNING, JobState.DEAD)


class Figures:
    """What is asked for at a look at /metrics."""

    def __init__(self, crm: CRM) -> None:
        self._crm = crm
        self._lags: list[Lag] = []
        self._asked = float("-inf")
        self._turn = asyncio.Lock()
        crm.measure(Measure("consumer_waiting_events", "Events that wait for a consumer.", self._of(lambda one: one.events), ("consumer",)))
        crm.measure(Measure("consumer_waiting_seconds", "Since when they wait.", self._of(lambda one: one.seconds), ("consumer",)))
        crm.measure(Measure("consumer_dead_events", "Events that were put aside.", self._of(lambda one: one.dead), ("consumer",)))
        crm.measure(Measure("jobs", "Jobs that wait, run or are dead.", _jobs, ("state",)))
        crm.measure(Measure("jobs_late_seconds", "Since when the oldest job is due that has not begun.", _late))

    def _of(self, figure: Callable[[Lag], float]) -> Callable[[], Awaitable[Values]]:
        async def read() -> Values:
            async with self._turn:
                if time.monotonic() - self._asked > FRESH:
                    self._lags = await lags(self._crm)
                    self._asked = time.monotonic()
            return {(one.name,): figure(one) for one in self._lags}

        return read


async def _jobs() -> Values:
    rows = await Job.filter(state__in=OPEN).annotate(number=Count("id")).group_by("state").values_list("state", "number")
    found = {str(state): number for state, number in rows}
    return {(state.value.lower(),): found.get(state.value, 0) for state in OPEN}


async def _late() -> Values:
    rows = await Job.filter(state=JobState.QUEUED, run_at__lte=now()).annotate(first=Min("run_at")).values_list("first")
    return max(0.0, (now() - rows[0][0]).total_seconds()) if rows and rows[0][0] else 0.0
