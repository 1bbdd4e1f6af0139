"""Subscriptions over WebSocket: the protocol, who may open one, and its limits."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

import core.auth
from schema.operations.execution import Engine
from schema.transport import socket as module
from schema.transport.socket import FRAME, PROTOCOL, Socket
from tests.graph import SCHEMA
from tests.house import House
from tests.wire import on_a_port

HAPPENED = "subscription { events { name recordId } }"


@dataclass(frozen=True)
class Client:
    """Opens sockets to the house, and to a small schema in it at /small."""

    port: int
    key: str

    def open(self, path: str = "/graphql", protocol: str = PROTOCOL, **options: Any) -> AbstractAsyncContextManager[ClientConnection]:
        return connect(f"ws://127.0.0.1:{self.port}{path}", subprotocols=[Subprotocol(protocol)], **options)


@pytest.fixture
async def client(shared_house: House) -> AsyncIterator[Client]:
    engine = Engine(shared_house.crm, SCHEMA)

    async def small(websocket: WebSocket) -> None:
        await Socket(engine, websocket, seconds_to_begin=0.3).run()

    app: Starlette = shared_house.app
    route = WebSocketRoute("/small", small)
    app.router.routes.append(route)
    async with on_a_port(app) as port:
        yield Client(port, shared_house.client.headers["Authorization"])
    app.router.routes.remove(route)


async def say(ws: ClientConnection, *messages: Any) -> None:
    for message in messages:
        await ws.send(message if isinstance(message, str | bytes) else json.dumps(message))


async def hear(ws: ClientConnection) -> dict[str, Any]:
    return json.loads(await asyncio.wait_for(ws.recv(), 3))


async def end(ws: ClientConnection) -> int | None:
    """The code with which the server closes."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            await asyncio.wait_for(ws.recv(), 3)
    return closed.value.rcvd.code if closed.value.rcvd else None


def begin(key: str, name: str = "Authorization") -> dict[str, Any]:
    return {"type": "connection_init", "payload": {name: key}}


def ask(query: str, name: str = "1", **more: Any) -> dict[str, Any]:
    return {"id": name, "type": "subscribe", "payload": {"query": query, **more}}


async def test_events_arrive_as_they_happen(client, shared_house):
    async with client.open() as ws:
        await say(ws, begin(client.key), ask(HAPPENED))
        assert await hear(ws) == {"type": "connection_ack"}
        await asyncio.sleep(0.2)
        made = await shared_house.make("Contact", name="Ada")
        message = await hear(ws)
        assert (message["id"], message["type"]) == ("1", "next")
        assert message["payload"]["data"] == {"events": {"name": "contact.created", "recordId": made.id}}
        await say(ws, {"id": "1", "type": "complete"}, {"type": "ping"})
        assert await hear(ws) == {"type": "pong"}
    await asyncio.sleep(0.1)
    assert not shared_house.crm.stream.heard, "the listener is gone with its socket"


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
@pytest.mark.parametrize("bare", [True, False])
async def test_a_key_comes_in_the_payload(client, name, bare):
    async with client.open() as ws:
        await say(ws, begin(client.key.removeprefix("Bearer ") if bare else client.key, name))
        assert await hear(ws) == {"type": "connection_ack"}


async def test_a_key_comes_in_a_header(client):
    async with client.open(additional_headers={"Authorization": client.key}) as ws:
        await say(ws, {"type": "connection_init"})
        assert await hear(ws) == {"type": "connection_ack"}


@pytest.mark.parametrize("payload", [None, {}, {"Authorization": "Bearer nonsense"}, {"Authorization": 7}, {"Authorization": "Bearer "}])
async def test_a_socket_without_a_key_is_closed(client, payload):
    async with client.open() as ws:
        await say(ws, {"type": "connection_init", **({} if payload is None else {"payload": payload})})
        assert await end(ws) == 4403


async def test_a_socket_that_says_nothing_is_closed_after_seconds(client):
    async with client.open("/small") as ws:
        await say(ws, {"type": "ping"})
        assert await hear(ws) == {"type": "pong"}
        assert await end(ws) == 4408


async def test_a_key_that_is_revoked_closes_its_socket(client, shared_house, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_CHECKS", 0.05)
    monkeypatch.setattr(core.auth, "REMEMBERED", 0.0)
    other = await shared_house.as_("admin")
    key = other.client.headers["Authorization"]
    async with client.open() as ws:
        await say(ws, begin(key), ask(HAPPENED))
        assert await hear(ws) == {"type": "connection_ack"}
        await asyncio.sleep(0.2)
        await shared_house.sql("UPDATE api_key SET revoked_at = CURRENT_TIMESTAMP WHERE prefix = $1", key.split("_")[1])
        assert await end(ws) == 4403


async def test_a_role_that_becomes_less_counts_for_what_began_with_more(client, shared_house, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_CHECKS", 0.05)
    role = await shared_house.make("Role", name="changing", grants=[{"permission": "contact.read"}])
    key = (await shared_house.as_("changing")).client.headers["Authorization"]
    less = """mutation ($id: ID!) { roleUpdate(id: $id, input: {grants: [{permission: "contact.read", scope: OWN}]}) {
        userErrors { message } } }"""
    async with client.open() as ws:
        await say(ws, begin(key), ask(HAPPENED))
        assert await hear(ws) == {"type": "connection_ack"}
        await asyncio.sleep(0.3)
        await shared_house.make("Contact", name="Sara")
        assert (await hear(ws))["type"] == "next", "who is the same as before goes on"
        await shared_house.ask(less, id=role.id)
        await asyncio.sleep(0.3)
        await shared_house.make("Contact", name="Secret")
        await asyncio.sleep(0.3)
        await say(ws, {"type": "ping"})
        assert await hear(ws) == {"type": "pong"}, "nothing is told of what it may not see any more"


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (['{"type"'], 4400),
        (["[]"], 4400),
        (["null"], 4400),
        (["[" * 50_000], 4400),
        ([b"\xff\xfe\x00"], 4400),
        ([{"type": "nope"}], 4400),
        ([{"type": ["nope"]}], 4400),
        ([{}], 4400),
        ([{"type": "connection_init", "payload": []}], 4400),
        ([ask(HAPPENED)], 4401),
        (["init", "init"], 4429),
        (["init", {**ask(HAPPENED), "id": {"a": 1}}], 4400),
        (["init", {**ask(HAPPENED), "id": ""}], 4400),
        (["init", {**ask(HAPPENED), "id": "x" * 201}], 4400),
        (["init", ask(HAPPENED), ask(HAPPENED)], 4409),
        (["init", {"type": "complete"}], 4400),
        (["init", "x" * (FRAME + 1)], 1009),
    ],
)
async def test_who_breaks_the_protocol_is_told_by_the_code_of_closing(client, messages, code):
    async with client.open() as ws:
        await say(ws, *(begin(client.key) if message == "init" else message for message in messages))
        assert await end(ws) == code


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"id": "1", "type": "subscribe"}, "BAD_USER_INPUT"),
        ({"id": "1", "type": "subscribe", "payload": {}}, "BAD_USER_INPUT"),
        ({"id": "1", "type": "subscribe", "payload": {"query": 7}}, "BAD_USER_INPUT"),
        (ask("{"), "GRAPHQL_PARSE_FAILED"),
        (ask("subscription { nope }"), "GRAPHQL_VALIDATION_FAILED"),
        (ask("subscription { count forever }"), "GRAPHQL_VALIDATION_FAILED"),
        (ask("subscription ($to: Int!) { count(to: $to) }", variables={"to": "x"}), "BAD_USER_INPUT"),
        (ask("mutation { add(number: 1) }"), "BAD_USER_INPUT"),
        (ask("subscription {" + " ".join(f"a{n}: count" for n in range(20)) + "}"), "QUERY_TOO_COMPLEX"),
        (ask("subscription { count }" + "#\n" * 12_000), "QUERY_TOO_COMPLEX"),
    ],
)
async def test_an_operation_that_cannot_run_ends_and_the_socket_stays(client, message, code):
    async with client.open("/small") as ws:
        await say(ws, begin(client.key), message)
        assert await hear(ws) == {"type": "connection_ack"}
        answer = await hear(ws)
        assert (answer["id"], answer["type"]) == ("1", "error")
        assert {one["extensions"]["code"] for one in answer["payload"]} == {code}
        await say(ws, ask("subscription { count(to: 1) }"))
        assert (await hear(ws))["payload"] == {"data": {"count": 0}, "extensions": {"cost": 1}}
        assert await hear(ws) == {"id": "1", "type": "complete"}


async def test_a_query_is_answered_too(client):
    async with client.open("/small") as ws:
        await say(ws, begin(client.key), ask("{ __typename }"))
        assert [(await hear(ws))["type"] for _ in range(3)] == ["connection_ack", "next", "complete"]


async def test_what_fails_on_the_way_is_masked(client):
    async with client.open("/small") as ws:
        await say(ws, begin(client.key), ask("subscription { failing }"))
        assert [(await hear(ws))["type"] for _ in range(2)] == ["connection_ack", "next"]
        answer = await hear(ws)
        assert answer["type"] == "error"
        assert answer["payload"][0]["message"] == "Unexpected error."
        assert answer["payload"][0]["extensions"]["incident"]


async def test_a_socket_holds_so_many_operations_and_no_more(client):
    async with client.open("/small") as ws:
        await say(ws, begin(client.key), *(ask("subscription { forever }", str(number)) for number in range(102)))
        answers = [await hear(ws) for _ in range(1 + 102)]
        assert [one["payload"][0]["extensions"]["code"] for one in answers if one["type"] == "error"] == ["RATE_LIMITED"] * 2
        await say(ws, {"id": "7", "type": "complete"}, ask("subscription { count(to: 1) }", "again"))
        assert [(await hear(ws))["type"] for _ in range(2)] == ["next", "complete"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "nonsense"])
async def test_a_page_of_another_site_is_refused(client, origin):
    with pytest.raises(InvalidStatus) as refused:
        async with client.open(additional_headers={"Origin": origin}):
            pass
    assert refused.value.response.status_code == 403


async def test_a_page_of_this_site_is_let_in(client):
    async with client.open(additional_headers={"Origin": f"http://127.0.0.1:{client.port}"}) as ws:
        await say(ws, begin(client.key))
        assert await hear(ws) == {"type": "connection_ack"}


@pytest.mark.parametrize("protocol", ["graphql-ws", "nonsense"])
async def test_no_other_protocol_is_spoken(client, protocol):
    with pytest.raises(InvalidStatus) as refused:
        async with client.open(protocol=protocol):
            pass
    assert refused.value.response.status_code == 403
