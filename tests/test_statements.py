"""What the face gives to plugins with figures and arguments of their own: SQL over visible rows, filters, ids and money."""

import asyncio
import contextvars

import pytest

from core import SYSTEM, Actor, Among, Call, Forbidden, select, transaction, visible
from core.errors import StartError
from core.models import Company, Contact, Deal, Tag
from tests.house import House, Houses

pytestmark = pytest.mark.anyio

PLUGIN = """
from typing import Annotated
import strawberry
from decimal import Decimal
from core import Call, Filter, Money, Period, hookimpl, key_of, matching, permit
from core.models import {model}

@strawberry.type(name="Query", extend=True)
class AcmeQuery:
    @strawberry.field(description="How many.")
    @permit("contact.read")
    async def acme_count(self, info: strawberry.Info[Call], where: Annotated[{annotation}]{default}) -> int:
        return await matching(info.context, {model}, where).count()

    @strawberry.field(description="The key in an id.")
    @permit("contact.read")
    async def acme_key(self, info: strawberry.Info[Call], contact_id: strawberry.ID) -> str:
        return str(key_of(info.context, {model}, contact_id, "contact_id"))

    @strawberry.field(description="Some money.")
    @permit("contact.read")
    async def acme_price(self, info: strawberry.Info[Call], every: Period = Period.MONTH) -> Money:
        return Money(Decimal("12.5"), "EUR")

@hookimpl
def graphql():
    return [AcmeQuery]
"""


async def _names(house: House):
    for name in ("Ada", "Bo", "Cy"):
        await house.make("Contact", name=name, city="Shiraz")
        await house.make("Company", name=f"{name} Ltd", city="Tabriz")


async def test_a_statement_reads_several_querysets_each_as_often_as_it_likes(house: House):
    await _names(house)
    call = Call(house.crm, SYSTEM)
    rows = await select(
        "SELECT 1 AS one, COUNT(*) AS n FROM {contacts} AS a UNION ALL SELECT 2, COUNT(*) FROM {companies} AS b"
        " UNION ALL SELECT 3, COUNT(*) FROM {contacts} AS c ORDER BY 1",
        contacts=visible(call, Contact).filter(name__in=["Ada", "Bo"], city="Shiraz").values("id", "name"),
        companies=visible(call, Company).filter(city="Tabriz").filter(name="Cy Ltd").values("id"),
    )
    assert rows == [{"one": 1, "n": 2}, {"one": 2, "n": 1}, {"one": 3, "n": 2}]


async def test_a_statement_has_no_rows_for_one_who_may_see_none(house: House):
    with pytest.raises(Forbidden):
        await select("SELECT COUNT(*) AS n FROM {contacts} AS a", contacts=visible(Call(house.crm, Actor("nobody")), Contact).values("id"))


async def test_a_field_of_a_plugin_takes_filters_and_ids_and_gives_money(houses: Houses, plugin):
    async with houses(plugin("asks", PLUGIN.format(model="Contact", annotation="Filter | None, Contact", default=" = None"))) as house:
        await _names(house)
        count = "query ($where: ContactFilter) { acmeCount(where: $where) }"
        assert await house.ask(count) == {"acmeCount": 3}
        assert await house.ask(count, where={"name": {"in": ["ADA", "Bo"]}}) == {"acmeCount": 2}
        assert await house.ask(count, where={"or": [{"name": {"eq": "Ada"}}, {"not": {"city": {"eq": "Shiraz"}}}]}) == {"acmeCount": 1}
        made = await house.make("Contact", name="Di")
        assert made.id.endswith((await house.ask("query ($id: ID!) { acmeKey(contactId: $id) }", id=made.id))["acmeKey"])
        _, errors = await house.answer('{ acmeKey(contactId: "deal_x") }')
        assert errors[0]["extensions"]["fields"].keys() == {"contactId"}
        assert await house.ask("{ acmePrice { amount currency } }") == {"acmePrice": {"amount": "12.50", "currency": "EUR"}}


async def test_a_filter_that_must_be_given_must_be_given(houses: Houses, plugin):
    async with houses(plugin("must", PLUGIN.format(model="Contact", annotation="Filter, Contact", default=""))) as house:
        _, errors = await house.answer("{ acmeCount }")
        assert "'Query.acmeCount(where:)' of type 'ContactFilter!' is required" in errors[0]["message"]
        assert await house.ask("{ acmeCount(where: {}) }") == {"acmeCount": 0}


@pytest.mark.parametrize("annotation", ["Filter | None, None", "Filter | None, int", "Filter | None, ContactTag"])
async def test_a_filter_of_no_resource_stops_the_start(houses: Houses, plugin, annotation: str):
    name = plugin("wrong", PLUGIN.format(model="ContactTag", annotation=annotation, default=" = None"))
    with pytest.raises(StartError, match=r"plugin 'wrong': Query.acme_count has a filter of no resource"):
        async with houses(name):
            raise AssertionError("it started")


PAGES = """
from typing import Annotated
import strawberry
from core import Among, Call, Filter, Rows, hookimpl, matching, permit
from core.models import {model}, Contact, Deal

@strawberry.input(description="What is looked for.")
class AcmeWanted:
    label: str = strawberry.field(description="What it is called.")
    deals: Annotated[Filter | None, {filtered}] = strawberry.field(default=strawberry.UNSET, description="Deals like this.")

@strawberry.type(name="Query", extend=True)
class AcmeQuery:
    @strawberry.field(description="Contacts with such deals.")
    @permit("contact.read")
    async def acme_buyers(
        self, info: strawberry.Info[Call], wanted: list[AcmeWanted], first: Annotated[str, strawberry.argument(name="from")] = "",
    ) -> Annotated[Rows | None, {model}]:
        if first == "nowhere":
            return None
        assert all(isinstance(one, dict) for one in wanted), wanted
        rows = [matching(info.context, Deal, one.get("deals")).values("contact_id") for one in wanted]
        deals = {{f"deals{{place}}": one for place, one in enumerate(rows)}}
        some = " UNION ".join(f"SELECT d.contact_id FROM {{{{{{name}}}}}} AS d" for name in deals)
        return Rows(matching(info.context, Contact, None).filter(Among(some, **deals)))

@hookimpl
def graphql():
    return [AcmeQuery]
"""


async def test_a_field_of_a_plugin_answers_pages_and_takes_inputs_with_filters(houses: Houses, plugin):
    async with houses(plugin("pages", PAGES.format(model="Contact", filtered="Deal"))) as house:
        line = await house.make("Pipeline", name="Sales")
        await house.make("Stage", name="New", pipeline_id=line.id)
        for name in ("Cy", "Ada", "Bo", "Di"):
            made = await house.make("Contact", name=name)
            await house.make("Deal", title="small" if name == "Di" else "large", contact_id=made.id)
        document = """query ($wanted: [AcmeWanted!]!, $after: String, $from: String! = "") {
            acmeBuyers(wanted: $wanted, from: $from, first: 2, after: $after, orderBy: [{field: NAME}]) {
                totalCount totalCountIsExact pageInfo { endCursor hasNextPage }
                edges { cursor node { name deals { nodes { title } } } } } }"""
        large = [{"label": "one", "deals": {"title": {"eq": "LARGE"}}}]
        page = (await house.ask(document, wanted=large))["acmeBuyers"]
        assert (page["totalCount"], page["totalCountIsExact"], page["pageInfo"]["hasNextPage"]) == (3, True, True)
        assert [one["node"]["name"] for one in page["edges"]] == ["Ada", "Bo"]
        assert page["edges"][0]["node"]["deals"]["nodes"] == [{"title": "large"}]
        page = (await house.ask(document, wanted=large, after=page["pageInfo"]["endCursor"]))["acmeBuyers"]
        assert [one["node"]["name"] for one in page["edges"]] == ["Cy"]
        both = [*large, {"label": "any"}]
        assert (await house.ask(document, wanted=both))["acmeBuyers"]["totalCount"] == 4
        assert (await house.ask(document, wanted=both, **{"from": "nowhere"})) == {"acmeBuyers": None}
        _, errors = await house.answer(document, wanted=both, after="nothing")
        assert ["is not a cursor of this list" in one["message"] for one in errors] == [True]
        _, errors = await house.answer(document, wanted=[{"label": "one", "deals": {"colour": {}}}])
        assert "Expected value of type 'DealFilter' not to include unknown field 'colour'" in errors[0]["message"]
        assert (await house.ask("{ __type(name: \"AcmeWanted\") { inputFields { name type { name } } } }"))["__type"]["inputFields"][1] == {
            "name": "deals", "type": {"name": "DealFilter"},
        }  # fmt: skip


@pytest.mark.parametrize(
    ("model", "filtered", "reason"),
    [("ContactTag", "Deal", "answers rows of no resource"), ("Contact", "int", "has a filter of no resource")],
)
async def test_pages_and_inputs_of_no_resource_stop_the_start(houses: Houses, plugin, model: str, filtered: str, reason: str):
    name = plugin("off", PAGES.format(model=model, filtered=filtered))
    with pytest.raises(StartError, match=rf"plugin 'off': Query.acme_buyers {reason}"):
        async with houses(name):
            raise AssertionError("it started")


async def test_a_statement_says_which_rows_are_among_the_found_or_not(house: House):
    await _names(house)
    call = Call(house.crm, SYSTEM)
    line = await house.make("Pipeline", name="Sales")
    await house.make("Stage", name="New", pipeline_id=line.id)
    ada = await visible(call, Contact).get(name="Ada")
    await house.make("Deal", title="one", contact_id=f"contact_{ada.id}")
    deals = visible(call, Deal).filter(title="one", contact_id__isnull=False).values("contact_id")
    found = Among("SELECT d.contact_id FROM {deals} AS d WHERE EXISTS (SELECT 1 FROM {deals} AS e)", deals=deals)
    assert await visible(call, Contact).filter(found, city="Shiraz").values_list("name", flat=True) == ["Ada"]
    assert sorted(await visible(call, Contact).filter(~found, city="Shiraz").values_list("name", flat=True)) == ["Bo", "Cy"]


COUNTS = """
import strawberry
from core import Call, hookimpl, permit, select, transaction, visible
from core.models import Tag

async def _tags(call):
    [row] = await select("SELECT COUNT(*) AS n FROM {tags} AS t", tags=visible(call, Tag).values("id"))
    return row["n"]

@strawberry.type(name="Query", extend=True)
class AcmeQuery:
    @strawberry.field(description="How many tags there are.")
    @permit("tag.read")
    async def acme_tags(self, info: strawberry.Info[Call]) -> int:
        return await _tags(info.context)

    @strawberry.field(description="Never told.")
    @permit("tag.read")
    async def acme_endless(self, info: strawberry.Info[Call]) -> int:
        counted = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT MAX(n) AS n FROM c"
        [row] = await select(counted)
        return row["n"]

    @strawberry.field(description="Told, though it takes long.")
    @permit("tag.read")
    async def acme_long(self, info: strawberry.Info[Call], seconds: float | None = None) -> int:
        counted = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 4000000) SELECT MAX(n) AS n FROM c"
        [row] = await select(counted, seconds=seconds)
        return row["n"]

@strawberry.type(name="Mutation", extend=True)
class AcmeMutation:
    @strawberry.mutation(description="Make a tag, and count: before, in the transaction, and after it.")
    @permit("tag.create")
    async def acme_tag(self, info: strawberry.Info[Call], name: str) -> list[int]:
        call = info.context
        found = [await _tags(call)]
        async with transaction(call):
            await Tag.create(name=name, name_key=name)
            found.append(await _tags(call))
        return [*found, await _tags(call)]

@hookimpl
def graphql():
    return [AcmeQuery, AcmeMutation]
"""


async def test_a_query_waits_for_no_writer_and_a_mutation_sees_what_it_wrote(houses: Houses, plugin):
    async with houses(plugin("counts", COUNTS)) as house:
        await house.make("Tag", name="vip")
        async with transaction(house.crm.call(SYSTEM)):
            await Tag.create(name="gold", name_key="gold")
            asked = asyncio.create_task(house.ask("{ acmeTags }"), context=contextvars.Context())
            assert await asked == {"acmeTags": 1}  # on SQLite the transaction has the only connection that writes
        assert await house.ask("{ acmeTags }") == {"acmeTags": 2}
        assert await house.ask('mutation { acmeTag(name: "new") }') == {"acmeTag": [2, 3, 3]}


async def test_a_query_of_a_plugin_is_asked_of_the_replica_and_a_mutation_never_is(houses: Houses, plugin):
    if houses.templates.database.name == "sqlite":
        pytest.skip("a file has no replica")
    name = plugin("counts", COUNTS)
    replica = houses.templates.copy(())  # one that does not follow, so that it shows who was asked
    try:
        async with houses(name, "metrics", database={"replica": replica}) as house:
            await house.make("Tag", name="vip")
            await house.make("Contact", name="Sara")
            assert await house.ask('mutation { acmeTag(name: "gold") }') == {"acmeTag": [1, 2, 2]}
            query = "{ acmeTags newContacts { rows { numerator } } }"
            assert await house.ask(query) == {"acmeTags": 0, "newContacts": {"rows": [{"numerator": "0"}]}}
    finally:
        houses.templates.database.drop(replica)


async def test_a_statement_of_a_query_that_takes_too_long_says_so_and_the_next_one_is_answered(houses: Houses, plugin):
    async with houses(plugin("counts", COUNTS), database={"statement_timeout": 0.2}) as house:
        assert await house.ask("{ acmeLong(seconds: 60) }") == {"acmeLong": 4_000_000}
        _, errors = await house.answer("{ acmeLong }")
        assert errors[0]["extensions"]["code"] == "UNAVAILABLE"
        _, errors = await house.answer("{ acmeEndless }")
        assert errors[0]["message"] == "The database takes longer than a statement may; ask for less at once."
        assert errors[0]["extensions"]["code"] == "UNAVAILABLE"
        assert await house.ask("{ acmeTags }") == {"acmeTags": 0}
