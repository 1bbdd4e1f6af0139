"""A mutation with an Idempotency-Key happens once: whoever repeats it, whenever, and whatever breaks in between."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from core.claims import Claims
from core.server.app import create_app
from schema.transport.media import GRAPHQL
from tests.house import Asker, House, Houses, _client, inhabited
from tests.packages import Packages

CREATE = "mutation ($name: String!) { contactCreate(input: {name: $name}) { contact { id name } userErrors { field code message } } }"
TWICE = """mutation ($name: String!, $other: String!) {
  a: contactCreate(input: {name: $name}) { contact { id } userErrors { code } }
  b: contactCreate(input: {name: $other}) { contact { id } userErrors { code } }
}"""
PLUGIN = """
import strawberry
from core import Event, Forbidden, Refused, hookimpl, permit

told = []

@strawberry.type(extend=True)
class Mutation:
    @strawberry.mutation(description="Break.")
    @permit("acme.break")
    async def acme_break(self, info: strawberry.Info, how: str) -> str | None:
        if how == "forbidden":
            raise Forbidden("not you")
        if how == "break":
            raise RuntimeError("broken")
        told.append(how)
        return how

@hookimpl
def graphql():
    return [Mutation]

@hookimpl
def permissions():
    return {"acme.break": "To break."}

@hookimpl
async def after_commit(crm, event: Event):
    told.append(event.name)
"""


async def send(asker: Asker, key: str | None, document: str, accept: str = "*/*", **variables: Any) -> httpx.Response:
    headers = {"Accept": accept, **({} if key is None else {"Idempotency-Key": key})}
    return await asker.client.post("/graphql", json={"query": document, "variables": variables}, headers=headers)


def code(response: httpx.Response) -> str:
    return response.json()["errors"][0]["extensions"]["code"]


async def names(house: House) -> list[str]:
    return [row["name"] for row in await house.sql("SELECT name FROM contact ORDER BY name")]


async def stored(house: House) -> int:
    return len(await house.sql("SELECT id FROM answered"))


async def test_the_same_again_has_the_first_answer_and_no_effect(house):
    first, again = [await send(house, "k", CREATE, name="Ada") for _ in range(2)]
    assert again.content == first.content
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    assert first.headers["x-request-id"] != again.headers["x-request-id"]
    assert await names(house) == ["Ada"]


async def test_without_a_key_and_with_another_one_it_happens_again(house):
    for key in (None, None, "one", "two"):
        assert "idempotency-replayed" not in (await send(house, key, CREATE, name="Ada")).headers
    assert len(await names(house)) == 4


async def test_the_order_of_variables_makes_no_other_body(house):
    bodies = [
        {"query": TWICE, "variables": {"name": "Ada", "other": "Bob"}},
        {"variables": {"other": "Bob", "name": "Ada"}, "operationName": None, "query": TWICE, "extensions": {"more": 1}},
    ]
    first, again = [await house.client.post("/graphql", json=body, headers={"Idempotency-Key": "k"}) for body in bodies]
    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == first.content


async def test_the_same_key_for_another_body_is_a_mismatch(house):
    await send(house, "k", CREATE, name="Ada")
    for accept, status in (("*/*", 200), (GRAPHQL, 400)):
        response = await send(house, "k", CREATE, accept, name="Bob")
        assert (response.status_code, code(response)) == (status, "IDEMPOTENCY_MISMATCH")
        assert "data" not in response.json()
    assert await names(house) == ["Ada"]


async def test_keys_are_per_client_and_operation(house):
    other = await house.as_("admin")
    delete = "mutation ($id: ID!) { contactDelete(id: $id) { contact { id } userErrors { code } } }"
    made = await send(house, "k", CREATE, name="Ada")
    assert "idempotency-replayed" not in (await send(other, "k", CREATE, name="Bob")).headers
    gone = await send(house, "k", delete, id=made.json()["data"]["contactCreate"]["contact"]["id"])
    assert gone.json()["data"]["contactDelete"]["contact"]
    assert await names(house) == ["Ada", "Bob"]


async def test_an_alias_or_a_fragment_makes_no_other_operation(house):
    await send(house, "k", CREATE, name="Ada")
    for document in (
        'mutation { x: contactCreate(input: {name: "Eve"}) { contact { id } } }',
        'mutation { ...F ...F } fragment F on Mutation { ... { contactCreate(input: {name: "Eve"}) { contact { id } } } }',
    ):
        assert code(await send(house, "k", document)) == "IDEMPOTENCY_MISMATCH"


@pytest.mark.parametrize("key", ["", "x" * 256, "x" * 10_000, "ä", "a\tb"])
async def test_a_key_that_is_none_is_refused(house, key):
    headers = [("Content-Type", "application/json"), ("Idempotency-Key", key.encode("latin-1"))]
    response = await house.client.post("/graphql", content=json.dumps({"query": CREATE, "variables": {"name": "a"}}), headers=headers)
    assert (response.status_code, code(response)) == (400, "BAD_USER_INPUT")
    assert await names(house) == []


@pytest.mark.parametrize("key", ["x", "x" * 255, "a b'\"~!"])
async def test_other_keys_are_taken(house, key):
    for _ in range(2):
        assert (await send(house, key, CREATE, name="Ada")).status_code == 200
    assert await names(house) == ["Ada"]


async def test_a_query_with_a_key_is_asked_anew(house):
    for number in range(2):
        assert (await send(house, "k" * 300, "{ contacts { totalCount } }")).json()["data"]["contacts"]["totalCount"] == number
        await house.make("Contact", name="Ada")
    assert await stored(house) == 0


# What is kept, and what is not


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ("mutation {", {}),
        ("mutation { nothing }", {}),
        (CREATE, {}),
        (CREATE, {"name": 7}),
        (CREATE, {"name": ""}),
        (
            'mutation { contactBulkCreate(inputs: [{name: ""}], errorPolicy: REJECT_FAILED_ROWS) { results { node { id } } } }',
            {},
        ),
    ],
)
async def test_what_was_refused_altogether_may_be_mended_under_the_same_key(house, document, variables):
    await send(house, "k", document, **variables)
    assert await stored(house) == 0
    assert (await send(house, "k", CREATE, name="Ada")).json()["data"]["contactCreate"]["contact"]["name"] == "Ada"
    assert await names(house) == ["Ada"]


async def test_a_refused_root_field_undoes_its_own_part_alone(house):
    responses = [await send(house, "k", TWICE, name="Ada", other="") for _ in range(2)]
    data = responses[0].json()["data"]
    assert data["a"]["contact"]
    assert data["b"] == {"contact": None, "userErrors": [{"code": "INVALID"}]}
    assert responses[1].content == responses[0].content
    assert await names(house) == ["Ada"]


async def test_what_is_refused_first_does_not_spoil_what_follows(house):
    data = (await send(house, "k", TWICE, name="", other="Bob")).json()["data"]
    assert (data["a"]["contact"], bool(data["b"]["contact"])) == (None, True)
    assert await names(house) == ["Bob"]
    assert len(await house.sql("SELECT id FROM event")) == 1


async def test_a_taken_value_in_the_middle_does_not_spoil_the_rest(house):
    document = """mutation {
      a: tagCreate(input: {name: "x"}) { tag { id } }
      b: tagCreate(input: {name: "x"}) { tag { id } userErrors { code } }
      c: tagCreate(input: {name: "y"}) { tag { id name } }
    }"""
    first, again = [await send(house, "k", document) for _ in range(2)]
    assert first.json()["data"]["b"] == {"tag": None, "userErrors": [{"code": "TAKEN"}]}
    assert first.json()["data"]["c"]["tag"]["name"] == "y"
    assert again.content == first.content


async def test_an_update_that_changes_nothing_is_done_all_the_same(house):
    made = await house.make("Contact", name="Ada")
    update = "mutation ($id: ID!, $name: String!) { contactUpdate(id: $id, input: {name: $name}) { contact { version } } }"
    await send(house, "k", update, id=made.id, name="Ada")
    await house.ask(update, id=made.id, name="Bob")
    assert (await send(house, "k", update, id=made.id, name="Ada")).headers["idempotency-replayed"] == "true"
    assert await names(house) == ["Bob"]


async def test_what_is_read_back_is_what_was_written(house):
    document = 'mutation { contactCreate(input: {name: "Ada"}) { contact { name deals { totalCount } } } }'
    answer = await send(house, "k", document)
    assert answer.json()["data"] == {"contactCreate": {"contact": {"name": "Ada", "deals": {"totalCount": 0}}}}


@pytest.fixture
async def acme(plugin: Packages, houses: Houses) -> AsyncIterator[tuple[House, list[str]]]:
    """A house with the plugin, and what the plugin was told."""
    plugin("acme", PLUGIN)
    async with houses("acme") as house:
        yield house, sys.modules["acme_acme"].told


@pytest.mark.parametrize("how", ["forbidden", "break"])
async def test_of_a_failure_beside_a_write_nothing_stays_and_a_refusal_is_kept(acme, how):
    house, told = acme
    document = 'mutation ($how: String!) { contactCreate(input: {name: "Ada"}) { contact { id } } acmeBreak(how: $how) }'
    first, again = [await send(house, "k", document, how=how) for _ in range(2)]
    await house.crm.settle()
    if how == "forbidden":
        assert first.json()["data"]["contactCreate"]["contact"]
        assert first.json()["data"]["acmeBreak"] is None
        assert (code(first), again.content) == ("FORBIDDEN", first.content)
        assert (await names(house), told) == (["Ada"], ["contact.created"])
        return
    assert (first.json()["data"], code(first)) == (None, "INTERNAL_SERVER_ERROR")
    assert "idempotency-replayed" not in again.headers
    assert (await names(house), told, await stored(house)) == ([], [], 0)


async def test_a_field_without_records_happens_once_as_well(acme):
    house, told = acme
    first, again = [await send(house, "k", 'mutation { acmeBreak(how: "well") }') for _ in range(2)]
    assert again.content == first.content
    assert told == ["well"]
    assert code(await send(house, "other", 'mutation { acmeBreak(how: "forbidden") }')) == "FORBIDDEN"
    assert await stored(house) == 1


async def test_plugins_hear_of_it_once_and_after_all_of_it(acme):
    house, told = acme
    for _ in range(2):
        await send(house, "k", TWICE, name="Ada", other="Bob")
        await house.crm.settle()
    assert told == ["contact.created"] * 2


# At once, and in between


async def test_twenty_at_once_have_one_effect_and_one_answer(house):
    responses = await asyncio.gather(*(send(house, "k", CREATE, name="Ada") for _ in range(20)))
    assert len({response.content for response in responses}) == 1
    assert sum("idempotency-replayed" in response.headers for response in responses) == 19
    assert await names(house) == ["Ada"]


async def test_at_once_with_different_bodies_one_wins(house):
    responses = await asyncio.gather(*(send(house, "k", CREATE, name=name) for name in ("Ada", "Bob", "Eve")))
    assert sum("errors" in response.json() for response in responses) == 2
    assert len(await names(house)) == 1


async def test_two_processes_have_one_effect(house):
    app = create_app(house.settings)
    async with app.router.lifespan_context(app), inhabited(app, house.settings, house.database) as second:
        second.client.headers["Authorization"] = house.client.headers["Authorization"]
        responses = await asyncio.gather(*(send(one, "k", CREATE, name="Ada") for one in (house, second) * 5))
    assert len({response.content for response in responses}) == 1
    assert await names(house) == ["Ada"]


@pytest.mark.settings(database={"statement_timeout": 0.3})
async def test_who_would_wait_too_long_is_told_so(house, monkeypatch):
    keep, asked, release = Claims.keep, asyncio.Event(), asyncio.Event()

    async def slow(*arguments: Any) -> None:
        asked.set()
        await release.wait()
        await keep(*arguments)

    monkeypatch.setattr(Claims, "keep", slow)
    first = asyncio.create_task(send(house, "k", CREATE, name="Ada"))
    await asked.wait()
    second = await send(house, "k", CREATE, name="Ada")
    assert code(second) == "CONFLICT"
    if house.database.name == "postgres":  # another process waits at the index; with a file it waits for the file
        app = create_app(house.settings)
        async with app.router.lifespan_context(app):
            client = await _client(app, "admin")
            client.headers["Authorization"] = house.client.headers["Authorization"]
            assert code(await send(Asker(client), "k", CREATE, name="Ada")) == "CONFLICT"
    release.set()
    assert (await first).json()["data"]["contactCreate"]["contact"]
    assert await names(house) == ["Ada"]


async def test_between_effect_and_answer_nothing_can_be_lost(house, monkeypatch):
    async def fails(*arguments: Any) -> None:
        raise OSError(28, "no space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Claims, "keep", fails)
        response = await send(house, "k", CREATE, name="Ada")
        assert (response.status_code, code(response)) == (503, "UNAVAILABLE")
        assert (await names(house), await house.sql("SELECT id FROM event"), await stored(house)) == ([], [], 0)
    response = await send(house, "k", CREATE, name="Ada")
    assert response.json()["data"]["contactCreate"]["contact"]
    assert await names(house) == ["Ada"]


# Time


async def test_after_a_day_a_key_is_new_and_old_rows_go(houses):
    async with houses() as house:
        for key in ("a", "b", "c"):
            await send(house, key, CREATE, name="Ada")
        await house.sql("UPDATE answered SET at = '2020-01-01 00:00:00+00:00'")
        await send(house, "a", CREATE, name="Ada")
        response = await send(house, "a", CREATE, name="Ada")
        assert response.headers["idempotency-replayed"] == "true"
        assert len(await names(house)) == 4
        assert await stored(house) == 3, "swept a moment ago"
    async with houses() as house:
        await house.sql(
            "INSERT INTO answered (id, client, operation, key, fingerprint, answer, at)"
            " VALUES ('00000000-0000-0000-0000-000000000001', 'c', 'o', 'k', 'f', '{}', '2020-01-01 00:00:00+00:00')"
        )
        await send(house, "a", CREATE, name="Ada")
        assert await stored(house) == 1
