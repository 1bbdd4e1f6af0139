"""Subscriptions: what was missed comes first, and nobody hears of what it may not see, over WebSocket and over HTTP."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

import core.auth
import core.stream
import schema.transport.socket as sockets
import schema.transport.streams as streams
from tests.house import House
from tests.listening import ear, flow, key, listened
from tests.wire import on_a_port

pytestmark = pytest.mark.anyio

EVENTS = "subscription ($where: EventWhere, $after: String) { events(where: $where, after: $after) { name cursor recordId changed } }"
CHANGED = "subscription ($id: ID!) { contactChanged(id: $id) { contact { name city } event { name changed } } }"
UPDATE = "mutation ($id: ID!, $input: ContactUpdateInput!) { contactUpdate(id: $id, input: $input) { userErrors { message } } }"
ROLE = "mutation ($input: RoleCreateInput!) { roleCreate(input: $input) { role { id } userErrors { message } } }"
CONTACTS = {"names": ["contact.*"]}


@pytest.fixture
async def address(house: House) -> AsyncIterator[str]:
    async with on_a_port(house.app) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(params=[ear, flow], ids=["socket", "http"])
def open_(request: pytest.FixtureRequest) -> Any:
    return request.param


async def test_who_comes_back_gets_what_it_missed_and_then_what_happens(house: House, address: str, open_: Any):
    async with open_(address, house, EVENTS, where=CONTACTS) as one:
        await listened(house)
        await house.make("Contact", name="a")
        first = await one.hear()
    for name in ("b", "c"):
        await house.make("Contact", name=name)
        await house.make("Company", name=name)
    async with open_(address, house, EVENTS, where=CONTACTS, after=first["cursor"]) as one:
        missed = [await one.hear(), await one.hear()]
        await house.make("Contact", name="d")
        last = await one.hear()
    rows = await house.sql("SELECT record_id FROM event WHERE name = 'contact.created' ORDER BY position")
    assert [f"contact_{row['record_id']}" for row in rows] == [event["recordId"] for event in (first, *missed, last)]


@pytest.mark.parametrize(
    "cursor",
    ["", "nonsense", "ZTEuNQ", base64.urlsafe_b64encode(b"e1.1.000000000000").decode(), base64.urlsafe_b64encode(b"e1.ffffff.0").decode()],
)
async def test_a_cursor_that_is_of_no_event_here_is_refused(house: House, address: str, cursor: str):
    await house.make("Contact", name="a")
    async with ear(address, house, EVENTS, after=cursor) as one:
        message = await one.message()
    assert message["type"] == "error"
    assert message["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert message["payload"][0]["message"].startswith("after: ")


@pytest.mark.parametrize("where", [{"names": ["nonsense"]}, {"resources": ["nothing"]}, {"recordId": "x"}, {"names": ["a.b"] * 51}])
async def test_a_filter_that_means_nothing_is_refused(house: House, address: str, where: dict[str, Any]):
    async with ear(address, house, EVENTS, where=where) as one:
        assert (await one.message())["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_events_of_one_record(house: House, address: str):
    one, other = await house.make("Contact", name="one"), await house.make("Contact", name="other")
    async with ear(address, house, EVENTS, where={"recordId": one.id}) as listener:
        await listened(house)
        await house.ask(UPDATE, id=other.id, input={"city": "x"})
        await house.ask(UPDATE, id=one.id, input={"city": "x"})
        assert (await listener.hear())["recordId"] == one.id


async def test_a_record_is_told_as_it_is_until_it_is_gone(house: House, address: str, open_: Any):
    contact = await house.make("Contact", name="c")
    async with open_(address, house, CHANGED, id=contact.id) as one:
        assert await one.hear() == {"contact": {"name": "c", "city": None}, "event": None}
        await house.ask(UPDATE, id=contact.id, input={"city": "Shiraz"})
        assert await one.hear() == {"contact": {"name": "c", "city": "Shiraz"}, "event": {"name": "contact.updated", "changed": ["city"]}}
        await house.ask("mutation ($id: ID!) { contactDelete(id: $id) { userErrors { code } } }", id=contact.id)
        gone = await one.hear()
        assert (gone["contact"], gone["event"]["name"]) == (None, "contact.deleted")


async def test_nobody_listens_to_a_record_that_is_not_there_for_it(house: House, address: str):
    sara = await house.make("User", name="Sara", email="sara@example.com")
    owner = await house.as_("owner", sara.id)
    contact = await house.make("Contact", name="hidden")
    async with ear(address, owner, CHANGED, id=contact.id) as one:
        message = await one.message()
        assert message["payload"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_a_record_that_is_given_away_is_told_of_once_and_without_words(house: House, address: str):
    sara = await house.make("User", name="Sara", email="sara@example.com")
    owner = await house.as_("owner", sara.id)
    contact = await house.make("Contact", name="c", owner_id=sara.id)
    async with ear(address, owner, CHANGED, id=contact.id) as one, ear(address, owner, EVENTS, where=CONTACTS) as all_:
        assert (await one.hear())["contact"]["name"] == "c"
        await listened(house, 2)
        await house.ask(UPDATE, id=contact.id, input={"ownerId": None, "city": "secret"})
        assert await one.hear() == {"contact": None, "event": None}
        await house.ask(UPDATE, id=contact.id, input={"city": "more"})
        await asyncio.sleep(0.3)  # until it has been told to those who may see it
        await house.ask(UPDATE, id=contact.id, input={"ownerId": sara.id})
        assert (await one.hear())["contact"] == {"name": "c", "city": "more"}
        event = await all_.hear()
        assert event["changed"] == ["ownerId"], "what happened while it was another's is not told"


async def test_hidden_fields_are_not_named(house: House, address: str):
    grants = [{"permission": "*", "scope": "ALL"}]
    await house.ask(ROLE, input={"name": "half-blind", "grants": grants, "fields": [{"field": "contact.city", "access": "HIDDEN"}]})
    blind = await house.as_("half-blind")
    contact = await house.make("Contact", name="c")
    async with ear(address, blind, EVENTS, where=CONTACTS) as one:
        await listened(house)
        await house.ask(UPDATE, id=contact.id, input={"city": "x", "name": "d"})
        assert (await one.hear())["changed"] == ["name"]


async def test_rights_that_become_fewer_count_while_the_stream_goes_on(
    house: House, address: str, open_: Any, monkeypatch: pytest.MonkeyPatch
):
    for module in (sockets, streams):
        monkeypatch.setattr(module, "SECONDS_BETWEEN_CHECKS", 0.05)
    monkeypatch.setattr(core.auth, "REMEMBERED", 0.0)
    made = await house.ask(ROLE, input={"name": "shrinking", "grants": [{"permission": "*", "scope": "ALL"}]})
    other = await house.as_("shrinking")
    async with open_(address, other, EVENTS, where={"names": ["contact.*", "company.*"]}) as one:
        await listened(house)
        await house.make("Contact", name="a")
        assert (await one.hear())["name"] == "contact.created"
        grants = [{"permission": "company.read", "scope": "ALL"}]
        update = "mutation ($id: ID!, $input: RoleUpdateInput!) { roleUpdate(id: $id, input: $input) { userErrors { message } } }"
        await house.ask(update, id=made["roleCreate"]["role"]["id"], input={"grants": grants})
        await asyncio.sleep(0.3)
        await house.make("Contact", name="b")
        await house.make("Company", name="c")
        assert (await one.hear())["name"] == "company.created"


async def test_the_stream_of_a_revoked_key_ends_and_says_why(house: House, address: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "SECONDS_BETWEEN_CHECKS", 0.05)
    monkeypatch.setattr(core.auth, "REMEMBERED", 0.0)
    other = await house.as_("admin")
    async with flow(address, other, EVENTS) as one:
        await listened(house)
        await house.sql("UPDATE api_key SET revoked_at = CURRENT_TIMESTAMP WHERE prefix = $1", key(other).split("_")[1])
        name, answer = await one.event()
        assert (name, answer["errors"][0]["extensions"]["code"]) == ("next", "UNAUTHENTICATED")
        assert await one.event() == ("complete", None)


async def test_a_listener_that_falls_behind_is_let_go(house: House, address: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(core.stream, "LENGTH", 3)
    monkeypatch.setattr(core.stream, "PAGE", 1)
    async with ear(address, house, EVENTS) as one, flow(address, house, EVENTS) as two:
        await listened(house, 2)
        for listener in house.crm.stream._listeners:
            core.stream._finish(listener, core.stream.TooSlow("fell behind"))
        with pytest.raises(ConnectionClosed) as closed:
            await one.message()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, "Too slow")
        _, answer = await two.event()
        assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
        assert await two.event() == ("complete", None)


async def test_a_client_that_takes_nothing_costs_little_and_is_given_up(house: House, address: str, monkeypatch: pytest.MonkeyPatch):
    for module in (sockets, streams):
        monkeypatch.setattr(module, "SECONDS_TO_TAKE", 0.3)
    wide = " ".join(f"a{number}: name b{number}: cursor" for number in range(7))
    document = f"subscription {{ events {{ {wide} changed node {{ id }} }} }}"
    head = f"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: {key(house)}\r\nAccept: text/event-stream\r\n"
    body = f'{{"query": "{document}"}}'.encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]), limit=1)
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    await listened(house)
    rows = [{"name": f"t{number}"} for number in range(100)]
    bulk = "mutation ($rows: [TagCreateInput!]!) { tagBulkCreate(inputs: $rows, errorPolicy: REJECT_EVERYTHING) { results { index } } }"
    for turn in range(200):
        await house.ask(bulk, rows=[{"name": f"{turn} {row['name']}"} for row in rows])
        if not house.crm.stream.heard:
            break
    async with asyncio.timeout(10):
        while house.crm.stream.heard:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    writer.close()
    del reader


# Over HTTP


async def test_a_query_is_answered_as_a_stream_too(house: House, address: str):
    async with flow(address, house, "{ __typename }") as one:
        assert one.response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert await one.event() == ("next", {"data": {"__typename": "Query"}, "extensions": {"cost": 1}})
        assert await one.event() == ("complete", None)
        with pytest.raises(StopAsyncIteration):
            await one.event()


async def test_a_subscription_by_get(house: House, address: str):
    async with flow(address, house, EVENTS, "GET", where=CONTACTS) as one:
        await listened(house)
        await house.make("Contact", name="a")
        assert (await one.hear())["name"] == "contact.created"
    async with asyncio.timeout(5):
        while house.crm.stream.heard:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_signs_of_life_keep_a_silent_stream_open(house: House, address: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "SECONDS_BETWEEN_SIGNS", 0.05)
    async with flow(address, house, EVENTS) as one:
        lines = [await anext(one._lines) for _ in range(8)]
    assert set(lines) == {":", ""}


@pytest.mark.parametrize(
    ("method", "document", "status", "code"),
    [
        ("POST", "subscription {", 400, "GRAPHQL_PARSE_FAILED"),
        ("POST", "subscription { nope }", 400, "GRAPHQL_VALIDATION_FAILED"),
        ("GET", 'mutation { tagCreate(input: {name: "x"}) { tag { id } } }', 405, "BAD_USER_INPUT"),
    ],
)
async def test_what_cannot_run_begins_no_stream(house: House, address: str, method: str, document: str, status: int, code: str):
    async with flow(address, house, document, method) as one:
        await one.response.aread()
        assert one.response.status_code == status
        assert one.response.json()["errors"][0]["extensions"]["code"] == code


async def test_without_a_key_there_is_no_stream(house: House, address: str):
    headers = {"Accept": "text/event-stream"}
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{address}/graphql", json={"query": EVENTS}, headers=headers)
    assert answer.status_code == 401


@pytest.mark.settings(limits={"subscriptions": 2})
async def test_a_client_has_so_many_streams_and_no_more(house: House, address: str):
    async with flow(address, house, EVENTS), flow(address, house, EVENTS), flow(address, house, EVENTS) as third:
        await third.response.aread()
        assert third.response.status_code == 429
        assert third.response.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    async with flow(address, house, EVENTS) as again:
        assert again.response.status_code == 200
