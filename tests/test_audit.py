"""The audit tells who did what to which record, by which key and in which request, with the values before and after."""

from typing import Any

import pytest

from tests.house import House, write_settings
from tests.shell import ROOT

pytestmark = pytest.mark.anyio

ENTRY = "id name resource at actor requestId recordId user { id } key { id name } changed before after record { id __typename }"
AUDIT = f"query ($id: ID!) {{ contact(id: $id, includeDeleted: true) {{ audit {{ totalCount nodes {{ {ENTRY} }} }} }} }}"
UPDATE = "mutation ($id: ID!, $input: %sUpdateInput!) { %sUpdate(id: $id, input: $input) { userErrors { field message } } }"
OWNER = {"*": "own", "auditEntry.read": "all"}


async def update(asker: Any, resource: str, id: str, **values: Any) -> None:
    verb = f"{resource[0].lower()}{resource[1:]}"
    data = await asker.ask(UPDATE % (resource, verb), id=id, input=values)
    assert data[f"{verb}Update"]["userErrors"] == []


async def audit(asker: Any, contact: str) -> list[dict[str, Any]]:
    return (await asker.ask(AUDIT, id=contact))["contact"]["audit"]["nodes"]


@pytest.mark.settings(roles={"admin": {"*": "all"}})
async def test_who_did_what_by_which_key_in_which_request(house: House):
    user = await house.make("User", name="Sara", email="sara@example.com")
    sara = await house.as_("admin", user.id)
    company, tag = await house.make("Company", name="Acme"), await house.make("Tag", name="vip")
    sara.client.headers["X-Request-Id"] = "asked-by-sara"
    contact = await sara.make("Contact", name="Ali", company_id=company.id, emails=[{"address": "a@x.org"}], tag_ids=[tag.id])
    await update(sara, "Contact", contact.id, companyId=None, lifecycleStage="CUSTOMER", birthDate="1990-05-01", tagIds=[],
                 emails=[{"address": "b@x.org", "label": "work"}])  # fmt: skip
    made, changed = await audit(house, contact.id)
    assert (made["name"], made["resource"], made["recordId"], made["requestId"]) == (
        "contact.created", "contact", contact.id, "asked-by-sara",
    )  # fmt: skip
    assert (made["user"], made["key"]["name"]) == ({"id": user.id}, "test admin")
    assert made["actor"].startswith("key ")
    assert made["record"] == {"id": contact.id, "__typename": "Contact"}
    assert made["before"] is None
    given = {"name": "Ali", "companyId": company.id, "tagIds": [tag.id]}
    assert {name: made["after"][name] for name in given} == given
    assert made["after"]["emails"] == [{"address": "a@x.org"}]
    assert changed["changed"] == ["birthDate", "companyId", "emails", "lifecycleStage", "tagIds"]
    assert changed["before"] == {
        "birthDate": None, "companyId": company.id, "lifecycleStage": "LEAD", "tagIds": [tag.id],
        "emails": [{"address": "a@x.org", "label": None}],
    }  # fmt: skip
    assert changed["after"] == {
        "birthDate": "1990-05-01", "companyId": None, "lifecycleStage": "CUSTOMER", "tagIds": [],
        "emails": [{"address": "b@x.org", "label": "work"}],
    }  # fmt: skip


async def test_money_decimals_and_times_are_told_as_the_api_shows_them(house: House):
    pipeline = await house.make("Pipeline", name="p")
    await house.make("Stage", name="s", pipeline_id=pipeline.id, probability="0.5")
    product = await house.make("Product", name="p", price={"amount": "1.5", "currency": "EUR"})
    activity = await house.make("Activity", kind="TASK", subject="s", due_at="2026-05-01T12:00:00+03:30")
    line = {"productId": product.id, "quantity": "2.5", "unitPrice": {"amount": "3", "currency": "EUR"}}
    deal = await house.make("Deal", title="d", amount={"amount": "10", "currency": "EUR"}, lines=[line])
    await update(house, "Deal", deal.id, amount={"amount": "12.5", "currency": "EUR"})
    await update(house, "Deal", deal.id, amount={"amount": "12", "currency": "JPY"}, lines=[])
    nodes = (await house.ask("{ auditEntries(first: 50) { nodes { name changed before after recordId } } }"))["auditEntries"]["nodes"]
    by_name = {one["name"]: one for one in nodes}
    assert by_name["stage.created"]["after"]["probability"] == (await _stage(house))["probability"]
    assert by_name["product.created"]["after"]["price"] == {"amount": "1.50", "currency": "EUR"}
    assert "currency" not in by_name["product.created"]["after"]
    assert by_name["activity.created"]["after"]["dueAt"] == "2026-05-01T08:30:00+00:00"
    assert by_name["activity.created"]["recordId"] == activity.id
    made = by_name["deal.created"]["after"]
    assert made["amount"] == {"amount": "10.00", "currency": "EUR"}
    assert made["lines"][0] == {"productId": product.id, "quantity": "2.500", "unitPrice": {"amount": "3.00", "currency": "EUR"}}
    first, second = [one for one in nodes if one["name"] == "deal.updated"]
    assert (first["changed"], first["before"], first["after"]) == (
        ["amount"], {"amount": {"amount": "10.00", "currency": "EUR"}}, {"amount": {"amount": "12.50", "currency": "EUR"}},
    )  # fmt: skip
    assert second["before"]["amount"] == {"amount": "12.50", "currency": "EUR"}
    assert second["after"]["amount"] == {"amount": "12", "currency": "JPY"}
    assert second["before"]["lines"][0]["unitPrice"] == {"amount": "3.00", "currency": "EUR"}
    assert second["before"]["lines"][0]["quantity"] == "2.500"


async def _stage(house: House) -> dict[str, Any]:
    return (await house.ask("{ stages { nodes { probability } } }"))["stages"]["nodes"][0]


@pytest.mark.settings(roles={"admin": {"*": "all"}, "owner": OWNER, "blind": {"contact.read": "all"}, "clerk": {"auditEntry.read": "all"}})
async def test_values_are_shown_to_whom_the_record_is_shown(house: House):
    user = await house.make("User", name="Sara")
    sara, blind, clerk = await house.as_("owner", user.id), await house.as_("blind"), await house.as_("clerk")
    mine = await house.make("Contact", name="Mine", owner_id=user.id)
    other = await house.make("Contact", name="Secret")
    ask = '{ auditEntries(where: {resource: {eq: "contact"}}) { nodes { recordId changed before after record { id } } } }'
    first, second = (await sara.ask(ask))["auditEntries"]["nodes"]
    assert (first["recordId"], first["after"]["name"], first["record"]) == (mine.id, "Mine", {"id": mine.id})
    assert second == {"recordId": other.id, "changed": None, "before": None, "after": None, "record": None}
    assert [one["after"] for one in (await clerk.ask(ask))["auditEntries"]["nodes"]] == [None, None]
    data, errors = await blind.answer(AUDIT, id=mine.id)
    assert data["contact"] == {"audit": None}
    assert [error["extensions"]["code"] for error in errors] == ["FORBIDDEN"]
    await update(house, "Contact", mine.id, name="Mine still")
    await house.ask("mutation ($id: ID!) { contactDelete(id: $id) { contact { id } } }", id=mine.id)
    found = await audit(sara, mine.id)
    assert [one["name"] for one in found] == ["contact.created", "contact.updated", "contact.deleted"]
    assert [one["record"] for one in found] == [None, None, None], "it is deleted"
    assert found[1]["before"] == {"name": "Mine"}


async def test_what_is_hidden_is_never_told(house: House):
    user = await house.make("User", name="Sara")
    rows = await house.sql("SELECT id FROM event WHERE name = 'user.created'")
    await house.sql("DELETE FROM event_values")
    values = '{"password": "secret", "name": "Sara", "odd_thing": 1}'
    await house.sql("INSERT INTO event_values (event_id, after) VALUES ($1, $2)", rows[0]["id"], values)
    data = await house.ask("query ($id: ID!) { user(id: $id) { audit { nodes { after } } } }", id=user.id)
    assert data["user"]["audit"]["nodes"] == [{"after": {"name": "Sara", "oddThing": 1}}]


async def test_records_are_found_and_sorted_by_what_happened_to_them(house: House):
    first, second = await house.make("Contact", name="a"), await house.make("Contact", name="b")
    await update(house, "Contact", first.id, name="c")
    where = '{audit: {some: {name: {eq: "contact.updated"}}}}'
    assert (await house.ask(f"{{ contacts(where: {where}) {{ nodes {{ id }} }} }}"))["contacts"]["nodes"] == [{"id": first.id}]
    newest = "audit(first: 1, orderBy: [{field: AT, direction: DESC}]) { nodes { name } pageInfo { hasNextPage } }"
    nodes = (await house.ask(f"{{ contacts {{ nodes {{ id {newest} }} }} }}"))["contacts"]["nodes"]
    assert nodes == [
        {"id": first.id, "audit": {"nodes": [{"name": "contact.updated"}], "pageInfo": {"hasNextPage": True}}},
        {"id": second.id, "audit": {"nodes": [{"name": "contact.created"}], "pageInfo": {"hasNextPage": False}}},
    ]


async def test_bulk_and_import_name_their_key_too(house: House):
    user = await house.make("User", name="Sara")
    sara = await house.as_("admin", user.id)
    await sara.ask('mutation { contactBulkCreate(inputs: [{name: "a"}, {name: "b"}]) { results { index } } }')
    rows = await house.sql("SELECT user_id, key_id FROM event WHERE name = 'contact.created'")
    assert len(rows) == 2
    assert {f"user_{row['user_id']}" for row in rows} == {user.id}
    assert all(row["key_id"] for row in rows)


async def test_nobody_writes_an_entry(house: House):
    names = {
        one["name"] for one in (await house.ask("{ __schema { mutationType { fields { name } } } }"))["__schema"]["mutationType"]["fields"]
    }
    assert not [name for name in names if name.startswith("auditEntr")]


TAKEN = """
from acme_taken.models import Thing
from core import Resource, hookimpl

@hookimpl
def resources():
    return [Resource(Thing, %s)]
"""
THING = """
from tortoise import fields
from tortoise.models import Model
from core.fields import new_id

class Thing(Model):
    \"\"\"A thing.\"\"\"
    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=20, description="Its name.")
    contact = fields.ForeignKeyField("core.Contact", related_name=False, null=True, on_delete=fields.CASCADE, description="Whose it is.")
    %s
    class Meta(Model.Meta):
        table = "taken_thing"
"""


@pytest.mark.parametrize(
    ("words", "more", "sentence"),
    [
        ('reverse={"contact": "audit"}', "", "plugin 'taken': the field Contact.audit, of Thing.reverse, belongs to the core already"),
        ("", 'audit = fields.IntField(default=0, description="Odd.")', "plugin 'taken': the field Thing.audit belongs to the core: "),
    ],
)
def test_the_name_is_taken(plugin, payvand, words: str, more: str, sentence: str):
    plugin("taken", TAKEN % words, models=THING % more)
    write_settings(payvand.folder, payvand.url, ("taken",))
    payvand.environment["PYTHONPATH"] = f"{ROOT}:{plugin.folder}"
    assert f"problem: {sentence}" in payvand("check").out
