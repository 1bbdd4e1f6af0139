"""A write that nothing follows is written, read and committed at once; whatever else has to happen still happens."""

import json
from typing import Any

import pytest
from tortoise.connection import get_connection

from core.crm import Call
from core.events import transaction
from core.permissions import SYSTEM
from core.records import store
from core.records.batch import Batch
from tests.house import House

MADE = "mutation ($i: ContactCreateInput!) { contactCreate(input: $i) { contact { id name version } userErrors { field code } } }"
TAG = "mutation ($i: TagCreateInput!) { tagCreate(input: $i) { tag { name } userErrors { field code } } }"
CONTACT = {"name": "Ann", "emails": [{"address": "ann@example.com"}], "phones": [{"number": "+989121234567"}]}


@pytest.fixture
def endings(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each write that came to its end at once, whether its own rows were all that was shown."""
    seen: list[bool] = []
    last = Batch.last

    async def noted(self: Batch, reading: Any) -> Any:
        seen.append(bool(reading.fresh))
        return await last(self, reading)

    monkeypatch.setattr(Batch, "last", noted)
    return seen


async def test_all_rows_of_a_write_are_there(house: House, endings: list[bool]):
    shown = (await house.ask(MADE, i=CONTACT))["contactCreate"]["contact"]
    assert endings == [True]
    assert (shown["name"], shown["version"]) == ("Ann", 1)
    for table in ("contact_email", "contact_phone", "lifecycle_change"):
        (row,) = await house.sql(f"SELECT contact_id FROM {table}")
        assert f"contact_{row['contact_id']}" == shown["id"]
    (event,) = await house.sql("SELECT e.name, e.changed, v.after FROM event e JOIN event_values v ON v.event_id = e.id")
    assert event["name"] == "contact.created"
    assert json.loads(event["changed"]) == ["emails", "name", "phones"]
    assert json.loads(event["after"])["name"] == "Ann"
    assert (await house.ask("query ($id: ID!) { contact(id: $id) { emails { address } } }", id=shown["id"]))["contact"]["emails"]


async def test_what_is_shown_of_other_rows_is_there_too(house: House, endings: list[bool]):
    document = MADE.replace("version", "version emails { address } lifecycleChanges { nodes { toStage } }")
    shown = (await house.ask(document, i=CONTACT))["contactCreate"]["contact"]
    assert endings == [False]
    assert shown["emails"] == [{"address": "ann@example.com"}]
    assert shown["lifecycleChanges"] == {"nodes": [{"toStage": "LEAD"}]}


async def test_many_parts_are_written_with_their_record(house: House, endings: list[bool]):
    many = [{"address": f"{place}@example.com"} for place in range(40)]
    await house.ask(MADE, i={**CONTACT, "emails": many})
    assert endings == [True]
    assert [row["n"] for row in await house.sql("SELECT count(*) AS n FROM contact_email")] == [40]


async def test_a_value_that_is_taken_is_refused_and_nothing_stays(house: House, endings: list[bool]):
    await house.ask(TAG, i={"name": "t"})
    again = (await house.ask(TAG, i={"name": "t"}))["tagCreate"]
    assert endings == [True, True]
    assert again == {"tag": None, "userErrors": [{"field": ["input", "name"], "code": "TAKEN"}]}
    assert [row["n"] for row in await house.sql("SELECT count(*) AS n FROM event")] == [1]
    assert (await house.ask(TAG, i={"name": "u"}))["tagCreate"]["tag"]


@pytest.mark.settings(roles={"seller": {"*": "own"}})
async def test_a_row_beyond_the_rule_of_its_maker_is_not_written(house: House, endings: list[bool]):
    user, other = [(await house.make("User", name=name, email=f"{name}@example.com")).id for name in ("a", "b")]
    seller = await house.as_("seller", user)
    endings.clear()
    data, errors = await seller.answer(MADE, i={**CONTACT, "ownerId": other})
    assert (data, [error["extensions"]["code"] for error in errors], endings) == (None, ["FORBIDDEN"], [])
    assert not await house.sql("SELECT id FROM contact")
    assert (await seller.ask(MADE, i=CONTACT))["contactCreate"]["contact"]
    assert endings[-1:] == [True]


async def test_a_session_is_put_back_after_statements_of_others(house: House):
    if house.database.name == "sqlite":
        return  # its one connection keeps its settings
    call, tag = Call(house.crm, SYSTEM), house.crm.resources.by_key["tag"]
    for number in range(30):  # more than there are connections
        async with transaction(call):
            if number % 2:
                await get_connection("default").execute_query("SET application_name = 'stranger'")
            await store.create(call, tag, {"name": f"t{number}"})
    asked = "SELECT current_setting('application_name') AS name"
    names = [(await get_connection("default").execute_query(asked))[1][0]["name"] for _ in range(30)]
    assert set(names) == {"payvand"}
