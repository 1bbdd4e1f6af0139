"""Traces, as a collector of OpenTelemetry receives them."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from core.errors import StartError
from core.logs import TRACE
from core.telemetry import span
from tests.house import Houses
from tests.packages import Packages
from tests.shell import ROOT
from tests.wire import on_a_port

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ACME = """
import logging
import strawberry
from core import Call, hookimpl, permit
from core.models import Contact

@strawberry.type(name="Query", extend=True)
class More:
    @strawberry.field
    @permit("contact.read")
    async def acme_slow(self, info: strawberry.Info) -> int:
        logging.getLogger("acme").warning("asked")
        return await Contact.all().count()

@hookimpl
def graphql():
    return [More]
"""


class Collector:
    """The spans that were sent, by name."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.raw = b""

    def named(self, name: str) -> Span:
        (found,) = [one for one in self.spans if one.name == name]
        return found

    def attributes(self, name: str) -> dict[str, Any]:
        return {one.key: one.value.string_value or one.value.int_value for one in self.named(name).attributes}


@contextlib.contextmanager
def collecting() -> Iterator[tuple[Collector, str]]:
    """A collector that speaks OTLP over HTTP, and its address."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.raw += body
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                collector.spans += [one for scope in resource.scope_spans for one in scope.spans]
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield collector, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def test_a_request_is_followed_from_its_client_to_its_statements(houses: Houses, plugin: Packages, caplog: pytest.LogCaptureFixture):
    plugin("acme", ACME)
    traces: list[str] = []
    caplog.handler.addFilter(lambda one: one.name != "acme" or traces.append(TRACE.get()) or True)
    with collecting() as (collector, endpoint):
        async with houses("acme", telemetry={"endpoint": endpoint}) as house, on_a_port(house.app) as port:
            await house.make("Contact", name="Shirin Farhadi")
            await house.ask("query Find($name: String) { contacts(where: {name: {eq: $name}}) { nodes { name } } }", name="Shirin Farhadi")
            headers = {**house.client.headers, "traceparent": TRACEPARENT, "X-Request-Id": "mine"}
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
                answer = await client.post("/graphql", json={"query": "query Slow { acmeSlow }"})
            assert answer.json()["data"] == {"acmeSlow": 1}
            with span(house.crm, "job acme.nightly"):
                pass
    trace = bytes.fromhex(TRACEPARENT.split("-")[1])
    assert traces == [trace.hex()]
    mine = {one.name: one for one in collector.spans if one.trace_id == trace}
    assert mine["POST /graphql"].parent_span_id.hex() == TRACEPARENT.split("-")[2]
    assert mine["graphql query"].parent_span_id == mine["POST /graphql"].span_id
    assert mine["field acmeSlow awaited"].parent_span_id == mine["graphql query"].span_id
    assert mine["sql SELECT"].parent_span_id == mine["field acmeSlow awaited"].span_id
    found = {one.key: one.value.string_value or one.value.int_value for one in mine["POST /graphql"].attributes}
    assert found["http.response.status_code"] == 200
    assert found["payvand.request_id"] == "mine"
    names = {one.name for one in collector.spans}
    assert {"graphql mutation", "transaction", "job acme.nightly"} <= names
    assert any(name.startswith("sql INSERT") for name in names)
    assert {one.value.string_value for each in collector.spans for one in each.attributes if one.key == "graphql.operation.name"} == {
        "Find",
        "Slow",
    }
    for secret in (b"Shirin", b"Farhadi", b"127.0.0.1", b"pvk_"):
        assert secret not in collector.raw


async def test_of_an_error_only_its_kind_is_told(houses: Houses):
    with collecting() as (collector, endpoint):
        async with houses(telemetry={"endpoint": endpoint}) as house:
            with pytest.raises(KeyError), span(house.crm, "job acme.broken"):
                raise KeyError("ada@payvand.example")
    assert collector.attributes("job acme.broken")["error.type"] == "KeyError"
    assert b"ada@" not in collector.raw


async def test_a_collector_that_is_away_harms_nobody(houses: Houses):
    async with houses(telemetry={"endpoint": "http://127.0.0.1:9"}) as house:
        await house.make("Contact", name="Ada")


@pytest.mark.parametrize(("settings", "reason"), [({"endpoint": "collector"}, "endpoint"), ({"sample": 2.0}, "sample is 0 to 1")])
async def test_settings_that_mean_nothing_stop_the_start(houses: Houses, settings: dict[str, Any], reason: str):
    with pytest.raises(StartError, match=reason):
        async with houses(telemetry=settings):
            pass


def test_without_an_endpoint_none_of_the_libraries_is_read():
    source = "import sys; import core.server.app, schema; print([one for one in sys.modules if one.startswith('opentelemetry')])"
    done = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
