"""Connections for reading alone: they wait for no writer, change nothing, and give up what takes too long."""

import contextlib
import sqlite3
from typing import Any

import asyncpg
import pytest

import schema.readpath.written
from core.database.readers import STEADY
from core.server.outages import outage
from tests.house import Asker, House

ENDLESS = {
    "sqlite": "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c",
    "postgres": "SELECT pg_sleep(60)::text",
}

# Thousands of contacts of one owner, and two hundred owners of one each.
MANY = (
    """INSERT INTO app_user SELECT made.* FROM app_user AS u, generate_series(1, 200) AS n,
    jsonb_populate_record(u, jsonb_build_object('id', gen_random_uuid(), 'email', NULL, 'name', n)) AS made WHERE u.name = 'Sara'""",
    """INSERT INTO contact SELECT made.* FROM contact AS c, app_user AS u,
    jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(), 'owner_id', u.id)) AS made""",
    """INSERT INTO contact SELECT made.* FROM contact AS c, generate_series(1, 4000) AS n, app_user AS u,
    jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(), 'created_at', now() - n * interval '1 minute')) AS made
    WHERE c.owner_id = u.id AND u.name = 'Sara' AND c.created_at = (SELECT min(created_at) FROM contact)""",
)


async def test_a_reader_waits_for_no_writer(house: House):
    contact = await house.make("Contact", name="Sara")
    query = "query ($id: ID!) { contact(id: $id) { name } contacts { totalCount } }"
    expected = {"contact": {"name": "Sara"}, "contacts": {"totalCount": 1}}
    url = house.settings.database.url
    if house.database.name == "sqlite":
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite://"), isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("UPDATE contact SET name = 'Max'")
            assert await house.ask(query, id=contact.id) == expected
        return
    writer = await asyncpg.connect(url)
    try:
        async with writer.transaction():
            await writer.execute("UPDATE contact SET name = 'Max'")
            assert await house.ask(query, id=contact.id) == expected
    finally:
        await writer.close()


async def test_a_reader_can_change_nothing(house: House):
    await house.make("Tag", name="vip")
    assert house.crm.readers
    with pytest.raises((sqlite3.OperationalError, asyncpg.ReadOnlySQLTransactionError)):
        await house.crm.readers.row("DELETE FROM tag", ())
    assert await house.sql("SELECT name FROM tag") == [{"name": "vip"}]


@pytest.mark.settings(database={"statement_timeout": 0.2})
async def test_a_statement_that_takes_too_long_is_given_up_and_the_next_one_answered(house: House):
    assert house.crm.readers
    for _ in range(12):  # more than there are connections
        with pytest.raises((sqlite3.OperationalError, asyncpg.QueryCanceledError)) as given_up:
            await house.crm.readers.row(ENDLESS[house.database.name], ())
        assert outage(given_up.value)
    assert await house.ask("{ contacts { totalCount } }") == {"contacts": {"totalCount": 0}}


async def test_what_a_mutation_shows_is_read_by_one_statement_in_its_transaction(house: House, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    row = schema.readpath.written.row_inside

    async def counted(sql: str, values: Any) -> Any:
        asked.append(sql)
        return await row(sql, values)

    monkeypatch.setattr(schema.readpath.written, "row_inside", counted)
    company = await house.make("Company", name="Firm")
    asked.clear()
    fields = "id name company { name contacts { totalCount } } emails { address } tags { name } deals { nodes { id } }"
    made = await house.ask(
        f"mutation ($inputs: [ContactCreateInput!]!) {{ contactBulkCreate(inputs: $inputs) {{ results {{ node {{ {fields} }} }} }} }}",
        inputs=[{"name": name, "companyId": company.id, "emails": [{"address": f"{name}@example.com"}]} for name in ("a", "b")],
    )
    nodes = [result["node"] for result in made["contactBulkCreate"]["results"]]
    assert len(asked) == 1
    assert [node["name"] for node in nodes] == ["a", "b"]
    assert [node["company"] for node in nodes] == [{"name": "Firm", "contacts": {"totalCount": 2}}] * 2
    for node in nodes:
        assert (await house.ask(f"query ($id: ID!) {{ contact(id: $id) {{ {fields} }} }}", id=node["id"]))["contact"] == node
    shown = "id deletedAt emails { address } company { name }"
    gone = await house.ask(f"mutation ($id: ID!) {{ a: contactDelete(id: $id) {{ contact {{ {shown} }} }} }}", id=nodes[0]["id"])
    assert gone["a"]["contact"]["deletedAt"]
    assert gone["a"]["contact"] | {"deletedAt": 0} == {"id": nodes[0]["id"], "deletedAt": 0, "emails": [], "company": {"name": "Firm"}}


async def test_a_list_is_planned_anew_only_where_its_values_matter(house: House):
    """On SQLite there is one kind of connections; on PostgreSQL lists with filters have their own, which plan each time."""
    assert house.crm.readers
    team = await house.make("Team", name="north")
    user = await house.make("User", name="Sara", team_id=team.id)
    await house.make("Role", name="leader", grants=[{"permission": "*", "scope": "TEAM"}])
    await house.make("Role", name="clerk", grants=[{"permission": "*", "scope": "OWN"}])
    where = {"owner": {"id": {"eq": "$me"}}}
    await house.make("Role", name="narrow", grants=[{"permission": "contact.read", "scope": "WHERE", "where": where}])
    leader, clerk, narrow = [await house.as_(role, user.id) for role in ("leader", "clerk", "narrow")]

    async def lanes(query: str, who: Asker = leader) -> set[str]:
        assert house.crm.readers
        before = {name: one.statements for name, one in house.crm.readers.usage().items()}
        await who.ask(query)
        return {name for name, one in house.crm.readers.usage().items() if one.statements > before[name]}

    steady, planned = ("read", "read") if house.database.name == "sqlite" else ("read_steady_lists", "read_lists")
    assert await lanes("{ contacts { nodes { name company { name } deals(first: 2) { nodes { title } } } } }") == {steady}
    assert await lanes('{ contacts(where: {city: {eq: "Shiraz"}}) { nodes { name } } }') == {planned}
    assert await lanes('{ contacts { nodes { deals(first: 2, where: {title: {contains: "x"}}) { nodes { title } } } } }') == {planned}
    newest = "orderBy: [{field: CREATED_AT, direction: DESC}]"
    for who in (clerk, narrow):  # an index leads from each owner to the newest contacts
        assert await lanes(f"{{ contacts({newest}) {{ nodes {{ name }} }} }}", who) == {steady}
        assert await lanes(f"{{ contacts({newest}, where: {{lifecycleStage: {{eq: LEAD}}}}) {{ nodes {{ name }} }} }}", who) == {steady}
        assert await lanes("{ contacts(orderBy: [{field: NAME}]) { nodes { name } } }", who) == {planned}


async def test_who_owns_nearly_all_is_led_through_it_in_order(house: House):
    """The plan that PostgreSQL keeps for any owner sorts nothing, and collects no rows before it knows that they are needed."""
    if house.database.name == "sqlite":
        pytest.skip("SQLite keeps no plans that depend on how many rows it expects")
    sara = await house.make("User", name="Sara")
    await house.make("Contact", name="x", ownerId=sara.id)
    for sql in MANY:
        await house.sql(sql)
    grants = [{"permission": "contact.read", "scope": "OWN"}, {"permission": "graphql.explain", "scope": "ALL"}]
    await house.make("Role", name="clerk", grants=grants)
    clerk = await house.as_("clerk", sara.id)
    connection = await asyncpg.connect(house.settings.database.url, server_settings=STEADY)
    try:
        await connection.execute("ANALYZE contact")
        for where in ("", ", where: {lifecycleStage: {eq: LEAD}}"):
            query = f"{{ contacts(first: 50, orderBy: [{{field: CREATED_AT, direction: DESC}}]{where}) {{ nodes {{ name }} }} }}"
            answer = (await clerk.client.post("/graphql", json={"query": query, "extensions": {"explain": True}})).json()
            await connection.execute(f"PREPARE list AS {answer['extensions']['explain']['statement']}")
            owner = sara.id.partition("_")[2]
            plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN EXECUTE list('{owner}')"))
            assert "Index Scan Backward using" in plan
            assert "owner_id = $1" in plan
            assert "Sort" not in plan
            assert "Bitmap" not in plan
            await connection.execute("DEALLOCATE list")
    finally:
        await connection.close()
