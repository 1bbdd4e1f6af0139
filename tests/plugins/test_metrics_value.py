"""What customers have brought and will bring, beside an oracle that looks at them one by one."""

import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import strategies as st

from plugins.metrics.statistics.bgnbd import BgNbd
from plugins.metrics.statistics.clv import lifetime_values
from plugins.metrics.statistics.gamma_gamma import GammaGamma
from tests.examples import for_all
from tests.house import Asker, House
from tests.plugins.purchases import DAY, Market, Purchase, histories, lifetime, purchases, simulated, today, values
from tests.plugins.sales import start_of

EURO = {"company": {"currency": "EUR", "time_zone": "UTC"}}
pytestmark = [pytest.mark.anyio, pytest.mark.plugins("metrics"), pytest.mark.settings(**EURO)]

LIFETIME = """query ($customer: MetricsCustomer!, $period: Period, $first: Date, $last: Date, $where: DealFilter, $currency: String) {
  lifetimeValue(customer: $customer, period: $period, from: $first, to: $last, where: $where, currency: $currency) {
    definition asOf timeZone calendar currency rows { period { start end complete }
      value { amount } exact numerator { amount currency } denominator purchases purchasesPerCustomer
      median { amount } p25 { amount } p75 { amount } p90 { amount } } } }"""
PREDICTED = """query ($last: Date, $months: Int! = 12, $discount: Float! = 0, $where: DealFilter) {
  predictedValue(to: $last, months: $months, discount: $discount, where: $where) {
    definition asOf timeZone currency from to complete customers repeatCustomers undetermined buying { r alpha a b }
    spending { p q v mean { amount } } alive expectedPurchases value { amount } numerator { amount } denominator
    calibration { from to customers expected actual ratio } } }"""


@pytest.fixture
async def market(house: House) -> Market:
    return await Market(house).open()


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value["amount"] if isinstance(value, dict) and "amount" in value else value for name, value in row.items()}


async def test_lifetime_values_are_what_counting_one_by_one_gives(market: Market):
    async def check(sold: list[Purchase], customer: str, period: str | None, first: int | None, last: int | None):
        await market.sell(sold)
        days = [None if ago is None else today() - ago * DAY for ago in (first, last)]
        given = {name: day and day.isoformat() for name, day in zip(("first", "last"), days, strict=True)}
        answer = (await market.house.ask(LIFETIME, customer=customer, period=period, **given))["lifetimeValue"]
        low, high = days[0] or datetime.date.min, days[1] or datetime.date.max
        known = [one for one in values(sold, customer).values() if low <= one[0] <= high]
        for row in answer["rows"]:
            start = row["period"] and row["period"]["start"]
            some = [one for one in known if period is None or start_of(one[0], period).isoformat() == start]
            wanted = lifetime([money for _, money, _ in some], sum(deals for _, _, deals in some))
            assert {name: value for name, value in _plain(row).items() if name != "period"} == {
                name: pytest.approx(value) if isinstance(value, float) else value for name, value in wanted.items()
            }
        if period is None:
            assert len(answer["rows"]) == 1
        else:
            starts = [row["period"]["start"] for row in answer["rows"]]
            assert starts == sorted(set(starts)) and {start_of(one[0], period).isoformat() for one in known} <= set(starts)

    ago = st.none() | st.integers(100, 150)
    await for_all(
        check, st.lists(purchases(), max_size=25), st.sampled_from(("CONTACT", "COMPANY")),
        st.sampled_from((None, "WEEK", "MONTH", "QUARTER")), ago, st.none() | st.integers(0, 90),
    )  # fmt: skip


async def test_lifetime_values_by_hand(market: Market):
    first = datetime.date(2026, 1, 31)
    await market.sell(
        [
            Purchase("A", first, 1_00), Purchase("A", first + 40 * DAY, 2_01), Purchase("B", first + DAY, 10_00),
            Purchase("C", first, None), Purchase("D", first, 5_00, "USD"), Purchase("E", first, 5_00, kind="LOST"),
            Purchase(None, first, 7_00),
        ]
    )  # fmt: skip
    answer = (await market.house.ask(LIFETIME, customer="CONTACT"))["lifetimeValue"]
    assert (answer["timeZone"], answer["calendar"], answer["currency"]) == ("UTC", "GREGORIAN", "EUR")
    (row,) = answer["rows"]
    assert _plain(row) == {
        "period": None, "value": "6.50", "exact": 6.505, "numerator": "13.01", "denominator": "2", "purchases": "3",
        "purchasesPerCustomer": 1.5, "median": "6.50", "p25": "4.76", "p75": "8.25", "p90": "9.30",
    }  # fmt: skip
    months = {"period": "MONTH", "first": "2026-01-01", "last": "2026-03-31"}
    rows = (await market.house.ask(LIFETIME, customer="CONTACT", **months))["lifetimeValue"]["rows"]
    assert [(row["period"]["start"], row["value"] and row["value"]["amount"], row["denominator"]) for row in rows] == [
        ("2026-01-01", "3.01", "1"), ("2026-02-01", "10.00", "1"), ("2026-03-01", None, "0"),
    ]  # fmt: skip
    (row,) = (await market.house.ask(LIFETIME, customer="CONTACT", currency="USD"))["lifetimeValue"]["rows"]
    assert (row["value"], row["numerator"]) == ({"amount": "5.00"}, {"amount": "5.00", "currency": "USD"})
    where = {"contact": {"name": {"eq": "B"}}}
    (row,) = (await market.house.ask(LIFETIME, customer="CONTACT", where=where))["lifetimeValue"]["rows"]
    assert (row["numerator"]["amount"], row["denominator"]) == ("10.00", "1")


@pytest.mark.settings(**EURO, roles={"seller": {"*.read": "all", "metrics.read": "all", "company.read": "own"}})
async def test_lifetime_values_by_the_first_purchase(market: Market):
    first = datetime.date(2026, 1, 31)
    await market.sell(
        [
            Purchase("A", first, 1_00, source="web", firm="North"), Purchase("A", first + DAY, 2_00, source="fair", firm="South"),
            Purchase("B", first, 10_00, source="web", firm="South"), Purchase("C", first + DAY, 4_00, firm="North"),
        ]
    )  # fmt: skip
    document = """query ($by: [MetricsDealDimension!], $period: Period) { lifetimeValue(groupBy: $by, period: $period) { rows {
        key { source company { name } period { start } } numerator { amount } denominator median { amount } } } }"""

    async def told(house: Asker, **asked: Any) -> list[tuple[Any, ...]]:
        rows = (await house.ask(document, **asked))["lifetimeValue"]["rows"]
        keys = [(row["key"]["source"], row["key"]["company"] and row["key"]["company"]["name"]) for row in rows]
        return [(*key, row["numerator"]["amount"], row["denominator"], _plain(row)["median"]) for key, row in zip(keys, rows, strict=True)]

    assert await told(market.house, by=["SOURCE"]) == [("web", None, "13.00", "2", "6.50"), (None, None, "4.00", "1", "4.00")]
    assert await told(market.house, by=["COMPANY", "SOURCE"]) == [
        ("web", "North", "3.00", "1", "3.00"), (None, "North", "4.00", "1", "4.00"), ("web", "South", "10.00", "1", "10.00"),
    ]  # fmt: skip
    assert [row[2:] for row in await told(market.house, by=["TAG"], period="DAY")] == [("13.00", "2", "6.50"), ("4.00", "1", "4.00")]
    user = await market.house.make("User", name="Ada")
    seller = await market.house.as_("seller", user.id.removeprefix("user_"))
    assert await told(seller, by=["COMPANY"]) == [(None, None, "17.00", "3", "4.00")], "companies that one does not see are one"


async def test_of_nobody_there_is_no_value(market: Market):
    (row,) = (await market.house.ask(LIFETIME, customer="COMPANY"))["lifetimeValue"]["rows"]
    nothing = dict.fromkeys(("period", "value", "exact", "purchasesPerCustomer", "median", "p25", "p75", "p90"))
    assert _plain(row) == {**nothing, "numerator": "0.00", "denominator": "0", "purchases": "0"}
    answer = (await market.house.ask(PREDICTED))["predictedValue"]
    assert "fewer than 30 customers have bought again" in answer["undetermined"]
    for name in ("from", "buying", "spending", "alive", "expectedPurchases", "value", "numerator", "calibration"):
        assert answer[name] is None
    assert (answer["customers"], answer["to"], answer["complete"]) == ("0", today().isoformat(), False)


async def test_predictions_are_what_the_models_say_of_each_customer(house: House):
    sold = simulated(250)
    sold += [Purchase("N0", today() - 20 * DAY, 900, "USD"), Purchase("N1", today() - 30 * DAY, None)]
    sold += [Purchase("N2", today(), 5, kind="LOST")]
    market = await Market(house).open([f"N{number}" for number in range(250)])
    await market.sell(sold)
    for ago, months, discount in ((0, 12, 0.0), (100, 24, 0.1)):
        end = today() - ago * DAY
        answer = (await house.ask(PREDICTED, last=end.isoformat(), months=months, discount=discount))["predictedValue"]
        known = list(histories(sold, end).values())
        buyers = [one.buyer(end) for one in known]
        buying = BgNbd.fit(buyers)
        spending = GammaGamma.fit([(one.again, one.mean) for one in known])
        assert answer["buying"] == pytest.approx({name: getattr(buying, name) for name in ("r", "alpha", "a", "b")}, rel=1e-4)
        assert answer["spending"]["v"] == pytest.approx(spending.v / 100, rel=1e-4)
        assert (answer["spending"]["p"], answer["spending"]["q"]) == pytest.approx((spending.p, spending.q), rel=1e-4)
        assert answer["alive"] == pytest.approx(sum(buying.alive(buyers)), rel=1e-6)
        assert answer["expectedPurchases"] == pytest.approx(sum(buying.purchases(months * 365 / 12, buyers)), rel=1e-6)
        worth = spending.values([(one.again, one.mean) for one in known])
        total = sum(lifetime_values(buying, buyers, worth, months, 365 / 12, (1 + discount) ** (1 / 12) - 1)) / 100
        assert float(answer["numerator"]["amount"]) == pytest.approx(total, rel=1e-6)
        assert float(answer["value"]["amount"]) == pytest.approx(total / len(known), abs=0.01)
        assert answer["customers"] == answer["denominator"] == str(len(known))
        assert answer["repeatCustomers"] == str(sum(one.again > 0 for one in known))
        assert (answer["undetermined"], answer["to"], answer["complete"]) == (None, end.isoformat(), ago > 0)


async def test_the_last_quarter_is_held_out_to_see_how_well_the_model_does(house: House):
    sold = simulated(250)
    market = await Market(house).open([f"N{number}" for number in range(250)])
    await market.sell(sold)
    answer = (await house.ask(PREDICTED))["predictedValue"]
    first = min(one.on for one in sold)
    cut = today() - (today() - first) // 4
    then, now = histories(sold, cut), histories(sold)
    model = BgNbd.fit([one.buyer(cut) for one in then.values()])
    expected = sum(model.purchases((today() - cut).days, [one.buyer(cut) for one in then.values()]))
    actual = sum(sum(day > cut for day in now[name].days) for name in then)
    found = answer["calibration"]
    assert (found["from"], found["to"]) == ((cut + DAY).isoformat(), today().isoformat())
    assert (found["customers"], found["actual"]) == (str(len(then)), str(actual))
    assert found["expected"] == pytest.approx(expected, rel=1e-4)
    assert found["ratio"] == pytest.approx(expected / actual, rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("months: 0", "months: must be between 1 and 120"),
        ("discount: -0.1", "discount: must be between 0 and 10"),
        ('currency: "XXXX"', "not a currency code"),
        ('to: "1905-01-01"', "to: 1905-01-01 does not lie between"),
        ('timeZone: "Mars/Olympus"', "is not a time zone"),
    ],
)
async def test_what_cannot_be_predicted_says_why(house: House, arguments: str, reason: str):
    data, errors = await house.answer(f"{{ predictedValue({arguments}) {{ customers }} }}")
    assert (data, [one["extensions"]["code"] for one in errors]) == ({"predictedValue": None}, ["BAD_USER_INPUT"])
    assert reason in errors[0]["message"]


async def test_who_sees_only_own_deals_gets_their_value(market: Market):
    user = await market.house.make("User", name="Sara")
    await market.sell([Purchase("A", today(), 100), Purchase("A", today(), 200), Purchase("B", today(), 400)])
    deals = (await market.house.ask("{ deals { nodes { id amount { amount } } } }"))["deals"]["nodes"]
    own = next(one["id"] for one in deals if Decimal(one["amount"]["amount"]) == 2)
    await market.house.ask(
        "mutation ($id: ID!, $input: DealUpdateInput!) { dealUpdate(id: $id, input: $input) { userErrors { message } } }",
        id=own, input={"ownerId": user.id},
    )  # fmt: skip
    sara = await market.house.as_("owner", user.id)
    (row,) = (await sara.ask(LIFETIME, customer="CONTACT"))["lifetimeValue"]["rows"]
    assert (row["numerator"]["amount"], row["denominator"]) == ("2.00", "1")
    assert (await sara.ask(PREDICTED))["predictedValue"]["customers"] == "1"


@pytest.mark.parametrize("hidden", ["deal.amount", "deal.contact", "stage.kind", "deal.closed_at"])
async def test_what_is_hidden_is_not_told_by_values(house: House, hidden: str):
    resource, name = hidden.split(".")
    field = {"closed_at": "closedAt"}.get(name, name)
    await house.make("Role", name="blind", grants=[{"permission": "*.read"}], fields=[{"field": f"{resource}.{field}", "access": "HIDDEN"}])
    blind = await house.as_("blind")
    for field in ("lifetimeValue { currency }", "predictedValue { currency }", "rfm { currency }"):
        data, errors = await blind.answer(f"{{ {field} }}")
        assert (data, [one["extensions"]["code"] for one in errors]) == ({field.split()[0]: None}, ["FORBIDDEN"])
