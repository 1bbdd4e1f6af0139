"""What happened is told to those who listen: after the commit, in its order, and as far as they may know."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.house import House
from tests.wire import on_a_port

EVENT = "id name recordId at actor changed node { id __typename }"


@asynccontextmanager
async def listening(house: House, arguments: str = "") -> AsyncIterator[ClientConnection]:
    """A socket on which events arrive."""
    async with subscribed(house, arguments) as socket:
        async with asyncio.timeout(5):
            while not house.crm.stream.heard:  # noqa: ASYNC110  # the server tells nobody that somebody listens
                await asyncio.sleep(0.01)
        yield socket


@asynccontextmanager
async def subscribed(house: House, arguments: str) -> AsyncIterator[ClientConnection]:
    """A socket with one subscription that was sent."""
    protocols = [Subprotocol("graphql-transport-ws")]
    async with on_a_port(house.app) as port, connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=protocols) as socket:
        key = house.client.headers["Authorization"]
        await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": key}}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        query = f"subscription {{ events{arguments} {{ {EVENT} }} }}"
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query}}))
        yield socket


async def hear(socket: ClientConnection) -> dict[str, Any]:
    message = json.loads(await asyncio.wait_for(socket.recv(), 5))
    assert "errors" not in message["payload"]
    return message["payload"]["data"]["events"]


async def test_each_event_arrives_with_the_record_as_it_is(house: House):
    async with listening(house) as socket:
        contact = await house.make("Contact", name="c", city="a", tag_ids=[(await house.make("Tag", name="t")).id])
        first, second = await hear(socket), await hear(socket)
        assert (first["name"], second["name"]) == ("tag.created", "contact.created")
        assert second["recordId"] == contact.id
        assert second["node"] == {"id": contact.id, "__typename": "Contact"}
        assert {"name", "city", "tagIds"} <= set(second["changed"])
        assert "nameKey" not in second["changed"]
        assert second["actor"].startswith("key ")
        rows = await house.sql("SELECT id, name FROM event ORDER BY position")
        assert [str(row["id"]) for row in rows] == [first["id"], second["id"]]


async def test_a_deleted_record_is_told_of_and_not_shown(house: House):
    contact = await house.make("Contact", name="c")
    async with listening(house) as socket:
        await house.ask("mutation ($id: ID!) { contactDelete(id: $id) { contact { id } } }", id=contact.id)
        event = await hear(socket)
        assert (event["name"], event["recordId"], event["node"]) == ("contact.deleted", contact.id, None)


async def test_a_write_that_is_refused_is_not_told(house: House):
    async with listening(house) as socket:
        rows = [{"name": "a"}, {"name": " "}]
        bulk = "tagBulkCreate(inputs: $rows, errorPolicy: $policy) { results { index } }"
        ask = f"mutation ($rows: [TagCreateInput!]!, $policy: ErrorPolicy!) {{ {bulk} }}"
        await house.ask(ask, rows=rows, policy="REJECT_EVERYTHING")
        await house.ask(ask, rows=[{"name": " "}, {"name": "b"}], policy="REJECT_FAILED_ROWS")
        tag = await house.ask("{ tags { nodes { id name } } }")
        assert [one["name"] for one in tag["tags"]["nodes"]] == ["b"]
        assert (await hear(socket))["recordId"] == tag["tags"]["nodes"][0]["id"]
        await house.make("Team", name="last")
        assert (await hear(socket))["name"] == "team.created"


@pytest.mark.parametrize(
    "arguments", ['(where: {names: ["deal.won"]})', '(where: {resources: ["deal"], names: ["deal.won", "tag.created"]})']
)
async def test_only_what_was_asked_for_is_told(house: House, arguments: str):
    pipeline = await house.make("Pipeline", name="p")
    await house.make("Stage", name="new", pipeline_id=pipeline.id)
    won = await house.make("Stage", name="won", kind="WON", pipeline_id=pipeline.id)
    async with listening(house, arguments) as socket:
        await house.make("Tag", name="t")
        deal = await house.make("Deal", title="d")
        await house.ask("mutation ($id: ID!, $s: ID!) { dealUpdate(id: $id, input: {stageId: $s}) { deal { id } } }", id=deal.id, s=won.id)
        event = await hear(socket)
        assert (event["name"], event["recordId"]) == ("deal.won", deal.id)


async def test_a_resource_that_there_is_not_cannot_be_listened_to(house: House):
    async with subscribed(house, '(where: {resources: ["nothing"]})') as socket:
        message = json.loads(await asyncio.wait_for(socket.recv(), 5))
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_what_an_event_keeps_can_be_read_again(house: House):
    product = await house.make("Product", name="p", price={"amount": "1.50", "currency": "EUR"})
    pipeline = await house.make("Pipeline", name="p")
    await house.make("Stage", name="s", pipeline_id=pipeline.id, probability="0.5")
    line = {"productId": product.id, "quantity": "2.5", "unitPrice": {"amount": "3", "currency": "EUR"}}
    await house.make("Deal", title="d", amount={"amount": "10", "currency": "EUR"}, expected_close_on="2026-05-01", lines=[line])
    rows = await house.sql("SELECT v.after FROM event e JOIN event_values v ON v.event_id = e.id WHERE e.name = 'deal.created'")
    after = json.loads(rows[0]["after"]) if isinstance(rows[0]["after"], str) else rows[0]["after"]
    assert (after["title"], after["amount"], after["currency"], after["expected_close_on"]) == ("d", 1000, "EUR", "2026-05-01")
    assert after["lines"][0]["unit_price"] == {"amount": "3", "currency": "EUR"}
