"""Scores of contacts, kept by a job, beside an oracle that scores customers one by one."""

import asyncio
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import strategies as st

from core.jobs.asking import enqueue
from core.jobs.trying import do_all
from core.models import Contact
from plugins.metrics.models import MetricsRfmGroup
from plugins.metrics.statistics.bgnbd import BgNbd
from plugins.metrics.statistics.gamma_gamma import GammaGamma
from plugins.metrics.statistics.rfm import RfmGroup
from tests.examples import for_all
from tests.house import House
from tests.plugins.purchases import DAY, Market, Purchase, euros, histories, purchases, scored, simulated, today
from tests.shell import Shell

EURO = {"company": {"currency": "EUR", "time_zone": "UTC"}}
pytestmark = [pytest.mark.anyio, pytest.mark.plugins("metrics"), pytest.mark.settings(**EURO)]

SCORES = """query ($after: String) { contacts(first: 100, after: $after) { pageInfo { endCursor hasNextPage } nodes {
  name rfmRecency rfmFrequency rfmMonetary purchaseGaps aliveProbability expectedPurchases predictedValue
  score { group recency frequency monetary { amount currency } recencyScore frequencyScore monetaryScore
    firstPurchaseOn lastPurchaseOn meanGap gaps aliveProbability expectedPurchases predictedValue { amount } undetermined
    scoredAt } } } }"""
NAMED = "query ($where: ContactFilter, $order: [ContactOrder!]) { contacts(first: 100, where: $where, orderBy: $order) { nodes { name } } }"
RFM = """query ($where: ContactFilter) { rfm(where: $where) { definition asOf scoredAt timeZone currency
  rows { group value numerator denominator purchases monetary { amount } mean { amount } predicted { amount } } } }"""


@pytest.fixture
async def market(house: House) -> Market:
    return await Market(house).open()


async def score(market: Market) -> None:
    """Do what is done every night."""
    await enqueue(market.call, "metrics.score")
    await do_all(market.house.crm, soon=True)


async def told(house: House) -> dict[str, dict[str, Any]]:
    """The contacts by name."""
    found: dict[str, dict[str, Any]] = {}
    more, after = True, None
    while more:
        page = (await house.ask(SCORES, after=after))["contacts"]
        found |= {one["name"]: one for one in page["nodes"]}
        more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
    return found


async def named(house: House, where: Any = None, *order: dict[str, str]) -> list[str]:
    """The names of contacts like this."""
    return [one["name"] for one in (await house.ask(NAMED, where=where, order=list(order)))["contacts"]["nodes"]]


def test_the_groups_are_those_of_the_statistics():
    assert [one.name for one in MetricsRfmGroup] == [one.name for one in RfmGroup]


async def test_scores_are_what_counting_one_by_one_gives(market: Market):
    async def check(sold: list[Purchase]):
        await market.sell(sold)
        await score(market)
        wanted = scored(histories(sold))
        for name, one in (await told(market.house)).items():
            if name not in wanted:
                assert {value for key, value in one.items() if key != "name"} == {None}
                continue
            found, should = one["score"], wanted[name]
            for key, value in should.items():
                if key == "monetary":
                    assert found[key] == {"amount": value, "currency": "EUR"}
                elif key in ("meanGap", "gaps"):
                    assert (found[key] and Decimal(found[key])) == (value or None)
                else:
                    assert found[key] == value, key
            assert (one["rfmRecency"], one["rfmFrequency"], one["purchaseGaps"]) == (found["recency"], found["frequency"], found["gaps"])
            assert euros(int(one["rfmMonetary"])) == found["monetary"]["amount"]
            assert found["aliveProbability"] is one["predictedValue"] is None
            assert "fewer than 30 customers" in found["undetermined"]

    await for_all(check, st.lists(purchases(), max_size=30), share=0.5)


async def test_predictions_are_what_the_models_say_of_each_customer(house: House):
    sold = [*simulated(250), Purchase("N0", today() - 20 * DAY, 900, "USD"), Purchase("N1", today() - 30 * DAY, None)]
    market = await Market(house).open([f"N{number}" for number in range(250)])
    await market.sell(sold)
    await score(market)
    known = histories(sold)
    buyers = {name: one.buyer(today()) for name, one in known.items()}
    buying = BgNbd.fit(buyers.values())
    spending = GammaGamma.fit([(one.again, one.mean) for one in known.values()])
    every = await told(house)
    for name, one in known.items():
        (alive,), (soon,), (year,) = (
            buying.alive([buyers[name]]), buying.purchases(90, [buyers[name]]), buying.purchases(365, [buyers[name]]),
        )  # fmt: skip
        value = year * spending.values([(one.again, one.mean)])[0] / 100
        found = every[name]["score"]
        assert float(found["aliveProbability"]) == pytest.approx(alive, abs=2e-4)
        assert float(found["expectedPurchases"]) == pytest.approx(soon, abs=2e-3)
        assert float(found["predictedValue"]["amount"]) == pytest.approx(value, rel=1e-3, abs=0.02)
        assert found["undetermined"] is None
        assert every[name]["expectedPurchases"] == found["expectedPurchases"]
    whole = await house.ask("{ predictedValue { numerator { amount } } rfm { rows { predicted { amount } } } }")
    total = sum(Decimal(row["predicted"]["amount"]) for row in whole["rfm"]["rows"] if row["predicted"])
    assert total == pytest.approx(Decimal(whole["predictedValue"]["numerator"]["amount"]), abs=Decimal("1.5"))
    best = await named(house, {"predictedValue": {"isNull": False}}, {"field": "PREDICTED_VALUE", "direction": "DESC"})
    assert best == sorted(best, key=lambda name: -int(every[name]["predictedValue"]))
    gone = await named(house, {"aliveProbability": {"lt": "0.2"}})
    assert set(gone) == {name for name, one in every.items() if Decimal(one["aliveProbability"]) < Decimal("0.2")} != set()


async def test_customers_at_risk_and_inactive_ones_are_filters(market: Market):
    lately, long_ago = today() - 2 * DAY, today() - 100 * DAY
    await market.sell(
        [
            *[Purchase("A", long_ago - place * 10 * DAY) for place in range(4)],
            *[Purchase("B", lately - place * 10 * DAY) for place in range(4)],
            Purchase("C", lately), Purchase("D", long_ago), Purchase("E", lately - 50 * DAY), Purchase("E", lately),
        ]
    )  # fmt: skip
    await score(market)
    assert await named(market.house, {"score": {"group": {"in": ["AT_RISK", "CANT_LOSE"]}}}) == ["A"]
    assert await named(market.house, {"purchaseGaps": {"gte": "3"}}) == ["A"]
    assert await named(market.house, {"score": {"gaps": {"gte": "3"}}}) == ["A"]
    assert await named(market.house, {"score": {"lastPurchaseOn": {"lt": lately.isoformat()}}}) == ["A", "D"]
    often = {"field": "RFM_FREQUENCY", "direction": "DESC"}
    assert await named(market.house, {"rfmRecency": {"isNull": False}}, often, {"field": "NAME"}) == ["A", "B", "E", "C", "D"]
    document = "{ metricsScores(orderBy: [{field: RECENCY, direction: DESC}, {field: FREQUENCY}]) { nodes { contact { name } } } }"
    nodes = (await market.house.ask(document))["metricsScores"]["nodes"]
    assert [one["contact"]["name"] for one in nodes][:2] == ["D", "A"]


async def test_rfm_counts_the_customers_of_each_group(market: Market):
    async def check(sold: list[Purchase], city: bool):
        await market.sell(sold)
        await score(market)
        where = {"name": {"in": ["A", "B", "C"]}} if city else None
        answer = (await market.house.ask(RFM, where=where))["rfm"]
        known = histories(sold)
        wanted = {name: one for name, one in scored(known).items() if not city or name in ("A", "B", "C")}
        assert [row["group"] for row in answer["rows"]] == [one.name for one in MetricsRfmGroup]
        assert (answer["scoredAt"] is None) == (not wanted)
        for row in answer["rows"]:
            some = [known[name] for name, one in wanted.items() if one["group"] == row["group"]]
            assert (row["numerator"], row["denominator"]) == (str(len(some)), str(len(wanted)))
            assert row["value"] == (len(some) / len(wanted) if wanted else None)
            assert row["purchases"] == str(sum(one.deals for one in some))
            assert row["monetary"]["amount"] == euros(sum(one.money for one in some))
            assert (row["mean"] is None) == (not some)
            assert row["predicted"] is None

    await for_all(check, st.lists(purchases(), max_size=20), st.booleans(), share=0.3)


async def test_who_sees_only_own_contacts_sees_their_scores(market: Market):
    user = await market.house.make("User", name="Sara")
    await market.sell([Purchase("A", today()), Purchase("B", today() - DAY), Purchase("B", today())])
    await score(market)
    await Contact.filter(name="B").update(owner_id=user.id.removeprefix("user_"))
    sara = await market.house.as_("owner", user.id)
    seen = await sara.ask("{ metricsScores { nodes { contact { name } frequencyScore } } rfm { rows { numerator } } }")
    assert seen["metricsScores"]["nodes"] == [{"contact": {"name": "B"}, "frequencyScore": 3}], "among all customers of the company"
    assert sum(int(row["numerator"]) for row in seen["rfm"]["rows"]) == 1
    found = await sara.ask(NAMED, where={"score": {"frequency": {"gte": 1}}})
    assert [one["name"] for one in found["contacts"]["nodes"]] == ["B"]


@pytest.mark.parametrize("hidden", ["deal.amount", "deal.contact", "deal.closedAt", "stage.kind"])
async def test_scores_tell_nothing_that_is_hidden(market: Market, hidden: str):
    await market.sell([Purchase("A", today())])
    await score(market)
    await market.house.make("Role", name="blind", grants=[{"permission": "*.read"}], fields=[{"field": hidden, "access": "HIDDEN"}])
    blind = await market.house.as_("blind")
    for document in (
        "{ metricsScores { totalCount } }", "{ rfm { currency } }", "{ contacts(where: {score: {frequency: {gte: 1}}}) { totalCount } }",
        "{ contacts(where: {rfmMonetary: {gte: 1}}) { totalCount } }",
        "{ contacts(orderBy: [{field: PREDICTED_VALUE}]) { nodes { name } } }",
    ):  # fmt: skip
        _, errors = await blind.answer(document)
        assert [one["extensions"]["code"] for one in errors] == ["FORBIDDEN"], document


@pytest.mark.settings(**EURO, roles={"nosy": {"contact.read": "all", "metricsScore.read": "all", "metrics.read": "all"}})
async def test_scores_are_for_those_who_may_read_deals(market: Market):
    await market.sell([Purchase("A", today())])
    await score(market)
    _, errors = await (await market.house.as_("nosy")).answer("{ metricsScores { totalCount } }")
    assert [one["extensions"]["code"] for one in errors] == ["FORBIDDEN"]


async def test_scores_go_with_deals_that_are_no_sales_any_more(market: Market):
    await market.sell([Purchase("A", today()), Purchase("B", today())])
    await score(market)
    await score(market)
    assert await named(market.house, {"score": {"frequency": {"eq": 1}}}) == ["A", "B"]
    await market.sell([Purchase("B", today()), Purchase("C", today(), 1, kind="LOST")])
    await score(market)
    assert await named(market.house, {"rfmFrequency": {"isNull": False}}) == ["B"]


async def test_deleted_contacts_have_no_score(market: Market):
    await market.sell([Purchase("A", today()), Purchase("B", today())])
    await score(market)
    delete = "mutation ($id: ID!) { contactDelete(id: $id) { userErrors { message } } }"
    assert (await market.house.ask(delete, id=market.id("A")))["contactDelete"]["userErrors"] == []
    assert sum(int(row["numerator"]) for row in (await market.house.ask(RFM))["rfm"]["rows"]) == 1
    await score(market)
    assert (await market.house.ask("{ metricsScores { totalCount } }"))["metricsScores"]["totalCount"] == 1


async def test_two_scorings_at_once_do_no_harm(market: Market):
    await market.sell([Purchase("A", today()), Purchase("B", today())])
    await asyncio.gather(*(enqueue(market.call, "metrics.score") for _ in range(3)))
    await do_all(market.house.crm, soon=True)
    assert await market.house.sql("SELECT name FROM job WHERE state <> 'DONE' AND name = 'metrics.score'") == []
    assert await named(market.house, {"score": {"frequency": {"eq": 1}}}) == ["A", "B"]


async def test_who_was_erased_is_not_scored_any_more(market: Market):
    await market.sell([Purchase("A", today()), Purchase("B", today())])
    await score(market)
    erase = "mutation ($id: ID!) { contactErase(id: $id) { contact { id } userErrors { message } } }"
    assert (await market.house.ask(erase, id=market.id("A")))["contactErase"]["userErrors"] == []
    assert await named(market.house, {"rfmFrequency": {"isNull": False}}) == ["B"]
    await score(market)
    assert await named(market.house, {"rfmFrequency": {"isNull": False}}) == ["B"]


async def test_what_is_known_of_a_person_has_its_score(market: Market):
    await market.sell([Purchase("A", today())])
    await score(market)
    told = (await market.house.ask("query ($id: ID!) { personalData(contactId: $id) }", id=market.id("A")))["personalData"]
    assert re.search(r"metricsScore.*LOST", str(told))


async def test_contacts_that_are_one_person_have_one_score(market: Market):
    await market.sell([Purchase("A", today() - 10 * DAY), Purchase("B", today()), Purchase("C", today())])
    await score(market)
    merge = "mutation ($into: ID!, $ids: [ID!]!) { contactMerge(into: $into, ids: $ids) { userErrors { message } } }"
    assert (await market.house.ask(merge, into=market.id("A"), ids=[market.id("B")]))["contactMerge"]["userErrors"] == []
    await do_all(market.house.crm, soon=True)
    every = await told(market.house)
    assert (every["A"]["rfmFrequency"], every["A"]["score"]["meanGap"], every["A"]["rfmRecency"]) == (2, "10.0", 0)
    assert await named(market.house, {"rfmFrequency": {"isNull": False}}) == ["A", "C"]


@pytest.mark.plugins("metrics")
async def test_scores_are_worked_out_by_command(payvand: Shell):
    payvand("migrate").well()
    assert payvand("metrics", "score").well().out == "0 customers have scores.\n"
