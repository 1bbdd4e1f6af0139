"""`payvand serve` as supervisors and clients meet it."""

import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.engines import free_port
from tests.house import write_settings
from tests.shell import ROOT, serving

SLOW = """
import asyncio
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from core import hookimpl

async def slow(request):
    await asyncio.sleep(1.5)
    return PlainTextResponse("done")

@hookimpl
def routes(crm):
    return [Route("/slow", slow)]
"""


def test_it_says_where_it_serves_and_stops_when_told(server):
    assert f"Payvand serves {server.url}/graphql" in server.log
    response = httpx.post(f"{server.url}/graphql", json={"query": "{ __typename }"})
    assert response.status_code == 401
    assert "server" not in response.headers
    assert server.stop() == 0
    assert "Traceback" not in server.log
    assert re.search(rf"{response.headers['x-request-id']} POST /graphql 401 \d+ ms", server.log)


def test_a_second_server_at_the_same_address_says_so_in_one_sentence(server):
    outcome = server.shell("serve")
    assert outcome.code == 1
    assert re.fullmatch(r"payvand: cannot listen at 127\.0\.0\.1, port \d+: .*\n", outcome.err)


def test_a_database_without_tables_stops_the_start_with_one_sentence(payvand):
    outcome = payvand("serve", "--port", "0")
    assert outcome.code == 1
    assert re.fullmatch(r"payvand: .*; run: payvand migrate\n", outcome.err)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_request_that_has_begun_is_finished_before_it_stops(payvand, plugin, how):
    port = free_port()
    plugin("slow", SLOW)
    write_settings(payvand.folder, payvand.url, ("slow",))
    payvand.environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(plugin.folder)])
    payvand("migrate").well()
    with serving(payvand, port, "--port", str(port)) as server, ThreadPoolExecutor() as others:
        waiting = others.submit(httpx.get, f"{server.url}/slow", timeout=30)
        time.sleep(0.5)
        server.process.send_signal(how)
        time.sleep(0.5)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{server.url}/healthz", timeout=2)
        assert waiting.result().text == "done"
        assert server.process.wait(30) == 0
        assert "Traceback" not in server.log


def test_an_open_socket_does_not_keep_the_server_from_stopping(server):
    with connect(f"{server.url.replace('http', 'ws')}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")]) as ws:
        ws.send('{"type": "ping"}')
        assert ws.recv() == '{"type":"pong"}'
        assert server.stop(10) == 0
