"""What a plugin may do in somebody's name: ask GraphQL, act later, hear of what was kept."""

import uuid
from typing import Any

import pytest

from core import Forbidden, Invalid, KeptEvent, Unauthenticated, act_as, ask, check_query, heard, lasting
from core.errors import StartError
from core.models import ApiKey, AuditEntry
from core.permissions import SYSTEM, Actor
from tests.house import House, Houses
from tests.packages import Packages

FOUND = "{ contacts { totalCount nodes { name } } }"


async def test_a_query_is_answered_as_a_client_would_read_it(house: House):
    await house.make("Contact", name="شیرین")
    call = house.crm.call(SYSTEM)
    assert await ask(call, FOUND) == {"data": {"contacts": {"totalCount": 1, "nodes": [{"name": "شیرین"}]}}}
    document = "query ($name: String!) { contacts(where: {name: {eq: $name}}) { totalCount } }"
    assert await ask(call, document, {"name": "nobody"}) == {"data": {"contacts": {"totalCount": 0}}}


async def test_it_is_answered_with_the_rights_of_the_call(house: House):
    await house.make("Contact", name="شیرین")
    nobody = house.crm.call(Actor("nobody", {"contact.read": "own"}, user_id=uuid.uuid4()))
    assert (await ask(nobody, FOUND))["data"]["contacts"] == {"totalCount": 0, "nodes": []}
    answer = await ask(house.crm.call(Actor("nobody")), FOUND)
    assert answer["data"] == {"contacts": None}
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "{ nonsense }",
        'mutation { tagCreate(input: {name: "x"}) { tag { id } } }',
        "subscription { events { name } }",
        "query ($a: Int!) { __typename }",
    ],
)
async def test_what_is_no_query_is_not_executed_and_says_why(house: House, document: str):
    answer = await ask(house.crm.call(SYSTEM), document)
    assert "data" not in answer
    assert answer["errors"][0]["message"]
    assert (await house.ask("{ tags { totalCount } }"))["tags"]["totalCount"] == 0


async def test_a_query_is_checked_before_it_is_needed(house: House):
    call = house.crm.call(SYSTEM)
    check_query(
        call,
        "query ($id: ID!, $name: String) { node(id: $id) { id } a: contacts(where: {name: {eq: $name}}) { totalCount } }",
        {"id": "ID!", "name": "String!"},
    )
    check_query(call, FOUND, {})
    for document in ("query ($id: ID!) { node(id: $id) { id } }", "{ gone }", "query A { viewer { name } } query B { viewer { name } }"):
        with pytest.raises(Invalid) as refused:
            check_query(call, document, {}, "what")
        assert list(refused.value.fields) == ["what"]


async def test_a_key_acts_later_with_the_rights_of_then(house: House):
    (key,) = await ApiKey.all()
    admin = await act_as(house.crm, user_id=None, key_id=key.id)
    await lasting(house.crm.call(admin))
    key.role = "read-only"
    await key.save()
    assert not (await act_as(house.crm, user_id=None, key_id=key.id)).may("contact.update")
    with pytest.raises(Forbidden):  # its rights are others by now
        await lasting(house.crm.call(admin))


async def test_a_user_acts_later_while_it_is_there(house: House):
    made = await house.make("User", name="شیرین", email="shirin@payvand.example", role="sales")
    key = uuid.UUID(made.id.removeprefix("user_"))
    actor = await act_as(house.crm, user_id=key, key_id=None)
    assert actor.user_id == key
    await lasting(house.crm.call(actor))
    await house.ask("mutation ($id: ID!) { userUpdate(id: $id, input: {active: false}) { userErrors { message } } }", id=made.id)
    with pytest.raises(Unauthenticated):
        await act_as(house.crm, user_id=key, key_id=None)


@pytest.mark.parametrize(
    "ids", [{"user_id": None, "key_id": None}, {"user_id": uuid.uuid4(), "key_id": None}, {"user_id": None, "key_id": uuid.uuid4()}]
)
async def test_nobody_acts_as_one_who_is_not_there(house: House, ids: Any):
    with pytest.raises(Unauthenticated):
        await act_as(house.crm, **ids)


async def test_the_system_and_whom_plugins_let_in_do_not_act_later(house: House):
    made = await house.make("User", name="شیرین", email="shirin@payvand.example", role="admin")
    key = uuid.UUID(made.id.removeprefix("user_"))
    for actor in (SYSTEM, Actor("guest", {"*": "all"}), Actor("guest", {"contact.read": "all"}, user_id=key)):
        with pytest.raises(Forbidden):
            await lasting(house.crm.call(actor))


async def test_kept_events_are_heard_as_by_a_subscription(house: House):
    contact = await house.make("Contact", name="شیرین")
    await house.make("Tag", name="hidden")
    events = [
        KeptEvent(
            id=one.id, name=one.name, resource=one.resource, record_id=one.record_id, position=one.position,
            changed=tuple(one.changed),
        )
        for one in await AuditEntry.all().order_by("position")
    ]  # fmt: skip
    assert len(await heard(house.crm.call(SYSTEM), events)) == 2
    (one,) = await heard(house.crm.call(Actor("reader", {"contact.read": "all"}, fields={"contact.name": "hidden"})), events)
    assert (one.record_id, one.event.name) == (contact.id, "contact.created")
    assert "name" not in one.changed
    assert one.cursor


SECOND = """
from core import hookimpl
@hookimpl
def answering(crm):
    return object()
"""


async def test_nobody_answers_graphql_beside_the_house(houses: Houses, plugin: Packages):
    plugin("parrot", SECOND)
    with pytest.raises(StartError, match="plugin 'parrot'"):
        async with houses("parrot"):
            pass


async def test_what_a_plugin_keeps_in_memory_belongs_to_one_house(house: House, houses: Houses):
    kept = house.crm.remembered("test.kept", list)
    assert house.crm.remembered("test.kept", list) is kept
    async with houses() as other:
        assert other.crm.remembered("test.kept", list) is not kept
