"""How many jobs a process does in a second, beside the engine alone, which is told of as many turns and keeps no rows.

Jobs: JOBS, else 1,000; they do nothing, so all that is measured is what a job costs beside its work. One database alone:
JOBS_DATABASE=sqlite or postgres. Figures of one machine say little of another; the ratio is what to compare.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from core.crm import CRM
from core.database import connect, migrate
from core.events import transaction
from core.jobs.asking import enqueue
from core.jobs.declared import Job, Queue
from core.jobs.engine import Engine, Turn
from core.jobs.locks import locks
from core.jobs.run import Run
from core.jobs.running import running
from core.models import Job as Row
from core.models import JobState
from core.permissions import SYSTEM
from core.plugins import load
from core.settings import Settings, parse
from tests.engines import engine

COUNT = int(os.environ.get("JOBS", "1000"))
ROUNDS = 2
QUEUE = Queue("bench", concurrency=50)
DATABASES = ("sqlite", "postgres")


def main() -> None:
    """Print the figures of each database, measured in a process of its own."""
    name = os.environ.get("JOBS_DATABASE")
    if name is None:
        for one in DATABASES:
            subprocess.run([sys.executable, "-m", "benchmarks", "jobs"], env={**os.environ, "JOBS_DATABASE": one}, check=True)
    else:
        rounds = [asyncio.run(_both(name)) for _ in range(ROUNDS)]
        asked, done, alone = (statistics.median(values) for values in zip(*rounds, strict=True))
        figures = f"asked for {asked:6.0f} /s   done {done:5.0f} /s   engine alone {alone:5.0f} /s   ratio {done / alone:.2f}"
        print(f"{name:<9} {figures}", flush=True)


async def _both(name: str) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory(prefix="payvand-jobs-") as place, engine(name) as database:
        url = database.create()
        settings = parse({"database": {"url": url}}, Path(place) / "settings.toml")
        plugins = load(settings)
        await migrate(settings, plugins)
        crm = CRM(settings, plugins)
        async with connect(settings, plugins, everywhere=True):
            alone = await _alone(settings)
            return (*await _ours(crm), alone)


async def _ours(crm: CRM) -> tuple[float, float]:
    async def nothing(run: Run) -> None: ...

    crm.jobs["bench.nothing"] = Job("bench.nothing", nothing, queue=QUEUE)
    call, began = crm.call(SYSTEM), time.perf_counter()
    async with transaction(call):
        for _ in range(COUNT):
            await enqueue(call, "bench.nothing")
    asked = COUNT / (time.perf_counter() - began)
    async with running(crm):
        while await Row.filter(state=JobState.DONE).count() < COUNT:  # noqa: ASYNC110  # others write it
            await asyncio.sleep(0.1)
    spans = await Row.all().values_list("started_at", "finished_at")
    return asked, COUNT / (max(end for _, end in spans) - min(start for start, _ in spans)).total_seconds()


async def _alone(settings: Settings) -> float:
    times: list[float] = []

    async def nothing(id: uuid.UUID, turn: int) -> None:
        times.append(time.perf_counter())

    held = await locks(settings)  # on SQLite it makes the folder
    await held.close()
    alone = Engine(settings, 1, [QUEUE], nothing)
    await alone.start()
    turns = [Turn(uuid.uuid4(), 1, QUEUE.name, 5) for _ in range(COUNT)]
    await alone.hand(turns)
    while len(times) < COUNT:  # noqa: ASYNC110  # threads fill it
        await asyncio.sleep(0.05)
    await alone.stop()
    return COUNT / (times[-1] - times[0])
