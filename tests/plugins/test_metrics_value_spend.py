"""Money spent to win customers, and what came of it, beside an oracle that counts day by day."""

import datetime
from collections import defaultdict
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import strategies as st

from core.models import Contact
from plugins.metrics.models import MetricsSpend
from tests.examples import for_all
from tests.house import House
from tests.plugins.purchases import DAY, SOURCES, Market, Purchase, euros, purchases, today
from tests.plugins.sales import start_of

EURO = {"company": {"currency": "EUR", "time_zone": "UTC"}}
pytestmark = [pytest.mark.anyio, pytest.mark.plugins("metrics"), pytest.mark.settings(**EURO)]

COMMON = "definition asOf timeZone calendar currency rows { key { source period { start end complete } }"
ARGUMENTS = "groupBy: $by, period: $period, from: $first, to: $last, spend: $spend"
VARIABLES = "$by: [MetricsSpendDimension!], $period: Period, $first: Date, $last: Date, $spend: MetricsSpendFilter"
ALL = f"""query ({VARIABLES}, $customer: MetricsCustomer! = CONTACT) {{
  acquisitionCost({ARGUMENTS}, customer: $customer) {{ {COMMON} value {{ amount }} exact numerator {{ amount }} denominator }} }}
  costPerLead({ARGUMENTS}) {{ {COMMON} value {{ amount }} exact numerator {{ amount }} denominator }} }}
  roi({ARGUMENTS}) {{ {COMMON} value numerator {{ amount }} denominator {{ amount }} revenue {{ amount }} }} }} }}"""

Outlay = tuple[str | None, int, int, int, str]  # source, days ago, number of days, cents, currency
outlays = st.tuples(
    st.sampled_from((None, "web", "fair")), st.integers(-5, 200), st.integers(1, 90), st.integers(0, 10**6), st.sampled_from(("EUR", "USD"))
)


@pytest.fixture
async def market(house: House) -> Market:
    return await Market(house).open()


async def _pay(outlay: Outlay) -> None:
    source, ago, days, cents, currency = outlay
    start = today() - ago * DAY
    await MetricsSpend.create(source=source, starts_on=start, ends_on=start + (days - 1) * DAY, amount=cents, currency=currency)


def _source(one: Purchase) -> str | None:
    return one.source or (SOURCES.get(one.who) if one.who else None)


async def test_costs_are_what_counting_day_by_day_gives(market: Market):
    async def check(sold: list[Purchase], paid: list[Outlay], by: bool, period: str | None, ago: tuple[int, int] | None, customer: str):
        await MetricsSpend.all().delete()
        await market.sell(sold)
        for outlay in paid:
            await _pay(outlay)
        first, last = (today() - ago[0] * DAY, today() - ago[1] * DAY) if ago else (None, None)
        given = {"first": first and first.isoformat(), "last": last and last.isoformat(), "period": period}
        answer = await market.house.ask(ALL, by=["SOURCE"] if by else [], customer=customer, **given)

        def at(source: str | None, day: datetime.date) -> tuple[str | None, str | None] | None:
            if (first and day < first) or (last and day > last):
                return None
            start = start_of(day, period).isoformat() if period else first.isoformat() if first and last else None
            return (source if by else None, start)

        costs: dict[Any, Fraction] = defaultdict(Fraction)
        for source, since, days, cents, currency in paid:
            for day in (today() - since * DAY + place * DAY for place in range(days)):
                if day <= today() and currency == "EUR":
                    costs[at(source, day)] += Fraction(cents, days)
        won: dict[str, Purchase] = {}
        revenue: dict[Any, int] = defaultdict(int)
        for one in sold:
            name = one.who if customer == "CONTACT" else one.firm
            if one.kind == "WON" and name and (name not in won or one.on < won[name].on):
                won[name] = one
            if one.counts:
                revenue[at(_source(one), one.on)] += one.cents or 0
        customers, leads = defaultdict(int), defaultdict(int)
        for one in won.values():
            customers[at(_source(one), one.on)] += 1
        for model, name in market.ids:
            if model is Contact:
                leads[at(SOURCES.get(name), today())] += 1
        for field, numbers in (("acquisitionCost", customers), ("costPerLead", leads)):
            rows = {_at(row): row for row in answer[field]["rows"]}
            for place in {*costs, *numbers} - {None}:
                cost, number = costs.get(place, Fraction()), numbers.get(place, 0)
                row = rows[place]
                assert (row["numerator"]["amount"], row["denominator"]) == (euros(cost), str(number)), (field, place)
                assert (row["value"] and row["value"]["amount"]) == (euros(cost / number) if number else None)
        rows = {_at(row): row for row in answer["roi"]["rows"]}
        for place in {*costs, *revenue} - {None}:
            cost, come, row = costs.get(place, Fraction()), revenue.get(place, 0), rows[place]
            assert (row["revenue"]["amount"], row["denominator"]["amount"]) == (euros(come), euros(cost))
            assert row["numerator"]["amount"] == euros(come - cost)
            assert row["value"] == (pytest.approx(float((come - cost) / cost)) if cost else None)

    def distinct(sold: list[Purchase]) -> bool:
        """Of two deals on a day it is the id that tells which was first, which a test does not know."""
        contacts, firms = ([(name, one.on) for one in sold if one.kind == "WON" for name in [getattr(one, key)]] for key in ("who", "firm"))
        return len(set(contacts)) == len(contacts) and len(set(firms)) == len(firms)

    await for_all(
        check, st.lists(purchases(), max_size=15).filter(distinct), st.lists(outlays, max_size=5), st.booleans(),
        st.sampled_from((None, "WEEK", "MONTH", "YEAR")), st.none() | st.tuples(st.integers(60, 120), st.integers(0, 50)),
        st.sampled_from(("CONTACT", "COMPANY")),
    )  # fmt: skip


def _at(row: dict[str, Any]) -> tuple[str | None, str | None]:
    return row["key"]["source"], row["key"]["period"] and row["key"]["period"]["start"]


async def test_costs_by_hand(market: Market):
    january = datetime.date(2026, 1, 10)
    house = market.house
    amount = {"amount": "100", "currency": "EUR"}
    web = await house.make("MetricsSpend", "endsOn", source="web", starts_on="2026-01-31", ends_on="2026-02-01", amount=amount)
    assert web.endsOn == "2026-02-01"
    given = {"source": "fair", "starts_on": "2026-01-10", "amount": {**amount, "amount": "60.01"}, "campaign": "Spring"}
    fair = await house.make("MetricsSpend", "endsOn amount { amount }", **given)
    assert (fair.endsOn, fair.amount) == ("2026-01-10", {"amount": "60.01"})
    await market.sell(
        [
            Purchase("A", january, 200_00), Purchase("A", january + 30 * DAY, 50_00, source="web"),
            Purchase("B", january, 10_00, source="fair"),
            Purchase("B", january - 40 * DAY, 1, kind="LOST"), Purchase("D", january + 3 * DAY, 3_00, "USD"),
        ]
    )  # fmt: skip
    answer = await house.ask(ALL, by=["SOURCE"], period="MONTH", first="2026-01-01", last="2026-02-28")
    rows = {
        _at(row): (row["value"] and row["value"]["amount"], row["numerator"]["amount"], row["denominator"])
        for row in answer["acquisitionCost"]["rows"]
    }  # fmt: skip
    assert rows == {
        ("fair", "2026-01-01"): ("30.00", "60.01", "2"), ("fair", "2026-02-01"): (None, "0.00", "0"),
        ("web", "2026-01-01"): (None, "50.00", "0"), ("web", "2026-02-01"): (None, "50.00", "0"),
        (None, "2026-01-01"): ("0.00", "0.00", "1"), (None, "2026-02-01"): (None, "0.00", "0"),
    }  # fmt: skip
    rows = {_at(row): (row["value"], row["revenue"]["amount"]) for row in answer["roi"]["rows"]}
    assert rows["fair", "2026-01-01"] == (pytest.approx((210 - 60.01) / 60.01), "210.00")
    assert rows["web", "2026-02-01"] == (0.0, "50.00"), "the source of the deal counts, and not that of the contact"
    (row,) = (await house.ask(ALL, spend={"campaign": {"eq": "Spring"}}))["costPerLead"]["rows"]
    assert (row["key"], row["numerator"]["amount"], row["denominator"]) == ({"source": None, "period": None}, "60.01", "8")
    assert (row["value"]["amount"], row["exact"]) == ("7.50", 7.50125)


async def test_nothing_is_spent_on_days_that_have_not_come(market: Market):
    await _pay(("web", 1, 20, 90_00, "EUR"))
    days = {"first": (today() + 3 * DAY).isoformat(), "last": (today() + 5 * DAY).isoformat()}
    answer = await market.house.ask(ALL, **days)
    assert [answer[field]["rows"][0]["numerator"]["amount"] for field in ("acquisitionCost", "costPerLead", "roi")] == ["0.00"] * 3


async def test_nothing_spent_and_nobody_won_is_null(house: House):
    answer = await house.ask(ALL)
    for field in ("acquisitionCost", "costPerLead"):
        (row,) = answer[field]["rows"]
        assert (row["value"], row["exact"], row["numerator"]["amount"], row["denominator"]) == (None, None, "0.00", "0")
    (row,) = answer["roi"]["rows"]
    assert (row["value"], row["numerator"]["amount"], row["denominator"]["amount"]) == (None, "0.00", "0.00")
    assert (await house.ask(ALL, by=["SOURCE"], period="MONTH"))["roi"]["rows"] == []


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"startsOn": "2026-02-02", "endsOn": "2026-02-01"}, "endsOn"),
        ({"startsOn": "2026-01-01", "endsOn": "2027-01-02"}, "endsOn"),
        ({"startsOn": "1969-12-31"}, "startsOn"),
        ({"startsOn": "2026-01-01", "amount": {"amount": "-1", "currency": "EUR"}}, "amount"),
    ],
)
async def test_what_cannot_have_been_spent_says_why(house: House, values: dict[str, Any], field: str):
    given = {"amount": {"amount": "1", "currency": "EUR"}, **values}
    document = """mutation ($input: MetricsSpendCreateInput!) {
        metricsSpendCreate(input: $input) { metricsSpend { id } userErrors { field } } }"""
    answer = (await house.ask(document, input=given))["metricsSpendCreate"]
    assert (answer["metricsSpend"], [one["field"] for one in answer["userErrors"]]) == (None, [["input", field]])


@pytest.mark.settings(**EURO, roles={"seller": {"*.read": "all", "metrics.read": "all", "metricsSpend.*": "none"}})
async def test_costs_are_for_those_who_may_see_what_was_spent(house: House):
    seller = await house.as_("seller")
    for field in ("acquisitionCost", "costPerLead", "roi"):
        data, errors = await seller.answer(f"{{ {field} {{ currency }} }}")
        assert (data, [one["extensions"]["code"] for one in errors]) == ({field: None}, ["FORBIDDEN"])


async def test_the_fields_and_everything_about_them_is_described(house: House):
    document = """{ __schema { types { name description fields { name description args { name description } }
        enumValues { name description } } } }"""
    types = {one["name"]: one for one in (await house.ask(document))["__schema"]["types"]}
    names = ("lifetimeValue", "predictedValue", "rfm", "acquisitionCost", "costPerLead", "roi")
    ours = [one for one in types["Query"]["fields"] if one["name"] in names]
    assert len(ours) == len(names)
    shapes = [one for name, one in types.items() if name.startswith("Metrics")]
    parts = [*ours, *(argument for one in ours for argument in one["args"]), *shapes]
    parts += [member for one in shapes for member in (one["fields"] or one["enumValues"] or ())]
    assert [one["name"] for one in parts if not one["description"]] == []
