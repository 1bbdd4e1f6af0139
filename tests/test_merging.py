"""Contacts that are one person become one: all that belonged to them belongs to one, nothing is lost, and nobody sees more than before."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import strategies as st

from core import SYSTEM, Run
from core.database import make_migrations
from core.merging.gathering import gather
from core.merging.merging import GATHER
from core.models import Job
from core.plugins import load
from tests.engines import Engine
from tests.examples import for_all
from tests.house import Asker, House, Houses, read_settings, write_settings
from tests.packages import Packages
from tests.shell import Shell

pytestmark = pytest.mark.anyio

MERGE = """mutation ($into: ID!, $ids: [ID!]!, $dry: Boolean, $version: Int) {
  contactMerge(into: $into, ids: $ids, dryRun: $dry, expectedVersion: $version) {
    contact { id name version } filled { field contactId } moved { resource count } userErrors { field code message pluginCode } } }"""
MERGED = "query ($id: ID!) { contact(id: $id, includeDeleted: true) { deletedAt version mergedInto { id name } } }"
ROLES = {
    "owner": {"*": "own"},
    "changer": {"contact.read": "all", "contact.update": "all", "contact.create": "all"},
    "mixed": {"contact.read": "all", "contact.update": "all", "contact.delete": "own"},
    "merger": {"contact.*": "all", "contactEmail.read": "all", "deal.read": "own", "deal.create": "all"},
}
ASTRAY = "SELECT a.id FROM contact a JOIN contact b ON b.id = a.merged_into_id WHERE b.deleted_at IS NOT NULL"

SOURCE = """
from acme_club.models import Account, Card, Entry, Meeting, Seat, Secret
from core import Refused, Resource, hookimpl

@hookimpl
def resources():
    return [
        Resource(Card, reverse={"contact": "card"}, natural=()),
        Resource(Account, reverse={"contact": "account"}, natural=()),
        Resource(Entry, reverse={"contact": "entries"}, natural=()),
        Resource(Seat, reverse={"contact": "seats"}, natural=()),
        Resource(Meeting, reverse={"host": "hosted", "guest": "visited"}, natural=()),
    ]

@hookimpl
async def merge(call, into, contacts):
    if into.name == "refuse":
        raise Refused("club keeps them apart")
    if into.name == "break":
        raise RuntimeError("a secret of club")
    keys = [into.id, *(one.id for one in contacts)]
    accounts = await Account.filter(contact_id__in=keys).order_by("contact_id")
    if len(accounts) > 1:
        kept = next((one for one in accounts if one.contact_id == into.id), accounts[0])
        kept.balance = sum(one.balance for one in accounts)
        await kept.save(update_fields=["balance"])
        await Account.filter(id__in=[one.id for one in accounts if one is not kept]).delete()
"""
MODELS = """
from tortoise import fields
from tortoise.models import Model
from core.fields import new_id
from core.models import Contact, Record

def contact(**more):
    given = {"on_delete": fields.RESTRICT, "description": "Whose it is.", **more}
    return fields.ForeignKeyField("core.Contact", related_name=False, **given)

class Card(Record):
    \"\"\"A card.\"\"\"
    number = fields.CharField(max_length=30, description="Its number.")
    contact = fields.OneToOneField("core.Contact", related_name=False, on_delete=fields.RESTRICT, description="Whose it is.")
    class Meta(Record.Meta):
        abstract = False
        table = "club_card"

class Account(Model):
    \"\"\"An account.\"\"\"
    id = fields.UUIDField(primary_key=True, default=new_id)
    balance = fields.IntField(default=0, description="What is on it.")
    contact = fields.OneToOneField("core.Contact", related_name=False, on_delete=fields.RESTRICT, description="Whose it is.")
    class Meta(Model.Meta):
        table = "club_account"

class Entry(Model):
    \"\"\"What happened to an account.\"\"\"
    id = fields.UUIDField(primary_key=True, default=new_id)
    points = fields.IntField(description="How many.")
    contact = contact()
    class Meta(Model.Meta):
        table = "club_entry"
        append_only = True

class Seat(Model):
    \"\"\"A seat at an evening.\"\"\"
    id = fields.UUIDField(primary_key=True, default=new_id)
    evening = fields.CharField(max_length=20, description="Which one.")
    row = fields.IntField(default=1, description="In which row.")
    contact = contact()
    class Meta(Model.Meta):
        table = "club_seat"
        unique_together = (("evening", "contact"),)

class Meeting(Record):
    \"\"\"A meeting of two.\"\"\"
    host = contact(description="Who invited.")
    guest = contact(null=True, description="Who came.")
    class Meta(Record.Meta):
        abstract = False
        table = "club_meeting"

class Secret(Model):
    id = fields.UUIDField(primary_key=True, default=new_id)
    text = fields.TextField()
    contact = contact()
    class Meta(Model.Meta):
        table = "club_secret"
"""


async def merge(asker: Asker, into: str, *ids: str, **more: Any) -> dict[str, Any]:
    """The payload of a merge that goes well."""
    payload = (await asker.ask(MERGE, into=into, ids=list(ids), **more))["contactMerge"]
    assert payload["userErrors"] == []
    return payload


async def refused(asker: Asker, into: str, *ids: str, **more: Any) -> dict[str, Any]:
    """The one user error of a merge, which changes nothing."""
    payload = (await asker.ask(MERGE, into=into, ids=list(ids), **more))["contactMerge"]
    assert (payload["contact"], payload["filled"], payload["moved"]) == (None, [], [])
    [error] = payload["userErrors"]
    return error


def key(id: str) -> str:
    return id.rpartition("_")[2]


async def total(house: House, table: str) -> int:
    return (await house.sql(f'SELECT count(*) AS n FROM "{table}"'))[0]["n"]


async def stages(house: House) -> None:
    """What a deal needs."""
    pipeline = await house.make("Pipeline", name="p")
    await house.make("Stage", name="New", pipeline_id=pipeline.id)


@pytest.fixture
async def club(houses: Houses, plugin: Packages):
    """A house with a plugin whose tables point to contacts in all ways."""
    plugin("club", SOURCE, models=MODELS)
    settings = read_settings(write_settings(plugin.folder, "sqlite://none.db", ("club",)))
    await make_migrations(settings, load(settings), "club")
    async with houses("club", roles=ROLES) as house:
        yield house


async def test_all_that_belonged_to_them_belongs_to_one(house: House):
    vip, old = await house.make("Tag", name="vip"), await house.make("Tag", name="old")
    into = await house.make("Contact", name="Sara", city="Shiraz", emails=[{"address": "sara@example.com"}], tag_ids=[vip.id])
    first = await house.make(
        "Contact", name="S. Ahmadi", city="Tehran", job_title="CTO", tag_ids=[vip.id, old.id], email_consent=True, birth_date="1987-03-21",
        emails=[{"address": "SARA@example.com"}, {"address": "s@example.org", "label": "work"}], phones=[{"number": "+989121234567"}],
    )  # fmt: skip
    second = await house.make("Contact", name="Sara A", job_title="CEO", region="Fars", phones=[{"number": "+989121234567"}])
    await stages(house)
    for one in (into, first, second):
        await house.make("Deal", title="d", contact_id=one.id)
        await house.make("Activity", kind="NOTE", subject="s", contact_id=one.id)
    payload = await merge(house, into.id, first.id, second.id)
    assert payload["contact"] == {"id": into.id, "name": "Sara", "version": 2}
    filled = {one["field"]: one["contactId"] for one in payload["filled"]}
    assert filled == {"jobTitle": first.id, "birthDate": first.id, "region": second.id}
    assert {one["resource"]: one["count"] for one in payload["moved"]} == {
        "activity": 2, "deal": 2, "contactEmail": 1, "contactPhone": 1, "lifecycleChange": 2, "tag": 1,
    }  # fmt: skip
    shown = await house.ask(
        """query ($id: ID!) { contact(id: $id) { city jobTitle region birthDate emailConsent mergedInto { id }
          emails { address label position } phones { number position } tags { name } deals { totalCount }
          activities { totalCount nodes { version } } lifecycleChanges { totalCount } audit { nodes { name changed after } } }
          contacts { totalCount } }""",
        id=into.id,
    )
    audit = shown["contact"].pop("audit")["nodes"]
    assert sorted(one["name"] for one in shown["contact"].pop("tags")) == ["old", "vip"]
    assert sorted(one["version"] for one in shown["contact"]["activities"].pop("nodes")) == [1, 2, 2]
    assert shown["contacts"] == {"totalCount": 1}
    assert shown["contact"] == {
        "city": "Shiraz", "jobTitle": "CTO", "region": "Fars", "birthDate": "1987-03-21", "emailConsent": False, "mergedInto": None,
        "emails": [
            {"address": "sara@example.com", "label": None, "position": 0}, {"address": "s@example.org", "label": "work", "position": 1},
        ],
        "phones": [{"number": "+989121234567", "position": 0}],
        "deals": {"totalCount": 3}, "activities": {"totalCount": 3}, "lifecycleChanges": {"totalCount": 3},
    }  # fmt: skip
    assert [one["name"] for one in audit] == ["contact.created", "contact.updated", "contact.merged"]
    assert audit[1]["after"]["jobTitle"] == "CTO"
    assert [one["address"] for one in audit[1]["after"]["emails"]] == ["sara@example.com", "s@example.org"]
    assert audit[2]["after"] == {"mergedIds": [first.id, second.id]}
    for one in (first, second):
        ask = """query ($id: ID!) { contact(id: $id, includeDeleted: true) {
          deletedAt mergedInto { id } version audit { nodes { name after } } } }"""
        gone = await house.ask(ask, id=one.id)
        assert gone["contact"]["deletedAt"]
        assert (gone["contact"]["mergedInto"], gone["contact"]["version"]) == ({"id": into.id}, 2)
        assert gone["contact"]["audit"]["nodes"][-1] == {"name": "contact.deleted", "after": {"mergedIntoId": into.id}}
    ask = "query ($id: ID!) { contacts(includeDeleted: true, where: {mergedInto: {id: {eq: $id}}}) { totalCount } }"
    found = await house.ask(ask, id=into.id)
    assert found["contacts"] == {"totalCount": 2}


async def test_chains_lead_to_the_end(house: House):
    a, b, c = [await house.make("Contact", name=name) for name in "abc"]
    await merge(house, b.id, a.id)
    await merge(house, c.id, b.id)
    for one, version in ((a, 3), (b, 3)):
        shown = (await house.ask(MERGED, id=one.id))["contact"]
        assert (shown["mergedInto"], shown["version"]) == ({"id": c.id, "name": "c"}, version)


async def test_a_merged_contact_does_not_come_back(house: House):
    into, other = await house.make("Contact", name="a"), await house.make("Contact", name="b")
    await merge(house, into.id, other.id)
    ask = "mutation ($id: ID!) { contactRestore(id: $id) { contact { id } userErrors { field code message } } }"
    payload = (await house.ask(ask, id=other.id))["contactRestore"]
    assert payload["contact"] is None
    [error] = payload["userErrors"]
    assert (error["code"], into.id in error["message"]) == ("CONFLICT", True)
    update = 'mutation ($id: ID!) { contactUpdate(id: $id, input: {city: "x"}) { userErrors { code } } }'
    assert (await house.ask(update, id=other.id))["contactUpdate"]["userErrors"] == [{"code": "NOT_FOUND"}]


async def test_what_makes_no_sense_is_refused(house: House):
    into, other, gone = [await house.make("Contact", name=name) for name in "abc"]
    await house.ask("mutation ($id: ID!) { contactDelete(id: $id) { userErrors { code } } }", id=gone.id)
    company = await house.make("Company", name="c")
    unknown = "contact_0190a8f2-0000-7000-8000-000000000000"
    for expected, first, ids in (
        ((["ids"], "INVALID"), into.id, []),
        ((["ids"], "INVALID"), into.id, [f"contact_0190a8f2-0000-7000-8000-{number:012}" for number in range(51)]),
        ((["ids", "1"], "INVALID"), into.id, [other.id, other.id]),
        ((["ids", "1"], "INVALID"), into.id, [other.id, into.id]),
        ((["ids", "1"], "NOT_FOUND"), into.id, [other.id, unknown]),
        ((["ids", "0"], "NOT_FOUND"), into.id, [gone.id]),
        ((["ids", "0"], "NOT_FOUND"), into.id, [company.id]),
        ((["ids", "0"], "NOT_FOUND"), into.id, ["nonsense"]),
        ((["into"], "NOT_FOUND"), unknown, [other.id]),
        ((["into"], "NOT_FOUND"), gone.id, [other.id]),
        ((["into"], "NOT_FOUND"), "nonsense", [other.id]),
    ):
        for dry in (True, False):
            error = await refused(house, first, *ids, dry=dry)
            assert (error["field"], error["code"]) == expected
    error = await refused(house, into.id, other.id, version=7)
    assert (error["field"], error["code"]) == (["expectedVersion"], "CONFLICT")
    assert await house.sql("SELECT DISTINCT version FROM contact WHERE deleted_at IS NULL") == [{"version": 1}]
    await merge(house, into.id, other.id, version=1)


@pytest.mark.settings(roles=ROLES)
async def test_one_changes_the_one_and_deletes_the_others(house: House):
    user = await house.make("User", name="Sara")
    mine, mine_too = [await house.make("Contact", name=name, owner_id=user.id) for name in "ab"]
    others, others_too = [await house.make("Contact", name=name) for name in "cd"]
    owner, mixed, changer = [await house.as_(role, user.id) for role in ("owner", "mixed", "changer")]
    _, errors = await changer.answer(MERGE, into=others.id, ids=[others_too.id])
    assert errors[0]["extensions"]["code"] == "FORBIDDEN"
    assert (await refused(mixed, mine.id, others.id))["field"] == ["ids", "0"]
    assert (await refused(owner, mine.id, others.id))["field"] == ["ids", "0"]
    assert (await refused(owner, others.id, mine.id))["field"] == ["into"]
    await merge(mixed, others.id, mine_too.id)
    assert await house.sql("SELECT name FROM contact WHERE merged_into_id IS NOT NULL") == [{"name": "b"}]


async def test_what_is_hidden_is_moved_and_not_told(house: House):
    user = await house.make("User", name="Sara")
    role = "mutation ($input: RoleCreateInput!) { roleCreate(input: $input) { userErrors { message } } }"
    grants = [{"permission": one, "scope": "ALL"} for one in ("contact.*", "contactEmail.read", "activity.read")]
    grants.append({"permission": "deal.read", "scope": "OWN"})
    hidden = [{"field": one, "access": "HIDDEN"} for one in ("contact.birthDate", "contact.emails", "activity.contact")]
    shut = [{"field": "contact.jobTitle", "access": "READ"}]
    assert (await house.ask(role, input={"name": "clerk", "grants": grants, "fields": hidden + shut}))["roleCreate"]["userErrors"] == []
    await stages(house)
    into = await house.make("Contact", name="a")
    other = await house.make("Contact", name="b", birth_date="1987-03-21", job_title="CTO", emails=[{"address": "b@example.com"}])
    await house.make("Deal", title="mine", contact_id=other.id, owner_id=user.id)
    await house.make("Deal", title="other", contact_id=other.id)
    await house.make("Activity", kind="NOTE", subject="s", contact_id=other.id)
    clerk = await house.as_("clerk", user.id)
    for dry in (True, False):
        payload = await merge(clerk, into.id, other.id, dry=dry)
        assert payload["filled"] == [{"field": "jobTitle", "contactId": other.id}]
        assert payload["moved"] == [{"resource": "deal", "count": 1}]
    shown = await house.ask("{ contacts { nodes { birthDate emails { address } deals { totalCount } activities { totalCount } } } }")
    assert shown["contacts"]["nodes"] == [
        {"birthDate": "1987-03-21", "emails": [{"address": "b@example.com"}], "deals": {"totalCount": 2}, "activities": {"totalCount": 1}}
    ]


async def test_a_dry_run_tells_and_writes_nothing(house: House):
    into = await house.make("Contact", name="a")
    other = await house.make("Contact", name="b", city="Tehran", phones=[{"number": "+989121234567"}])
    await house.make("Activity", kind="NOTE", subject="s", contact_id=other.id)
    events = await total(house, "event")
    dry = await merge(house, into.id, other.id, dry=True)
    assert (dry["contact"], dry["filled"]) == (None, [{"field": "city", "contactId": other.id}])
    assert (await total(house, "event"), await total(house, "job")) == (events, 0)
    assert await house.sql("SELECT DISTINCT version, merged_into_id FROM contact") == [{"version": 1, "merged_into_id": None}]
    done = await merge(house, into.id, other.id)
    assert (done["filled"], done["moved"]) == (dry["filled"], dry["moved"])


async def test_the_history_goes_on_from_where_the_contact_stands(house: House):
    into, other = await house.make("Contact", name="a"), await house.make("Contact", name="b")
    update = """mutation ($id: ID!, $stage: LifecycleStage!) {
      contactUpdate(id: $id, input: {lifecycleStage: $stage}) { userErrors { code } } }"""
    await house.ask(update, id=other.id, stage="CUSTOMER")
    await merge(house, into.id, other.id)
    await house.ask(update, id=into.id, stage="CUSTOMER")
    shown = await house.ask(
        """query ($id: ID!) { contact(id: $id) {
          lifecycleStage lifecycleChanges(orderBy: [{field: CHANGED_AT}]) { nodes { fromStage toStage } } } }""",
        id=into.id,
    )
    steps = [(one["fromStage"], one["toStage"]) for one in shown["contact"]["lifecycleChanges"]["nodes"]]
    assert steps == [(None, "LEAD"), (None, "LEAD"), ("LEAD", "CUSTOMER"), ("LEAD", "CUSTOMER")]


async def test_another_system_finds_the_person_by_the_id_of_the_merged_one(house: House):
    into = await house.make("Contact", name="a", external_id="A", external_source="shop")
    other = await house.make("Contact", name="b", external_id="B", external_source="shop")
    await merge(house, into.id, other.id)
    ask = """mutation { contactUpsert(externalId: "B", externalSource: "shop", input: {city: "Tehran"}) {
      created contact { id externalId city } userErrors { message } } }"""
    payload = (await house.ask(ask))["contactUpsert"]
    assert payload == {"created": False, "contact": {"id": into.id, "externalId": "A", "city": "Tehran"}, "userErrors": []}
    await house.ask("mutation ($id: ID!) { contactDelete(id: $id) { userErrors { code } } }", id=into.id)
    assert (await house.ask(ask))["contactUpsert"]["contact"] is None


async def test_a_file_finds_the_person_by_the_id_of_the_merged_one(payvand: Shell, database: Engine):
    payvand("migrate").well()
    people = payvand.folder / "people.csv"
    people.write_text("name,externalId\nSara,A\nS. Ahmadi,B\n")
    payvand("import", "contacts", "people.csv", "--source", "shop").well()
    rows = payvand("export", "contacts", "--format", "jsonl", "--columns", "id,externalId").well().out.splitlines()
    ids = {one["externalId"]: one["id"] for one in map(json.loads, rows)}
    database.query(payvand.url, f"UPDATE contact SET merged_into_id = '{key(ids['A'])}', deleted_at = created_at WHERE external_id = 'B'")
    people.write_text("name,externalId,city\nSara,A,\nSara,B,Tehran\n")
    told = json.loads(payvand("import", "contacts", "people.csv", "--source", "shop", "--json").well().out)
    assert (told["created"], told["updated"], told["rejected"]) == (0, 1, 0)
    (payvand.folder / "notes.csv").write_text("subject,kind,contact.externalId\nCalled,CALL,B\n")
    told = json.loads(payvand("import", "activities", "notes.csv", "--source", "shop", "--json").well().out)
    assert (told["created"], told["rejected"]) == (1, 0)
    rows = payvand("export", "contacts", "--format", "jsonl", "--columns", "id,externalId,city").well().out.splitlines()
    assert [json.loads(one) for one in rows] == [{"id": ids["A"], "externalId": "A", "city": "Tehran"}]
    rows = payvand("export", "activities", "--format", "jsonl", "--columns", "contact.id").well().out.splitlines()
    assert [json.loads(one) for one in rows] == [{"contact": {"id": ids["A"]}}]


async def test_both_ways_at_once_one_succeeds(house: House):
    for _ in range(6):
        a, b = await house.make("Contact", name="a"), await house.make("Contact", name="b")
        answers = await asyncio.gather(house.ask(MERGE, into=a.id, ids=[b.id]), house.ask(MERGE, into=b.id, ids=[a.id]))
        payloads = [one["contactMerge"] for one in answers]
        [done] = [one for one in payloads if one["contact"]]
        [lost] = [one for one in payloads if not one["contact"]]
        assert [one["code"] for one in lost["userErrors"]] == ["NOT_FOUND"]
        rows = await house.sql("SELECT id FROM contact WHERE id IN ($1, $2) AND deleted_at IS NULL", key(a.id), key(b.id))
        assert [f"contact_{row['id']}" for row in rows] == [done["contact"]["id"]]
    assert await house.sql(ASTRAY) == [], "no circles, and no chains"


async def test_a_ring_of_merges_and_writers_ends(house: House):
    made = [await house.make("Contact", name=f"c{number}") for number in range(6)]
    notes = [await house.make("Activity", kind="NOTE", subject="s", contact_id=one.id) for one in made]
    update = "mutation ($rows: [ActivityBulkUpdateInput!]!) { activityBulkUpdate(inputs: $rows) { results { userErrors { message } } } }"
    create = """mutation ($id: ID!) {
      activityCreate(input: {kind: "NOTE", subject: "n", contactId: $id}) { activity { id } userErrors { code } } }"""
    asked: list[Any] = []
    for number, one in enumerate(made):
        asked.append(house.ask(MERGE, into=one.id, ids=[made[(number + 1) % 6].id, made[(number + 2) % 6].id]))
        rows = [{"id": note.id, "input": {"body": f"{number}"}} for note in (notes if number % 2 else notes[::-1])]
        asked.append(house.ask(update, rows=rows))
        asked.append(house.ask(create, id=one.id))
    answers = await asyncio.gather(*asked)
    payloads = [one["contactMerge"] for one in answers if "contactMerge" in one]
    assert any(one["contact"] for one in payloads)
    assert {error["code"] for one in payloads for error in one["userErrors"]} <= {"NOT_FOUND"}
    assert await house.sql(ASTRAY) == []
    await gathered(house)
    left = await house.sql("SELECT a.id FROM activity a JOIN contact c ON c.id = a.contact_id WHERE c.deleted_at IS NOT NULL")
    assert left == [], "what was written meanwhile came after"


async def gathered(house: House) -> None:
    """Do the jobs that merges have asked for."""
    for row in await Job.filter(name=GATHER):
        await gather(Run(house.crm, SYSTEM, id=row.id, name=row.name, attempt=1, key=None, holder=""), **row.arguments)


async def test_the_same_request_again_is_answered_as_before(house: House):
    into, other = await house.make("Contact", name="a"), await house.make("Contact", name="b")
    body = {"query": MERGE, "variables": {"into": into.id, "ids": [other.id]}}
    dry = {**body, "variables": {**body["variables"], "dry": True}}
    tried = await house.client.post("/graphql", json=dry, headers={"Idempotency-Key": "merge-0"})
    assert tried.json()["data"]["contactMerge"]["userErrors"] == []
    first, second = [await house.client.post("/graphql", json=body, headers={"Idempotency-Key": "merge-1"}) for _ in range(2)]
    assert first.json()["data"]["contactMerge"]["contact"] == {"id": into.id, "name": "a", "version": 2}
    assert second.json()["data"] == first.json()["data"]
    assert await house.sql("SELECT count(*) AS n FROM event WHERE name = 'contact.merged'") == [{"n": 1}]


async def test_who_is_erased_is_erased_with_all_that_was_merged(house: House):
    for asked in (0, 1):
        into = await house.make("Contact", name=f"mark1x{asked}", emails=[{"address": "mark2x@example.com"}])
        other = await house.make("Contact", name=f"mark3x{asked}", city="mark4x", external_id=f"mark5x{asked}",
                                 emails=[{"address": "MARK2x@example.com"}, {"address": "mark6x@example.com"}])  # fmt: skip
        await house.make("Activity", kind="NOTE", subject="mark7x", contact_id=other.id)
        await merge(house, into.id, other.id)
        told = (await house.ask("query ($id: ID!) { personalData(contactId: $id) }", id=(into, other)[asked].id))["personalData"]
        assert (told["contact"]["id"], [one["name"] for one in told["mergedContacts"]]) == (into.id, [f"mark3x{asked}"])
        assert len(told["activities"]) == 1
        erase = "mutation ($id: ID!) { contactErase(id: $id) { contact { id name } userErrors { message } } }"
        payload = (await house.ask(erase, id=(into, other)[asked].id))["contactErase"]
        assert payload == {"contact": {"id": into.id, "name": "erased"}, "userErrors": []}
        for table in ("contact", "contact_email", "activity", "event_values"):
            rows = str(await house.sql(f"SELECT * FROM {table}"))
            assert "mark" not in rows.lower(), table
    assert await total(house, "contact") == 4


async def test_rows_of_plugins_move_as_far_as_they_can(club: House):
    into, first, second = [await club.make("Contact", name=name) for name in "abc"]
    await club.make("Card", number="1", contact_id=second.id)
    for one, balance in ((into, 1), (first, 20), (second, 300)):
        await club.make("Account", balance=balance, contact_id=one.id)
        await club.make("Entry", points=balance, contact_id=one.id)
        await club.sql(f"INSERT INTO club_secret (id, text, contact_id) VALUES ('{key(one.id)}', 's', '{key(one.id)}')")
    await club.make("Seat", evening="first", contact_id=into.id)
    await club.make("Seat", evening="second", contact_id=first.id)
    await club.make("Meeting", host_id=first.id, guest_id=second.id)
    payload = await merge(club, into.id, first.id, second.id)
    moved = {one["resource"]: one["count"] for one in payload["moved"]}
    assert moved == {"card": 1, "lifecycleChange": 2, "meeting": 2, "seat": 1}
    shown = await club.ask(
        """query ($id: ID!) { contact(id: $id) { card { number version } account { balance } entries { nodes { points } }
          seats { totalCount } hosted { totalCount } visited { totalCount } } }""",
        id=into.id,
    )
    assert shown["contact"] == {
        "card": {"number": "1", "version": 2}, "account": {"balance": 321}, "entries": {"nodes": [{"points": 1}]},
        "seats": {"totalCount": 2}, "hosted": {"totalCount": 1}, "visited": {"totalCount": 1},
    }  # fmt: skip
    assert await club.sql("SELECT DISTINCT contact_id FROM club_secret WHERE contact_id <> $1", key(into.id)) == []
    assert await total(club, "club_entry") == 3


async def test_what_cannot_be_together_is_refused_by_name(club: House):
    into, other = [await club.make("Contact", name=name) for name in "ab"]
    for one in (into, other):
        await club.make("Card", number="1", contact_id=one.id)
    for dry in (True, False):
        error = await refused(club, into.id, other.id, dry=dry)
        assert (error["field"], error["code"], "Card" in error["message"]) == (None, "CONFLICT", True)
    third, fourth = [await club.make("Contact", name=name) for name in "cd"]
    for one in (third, fourth):
        await club.make("Seat", evening="first", contact_id=one.id)
    assert "a Seat with the same evening" in (await refused(club, third.id, fourth.id))["message"]
    assert await club.sql("SELECT count(*) AS n FROM contact WHERE deleted_at IS NOT NULL") == [{"n": 0}]


async def test_a_plugin_that_refuses_or_breaks_undoes_all(club: House):
    other = await club.make("Contact", name="other", city="Tehran")
    into = await club.make("Contact", name="refuse")
    error = await refused(club, into.id, other.id)
    assert (error["code"], error["message"]) == ("REFUSED", "club keeps them apart")
    into = await club.make("Contact", name="break")
    _, errors = await club.answer(MERGE, into=into.id, ids=[other.id])
    assert errors[0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert "secret" not in str(errors)
    assert await club.sql("SELECT count(*) AS n FROM contact WHERE version > 1") == [{"n": 0}]


TABLES = ("contact", "contact_email", "contact_phone", "contact_tag", "lifecycle_change", "deal", "activity")


async def test_nothing_is_lost_and_nothing_is_made(house: House):
    await stages(house)
    tags = [await house.make("Tag", name=f"t{number}") for number in range(3)]

    async def check(people: list[dict[str, Any]]) -> None:
        made = []
        for one in people:
            contact = await house.make(
                "Contact", name="x", city=one["city"], emails=[{"address": f"{mail}@example.com"} for mail in one["mails"]],
                tag_ids=[tags[number].id for number in one["tags"]],
            )  # fmt: skip
            for _ in range(one["deals"]):
                await house.make("Deal", title="d", contact_id=contact.id)
            for _ in range(one["notes"]):
                await house.make("Activity", kind="NOTE", subject="s", contact_id=contact.id)
            made.append(contact.id)
        before = {table: await total(house, table) for table in TABLES}
        payload = await merge(house, *made)
        assert {table: await total(house, table) for table in TABLES} == before
        shown = await house.ask(
            "query ($id: ID!) { contact(id: $id) { city emails { address } tags { id } deals { totalCount } activities { totalCount } } }",
            id=made[0],
        )
        mails = list(dict.fromkeys(f"{mail}@example.com" for one in people for mail in one["mails"]))
        assert [one["address"] for one in shown["contact"]["emails"]] == mails
        assert {one["id"] for one in shown["contact"]["tags"]} == {tags[number].id for one in people for number in one["tags"]}
        assert shown["contact"]["deals"]["totalCount"] == sum(one["deals"] for one in people)
        assert shown["contact"]["activities"]["totalCount"] == sum(one["notes"] for one in people)
        assert shown["contact"]["city"] == next((one["city"] for one in people if one["city"]), None)
        moved = {one["resource"]: one["count"] for one in payload["moved"]}
        assert moved.get("deal", 0) == sum(one["deals"] for one in people[1:])

    person = st.fixed_dictionaries(
        {
            "city": st.sampled_from([None, "Shiraz", "Tehran"]), "mails": st.lists(st.sampled_from("abc"), unique=True, max_size=3),
            "tags": st.lists(st.integers(0, 2), unique=True, max_size=2), "deals": st.integers(0, 2), "notes": st.integers(0, 2),
        }
    )  # fmt: skip
    await for_all(check, st.lists(person, min_size=2, max_size=4), share=0.4)
