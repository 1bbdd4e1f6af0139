"""How much a client may ask for in a minute. Times are never measured: budgets are so small here that none of it comes back in a test."""

import asyncio
import json
import re
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from core.errors import RateLimited
from core.permissions import Actor
from core.server import rates
from core.server.rates import Rates, Strangers
from core.settings import Limits
from schema.transport.media import GRAPHQL
from tests.house import Asker
from tests.wire import on_a_port

HELLO = {"query": "{ __typename }"}
CREATE = {"query": 'mutation { contactCreate(input: {name: "Ada"}) { contact { id } } }'}


def aliases(count: int) -> dict[str, str]:
    return {"query": "{" + " ".join(f"a{number}: __typename" for number in range(count)) + "}"}


async def ask(asker: Asker, body: Any = HELLO, accept: str = "*/*", **headers: str) -> httpx.Response:
    return await asker.client.post("/graphql", json=body, headers={"Accept": accept, **headers})


def limited(response: httpx.Response) -> bool:
    """Whether it says that it was too much, as it should."""
    if response.status_code != 429:
        return False
    assert response.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert 1 <= int(response.headers["retry-after"]) <= 60
    return True


async def test_every_answer_says_what_is_left(house):
    response = await ask(house)
    assert response.headers["ratelimit-policy"] == '"requests";q=6000;w=60, "cost";q=2000000;w=60'
    pattern = r'"requests";r=(\d+);t=(\d+), "cost";r=(\d+);t=(\d+)'
    found = re.fullmatch(pattern, response.headers["ratelimit"])
    assert found and int(found[1]) < 6000
    for body in ({"query": "{"}, {}, {"query": "{ nothing }"}):
        assert re.fullmatch(pattern, (await ask(house, body)).headers["ratelimit"])
    assert "ratelimit" not in (await ask(house, Authorization="")).headers


async def test_requests_are_counted_whatever_becomes_of_them(houses):
    async with houses(limits={"requests_per_minute": 3, "cost_per_minute": 0}) as house:
        answers = [await ask(house, body) for body in (HELLO, {"query": "{"}, {}, HELLO)]
        assert [limited(one) for one in answers] == [False, False, False, True]
        assert [one.headers["ratelimit"].partition(";t")[0] for one in answers] == [f'"requests";r={left}' for left in (2, 1, 0, 0)]
        assert limited(await ask(house, accept=GRAPHQL))
        get = await house.client.get("/graphql", params=HELLO)
        assert limited(get)
        assert not limited(await ask(await house.as_("admin"))), "others have budgets of their own"
        assert limited(await ask(house))


async def test_a_hundred_aliases_cost_a_hundred(houses):
    async with houses(limits={"requests_per_minute": 0, "cost_per_minute": 20}) as house:
        first = await ask(house, aliases(9))
        assert first.json()["extensions"]["cost"] == 9
        assert first.headers["ratelimit"].startswith('"cost";r=11;')
        assert first.headers["ratelimit-policy"] == '"cost";q=20;w=60'
        assert not limited(await ask(house, aliases(9)))
        assert limited(await ask(house, aliases(9)))
        assert not limited(await ask(house, aliases(2))), "what is left can still be spent"
        assert limited(await ask(house, CREATE))
        assert await house.sql("SELECT id FROM contact") == []


async def test_what_costs_more_than_all_costs_all(houses):
    async with houses(limits={"requests_per_minute": 0, "cost_per_minute": 5}) as house:
        assert [limited(await ask(house, aliases(9))) for _ in range(2)] == [False, True]


async def test_budgets_can_be_switched_off(houses):
    async with houses(limits={"requests_per_minute": 0, "cost_per_minute": 0, "failures_per_minute": 0}) as house:
        response = await ask(house)
        assert not {"ratelimit", "ratelimit-policy"} & response.headers.keys()
        assert {(await ask(house, Authorization="Bearer no")).status_code for _ in range(80)} == {401}


async def test_a_replayed_answer_costs_as_well(houses):
    async with houses(limits={"requests_per_minute": 2, "cost_per_minute": 0}) as house:
        answers = [await ask(house, CREATE, **{"Idempotency-Key": "k"}) for _ in range(3)]
        assert [limited(one) for one in answers] == [False, False, True]
        assert answers[1].headers["idempotency-replayed"] == "true"
        assert answers[1].headers["ratelimit"].startswith('"requests";r=0;')


# Who is nobody


async def test_an_address_that_guesses_keys_is_told_to_wait(houses):
    async with houses(limits={"failures_per_minute": 5}) as house:
        keys = ["Bearer pvk_000000000000_x", "", "Bearer no"] * 3
        answers = [await ask(house, Authorization=key) for key in keys]
        assert [one.status_code for one in answers] == [401] * 5 + [429] * 4
        assert limited(answers[-1])
        assert (await ask(house)).status_code == 200, "who has a key is not kept out"


async def test_addresses_are_counted_apart():
    strangers = Strangers(Limits(failures_per_minute=1))
    strangers.note("a")
    strangers.note("b")
    for address in "ab":
        with pytest.raises(Exception, match="without a valid key"):
            strangers.note(address)


def test_no_more_clients_are_kept_than_fit(monkeypatch):
    monkeypatch.setattr(rates, "MOST", 3)
    many, strangers = Rates(Limits(requests_per_minute=1)), Strangers(Limits())
    for name in ("a", "b", "c", "a", "d"):
        many.meter(Actor(name))
        strangers.note(name)
    assert list(many._meters) == list(strangers._whole) == ["c", "a", "d"]
    many.meter(Actor("a")).ask()
    with pytest.raises(RateLimited):
        many.meter(Actor("a")).ask()


# Over WebSocket


async def test_operations_of_a_socket_count_as_well(houses):
    async with houses(limits={"requests_per_minute": 0, "cost_per_minute": 6}) as house, on_a_port(house.app) as port:
        async with connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
            key = house.client.headers["Authorization"]
            await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": key}}))
            for number in range(2):
                await socket.send(json.dumps({"type": "subscribe", "id": str(number), "payload": aliases(4)}))
            messages = [json.loads(await asyncio.wait_for(socket.recv(), 5)) for _ in range(4)]
            assert [one["type"] for one in messages] == ["connection_ack", "next", "complete", "error"]
            assert messages[3]["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert limited(await ask(house, aliases(4))), "a key has one budget, however it asks"


async def test_a_socket_that_guesses_keys_counts_as_well(houses):
    async with houses(limits={"failures_per_minute": 2}) as house, on_a_port(house.app) as port:
        url = f"http://127.0.0.1:{port}/graphql"
        for _ in range(2):
            async with connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
                await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": "no"}}))
                with pytest.raises(ConnectionClosed) as closed:
                    await asyncio.wait_for(socket.recv(), 5)
                assert closed.value.rcvd and closed.value.rcvd.code == 4403
        async with httpx.AsyncClient() as client:
            assert limited(await client.post(url, json=HELLO))
