"""Win rates by money: by what deals are worth, and by the list prices of what is on their lines. Worked out by hand."""

from typing import Any

import pytest

from core.models import Product, Stage
from tests.house import House
from tests.plugins.sales import Shop

pytestmark = [pytest.mark.anyio, pytest.mark.plugins("metrics"), pytest.mark.settings(company={"currency": "EUR"})]

PRICES = {"Anvil": ("100.00", "EUR"), "Bellows": ("19.99", "EUR"), "Crane": ("50.00", "USD")}
ROWS = "currency rows { key { product { name } } value numerator denominator low }"
ASK = f"""query ($currency: String, $by: [MetricsDealDimension!]) {{
    winRateByValue(currency: $currency, groupBy: $by) {{ {ROWS} }} winRateByListPrice(currency: $currency, groupBy: $by) {{ {ROWS} }} }}"""
PRICED = "mutation ($id: ID!, $price: MoneyInput!) { productUpdate(id: $id, input: {price: $price}) { userErrors { message } } }"
GOALS = "{ metricsGoals(orderBy: [{field: NAME}]) { nodes { metric progress { value amount { amount } numerator denominator } } } }"


@pytest.fixture
async def shop(house: House) -> Shop:
    """Two euro deals won and two lost, two in dollars, one that is open and one without lines."""
    made = await Shop(house).open()
    for name, (amount, currency) in PRICES.items():
        price = {"amount": amount, "currency": currency}
        assert await house.ask(PRICED, id=_id(made, name), price=price) == {"productUpdate": {"userErrors": []}}
    await _deal(made, "Won", "150", "EUR", {"Anvil": "2", "Bellows": "1.5"})  # 200 + 29.985, and so 229.99
    await _deal(made, "Won", "30", "EUR", {"Bellows": "1"})  # 19.99
    await _deal(made, "Lost", "0", "EUR", {"Anvil": "1", "Crane": "1"})  # 100, for a crane has no price in euros
    await _deal(made, "Lost", None, "EUR", {"Anvil": "0.5"})  # 50
    await _deal(made, "Won", "45", "USD", {"Crane": "1"})  # 50 dollars
    await _deal(made, "Lost", "5", "USD", {"Crane": "3"})  # 150 dollars
    await _deal(made, "Met", "70", "EUR", {"Anvil": "7"})
    await _deal(made, "Lost", "60", "EUR", {})
    return made


def _id(shop: Shop, product: str) -> str:
    return f"product_{shop.ids[Product, product]}"


async def _deal(shop: Shop, stage: str, amount: str | None, currency: str, lines: dict[str, str]) -> None:
    # What was asked for one, and the discount, are nothing to list prices.
    asked = {"unitPrice": {"amount": "9.00", "currency": currency}, "discount": "10"}
    values: dict[str, Any] = {"lines": [{"productId": _id(shop, name), "quantity": many, **asked} for name, many in lines.items()]}
    if amount is not None:
        values["amount"] = {"amount": amount, "currency": currency}
    await shop.house.make("Deal", title="A deal", stage_id=f"stage_{shop.ids[Stage, stage]}", **values)


def _sides(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(row["numerator"], row["denominator"]) for row in answer["rows"]]


async def test_amounts_of_several_currencies_are_never_summed(shop: Shop):
    found = await shop.house.ask(ASK)
    assert {name: answer["currency"] for name, answer in found.items()} == {"winRateByValue": "EUR", "winRateByListPrice": "EUR"}
    (row,) = found["winRateByValue"]["rows"]
    assert (row["numerator"], row["denominator"], row["value"], row["low"]) == ("180.00", "240.00", 0.75, None)
    found = await shop.house.ask(ASK, currency="USD")
    assert (found["winRateByValue"]["currency"], _sides(found["winRateByValue"])) == ("USD", [("45.00", "50.00")])


async def test_the_list_value_of_a_deal_is_the_sum_over_its_lines(shop: Shop):
    (row,) = (await shop.house.ask(ASK))["winRateByListPrice"]["rows"]
    assert (row["numerator"], row["denominator"], row["low"]) == ("249.98", "399.98", None)
    assert row["value"] == pytest.approx(249.98 / 399.98, rel=1e-15)
    assert _sides((await shop.house.ask(ASK, currency="USD"))["winRateByListPrice"]) == [("50.00", "200.00")]
    assert (await shop.house.ask(ASK, currency="JPY"))["winRateByListPrice"]["rows"][0]["value"] is None


async def test_a_deal_counts_whole_for_each_of_its_products(shop: Shop):
    rows = (await shop.house.ask(ASK, by=["PRODUCT"]))["winRateByListPrice"]["rows"]
    assert [((row["key"]["product"] or {}).get("name"), row["numerator"], row["denominator"]) for row in rows] == [
        ("Anvil", "229.99", "379.99"),
        ("Bellows", "249.98", "249.98"),
        ("Crane", "0.00", "100.00"),
    ]


async def test_goals_for_a_ratio_of_amounts_are_in_the_currency_of_the_company(shop: Shop):
    for name in ("winRateByListPrice", "winRateByValue"):
        await shop.house.make("MetricsGoal", name=name, metric=name, target="0.5", starts_on="2020-01-01", ends_on="2099-12-31")
    listed, worth = (one["progress"] for one in (await shop.house.ask(GOALS))["metricsGoals"]["nodes"])
    assert (listed["numerator"], listed["denominator"], listed["amount"]) == ("249.98", "399.98", None)
    assert (float(worth["numerator"]), float(worth["denominator"]), worth["value"]) == (180, 240, 0.75)


async def test_list_prices_that_are_hidden_are_not_to_be_concluded(shop: Shop):
    fields = [{"field": "product.price", "access": "HIDDEN"}]
    await shop.house.make("Role", name="blind", grants=[{"permission": "*.read"}], fields=fields)
    data, errors = await (await shop.house.as_("blind")).answer("{ winRateByListPrice { rows { value } } }")
    assert (data, [error["extensions"]["code"] for error in errors]) == ({"winRateByListPrice": None}, ["FORBIDDEN"])
