"""The processes that do jobs, and what becomes of jobs when these die."""

import asyncio
import datetime
import signal
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import pytest

from core import SYSTEM, enqueue, transaction
from core.jobs.running import running
from core.models import Job, JobState
from tests.engines import Engine, free_port
from tests.house import House, Houses
from tests.packages import Packages
from tests.shell import Shell, serving
from tests.working import SOURCE, Place, place


@pytest.fixture
def house(payvand: Shell, database: Engine, plugin: Packages) -> Iterator[Place]:
    """A house whose jobs are done by other processes."""
    with place(payvand, database, plugin) as ready:
        yield ready


def _ask(house: Place, name: str, arguments: str = "{}", times: int = 1) -> None:
    house.shell("ask", name, arguments, "--times", str(times)).well()


def test_the_server_does_jobs_with_nothing_else_to_start(house: Place):
    port = free_port()
    with serving(house.shell, port, "--port", str(port)) as server:
        _ask(house, "work.mark", '{"text": "a"}')
        house.until(lambda: house.states("work.mark") == ["DONE"], 30)
        assert server.stop() == 0
    assert house.marked() == ["begin a", "end a"]
    assert "Traceback" not in house.log


def test_a_job_is_finished_that_was_being_done_when_the_process_was_killed(house: Place):
    _ask(house, "work.steps", '{"seconds": 1.5}')
    with house.shell.running("worker") as first:
        house.until(lambda: "second after 7" in house.marked())
        first.kill()
    with house.shell.running("worker"):
        house.until(lambda: house.states("work.steps") == ["DONE"])
    # The first step came with a transaction, so nobody did it again; the second one was done by the next process.
    assert house.marked() == ["first", "second after 7", "second after 7"]
    assert house.database.query(house.shell.url, "SELECT COUNT(*) AS n FROM tag") == [{"n": 1}]
    [job] = house.query("attempts, crashes")
    assert (job["attempts"], job["crashes"]) == (2, 1)


def test_another_worker_goes_on_within_seconds_with_what_a_killed_one_left(house: Place):
    _ask(house, "work.mark", '{"text": "a", "seconds": 3}')
    with house.shell.running("worker") as first:
        house.until(lambda: house.marked() == ["begin a"])
        with house.shell.running("worker"):
            house.until(lambda: house.log.count("Payvand works.") == 2)
            first.kill()
            house.until(lambda: house.marked() == ["begin a"] * 2)
            house.until(lambda: house.states("work.mark") == ["DONE"])
    assert house.marked() == ["begin a", "begin a", "end a"]


def test_workers_share_the_work_and_each_job_is_done_once(house: Place):
    _ask(house, "work.mark", '{"seconds": 0.3}', times=60)
    with house.shell.running("worker"), house.shell.running("worker"):
        house.until(lambda: house.states("work.mark") == ["DONE"] * 60)
    assert sorted(house.marked()) == sorted(f"{what} {number}" for what in ("begin", "end") for number in range(60))
    if house.database.name == "postgres":
        workers = house.database.query(house.shell.url, "SELECT DISTINCT executor_id FROM dbos.workflow_status")
        assert len(workers) == 2


def test_whatever_is_killed_and_when_each_job_has_its_effect_once(house: Place):
    _ask(house, "work.steps", "{}", times=100)
    for seconds in (0.3, 0.9, 0.1, 1.7):
        before = len(house.marked())
        with house.shell.running("worker") as first, house.shell.running("worker") as second:
            house.until(lambda before=before: len(house.marked()) > before)
            first.kill()
            time.sleep(seconds)
            second.kill()
    with house.shell.running("worker"):
        house.until(lambda: house.states("work.steps") == ["DONE"] * 100)
    effects = house.database.query(house.shell.url, "SELECT COUNT(*) AS n, COUNT(DISTINCT name) AS names FROM tag")
    assert effects == [{"n": 100, "names": 100}]


def test_a_worker_that_loses_its_place_begins_anew(house: Place):
    if house.database.name == "sqlite":
        pytest.skip("a file stays locked for as long as its process lives")
    _ask(house, "work.mark", '{"text": "a", "seconds": 4}')
    with house.shell.running("worker"):
        house.until(lambda: house.marked() == ["begin a"])
        sessions = "FROM pg_stat_activity WHERE application_name = 'payvand jobs'"
        house.database.query(house.shell.url, f"SELECT pg_terminate_backend(pid) {sessions}")
        house.until(lambda: house.states("work.mark") == ["DONE"])
        assert "the place of this process is lost" in house.log
    assert house.marked() == ["begin a", "begin a", "end a"]


def test_a_worker_that_is_told_to_stop_finishes_or_hands_back(house: Place):
    house.shell.settings.write_text(house.shell.settings.read_text() + "\n[jobs]\ngrace = 2.0\n")
    _ask(house, "work.mark", '{"text": "a", "seconds": 1}')
    _ask(house, "work.stay")
    with house.shell.running("worker") as worker:
        house.until(lambda: "begin a" in house.marked() and house.states("work.stay") == ["RUNNING"])
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    assert house.marked() == ["begin a", "end a", "told to stop"]
    assert (house.states("work.mark"), house.states("work.stay")) == (["DONE"], ["QUEUED"])
    assert "Traceback" not in house.log


def test_a_job_whose_plugin_is_gone_is_done_when_it_is_back(house: Place):
    _ask(house, "work.mark", '{"text": "a"}')
    house.enable()
    with house.shell.running("worker"):
        house.until(lambda: "Payvand works." in house.log)
        assert "note: jobs 'work.mark' wait for their plugin: 1" in house.shell("check").well().out
    assert (house.states("work.mark"), house.marked()) == (["QUEUED"], [])
    house.enable("work")
    with house.shell.running("worker"):
        house.until(lambda: house.states("work.mark") == ["DONE"])


def test_a_job_is_tried_again_and_dies_and_is_retried_by_command(house: Place):
    _ask(house, "work.fail")
    with house.shell.running("worker"):
        house.until(lambda: house.states("work.fail") == ["DEAD"])
        assert house.marked() == ["try 1", "try 2", "try 3"]
        listed = house.shell("jobs", "list", "--state", "dead").well().out
        assert "work.fail" in listed
        assert "it: does not work yet" in listed
        assert house.shell("jobs", "retry", "--dead").well().out == "1 jobs wait for their turn again.\n"
        house.until(lambda: len(house.marked()) == 6)


def test_a_running_job_is_cancelled_by_command(house: Place):
    _ask(house, "work.stay")
    with house.shell.running("worker"):
        house.until(lambda: house.states("work.stay") == ["RUNNING"])
        [job] = house.query("id")
        house.shell("jobs", "cancel", str(job["id"])).well()
        house.until(lambda: house.states("work.stay") == ["CANCELLED"])
    assert house.marked() == ["told to stop"]


def test_a_queue_keeps_to_its_limits(house: Place):
    _ask(house, "work.narrow", '{"seconds": 0.1}', times=3)
    _ask(house, "work.slow", "{}", times=5)
    with house.shell.running("worker"), house.shell.running("worker"):
        house.until(lambda: set(house.states("work.slow") + house.states("work.narrow")) == {"DONE"})
    begun = house.begun("slow")
    assert len(begun) == 5
    assert all(third - first >= 1.5 for first, third in zip(begun, begun[2:], strict=False)), "two in 1.5 seconds"
    narrow = house.query("started_at, finished_at", "name = 'work.narrow'")
    spans = sorted((str(row["started_at"]), str(row["finished_at"])) for row in narrow)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


@pytest.fixture
async def running_house(houses: Houses, plugin: Packages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A house whose jobs are done in this process. Only one at a time can be: the engine is one for a process."""
    monkeypatch.setenv("MARKS", str(tmp_path / "marks"))
    plugin("work", SOURCE)
    async with houses("work") as house, running(house.crm):
        yield house


@pytest.mark.parametrize("turn", ["first", "second"])
async def test_jobs_run_in_one_house_after_another_of_one_process(running_house: House, turn: str):
    id = await enqueue(running_house.crm.call(SYSTEM), "work.mark", {"text": turn})
    assert (await _over(id)).result == {"text": turn}


async def test_what_the_engine_has_forgotten_it_is_told_again(monkeypatch: pytest.MonkeyPatch, running_house: House):
    monkeypatch.setattr("core.jobs.running.DOUBT", 0.5)
    relay = await asyncio.to_thread(import_module, "core.jobs.relay")
    monkeypatch.setattr(relay, "DOUBT", datetime.timedelta(seconds=1))
    values = {"name": "work.mark", "queue": "default", "requested_by": "test", "handed": True}
    waited = await Job.create(**values)
    ran = await Job.create(**values, state=JobState.RUNNING, holder="place-7 gone")
    assert [(await _over(one.id)).state for one in (waited, ran)] == [JobState.DONE] * 2


async def test_the_engine_keeps_nothing_of_what_is_over_for_long(monkeypatch: pytest.MonkeyPatch, running_house: House):
    monkeypatch.setattr("core.jobs.running.KEPT", datetime.timedelta(0))
    monkeypatch.setattr("core.jobs.running.TIDY", 0.0)
    await _over(await enqueue(running_house.crm.call(SYSTEM), "work.mark"))
    assert await _told(running_house) <= 1
    async with asyncio.timeout(30):
        while await _told(running_house):  # noqa: ASYNC110  # threads remove it
            await asyncio.sleep(0.1)


async def _told(house: House) -> int:
    """How many turns the engine knows."""
    url, table = house.settings.database.url, "dbos.workflow_status"
    if house.database.name == "sqlite":
        url, table = url.replace("house.db", "house.jobs/engine.db"), "workflow_status"
    [row] = house.database.query(url, f"SELECT COUNT(*) AS n FROM {table}")
    return row["n"]


async def test_the_more_urgent_job_is_begun_first(running_house: House, tmp_path: Path):
    call = running_house.crm.call(SYSTEM)
    async with transaction(call):
        for priority in (9, 5, 1):
            last = await enqueue(call, "work.narrow", {"text": str(priority)}, priority=priority)
    await _over(last)
    async with asyncio.timeout(30):
        while await Job.exists(state=JobState.QUEUED):  # noqa: ASYNC110  # another loop writes it
            await asyncio.sleep(0.1)
    assert [line for line in (tmp_path / "marks").read_text().splitlines() if "begin" in line] == ["begin 1", "begin 5", "begin 9"]


async def _over(id: uuid.UUID) -> Job:
    async with asyncio.timeout(60):
        while not await Job.exists(id=id, finished_at__isnull=False):  # noqa: ASYNC110  # another loop writes it
            await asyncio.sleep(0.1)
    return await Job.get(id=id)
