"""What can be done about jobs, and how one of them comes along; the queries of jobs come with their resource."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Annotated

import strawberry

from core.crm import Call
from core.errors import NotFound, Refused
from core.jobs import control
from core.models import Job, JobState
from core.permissions import permit
from core.records.ids import key_of
from core.records.visibility import visible
from core.resources import READ
from schema.mutations import UserError, user_errors

PERMISSIONS = {
    "job.cancel": "To cancel a job.",
    "job.retry": "To have a dead or cancelled job done again.",
}
LOOK = 0.5  # seconds between two looks at a job that is watched
GOING = (JobState.QUEUED, JobState.RUNNING)

JobId = Annotated[strawberry.ID, strawberry.argument(description="Global id of a job.")]


@strawberry.type(description="What came of jobCancel.")
class JobCancelPayload:
    """The payload of jobCancel."""

    job: Job | None = strawberry.field(description="The job; null when it was refused.")
    user_errors: list[UserError] = strawberry.field(description="What the user can mend; empty when all went well.")


@strawberry.type(description="What came of jobRetry.")
class JobRetryPayload:
    """The payload of jobRetry."""

    job: Job | None = strawberry.field(description="The job; null when it was refused.")
    user_errors: list[UserError] = strawberry.field(description="What the user can mend; empty when all went well.")


@strawberry.type(name="Mutation", extend=True)
class JobMutations:
    """What can be done about a job."""

    @strawberry.mutation(description="Cancel a job: one that waits is never begun, one that runs is told to stop.")
    @permit("job.cancel")
    async def job_cancel(self, info: strawberry.Info[Call], id: JobId) -> JobCancelPayload:
        """Cancel a job that the actor may cancel."""
        job, errors = await _done(info.context, id, control.CANCEL, control.cancel)
        return JobCancelPayload(job=job, user_errors=errors)

    @strawberry.mutation(description="Have a dead or cancelled job done again, with all its retries.")
    @permit("job.retry")
    async def job_retry(self, info: strawberry.Info[Call], id: JobId) -> JobRetryPayload:
        """Retry a job that the actor may retry."""
        job, errors = await _done(info.context, id, control.RETRY, control.retry)
        return JobRetryPayload(job=job, user_errors=errors)


@strawberry.type(name="Subscription", extend=True)
class JobSubscription:
    """How a job comes along."""

    @strawberry.subscription(description="A job as it is now, and again whenever its state or progress changes, until it is over.")
    @permit("job.read")
    async def job_progress(self, info: strawberry.Info[Call], id: JobId) -> AsyncGenerator[Job, None]:
        """The row of the job, looked at twice a second: it may run in any process."""
        call, before = info.context, None
        while True:
            job = await _one(call, id, READ)
            now = (job.state, job.attempts, job.progress_done, job.progress_total, job.progress_note, job.error, job.cancel_requested)
            if now != before:
                yield job
                before = now
            if job.state not in GOING:
                return
            await asyncio.sleep(LOOK)


async def _done(call: Call, id: str, verb: str, what: Callable[[Call, Job], Awaitable[Job]]) -> tuple[Job | None, list[UserError]]:
    try:
        return await what(call, await _one(call, id, verb)), []
    except Refused as refused:
        return None, user_errors(refused)


async def _one(call: Call, id: str, verb: str) -> Job:
    job = await visible(call, Job, verb).get_or_none(id=key_of(call, Job, id))
    if job is None:
        raise NotFound("there is no Job with this id")
    return job
