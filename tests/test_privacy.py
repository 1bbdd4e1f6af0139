"""A person is told all that is known of it, and forgotten: what is personal goes from every table, and what counts stays."""

import contextlib
import itertools
import json
import sqlite3
from typing import Any

import asyncpg
import pytest

from core.database import make_migrations
from core.plugins import load
from tests.engines import apart
from tests.house import House, Houses, read_settings, write_settings
from tests.packages import Packages
from tests.shell import Shell

pytestmark = pytest.mark.anyio

ERASE = "mutation ($id: ID!) { contactErase(id: $id) { contact { id name version deletedAt } userErrors { field code message } } }"
EXPORT = "query ($id: ID!) { personalData(contactId: $id) }"
ROLES = {"admin": {"*": "all"}, "owner": {"*": "own"}, "officer": {"contact.read": "own", "privacy.*": "all"}}

SOURCE = """
from acme_file.models import Letter, Membership, Secret
from core import Refused, Resource, hookimpl

@hookimpl
def resources():
    return [
        Resource(Membership, reverse={"contact": "memberships"}, personal=frozenset({"number", "motto", "facts"}), natural=()),
        Resource(Letter, reverse={"contact": "letters"}, personal=frozenset({"text"}), natural=()),
    ]

@hookimpl
async def personal_data(call, contact):
    return {"secrets": await Secret.filter(contact_id=contact.id).values_list("text", flat=True)}

@hookimpl
async def erase(call, contact):
    if contact.name == "refuse":
        raise Refused("file keeps this one")
    if contact.name == "break":
        raise RuntimeError("a secret of file")
    await Secret.filter(contact_id=contact.id).delete()
"""
MODELS = """
from tortoise import fields
from tortoise.models import Model
from core.fields import FoldedField, new_id
from core.models import Contact, Record

class Membership(Record):
    \"\"\"A membership.\"\"\"
    number = fields.CharField(max_length=30, unique=True, description="Its number.")
    motto = fields.CharField(max_length=60, description="What the member says.")
    motto_key = FoldedField(of="motto", max_length=60)
    facts = fields.JSONField(default=dict, description="What else is known.")
    points = fields.IntField(default=0, description="How many points.")
    contact = fields.ForeignKeyField("core.Contact", related_name=False, on_delete=fields.RESTRICT, description="Whose it is.")
    class Meta(Record.Meta):
        abstract = False
        table = "file_membership"

class Letter(Model):
    \"\"\"A letter, which can be thrown away.\"\"\"
    id = fields.UUIDField(primary_key=True, default=new_id)
    text = fields.TextField(description="What it says.")
    pages = fields.IntField(default=1, description="How long it is.")
    contact = fields.ForeignKeyField("core.Contact", related_name=False, on_delete=fields.CASCADE, description="Who wrote it.")
    class Meta(Model.Meta):
        table = "file_letter"

class Secret(Model):
    id = fields.UUIDField(primary_key=True, default=new_id)
    text = fields.TextField()
    contact_id = fields.UUIDField(db_index=True)
    class Meta(Model.Meta):
        table = "file_secret"
"""


class Marks:
    """Words that no other row has."""

    def __init__(self, name: str) -> None:
        self.name, self.made, self._numbers = name, [], itertools.count(1)

    def __call__(self, form: str = "{}") -> str:
        """A new one, in a form like `{}@example.com`."""
        word = f"{self.name}{next(self._numbers)}x"
        self.made.append(word)
        return form.format(word)

    def number(self) -> str:
        """A phone number that no other row has."""
        number = f"+98912{abs(hash(self.name)) % 1000:03}{next(self._numbers):04}"
        self.made.append(number)
        return number


def dump(house: House) -> str:
    """All tables as text, past all that is under test."""
    url = house.settings.database.url
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite://"))) as file:
            return "\n".join(file.iterdump())
    return apart(_server(url))


async def _server(url: str) -> str:
    server = await asyncpg.connect(url)
    try:
        names = [row["tablename"] for row in await server.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        return "\n".join([f"{name}: {row[0]}" for name in names for row in await server.fetch(f'SELECT t::text FROM "{name}" t')])
    finally:
        await server.close()


async def update(house: House, resource: str, id: str, **values: Any) -> None:
    verb = f"{resource[0].lower()}{resource[1:]}"
    ask = f"mutation ($id: ID!, $input: {resource}UpdateInput!) {{ {verb}Update(id: $id, input: $input) {{ userErrors {{ message }} }} }}"
    assert (await house.ask(ask, id=id, input=values))[f"{verb}Update"]["userErrors"] == []


async def delete(house: House, resource: str, id: str) -> None:
    verb = f"{resource[0].lower()}{resource[1:]}"
    ask = f"mutation ($id: ID!) {{ {verb}Delete(id: $id) {{ userErrors {{ message }} }} }}"
    assert (await house.ask(ask, id=id))[f"{verb}Delete"]["userErrors"] == []


async def erase(asker: Any, id: str) -> dict[str, Any]:
    payload = (await asker.ask(ERASE, id=id))["contactErase"]
    assert payload["userErrors"] == []
    return payload["contact"]


async def selling(house: House) -> tuple[str, str]:
    """A stage and a product."""
    pipeline = await house.make("Pipeline", name="Sales")
    stage = await house.make("Stage", name="New", pipeline_id=pipeline.id)
    won = await house.make("Stage", name="Won", kind="WON", pipeline_id=pipeline.id)
    assert stage.id != won.id
    return won.id, (await house.make("Product", name="Tea", sku="T-1")).id


async def person(house: House, marks: Marks, won: str, product: str, **more: Any) -> str:
    """A contact of whom much is known, some of it no longer there."""
    given = {name: marks() for name in ("name", "given_name", "family_name", "job_title", "street", "city", "region", "description")}
    codes = {"postal_code": marks("{}")[:20], "external_id": marks(), "birth_date": "1987-03-21", "gender": "FEMALE"}
    reached = {"emails": [{"address": marks("{}@example.com"), "label": marks()}], "phones": [{"number": marks.number(), "label": marks()}]}
    contact = (await house.make("Contact", **given, **codes, **reached, **more)).id
    await update(
        house, "Contact", contact, name=marks(), city=marks(), emails=[{"address": marks("{}@example.com")}], lifecycleStage="CUSTOMER"
    )
    line = {"productId": product, "quantity": "2", "unitPrice": {"amount": "50", "currency": "EUR"}}
    deal = (await house.make("Deal", title=marks(), description=marks(), contact_id=contact, lines=[line],
                             amount={"amount": "100", "currency": "EUR"})).id  # fmt: skip
    await update(house, "Deal", deal, stageId=won, title=marks(), amount={"amount": "120", "currency": "EUR"})
    talk = (await house.make("Activity", kind="CALL", subject=marks(), body=marks(), contact_id=contact, done_at="2026-05-01T10:00:00Z")).id
    await update(house, "Activity", talk, body=marks())
    await house.make("Activity", kind="NOTE", subject=marks(), body=marks(), deal_id=deal)
    await delete(house, "Activity", (await house.make("Activity", kind="TASK", subject=marks(), contact_id=contact)).id)
    text = json.dumps({"data": {"contact": {"name": marks()}}})
    key = f"'{contact.removeprefix('contact_')}'"
    await house.sql(
        "INSERT INTO answered (id, client, operation, key, fingerprint, answer, at)"
        f" VALUES ({key}, 'a', {key}, 'k', 'f', '{text}', '2026-05-01 00:00:00+00:00')"
    )
    return contact


@pytest.fixture
async def file(houses: Houses, plugin: Packages):
    """A house with a plugin that keeps files on people."""
    plugin("file", SOURCE, models=MODELS)
    settings = read_settings(write_settings(plugin.folder, "sqlite://none.db", ("file",)))
    await make_migrations(settings, load(settings), "file")
    async with houses("file", roles=ROLES) as house:
        yield house


async def test_nothing_personal_is_left_anywhere(file: House):
    won, product = await selling(file)
    tag, company = await file.make("Tag", name="vip"), await file.make("Company", name="Acme")
    mine, others = Marks("mark"), Marks("other")
    contact = await person(file, mine, won, product, tag_ids=[tag.id], company_id=company.id, source="fair")
    other = await person(file, others, won, product)
    for key, marks in ((contact, mine), (other, others)):
        member = await file.make("Membership", number=marks(), motto=marks(), facts={"likes": marks()}, points=7, contact_id=key)
        await update(file, "Membership", member.id, motto=marks())
        await file.make("Letter", text=marks(), contact_id=key)
        await delete(file, "Letter", (await file.make("Letter", text=marks(), contact_id=key)).id)
        row = key.removeprefix("contact_")
        await file.sql(f"INSERT INTO file_secret (id, text, contact_id) VALUES ('{row}', '{marks()}', '{row}')")
    before = await _facts(file)
    text = dump(file)
    assert not [mark for mark in mine.made if mark not in text], "each of them is in the database"
    events = await file.sql("SELECT count(*) AS n FROM event")
    erased = await erase(file, contact)
    assert erased["name"] == "erased"
    text = dump(file).lower()
    assert [mark for mark in mine.made if mark.lower() in text] == []
    assert "1987-03-21" in text, "that of the other"
    assert len([mark for mark in others.made if mark.lower() not in text]) == 1, "of the other only the answer is gone"
    assert await _facts(file) == before, "what counts stays"
    assert await file.sql("SELECT count(*) AS n FROM event") == [{"n": events[0]["n"] + 1}]
    version = erased["version"]
    assert (await erase(file, contact))["version"] == version, "the second time nothing happens"
    assert await file.sql("SELECT count(*) AS n FROM event") == [{"n": events[0]["n"] + 1}]
    told = await file.ask(
        "query ($id: ID!) { contact(id: $id) { emails { address } audit { nodes { name changed before after } } } }", id=contact
    )
    assert told["contact"]["emails"] == []
    assert told["contact"]["audit"]["nodes"][-1] == {"name": "contact.erased", "changed": [], "before": None, "after": None}
    assert {one["after"] for one in told["contact"]["audit"]["nodes"]} == {None}
    numbers = {row["number"] for row in await file.sql("SELECT number FROM file_membership")}
    assert len(numbers) == 2, "unique columns stay unique"
    await erase(file, other)


async def _facts(house: House) -> Any:
    """What statistics are made of."""
    return await house.ask(
        "{ dealsAggregate(groupBy: [{field: STAGE}]) { count sum { amount { amount currency } } }"
        " contactsAggregate(groupBy: [{field: LIFECYCLE_STAGE}, {field: SOURCE}]) { count key { lifecycleStage source } }"
        " activitiesAggregate(groupBy: [{field: KIND}]) { count key { kind } }"
        " deals { nodes { id amount { amount } closedAt stage { name } contact { id company { name } tags { name } }"
        " lines { total { amount } } stageChanges { nodes { toStage { name } seconds } } } }"
        " memberships { nodes { points } } lifecycleChanges { nodes { toStage changedAt } } }"
    )


async def test_everything_is_told(file: House):
    won, product = await selling(file)
    tag = await file.make("Tag", name="vip")
    marks = Marks("mark")
    contact = await person(file, marks, won, product, tag_ids=[tag.id])
    await file.make("Membership", number=marks(), motto=marks(), points=7, contact_id=contact)
    await delete(file, "Letter", (await file.make("Letter", text=marks(), contact_id=contact)).id)
    row = contact.removeprefix("contact_")
    await file.sql(f"INSERT INTO file_secret (id, text, contact_id) VALUES ('{row}', '{marks()}', '{row}')")
    told = (await file.ask(EXPORT, id=contact))["personalData"]
    text = json.dumps(told)
    answered = [mark for mark in marks.made if mark not in text]
    assert len(answered) == 1, "all but the answer that somebody got"
    assert (told["contact"]["id"], told["contact"]["birthDate"], told["contact"]["gender"]) == (contact, "1987-03-21", "FEMALE")
    assert [one["name"] for one in told["contact"]["tags"]] == ["vip"]
    assert len(told["contact"]["emails"]) == len(told["contact"]["phones"]) == 1
    assert [one["toStage"] for one in told["contact"]["lifecycleChanges"]] == ["LEAD", "CUSTOMER"]
    [deal] = told["deals"]
    assert (deal["amount"], deal["contactId"]) == ({"amount": "120.00", "currency": "EUR"}, contact)
    assert deal["lines"][0]["quantity"] == "2.000"
    assert len(deal["stageChanges"]) == 2
    assert [one["kind"] for one in told["activities"]] == ["CALL", "NOTE", "TASK"]
    assert told["memberships"][0]["points"] == 7
    assert told["plugins"] == {"file": {"secrets": [marks.made[-1]]}}
    assert [one["name"] for one in told["audit"]][:2] == ["contact.created", "contact.updated"]
    assert told["audit"][1]["after"]["lifecycleStage"] == "CUSTOMER"


async def test_a_plugin_that_refuses_or_breaks_undoes_all(file: House):
    for name, code in (("refuse", "REFUSED"), ("break", None)):
        contact = await file.make("Contact", name=name, emails=[{"address": f"{name}@example.com"}])
        data, errors = await file.answer(ERASE, id=contact.id)
        if code:
            assert data["contactErase"]["userErrors"][0]["code"] == code
        else:
            assert errors[0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
            assert "secret" not in json.dumps(errors)
        shown = await file.ask("query ($id: ID!) { contact(id: $id) { name emails { address } } }", id=contact.id)
        assert shown["contact"] == {"name": name, "emails": [{"address": f"{name}@example.com"}]}


@pytest.mark.settings(roles=ROLES)
async def test_only_who_may_and_only_whom_one_sees(house: House):
    user = await house.make("User", name="Sara")
    mine, other = await house.make("Contact", name="Mine", owner_id=user.id), await house.make("Contact", name="Other")
    owner, officer = await house.as_("owner", user.id), await house.as_("officer", user.id)
    clerk = await house.as_("officer")
    for asker in (officer, clerk):
        data, errors = await asker.answer(EXPORT, id=other.id)
        assert (data["personalData"], errors[0]["extensions"]["code"] in ("NOT_FOUND", "FORBIDDEN")) == (None, True)
    payload = (await officer.ask(ERASE, id=other.id))["contactErase"]
    assert (payload["contact"], payload["userErrors"][0]["code"]) == (None, "NOT_FOUND")
    payload = (await officer.ask(ERASE, id="nonsense"))["contactErase"]
    assert (payload["contact"], payload["userErrors"][0]["code"], payload["userErrors"][0]["field"]) == (None, "NOT_FOUND", ["id"])
    assert (await officer.ask(EXPORT, id=mine.id))["personalData"]["contact"]["name"] == "Mine"
    await delete(house, "Contact", mine.id)
    assert (await officer.ask(EXPORT, id=mine.id))["personalData"]["contact"]["name"] == "Mine", "a deleted one too"
    erased = await erase(officer, mine.id)
    assert (erased["name"], erased["deletedAt"] is None) == ("erased", False)
    entries = (await house.ask('{ auditEntries(where: {name: {eq: "contact.erased"}}) { nodes { user { id } } } }'))["auditEntries"][
        "nodes"
    ]
    assert entries == [{"user": {"id": user.id}}]
    assert await house.sql("SELECT name FROM contact WHERE name = 'Other'") == [{"name": "Other"}]
    assert owner


@pytest.mark.settings(roles={**ROLES, "contacts": {"contact.*": "all"}})
async def test_who_may_all_with_contacts_may_not_yet_erase_one(house: House):
    contact, asker = await house.make("Contact", name="Sara"), await house.as_("contacts")
    for document in (ERASE, EXPORT):
        _, errors = await asker.answer(document, id=contact.id)
        assert errors[0]["extensions"]["code"] == "FORBIDDEN"


async def test_the_command_line_does_the_same(payvand: Shell):
    payvand("migrate").well()
    (payvand.folder / "people.csv").write_text("name,emails.1.address,externalId\nSara Marked,marked@example.com,marked-7\n")
    payvand("import", "contacts", "people.csv").well()
    contact = json.loads(payvand("export", "contacts", "--format", "jsonl", "--columns", "id").well().out)["id"]
    told = json.loads(payvand("privacy", "export", contact).well().out)
    assert (told["contact"]["name"], told["contact"]["emails"][0]["address"]) == ("Sara Marked", "marked@example.com")
    payvand("privacy", "export", contact.removeprefix("contact_"), "told.json").well()
    assert json.loads((payvand.folder / "told.json").read_text())["audit"][0]["after"]["name"] == "Sara Marked"
    asked = payvand("privacy", "erase", contact, input="n\n")
    assert (asked.code, "Sara Marked" in asked.out) == (1, True)
    assert json.loads(payvand("privacy", "erase", contact, "--yes", "--json").well().out) == {"erased": contact}
    assert "marked" not in payvand("privacy", "export", contact).well().out.lower()
    for word in ("contact_0190a8f2-0000-7000-8000-000000000000", "nonsense", "deal_0190a8f2-0000-7000-8000-000000000000"):
        outcome = payvand("privacy", "export", word)
        assert (outcome.code, outcome.err.count("\n"), outcome.err.startswith("payvand: ")) == (1, 1, True)
