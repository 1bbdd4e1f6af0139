"""Input that means nothing, or too much: what is refused names the argument and the way out, and harms nothing else."""

from decimal import Decimal
from typing import Any

import pytest

from core.models import Contact, Deal, Stage, User
from plugins.metrics.models import MetricsGoal
from tests.house import House
from tests.plugins.sales import Sale, Shop
from tests.plugins.test_metrics import DAY, WINTER

pytestmark = [pytest.mark.anyio, pytest.mark.plugins("metrics"), pytest.mark.settings(company={"currency": "EUR"})]

CREATE = """mutation ($input: MetricsGoalCreateInput!) {
    metricsGoalCreate(input: $input) { metricsGoal { id } userErrors { field message } } }"""
PROGRESS = "{ metricsGoals(orderBy: [{field: NAME}]) { nodes { name progress { value } } } }"
JANUARY = {"startsOn": "2026-01-01", "endsOn": "2026-01-31"}
FAR = WINTER.replace(year=1800)
LARGEST = Decimal(2**53).scaleb(-2)


@pytest.fixture
async def shop(house: House) -> Shop:
    return await Shop(house).open()


def nested(depth: int) -> dict[str, Any]:
    """A filter of 4^depth parts, all of which mean any: they are legal, and together too many levels for SQLite."""
    return {"and": [nested(depth - 1)] * 4} if depth else {}


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ('winRate(timeZone: "")', "timeZone: '' is not a time zone of the IANA database"),
        ('salesCycle(timeZone: "")', "timeZone: '' is not a time zone of the IANA database"),
        ('predictedValue(timeZone: "")', "timeZone: '' is not a time zone of the IANA database"),
        ('revenue(currency: "")', "currency: '' is not a currency code of ISO 4217"),
        ('roi(currency: "")', "currency: '' is not a currency code of ISO 4217"),
        ('predictedValue(currency: "")', "currency: '' is not a currency code of ISO 4217"),
        ('roi(spend: {startsOn: {gte: "9999-01-01"}})', "spend.startsOn.gte: must lie between 1800-01-01 and 2199-12-31"),
        ('timeTo(asOf: "2100-01-01")', "asOf: 2100-01-01 does not lie between 1970-01-01 and 2099-12-31"),
        ('salesCycle(to: "2100-01-01")', "to: 2100-01-01 does not lie between 1970-01-01 and 2099-12-31"),
        (
            'cohorts(period: DAY, from: "1970-01-01", to: "2099-12-31")',
            "period: makes more than 1000 groups; ask for longer periods, or name from and to",
        ),
    ],
)
async def test_what_is_wrong_is_named(house: House, question: str, reason: str):
    _, errors = await house.answer(f"{{ {question} {{ asOf }} }}")
    assert [(one["message"], one["extensions"]["code"]) for one in errors] == [(reason, "BAD_USER_INPUT")]


async def test_null_is_what_is_left_out(house: House):
    nothing = "where: null, groupBy: null, period: null, from: null, to: null, timeZone: null, currency: null"
    told = (await house.ask(f"{{ revenue({nothing}) {{ currency timeZone }} }}"))["revenue"]
    assert told == {"currency": "EUR", "timeZone": "Asia/Tehran"}


async def test_days_of_goals_and_spending_are_named(house: House):
    goal = {"name": "G", "metric": "wonDeals", "target": "1", "startsOn": "2099-12-31", "endsOn": "2100-01-01"}
    told = (await house.ask(CREATE, input=goal))["metricsGoalCreate"]["userErrors"]
    assert told == [{"field": ["input", "endsOn"], "message": "2100-01-01 does not lie between 1970-01-01 and 2099-12-31"}]
    spend = "mutation ($input: MetricsSpendCreateInput!) { metricsSpendCreate(input: $input) { userErrors { field message } } }"
    made = {"amount": {"amount": "1", "currency": "EUR"}, "startsOn": "1969-12-31"}
    told = (await house.ask(spend, input=made))["metricsSpendCreate"]["userErrors"]
    assert told == [{"field": ["input", "startsOn"], "message": "1969-12-31 does not lie between 1970-01-01 and 2099-12-31"}]


async def test_a_goal_that_the_database_cannot_reckon_is_refused_or_shown(shop: Shop):
    goal = {"name": "deep", "metric": "wonDeals", "target": "1", **JANUARY, "where": nested(5)}
    _, errors = await shop.house.answer(CREATE, input=goal)
    shown = (await shop.house.ask(PROGRESS))["metricsGoals"]["nodes"]
    if shop.house.database.name == "postgres":
        assert shown == [{"name": "deep", "progress": {"value": 0}}]
        return
    assert [one["extensions"]["code"] for one in errors] == ["QUERY_TOO_COMPLEX"]
    assert shown == []


async def test_a_goal_that_cannot_be_reckoned_hides_no_other(shop: Shop):
    await shop.sell([Sale(("Won",), WINTER, WINTER + DAY)])
    days = {"starts_on": WINTER.date(), "ends_on": (WINTER + 2 * DAY).date(), "target": 10_000}
    for name, metric in (("a", "wonDeals"), ("c", "salesCycle")):
        await MetricsGoal.create(name=f"{name} deep", name_key=f"{name} deep", metric=metric, where=nested(5), **days)
    await MetricsGoal.create(name="b", name_key="b", metric="wonDeals", **days)
    data, errors = await shop.house.answer(PROGRESS)
    values = {one["name"]: one["progress"] for one in data["metricsGoals"]["nodes"]}
    assert values["b"] == {"value": 1}
    assert {one["extensions"]["code"] for one in errors} <= {"QUERY_TOO_COMPLEX"}


async def test_amounts_beyond_64_bits_are_exact_or_refused(shop: Shop):
    await shop.sell([Sale(("Won",), WINTER, WINTER + DAY, amount=LARGEST)] * 1_030)
    assert await Deal.all().count() == 1_030
    for document in (
        "{ revenue { rows { numerator { amount } } } }",
        "{ revenue(period: MONTH) { rows { numerator { amount } } } }",
    ):
        data, errors = await shop.house.answer(document)
        if shop.house.database.name == "postgres":
            assert Decimal(data["revenue"]["rows"][0]["numerator"]["amount"]) == 1_030 * LARGEST
        else:
            assert [one["extensions"]["code"] for one in errors] == ["QUERY_TOO_COMPLEX"]
            assert "filter more" in errors[0]["message"]


async def test_a_deal_of_a_wrong_year_stops_no_comparison(shop: Shop):
    await shop.sell([Sale(("Won",), WINTER, WINTER), Sale(("Won",), WINTER, WINTER.replace(year=2150)), Sale(("Won",), FAR, FAR)])
    rows = "rows { key { period { start } } numerator previous { numerator } lastYear { numerator } }"
    for calendar in ("GREGORIAN", "JALALI"):
        told = (await shop.house.ask(f"{{ wonDeals(period: YEAR, calendar: {calendar}) {{ {rows} }} }}"))["wonDeals"]["rows"]
        won = {one["key"]["period"]["start"][:4]: one for one in told if one["numerator"] != "0"}
        assert (won[max(won)]["previous"], won[min(won)]["previous"]) == (None, None)
        usual = won[sorted(won)[1]]
        assert (len(won), usual["previous"], usual["lastYear"]) == (3, {"numerator": "0"}, {"numerator": "0"})


async def test_the_order_of_rows_tells_nothing_of_what_is_hidden(shop: Shop):
    house = shop.house
    await shop.sell([Sale((stage,), WINTER, None, owner) for stage, owner in (("New", "Ada"), ("Met", "Bo"), ("Offered", "Cy"))])
    fields = [{"field": name, "access": "HIDDEN"} for name in ("stage.position", "user.name")]
    await house.make("Role", name="blind", grants=[{"permission": "*.read"}], fields=fields)
    blind = await house.as_("blind")
    document = "{ startedDeals(groupBy: [%s]) { rows { key { stage { id } owner { id } } } } }"
    before = [await blind.ask(document % by) for by in ("STAGE", "OWNER")]
    for place, stage in enumerate(("Offered", "Met", "New")):
        await Stage.filter(id=shop.ids[Stage, stage]).update(position=place)
    for name, user in zip(("Xerxes", "Bo", "Aaron"), ("Ada", "Bo", "Cy"), strict=True):
        await User.filter(id=shop.ids[User, user]).update(name=name, name_key=name.lower())
    assert [await blind.ask(document % by) for by in ("STAGE", "OWNER")] == before
    seen = [await house.ask(document % by) for by in ("STAGE", "OWNER")]
    assert seen[0]["startedDeals"]["rows"][0]["key"]["stage"]["id"] == f"stage_{shop.ids[Stage, 'Offered']}"
    assert seen[1]["startedDeals"]["rows"][0]["key"]["owner"]["id"] == f"user_{shop.ids[User, 'Cy']}"
    for field in ("stageConversion", "stageDwell", "stageTransitions", "forecast"):
        _, errors = await blind.answer(f"{{ {field} {{ asOf }} }}")
        assert [one["message"] for one in errors] == ["the field stage.position is hidden from you"]


HUNDRED = ", ".join("1" * 100)
DAYS = 'from: "2025-01-01", to: "2026-12-31"'
MANY = [
    ("roi(period: DAY, groupBy: [SOURCE], {})", "groupBy: makes more than 1000 groups; filter more"),
    ("cohorts(period: DAY, columns: 100, {})", "columns: makes more than 10000 cells; ask for fewer columns"),
    (f"timeTo(period: DAY, days: [{HUNDRED}], {{}})", "days: makes more than 10000 points; ask for fewer days"),
    ("timeTo(period: DAY, groupBy: OWNER, days: [1], {})", "groupBy: makes more than 1000 groups; filter more"),
    (
        "conversion(exposed: {{what: CREATED}}, converted: {{what: DEAL_WON}}, period: DAY, groupBy: [CITY], {})",
        "groupBy: makes more than 1000 groups; filter more",
    ),
]


@pytest.mark.parametrize(("question", "reason"), MANY)
async def test_rows_and_their_cells_are_bounded(shop: Shop, question: str, reason: str):
    for city in ("Shiraz", "Tabriz", "Yazd"):
        await shop.house.make("Contact", name=city, city=city)
    await shop.sell(
        [Sale(("Won",), WINTER, WINTER + DAY, owner, source=owner, company="Acme", amount=Decimal(1)) for owner in ("Ada", "Bo", "Cy")]
    )
    contact = (await Contact.all().first()).id  # type: ignore[union-attr]  # three were made
    await Deal.all().update(contact_id=contact)
    _, errors = await shop.house.answer(f"{{ {question.format(DAYS)} {{ asOf }} }}")
    assert [(one["message"].startswith(reason), one["extensions"]["code"]) for one in errors] == [(True, "BAD_USER_INPUT")], errors


async def test_an_address_without_a_picture_says_which_there_are(house: House):
    answer = await house.client.get("/plugins/metrics/salesCycle.svg")
    assert answer.status_code == 404
    assert "no picture of 'salesCycle'; there are averageDeal, cohortConversion, cohorts, " in answer.json()["errors"][0]["message"]
    assert (await house.client.get("/plugins/metrics/winRate.svg?width=0000000000000720")).status_code == 200
    assert "2000" in (await house.client.get("/plugins/metrics/winRate.svg?width=99999999")).json()["errors"][0]["message"]
