"""Cancel and retry, for whoever may."""

from core.crm import Call
from core.errors import Conflict
from core.events import emit, transaction
from core.fields import now
from core.models import Job, JobState

CANCEL, RETRY = "cancel", "retry"
OVER = (JobState.DEAD, JobState.CANCELLED)


async def cancel(call: Call, job: Job) -> Job:
    """Cancel a job: one that waits is never begun, one that runs is told to stop at its next `await`. Raises Conflict."""
    async with transaction(call):
        waits = Job.filter(id=job.id, state=JobState.QUEUED)
        if not await waits.update(state=JobState.CANCELLED, finished_at=now(), lock=None):
            runs = Job.filter(id=job.id, state=JobState.RUNNING)
            if not await runs.update(cancel_requested=True):
                raise Conflict("the job is finished")
        await emit(call, "job.cancelled", job)
    await job.refresh_from_db()
    return job


async def retry(call: Call, job: Job) -> Job:
    """Have a dead or cancelled job done again, with all its retries. Raises Conflict."""
    declared = call.crm.jobs.get(job.name)
    lock = declared.lock(job.key) if declared and job.key else None
    async with transaction(call):
        if lock and await Job.filter(lock=lock).exclude(id=job.id).exists():
            raise Conflict("another job of this name and key is not finished")
        again = Job.filter(id=job.id, state__in=OVER)
        if not await again.update(
            state=JobState.QUEUED, turn=job.turn + 1, handed=False, failures=0, crashes=0, run_at=now(), finished_at=None, lock=lock,
            cancel_requested=False,
        ):  # fmt: skip
            raise Conflict("only a dead or cancelled job can be retried")
        await emit(call, "job.retried", job)
    call.crm.enqueued.set()
    await job.refresh_from_db()
    return job
