"""What the tests of jobs share: a plugin with jobs, and ways to have them done, in this process or in others."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.jobs.locks import folder_of
from tests.engines import Engine
from tests.house import write_settings
from tests.packages import Packages
from tests.shell import ROOT, Shell

SOURCE = """
import asyncio, json, os
from datetime import timedelta
from pathlib import Path
import click
from core import Backoff, Invalid, Job, Queue, enqueue, hookimpl, transaction
from core.models import Tag

NARROW = Queue("narrow", concurrency=1, everywhere=1)
SLOW = Queue("slow", rate=(2, 1.5))
SOON = Backoff(timedelta(seconds=0.2), jitter=0)

def note(text):
    with Path(os.environ["MARKS"]).open("a") as file:
        file.write(text + "\\n")

async def make(run, name):
    await Tag.create(name=name[:60], name_key=name[:60])

async def mark(run, text="", seconds=0.0):
    note(f"begin {text}")
    await asyncio.sleep(seconds)
    note(f"end {text}")
    return {"text": text}

async def fail(run, times=99):
    note(f"try {run.attempt}")
    if run.attempt <= times:
        raise Invalid(it="does not work yet")

async def leak(run):
    raise KeyError("a secret")

async def leave(run):
    raise SystemExit(3)

async def count(run, seconds=0.0):
    for done in range(1, 5):
        await run.progress(done, 4, f"at {done}")
        await asyncio.sleep(seconds)

async def steps(run, seconds=0.0, text=""):
    async def first():
        note("first")
        await make(run, f"of {run.id}")
        return 7
    async with transaction(run):
        seven = await run.step("first", first)
    note(f"second after {seven}")
    await asyncio.sleep(seconds)
    if run.attempt == 1:
        raise Invalid(it="fails after the first step")

async def stay(run):
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            note("told to stop")
            raise

@hookimpl
def jobs():
    return [
        Job("work.mark", mark), Job("work.fail", fail, retries=2, backoff=SOON), Job("work.leak", leak, retries=0),
        Job("work.leave", leave, retries=0), Job("work.count", count), Job("work.steps", steps, backoff=SOON), Job("work.stay", stay),
        Job("work.late", stay, retries=0, timeout=timedelta(seconds=0.2)), Job("work.once", mark, unique="kept"),
        Job("work.narrow", mark, queue=NARROW), Job("work.slow", mark, queue=SLOW),
    ]

@hookimpl
def commands(cli):
    @cli.command("ask")
    @click.argument("name")
    @click.argument("arguments", default="{}")
    @click.option("--times", default=1)
    @click.pass_obj
    def ask(setup, name, arguments, times):
        async def go():
            async with setup.house() as call, transaction(call):
                for number in range(times):
                    given = json.loads(arguments)
                    if times > 1:
                        given["text"] = str(number)
                    await enqueue(call, name, given)
        asyncio.run(go())
"""


@dataclass(frozen=True)
class Place:
    """A house whose jobs are done in processes of their own."""

    shell: Shell
    database: Engine
    marks: Path

    def query(self, what: str = "*", where: str = "true") -> list[dict[str, Any]]:
        """Rows of the table of jobs."""
        return self.database.query(self.shell.url, f"SELECT {what} FROM job WHERE {where} ORDER BY id")

    def states(self, name: str) -> list[str]:
        """The states of the jobs of this name, the oldest first."""
        return [row["state"] for row in self.query("state", f"name = '{name}'")]

    def begun(self, queue: str) -> list[float]:
        """When the engine gave jobs of this queue to workers, in seconds, the earliest first."""
        url, table = self.shell.url, "dbos.workflow_status"
        if self.database.name == "sqlite":
            url, table = f"sqlite://{folder_of(Path(url.removeprefix('sqlite://')))}/engine.db", "workflow_status"
        rows = self.database.query(url, f"SELECT started_at_epoch_ms AS at FROM {table} WHERE queue_name = $1 ORDER BY 1", (queue,))
        return [row["at"] / 1_000 for row in rows]

    def marked(self) -> list[str]:
        """What the jobs have noted so far."""
        return self.marks.read_text().splitlines() if self.marks.exists() else []

    def until(self, true: Callable[[], Any], patience: float = 120) -> float:
        """Wait until something is so, and give the seconds that it took."""
        began = time.monotonic()
        while not true():
            assert time.monotonic() - began < patience, f"{self.marked()}\n{self.query()}\n{self.log}"
            time.sleep(0.05)
        return time.monotonic() - began

    @property
    def log(self) -> str:
        """What the workers have written."""
        log = self.shell.folder / "log"
        return log.read_text("utf-8") if log.exists() else ""

    def enable(self, *plugins: str) -> None:
        """Write settings with these plugins."""
        write_settings(self.shell.folder, self.shell.url, plugins)


@contextmanager
def place(shell: Shell, database: Engine, plugin: Packages) -> Iterator[Place]:
    """A house with the plugin above."""
    plugin("work", SOURCE)
    marks = shell.folder / "marks"
    shell.environment |= {"PYTHONPATH": os.pathsep.join([str(ROOT), str(plugin.folder)]), "MARKS": str(marks)}
    ready = Place(shell, database, marks)
    ready.enable("work")
    shell("migrate").well()
    yield ready
