"""What comes back from a write that is refused, and what a write leaves behind."""

import json
from typing import Any

import pytest

from tests.house import House

ERRORS = "userErrors { field code message }"
CONTACT = "id version emails { id address label } phones { id number } tags { id name }"


async def contact_update(house: House, identity: str, **given: Any) -> Any:
    document = f"""mutation ($id: ID!, $input: ContactUpdateInput!) {{
        contactUpdate(id: $id, input: $input) {{ contact {{ {CONTACT} }} {ERRORS} }} }}"""
    payload = (await house.ask(document, id=identity, input=given))["contactUpdate"]
    assert payload["userErrors"] == []
    return payload["contact"]


async def refused(house: House, mutation: str, kind: str, given: Any) -> list[tuple[list[str] | None, str]]:
    """The paths and the codes of the user errors."""
    name = mutation.split("(")[0].split()[-1]
    payload = (await house.ask(f"mutation ($input: {kind}) {{ {mutation} {{ {ERRORS} }} }}", input=given))[name]
    assert all(error["message"] for error in payload["userErrors"])
    return [(error["field"], error["code"]) for error in payload["userErrors"]]


async def events(house: House) -> list[tuple[str, Any]]:
    return [(row["name"], row["changed"]) for row in await house.sql("SELECT name, changed FROM event ORDER BY position")]


@pytest.mark.parametrize(
    ("mutation", "kind", "given", "fields"),
    [
        ("contactCreate(input: $input)", "ContactCreateInput!", {}, [["input", "name"]]),
        ("contactCreate(input: $input)", "ContactCreateInput!", {"name": " "}, [["input", "name"]]),
        ("contactCreate(input: $input)", "ContactCreateInput!", {"name": "a", "birthDate": "2999-01-01"}, [["input", "birthDate"]]),
        ("contactCreate(input: $input)", "ContactCreateInput!", {"name": "a", "emails": [{"address": "a@b.com"}, {"address": "x"}]},
         [["input", "emails", "1", "address"]]),
        ("contactCreate(input: $input)", "ContactCreateInput!",
         {"name": "a", "phones": [{"number": "x"}]}, [["input", "phones", "0", "number"]]),
        ("contactCreate(input: $input)", "ContactCreateInput!",
         {"name": "a", "emails": [{"address": " "}]}, [["input", "emails", "0", "address"]]),
        ("contactCreate(input: $input)", "ContactCreateInput!", {"name": "a" * 201, "jobTitle": "j" * 121},
         [["input", "name"], ["input", "jobTitle"]]),
        ("contactCreate(input: $input)", "ContactCreateInput!", {"name": "a", "companyId": "contact_x"}, [["input", "companyId"]]),
        ("contactCreate(input: $input)", "ContactCreateInput!", {"name": "a", "tagIds": ["x"]}, [["input", "tagIds", "0"]]),
        ("contactCreate(input: $input)", "ContactCreateInput!",
         {"name": "a", "companyId": "company_0190a8f2-0000-7000-8000-000000000000"}, [["input", "companyId"]]),
        ("contactCreate(input: $input)", "ContactCreateInput!",
         {"name": "a", "tagIds": ["tag_0190a8f2-0000-7000-8000-000000000000"]}, [["input", "tagIds"]]),
        ("dealCreate(input: $input)", "DealCreateInput!",
         {"title": "a", "lines": [{"productId": "x"}]}, [["input", "lines", "0", "productId"]]),
        ("dealCreate(input: $input)", "DealCreateInput!",
         {"title": "a", "lines": [{"quantity": "1"}]}, [["input", "lines", "0", "productId"]]),
        ("dealCreate(input: $input)", "DealCreateInput!",
         {"title": "a", "lines": [{"productId": "product_0190a8f2-0000-7000-8000-000000000000"}]}, [["input", "lines", "0", "productId"]]),
        ("dealCreate(input: $input)", "DealCreateInput!",
         {"title": "a", "lines": [{"productId": None}]}, [["input", "lines", "0", "productId"]]),
        ("dealCreate(input: $input)", "DealCreateInput!", {"title": "a", "stageId": None}, [["input", "stageId"]]),
        ("stageCreate(input: $input)", "StageCreateInput!", {"name": "a"}, [["input", "pipelineId"]]),
        ("stageCreate(input: $input)", "StageCreateInput!", {"name": "a", "probability": "1.5"}, [["input", "probability"]]),
        ("activityCreate(input: $input)", "ActivityCreateInput!", {"kind": "DANCE", "subject": "s"}, [["input", "kind"]]),
        ("productCreate(input: $input)", "ProductCreateInput!",
         {"name": "p", "price": {"amount": "-1", "currency": "EUR"}}, [["input", "price"]]),
        ("companyCreate(input: $input)", "CompanyCreateInput!", {"name": "c", "employees": -1}, [["input", "employees"]]),
        ("companyCreate(input: $input)", "CompanyCreateInput!", {"name": "c", "domain": "no domain"}, [["input", "domain"]]),
        ("userCreate(input: $input)", "UserCreateInput!", {"name": "u", "email": "u"}, [["input", "email"]]),
        ('contactDelete(id: "x")', "Int", None, [["id"]]),
        ('contactDelete(id: "deal_0190a8f2-0000-7000-8000-000000000000")', "Int", None, [["id"]]),
        ('contactRestore(id: "x")', "Int", None, [["id"]]),
        ('contactUpsert(externalId: " ", input: {name: "a"})', "Int", None, [["externalId"]]),
        ('contactUpsert(externalId: "", input: {name: "a"})', "Int", None, [["externalId"]]),
    ],
)  # fmt: skip
async def test_a_refusal_names_the_path_to_each_value(shared_house: House, mutation: str, kind: str, given: Any, fields: list[list[str]]):
    pipeline = await shared_house.make("Pipeline", name="p")
    await shared_house.make("Stage", name="s", pipeline_id=pipeline.id)
    before = await shared_house.sql("SELECT count(*) AS n FROM event")
    name = mutation.split("(")[0]
    declared = f"($input: {kind})" if "$input" in mutation else ""
    payload = (await shared_house.ask(f"mutation {declared} {{ {mutation} {{ {ERRORS} }} }}", **({"input": given} if declared else {})))[
        name
    ]
    assert [error["field"] for error in payload["userErrors"]] == fields
    assert {error["code"] for error in payload["userErrors"]} <= {"INVALID", "NOT_FOUND"}
    assert await shared_house.sql("SELECT count(*) AS n FROM event") == before


async def test_what_is_unique_is_taken_only_once(house: House):
    await house.make("Tag", name="مشتري")
    await house.make("Product", name="p", sku="1")
    await house.make("User", name="u", email="U@example.com")
    for mutation, kind, given, field in (
        ("tagCreate(input: $input)", "TagCreateInput!", {"name": " مشتری "}, "name"),
        ("productCreate(input: $input)", "ProductCreateInput!", {"name": "q", "sku": "1"}, "sku"),
        ("userCreate(input: $input)", "UserCreateInput!", {"name": "v", "email": "u@EXAMPLE.com"}, "email"),
    ):
        assert await refused(house, mutation, kind, given) == [(["input", field], "TAKEN")]


async def test_an_external_id_is_unique_within_its_source(house: House):
    await house.make("Team", name="a", external_id="1")
    await house.make("Team", name="b", external_id="1", external_source="sap")
    given = {"name": "c", "externalId": "1", "externalSource": "sap"}
    assert await refused(house, "teamCreate(input: $input)", "TeamCreateInput!", given) == [(["input", "externalId"], "TAKEN")]


async def test_an_upsert_knows_its_record_however_its_id_is_padded(house: House):
    upsert = 'teamUpsert(externalId: $id, input: {name: "t"}) { created team { id externalId } userErrors { message } }'
    ask = f"mutation ($id: String!) {{ {upsert} }}"
    first, second = [(await house.ask(ask, id=identity))["teamUpsert"] for identity in ("5", " 5 ")]
    assert (first["created"], second["created"]) == (True, False)
    assert first["team"] == second["team"]


async def test_an_upsert_of_a_deleted_record_says_so(house: House):
    ask = 'mutation { teamUpsert(externalId: "5", input: {name: "t"}) { created team { id } userErrors { field code } } }'
    team = (await house.ask(ask))["teamUpsert"]["team"]
    await house.ask("mutation ($id: ID!) { teamDelete(id: $id) { team { id } } }", id=team["id"])
    refusal = {"created": None, "team": None, "userErrors": [{"field": ["externalId"], "code": "TAKEN"}]}
    assert (await house.ask(ask))["teamUpsert"] == refusal


async def test_parts_that_stay_keep_their_ids(house: House):
    addresses = [{"address": "a@example.com", "label": "work"}, {"address": "b@example.com"}]
    contact = await house.make("Contact", returning=CONTACT, name="c", emails=addresses, phones=[{"number": "+989121234567"}])
    changed = await contact_update(house, contact.id, emails=[*addresses, {"address": "c@example.com"}])
    assert changed["emails"][:2] == contact.emails
    assert changed["phones"] == contact.phones
    fewer = await contact_update(house, contact.id, emails=addresses[:1])
    assert fewer["emails"] == contact.emails[:1]
    assert (await contact_update(house, contact.id, emails=[], phones=None))["phones"] == []


async def test_parts_come_in_the_order_that_was_given(house: House):
    addresses = [{"address": f"{name}@example.com"} for name in "cab"]
    contact = await house.make("Contact", returning=CONTACT, name="c", emails=addresses)
    assert [one["address"] for one in contact.emails] == ["c@example.com", "a@example.com", "b@example.com"]
    turned = await contact_update(house, contact.id, emails=addresses[::-1])
    assert [one["address"] for one in turned["emails"]] == ["b@example.com", "a@example.com", "c@example.com"]


async def test_tags_are_set_as_a_whole_and_told_once(house: House):
    vip, old = await house.make("Tag", name="vip"), await house.make("Tag", name="old")
    contact = await house.make("Contact", returning=CONTACT, name="c", tag_ids=[vip.id, vip.id])
    assert [tag["name"] for tag in contact.tags] == ["vip"]
    assert [tag["name"] for tag in (await contact_update(house, contact.id, tagIds=[old.id, vip.id]))["tags"]] == ["vip", "old"]
    same = await contact_update(house, contact.id, tagIds=[vip.id, old.id])
    assert same["version"] == 2
    assert (await contact_update(house, contact.id, tagIds=[]))["tags"] == []


async def test_each_write_is_one_event_with_what_changed(house: House):
    contact = await house.make("Contact", name="ب", city="a", emails=[{"address": "a@example.com"}])
    await contact_update(house, contact.id, city="b", name="ب")
    await contact_update(house, contact.id, city=" b ")
    await contact_update(house, contact.id, emails=[{"address": "a@example.com"}])
    await contact_update(house, contact.id, lifecycleStage="CUSTOMER", emails=[])
    await house.ask(
        "mutation ($id: ID!) { contactDelete(id: $id) { contact { id } } contactRestore(id: $id) { contact { id } } }", id=contact.id
    )
    await house.ask("mutation ($id: ID!) { contactRestore(id: $id) { contact { id } } }", id=contact.id)
    names = [row["name"] for row in await house.sql("SELECT name FROM event ORDER BY position")]
    assert names == ["contact.created", "contact.updated", "contact.updated", "contact.deleted", "contact.restored"]
    rows = await house.sql(
        "SELECT v.before, v.after, e.actor, e.request_id FROM event e JOIN event_values v ON v.event_id = e.id"
        " WHERE e.name = $1 ORDER BY e.position",
        "contact.updated",
    )
    decoded = [(_json(row["before"]), _json(row["after"])) for row in rows]
    assert decoded[0] == ({"city": "a"}, {"city": "b"})
    assert decoded[1][0] == {"lifecycle_stage": "LEAD", "emails": [{"address": "a@example.com", "label": None}]}
    assert decoded[1][1] == {"lifecycle_stage": "CUSTOMER", "emails": []}
    assert all(row["actor"].startswith("key ") and row["request_id"] for row in rows)


async def test_a_refused_write_leaves_no_event_and_no_record(house: House):
    given = {"title": "d", "lines": [{"quantity": "1"}]}
    assert await refused(house, "dealCreate(input: $input)", "DealCreateInput!", given)
    assert await house.sql("SELECT count(*) AS n FROM event") == [{"n": 0}]
    assert await house.ask("{ deals { totalCount } }") == {"deals": {"totalCount": 0}}


BULK = """mutation ($rows: [TagCreateInput!]!, $policy: ErrorPolicy!) {
  tagBulkCreate(inputs: $rows, errorPolicy: $policy) {
    results { index node { name } userErrors { field code } } userErrors { field code }
  }
}"""
ROWS = [{"name": "a"}, {"name": " "}, {"name": "A"}, {"name": "b"}]
REFUSED = {
    1: [{"field": ["inputs", "1", "name"], "code": "INVALID"}],
    2: [{"field": ["inputs", "2", "name"], "code": "TAKEN"}],
}


async def test_of_many_rows_only_the_good_ones_are_written_when_asked_so(house: House):
    payload = (await house.ask(BULK, rows=ROWS, policy="REJECT_FAILED_ROWS"))["tagBulkCreate"]
    assert payload["results"] == [
        {"index": index, "node": None if index in REFUSED else {"name": row["name"]}, "userErrors": REFUSED.get(index, [])}
        for index, row in enumerate(ROWS)
    ]
    assert {row["name"] for row in await house.sql("SELECT name FROM tag")} == {"a", "b"}
    assert [name for name, _ in await events(house)] == ["tag.created", "tag.created"]


async def test_of_many_rows_none_is_written_when_one_is_refused(house: House):
    payload = (await house.ask(BULK, rows=ROWS, policy="REJECT_EVERYTHING"))["tagBulkCreate"]
    assert payload["results"] == [{"index": index, "node": None, "userErrors": REFUSED.get(index, [])} for index in range(4)]
    assert await house.sql("SELECT name FROM tag") == []
    assert await events(house) == []


async def test_the_rows_of_many_are_refused_under_their_own_paths(house: House):
    tag = await house.make("Tag", name="t")
    nobody = "tag_0190a8f2-0000-7000-8000-000000000000"
    updates = [
        {"id": "x", "input": {}},
        {"id": nobody, "input": {}},
        {"id": tag.id, "expectedVersion": 7, "input": {}},
        {"id": tag.id, "expectedVersion": 0, "input": {}},
        {"id": tag.id, "input": {"name": ""}},
    ]
    errors = "results { index userErrors { field code } }"
    data = await house.ask(
        f"mutation ($rows: [TagBulkUpdateInput!]!, $ids: [ID!]!) {{ tagBulkUpdate(inputs: $rows) {{ {errors} }}"
        f" tagBulkDelete(ids: $ids) {{ {errors} }} }}",
        rows=updates,
        ids=["x", nobody, tag.id],
    )
    assert [one["userErrors"] for one in data["tagBulkUpdate"]["results"]] == [
        [{"field": ["inputs", "0", "id"], "code": "NOT_FOUND"}],
        [{"field": ["inputs", "1", "id"], "code": "NOT_FOUND"}],
        [{"field": ["inputs", "2", "expectedVersion"], "code": "CONFLICT"}],
        [{"field": ["inputs", "3", "expectedVersion"], "code": "CONFLICT"}],
        [{"field": ["inputs", "4", "input", "name"], "code": "INVALID"}],
    ]
    assert [one["userErrors"] for one in data["tagBulkDelete"]["results"]] == [
        [{"field": ["ids", "0"], "code": "NOT_FOUND"}],
        [{"field": ["ids", "1"], "code": "NOT_FOUND"}],
        [],
    ]


@pytest.mark.settings(limits={"bulk": 2})
async def test_more_rows_than_the_limit_are_refused_as_a_whole(house: House):
    payload = (await house.ask(BULK, rows=[{"name": name} for name in "abc"], policy="REJECT_FAILED_ROWS"))["tagBulkCreate"]
    assert payload == {"results": [], "userErrors": [{"field": ["inputs"], "code": "INVALID"}]}
    assert await house.sql("SELECT name FROM tag") == []


async def test_nobody_has_more_than_two_hundred_parts(shared_house: House):
    emails = [{"address": f"a{number}@example.com"} for number in range(201)]
    given = {"name": "c", "emails": emails}
    assert await refused(shared_house, "contactCreate(input: $input)", "ContactCreateInput!", given) == [(["input", "emails"], "INVALID")]


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
