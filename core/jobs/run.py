"""What the work of a job is given: a call of the system, with progress and steps."""

import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from core.crm import Call
from core.models import Job, JobStep

T = TypeVar("T")

PAUSE = 0.5  # seconds between two reports that are written
NOTE = 200


class Lost(Exception):
    """Another process has this job now, or it was cancelled: what this one still does of it has no effect on its row."""


@dataclass(frozen=True, kw_only=True)
class Run(Call):
    """One try of a job. It is a call, so `visible(run, Contact)`, `transaction(run)` and `emit(run, ...)` take it.

    id: of the job. attempt: 1 at first. key: what it was enqueued with. holder: who runs it, for the row.
    """

    id: uuid.UUID
    name: str
    attempt: int
    key: str | None
    holder: str
    _reported: list[float] = field(default_factory=lambda: [0.0], repr=False, compare=False)

    async def progress(self, done: int, total: int | None = None, note: str | None = None) -> None:
        """Report how much is done; cheap enough for a loop, since most reports are not written. Raises Lost."""
        if time.monotonic() - self._reported[0] < PAUSE and done != total:
            return
        mine = Job.filter(id=self.id, holder=self.holder)
        if not await mine.update(progress_done=done, progress_total=total, progress_note=note[:NOTE] if note else None):
            raise Lost(f"the job {self.id} is not ours any more")
        self._reported[0] = time.monotonic()

    async def step(self, name: str, function: Callable[[], Awaitable[T]]) -> T:
        """What the function gives, which is JSON; it is not called when an earlier try of this job came past this step.

        Inside a transaction the note that it is done is a part of it, so that what the step writes to this database is written
        exactly once. What it does elsewhere is done at least once.
        """
        done = await JobStep.get_or_none(job_id=self.id, name=name)
        if done is not None:
            return done.result  # type: ignore[return-value]  # what the function gave, as JSON
        result = await function()
        await JobStep.create(job_id=self.id, name=name, result=result)
        return result
