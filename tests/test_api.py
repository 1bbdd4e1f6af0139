"""What every resource can do, without anybody having written it: the same for all, made from their descriptions."""

import uuid
from typing import Any

import pytest

from core.naming import camel
from core.records.ids import encode
from core.resources import CREATE
from core.standard import resources
from tests.house import House
from tests.samples import Samples, words

EVERY = [resource.key for resource in resources()]
WRITABLE = [resource.key for resource in resources() if CREATE in resource.verbs]
every = pytest.mark.parametrize("key", EVERY)
writable = pytest.mark.parametrize("key", WRITABLE)
ERRORS = "userErrors { field code message }"


@pytest.fixture(scope="module")
async def samples(shared_house: House) -> Samples:
    """Makes records in the house of this module."""
    return Samples(shared_house)


async def test_the_house_has_all_of_these(samples: Samples):
    assert [resource.key for resource in samples.house.crm.resources] == EVERY
    assert samples.writable() == WRITABLE


@writable
async def test_a_record_keeps_all_that_it_is_given(samples: Samples, key: str):
    values = await samples.values(key)
    record = await samples.created(key, values)
    resource = samples.resource(key)
    parts, links = samples.house.crm.resources.parts(resource), {camel(one.ids): camel(one.name) for one in resource.linked.values()}
    relations = {camel(one.attr): camel(name) for name, one in resource.to_one.items()}
    for name, given in values.items():
        if name in links:
            assert [one["id"] for one in record[links[name]]] == given
        elif name in relations:
            assert record[relations[name]] == {"id": given}
        elif name in map(camel, parts):
            assert len(record[name]) == len(given)
        else:
            assert record[name] == given, name
    assert record["version"] == 1
    assert record["createdAt"] == record["updatedAt"]
    assert record["deletedAt"] is None


@writable
async def test_a_record_is_found_by_its_id_in_lists_and_as_a_node(samples: Samples, key: str):
    resource, identity = samples.resource(key), await samples.make(key)
    fields, plural = samples.fields(key), camel(resource.plural)
    data = await samples.house.ask(
        f"query ($id: ID!) {{ one: {key}(id: $id) {{ {fields} }}"
        f" many: {plural}(where: {{id: {{eq: $id}}}}) {{ nodes {{ {fields} }} edges {{ cursor node {{ id }} }} totalCount }}"
        f" node(id: $id) {{ id __typename ... on {resource.name} {{ {fields} }} }}"
        f" nodes(ids: [$id]) {{ ... on {resource.name} {{ {fields} }} }} }}",
        id=identity,
    )
    assert data["one"]["id"] == identity
    assert data["many"]["nodes"] == data["nodes"] == [data["one"]]
    assert data["many"]["totalCount"] == 1
    assert data["many"]["edges"][0]["node"] == {"id": identity}
    assert data["node"] == {**data["one"], "__typename": resource.name}


@every
async def test_a_page_of_any_list_can_be_asked_for(samples: Samples, key: str):
    await samples.make("contact")
    await samples.make("deal")
    resource = samples.resource(key)
    plural = camel(resource.plural)
    page = (
        await samples.house.ask(
            f"{{ {plural}(first: 1) {{ nodes {{ {samples.fields(key)} }} edges {{ cursor }} totalCount totalCountIsExact"
            " pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"
        )
    )[plural]
    assert len(page["nodes"]) <= 1 <= page["totalCount"] or (page["nodes"], page["totalCount"]) == ([], 0)
    assert page["totalCountIsExact"] is True
    assert page["pageInfo"]["hasNextPage"] is (page["totalCount"] > 1)
    assert page["pageInfo"]["startCursor"] == next((edge["cursor"] for edge in page["edges"]), None)


@every
async def test_an_aggregate_counts_what_the_list_has(samples: Samples, key: str):
    await samples.make("deal")
    resource = samples.resource(key)
    plural = camel(resource.plural)
    data = await samples.house.ask(f"{{ {plural} {{ totalCount }} {plural}Aggregate {{ count }} }}")
    assert data[f"{plural}Aggregate"] == [{"count": data[plural]["totalCount"]}]


@every
@pytest.mark.parametrize("field", ["one", "node"])
async def test_an_id_of_nothing_is_not_found(samples: Samples, key: str, field: str):
    identity = encode(samples.resource(key), uuid.UUID("0190a8f2-0000-7000-8000-000000000000"))
    data, errors = await samples.house.answer(f"query ($id: ID!) {{ {key if field == 'one' else 'node'}(id: $id) {{ id }} }}", id=identity)
    assert list(data.values()) == [None]
    assert [error["extensions"]["code"] for error in errors] == ["NOT_FOUND"]
    assert await samples.house.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[identity]) == {"nodes": [None]}


@every
async def test_an_id_of_another_type_is_a_clear_error(samples: Samples, key: str):
    other = await samples.one("team" if key != "team" else "tag")
    data, errors = await samples.house.answer(f"query ($id: ID!) {{ {key}(id: $id) {{ id }} }}", id=other)
    assert data == {key: None}
    assert errors[0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert "is the id of another type" in errors[0]["extensions"]["fields"]["id"]


@writable
async def test_an_update_changes_what_it_names_and_counts_the_version(samples: Samples, key: str):
    identity = await samples.make(key)
    resource, before = samples.resource(key), await read(samples, key, identity)
    field = camel(resource.natural[-1])
    other = words()
    changed = (await write(samples, key, "Update", id=identity, input={field: other}))[camel(resource.snake)]
    assert changed == {**before, field: other, "version": 2, "updatedAt": changed["updatedAt"]}
    assert changed["updatedAt"] > before["updatedAt"]
    assert await read(samples, key, identity) == changed


@writable
async def test_an_upsert_makes_a_record_once_and_then_changes_it(samples: Samples, key: str):
    values = unique(await samples.values(key))
    identity, field, other_words = f"{key}-77", camel(samples.resource(key).natural[-1]), words()
    first = await write(samples, key, "Upsert", externalId=identity, externalSource="sap", input=values)
    second = await write(samples, key, "Upsert", externalId=identity, externalSource="sap", input={**values, field: other_words})
    other = await write(samples, key, "Upsert", externalId=identity, externalSource="odoo", input=unique(await samples.values(key)))
    made, changed = first[key], second[key]
    assert (first["created"], second["created"], other["created"]) == (True, False, True)
    assert (made["externalId"], made["externalSource"]) == (identity, "sap")
    assert (changed["id"], changed[field], changed["version"]) == (made["id"], other_words, 2)
    assert other[key]["id"] != made["id"]


@writable
async def test_a_deleted_record_is_gone_until_it_is_restored(samples: Samples, key: str):
    identity, plural = await samples.make(key), camel(samples.resource(key).plural)
    before = await read(samples, key, identity)
    deleted = (await write(samples, key, "Delete", id=identity))[key]
    assert (deleted["id"], deleted["version"], deleted["deletedAt"]) == (identity, 2, deleted["updatedAt"])

    lists = (
        f"{plural}(where: {{id: {{eq: $id}}}}) {{ totalCount nodes {{ id }} }} {plural}Aggregate(where: {{id: {{eq: $id}}}}) {{ count }}"
    )
    hidden, errors = await samples.house.answer(
        f"query ($id: ID!) {{ {key}(id: $id) {{ id }} node(id: $id) {{ id }} nodes(ids: [$id]) {{ id }} {lists} }}", id=identity
    )
    assert [error["extensions"]["code"] for error in errors] == ["NOT_FOUND", "NOT_FOUND"]
    nothing = {plural: {"totalCount": 0, "nodes": []}, f"{plural}Aggregate": [{"count": 0}]}
    assert hidden == {key: None, "node": None, "nodes": [None], **nothing}

    there = lists.replace("}})", "}}, includeDeleted: true)")
    shown = await samples.house.ask(f"query ($id: ID!) {{ {key}(id: $id, includeDeleted: true) {{ id }} {there} }}", id=identity)
    assert shown == {key: {"id": identity}, plural: {"totalCount": 1, "nodes": [{"id": identity}]}, f"{plural}Aggregate": [{"count": 1}]}

    restored = (await write(samples, key, "Restore", id=identity))[key]
    assert restored == {**before, "version": 3, "updatedAt": restored["updatedAt"]}
    assert await read(samples, key, identity) == restored


@writable
@pytest.mark.parametrize("verb", ["Update", "Delete"])
async def test_a_record_that_is_deleted_cannot_be_written(samples: Samples, key: str, verb: str):
    identity = await samples.make(key)
    await write(samples, key, "Delete", id=identity)
    given = {"id": identity, **({"input": {}} if verb == "Update" else {})}
    errors = await refusals(samples, key, verb, **given)
    assert [(error["field"], error["code"]) for error in errors] == [(["id"], "NOT_FOUND")]


@writable
@pytest.mark.parametrize("verb", ["Update", "Delete"])
async def test_a_write_that_expects_another_version_is_refused(samples: Samples, key: str, verb: str):
    identity = await samples.make(key)
    field = camel(samples.resource(key).natural[-1])
    first = words()
    await write(samples, key, "Update", id=identity, expectedVersion=1, input={field: first})
    given = {"id": identity, "expectedVersion": 1, **({"input": {field: words()}} if verb == "Update" else {})}
    errors = await refusals(samples, key, verb, **given)
    assert [(error["field"], error["code"]) for error in errors] == [(["expectedVersion"], "CONFLICT")]
    assert (await read(samples, key, identity))[field] == first


@writable
async def test_an_update_that_changes_nothing_leaves_no_trace(samples: Samples, key: str):
    values = await samples.values(key)
    before = await samples.created(key, values)
    marks = await samples.house.sql("SELECT count(*) AS n FROM event")
    same = (await write(samples, key, "Update", id=before["id"], input=values))[key]
    assert same == before
    assert await samples.house.sql("SELECT count(*) AS n FROM event") == marks


@writable
async def test_many_records_can_be_written_at_once(samples: Samples, key: str):
    resource = samples.resource(key)
    field, rows = camel(resource.natural[-1]), [await samples.values(key) for _ in range(3)]
    made = await bulk(samples, key, "Create", f"[{resource.name}CreateInput!]!", rows)
    assert [one["index"] for one in made] == [0, 1, 2]
    assert [one["node"][field] for one in made] == [row[field] for row in rows]

    changes = [{"id": one["node"]["id"], "expectedVersion": 1, "input": {field: f"bulk {key} {one['index']}"}} for one in made]
    changed = await bulk(samples, key, "Update", f"[{resource.name}BulkUpdateInput!]!", changes)
    assert [(one["node"]["id"], one["node"][field], one["node"]["version"]) for one in changed] == [
        (row["id"], f"bulk {key} {index}", 2) for index, row in enumerate(changes)
    ]

    gone = await bulk(samples, key, "Delete", "[ID!]!", [one["id"] for one in changes])
    assert all(one["node"]["deletedAt"] for one in gone)


async def read(samples: Samples, key: str, identity: str) -> Any:
    """The record as `get` shows it."""
    return (await samples.house.ask(f"query ($id: ID!) {{ {key}(id: $id) {{ {samples.fields(key)} }} }}", id=identity))[key]


async def write(samples: Samples, key: str, verb: str, **given: Any) -> Any:
    """The payload of a mutation that is not refused."""
    payload = await attempt(samples, key, verb, **given)
    assert payload["userErrors"] == []
    return payload


async def refusals(samples: Samples, key: str, verb: str, **given: Any) -> Any:
    """The user errors of a mutation that is refused."""
    payload = await attempt(samples, key, verb, **given)
    assert payload[key] is None
    assert payload["userErrors"]
    return payload["userErrors"]


async def attempt(samples: Samples, key: str, verb: str, **given: Any) -> Any:
    """The payload of a mutation."""
    resource = samples.resource(key)
    kinds = {"id": "ID!", "input": f"{resource.name}{_input(verb)}Input!", "expectedVersion": "Int"}
    kinds |= {"externalId": "String!", "externalSource": "String!"}
    declared = ", ".join(f"${name}: {kinds[name]}" for name in given)
    passed = ", ".join(f"{name}: ${name}" for name in given)
    created = "created" if verb == "Upsert" else ""
    return (
        await samples.house.ask(
            f"mutation ({declared}) {{ {key}{verb}({passed}) {{ {key} {{ {samples.fields(key)} }} {created} {ERRORS} }} }}", **given
        )
    )[f"{key}{verb}"]


async def bulk(samples: Samples, key: str, verb: str, kind: str, rows: list[Any]) -> Any:
    """The results of a bulk mutation of which no row is refused."""
    name = "ids" if verb == "Delete" else "inputs"
    payload = (
        await samples.house.ask(
            f"mutation ($rows: {kind}) {{ {key}Bulk{verb}({name}: $rows) {{"
            f" results {{ index node {{ {samples.fields(key)} }} {ERRORS} }} {ERRORS} }} }}",
            rows=rows,
        )
    )[f"{key}Bulk{verb}"]
    assert payload["userErrors"] == []
    assert [one["userErrors"] for one in payload["results"]] == [[]] * len(rows)
    return payload["results"]


def unique(values: dict[str, Any]) -> dict[str, Any]:
    """The values without the id of another system."""
    return {name: value for name, value in values.items() if name not in ("externalId", "externalSource")}


def _input(verb: str) -> str:
    return "Create" if verb == "Upsert" else verb
