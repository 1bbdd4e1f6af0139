"""Jobs: asked for in a transaction, done after it, and accounted for. Without an engine; with it: test_workers.py."""

import asyncio
import datetime
import json
from collections.abc import AsyncIterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from core import SYSTEM, Backoff, Invalid, enqueue, transaction
from core.fields import now
from core.jobs import control
from core.jobs.cleaning import clean
from core.jobs.clock import Clock
from core.jobs.cron import Cron
from core.jobs.doing import Doings
from core.jobs.state import complaints
from core.jobs.trying import do_all
from core.models import Job, JobClock, JobState, Tag
from core.records.ids import encode
from tests.house import House, Houses
from tests.packages import Packages
from tests.wire import on_a_port
from tests.working import SOURCE

HOUR = datetime.timedelta(hours=1)


@pytest.fixture
async def place(houses: Houses, plugin: Packages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A house with a plugin that has jobs."""
    monkeypatch.setenv("MARKS", str(tmp_path / "marks"))
    plugin("work", SOURCE)
    async with houses("work") as ready:
        yield ready


def _marks(tmp_path: Path) -> list[str]:
    path = tmp_path / "marks"
    return path.read_text().splitlines() if path.exists() else []


# Asking


async def test_a_job_is_done_and_its_result_kept(place: House, tmp_path: Path):
    id = await enqueue(place.crm.call(SYSTEM), "work.mark", {"text": "a"})
    await do_all(place.crm)
    job = await Job.get(id=id)
    assert (job.state, job.attempts, job.result, job.error) == (JobState.DONE, 1, {"text": "a"}, None)
    assert job.enqueued_at <= job.started_at <= job.finished_at  # type: ignore[operator]  # it has both
    assert _marks(tmp_path) == ["begin a", "end a"]


async def test_what_is_rolled_back_is_never_done(place: House, tmp_path: Path):
    call = place.crm.call(SYSTEM)
    with pytest.raises(Invalid):
        async with transaction(call):
            await enqueue(call, "work.mark", {"text": "never"})
            await enqueue(call, "work.mark", {"text": "neither"}, key="k")
            raise Invalid(it="is undone")
    await do_all(place.crm)
    assert (await Job.all().count(), _marks(tmp_path)) == (0, [])


async def test_a_job_is_one_with_the_write_that_asks_for_it(place: House):
    call = place.crm.call(SYSTEM)
    async with transaction(call):
        await Tag.create(name="with", name_key="with")
        await enqueue(call, "work.mark")
    assert [await Tag.all().count(), await Job.all().count()] == [1, 1]


async def test_a_key_keeps_others_away_until_the_job_is_finished(place: House):
    call = place.crm.call(SYSTEM)
    first = await enqueue(call, "work.mark", key="k")
    assert await enqueue(call, "work.mark", key="k") == first
    assert await enqueue(call, "work.once", key="k") != first
    await do_all(place.crm)
    assert await enqueue(call, "work.mark", key="k") != first


async def test_a_key_can_keep_others_away_for_as_long_as_the_job_is_kept(place: House):
    call = place.crm.call(SYSTEM)
    first = await enqueue(call, "work.once", key="k")
    await do_all(place.crm)
    assert await enqueue(call, "work.once", key="k") == first


async def test_many_ask_for_one_key_at_once_and_get_one_job(place: House):
    call = place.crm.call(SYSTEM)
    assert len(set(await asyncio.gather(*(enqueue(call, "work.mark", key="k") for _ in range(10))))) == 1


async def test_a_job_waits_for_its_time(place: House):
    call = place.crm.call(SYSTEM)
    later = await enqueue(call, "work.mark", delay=HOUR)
    at = await enqueue(call, "work.mark", at=now() + 2 * HOUR)
    await do_all(place.crm)
    assert {job.id: job.state for job in await Job.all()} == {later: JobState.QUEUED, at: JobState.QUEUED}
    assert (await Job.get(id=at)).run_at - (await Job.get(id=later)).run_at > HOUR * 0.9


@pytest.mark.parametrize(
    ("name", "arguments", "others", "why"),
    [
        ("work.none", {}, {}, "there is no job 'work.none'"),
        ("work.mark", {"color": 1}, {}, "does not take these arguments: got an unexpected keyword argument 'color'"),
        ("work.mark", {"text": object()}, {}, "does not take these arguments"),
        ("work.mark", {"text": "x" * 70_000}, {}, "are longer than"),
        ("work.mark", {}, {"priority": 0}, "the priority of a job is from 1 to 9"),
        ("work.mark", {}, {"key": ""}, "the key of a job has 1 to 200 characters"),
    ],
)
async def test_what_could_never_be_done_is_refused_at_once(place: House, name: str, arguments: dict, others: dict, why: str):
    with pytest.raises(ValueError, match=why):
        await enqueue(place.crm.call(SYSTEM), name, arguments, **others)
    assert not await Job.exists()


# Doing


async def test_a_failure_is_followed_by_another_try_after_a_while(place: House, tmp_path: Path):
    id = await enqueue(place.crm.call(SYSTEM), "work.fail", {"times": 2})
    await do_all(place.crm)
    job = await Job.get(id=id)
    assert (job.state, job.attempts, job.error) == (JobState.QUEUED, 1, "it: does not work yet")
    assert job.run_at > now()
    await do_all(place.crm, soon=True)
    job = await Job.get(id=id)
    assert (job.state, job.attempts, job.error) == (JobState.DONE, 3, None)
    assert _marks(tmp_path) == ["try 1", "try 2", "try 3"]


async def test_a_job_whose_retries_are_used_up_is_dead_until_somebody_retries_it(place: House):
    call = place.crm.call(SYSTEM)
    id = await enqueue(call, "work.fail")
    await do_all(place.crm, soon=True)
    job = await Job.get(id=id)
    assert (job.state, job.attempts) == (JobState.DEAD, 3)
    assert "jobs 'work.fail' are dead: 1; see: payvand jobs list --state dead" in await complaints(place.crm)
    await control.retry(call, job)
    await do_all(place.crm, soon=True)
    job = await Job.get(id=id)
    assert (job.state, job.attempts) == (JobState.DEAD, 6)


async def test_an_error_shows_nothing_of_what_is_inside(place: House):
    await enqueue(place.crm.call(SYSTEM), "work.leak")
    await enqueue(place.crm.call(SYSTEM), "work.leave")
    await do_all(place.crm)
    assert [(job.state, job.error) for job in await Job.all().order_by("id")] == [
        (JobState.DEAD, "KeyError; the log of the server says more"),
        (JobState.DEAD, "RuntimeError; the log of the server says more"),
    ]


async def test_work_that_takes_too_long_is_told_to_stop(place: House, tmp_path: Path):
    await enqueue(place.crm.call(SYSTEM), "work.late")
    await do_all(place.crm)
    job = await Job.get()
    assert (job.state, job.error) == (JobState.DEAD, "took longer than 0:00:00.200000")
    assert _marks(tmp_path) == ["told to stop"]


async def test_progress_is_seen_while_it_works(place: House):
    id = await enqueue(place.crm.call(SYSTEM), "work.count", {"seconds": 0.3})
    working = asyncio.create_task(do_all(place.crm))
    seen = set()
    while not working.done():
        job = await Job.get(id=id)
        seen.add((job.progress_done, job.progress_total, job.progress_note))
        await asyncio.sleep(0.05)
    await working
    assert {(1, 4, "at 1"), (4, 4, "at 4")} <= seen


async def test_a_step_that_was_done_is_not_done_again(place: House, tmp_path: Path):
    await enqueue(place.crm.call(SYSTEM), "work.steps")
    await do_all(place.crm, soon=True)
    assert _marks(tmp_path) == ["first", "second after 7", "second after 7"]
    assert await Tag.all().count() == 1


async def test_two_who_are_told_of_the_same_turn_do_it_once(place: House, tmp_path: Path):
    id = await enqueue(place.crm.call(SYSTEM), "work.mark", {"text": "a"})
    await do_all(place.crm)
    await Doings(place.crm, "late").do(id, 1)
    assert _marks(tmp_path) == ["begin a", "end a"]


async def test_who_lost_a_job_has_no_effect_on_it_any_more(place: House):
    id = await enqueue(place.crm.call(SYSTEM), "work.mark", {"seconds": 0.5})
    slow = asyncio.create_task(Doings(place.crm, "slow").do(id, 1))
    await asyncio.sleep(0.2)
    await Doings(place.crm, "other").do(id, 1)  # as an engine does that believes the first one dead
    done = await Job.get(id=id)
    await slow
    after = await Job.get(id=id)
    assert (after.state, after.finished_at, after.attempts, after.crashes) == (JobState.DONE, done.finished_at, 2, 1)


async def test_a_job_that_kills_processes_is_given_up(place: House):
    id = await enqueue(place.crm.call(SYSTEM), "work.mark")
    await Job.filter(id=id).update(state=JobState.RUNNING, holder="dead", crashes=15)
    await Doings(place.crm, "next").do(id, 1)
    job = await Job.get(id=id)
    assert (job.state, job.error) == (JobState.DEAD, "16 processes died while they did it")


async def test_a_job_under_which_processes_die_waits_longer_each_time(place: House):
    waits = []
    for crashes in (0, 1, 2, 9):
        id = await enqueue(place.crm.call(SYSTEM), "work.mark")
        await Job.filter(id=id).update(state=JobState.RUNNING, holder="dead", crashes=crashes)
        asked = now()
        await Doings(place.crm, "next").do(id, 1)
        job = await Job.get(id=id)
        assert job.crashes == crashes + 1
        waits.append((job.state, job.turn, job.run_at - asked))
    assert waits[0][:2] == (JobState.DONE, 1), "one death may be chance"
    assert [(state, turn) for state, turn, _ in waits[1:]] == [(JobState.QUEUED, 2)] * 3
    assert waits[1][2] < waits[2][2] < waits[3][2] < datetime.timedelta(minutes=2)


async def test_a_job_whose_plugin_is_gone_waits_for_it(place: House):
    id = await enqueue(place.crm.call(SYSTEM), "work.mark")
    work = place.crm.jobs.pop("work.mark")
    await Doings(place.crm, "test").do(id, 1)
    assert "jobs 'work.mark' wait for their plugin: 1" in await complaints(place.crm)
    place.crm.jobs["work.mark"] = work
    await do_all(place.crm)
    assert (await Job.get(id=id)).state is JobState.DONE


async def test_what_does_not_finish_within_the_grace_is_handed_back(place: House, tmp_path: Path):
    id = await enqueue(place.crm.call(SYSTEM), "work.stay")
    doings = Doings(place.crm, "test")
    doing = asyncio.create_task(doings.do(id, 1))
    await asyncio.sleep(0.3)
    await doings.close(0.1)
    await doing
    job = await Job.get(id=id)
    assert (job.state, job.turn, job.crashes, job.handed) == (JobState.QUEUED, 2, 0, False)
    assert _marks(tmp_path) == ["told to stop"]


async def test_what_is_finished_for_long_is_forgotten(place: House):
    call = place.crm.call(SYSTEM)
    old, new = await enqueue(call, "work.mark"), await enqueue(call, "work.mark")
    await do_all(place.crm)
    await Job.filter(id=old).update(finished_at=now() - datetime.timedelta(days=31))
    clean_id = await enqueue(call, "jobs.clean")
    await do_all(place.crm)
    assert {job.id for job in await Job.all()} == {new, clean_id}
    assert (await Job.get(id=clean_id)).result == 1
    assert place.crm.jobs["jobs.clean"].work is clean


# The clock

BERLIN, TEHRAN = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tehran")


def _ticks(text: str, after: str, count: int, zone: ZoneInfo = BERLIN) -> list[str]:
    moment, found = datetime.datetime.fromisoformat(after).replace(tzinfo=zone).astimezone(datetime.UTC), []
    for _ in range(count):
        moment = Cron(text).following(moment, zone)
        found.append(moment.astimezone(zone).strftime("%m-%d %H:%M %z"))
    return found


@pytest.mark.parametrize(
    ("text", "after", "ticks"),
    [
        ("30 2 * * *", "2026-03-28T12:00", ["03-29 03:00 +0200", "03-30 02:30 +0200"]),  # the gap
        ("30 2 * * *", "2026-10-24T12:00", ["10-25 02:30 +0200", "10-26 02:30 +0100"]),  # the overlap
        ("*/30 2 * * *", "2026-03-28T12:00", ["03-29 03:00 +0200", "03-30 02:00 +0200", "03-30 02:30 +0200"]),
        ("0 * * * *", "2026-03-29T01:30", ["03-29 03:00 +0200", "03-29 04:00 +0200"]),
        ("30 * * * *", "2026-10-25T01:45", ["10-25 02:30 +0200", "10-25 02:30 +0100", "10-25 03:30 +0100"]),
        ("0 9-17/4 * * mon-fri", "2026-11-20T14:00", ["11-20 17:00 +0100", "11-23 09:00 +0100", "11-23 13:00 +0100"]),
        ("0 0 1,15 * sun", "2026-11-10T00:00", ["11-15 00:00 +0100", "11-22 00:00 +0100", "11-29 00:00 +0100", "12-01 00:00 +0100"]),
        ("0 0 29 feb *", "2026-01-01T00:00", ["02-29 00:00 +0100"]),
        ("0 0 * * 7", "2026-11-24T00:00", ["11-29 00:00 +0100"]),
    ],
)
def test_a_clock_ticks_as_one_on_the_wall(text: str, after: str, ticks: list[str]):
    assert _ticks(text, after, len(ticks)) == ticks


def test_a_zone_without_summer_time_has_no_gap():
    assert _ticks("30 0 * * *", "2026-03-21T00:00", 2, TEHRAN) == ["03-21 00:30 +0330", "03-22 00:30 +0330"]


@pytest.mark.parametrize("text", ["", "* * * *", "60 * * * *", "0 0 31 2 *", "a * * * *", "*/0 * * * *", "5-1 * * * *", "* * * * 8"])
def test_what_is_no_time_is_refused(text: str):
    with pytest.raises(ValueError):
        Cron(text)


async def test_a_tick_is_written_once_however_many_read_the_clock(house: House):
    first, second = Clock(house.crm), Clock(house.crm)
    start = now()
    assert await first.read(start) == await second.read(start) == []
    tomorrow = start + datetime.timedelta(days=1)
    assert sorted(await first.read(tomorrow) + await second.read(tomorrow)) == ["jobs.clean"]
    assert await Job.all().count() == 1


async def test_of_ticks_that_nobody_was_there_for_the_last_is_made_up_for(house: House):
    await Clock(house.crm).read()
    await JobClock.filter(name="jobs.clean").update(read_at=now() - datetime.timedelta(days=40))
    assert await Clock(house.crm).read() == ["jobs.clean"]
    job = await Job.get()
    assert now() - datetime.timedelta(days=1) < job.run_at <= now()
    assert (job.requested_by, job.key) == ("clock", "clock")


async def test_a_tick_is_left_out_while_the_one_before_is_at_work(house: House):
    clock, start = Clock(house.crm), now()
    await clock.read(start)
    for days in (1, 2):
        await clock.read(start + datetime.timedelta(days=days))
    assert await Job.all().count() == 1


def test_waits_grow_up_to_a_limit_and_differ():
    backoff = Backoff(datetime.timedelta(seconds=1), factor=3, longest=datetime.timedelta(seconds=20), jitter=0)
    assert [backoff.wait(failures).total_seconds() for failures in (1, 2, 3, 4, 99)] == [1, 3, 9, 20, 20]
    waits = {Backoff().wait(1).total_seconds() for _ in range(20)}
    assert len(waits) > 10
    assert all(7.5 <= wait <= 12.5 for wait in waits)


# The API

JOB = "id name state arguments queue attempts progressDone progressTotal error key requestedBy enqueuedAt startedAt finishedAt"


async def test_jobs_are_listed_and_shown(place: House):
    await enqueue(place.crm.call(SYSTEM), "work.mark", {"text": "a"}, key="k")
    await enqueue(place.crm.call(SYSTEM), "work.fail", {"times": 1})
    await do_all(place.crm)
    arguments = "where: {state: {eq: DONE}}, orderBy: [{field: ENQUEUED_AT, direction: ASC}]"
    found = await place.ask(f"{{ jobs({arguments}) {{ totalCount nodes {{ {JOB} }} }} }}")
    [job] = found["jobs"]["nodes"]
    assert (job["name"], job["state"], job["arguments"], job["key"]) == ("work.mark", "DONE", {"text": "a"}, "k")
    assert (job["queue"], job["attempts"], job["error"], job["requestedBy"]) == ("default", 1, None, "system")
    assert (await place.ask("query ($id: ID!) { job(id: $id) { state } }", id=job["id"]))["job"] == {"state": "DONE"}


async def test_a_waiting_job_is_cancelled_and_never_begun(place: House, tmp_path: Path):
    id = await enqueue(place.crm.call(SYSTEM), "work.mark")
    document = "mutation ($id: ID!) { jobCancel(id: $id) { job { state } userErrors { code message } } }"
    name = encode(place.crm.resource(Job), id)
    assert (await place.ask(document, id=name))["jobCancel"] == {"job": {"state": "CANCELLED"}, "userErrors": []}
    await Doings(place.crm, "test").do(id, 1)
    assert _marks(tmp_path) == []
    assert (await place.ask(document, id=name))["jobCancel"]["userErrors"] == [{"code": "CONFLICT", "message": "the job is finished"}]
    events = await place.sql("SELECT name FROM event WHERE resource = 'job'")
    assert [row["name"] for row in events] == ["job.cancelled"]


async def test_a_running_job_is_told_to_stop(place: House, tmp_path: Path):
    id = await enqueue(place.crm.call(SYSTEM), "work.stay")
    doings = Doings(place.crm, "test")
    doing = asyncio.create_task(doings.do(id, 1))
    await asyncio.sleep(0.3)
    document = "mutation ($id: ID!) { jobCancel(id: $id) { job { state cancelRequested } } }"
    answer = await place.ask(document, id=encode(place.crm.resource(Job), id))
    assert answer["jobCancel"]["job"] == {"state": "RUNNING", "cancelRequested": True}
    await doings.obey()
    await doing
    assert ((await Job.get(id=id)).state, _marks(tmp_path)) == (JobState.CANCELLED, ["told to stop"])


async def test_a_dead_job_is_retried_and_a_done_one_is_not(place: House):
    await enqueue(place.crm.call(SYSTEM), "work.leak")
    await enqueue(place.crm.call(SYSTEM), "work.mark")
    await do_all(place.crm)
    dead, done = [encode(place.crm.resource(Job), job.id) for job in await Job.all().order_by("name")]
    document = "mutation ($id: ID!) { jobRetry(id: $id) { job { state } userErrors { code } } }"
    assert (await place.ask(document, id=dead))["jobRetry"] == {"job": {"state": "QUEUED"}, "userErrors": []}
    assert (await place.ask(document, id=done))["jobRetry"] == {"job": None, "userErrors": [{"code": "CONFLICT"}]}


async def test_each_of_it_asks_for_a_permission(place: House):
    id = encode(place.crm.resource(Job), await enqueue(place.crm.call(SYSTEM), "work.mark"))
    for role, mutation in (("sales", "jobCancel"), ("manager", "jobRetry")):
        asker = await place.as_(role)
        data, errors = await asker.answer(f"mutation ($id: ID!) {{ {mutation}(id: $id) {{ job {{ id }} }} }}", id=id)
        assert (data, errors[0]["extensions"]["code"]) == (None, "FORBIDDEN")
    for role in ("analyst", "read-only"):
        data, errors = await (await place.as_(role)).answer("{ jobs { nodes { arguments } } }")
        assert (data, errors[0]["extensions"]["code"]) == ({"jobs": None}, "FORBIDDEN")
    user = await place.make("User", name="U", email="u@example.com")
    assert await (await place.as_("sales", user.id)).ask("{ jobs { totalCount } }") == {"jobs": {"totalCount": 0}}


async def test_a_job_is_watched_until_it_is_over(place: House):
    id = await enqueue(place.crm.call(SYSTEM), "work.count", {"seconds": 0.6})
    query = "subscription ($id: ID!) { jobProgress(id: $id) { state progressDone } }"
    variables = {"id": encode(place.crm.resource(Job), id)}
    protocols = [Subprotocol("graphql-transport-ws")]
    async with on_a_port(place.app) as port, connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=protocols) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": place.client.headers["Authorization"]}}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query, "variables": variables}}))
        heard = [json.loads(await socket.recv())["payload"]["data"]["jobProgress"]]
        working = asyncio.create_task(do_all(place.crm))
        while (message := json.loads(await asyncio.wait_for(socket.recv(), 10)))["type"] == "next":
            heard.append(message["payload"]["data"]["jobProgress"])
        await working
    assert message["type"] == "complete"
    assert heard[0] == {"state": "QUEUED", "progressDone": 0}
    assert {"state": "RUNNING", "progressDone": 2} in heard
    assert heard[-1] == {"state": "DONE", "progressDone": 4}
