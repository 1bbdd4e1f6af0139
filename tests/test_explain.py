"""Explain: who may, sees how a query is answered; and what takes long is named in the log."""

import logging
from typing import Any

import pytest

from tests.house import Asker, House


async def explained(asker: Asker, document: str, **variables: Any) -> dict[str, Any]:
    body = {"query": document, "variables": variables, "extensions": {"explain": True}}
    return (await asker.client.post("/graphql", json=body)).json()


async def test_an_administrator_sees_the_statement_and_what_the_database_makes_of_it(house: House):
    made = await house.make("Contact", name="Sara")
    document = "query ($id: ID!) { one: contact(id: $id) { name } activityKinds { name } __typename }"
    answer = await explained(house, document, id=made.id)
    assert answer["data"]["one"] == {"name": "Sara"}
    told = answer["extensions"]["explain"]
    assert told["compiled"] == ["one"]
    assert told["resolved"] == ["activityKinds"]
    assert told["statement"].startswith("SELECT ")
    assert made.id.split("_")[1] not in told["statement"]
    assert any("contact" in line for line in told["plan"])


async def test_nobody_else_sees_them(house: House):
    user = await house.make("User", name="Sara")
    answer = await explained(await house.as_("owner", user.id), "{ contacts { totalCount } }")
    assert answer.get("data") is None
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert "graphql.explain" in answer["errors"][0]["message"]


@pytest.mark.settings(database={"slow": 0.000001})
async def test_what_takes_long_is_named_in_the_log(house: House, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        await house.ask("query Everybody { contacts { totalCount } }")
        await house.ask("mutation { tagCreate(input: {name: \"x\"}) { tag { id } } }")
    told = [record.getMessage() for record in caplog.records if "slow" in record.getMessage()]
    assert "the query Everybody took" in told[0]
    assert "the mutation without a name took" in told[1]
