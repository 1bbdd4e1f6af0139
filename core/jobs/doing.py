"""One try of one job, from its row to its outcome. Each write names the holder, so what a process writes too late has no effect."""

import asyncio
import logging
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from core.crm import CRM
from core.errors import Refused
from core.fields import now
from core.jobs.declared import Backoff, Job
from core.jobs.run import Run
from core.models import Job as Row
from core.models import JobState
from core.permissions import ALL, Actor
from core.plain import as_text

log = logging.getLogger(__name__)

MOST_CRASHES = 15  # after so many processes that died under a job it is to blame
# A job under which a process died is done again at once, for it may have been chance; after that it waits, so that one that kills
# processes leaves them time for the others, and one that was only near is not near each time.
SUSPECT = Backoff(timedelta(seconds=1), 2.0, timedelta(minutes=1), jitter=0.25)
MOST_RESULT = 65_536
MOST_ERROR = 500
PATIENCE = 10.0  # seconds in which work that was told to stop may tidy up

CANCELLED, STOPPING, LOST, LATE = "cancelled", "stopping", "lost", "late"


@dataclass
class Doing:
    """Work that is going on in this process. `why` is set before it is told to stop."""

    row: Row
    task: "asyncio.Task[Any]"
    why: str | None = None

    def stop(self, why: str) -> None:
        """Tell the work to stop; it ends at its next `await`."""
        if self.why is None:
            self.why = why
            self.task.cancel()


class Doings:
    """What this process is doing, by the id of the job."""

    def __init__(self, crm: CRM, place: str) -> None:
        self.crm, self.place = crm, place
        self.going: dict[uuid.UUID, Doing] = {}
        self.closed = False
        self._count, self._idle = 0, asyncio.Event()
        self._idle.set()

    async def do(self, id: uuid.UUID, turn: int) -> None:
        """Do a job whose turn it is. Returns when its row says what came of it, also when somebody else does it."""
        self._count += 1
        self._idle.clear()
        try:
            await self._do(id, turn)
        finally:
            self._count -= 1
            if not self._count:
                self._idle.set()

    async def close(self, grace: float) -> None:
        """Begin nothing any more, let the work finish within the grace, and hand back the rest."""
        self.closed = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), grace)
        self.stop(STOPPING)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), PATIENCE)

    async def _do(self, id: uuid.UUID, turn: int) -> None:
        begun = await self._begin(id, turn)
        if begun is None:
            return
        row, crashed = begun
        job = self.crm.jobs.get(row.name)
        if job is None or self.closed:
            await _put_back(row)
        elif row.cancel_requested:
            await _finish(row, job, JobState.CANCELLED)
        elif row.crashes > MOST_CRASHES:
            await _finish(row, job, JobState.DEAD, error=f"{row.crashes} processes died while they did it")
        elif crashed and row.crashes > 1:
            await _put_back(row, run_at=now() + SUSPECT.wait(row.crashes - 1))
        else:
            await self._work(row, job)

    def stop(self, why: str) -> None:
        """Tell all work to stop."""
        for doing in list(self.going.values()):
            doing.stop(why)

    async def obey(self) -> None:
        """Tell the work to stop that was cancelled, or that somebody else has."""
        if not self.going:
            return
        going = dict(self.going)  # what begins while the rows are read is not among them
        rows = await Row.filter(id__in=list(going)).values_list("id", "holder", "cancel_requested")
        found = {id: (holder, cancelled) for id, holder, cancelled in rows}
        for id, doing in going.items():
            holder, cancelled = found.get(id, ("", False))
            if holder != doing.row.holder:
                doing.stop(LOST)
            elif cancelled:
                doing.stop(CANCELLED)

    async def _begin(self, id: uuid.UUID, turn: int) -> tuple[Row, bool] | None:
        """The row, now held by this process, and whether another one died under it; None when it is not for us."""
        row = await Row.get_or_none(id=id, turn=turn, state__in=[JobState.QUEUED, JobState.RUNNING])
        if row is None:
            return None
        as_read = Row.filter(id=id, turn=turn, state=row.state, holder=row.holder)
        crashed = row.state is JobState.RUNNING
        values: dict[str, Any] = {
            "state": JobState.RUNNING, "holder": f"{self.place} {uuid.uuid4().hex}", "started_at": now(),
            "attempts": row.attempts + 1, "crashes": row.crashes + crashed,
        }  # fmt: skip
        if not await as_read.update(**values):
            return None
        return row.update_from_dict(values), crashed

    async def _work(self, row: Row, job: Job) -> None:
        actor = Actor(f"job {job.name}", {"*": ALL})
        run = Run(self.crm, actor, id=row.id, name=job.name, attempt=row.attempts, key=row.key, holder=row.holder)
        doing = Doing(row, asyncio.create_task(_contained(job, run, row.arguments)))
        self.going[row.id] = doing
        try:
            await self._outcome(doing, job)
        finally:
            self.going.pop(row.id, None)

    async def _outcome(self, doing: Doing, job: Job) -> None:
        row, task = doing.row, doing.task
        await asyncio.wait({task}, timeout=job.timeout.total_seconds())
        if not task.done():
            doing.stop(LATE)
        if not task.done():
            await asyncio.wait({task}, timeout=PATIENCE)
        if not task.done():
            log.error("the job %s %s does not stop; it goes on, and its row says that it failed", row.name, row.id)
        elif not task.cancelled() and task.exception() is None and doing.why != LOST:
            await _done(row, job, task.result())  # it may have been told to stop when it was done
            return
        match doing.why:
            case "lost":
                log.warning("the job %s %s is somebody else's now", row.name, row.id)
            case "stopping":
                await _put_back(row)
            case "cancelled":
                await _finish(row, job, JobState.CANCELLED)
            case "late":
                await _failed(row, job, f"took longer than {job.timeout}")
            case _:
                await _failed(row, job, _reason(task))


async def _contained(job: Job, run: Run, arguments: dict[str, Any]) -> Any:
    try:
        return await job.work(run, **arguments)
    except SystemExit as error:
        raise RuntimeError("the work raised SystemExit") from error


def _reason(task: "asyncio.Task[Any]") -> str:
    error: BaseException = asyncio.CancelledError() if task.cancelled() else task.exception() or RuntimeError()
    if isinstance(error, Refused):
        return str(error)
    log.error("a job failed", exc_info=error)
    return f"{type(error).__name__}; the log of the server says more"


async def _done(row: Row, job: Job, result: Any) -> None:
    try:
        text = as_text(result)
    except TypeError as error:
        text, result = "", None
        log.warning("the job %s %s returned what is no JSON: %s", row.name, row.id, error)
    if len(text) > MOST_RESULT:
        log.warning("the result of job %s %s is too long to be kept", row.name, row.id)
        result = None
    await _finish(row, job, JobState.DONE, result=result, error=None)


async def _failed(row: Row, job: Job, reason: str) -> None:
    failures = row.failures + 1
    values = {"failures": failures, "error": reason[:MOST_ERROR]}
    if failures > job.retries:
        log.error("the job %s %s is dead: %s", row.name, row.id, reason)
        await _finish(row, job, JobState.DEAD, **values)
        return
    wait = job.backoff.wait(failures)
    log.warning("the job %s %s failed and is tried again in %.0f s: %s", row.name, row.id, wait.total_seconds(), reason)
    await _put_back(row, run_at=now() + wait, **values)


async def _finish(row: Row, job: Job, state: JobState, **values: Any) -> None:
    if job.unique == "unfinished":
        values["lock"] = None
    await _mine(row).update(state=state, finished_at=now(), holder="", cancel_requested=False, **values)


async def _put_back(row: Row, **values: Any) -> None:
    """It waits again, for a turn of its own."""
    await _mine(row).update(state=JobState.QUEUED, turn=row.turn + 1, handed=False, holder="", **values)


def _mine(row: Row) -> Any:
    return Row.filter(id=row.id, holder=row.holder)
