"""Pictures of cohorts and funnels, as fields and by address."""

import xml.etree.ElementTree as ET

import pytest

from tests.house import House
from tests.plugins.sales import Sale, Shop
from tests.plugins.test_metrics import DAY, WINTER

pytestmark = [pytest.mark.anyio, pytest.mark.plugins("metrics")]

STAGES = """query ($by: [MetricsDealDimension!]) { stageConversion(groupBy: $by) { svg(locale: "fa", title: "قیف") } }"""
FUNNEL = """{ funnel(window: 30, steps: [{contactCreated: {}, label: "in"}, {dealWon: {}, label: "bought"}]) { svg(title: "Journey") } }"""
COHORTS = """{ cohorts(period: MONTH, calendar: JALALI, to: "2026-03-01") { svg(locale: "fa", title: "ماندگاری") } }"""


@pytest.fixture
async def shop(house: House) -> Shop:
    made = await Shop(house).open()
    await made.sell([Sale(("New", "Met", "Won"), WINTER, WINTER + DAY, "Ada"), Sale(("Met",), WINTER, None, "Bo")])
    return made


def texts(svg: str) -> list[str]:
    """The texts of a document, which is well-formed."""
    return ["".join(one.itertext()) for one in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


async def test_stages_are_a_funnel_of_one_row(shop: Shop):
    told = texts((await shop.house.ask(STAGES))["stageConversion"]["svg"])
    assert {"قیف", "New", "Met", "Won"} <= set(told) and any("۲" in text for text in told)
    data, errors = await shop.house.answer(STAGES, by=["OWNER"])
    assert data["stageConversion"] == {"svg": None} and "leave out groupBy" in errors[0]["message"]


async def test_cohorts_are_a_table(shop: Shop):
    contact = await shop.house.make("Contact", name="c")
    for deal in (await shop.house.ask("{ deals { nodes { id } } }"))["deals"]["nodes"]:
        change = "mutation ($id: ID!, $contact: ID!) { dealUpdate(id: $id, input: {contactId: $contact}) { userErrors { message } } }"
        await shop.house.ask(change, id=deal["id"], contact=contact.id)
    assert any("بهمن ۱۴۰۴" in text for text in texts((await shop.house.ask(COHORTS))["cohorts"]["svg"]))
    assert {"Journey", "in", "bought"} <= set(texts((await shop.house.ask(FUNNEL))["funnel"]["svg"]))


async def test_tables_have_addresses(shop: Shop):
    for path in ("cohorts.svg?period=MONTH&to=2026-03-01&locale=fa", "stageConversion.svg?title=Stages"):
        answer = await shop.house.client.get(f"/plugins/metrics/{path}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml"), answer.text
        texts(answer.text)
    assert (await shop.house.client.get("/plugins/metrics/cohorts.svg?previous=true")).status_code == 400
