"""Each hook at run time: what it is asked, in which order, and that its failure stays its own."""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.house import House, Houses, Templates
from tests.packages import packages
from tests.wire import on_a_port

pytestmark = pytest.mark.anyio

FIRST = """
import asyncio, sys
from collections.abc import AsyncGenerator
from datetime import timedelta
import strawberry
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from tortoise.expressions import Q
from core import Actor, Call, Job, Refused, hookimpl, permit
from core.models import Contact

heard = []

class Veto(Refused):
    code = "FIRST_VETO"

async def misbehave(what):
    match what:
        case "refuse": raise Veto("first says no")
        case "break": raise RuntimeError("a secret of first")
        case "exit": sys.exit(1)
        case "cancel": raise asyncio.CancelledError
        case "sleep": await asyncio.sleep(30)
        case "timeout": raise TimeoutError
        case "offline": raise ConnectionRefusedError
        case "wrong": return "anything"

@hookimpl
async def before_commit(crm, event):
    heard.append(("before", "first", event.name))
    return await misbehave(event.after.get("name"))

@hookimpl
async def after_commit(crm, event):
    heard.append(("after", "first", event.name))
    return await misbehave(event.after.get("city"))

@hookimpl
async def actor(crm, request):
    what = request.headers.get("x-first", "")
    await misbehave(what)
    if what.startswith("me"):
        return Actor(what, {"*": "all"})
    return "nobody" if what == "text" else None

@hookimpl
def rule(crm, actor, permission):
    match actor.name:
        case "me and break": raise RuntimeError("a secret of first")
        case "me and exit": sys.exit(1)
        case "me and text": return "yes"
        case "me and one": return 1
        case "me and no": return False
        case "me and some": return Q(city="Shiraz") if permission == "contact.read" else None
        case "me and lost": return Q(no_such_column=1)

@hookimpl
def permissions():
    return {"first.ask": "To ask first."}

@hookimpl
def activity_kinds():
    return {"FAIR": "A talk at a fair."}

@hookimpl
def jobs():
    return [Job("first.tidy", misbehave, cron="0 * * * *")]

@hookimpl
def routes(crm):
    async def answer(request):
        await misbehave(request.path_params["what"])
        return PlainTextResponse("first")
    return [Route("/first/{what}", answer)]

@hookimpl
def commands(cli):
    @cli.command("first")
    def first():
        print("first")

@strawberry.type(name="Query", extend=True)
class Root:
    @strawberry.field(description="Ask.")
    @permit("first.ask")
    async def first(self, info: strawberry.Info[Call], what: str) -> str | None:
        await misbehave(what)
        return info.context.actor.name

@strawberry.type(name="Contact", extend=True)
class OfContact:
    @strawberry.field(description="Loudly.")
    def shout(self, root: strawberry.Parent[Contact]) -> str | None:
        if root.city == "exit":
            sys.exit(1)
        return root.name.upper() + 1 / len(root.name) if root.city == "type" else root.name.upper()

@strawberry.type(name="Subscription", extend=True)
class Stream:
    @strawberry.subscription(description="Two, then what is said.")
    @permit("first.ask")
    async def first_ticks(self, what: str) -> AsyncGenerator[int, None]:
        yield 1
        await misbehave(what)
        yield 2

@hookimpl
def graphql():
    return [Root, OfContact, Stream]

@hookimpl
def resources():
    return []
"""
SPECS = """
from core import hookspec

@hookspec
def first_words(crm, length): ...
"""
SECOND = """
from acme_first import heard
from core import hookimpl
requires = ("first",)

@hookimpl
async def before_commit(crm, event):
    heard.append(("before", "second", event.name))

@hookimpl
async def after_commit(crm, event):
    heard.append(("after", "second", event.name))

@hookimpl
def first_words(length):
    return ["second"] * length

@hookimpl(optionalhook=True)
def words_of_nobody():
    return 1
"""
CREATE = """mutation ($input: ContactCreateInput!) { contactCreate(input: $input) {
    contact { id } userErrors { field code message pluginCode } } }"""


@pytest.fixture(scope="module")
async def two(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house with a plugin that can misbehave, and one that listens after it."""
    folder = tmp_path_factory.mktemp("plugins")
    with packages(folder) as plugin:
        plugin("first", FIRST, hookspecs=SPECS)
        plugin("second", SECOND)
        async with Houses(templates, folder)("first", "second", roles={"clerk": {"contact.*": "all"}}) as house:
            yield house


@pytest.fixture
def heard() -> list[tuple[str, str, str]]:
    """What the two have heard since the test began."""
    found: list[tuple[str, str, str]] = sys.modules["acme_first"].heard
    found.clear()
    return found


async def _count(house: House) -> int:
    return (await house.sql("SELECT COUNT(*) AS n FROM contact"))[0]["n"]


async def _still_well(house: House) -> None:
    assert (await house.client.get("/readyz")).status_code == 200
    assert await house.ask("{ __typename }") == {"__typename": "Query"}


@pytest.mark.parametrize("hook", ["resources", "graphql", "routes", "commands"])
async def test_hooks_are_asked_in_the_order_of_the_settings(hook: str, two: House):
    names = [one.plugin for one in two.crm.plugins.each(hook)]
    assert names[-1] == "first"
    assert [one.plugin for one in two.crm.plugins.each("before_commit")] == ["first", "second"]


async def test_the_order_of_the_settings_is_the_order_of_the_hooks(two: House, heard: list[Any], templates: Templates, houses: Houses):
    await two.make("Contact", name="Mina")
    await two.crm.settle()
    assert heard == [(when, who, "contact.created") for when in ("before", "after") for who in ("first", "second")]
    heard.clear()
    async with houses("second", "first") as turned:
        await turned.make("Contact", name="Mina")
        await turned.crm.settle()
    assert heard == [(when, who, "contact.created") for when in ("before", "after") for who in ("second", "first")]


async def test_before_commit_may_refuse_and_its_words_reach_the_client(two: House, heard: list[Any]):
    before = await _count(two)
    data = await two.ask(CREATE, input={"name": "refuse"})
    problem = {"field": None, "code": "REFUSED", "message": "first says no", "pluginCode": "FIRST_VETO"}
    assert data["contactCreate"] == {"contact": None, "userErrors": [problem]}
    assert await _count(two) == before
    await two.crm.settle()
    assert heard == [("before", "first", "contact.created")], "nobody hears of what did not happen"


@pytest.mark.parametrize("what", ["break", "exit", "cancel", "sleep", "timeout", "offline"])
async def test_a_plugin_that_fails_before_the_commit_undoes_that_write_and_is_named(
    what: str, two: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("core.events.PATIENCE", 0.2)
    before = await _count(two)
    data, errors = await two.answer(CREATE, input={"name": what})
    assert data is None or data["contactCreate"] is None
    assert [error["extensions"]["code"] for error in errors] == ["INTERNAL_SERVER_ERROR"]
    assert errors[0]["message"] == "Unexpected error."
    assert "secret" not in json.dumps(errors)
    assert await _count(two) == before
    assert "plugin 'first' failed before the commit of contact.created; the write is undone" in caplog.text
    await _still_well(two)


async def test_one_write_of_many_that_a_plugin_refuses_is_refused_alone(two: House):
    before = await _count(two)
    data = await two.ask(
        """mutation { contactBulkCreate(errorPolicy: REJECT_FAILED_ROWS, inputs: [{name: "a"}, {name: "refuse"}, {name: "b"}]) {
            results { index node { name } userErrors { pluginCode } } } }"""
    )
    results = data["contactBulkCreate"]["results"]
    assert [result["node"] for result in results] == [{"name": "a"}, None, {"name": "b"}]
    assert results[1]["userErrors"] == [{"pluginCode": "FIRST_VETO"}]
    assert await _count(two) == before + 2


async def test_what_a_coroutine_gives_back_is_nobodys_business(two: House):
    await two.make("Contact", name="wrong", city="wrong")
    await two.crm.settle()


@pytest.mark.parametrize("what", ["break", "exit", "cancel", "sleep", "refuse"])
async def test_a_plugin_that_fails_after_the_commit_leaves_the_others_going(
    what: str, two: House, heard: list[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("core.events.PATIENCE", 0.2)
    contact = await two.make("Contact", name="Mina", city=what)
    await two.crm.settle()
    assert ("after", "second", "contact.created") in heard
    assert "plugin 'first' failed after the commit of contact.created" in caplog.text
    assert await two.ask("query ($id: ID!) { contact(id: $id) { name } }", id=contact.id) == {"contact": {"name": "Mina"}}
    await _still_well(two)


@pytest.mark.parametrize("what", ["break", "exit", "text", "sleep", "offline"])
async def test_an_actor_hook_that_fails_is_passed_over(
    what: str, two: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("core.auth.PATIENCE", 0.2)
    answer = await two.client.post("/graphql", json={"query": '{ first(what: "") }'}, headers={"X-First": what})
    assert answer.json()["data"]["first"].startswith("key ")
    assert "plugin 'first'" in caplog.text


async def test_the_first_actor_that_a_plugin_names_counts_and_one_that_refuses_has_the_last_word(two: House):
    answer = await two.client.post("/graphql", json={"query": '{ first(what: "") }'}, headers={"X-First": "me"})
    assert answer.json()["data"] == {"first": "me"}
    refused = await two.client.post("/graphql", json={"query": "{ __typename }"}, headers={"X-First": "refuse"})
    assert refused.json()["errors"][0]["extensions"]["code"] == "FIRST_VETO"


@pytest.mark.parametrize("what", ["break", "exit", "text", "one", "no"])
async def test_a_rule_that_fails_or_says_no_closes(what: str, two: House):
    headers = {"X-First": f"me and {what}"}
    for query in ("{ contacts { totalCount } }", '{ first(what: "") }'):
        answer = (await two.client.post("/graphql", json={"query": query}, headers=headers)).json()
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
        assert set(answer["data"].values()) == {None}


async def test_a_rule_narrows_to_rows(two: House):
    await two.make("Contact", name="Hafez", city="Shiraz")
    answer = await two.client.post("/graphql", json={"query": "{ contacts { nodes { city } } }"}, headers={"X-First": "me and some"})
    assert {node["city"] for node in answer.json()["data"]["contacts"]["nodes"]} == {"Shiraz"}


async def test_a_rule_about_a_column_that_is_not_there_shows_no_row(two: House):
    answer = await two.client.post("/graphql", json={"query": "{ contacts { nodes { city } } }"}, headers={"X-First": "me and lost"})
    assert answer.json()["data"] == {"contacts": None}
    assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"


@pytest.mark.parametrize("what", ["break", "exit", "offline"])
async def test_a_field_that_fails_is_null_alone_and_its_plugin_is_in_the_log(what: str, two: House, caplog: pytest.LogCaptureFixture):
    data, errors = await two.answer('query ($what: String!) { first(what: $what) good: first(what: "") }', what=what)
    assert data["first"] is None
    assert data["good"]
    assert [error["path"] for error in errors] == [["first"]]
    assert "secret" not in json.dumps(errors)
    assert "in Query.first of plugin 'first'" in _traces(caplog)
    await _still_well(two)


@pytest.mark.parametrize("city", ["exit", "type"])
async def test_a_plain_field_that_fails_is_null_alone(city: str, two: House, caplog: pytest.LogCaptureFixture):
    contact = await two.make("Contact", name="Mina", city=city)
    data, errors = await two.answer("query ($id: ID!) { contact(id: $id) { name shout } }", id=contact.id)
    assert data == {"contact": {"name": "Mina", "shout": None}}
    assert [error["extensions"]["code"] for error in errors] == ["INTERNAL_SERVER_ERROR"]
    assert "in Contact.shout of plugin 'first'" in _traces(caplog)


async def test_a_field_refuses_with_a_code_of_its_plugin(two: House):
    _, errors = await two.answer('{ first(what: "refuse") }')
    assert [(error["message"], error["extensions"]["code"]) for error in errors] == [("first says no", "FIRST_VETO")]


async def test_a_root_field_of_a_plugin_asks_for_its_permission(two: House):
    clerk = await two.as_("clerk")
    data, errors = await clerk.answer('{ first(what: "") contacts { nodes { name } } }')
    assert data["first"] is None
    assert data["contacts"] is not None
    assert [error["extensions"]["code"] for error in errors] == ["FORBIDDEN"]


@pytest.mark.parametrize("what", ["break", "exit"])
async def test_a_route_that_fails_answers_500_and_its_plugin_is_in_the_log(what: str, two: House, caplog: pytest.LogCaptureFixture):
    answer = await two.client.get(f"/first/{what}")
    assert answer.status_code == 500
    assert answer.json()["errors"][0]["message"] == "Unexpected error."
    assert "plugin 'first'" in _traces(caplog)
    assert (await two.client.get("/first/well")).text == "first"
    assert (await two.client.get("/first/refuse")).json()["errors"][0]["extensions"]["code"] == "FIRST_VETO"


@pytest.mark.parametrize("what", ["well", "break", "exit"])
async def test_a_subscription_that_fails_ends_alone(what: str, two: House):
    async with on_a_port(two.app) as port:
        headers = {"Authorization": two.client.headers["Authorization"]}
        address = f"ws://127.0.0.1:{port}/graphql"
        async with connect(address, subprotocols=["graphql-transport-ws"], additional_headers=headers) as socket:  # type: ignore[list-item]  # a NewType of str
            await socket.send('{"type": "connection_init"}')
            document = f'subscription {{ firstTicks(what: "{what}") }}'
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": document}}))
            seen = [json.loads(await asyncio.wait_for(socket.recv(), 10)) for _ in range(4 if what == "well" else 3)]
            values = [one["payload"]["data"] for one in seen if one["type"] == "next"]
            assert values[0] == {"firstTicks": 1}
            assert "secret" not in json.dumps(seen)
            await socket.send('{"type": "ping"}')
            while json.loads(await asyncio.wait_for(socket.recv(), 10))["type"] != "pong":
                pass
    await _still_well(two)


async def test_plugins_open_doors_of_their_own(two: House):
    answers = two.crm.plugins.calls("first_words", crm=two.crm, length=2)
    assert list(answers) == [("second", ["second", "second"])]


async def test_kinds_jobs_and_permissions_are_declared(two: House):
    assert two.crm.activity_kinds["FAIR"] == "A talk at a fair."
    assert (await two.make("Activity", "kind", kind="FAIR", subject="x")).kind == "FAIR"
    assert two.crm.jobs["first.tidy"].cron == "0 * * * *"
    assert two.crm.permissions["first.ask"] == "To ask first."


async def test_a_plugin_without_what_it_requires_does_not_start(two: House, houses: Houses):
    with pytest.raises(Exception, match="plugin 'second' requires the plugin 'first', which is not enabled"):
        async with houses("second"):
            pass


async def test_a_disabled_plugin_leaves_no_trace(two: House, houses: Houses):
    async with houses() as bare:
        sdl = await _sdl(bare)
        assert "shout" not in sdl
        assert "shout" in await _sdl(two)
        data, errors = await bare.answer("{ contacts { nodes { shout } } }")
        assert data is None
        assert errors[0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
        assert (await bare.client.get("/first/well")).status_code == 404
        assert (await bare.client.post("/graphql", json={"query": "{ __typename }"}, headers={"X-First": "refuse"})).status_code == 200
        await bare.make("Contact", name="refuse")
        assert (await two.client.get("/first/well")).status_code == 200, "two houses in one process do not know each other"
    async with houses() as again:
        assert await _sdl(again) == sdl


async def _sdl(house: House) -> str:
    kinds = await house.ask("{ __schema { types { name description fields { name args { name } type { name } } } } }")
    return json.dumps(kinds)


def _traces(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(logging.Formatter().format(record) for record in caplog.records)
