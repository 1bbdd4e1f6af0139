"""enqueue: a job is a row that is written in the transaction of whoever asks for it. No commit, no job."""

import asyncio
import datetime
import inspect
import uuid
from collections.abc import Mapping
from typing import Any

from core.crm import CRM, Call
from core.events import transaction
from core.fields import new_id, now
from core.jobs.declared import Job
from core.models import Job as Row
from core.plain import as_text

MOST = 65_536  # characters of arguments as JSON; whoever has more keeps it in a table, and gives its key
MOST_KEY = 200
COMMIT = 0.02  # seconds until the transaction is over, mostly; a later commit is found by looking


async def enqueue(
    call: Call,
    name: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    key: str | None = None,
    delay: datetime.timedelta | None = None,
    at: datetime.datetime | None = None,
    priority: int = 5,
) -> uuid.UUID:
    """Have a job done once the transaction around this is committed, and give its id.

    arguments: of the work, as JSON. key: there is at most one job of this name and key, until it is finished; asked for again it is
    the one that is there. delay, at: not before. priority: from 1, which is done first, to 9.
    Raises ValueError for a job that nobody declared, and for arguments that its work does not take.
    """
    job, given = call.crm.jobs.get(name), dict(arguments or {})
    if job is None:
        raise ValueError(f"there is no job '{name}'")
    _check(job, given, key, priority)
    row = Row(
        id=new_id(), name=name, queue=job.queue.name, arguments=given, key=key, lock=job.lock(key) if key else None, priority=priority,
        run_at=at or now() + (delay or datetime.timedelta()), requested_by=call.actor.name, user_id=call.actor.user_id,
    )  # fmt: skip
    async with transaction(call):
        found = await _write(row)
    asyncio.get_running_loop().call_later(COMMIT, call.crm.enqueued.set)
    return found


async def tick(crm: CRM, job: Job, at: datetime.datetime) -> None:
    """As `enqueue`, for a tick of the clock: left out while the tick before is at work."""
    row = Row(id=new_id(), name=job.name, queue=job.queue.name, lock=job.lock("clock"), key="clock", run_at=at, requested_by="clock")
    await _write(row)


async def _write(row: Row) -> uuid.UUID:
    if row.lock is None:
        await row.save(force_create=True)
        return row.id
    while True:
        await Row.bulk_create([row], ignore_conflicts=True)
        holder = await Row.filter(lock=row.lock).first().values_list("id", flat=True)
        if holder is not None:  # else it was finished in between
            return uuid.UUID(str(holder))


def _check(job: Job, arguments: dict[str, Any], key: str | None, priority: int) -> None:
    try:
        inspect.signature(job.work).bind(None, **arguments)
        text = as_text(arguments)
    except TypeError as error:
        raise ValueError(f"the job '{job.name}' does not take these arguments: {error}") from None
    if len(text) > MOST:
        raise ValueError(f"the arguments of job '{job.name}' are longer than {MOST} characters of JSON")
    if key is not None and not 0 < len(key) <= MOST_KEY:
        raise ValueError(f"the key of a job has 1 to {MOST_KEY} characters")
    if not 1 <= priority <= 9:
        raise ValueError("the priority of a job is from 1 to 9")
