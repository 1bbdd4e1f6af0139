"""What a plugin declares of its jobs. Declarations are checked at the start."""

import inspect
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from core.errors import StartError
from core.jobs.cron import Cron

NAME = re.compile(r"[a-z][a-zA-Z0-9_]*(\.[a-zA-Z0-9_]+)*")
MOST_NAME, MOST_QUEUE_NAME = 120, 60


@dataclass(frozen=True)
class Backoff:
    """How long a failed job waits: `first`, then each time `factor` times as long, at most `longest`.

    `jitter` is the part of it that is left to chance, so that what failed together is not tried again together.
    """

    first: timedelta = timedelta(seconds=10)
    factor: float = 2.0
    longest: timedelta = timedelta(hours=1)
    jitter: float = 0.25

    def wait(self, failures: int) -> timedelta:
        """How long to wait after this many failures, the first being 1."""
        grown = self.first.total_seconds() * self.factor ** min(failures - 1, 64)
        seconds = min(grown, self.longest.total_seconds())
        return timedelta(seconds=seconds * random.uniform(1 - self.jitter, 1 + self.jitter))


@dataclass(frozen=True)
class Queue:
    """Jobs that wait for each other: at most `concurrency` of them run in one process, and at most `everywhere` in all.

    rate: at most so many are begun in so many seconds, `(100, 60.0)`, in all processes together.
    """

    name: str
    concurrency: int = 20
    everywhere: int | None = None
    rate: tuple[int, float] | None = None


DEFAULT = Queue("default")


@dataclass(frozen=True)
class Job:
    """`await work(run, **arguments)` is done for each row that `enqueue` wrote, and at each tick of `cron`.

    name: unique in the server; begins with the name of the plugin: `notes.unpin`.
    retries, backoff: how often a failed try is followed by another one, and after what time.
    timeout: what a try may take, at most.
    cron: minute, hour, day, month and weekday, on the clock of `time_zone`, else of the company. A tick is left out while the
        one before is still at work; of ticks that nobody was there for, the last is made up for.
    unique: whether a key keeps other jobs of this name away until the job is finished, or for as long as it is kept.
    """

    name: str
    work: Callable[..., Awaitable[Any]]
    queue: Queue = DEFAULT
    retries: int = 5
    backoff: Backoff = Backoff()
    timeout: timedelta = timedelta(hours=1)
    cron: str | None = None
    time_zone: str | None = None
    unique: Literal["unfinished", "kept"] = "unfinished"

    def lock(self, key: str) -> str:
        """What is unique in the table while the key keeps others away."""
        return f"{self.name}\n{key}"


def checked(declared: list[tuple[str, Job]]) -> dict[str, Job]:
    """The jobs by name, from pairs of plugin and job. Raises StartError for a job that could never run."""
    jobs: dict[str, tuple[str, Job]] = {}
    queues: dict[str, tuple[str, Queue]] = {}
    for plugin, job in declared:
        if not isinstance(job, Job):
            raise StartError(f"plugin '{plugin}': jobs() must return a list of Job, not {type(job).__name__}")
        if job.name in jobs:
            raise StartError(f"the job '{job.name}' is declared by plugin '{jobs[job.name][0]}' and by plugin '{plugin}'")
        if wrong := _wrong(job) or _wrong_queue(job.queue):
            raise StartError(f"plugin '{plugin}': {wrong}")
        owner, queue = queues.setdefault(job.queue.name, (plugin, job.queue))
        if queue != job.queue:
            raise StartError(f"the queue '{queue.name}' is declared in two ways, by plugin '{owner}' and by plugin '{plugin}'")
        jobs[job.name] = plugin, job
    return {name: job for name, (_, job) in jobs.items()}


def _wrong(job: Job) -> str | None:
    if not isinstance(job.name, str) or not NAME.fullmatch(job.name) or len(job.name) > MOST_NAME:
        return f"the name of the job {job.name!r} must be words of letters, digits and _ with dots between them"
    if not inspect.iscoroutinefunction(job.work):
        return f"the work of job '{job.name}' must be an async function"
    if not isinstance(job.timeout, timedelta) or job.timeout <= timedelta(0):
        return f"the timeout of job '{job.name}' must be a timedelta of more than nothing"
    if type(job.retries) is not int or job.retries < 0:
        return f"the retries of job '{job.name}' must be a whole number, 0 for none"
    if not isinstance(job.backoff, Backoff) or not 0 <= job.backoff.jitter <= 1 or job.backoff.first < timedelta(0):
        return f"the backoff of job '{job.name}' must be a Backoff with a jitter from 0 to 1"
    if job.unique not in ("unfinished", "kept"):
        return f"unique of job '{job.name}' must be 'unfinished' or 'kept'"
    return _wrong_clock(job)


def _wrong_clock(job: Job) -> str | None:
    try:
        if job.cron is not None:
            Cron(job.cron)
    except ValueError as error:
        return f"the cron of job '{job.name}': {error}"
    try:
        if job.time_zone is not None:
            ZoneInfo(job.time_zone)
    except (KeyError, ValueError, OSError):
        return f"job '{job.name}': there is no time zone '{job.time_zone}'"
    return None


def _wrong_queue(queue: Queue) -> str | None:
    if not isinstance(queue, Queue):
        return f"the queue of a job must be a Queue, not {type(queue).__name__}"
    if not NAME.fullmatch(queue.name) or len(queue.name) > MOST_QUEUE_NAME:
        return f"the name of the queue '{queue.name}' must be words of letters, digits and _ with dots between them"
    if queue.concurrency < 1 or (queue.everywhere is not None and queue.everywhere < 1):
        return f"the queue '{queue.name}' must let one job run, at least"
    if queue.rate is not None and (queue.rate[0] < 1 or queue.rate[1] <= 0):
        return f"the rate of the queue '{queue.name}' must be a number of jobs and of seconds"
    return None
