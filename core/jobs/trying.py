"""For the tests of plugins: jobs are done here and now, without an engine."""

import asyncio

from core.crm import CRM
from core.fields import now
from core.jobs.doing import Doings
from core.models import Job, JobState


async def do_all(crm: CRM, *, soon: bool = False) -> None:
    """Do all jobs whose time has come, and those that they enqueue; with `soon` also those that wait for their time or another try."""
    doings = Doings(crm, "trial")
    while True:
        waiting = Job.filter(state=JobState.QUEUED, name__in=list(crm.jobs))
        if soon:
            await waiting.update(run_at=now())
        due = await waiting.filter(run_at__lte=now()).order_by("priority", "id")
        if not due:
            return
        await asyncio.gather(*(doings.do(one.id, one.turn) for one in due))
