"""SIGTERM: what has begun is finished, nothing new is taken on, and what was acknowledged is there."""

import asyncio
import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from core.lifetime import Lifetime
from core.models import Contact
from tests.engines import free_port
from tests.house import Houses, write_settings
from tests.packages import Packages
from tests.shell import ROOT, Server, Shell, serving

SLOW = """
import asyncio
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from core import Call, SYSTEM, hookimpl, transaction
from core.models import Contact

async def slow(request):
    async with transaction(Call(request.app.state.crm, SYSTEM)):
        await Contact.create(name="undone", name_key="undone")
        await asyncio.sleep(60)
    return PlainTextResponse("done")

@hookimpl
def routes(crm):
    return [Route("/slow", slow)]
"""
WRITE = "mutation ($name: String!) { contactCreate(input: {name: $name}) { contact { id } } }"


@dataclass
class Writer:
    """Writes contacts over one connection until it is closed: what it was told is there, and whether an answer came in part."""

    port: int
    key: str
    number: int
    told: list[str] = field(default_factory=list)
    halves: list[str] = field(default_factory=list)

    def work(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        while True:
            name = f"w{self.number}-{len(self.told)}"
            try:
                body = json.dumps({"query": WRITE, "variables": {"name": name}})
                connection.request("POST", "/graphql", body, {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"})
                response = connection.getresponse()
            except OSError:  # refused or closed, without a byte of an answer
                return
            try:
                answer = json.loads(response.read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.halves.append(repr(error))
                return
            if response.status == 200 and answer["data"]["contactCreate"]["contact"]:
                self.told.append(name)
            else:
                assert response.status == 503, answer


@pytest.fixture
def slow(payvand: Shell, plugin: Packages, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server with a route that takes a minute, in a transaction; the test says how it stops."""
    port = free_port()
    plugin("slow", SLOW)
    write_settings(payvand.folder, payvand.url, ("slow",), {"server": request.param})
    payvand.environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(plugin.folder)])
    payvand("migrate").well()
    with serving(payvand, port, "--port", str(port)) as server:
        yield server


def test_no_acknowledged_write_is_lost_and_no_answer_is_half(server: Server, database):
    key = server.shell("keys", "create", "--name", "writers", "--role", "admin").well().out.strip()
    crowd = [Writer(int(server.url.rpartition(":")[2]), key, number) for number in range(8)]
    threads = [threading.Thread(target=one.work) for one in crowd]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
    assert server.stop(40) == 0
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert [one.halves for one in crowd] == [[]] * len(crowd)
    told = {name for one in crowd for name in one.told}
    assert len(told) > len(crowd)
    there = [row["name"] for row in database.query(server.shell.url, "SELECT name FROM contact")]
    assert told <= set(there)
    assert len(there) == len(set(there))
    assert "Traceback" not in server.log
    server.shell("check").well()


@pytest.mark.settings(server={"drain": 1.5})
def test_while_it_drains_it_is_not_ready_and_answers_all_the_same(server: Server):
    server.process.terminate()
    time.sleep(0.5)
    assert httpx.get(f"{server.url}/readyz", timeout=5).status_code == 503
    assert httpx.get(f"{server.url}/healthz", timeout=5).status_code == 200
    assert httpx.post(f"{server.url}/graphql", json={"query": "{ __typename }"}, timeout=5).status_code == 401
    assert server.process.wait(30) == 0


def test_sockets_are_closed_as_by_a_server_that_goes_away(server: Server):
    with connect(f"{server.url.replace('http', 'ws')}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")]) as ws:
        ws.send('{"type": "ping"}')
        ws.recv()
        server.process.terminate()
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(timeout=30)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        assert server.process.wait(30) == 0
    assert "Traceback" not in server.log


@pytest.mark.parametrize("slow", [{"grace": 1.0}], indirect=True)
def test_a_request_that_takes_longer_than_the_grace_is_refused_and_undone(slow: Server, database):
    with ThreadPoolExecutor(1) as others:
        waiting = others.submit(httpx.get, f"{slow.url}/slow", timeout=30)
        time.sleep(1.0)
        assert slow.stop(20) == 0
        answer = waiting.result()
    assert answer.status_code == 503
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    assert database.query(slow.shell.url, "SELECT name FROM contact") == []
    assert "Traceback" not in slow.log


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("slow", [{"grace": 60}], indirect=True)
def test_a_second_signal_ends_it_at_once(slow: Server, how: signal.Signals):
    with ThreadPoolExecutor(1) as others:
        waiting = others.submit(httpx.get, f"{slow.url}/slow", timeout=30)
        time.sleep(1.0)
        slow.process.terminate()
        time.sleep(1.0)
        assert slow.process.poll() is None
        slow.process.send_signal(how)
        assert slow.process.wait(20) == -how
        with pytest.raises(httpx.TransportError):
            waiting.result()


@pytest.mark.parametrize(("name", "value"), [("grace", -1), ("drain", 3601)])
def test_times_that_make_no_sense_stop_the_start(payvand: Shell, name: str, value: int):
    write_settings(payvand.folder, payvand.url, (), {"server": {name: value}})
    outcome = payvand("serve")
    assert (outcome.code, outcome.err) == (1, f"payvand: settings.toml [server]: {name} is 0 to 3600 seconds\n")


async def test_what_runs_beside_the_requests_ends_before_the_database_closes(houses: Houses):
    said: list[str] = []
    async with houses() as house:
        lifetime = house.crm.lifetime

        async def consume() -> None:
            await lifetime.stopping.wait()
            said.append(f"work: {await Contact.all().count()}")

        async def follow() -> None:
            while not said:  # noqa: ASYNC110  # the work tells nobody else
                await asyncio.sleep(0.01)
            said.append(f"background: {await Contact.all().count()}")

        lifetime.run("consumer", consume())
        task = asyncio.create_task(follow())
        house.crm.background.add(task)
        task.add_done_callback(house.crm.background.discard)
    assert said == ["work: 0", "background: 0"]


async def test_work_that_does_not_end_is_cancelled_and_named(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("core.lifetime.MOMENT", 0.05)
    lifetime = Lifetime(grace=0.0)
    lifetime.run("endless", asyncio.sleep(3_600))
    lifetime.run("broken", _broken())
    await lifetime.end(set())
    assert [one.getMessage() for one in caplog.records] == ["broken ended with an error", "cancelled after 0 s: endless"]


async def _broken() -> None:
    raise KeyError("x")
