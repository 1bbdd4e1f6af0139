"""Many writers at once: each write happens once or not at all, and nobody waits for ever."""

import asyncio
from collections import Counter
from typing import Any

from tests.house import House

UPDATE = """mutation ($id: ID!, $input: ContactUpdateInput!, $version: Int) {
  contactUpdate(id: $id, input: $input, expectedVersion: $version) { contact { version } userErrors { field code } }
}"""


async def at_once(house: House, *asked: tuple[str, dict[str, Any]]) -> list[Any]:
    """The payloads of mutations that are sent together."""
    answers = await asyncio.gather(*(house.ask(document, **variables) for document, variables in asked))
    return [next(iter(answer.values())) for answer in answers]


async def test_of_updates_that_expect_one_version_exactly_one_wins(house: House):
    contact = await house.make("Contact", name="c")
    asked = [(UPDATE, {"id": contact.id, "input": {"city": f"city {number}"}, "version": 1}) for number in range(12)]
    payloads = await at_once(house, *asked)
    assert [payload["contact"] for payload in payloads if payload["contact"]] == [{"version": 2}]
    lost = [payload["userErrors"] for payload in payloads if not payload["contact"]]
    assert lost == [[{"field": ["expectedVersion"], "code": "CONFLICT"}]] * 11
    assert await house.sql("SELECT count(*) AS n FROM event WHERE name = 'contact.updated'") == [{"n": 1}]


async def test_no_update_is_lost(house: House):
    contact = await house.make("Contact", name="c")
    fields = ["city", "region", "street", "jobTitle", "source", "description", "givenName", "familyName"]
    payloads = await at_once(house, *((UPDATE, {"id": contact.id, "input": {field: field}}) for field in fields))
    assert sorted(payload["contact"]["version"] for payload in payloads) == list(range(2, 10))
    data = await house.ask(f"{{ contacts {{ nodes {{ version {' '.join(fields)} }} }} }}")
    assert data["contacts"]["nodes"] == [{"version": 9, **{field: field for field in fields}}]


async def test_upserts_of_one_external_id_make_one_record(house: House):
    ask = """mutation ($name: String) { contactUpsert(externalId: "5", externalSource: "shop", input: {name: $name}) {
      created contact { id } userErrors { field code message } } }"""
    payloads = await at_once(house, *((ask, {"name": f"n{number}"}) for number in range(12)))
    assert [payload["userErrors"] for payload in payloads] == [[]] * 12
    assert Counter(payload["created"] for payload in payloads) == {True: 1, False: 11}
    assert len({payload["contact"]["id"] for payload in payloads}) == 1
    assert await house.sql("SELECT version FROM contact") == [{"version": 12}]


async def test_a_word_that_must_be_unique_is_given_to_one(house: House):
    ask = "mutation ($name: String!) { tagCreate(input: {name: $name}) { tag { id } userErrors { field code } } }"
    payloads = await at_once(house, *((ask, {"name": name}) for name in ("vip", "VIP", " Vip", "vip ") * 3))
    assert len([payload for payload in payloads if payload["tag"]]) == 1
    assert [payload["userErrors"] for payload in payloads if not payload["tag"]] == [[{"field": ["input", "name"], "code": "TAKEN"}]] * 11


async def test_writers_of_many_records_in_opposite_orders_all_come_through(house: House):
    made = [await house.make("Contact", name=f"c{number}") for number in range(8)]
    ask = """mutation ($rows: [ContactBulkUpdateInput!]!) { contactBulkUpdate(inputs: $rows) {
      results { userErrors { message } } userErrors { message } } }"""
    asked = []
    for number in range(10):
        rows = [{"id": contact.id, "input": {"city": f"{number}"}} for contact in (made if number % 2 else made[::-1])]
        asked.append((ask, {"rows": rows}))
    for payload in await at_once(house, *asked):
        assert payload == {"results": [{"userErrors": []}] * 8, "userErrors": []}
    assert await house.sql("SELECT DISTINCT version FROM contact") == [{"version": 11}]


async def test_who_ties_records_and_who_writes_them_come_through_together(house: House):
    made = [await house.make("Contact", name=f"c{number}") for number in range(8)]
    update = "mutation ($rows: [ContactBulkUpdateInput!]!) { contactBulkUpdate(inputs: $rows) { results { userErrors { message } } } }"
    create = "mutation ($rows: [ActivityCreateInput!]!) { activityBulkCreate(inputs: $rows) { results { userErrors { message } } } }"
    asked: list[tuple[str, dict[str, Any]]] = []
    for number in range(5):
        asked.append((update, {"rows": [{"id": one.id, "input": {"city": f"{number}"}} for one in made]}))
        asked.append((create, {"rows": [{"kind": "NOTE", "subject": "s", "contactId": one.id} for one in made[::-1]]}))
    for payload in await at_once(house, *asked):
        assert payload == {"results": [{"userErrors": []}] * 8}


async def test_an_update_and_a_delete_come_one_after_the_other(house: House):
    delete = "mutation ($id: ID!) { contactDelete(id: $id) { contact { version } userErrors { field code } } }"
    for number in range(5):
        contact = await house.make("Contact", name="c")
        asked = [(UPDATE, {"id": contact.id, "input": {"city": f"{number} {step}"}}) for step in range(3)]
        *updates, deleted = await at_once(house, *asked, (delete, {"id": contact.id}))
        done = [payload for payload in updates if payload["contact"]]
        assert deleted == {"contact": {"version": len(done) + 2}, "userErrors": []}
        for payload in updates:
            assert payload in done or payload == {"contact": None, "userErrors": [{"field": ["id"], "code": "NOT_FOUND"}]}


async def test_a_record_is_deleted_once(house: House):
    contact = await house.make("Contact", name="c")
    ask = "mutation ($id: ID!) { contactDelete(id: $id) { contact { id } userErrors { code } } }"
    payloads = await at_once(house, *[(ask, {"id": contact.id})] * 8)
    assert Counter(bool(payload["contact"]) for payload in payloads) == {True: 1, False: 7}
    assert await house.sql("SELECT count(*) AS n FROM event WHERE name = 'contact.deleted'") == [{"n": 1}]


async def test_parts_that_are_given_by_many_are_those_of_one(house: House):
    contact = await house.make("Contact", name="c", emails=[{"address": "old@example.com"}])
    asked = [
        (UPDATE, {"id": contact.id, "input": {"emails": [{"address": f"{number}{part}@example.com"} for part in "ab"]}})
        for number in range(6)
    ]
    assert all(payload["contact"] for payload in await at_once(house, *asked))
    data = await house.ask("{ contacts { nodes { version emails { address } } } contactEmails { totalCount } }")
    assert data["contactEmails"] == {"totalCount": 2}
    first, second = (one["address"] for one in data["contacts"]["nodes"][0]["emails"])
    assert (first[0], first[1], second[1]) == (second[0], "a", "b")


async def test_steps_that_are_taken_at_once_make_one_way(house: House):
    pipeline = await house.make("Pipeline", name="p")
    stages = [await house.make("Stage", name=f"s{number}", pipeline_id=pipeline.id, position=number) for number in range(5)]
    deal = await house.make("Deal", title="d")
    ask = "mutation ($id: ID!, $stage: ID!) { dealUpdate(id: $id, input: {stageId: $stage}) { deal { id } userErrors { message } } }"
    await at_once(house, *((ask, {"id": deal.id, "stage": stage.id}) for stage in stages))
    data = await house.ask(
        "{ deals { nodes { stage { id } stageChanges(orderBy: [{field: CHANGED_AT}]) { nodes { fromStage { id } toStage { id } } } } } }"
    )
    (one,) = data["deals"]["nodes"]
    steps = one["stageChanges"]["nodes"]
    assert [step["fromStage"] for step in steps] == [None, *(step["toStage"] for step in steps[:-1])]
    assert steps[-1]["toStage"] == one["stage"]
