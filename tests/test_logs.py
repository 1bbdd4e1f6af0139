"""The log: one line for each thing that is told, with the id of its request, and nothing that a client could put there."""

import json
import logging

import asyncpg
import httpx
import pytest

from core.errors import StartError
from core.logs import REQUEST, TRACE, Json, Text
from tests.engines import free_port
from tests.house import Houses, write_settings
from tests.packages import Packages
from tests.shell import ROOT, Shell, serving

ACME = """
import logging
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from core import hookimpl

log = logging.getLogger("acme")

async def told(request):
    log.warning("first\\n2030-01-01T00:00:00.000Z ERROR forged: second")
    raise KeyError("a\\nb")

@hookimpl
def routes(crm):
    return [Route("/acme", told)]

@hookimpl
async def after_commit(crm, event):
    log.warning("heard of %s", event.name)
"""


def record(message: str, *arguments: object, error: BaseException | None = None, **more: object) -> logging.LogRecord:
    made = logging.LogRecord("acme", logging.WARNING, __file__, 1, message, arguments, (type(error), error, None) if error else None)
    vars(made).update(more)
    return made


def test_no_message_can_forge_a_line():
    for text in ("a\r\nb", "a\x1b[2Jb", "a\u2028b", "a\x85b"):
        assert Text().format(record("%s", text)).isprintable()
        assert Json().format(record("%s", text)).isprintable()
        assert json.loads(Json().format(record("%s", text)))["message"] == text


def test_the_lines_of_a_traceback_look_like_no_other_line():
    lines = Text().format(record("failed", error=ValueError("one\n2030-01-01T00:00:00.000Z ERROR acme: two"))).splitlines()
    assert len(lines) > 1
    assert all(line.startswith("    | ") for line in lines[1:])
    assert json.loads(Json().format(record("failed", error=ValueError("one"))))["error"] == "ValueError: one"


def test_neither_keys_nor_rows_are_told():
    error = asyncpg.UniqueViolationError("duplicate key")
    vars(error)["detail"] = "Key (address)=(ada@payvand.example) already exists."
    secret = "pvk_0123456789ab_abcdefghijklmnopqrstuvwxyz-ABCDEFG_123"
    for form in (Text(), Json()):
        line = form.format(record(f"with {secret}", error=error))
        assert "pvk_0123456789ab_..." in line
        assert "abcdefgh" not in line
        assert "ada@" not in line
        assert "duplicate key" in line


def test_a_line_has_its_request_its_trace_and_its_fields():
    request, trace = REQUEST.set("mine"), TRACE.set("0af7651916cd43dd8448eb211c80319c")
    try:
        assert " WARNING acme [mine, trace 0af7651916cd43dd8448eb211c80319c]: words" in Text().format(record("words"))
        assert "[mine" not in Text().format(record("mine: words"))
        found = json.loads(Json().format(record("words", fields={"status": 404, "level": "forged"})))
    finally:
        REQUEST.reset(request)
        TRACE.reset(trace)
    assert (found["request"], found["trace"]) == ("mine", "0af7651916cd43dd8448eb211c80319c")
    assert (found["status"], found["level"]) == (404, "WARNING")
    assert found["time"].endswith("Z")


async def test_lines_of_plugins_have_the_id_of_their_request(houses: Houses, plugin: Packages, caplog: pytest.LogCaptureFixture):
    plugin("acme", ACME)
    seen: list[tuple[str, str]] = []
    caplog.handler.addFilter(lambda one: seen.append((one.name, REQUEST.get())) or True)
    async with houses("acme") as house:
        house.client.headers["X-Request-Id"] = "mine"
        await house.client.get("/acme")
        await house.make("Contact", name="Ada")
        await house.crm.settle()
    assert [request for name, request in seen if name == "acme"] == ["mine", "mine"]
    assert REQUEST.get() == ""


def test_the_server_writes_json_and_of_addresses_only_those_of_the_refused(payvand: Shell, plugin: Packages):
    port = free_port()
    plugin("acme", ACME)
    write_settings(payvand.folder, payvand.url, ("acme",), {"server": {"port": port}, "log": {"format": "json", "level": "DEBUG"}})
    payvand.environment["PYTHONPATH"] = f"{ROOT}:{plugin.folder}"
    payvand("migrate").well()
    key = payvand("keys", "create", "--name", "a", "--role", "admin").well().out.strip()
    with serving(payvand, port) as server:
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=server.url) as client:
            client.get("/nothing", headers={"X-Request-Id": "none"})
            client.post("/graphql", json={"query": "{ __typename }"}, headers={"X-Request-Id": "refused"})
            for number in range(2):  # the second time it is known who asks
                client.post("/graphql", json={"query": "{ __typename }"}, headers={**headers, "X-Request-Id": f"fine-{number}"})
            made = 'mutation { contactCreate(input: {name: "Shirin"}) { contact { id } } }'
            client.post("/graphql", json={"query": made}, headers={**headers, "X-Request-Id": "made"})
            client.get("/acme", headers={"X-Request-Id": "acme"})
        assert server.stop() == 0
        lines = [json.loads(line) for line in server.log.splitlines() if not line.startswith("Payvand serves")]
    assert "Shirin" not in server.log
    assert key not in server.log
    of = {name: [line for line in lines if line.get("request") == name] for name in ("none", "refused", "fine-0", "fine-1", "made", "acme")}
    assert [(line["status"], line.get("address")) for line in of["refused"]] == [(401, "127.0.0.1")]
    assert [(line["status"], line.get("address")) for line in of["none"]] == [(404, None)]
    # Others may say something of these requests, too: that the use of a key could not be noted just then.
    assert [line["status"] for name in ("fine-0", "fine-1") for line in of[name] if line["logger"] == "payvand.requests"] == [200, 200]
    assert {line["logger"] for line in of["made"]} >= {"acme", "payvand.requests"}
    assert [line["message"].partition("\n")[0] for line in of["acme"] if line["logger"] == "acme"] == ["first"]
    assert [line for line in of["acme"] if "KeyError" in line.get("error", "")]


@pytest.mark.parametrize(("name", "value"), [("format", "xml"), ("level", "info")])
async def test_a_form_or_a_level_that_is_not_there_stops_the_start(houses: Houses, name: str, value: str):
    with pytest.raises(StartError, match=rf"settings.toml \[log\]: {name} is "):
        async with houses(log={name: value}):
            pass
