"""Filters mean what they say: checked against plain Python over all rows."""

from typing import Any

import pytest

from core.naming import camel
from tests.examples import for_all
from tests.house import House
from tests.world import World, wheres


@pytest.fixture(scope="module")
async def world(shared_house: House) -> World:
    """A company full of awkward data."""
    made = World(shared_house)
    await made.fill()
    return made


async def found(world: World, key: str, where: Any) -> list[str]:
    resource = world.resource(key)
    page = (
        await world.house.ask(
            f"query ($where: {resource.name}Filter) {{ page: {camel(resource.plural)}(first: 100, where: $where)"
            " { nodes { id } totalCount } }",
            where=where,
        )
    )["page"]
    assert page["totalCount"] == len(page["nodes"])
    return [node["id"] for node in page["nodes"]]


@pytest.mark.parametrize("key", ["contact", "deal", "activity", "company", "dealLine"])
async def test_a_filter_finds_exactly_the_rows_that_fulfil_it(world: World, key: str):
    async def check(where: Any) -> None:
        assert await found(world, key, where) == [row["id"] for row in world.matching(key, where)]

    await for_all(check, wheres(world, key))


@pytest.mark.parametrize("key", ["contact", "deal"])
async def test_not_finds_exactly_the_others(world: World, key: str):
    async def check(where: Any) -> None:
        some, others = await found(world, key, where), await found(world, key, {"not": where})
        assert sorted(some + others) == [row["id"] for row in world.tables[key]]

    await for_all(check, wheres(world, key), share=0.5)


@pytest.mark.parametrize(
    ("have", "want"),
    [
        ("علي كريمي", "علی کریمی"), ("کد ۱۲۳", "کد 123"), ("کد ١٢٣", "کد ۱۲۳"), ("می‌خواهم", "میخواهم"), ("STRASSE ۵", "Straße 5"),
        ("O\u0308mer", "ömer"), ("Zahra   Rezaei", "zahra rezaei"), ("مُحَمَّد", "محمد"), ("كـــتاب", "کتاب"), ("İzmir", "i̇zmir"),
    ],
)  # fmt: skip
async def test_a_name_is_found_however_it_is_spelt_and_shown_as_it_was(house: House, have: str, want: str):
    tag = await house.make("Tag", returning="name", name=have)
    for operator in ("eq", "contains", "startsWith", "endsWith"):
        data = await house.ask(
            f"query ($text: String) {{ tags(where: {{name: {{{operator}: $text}}}}) {{ nodes {{ id name }} }} }}", text=want
        )
        assert data["tags"]["nodes"] == [{"id": tag.id, "name": have}], operator


@pytest.mark.parametrize("text", ["%", "_", "\\", "a%", "_b", "\\%", "'", '"', ";", "*", "?", "["])
async def test_a_sign_that_means_something_to_the_database_means_itself(shared_house: House, text: str):
    made = await shared_house.make("Product", name=f"x{text}y")
    plain = await shared_house.make("Product", name="xzzy")
    data = await shared_house.ask(
        "query ($text: String, $ids: [ID!]) { products(where: {id: {in: $ids}, name: {contains: $text}}) { nodes { id } } }",
        text=text,
        ids=[made.id, plain.id],
    )
    assert data["products"]["nodes"] == [{"id": made.id}]


async def test_who_in_shiraz_had_a_call_about_this_product_since_may_is_one_question(house: House):
    product, other = await house.make("Product", name="کفش"), await house.make("Product", name="Y")
    zahra = await house.make("Contact", name="زهرا", city="شيراز", gender="FEMALE")
    ali = await house.make("Contact", name="علی", city="شیراز", gender="MALE")
    mina = await house.make("Contact", name="مینا", city="تهران", gender="FEMALE")
    sara = await house.make("Contact", name="سارا", city="شیراز", gender="FEMALE")
    may, april = "2026-05-02T10:00:00+03:30", "2026-04-30T10:00:00+03:30"
    for contact, kind, what, when in (
        (zahra, "CALL", product, may), (ali, "CALL", product, may), (mina, "CALL", product, may), (sara, "CALL", product, april),
        (sara, "NOTE", product, may), (sara, "CALL", other, may),
    ):  # fmt: skip
        await house.make("Activity", kind=kind, subject="s", contact_id=contact.id, product_id=what.id, done_at=when)
    data = await house.ask(
        """{
          contacts(where: {
            gender: {eq: FEMALE}
            city: {eq: "شیراز"}
            activities: {some: {
              kind: {eq: "CALL"}, product: {name: {eq: "كفش"}}, doneAt: {gte: "2026-05-01T00:00:00+03:30"}
            }}
          }) { nodes { name } }
        }"""
    )
    assert data == {"contacts": {"nodes": [{"name": "زهرا"}]}}


NESTED = """
query ($first: Int) {
  contacts(first: $first) {
    totalCount
    nodes {
      name company { name owner { name } } emails { address } tags { name }
      lifecycleChanges { nodes { toStage } }
      deals(first: 3, where: {amount: {isNull: false}}, orderBy: [{field: TITLE}]) {
        totalCount
        nodes { stage { name pipeline { name } } lines { product { name } } activities(last: 2) { nodes { product { name } } } }
      }
    }
  }
}
"""


async def test_nested_lists_take_one_statement_however_many_rows_there_are(house: House, monkeypatch: pytest.MonkeyPatch):
    product, tag, user = await house.make("Product", name="p"), await house.make("Tag", name="t"), await house.make("User", name="u")
    pipeline = await house.make("Pipeline", name="p")
    await house.make("Stage", name="s", pipeline_id=pipeline.id)
    for number in range(12):
        company = await house.make("Company", name=f"c{number}", owner_id=user.id)
        emails = [{"address": f"a{number}@example.com"}]
        contact = await house.make("Contact", name=f"x{number}", company_id=company.id, emails=emails, tag_ids=[tag.id])
        amount = {"amount": "1", "currency": "EUR"}
        deal = await house.make("Deal", title="d", amount=amount, contact_id=contact.id, lines=[{"productId": product.id}])
        await house.make("Activity", kind="CALL", subject="s", deal_id=deal.id, product_id=product.id)
    asked: list[str] = []
    readers = house.crm.readers
    assert readers
    row = readers.row

    async def counted(sql: str, *values: Any, **named: Any) -> Any:
        asked.append(sql)
        return await row(sql, *values, **named)

    monkeypatch.setattr(readers, "row", counted)
    for first in (1, 12):
        asked.clear()
        data = await house.ask(NESTED, first=first)
        nodes = data["contacts"]["nodes"]
        assert len(nodes) == first
        assert all(node["deals"]["nodes"][0]["activities"]["nodes"][0]["product"] for node in nodes)
        assert len(asked) == 1
