"""Goals: what may be one, and how far each has come, beside an oracle that counts deals one by one."""

import datetime
import logging
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import strategies as st

from core import SYSTEM, Call
from core.models import Contact, Deal, Role, Team, User
from core.records import store
from tests.examples import for_all
from tests.house import House
from tests.plugins.sales import OWNERS, Sale, Shop, local, sales

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.plugins("metrics"),
    pytest.mark.settings(
        company={"currency": "EUR", "time_zone": "Asia/Tehran"},
        roles={"clerk": {"metricsGoal.read": "all", "metrics.read": "all", "deal.read": "own", "stage.read": "all", "user.read": "all"}},
    ),
]

ZONE = "Asia/Tehran"
FIELDS = "progress { asOf value amount { amount currency } numerator denominator share expected projected standing complete }"
GOALS = f"{{ metricsGoals(first: 100, orderBy: [{{field: NAME}}]) {{ nodes {{ name {FIELDS} }} }} }}"
CREATE = """mutation ($input: MetricsGoalCreateInput!) { metricsGoalCreate(input: $input) {
    metricsGoal { id name metric where startsOn endsOn target amount { amount currency } direction owner { name } team { name } version }
    userErrors { field code message } } }"""
PAST = {"startsOn": "2026-01-01", "endsOn": "2026-01-31"}
NOON = datetime.datetime(2026, 1, 10, 12, 0, tzinfo=datetime.UTC)
LATE = datetime.datetime(2026, 1, 31, 20, 45, tzinfo=datetime.UTC)  # in Tehran in February already


@pytest.fixture
async def shop(house: House) -> Shop:
    return await Shop(house).open()


async def _make(house: House, **values: Any) -> Any:
    payload = (await house.ask(CREATE, input={"name": "G", "metric": "wonDeals", **PAST, **values}))["metricsGoalCreate"]
    assert payload["userErrors"] == []
    return payload["metricsGoal"]


async def _progress(house: House) -> dict[str, Any]:
    return {one["name"]: one["progress"] for one in (await house.ask(GOALS))["metricsGoals"]["nodes"]}


async def test_a_goal_is_a_record_like_any_other(shop: Shop):
    house = shop.house
    user = f"user_{shop.ids[User, 'Ada']}"
    where = {"source": {"eq": "web"}, "pipeline": {"name": {"eq": "Sales"}}}
    made = await _make(house, metric="revenue", amount={"amount": "1500.50", "currency": "EUR"}, where=where, ownerId=user)
    assert {name: made[name] for name in ("metric", "target", "amount", "direction", "owner", "team")} == {
        "metric": "revenue", "target": None, "amount": {"amount": "1500.50", "currency": "EUR"}, "direction": "AT_LEAST",
        "owner": {"name": "Ada"}, "team": None,
    }  # fmt: skip
    assert made["where"] == where
    update = """mutation ($id: ID!) { metricsGoalUpdate(id: $id, input: {endsOn: "2026-02-28"}) {
        metricsGoal { endsOn version } userErrors { field message } } }"""
    assert (await house.ask(update, id=made["id"]))["metricsGoalUpdate"]["metricsGoal"] == {"endsOn": "2026-02-28", "version": 2}
    backwards = update.replace("2026-02-28", "2025-02-28")
    assert (await house.ask(backwards, id=made["id"]))["metricsGoalUpdate"]["userErrors"] == [
        {"field": ["input", "endsOn"], "message": "lies before the first day"}
    ]


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"metric": "winrate", "target": "1"}, "metric", "'winrate' is no metric; there are acquisitionCost, averageDeal, "),
    ({"target": "1", "startsOn": "2026-02-01"}, "endsOn", "lies before the first day"),
    ({"target": "1", "startsOn": "1969-12-31"}, "startsOn", "1969-12-31 does not lie between 1970-01-01 and 2099-12-31"),
    ({"target": "1", "endsOn": "2100-01-01"}, "endsOn", "does not lie between"),
    ({}, "target", "is needed: wonDeals is not in money"),
    ({"metric": "revenue"}, "amount", "is needed: revenue is in money"),
    ({"metric": "revenue", "target": "5"}, "amount", "is needed: revenue is in money"),
    ({"target": "5", "amount": {"amount": "5", "currency": "EUR"}}, "amount", "must be left out: wonDeals is not in money"),
    ({"target": "0"}, "target", "must be more than 0"),
    ({"target": "-1", "direction": "AT_MOST"}, "target", "must not be less than 0"),
    ({"metric": "winRate", "target": "35"}, "target", "must be at most 1: winRate is a share"),
    ({"metric": "salesVelocity", "target": "5"}, "amount", "is needed: salesVelocity is in money"),
    ({"metric": "companyRetention", "target": "50"}, "target", "must be at most 1: companyRetention is a share"),
    ({"metric": "conversion", "target": "1", "where": {"stage": {"name": {"eq": "Won"}}}}, "where", "Contact has no such field"),
    ({"target": "1", "where": [1]}, "where", "must be an object"),
    ({"target": "1", "where": {"colour": {"eq": "red"}}}, "where", "Deal has no such field"),
    ({"target": "1", "where": {"source": {"like": "w"}}}, "where", "is no operator here"),
    ({"target": "1", "where": {"stage": {"id": {"eq": "42"}}}}, "where", "is not an id of this server"),
    ({"target": "1", "ownerId": "{Ada}", "teamId": "{North}"}, "teamId", "this one is for a user"),
]  # fmt: skip


async def test_what_cannot_be_reckoned_is_no_goal(shop: Shop):
    ids = {"{Ada}": f"user_{shop.ids[User, 'Ada']}", "{North}": f"team_{shop.ids[Team, 'North']}"}
    for values, field, message in BAD:
        given = {name: ids.get(str(value), value) for name, value in values.items()}
        payload = (await shop.house.ask(CREATE, input={"name": "G", "metric": "wonDeals", **PAST, **given}))["metricsGoalCreate"]
        (error,) = payload["userErrors"]
        assert field in ".".join(error["field"]), (values, error)
        assert message in error["message"], (values, error)


async def test_the_progress_of_goals_that_are_over(shop: Shop):
    house = shop.house
    money = {"amount": "100", "currency": "EUR"}
    await shop.sell(
        [
            Sale(("Won",), NOON, NOON, owner="Ada", source="web", amount=Decimal("60.25")),
            Sale(("Won",), NOON, NOON, owner="Bo", amount=Decimal("40")),
            Sale(("Won",), NOON, NOON, owner="Cy", amount=Decimal("7"), currency="USD"),
            Sale(("Lost",), NOON, NOON, owner="Ada"),
            Sale(("Won",), NOON, LATE, owner="Ada", source="web", amount=Decimal("900")),
            Sale(("Won",), NOON, NOON, owner="Ada", amount=Decimal("900"), deleted=True),
        ]
    )
    await _make(house, name="deals", target="4")
    await _make(house, name="ada", target="1", ownerId=f"user_{shop.ids[User, 'Ada']}")
    await _make(house, name="north", target="2", teamId=f"team_{shop.ids[Team, 'North']}")
    await _make(house, name="web", target="2", where={"source": {"eq": "web"}})
    await _make(house, name="lost", metric="lostDeals", target="0", direction="AT_MOST")
    await _make(house, name="rate", metric="winRate", target="0.75")
    await _make(house, name="money", metric="revenue", amount=money)
    await _make(house, name="each", metric="averageDeal", amount=money)
    await _make(house, name="none", metric="winRate", target="0.5", startsOn="2025-01-01", endsOn="2025-01-01")
    found = await _progress(house)
    shown = {name: [one[field] for field in ("value", "share", "expected", "projected", "standing")] for name, one in found.items()}
    assert shown == {
        "deals": [3.0, 0.75, 1.0, 3.0, "MISSED"],
        "ada": [1.0, 1.0, 1.0, 1.0, "MET"],
        "north": [2.0, 1.0, 1.0, 2.0, "MET"],
        "web": [1.0, 0.5, 1.0, 1.0, "MISSED"],
        "lost": [1.0, None, 1.0, 1.0, "MISSED"],
        "rate": [0.75, 1.0, None, None, "MET"],
        "money": [100.25, 1.0025, 1.0, 100.25, "MET"],
        "each": [50.125, 0.50125, None, None, "MISSED"],
        "none": [None, None, None, None, None],
    }
    assert all(one["complete"] for one in found.values())
    assert found["money"]["amount"] == {"amount": "100.25", "currency": "EUR"}
    assert found["money"]["numerator"] == "100.25"
    assert (found["each"]["amount"], found["each"]["denominator"]) == ({"amount": "50.12", "currency": "EUR"}, "2")


def _day(month: int, day: int, year: int = 2026) -> datetime.datetime:
    return datetime.datetime(year, month, day, 9, tzinfo=datetime.UTC)


SOLD = [
    Sale(("Won",), _day(12, 1, 2025), _day(12, 10, 2025), owner="Ada", company="Acme", amount=Decimal(100)),
    Sale(("Won",), _day(12, 12, 2025), _day(12, 12, 2025), owner="Bo", company="Brick", amount=Decimal(50)),
    Sale(("Won",), _day(12, 26, 2025), _day(1, 5), owner="Ada", company="Acme", amount=Decimal("60.25")),
    Sale(("Won",), _day(1, 4), _day(1, 9), owner="Bo", company="Coal", amount=Decimal(40)),
    Sale(("Won",), _day(1, 1), _day(1, 20), owner="Cy", company="Coal", amount=Decimal(20)),
    Sale(("Lost",), _day(1, 1), _day(1, 15), owner="Ada", company="Acme"),
    Sale(("New",), _day(1, 2), None, owner="Ada"),
]
SHARE, MONEY = {"target": "0.5"}, {"amount": {"amount": "50", "currency": "EUR"}}
# The goals of January by hand: value, numerator, denominator, and how they stand.
FIGURES: dict[str, tuple[dict[str, Any], tuple[float | None, str, str, str | None]]] = {
    "salesCycle": ({"target": "12", "direction": "AT_MOST"}, (34 / 3, "34", "3", "MET")),
    "medianSalesCycle": ({"target": "9", "direction": "AT_MOST"}, (10.0, "10", "1", "MISSED")),
    # One deal is open at the end: 1 x 3 / 4 x 120.25 / 3 euros in 34 / 3 days.
    "salesVelocity": (MONEY, (30.0625 * 3 / 34, "30.0625", "11.33333333333333333333333333", "MISSED")),
    "conversion": (SHARE, (0.5, "1", "2", "MET")),
    "customerRetention": (SHARE, (None, "0", "0", None)),
    "companyRetention": (SHARE, (0.5, "1", "2", "MET")),
    "repeatRate": (SHARE, (0.0, "0", "1", "MISSED")),
    "companyRepeatRate": (SHARE, (0.5, "1", "2", "MET")),
    "lifetimeValue": (MONEY, (40.0, "40", "1", "MISSED")),
    "companyLifetimeValue": (MONEY, (60.0, "60", "1", "MET")),
    "acquisitionCost": ({**MONEY, "direction": "AT_MOST"}, (90.0, "90", "1", "MISSED")),
    "companyAcquisitionCost": ({**MONEY, "direction": "AT_MOST"}, (90.0, "90", "1", "MISSED")),
    "costPerLead": ({**MONEY, "direction": "AT_MOST"}, (45.0, "90", "2", "MET")),
    "roi": ({"target": "0.3"}, (30.25 / 90, "30.25", "90", "MET")),
}


async def test_goals_for_figures_that_are_no_sums(shop: Shop):
    house = shop.house
    await shop.sell(SOLD)
    call = Call(house.crm, SYSTEM)
    people = [{"name": f"P{day}", "created_at": _day(1, day)} for day in (3, 4)]
    first, _ = await store.create_many(call, house.crm.resource(Contact), people, past=True)
    await Deal.filter(closed_at=_day(1, 9)).update(contact_id=first.id)
    spent = {"amount": "90", "currency": "EUR"}
    await house.make("MetricsSpend", source="web", starts_on="2026-01-10", ends_on="2026-01-12", amount=spent)
    for name, (values, _) in FIGURES.items():
        await _make(house, name=name, metric=name, **values)
    found = await _progress(house)
    for name, (_, (value, *sides)) in FIGURES.items():
        one = found[name]
        assert one["value"] == (None if value is None else pytest.approx(value)), name
        assert [one[field] for field in ("numerator", "denominator", "standing")] == sides, name
        assert (one["expected"], one["projected"], one["complete"]) == (None, None, True), name
    assert found["companyLifetimeValue"]["amount"] == {"amount": "60.00", "currency": "EUR"}
    document = """{ salesCycle(from: "2026-01-01", to: "2026-01-31") { rows { mean median } }
        salesVelocity(from: "2026-01-01", to: "2026-01-31") { rows { exact } } roi(from: "2026-01-01", to: "2026-01-31") { rows { value } }
        conversion(from: "2026-01-01", to: "2026-01-31") { rows { value } }
        lifetimeValue(from: "2026-01-01", to: "2026-01-31", customer: COMPANY) { rows { exact } } }"""
    told = {name: list(one["rows"][0].values()) for name, one in (await house.ask(document)).items()}
    assert told == {
        "salesCycle": [found["salesCycle"]["value"], found["medianSalesCycle"]["value"]],
        "salesVelocity": [found["salesVelocity"]["value"]], "roi": [found["roi"]["value"]],
        "conversion": [found["conversion"]["value"]], "lifetimeValue": [found["companyLifetimeValue"]["value"]],
    }  # fmt: skip


async def test_goals_for_figures_are_for_users_and_teams_and_filtered_too(shop: Shop):
    house = shop.house
    await shop.sell(SOLD)
    ada, north = f"user_{shop.ids[User, 'Ada']}", f"team_{shop.ids[Team, 'North']}"
    some = {"metric": "salesCycle", "target": "9", "direction": "AT_MOST"}
    await _make(house, name="all", **some)
    await _make(house, name="ada", ownerId=ada, **some)
    await _make(house, name="north", teamId=north, **some)
    await _make(house, name="coal of north", teamId=north, where={"company": {"name": {"eq": "Coal"}}}, **some)
    await _make(house, name="leads", metric="conversion", target="0.5", ownerId=ada)
    await _make(house, name="soon", metric="roi", target="0.5", startsOn="2098-01-01", endsOn="2098-01-31")
    await _make(house, name="long ago", metric="companyRetention", target="0.5", startsOn="1970-01-01", endsOn="1970-01-31")
    found = await _progress(house)
    assert {name: (one["value"], one["standing"]) for name, one in found.items()} == {
        "all": (pytest.approx(34 / 3), "MISSED"), "ada": (10.0, "MISSED"), "north": (7.5, "MET"), "coal of north": (5.0, "MET"),
        "leads": (None, None), "soon": (None, "NOT_BEGUN"), "long ago": (None, None),
    }  # fmt: skip
    clerk = await house.as_("clerk", str(shop.ids[User, "Bo"]))
    data, errors = await clerk.answer(GOALS)
    shown = {one["name"]: one["progress"] and one["progress"]["value"] for one in data["metricsGoals"]["nodes"]}
    assert [shown[name] for name in ("all", "north", "ada")] == [5.0, 5.0, None], "of the deals that one sees"
    hidden = ("metricsSpend", "contact", "company")
    assert {one["message"] for one in errors} == {f"the permission {name}.read is needed" for name in hidden}


async def test_a_goal_that_runs_is_measured_by_an_even_pace(shop: Shop):
    house = shop.house
    await shop.sell([Sale(("Won",), NOON, NOON) for _ in range(10)])
    begins, ends = "2026-01-01", "2099-12-30"
    days = {"startsOn": begins, "endsOn": ends}
    await _make(house, name="ahead", target="11", **days)
    await _make(house, name="behind", target="90000", **days)
    await _make(house, name="few", target="90000", direction="AT_MOST", **days)
    await _make(house, name="many", target="11", direction="AT_MOST", **days)
    await _make(house, name="later", target="5", startsOn="2099-01-01", endsOn=ends)
    found = await _progress(house)
    at = datetime.datetime.fromisoformat(found["ahead"]["asOf"])
    first, last = (datetime.datetime.fromisoformat(f"{day}T00:00:00+03:30") for day in (begins, "2099-12-31"))
    pace = (at - first) / (last - first)
    for name, standing in (("ahead", "AHEAD"), ("behind", "BEHIND"), ("few", "AHEAD"), ("many", "BEHIND")):
        assert found[name]["standing"] == standing
        assert not found[name]["complete"]
        assert found[name]["expected"] == pytest.approx(pace)
        assert found[name]["projected"] == pytest.approx(10 / pace)
    later = found["later"]
    assert (later["value"], later["expected"], later["projected"], later["standing"]) == (0.0, 0.0, None, "NOT_BEGUN")


goals = st.tuples(
    st.sampled_from(["wonDeals", "winRate", "periodConversion", "revenue"]),
    st.sampled_from([None, "Ada", "Bo", "Cy", "Di", "North", "South"]),
    st.sampled_from([None, "web", "fair"]),
    st.dates(datetime.date(2025, 12, 15), datetime.date(2026, 2, 20)),
    st.integers(0, 60),
)


def _expected(sold: list[Sale], goal: Any) -> tuple[Any, Any]:
    metric, whose, source, first, length = goal
    last = first + datetime.timedelta(days=length)
    known = [one for one in sold if not one.deleted and (source is None or one.source == source)]
    known = [one for one in known if whose is None or whose in (one.owner, OWNERS.get(one.owner or ""))]

    def within(at: datetime.datetime | None) -> bool:
        day = local(at, ZONE)
        return day is not None and first <= day <= last

    closed, started = [one for one in known if within(one.closed)], [one for one in known if within(one.started)]
    won = [one for one in closed if one.kind == "WON"]
    match metric:
        case "wonDeals":
            return Decimal(len(won)), None
        case "revenue":
            return sum((one.amount for one in won if one.amount is not None and one.currency == "EUR"), Decimal(0)), None
        case "winRate":
            return Decimal(len(won)), Decimal(sum(one.kind != "OPEN" for one in closed))
    return Decimal(len(won)), Decimal(len(started))


async def test_progress_is_what_counting_one_by_one_gives(shop: Shop):
    async def check(sold: list[Sale], wanted: list[Any]):
        await shop.sell(sold)
        await shop.house.sql("DELETE FROM metrics_goal")
        for place, (metric, whose, source, first, length) in enumerate(wanted):
            whom: dict[str, Any] = {}
            if whose in OWNERS:
                whom["ownerId"] = f"user_{shop.ids[User, whose]}"
            elif whose:
                whom["teamId"] = f"team_{shop.ids[Team, whose]}"
            target = {"amount": {"amount": "1", "currency": "EUR"}} if metric == "revenue" else {"target": "1"}
            where = {"where": {"source": {"eq": source}}} if source else {}
            days = {"startsOn": first.isoformat(), "endsOn": (first + datetime.timedelta(days=length)).isoformat()}
            await _make(shop.house, name=f"{place:03}", metric=metric, **whom, **target, **where, **days)
        found = await _progress(shop.house)
        for place, goal in enumerate(wanted):
            one = found[f"{place:03}"]
            denominator = one["denominator"]
            assert (Decimal(one["numerator"]), denominator and Decimal(denominator)) == _expected(sold, goal), goal

    await for_all(check, st.lists(sales(), max_size=20), st.lists(goals, min_size=1, max_size=6), share=0.3)


async def test_a_page_of_goals_costs_no_more_statements_than_it_has_metrics_and_filters(shop: Shop, caplog: pytest.LogCaptureFixture):
    owners = [None, *(f"user_{shop.ids[User, name]}" for name in OWNERS)]

    async def statements() -> int:
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "core.records.statements"):
            await _progress(shop.house)
        return sum("metrics_goal" in one.getMessage() and "GROUP BY" in one.getMessage() for one in caplog.records)

    for number in range(10):
        await _make(shop.house, name=f"G {number}", target=str(number + 1), ownerId=owners[number % 5], endsOn=f"2026-0{number % 8 + 1}-28")
    assert await statements() == 1
    await _make(shop.house, name="rate", metric="winRate", target="0.5")
    await _make(shop.house, name="conversion", metric="periodConversion", target="0.5")
    assert await statements() == 4  # the last one has sides of different times


async def test_progress_is_of_the_rows_that_one_sees(shop: Shop):
    house = shop.house
    await shop.sell([Sale(("Won",), NOON, NOON, owner="Ada"), Sale(("Won",), NOON, NOON, owner="Bo")])
    await _make(house, name="deals", target="4")
    clerk = await house.as_("clerk", str(shop.ids[User, "Ada"]))
    data = await clerk.ask(GOALS)
    assert [one["progress"]["value"] for one in data["metricsGoals"]["nodes"]] == [1.0]


async def test_one_goal_that_is_refused_does_not_keep_the_others_from_being_shown(shop: Shop):
    house = shop.house
    await _make(house, name="deals", target="4")
    await _make(house, name="money", metric="revenue", amount={"amount": "4", "currency": "EUR"})
    await _make(house, name="old", target="4")
    await house.sql("UPDATE metrics_goal SET metric = 'gone' WHERE name = 'old'")
    grants = [{"permission": one, "scope": "ALL"} for one in ("metricsGoal.read", "metrics.read", "deal.read", "stage.read")]
    await house.make("Role", name="poor", grants=grants, fields=[{"field": "deal.amount", "access": "HIDDEN"}])
    assert await Role.filter(name="poor").exists()
    poor = await house.as_("poor")
    data, errors = await poor.answer(GOALS)
    shown = {one["name"]: one["progress"] and one["progress"]["value"] for one in data["metricsGoals"]["nodes"]}
    assert shown == {"deals": 0.0, "money": None, "old": None}
    assert sorted(one["extensions"]["code"] for one in errors) == ["BAD_USER_INPUT", "FORBIDDEN"]
    await house.make("Role", name="blind", grants=grants[:1])
    _, errors = await (await house.as_("blind")).answer(GOALS)
    assert {one["message"] for one in errors} == {"the permission metrics.read is needed"}


async def test_a_goal_of_activities_has_owners_too(house: House):
    user = await house.make("User", name="Ada")
    for owner in (user.id, None):
        await house.make("Activity", kind="CALL", subject="S", assignee_id=owner, done_at="2026-01-10T12:00:00Z")
    await _make(house, name="calls", metric="doneActivities", target="1", ownerId=user.id, where={"kind": {"eq": "CALL"}})
    assert (await _progress(house))["calls"]["value"] == 1.0
    assert uuid.UUID(user.id.removeprefix("user_"))
