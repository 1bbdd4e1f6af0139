"""Rows for the jobs whose clock has ticked. Any process may read the clock; each tick is written once."""

import datetime
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from core.crm import CRM
from core.events import transaction
from core.fields import now
from core.jobs.asking import tick
from core.jobs.cron import Cron
from core.models import JobClock
from core.permissions import SYSTEM


class Clock:
    """Knows when each job of the house ticks next, so that reading it costs nothing between ticks."""

    def __init__(self, crm: CRM) -> None:
        self._crm = crm
        self._jobs = {job.name: (job, Cron(job.cron)) for job in crm.jobs.values() if job.cron}
        self._zones = {name: ZoneInfo(job.time_zone or crm.settings.company.time_zone) for name, (job, _) in self._jobs.items()}
        self._next: dict[str, datetime.datetime] | None = None

    async def read(self, at: datetime.datetime | None = None) -> list[str]:
        """Write down what has ticked, and give the names. A job that is new here ticks from now on."""
        moment = at or now()
        if self._next is None:
            self._next = await self._first(moment)
        due = [name for name, tick in self._next.items() if tick <= moment]
        return [name for name in due if await self._tick(name, moment)]

    async def _first(self, moment: datetime.datetime) -> dict[str, datetime.datetime]:
        known: Mapping[str, datetime.datetime] = dict(await JobClock.all().values_list("name", "read_at"))
        fresh = [JobClock(name=name, read_at=moment) for name in self._jobs if name not in known]
        await JobClock.bulk_create(fresh, ignore_conflicts=True)
        return {name: self._after(name, known.get(name, moment)) for name in self._jobs}

    async def _tick(self, name: str, moment: datetime.datetime) -> bool:
        job, cron = self._jobs[name]
        assert self._next is not None
        async with transaction(self._crm.call(SYSTEM)):
            clock = await JobClock.get(name=name)
            last = cron.last(clock.read_at, moment, self._zones[name])
            ours = last is not None and await JobClock.filter(name=name, read_at=clock.read_at).update(read_at=last)
            if ours and last:
                await tick(self._crm, job, last)
        self._next[name] = self._after(name, last or clock.read_at)
        return bool(ours)

    def _after(self, name: str, moment: datetime.datetime) -> datetime.datetime:
        return self._jobs[name][1].following(moment, self._zones[name])
