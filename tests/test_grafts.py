"""What a plugin's resources give: all that the core's own have, and no trace in a house without the plugin."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from core.database import make_migrations
from core.plugins import load
from tests.engines import apart
from tests.house import House, Houses, Templates, read_settings, write_settings
from tests.packages import packages
from tests.wire import on_a_port

pytestmark = pytest.mark.anyio

SOURCE = """
import sys
from acme_club.models import Card, Stamp, Visit
from core import Invalid, Resource, hookimpl

async def prepare(call, changes):
    for change in changes:
        match change.values.get("title"):
            case "break": raise RuntimeError("a secret of club")
            case "exit": sys.exit(1)
            case "refuse": raise Invalid(title="is not welcome")
            case "tidy": change.put("title", "Tidy")
            case "tell": change.events.append("visit.told")

@hookimpl
def resources():
    return [
        Resource(Card, reverse={"contact": "card"}, natural=("number",)),
        Resource(Stamp, reverse={"card": "stamps"}, part_of="card", verbs=frozenset({"read"}), natural=()),
        Resource(Visit, reverse={"contact": "visits", "host": "visits"}, owned_by="host", natural=("title",), prepare=prepare),
    ]
"""
MODELS = """
from enum import StrEnum
from tortoise import fields
from tortoise.models import Model
from core.fields import FoldedField, MoneyField, new_id
from core.models import Contact, Record

class Grade(StrEnum):
    GOLD = "GOLD"
    TIN = "TIN"

class Card(Model):
    \"\"\"A card of the club.\"\"\"
    id = fields.UUIDField(primary_key=True, default=new_id)
    contact = fields.OneToOneField("core.Contact", related_name=False, on_delete=fields.CASCADE, description="Whose card it is.")
    number = fields.CharField(max_length=20, unique=True, description="Number of the card.")
    balance = fields.IntField(default=0, description="Points.")
    grade = fields.CharEnumField(Grade, max_length=8, default=Grade.TIN, description="Grade.")
    class Meta(Model.Meta):
        table = "club_card"

class Stamp(Model):
    \"\"\"A stamp on a card.\"\"\"
    id = fields.UUIDField(primary_key=True, default=new_id)
    card = fields.ForeignKeyField("club.Card", related_name=False, on_delete=fields.CASCADE, db_index=True, description="The card.")
    place = fields.CharField(max_length=40, description="Where it was stamped.")
    position = fields.IntField(default=0, description="Order.")
    class Meta(Model.Meta):
        table = "club_stamp"

class Visit(Record):
    \"\"\"A visit to the club.\"\"\"
    title = fields.CharField(max_length=80, description="What it was about.")
    title_key = FoldedField(of="title", max_length=80)
    contact = fields.ForeignKeyField("core.Contact", related_name=False, null=True, on_delete=fields.SET_NULL, description="The guest.")
    host = fields.ForeignKeyField("core.User", related_name=False, null=True, on_delete=fields.SET_NULL, description="Who received.")
    spent = MoneyField(null=True, description="What the guest spent.")
    currency = fields.CharField(max_length=3, null=True, description="Its currency.")
    at = fields.DatetimeField(null=True, description="When it began, in UTC.")
    class Meta(Record.Meta):
        abstract = False
        table = "club_visit"
        unique_together = (("external_source", "external_id"),)
"""


@contextmanager
def _club(folder: Path) -> Iterator[None]:
    """The plugin `club`, with the migrations that `payvand makemigrations` writes."""
    with packages(folder) as plugin:
        plugin("club", SOURCE, models=MODELS)
        settings = read_settings(write_settings(folder, f"sqlite://{folder}/none.db", ("club",)))
        assert [one.app for one in apart(make_migrations(settings, load(settings)))] == ["club"]
        yield


@pytest.fixture(scope="module")
async def club(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house with the plugin."""
    folder = tmp_path_factory.mktemp("club")
    with _club(folder):
        async with Houses(templates, folder)("club") as house:
            yield house


@pytest.fixture
async def mina(club: House) -> AsyncIterator[str]:
    """A contact with a card of 700 points and two stamps; no other card is there."""
    await club.sql("DELETE FROM club_visit")
    await club.sql("DELETE FROM club_stamp")
    await club.sql("DELETE FROM club_card")
    contact = await club.make("Contact", name="Mina")
    await club.make("Card", number="1", balance=700, contact_id=contact.id, stamps=[{"place": "Shiraz"}, {"place": "Tabriz"}])
    yield contact.id


async def test_a_resource_of_a_plugin_has_all_that_one_of_the_core_has(club: House, mina: str):
    guest = await club.make("Visit", "version deletedAt", title="Tea", contact_id=mina, spent={"amount": "12.50", "currency": "EUR"})
    await club.make("Visit", title="Dinner", contact_id=mina, spent={"amount": "30", "currency": "EUR"}, at="2026-05-01T19:00:00+03:30")
    data = await club.ask(
        """query ($id: ID!) {
            visit(id: $id) { title spent { amount currency } contact { name } }
            node(id: $id) { __typename id ... on Visit { title } }
            nodes(ids: [$id]) { id }
            visits(where: {title: {startsWith: "t"}}, orderBy: [{field: TITLE}], first: 5) { totalCount edges { cursor node { title } } }
            visitsAggregate(groupBy: [{field: CONTACT}]) { key { contact { name } } count sum { spent { amount } } max { at } }
            contact: visits(where: {contact: {name: {eq: "mina"}}}, orderBy: [{field: AT, direction: DESC}]) { nodes { title } }
        }""",
        id=guest.id,
    )
    assert data["visit"] == {"title": "Tea", "spent": {"amount": "12.50", "currency": "EUR"}, "contact": {"name": "Mina"}}
    assert data["node"] == {"__typename": "Visit", "id": guest.id, "title": "Tea"}
    assert data["nodes"] == [{"id": guest.id}]
    assert data["visits"]["totalCount"] == 1
    assert data["visits"]["edges"][0]["node"] == {"title": "Tea"}
    sums = {"key": {"contact": {"name": "Mina"}}, "count": 2, "sum": {"spent": [{"amount": "42.50"}]}}
    assert data["visitsAggregate"] == [{**sums, "max": {"at": "2026-05-01T15:30:00+00:00"}}]
    assert [node["title"] for node in data["contact"]["nodes"]] == ["Tea", "Dinner"]


async def test_a_record_of_a_plugin_is_versioned_and_deleted_softly(club: House, mina: str):
    visit = await club.make("Visit", "version", title="Tea", contact_id=mina)
    update = """mutation ($id: ID!, $version: Int) { visitUpdate(id: $id, expectedVersion: $version, input: {title: "Coffee"}) {
        visit { title version } userErrors { code field } } }"""
    assert (await club.ask(update, id=visit.id, version=1))["visitUpdate"]["visit"] == {"title": "Coffee", "version": 2}
    lost = (await club.ask(update, id=visit.id, version=1))["visitUpdate"]["userErrors"]
    assert lost == [{"code": "CONFLICT", "field": ["expectedVersion"]}]
    await club.ask("mutation ($id: ID!) { visitDelete(id: $id) { userErrors { code } } }", id=visit.id)
    counts = "{ visits { totalCount } all: visits(includeDeleted: true) { totalCount } }"
    assert await club.ask(counts) == {"visits": {"totalCount": 0}, "all": {"totalCount": 1}}
    await club.ask("mutation ($id: ID!) { visitRestore(id: $id) { userErrors { code } } }", id=visit.id)
    upsert = """mutation { visitUpsert(externalId: "7", input: {title: "Sync"}) { created visit { externalId } userErrors { code } } }"""
    assert (await club.ask(upsert))["visitUpsert"] == {"created": True, "visit": {"externalId": "7"}, "userErrors": []}
    assert (await club.ask(upsert))["visitUpsert"]["created"] is False


async def test_a_plain_table_has_neither_version_nor_restore(club: House, mina: str):
    fields = await club.ask('{ __type(name: "Mutation") { fields { name args { name } } } }')
    arguments = {field["name"]: [one["name"] for one in field["args"]] for field in fields["__type"]["fields"]}
    assert arguments["cardUpdate"] == ["id", "input"]
    assert arguments["cardDelete"] == ["id"]
    assert {"cardRestore", "cardUpsert"}.isdisjoint(arguments)
    assert {"cardCreate", "cardBulkCreate", "cardBulkUpdate", "cardBulkDelete", "visitRestore", "visitUpsert"} <= arguments.keys()
    card = (await club.ask("{ cards { nodes { id } } }"))["cards"]["nodes"][0]["id"]
    update = "mutation ($id: ID!) { cardUpdate(id: $id, input: {balance: 5}) { card { balance } userErrors { message } } }"
    assert (await club.ask(update, id=card))["cardUpdate"]["card"] == {"balance": 5}
    bulk = "mutation ($id: ID!) { cardBulkUpdate(inputs: [{id: $id, input: {balance: 6}}]) { results { node { balance } } } }"
    assert (await club.ask(bulk, id=card))["cardBulkUpdate"]["results"] == [{"node": {"balance": 6}}]
    gone = await club.ask("mutation ($id: ID!) { cardDelete(id: $id) { card { number } userErrors { message } } }", id=card)
    assert gone["cardDelete"] == {"card": {"number": "1"}, "userErrors": []}
    assert await club.sql("SELECT * FROM club_stamp") == []


async def test_one_to_one_is_a_single_row_on_the_other_side(club: House, mina: str):
    await club.make("Contact", name="Nobody")
    shown = "query ($id: ID!) { contact(id: $id) { card { number grade contact { name } stamps { place } } } }"
    stamps = [{"place": "Shiraz"}, {"place": "Tabriz"}]
    card = {"number": "1", "grade": "TIN", "contact": {"name": "Mina"}, "stamps": stamps}
    assert await club.ask(shown, id=mina) == {"contact": {"card": card}}
    for where, names in (
        ("{card: {balance: {gte: 500}}}", ["Mina"]),
        ("{card: {balance: {gte: 800}}}", []),
        ('{card: {stamps: {some: {place: {eq: "Tabriz"}}}}}', ["Mina"]),
        ('{name: {eq: "nobody"}, not: {card: {}}}', ["Nobody"]),
    ):
        found = await club.ask(f"{{ contacts(where: {where}) {{ nodes {{ name card {{ balance }} }} }} }}")
        assert sorted({node["name"] for node in found["contacts"]["nodes"]}) == names, where
    second = await club.ask(
        """mutation ($id: ID!) { cardCreate(input: {number: "2", contactId: $id}) { card { id } userErrors { code field } } }""", id=mina
    )
    assert second["cardCreate"] == {"card": None, "userErrors": [{"code": "TAKEN", "field": ["input", "contactId"]}]}


async def test_the_core_filters_over_the_lists_of_a_plugin(club: House, mina: str):
    await club.make("Visit", title="Tea", contact_id=mina)
    for where, count in (
        ('{visits: {some: {title: {eq: "TEA"}}}}', 1),
        ('{visits: {some: {title: {eq: "soup"}}}}', 0),
        ('{card: {}, visits: {every: {title: {eq: "tea"}}}}', 1),
        ("{card: {}, visits: {none: {}}}", 0),
    ):
        assert (await club.ask(f"{{ contacts(where: {where}) {{ totalCount }} }}"))["contacts"]["totalCount"] == count, where
    listed = await club.ask(
        '{ contacts(where: {card: {}}) { nodes { visits(where: {title: {eq: "tea"}}) { totalCount nodes { title } } } } }'
    )
    assert listed["contacts"]["nodes"] == [{"visits": {"totalCount": 1, "nodes": [{"title": "Tea"}]}}]


async def test_the_preparation_of_a_plugin_refuses_completes_and_fails_alone(club: House, mina: str, caplog: pytest.LogCaptureFixture):
    create = """mutation ($title: String!) { visitCreate(input: {title: $title}) {
        visit { title } userErrors { field message } } }"""
    assert (await club.ask(create, title="tidy"))["visitCreate"]["visit"] == {"title": "Tidy"}
    refused = (await club.ask(create, title="refuse"))["visitCreate"]
    assert refused == {"visit": None, "userErrors": [{"field": ["input", "title"], "message": "is not welcome"}]}
    for title in ("break", "exit"):
        _, errors = await club.answer(create, title=title)
        assert [error["extensions"]["code"] for error in errors] == ["INTERNAL_SERVER_ERROR"]
        assert "in the preparation of Visit by plugin 'club'" in caplog.text
        caplog.clear()
    assert (await club.ask("{ visits { totalCount } }"))["visits"]["totalCount"] == 1


async def test_events_of_a_plugin_are_told_to_subscribers(club: House, mina: str):
    async with on_a_port(club.app) as port:
        headers = {"Authorization": club.client.headers["Authorization"]}
        address = f"ws://127.0.0.1:{port}/graphql"
        async with connect(address, subprotocols=["graphql-transport-ws"], additional_headers=headers) as socket:  # type: ignore[list-item]  # a NewType of str

            async def receive() -> Any:
                return json.loads(await asyncio.wait_for(socket.recv(), 10))

            await socket.send('{"type": "connection_init"}')
            document = 'subscription { events(where: {resources: ["visit", "card"]}) { name changed node { id ... on Visit { title } } } }'
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": document}}))
            await socket.send('{"type": "ping"}')
            while (await receive())["type"] != "pong":
                pass
            visit = await club.make("Visit", title="tell")
            card = (await club.ask("{ cards { nodes { id } } }"))["cards"]["nodes"][0]["id"]
            await club.ask("mutation ($id: ID!) { cardDelete(id: $id) { userErrors { code } } }", id=card)
            events = [(await receive())["payload"]["data"]["events"] for _ in range(3)]
    assert [event["name"] for event in events] == ["visit.created", "visit.told", "card.deleted"]
    assert events[0]["node"] == {"id": visit.id, "title": "tell"}
    assert events[0]["changed"] == ["title"]
    assert events[2]["node"] is None, "also of a row that is gone for good"


async def test_grants_reach_the_resources_of_plugins(club: House, mina: str, houses: Houses):
    async with houses("club", roles={"host": {"visit.*": "own", "contact.read": "all", "user.read": "all"}}) as house:
        user = await house.make("User", name="Hossein")
        host = await house.as_("host", user.id)
        await house.make("Visit", title="Of others")
        mine = await host.make("Visit", "host { name }", title="Mine")
        assert (await house.ask("query ($id: ID!) { visit(id: $id) { host { id } } }", id=mine.id))["visit"]["host"] == {"id": user.id}
        seen = await host.ask("{ visits { totalCount nodes { title } } visitsAggregate { count } }")
        assert seen == {"visits": {"totalCount": 1, "nodes": [{"title": "Mine"}]}, "visitsAggregate": [{"count": 1}]}
        data, errors = await host.answer("{ cards { totalCount } contacts { totalCount } }")
        assert data["cards"] is None
        assert data["contacts"] is not None
        assert [error["extensions"]["code"] for error in errors] == ["FORBIDDEN"]


async def test_two_houses_with_other_plugins_do_not_influence_each_other(club: House, mina: str, houses: Houses):
    async with houses() as bare:
        names = {one["name"] for one in (await bare.ask('{ __type(name: "Contact") { fields { name } } }'))["__type"]["fields"]}
        assert {"card", "visits"}.isdisjoint(names)
        filters = {
            one["name"] for one in (await bare.ask('{ __type(name: "ContactFilter") { inputFields { name } } }'))["__type"]["inputFields"]
        }
        assert {"card", "visits"}.isdisjoint(filters)
        assert "visit.read" not in bare.crm.permissions
        await bare.make("Contact", name="In the bare house")
        both = await asyncio.gather(*(one.ask("{ contacts { nodes { name } } }") for one in (bare, club) * 5))
        assert all(answer == both[index % 2] for index, answer in enumerate(both))
        assert both[0] == {"contacts": {"nodes": [{"name": "In the bare house"}]}}
        card = (await club.ask("query ($id: ID!) { contact(id: $id) { card { number } } }", id=mina))["contact"]
        assert card == {"card": {"number": "1"}}
        data, errors = await bare.answer("query ($id: ID!) { contact(id: $id) { name } }", id=mina)
        assert data == {"contact": None}
        assert errors[0]["extensions"]["code"] == "NOT_FOUND"
    async with houses("club") as other:
        assert (await other.ask("{ cards { totalCount } }")) == {"cards": {"totalCount": 0}}
        assert (await club.ask("{ cards { totalCount } }")) == {"cards": {"totalCount": 1}}
