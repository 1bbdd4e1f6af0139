"""The engine that queues, limits, runs and recovers: DBOS, and the only file that knows it.

It knows a job as `id.turn` and nothing else of it. What it is told twice it does once, and what it forgot it is told again, so its own
tables can be lost. DBOS is one for a process, and so is this; it runs in threads of its own, and the work on the loop of the house.
"""

import asyncio
import contextvars
import logging
import sqlite3
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import sqlalchemy
from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer
from sqlalchemy import event
from sqlalchemy.engine import URL

from core.database.addresses import connection, sqlite_file
from core.jobs.declared import Queue
from core.jobs.locks import folder_of
from core.settings import Settings

NAME = "payvand"
VERSION = "1"  # of the one workflow below; another version would leave behind what this one has begun
POLL = 0.2  # seconds between two looks into a queue
AT_ONCE = 500
SECONDS_TO_NOTE = 3  # that it may take, at the end, to write down what is over
PLACE = "place-"

Do = Callable[[uuid.UUID, int], Awaitable[None]]


class Turn(NamedTuple):
    """A job whose turn it is, as the engine is told of it."""

    id: uuid.UUID
    turn: int
    queue: str
    priority: int

    @property
    def name(self) -> str:
        """What the engine knows it as."""
        return f"{self.id}.{self.turn}"


class Engine:
    """DBOS, started for one house. All methods wait for its database, in a thread."""

    def __init__(self, settings: Settings, place: int, queues: Sequence[Queue], do: Do) -> None:
        self._settings, self._place, self._queues, self._do = settings, place, queues, do
        logging.getLogger("dbos").setLevel(logging.WARNING)
        self._engine = _database(settings)
        self._client = DBOSClient(
            system_database_engine=self._engine, serializer=DBOSPortableJSONSerializer(), application_name=NAME, lazy=True
        )
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()  # of the house: its threads know nothing of it

    async def start(self) -> None:
        """Begin to run what is queued, and what this place left behind when its last holder died."""
        starting = asyncio.ensure_future(asyncio.to_thread(self._start))
        try:
            await asyncio.shield(starting)
        except BaseException:  # a thread cannot be cancelled, and half a DBOS would be in the way of the next one
            await asyncio.wait({starting})
            await self.stop()
            raise

    async def stop(self) -> None:
        """Run nothing any more. What is running has to be over."""
        await asyncio.to_thread(self._stop)

    async def hand(self, turns: Sequence[Turn]) -> None:
        """Queue these; one that is known is left as it is."""
        await asyncio.to_thread(self._hand, turns)

    async def places(self) -> set[int]:
        """The places in which something is running, as far as the engine knows."""
        found = await asyncio.to_thread(self._running)
        return {int(one.executor_id.removeprefix(PLACE)) for one in found if (one.executor_id or "").startswith(PLACE)}

    async def take_over(self, place: int) -> int:
        """Queue again what was running in a place whose holder is dead, and say how many these are."""
        return await asyncio.to_thread(self._take_over, place)

    async def unknown(self, names: Sequence[str]) -> set[str]:
        """Those of these turns that the engine has forgotten, or has done with."""
        states = await asyncio.to_thread(self._states, names)
        return {name for name in names if states.get(name) not in ("ENQUEUED", "DELAYED", "PENDING")}

    async def forget(self, names: Iterable[str]) -> None:
        """Remove what the engine keeps of turns that are over."""
        await asyncio.to_thread(self._client.delete_workflows, list(names))

    async def over(self, before: str) -> list[str]:
        """Turns that were over before a time in ISO 8601, some thousand of them."""
        found = await asyncio.to_thread(self._over, before)
        return [one.workflow_id for one in found]

    def _start(self) -> None:
        DBOS(config=self._words())

        async def job(id: str, turn: int) -> None:
            await asyncio.wrap_future(self._at_home(uuid.UUID(id), turn))

        DBOS.workflow(name="job", max_recovery_attempts=None)(job)
        DBOS.launch()
        for queue in self._queues:
            DBOS.register_queue(
                queue.name,
                worker_concurrency=min(queue.concurrency, queue.everywhere or queue.concurrency),
                global_concurrency=queue.everywhere,
                limiter={"limit": queue.rate[0], "period": queue.rate[1]} if queue.rate else None,
                polling_interval_sec=POLL,
                on_conflict="always_update",
            )

    def _stop(self) -> None:
        DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=SECONDS_TO_NOTE)
        self._client.destroy()
        self._engine.dispose()

    def _words(self) -> Any:
        return {
            "name": NAME,
            "application_version": VERSION,
            "executor_id": f"{PLACE}{self._place}",
            "system_database_engine": self._engine,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
            "notification_listener_polling_interval_sec": 1.0,  # nobody waits for one; its thread ends after one look
            "use_listen_notify": False,
            "scheduler_polling_interval_sec": 3600.0,  # the clock is our own
        }

    def _at_home(self, id: uuid.UUID, turn: int) -> Any:
        """The work, on the loop and in the context of the house."""
        return self._context.copy().run(asyncio.run_coroutine_threadsafe, _coroutine(self._do(id, turn)), self._loop)

    def _hand(self, turns: Sequence[Turn]) -> None:
        with self._engine.begin() as transaction:
            for turn in turns:
                self._client.enqueue_in_transaction(
                    transaction,
                    {"workflow_name": "job", "queue_name": turn.queue, "workflow_id": turn.name, "priority": turn.priority},
                    str(turn.id),
                    turn.turn,
                )

    def _running(self, **which: Any) -> list[Any]:
        return self._client.list_workflows(status="PENDING", load_input=False, load_output=False, **which)

    def _take_over(self, place: int) -> int:
        left = self._running(executor_id=f"{PLACE}{place}")
        for queue in {one.queue_name for one in left}:
            self._client.resume_workflows([one.workflow_id for one in left if one.queue_name == queue], queue_name=queue)
        return len(left)

    def _states(self, names: Sequence[str]) -> dict[str, str]:
        found = self._client.list_workflows(workflow_ids=list(names), load_input=False, load_output=False)
        return {one.workflow_id: one.status for one in found}

    def _over(self, before: str) -> list[Any]:
        over = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
        return self._client.list_workflows(status=over, completed_before=before, limit=2_000, load_input=False, load_output=False)


async def _coroutine(work: Awaitable[None]) -> None:
    await work


def _database(settings: Settings) -> sqlalchemy.Engine:
    file = sqlite_file(settings)
    if file is None:
        words: dict[str, Any] = connection(settings)["credentials"]
        url = URL.create(
            "postgresql+psycopg", words["user"], words["password"], words["host"], words["port"], words["database"],
            query={"sslmode": words["ssl"]} if "ssl" in words else {},
        )  # fmt: skip
        named = {"application_name": "payvand jobs"}
        return sqlalchemy.create_engine(url, pool_size=4, max_overflow=4, pool_pre_ping=True, connect_args=named)
    path = folder_of(file) / "engine.db"
    with closing(sqlite3.connect(path)) as made:
        made.execute("PRAGMA journal_mode = WAL")
    engine = sqlalchemy.create_engine(f"sqlite:///{path}", pool_size=4, max_overflow=4, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepared)
    return engine


def _prepared(connection: Any, record: Any) -> None:
    # As DBOS does it with its own connections, and without a wait for the disk at each commit: what is lost it is told again.
    connection.isolation_level = "IMMEDIATE"
    for pragma in ("busy_timeout = 30000", "foreign_keys = ON", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")
