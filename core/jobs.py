"""Work by the clock: what a plugin declares. Declarations are checked at the start."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from core.errors import StartError


@dataclass(frozen=True)
class Job:
    """`work(crm)` is to be awaited every `interval`. The name is unique in the server."""

    name: str
    interval: timedelta
    work: Callable[[Any], Awaitable[None]]


def checked(declared: list[tuple[str, Job]]) -> dict[str, Job]:
    """The jobs by name, from pairs of plugin and job. Raises StartError for a job that could never run."""
    jobs: dict[str, tuple[str, Job]] = {}
    for plugin, job in declared:
        if not isinstance(job, Job):
            raise StartError(f"plugin '{plugin}': jobs() must return a list of Job, not {type(job).__name__}")
        if job.name in jobs:
            raise StartError(f"the job '{job.name}' is declared by plugin '{jobs[job.name][0]}' and by plugin '{plugin}'")
        if not inspect.iscoroutinefunction(job.work):
            raise StartError(f"plugin '{plugin}': the work of job '{job.name}' must be an async function")
        if not isinstance(job.interval, timedelta) or job.interval <= timedelta(0):
            raise StartError(f"plugin '{plugin}': the interval of job '{job.name}' must be a timedelta of more than nothing")
        jobs[job.name] = plugin, job
    return {name: job for name, (_, job) in jobs.items()}
