"""Who may ask, from where and under which name: origins, hosts, proxies, and what browsers are told to keep to."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from core.errors import StartError
from core.settings import Server, section
from tests.house import House, Houses
from tests.wire import on_a_port

APP, EVIL = "https://app.example", "https://evil.example"
HELLO = {"query": "{ __typename }"}
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type, idempotency-key"}


@asynccontextmanager
async def reached(houses: Houses, **server: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a house with these settings, by way of a port, as all others come."""
    async with houses(server=server) as house, served(house) as client:
        yield client


@asynccontextmanager
async def served(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """The same for a house that is there. Each request is sent twice, since a second one is answered by a shorter way."""
    async with (
        on_a_port(house.app, proxies=house.settings.server.proxies) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": house.client.headers["Authorization"]}) as client,
    ):
        yield client


async def ask(client: httpx.AsyncClient, headers: Mapping[str, str], method: str = "POST", path: str = "/graphql") -> httpx.Response:
    """The answer to the second of two requests that are the same."""
    content = json.dumps(HELLO) if method == "POST" else None
    headers = {"Content-Type": "application/json", **headers}
    await client.request(method, path, headers=headers, content=content)
    return await client.request(method, path, headers=headers, content=content)


def cors(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("access-control-")}


# Pages of other sites


async def test_nobody_elses_page_may_read_without_a_setting(house):
    async with served(house) as client:
        response = await ask(client, {"Origin": APP})
        assert (response.status_code, cors(response)) == (200, {})
        response = await ask(client, {"Origin": APP, **PREFLIGHT}, "OPTIONS")
        assert (response.status_code, cors(response)) == (405, {})


async def test_a_listed_page_may_ask_and_read(houses):
    async with reached(houses, origins=[APP, "http://localhost:5173"]) as client:
        response = await ask(client, {"Origin": APP, **PREFLIGHT}, "OPTIONS")
        assert response.status_code == 200
        told = cors(response)
        assert (told["access-control-allow-origin"], told["access-control-allow-credentials"]) == (APP, "true")
        for name in ("authorization", "content-type", "idempotency-key", "x-request-id", "apollo-require-preflight", "x-csrf-token"):
            assert name in told["access-control-allow-headers"].lower()
        for origin in (APP, "http://localhost:5173"):
            response = await ask(client, {"Origin": origin})
            assert response.json()["data"] == {"__typename": "Query"}
            told = cors(response)
            assert (told["access-control-allow-origin"], told["access-control-allow-credentials"]) == (origin, "true")
            for name in ("X-Request-Id", "RateLimit", "RateLimit-Policy", "Idempotency-Replayed", "Retry-After"):
                assert name in told["access-control-expose-headers"].split(", ")
            assert "Origin" in response.headers["vary"]
        assert cors(await ask(client, {"Origin": APP, "Authorization": ""}))["access-control-allow-origin"] == APP, "it may read why not"


@pytest.mark.parametrize(
    "origin", [EVIL, "null", "https://app.example.evil.example", "http://app.example", "https://app.example:8443", "*"]
)
async def test_another_page_may_not(houses, origin):
    async with reached(houses, origins=[APP]) as client:
        response = await ask(client, {"Origin": origin, **PREFLIGHT}, "OPTIONS")
        assert (response.status_code, cors(response)) == (403, {})
        response = await ask(client, {"Origin": origin})
        assert cors(response) == {}
        assert "Origin" in response.headers["vary"]


async def test_a_preflight_asks_for_no_more_than_there_is(houses):
    async with reached(houses, origins=[APP]) as client:
        for name, value in (("Method", "DELETE"), ("Headers", "x-other")):
            headers = {"Origin": APP, **PREFLIGHT, f"Access-Control-Request-{name}": value}
            assert (await ask(client, headers, "OPTIONS")).status_code == 400


async def test_without_an_origin_it_is_as_it_was(houses):
    async with reached(houses, origins=[APP]) as client:
        response = await ask(client, {})
        assert (response.status_code, cors(response)) == (200, {})
        assert (await ask(client, {}, "OPTIONS")).status_code == 405


# Names


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("crm.example", 200),
        ("CRM.example:8000", 200),
        ("a.b.example", 200),
        ("[::1]:8000", 200),
        ("[::1]", 200),
        ("b.example", 421),
        ("evil.example", 421),
        ("crm.example.evil.example", 421),
        ("xcrm.example", 421),
        ("127.0.0.1", 421),
        ("", 421),
    ],
)
async def test_it_answers_to_its_names_alone(houses, host, status):
    async with reached(houses, hosts=["crm.example", "*.b.example", "[::1]"]) as client:
        response = await ask(client, {"Host": host})
        assert response.status_code == status
        assert response.headers["x-request-id"]
        if status == 421:
            assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
        assert (await ask(client, {"Host": host}, "GET", "/healthz")).status_code == 200, "load balancers ask by number"


async def test_without_a_setting_it_answers_to_any_name(house):
    async with served(house) as client:
        assert (await ask(client, {"Host": "anything.example"})).status_code == 200


# Proxies


async def test_a_client_is_who_a_listed_proxy_says(houses):
    forwarded = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    async with houses(server={"proxies": ["127.0.0.1"]}, limits={"failures_per_minute": 1}) as house, served(house) as client:
        assert "strict-transport-security" in (await ask(client, forwarded)).headers
        assert (await ask(client, {**forwarded, "Authorization": ""})).status_code == 429
        one = {"X-Forwarded-For": "203.0.113.8", "Authorization": "", "Content-Type": "application/json"}
        assert (await client.post("/graphql", json=HELLO, headers=one)).status_code == 401, "another client of the same proxy"


@pytest.mark.parametrize("proxies", [[], ["10.0.0.0/8", "::1"]])
async def test_what_others_say_of_a_client_is_not_believed(houses, proxies):
    async with houses(server={"proxies": proxies}, limits={"failures_per_minute": 1}) as house, served(house) as client:
        assert "strict-transport-security" not in (await ask(client, {"X-Forwarded-Proto": "https"})).headers
        statuses = []
        for number in range(2):
            headers = {"X-Forwarded-For": f"203.0.113.{number}", "Authorization": ""}
            statuses.append((await client.post("/graphql", json=HELLO, headers=headers)).status_code)
        assert statuses == [401, 429]


# Sockets


async def handshake(client: httpx.AsyncClient, host: str, **headers: str) -> int:
    """The status that a handshake is answered with."""
    protocols, port = [Subprotocol("graphql-transport-ws")], client.base_url.port
    try:
        async with connect(f"ws://{host}/graphql", subprotocols=protocols, host="127.0.0.1", port=port, additional_headers=headers):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def test_a_socket_asks_for_the_same(houses):
    async with reached(houses, origins=[APP], hosts=["crm.example"]) as client:
        assert await handshake(client, "crm.example", Origin=APP) == 101
        assert await handshake(client, "crm.example", Origin="http://crm.example") == 101
        assert await handshake(client, "crm.example") == 101
        assert await handshake(client, "crm.example", Origin=EVIL) == 403
        assert await handshake(client, "evil.example", Origin=APP) == 403


# What browsers are told


@pytest.mark.parametrize("path", ["/graphql", "/healthz", "/nothing"])
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_every_answer_tells_browsers_what_to_keep_to(house, path, method):
    async with served(house) as client:
        headers = (await ask(client, {}, method, path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
        assert "strict-transport-security" not in headers
        assert all(headers.get_list(name) == [headers[name]] for name in ("x-content-type-options", "x-frame-options", "referrer-policy"))


async def test_the_page_keeps_its_own_policy(house):
    async with served(house) as client:
        for path in ("/graphql", "/graphql/assets/page.js"):
            headers = (await client.get(path, headers={"Accept": "text/html"})).headers
            assert headers.get_list("referrer-policy") == ["no-referrer"]
            assert headers["cross-origin-resource-policy"] == "same-origin"
        headers = (await client.get("/graphql", headers={"Accept": "text/html"})).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


# Settings


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("origins", ["*"]),
        ("origins", ["https://app.example/"]),
        ("origins", ["app.example"]),
        ("origins", ["https://App.example"]),
        ("origins", ["null"]),
        ("origins", "https://app.example"),
        ("hosts", ["crm.example:8000"]),
        ("hosts", ["https://crm.example"]),
        ("hosts", ["*"]),
        ("proxies", ["proxy.example"]),
        ("proxies", ["10.0.0.1/8"]),
        ("proxies", ["*"]),
    ],
)
def test_a_setting_that_means_nothing_stops_the_start(setting, value):
    with pytest.raises(StartError, match=rf"settings.toml \[server\]:? {setting}"):
        section(Server, {setting: value}, "settings.toml [server]")
