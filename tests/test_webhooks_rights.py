"""Whose eyes a webhook has: those of the user or key that made it, as they are when it is sent. Nobody borrows them."""

from typing import Any

import pytest

from core.jobs.trying import do_all
from tests.house import Asker, House, Houses
from tests.packages import Packages
from tests.receiving import Receiver
from tests.test_api_keys import using
from tests.test_webhooks import CREATE, PREVIEW, WEBHOOKS, deliveries, endpoint, house, passed_on, receiver, states

__all__ = ["house", "receiver"]

UPDATE = """mutation ($id: ID!, $input: WebhookEndpointUpdateInput!) {
    webhookEndpointUpdate(id: $id, input: $input) { webhookEndpoint { id url } userErrors { field code message } } }"""
KEY = "mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { key apiKey { id } userErrors { message } } }"
HOOKS = [{"permission": "webhookEndpoint.*", "scope": "OWN"}, {"permission": "webhookDelivery.read"}]

pytestmark = [pytest.mark.plugins("webhooks"), pytest.mark.settings(plugins={"webhooks": WEBHOOKS})]


async def user(house: House, *grants: dict[str, Any], name: str = "narrow", fields: Any = ()) -> tuple[Asker, str]:
    """A user with such a role who may have webhooks, as one who asks by a key of its own, and the id of it."""
    await house.make("Role", name=name, grants=[*HOOKS, *grants], fields=list(fields))
    made = await house.make("User", name=name, email=f"{name}@payvand.example", role=name)
    return await house.as_(name, made.id), made.id


async def test_events_of_hidden_records_are_neither_sent_nor_in_the_log(house: House, receiver: Receiver):
    asker, me = await user(house, {"permission": "contact.read", "scope": "OWN"})
    await endpoint(asker, receiver, "*", query="query ($id: ID!) { node(id: $id) { id } }")
    await house.make("Contact", name="another's")
    mine = await house.make("Contact", name="mine", owner_id=me)
    await house.make("Tag", name="hidden")
    await passed_on(house)
    told = [one.json for one in receiver.messages if not one.json["type"].startswith("webhookEndpoint")]
    assert [one["data"]["node"]["id"] for one in told] == [mine.id]
    names = [(row["name"], row["recordId"]) for row in await deliveries(house)]
    assert [one for one in names if not one[0].startswith("webhookEndpoint")] == [("contact.created", mine.id)]


async def test_events_of_deleted_records_are_sent(house: House, receiver: Receiver):
    asker, me = await user(house, {"permission": "contact.read", "scope": "OWN"})
    await endpoint(asker, receiver, "contact.deleted")
    mine = await house.make("Contact", name="mine", owner_id=me)
    await house.ask("mutation ($id: ID!) { contactDelete(id: $id) { userErrors { message } } }", id=mine.id)
    await passed_on(house)
    assert [one.json["data"]["recordId"] for one in receiver.messages] == [mine.id]


async def test_names_of_hidden_fields_are_left_out_and_the_fields_are_null(house: House, receiver: Receiver):
    grants = ({"permission": "contact.read", "scope": "ALL"},)
    asker, _ = await user(house, *grants, fields=[{"field": "contact.city", "access": "HIDDEN"}])
    await endpoint(asker, receiver, "contact.*")
    await endpoint(asker, receiver, "contact.*", query="query ($id: ID!) { contact(id: $id) { name city } }")
    await house.make("Contact", name="one", city="شیراز")
    await passed_on(house)
    plain, asked = sorted((one.json for one in receiver.messages), key=lambda one: "contact" in one["data"])
    assert "name" in plain["data"]["changed"]
    assert "city" not in plain["data"]["changed"]
    assert asked["data"] == {"contact": {"name": "one", "city": None}}
    assert asked["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert "شیراز" not in receiver.messages[0].body.decode() + receiver.messages[1].body.decode()


async def test_rights_are_those_of_the_moment_of_sending(house: House, receiver: Receiver):
    asker, _ = await user(house, {"permission": "contact.read", "scope": "ALL"})
    await endpoint(asker, receiver, "contact.*")
    receiver.statuses = [500]
    await house.make("Contact", name="another's")
    await passed_on(house)
    role = (await house.ask('{ roles(where: {name: {eq: "narrow"}}) { nodes { id } } }'))["roles"]["nodes"][0]["id"]
    grants = [*HOOKS, {"permission": "contact.read", "scope": "OWN"}]
    await house.ask(
        "mutation ($id: ID!, $input: RoleUpdateInput!) { roleUpdate(id: $id, input: $input) { userErrors { message } } }",
        id=role, input={"grants": grants},
    )  # fmt: skip
    await do_all(house.crm, soon=True)
    assert len(receiver.messages) == 1
    assert [row["state"] for row in await deliveries(house)] == ["WITHHELD"]
    assert await states(house) == ["ENABLED"]


async def test_nobody_sends_with_the_eyes_of_another(house: House, receiver: Receiver):
    await house.make("Role", name="second", grants=[{"permission": "*", "scope": "ALL"}])
    second = await house.as_("second")
    made = await endpoint(house, receiver, "contact.*")
    for values in ({"url": "https://evil.example/"}, {"names": ["*"]}, {"query": "{ viewer { name } }"}):
        _, errors = await second.answer(UPDATE, id=made["id"], input=values)
        assert errors[0]["extensions"]["code"] == "FORBIDDEN"
    assert (await second.ask(UPDATE, id=made["id"], input={"description": "as I like"}))["webhookEndpointUpdate"]["userErrors"] == []
    assert (await house.ask(UPDATE, id=made["id"], input={"names": ["tag.*"]}))["webhookEndpointUpdate"]["userErrors"] == []
    await house.make("Contact", name="one")
    await house.make("Tag", name="one")
    await passed_on(house)
    assert receiver.types == ["tag.created"]
    _, errors = await second.answer(PREVIEW, endpoint=made["id"], event=receiver.messages[0].id)
    assert errors[0]["extensions"]["code"] == "FORBIDDEN"


async def test_an_endpoint_is_not_given_to_anybody(house: House):
    sdl = await house.ask('{ __type(name: "WebhookEndpointUpdateInput") { inputFields { name } } }')
    assert {one["name"] for one in sdl["__type"]["inputFields"]} == {
        "url", "names", "query", "description", "externalId", "externalSource",
    }  # fmt: skip


async def test_what_belongs_to_others_is_not_there(house: House, receiver: Receiver):
    asker, _ = await user(house, {"permission": "contact.read"})
    other = await endpoint(house, receiver, "contact.*")
    await house.make("Contact", name="one")
    await passed_on(house)
    assert await deliveries(asker) == []
    assert (await asker.ask("{ webhookEndpoints { nodes { id } } }"))["webhookEndpoints"]["nodes"] == []
    log = (await deliveries(house))[0]["id"]
    for verb in ("Enable", "Disable", "RotateSecret", "Test"):
        mutation = f"mutation ($id: ID!) {{ done: webhookEndpoint{verb}(id: $id) {{ userErrors {{ code }} }} }}"
        data = await asker.ask(mutation, id=other["id"])
        assert data["done"]["userErrors"] == [{"code": "WEBHOOKS_NOT_FOUND"}]
    _, errors = await asker.answer("mutation ($id: ID!) { webhookDeliveryReplay(id: $id) { userErrors { code } } }", id=log)
    assert errors[0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_key_that_is_revoked_sends_nothing_more(house: House, receiver: Receiver):
    made = (await house.ask(KEY, input={"name": "shop", "role": "admin"}))["apiKeyCreate"]
    await endpoint(using(house, made["key"]), receiver, "contact.*")
    await house.make("Contact", name="one")
    await passed_on(house)
    assert len(receiver.messages) == 1
    await house.ask("mutation ($id: ID!) { apiKeyRevoke(id: $id) { userErrors { message } } }", id=made["apiKey"]["id"])
    await house.make("Contact", name="two")
    await passed_on(house)
    assert len(receiver.messages) == 1
    data = await house.ask("{ webhookEndpoints { nodes { id state reason } } }")
    (node,) = data["webhookEndpoints"]["nodes"]
    assert (node["state"], node["reason"]) == ("DISABLED", "in its name nothing can be sent: the key does not open any more")
    enabled = await house.ask(
        "mutation ($id: ID!) { webhookEndpointEnable(id: $id) { webhookEndpoint { id } userErrors { message } } }", id=node["id"]
    )
    assert enabled["webhookEndpointEnable"]["userErrors"] == [{"message": "the key does not open any more"}]


async def test_a_key_that_is_revoked_while_something_waits_sends_nothing_more(house: House, receiver: Receiver):
    made = (await house.ask(KEY, input={"name": "shop", "role": "admin"}))["apiKeyCreate"]
    await endpoint(using(house, made["key"]), receiver, "contact.*")
    receiver.statuses = [500]
    await house.make("Contact", name="one")
    await passed_on(house)
    await house.ask("mutation ($id: ID!) { apiKeyRevoke(id: $id) { userErrors { message } } }", id=made["apiKey"]["id"])
    await do_all(house.crm, soon=True)
    assert len(receiver.messages) == 1
    assert await states(house) == ["DISABLED"]


async def test_a_user_who_has_left_sends_nothing_more(house: House, receiver: Receiver):
    asker, me = await user(house, {"permission": "contact.read"})
    await endpoint(asker, receiver, "contact.*")
    await house.ask("mutation ($id: ID!) { userUpdate(id: $id, input: {active: false}) { userErrors { message } } }", id=me)
    await house.make("Contact", name="one")
    await passed_on(house)
    assert receiver.messages == []
    assert await states(house) == ["DISABLED"]


async def test_a_key_with_scopes_sends_what_they_allow(house: House, receiver: Receiver):
    scopes = ["webhookEndpoint.*", "contact.read"]
    made = (await house.ask(KEY, input={"name": "shop", "role": "admin", "scopes": scopes}))["apiKeyCreate"]
    shop = using(house, made["key"])
    await endpoint(shop, receiver, "contact.*", "tag.*", query="query ($id: ID!) { contact(id: $id) { name owner { name } } }")
    await house.make("Tag", name="one")
    await house.make("Contact", name="one")
    await passed_on(house)
    assert receiver.types == ["contact.created"]


LET_IN = """
from core import Actor, hookimpl
@hookimpl
async def actor(crm, request):
    if request.headers.get("x-badge") == "guest":
        return Actor("guest", {"*": "all"})
    return None
"""


async def test_whom_a_plugin_lets_in_with_rights_of_its_own_has_no_webhooks(houses: Houses, plugin: Packages):
    plugin("badges", LET_IN)
    async with houses("webhooks", "badges", plugins={"webhooks": WEBHOOKS}) as house:
        house.client.headers["x-badge"] = "guest"
        _, errors = await house.answer(CREATE, input={"url": "https://shop.example/", "names": ["*"]})
        assert errors[0]["extensions"]["code"] == "FORBIDDEN"


BADGE_OF_A_USER = """
import uuid
from core import Actor, hookimpl
@hookimpl
async def actor(crm, request):
    badge = request.headers.get("x-badge")
    return Actor("guest", {"webhookEndpoint.*": "own"}, user_id=uuid.UUID(badge)) if badge else None
"""


async def test_whom_a_plugin_lets_in_as_a_user_does_not_send_with_the_eyes_of_that_user(houses: Houses, plugin: Packages):
    plugin("badges", BADGE_OF_A_USER)
    async with houses("webhooks", "badges", plugins={"webhooks": WEBHOOKS}) as house:
        _, me = await user(house, {"permission": "*", "scope": "ALL"})
        made = await endpoint(house, "https://shop.example/")
        await house.sql("UPDATE webhooks_endpoint SET user_id = $1, key_id = NULL", me.removeprefix("user_"))
        house.client.headers["x-badge"] = me.removeprefix("user_")
        _, errors = await house.answer(UPDATE, id=made["id"], input={"url": "https://evil.example/"})
        assert errors[0]["extensions"]["code"] == "FORBIDDEN"


async def test_to_have_webhooks_is_a_permission(house: House, receiver: Receiver):
    asker = await house.as_("sales")
    _, errors = await asker.answer(CREATE, input={"url": receiver.url, "names": ["*"]})
    assert errors[0]["extensions"]["code"] == "FORBIDDEN"
