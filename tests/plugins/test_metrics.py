"""Metrics through the front door, beside an oracle that counts deals one by one."""

import datetime
import logging
import re
from decimal import Decimal
from typing import Any

import pytest
from graphql import get_introspection_query
from hypothesis import strategies as st

from core.models import User
from tests.examples import for_all
from tests.house import House, Houses
from tests.plugins.sales import Asked, Sale, Shop, asked, cohort, cycle, funnel, sales, won_and_lost

pytestmark = [pytest.mark.anyio, pytest.mark.plugins("metrics")]

WINTER = datetime.datetime(2026, 1, 31, 22, 0, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
VARIABLES = "$by: [MetricsDimension!], $period: Period, $zone: String, $first: Date, $last: Date"
ARGUMENTS = "groupBy: $by, period: $period, timeZone: $zone, from: $first, to: $last"
KEY = "key { owner { name } team { name } product { name } pipeline { name } source period { start end complete } }"
WIN_RATE = f"""query ({VARIABLES}, $dated: MetricsDateField!) {{ winRate({ARGUMENTS}, dateField: $dated) {{
    {KEY} won lost open rate conversion revenue {{ amount currency }} }} }}"""
CYCLE = f"""query ({VARIABLES}, $dated: MetricsDateField!, $outcome: MetricsOutcome!) {{
    salesCycle({ARGUMENTS}, dateField: $dated, outcome: $outcome) {{ {KEY} deals mean median p25 p75 p90 min max }} }}"""
FUNNEL = f"""query ({VARIABLES}) {{ stageConversion({ARGUMENTS}) {{
    {KEY} steps {{ stage {{ name }} reached stepRate totalRate drop }} }} }}"""
OUTCOMES = {"WON": ("WON",), "LOST": ("LOST",), "CLOSED": ("WON", "LOST")}


@pytest.fixture
async def shop(house: House) -> Shop:
    return await Shop(house).open()


def _key(question: Asked, row: dict[str, Any]) -> tuple[list[str | None], str | None]:
    key = row["key"]
    names = [key[one.lower()] for one in question.by]
    period = key["period"]
    return [one["name"] if isinstance(one, dict) else one for one in names], period and period["start"]


async def test_win_rate_is_what_counting_one_by_one_gives(shop: Shop):
    async def check(sold: list[Sale], question: Asked):
        await shop.sell(sold)
        answer = (await shop.house.ask(WIN_RATE, **question.variables, dated=question.dated))["winRate"]
        wanted = question.rows(sold, won_and_lost)
        assert [_key(question, row) for row in answer] == [(names, start) for names, start, _ in wanted]
        dateless = question.dated == "CLOSED_AT" and (question.period or question.first or question.last)
        for row, (_, _, figures) in zip(answer, wanted, strict=True):
            won, lost, open = figures["won"], figures["lost"], figures["open"]
            assert (row["won"], row["lost"], row["open"]) == (won, lost, None if dateless else open)
            assert row["rate"] == (won / (won + lost) if won + lost else None)
            assert row["conversion"] == (won / (won + lost + open) if won + lost + open and not dateless else None)
            assert [(one["currency"], Decimal(one["amount"])) for one in row["revenue"]] == figures["revenue"]

    await for_all(check, st.lists(sales(), max_size=25), asked)


async def test_sales_cycle_is_what_the_standard_library_gives(shop: Shop):
    async def check(sold: list[Sale], question: Asked, outcome: str):
        await shop.sell(sold)
        answer = (await shop.house.ask(CYCLE, **question.variables, dated=question.dated, outcome=outcome))["salesCycle"]
        measured = [one for one in sold if one.kind in OUTCOMES[outcome] and one.started and one.closed]
        wanted = question.rows(measured, lambda some: cycle(some, question.zone, OUTCOMES[outcome]))
        assert [_key(question, row) for row in answer] == [(names, start) for names, start, _ in wanted]
        for row, (_, _, figures) in zip(answer, wanted, strict=True):
            assert {name: row[name] for name in figures} == {
                name: value if value is None else pytest.approx(value, abs=1e-9) for name, value in figures.items()
            }

    await for_all(check, st.lists(sales(), max_size=25), asked, st.sampled_from(sorted(OUTCOMES)))


async def test_stage_conversion_is_what_counting_one_by_one_gives(shop: Shop):
    async def check(sold: list[Sale], question: Asked):
        await shop.sell(sold)
        answer = (await shop.house.ask(FUNNEL, **question.variables))["stageConversion"]
        wanted = cohort(question).rows(sold, funnel)
        assert [_key(question, row) for row in answer] == [(names, start) for names, start, _ in wanted]
        for row, (_, _, reached) in zip(answer, wanted, strict=True):
            assert [(one["stage"]["name"], one["reached"]) for one in row["steps"]] == list(
                zip(("New", "Met", "Offered", "Won"), reached, strict=True)
            )
            assert row["steps"][0]["stepRate"] is None
            assert row["steps"][0]["drop"] is None
            for before, one in zip(row["steps"], row["steps"][1:], strict=False):
                assert one["drop"] == before["reached"] - one["reached"]
                assert one["stepRate"] == (one["reached"] / before["reached"] if before["reached"] else None)
            for one in row["steps"]:
                assert one["totalRate"] == (one["reached"] / reached[0] if reached[0] else None)

    await for_all(check, st.lists(sales(), max_size=25), asked)


async def test_nothing_is_null_and_never_zero(house: House):
    data = await house.ask(
        "{ winRate { won lost open rate conversion revenue { amount } key { owner { id } period { start } } }"
        " salesCycle { deals mean median p25 p75 p90 min max } stageConversion { steps { reached } }"
        " winRateByOwner: winRate(groupBy: [OWNER]) { won } winRateByMonth: winRate(period: MONTH) { won } }"
    )
    key = {"owner": None, "period": None}
    assert data["winRate"] == [{"won": 0, "lost": 0, "open": 0, "rate": None, "conversion": None, "revenue": [], "key": key}]
    nothing = dict.fromkeys(("mean", "median", "p25", "p75", "p90", "min", "max"))
    assert data["salesCycle"] == [{"deals": 0, **nothing}]
    assert data["stageConversion"] == data["winRateByOwner"] == data["winRateByMonth"] == []


async def test_a_funnel_without_deals_has_rates_of_null(shop: Shop):
    (row,) = (await shop.house.ask(FUNNEL))["stageConversion"]
    assert [(one["reached"], one["stepRate"], one["totalRate"]) for one in row["steps"]] == [(0, None, None)] * 4


async def test_periods_in_which_nothing_was_are_there(shop: Shop):
    await shop.sell([Sale(("Won",), WINTER, WINTER + DAY)])
    question = Asked(period="MONTH", first=datetime.date(2025, 12, 31), last=datetime.date(2026, 3, 31))
    rows = (await shop.house.ask(WIN_RATE, **question.variables, dated="CLOSED_AT"))["winRate"]
    assert [(row["key"]["period"]["start"], row["key"]["period"]["end"], row["won"], row["rate"]) for row in rows] == [
        ("2025-12-01", "2025-12-31", 0, None),
        ("2026-01-01", "2026-01-31", 0, None),
        ("2026-02-01", "2026-02-28", 1, 1.0),
        ("2026-03-01", "2026-03-31", 0, None),
    ]
    assert [row["key"]["period"]["complete"] for row in rows] == [False, True, True, True], "the first one is cut"


@pytest.mark.parametrize("year", [1801, 2199])
async def test_a_deal_of_a_wrong_year_makes_no_thousands_of_periods(shop: Shop, year: int):
    wrong = datetime.datetime(year, 6, 30, tzinfo=datetime.UTC)
    await shop.sell([Sale(("Won",), wrong, wrong), Sale(("Won",), WINTER, WINTER)])
    _, errors = await shop.house.answer(WIN_RATE, **Asked(period="MONTH").variables, dated="CLOSED_AT")
    assert ["name from and to" in one["message"] for one in errors] == [True]
    question = Asked(period="MONTH", first=WINTER.date(), last=WINTER.date())
    (row,) = (await shop.house.ask(WIN_RATE, **question.variables, dated="CLOSED_AT"))["winRate"]
    assert row["won"] == 1


async def test_the_period_that_is_not_over_is_marked(shop: Shop):
    now = datetime.datetime.now(datetime.UTC)
    await shop.sell([Sale(("Won",), now - 400 * DAY, now - 400 * DAY), Sale(("Won",), now - DAY, now)])
    rows = (await shop.house.ask(WIN_RATE, **Asked(period="YEAR").variables, dated="CLOSED_AT"))["winRate"]
    assert [row["key"]["period"]["complete"] for row in rows] == [True] * (len(rows) - 1) + [False]


async def test_days_are_those_of_the_time_zone(shop: Shop):
    await shop.sell([Sale(("Won",), WINTER - 3 * DAY, WINTER)])  # half past one in the night of February 1 in Tehran
    for zone, month in (("UTC", "2026-01-01"), ("Asia/Tehran", "2026-02-01"), (None, "2026-02-01")):
        variables = {**Asked(period="MONTH").variables, "zone": zone}
        rows = (await shop.house.ask(WIN_RATE, **variables, dated="CLOSED_AT"))["winRate"]
        assert [row["key"]["period"]["start"] for row in rows] == [month], zone
        (row,) = (await shop.house.ask(CYCLE, zone=zone, outcome="WON", dated="CLOSED_AT"))["salesCycle"]
        assert (row["deals"], row["median"]) == (1, 3)


async def test_a_filter_says_which_deals_count(shop: Shop):
    await shop.sell([Sale(("Won",), owner="Ada"), Sale(("Lost",), owner="Ada"), Sale(("Lost",), owner="Bo")])
    document = "query ($where: DealFilter) { winRate(where: $where) { won lost } stageConversion(where: $where) { steps { reached } } }"
    data = await shop.house.ask(document, where={"owner": {"name": {"eq": "ADA"}}})
    assert data["winRate"] == [{"won": 1, "lost": 1}]
    assert data["stageConversion"][0]["steps"][0]["reached"] == 2
    data = await shop.house.ask(document, where={"not": {"stage": {"kind": {"eq": "WON"}}}})
    assert data["winRate"] == [{"won": 0, "lost": 2}]


async def test_one_who_sees_only_own_deals_gets_their_metrics(shop: Shop):
    await shop.sell([Sale(("Met", "Won"), WINTER, WINTER + 4 * DAY, owner="Ada"), Sale(("Lost",), WINTER, WINTER + DAY, owner="Bo")])
    ada = await shop.house.as_("owner", str(shop.ids[User, "Ada"]))
    data = await ada.ask(
        "{ winRate(groupBy: [OWNER]) { key { owner { name } } won lost } salesCycle(outcome: CLOSED) { deals mean }"
        " stageConversion { steps { reached } } }"
    )
    assert data["winRate"] == [{"key": {"owner": {"name": "Ada"}}, "won": 1, "lost": 0}]
    assert data["salesCycle"] == [{"deals": 1, "mean": 4.0}]
    assert [one["reached"] for one in data["stageConversion"][0]["steps"]] == [1, 1, 1, 1]


@pytest.mark.settings(roles={"reader": {"*.read": "all", "metrics.read": "none"}, "counter": {"metrics.read": "all"}})
@pytest.mark.parametrize("role", ["reader", "counter"])
async def test_metrics_need_their_own_permission_and_that_of_the_deals(house: House, role: str):
    asker = await house.as_(role)
    for field in ("winRate { won }", "salesCycle { deals }", "stageConversion { steps { reached } }"):
        data, errors = await asker.answer(f"{{ {field} __typename }}")
        assert data == {field.split()[0]: None, "__typename": "Query"}
        assert [one["extensions"]["code"] for one in errors] == ["FORBIDDEN"]


async def test_won_again_after_all_counts_by_where_the_deal_stands(shop: Shop):
    await shop.sell([Sale(("New", "Won", "Met")), Sale(("Won", "Lost")), Sale(("Met", "Lost")), Sale(("Lost",)), Sale(("Offered", "New"))])
    (row,) = (await shop.house.ask(FUNNEL))["stageConversion"]
    assert [one["reached"] for one in row["steps"]] == [5, 4, 3, 0]


async def test_a_funnel_is_of_one_pipeline(shop: Shop):
    await shop.sell([Sale(("Met",))])
    document = "query ($id: ID) { stageConversion(pipelineId: $id) { steps { stage { name } reached } } }"
    pipelines = {one["name"]: one["id"] for one in (await shop.house.ask("{ pipelines { nodes { id name } } }"))["pipelines"]["nodes"]}
    assert (await shop.house.ask(document, id=pipelines["Renewals"]))["stageConversion"] == [{"steps": []}]
    assert (await shop.house.ask(document, id=pipelines["Sales"])) == (await shop.house.ask(document))
    for id, code in (("pipeline_01890a5d-ac96-774b-bcce-b302099a8057", "NOT_FOUND"), ("deal_x", "BAD_USER_INPUT")):
        data, errors = await shop.house.answer(document, id=id)
        assert (data, [one["extensions"]["code"] for one in errors]) == ({"stageConversion": None}, [code])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ('timeZone: "Mars/Olympus"', "timeZone: 'Mars/Olympus' is not a time zone"),
        ('timeZone: "\'; DROP TABLE deal"', "is not a time zone"),
        ('from: "2026-02-01", to: "2026-01-01"', "from: lies after to"),
        ('from: "0001-01-01"', "from: must lie between 1970-01-01 and 2100-01-01"),
        ('to: "9999-12-31"', "to: must lie between"),
        ('from: "1990-01-01", to: "2026-01-01", period: DAY', "groupBy: makes more than 1000 groups"),
    ],
)
async def test_what_cannot_be_answered_says_why(house: House, arguments: str, reason: str):
    data, errors = await house.answer(f"{{ winRate({arguments}) {{ won }} }}")
    assert data == {"winRate": None}
    assert [one["extensions"]["code"] for one in errors] == ["BAD_USER_INPUT"]
    assert reason in errors[0]["message"]


async def test_the_number_of_statements_does_not_grow_with_the_groups(shop: Shop, caplog: pytest.LogCaptureFixture):
    async def statements() -> int:
        caplog.clear()
        with caplog.at_level(logging.DEBUG, logger="tortoise.db_client"):
            await shop.house.ask(WIN_RATE, **every.variables, dated="CLOSED_AT")
            await shop.house.ask(CYCLE, **every.variables, dated="CLOSED_AT", outcome="WON")
            await shop.house.ask(FUNNEL, **every.variables)
        # Who asks is looked up now and then, and not for each request.
        who = re.compile('(FROM|UPDATE) "(api_key|role|role_grant|role_field)"')
        return len([one for one in caplog.records if one.name == "tortoise.db_client" and not who.search(one.getMessage())])

    every = Asked(("OWNER", "TEAM", "PRODUCT", "PIPELINE", "SOURCE"), "MONTH")
    await shop.sell([Sale(("Won",), WINTER, WINTER, "Ada", ("Anvil",))])
    few = await statements()
    await shop.sell(
        [
            Sale(("Won",), WINTER, WINTER + place * 10 * DAY, owner, (product,), source)
            for place, (owner, product, source) in enumerate(
                (owner, product, source) for owner in ("Ada", "Bo", "Cy") for product in ("Anvil", "Crane") for source in ("web", "fair")
            )
        ]
    )
    assert await statements() == few > 0


async def test_the_fields_and_everything_about_them_is_described(house: House):
    schema = (await house.ask(get_introspection_query()))["__schema"]
    types = {one["name"]: one for one in schema["types"]}
    ours = [one for name, one in types.items() if name.startswith("Metrics")]
    assert len(ours) == 9
    fields = [one for one in types["Query"]["fields"] if one["name"] in ("winRate", "salesCycle", "stageConversion")]
    assert len(fields) == 3
    parts = [*ours, *fields, *(argument for one in fields for argument in one["args"]), *types["Period"]["enumValues"]]
    parts += [member for one in ours for member in (one["fields"] or one["enumValues"])]
    assert [one["name"] for one in parts if not one["description"]] == []
    assert types["Period"]["enumValues"][1]["description"] == "from Monday to Sunday (ISO 8601) where nothing else is said."


@pytest.mark.plugins()
async def test_a_disabled_plugin_leaves_no_trace(houses: Houses):
    async def schema(*plugins: str) -> Any:
        async with houses(*plugins) as house:
            return await house.ask(get_introspection_query())

    before, with_metrics, after = await schema(), await schema("metrics"), await schema()
    assert before == after != with_metrics
    assert "metric" not in str(before).lower()


async def test_a_key_tells_of_no_record_that_is_hidden(house: House):
    line = await house.make("Pipeline", name="sales")
    await house.make("Stage", name="first", pipeline_id=line.id, kind="OPEN")
    for name in ("a", "b", "c"):
        team = await house.make("Team", name=name)
        user, product = await house.make("User", name=name, team_id=team.id), await house.make("Product", name=name, sku=name)
        await house.make("Deal", title="d", owner_id=user.id, lines=[{"productId": product.id, "quantity": "1"}])
    grants = [{"permission": f"{one}.read", "scope": "WHERE", "where": {"name": {"eq": "a"}}} for one in ("user", "product", "team")]
    await house.make("Role", name="narrow", grants=[{"permission": "*.read"}, *grants])
    narrow = await house.as_("narrow")
    for dimension in ("owner", "team", "product"):
        rows = (await narrow.ask(f"{{ winRate(groupBy: [{dimension.upper()}]) {{ key {{ {dimension} {{ name }} }} open }} }}"))["winRate"]
        assert [(row["key"][dimension], row["open"]) for row in rows] == [({"name": "a"}, 1), (None, 2)]


@pytest.mark.parametrize(
    ("dimension", "hidden"), [("TEAM", "user.team"), ("PRODUCT", "dealLine.product"), ("OWNER", "deal.owner"), ("SOURCE", "stage.kind")]
)
async def test_a_hidden_field_makes_no_key(house: House, dimension: str, hidden: str):
    await house.make("Role", name="blind", grants=[{"permission": "*.read"}], fields=[{"field": hidden, "access": "HIDDEN"}])
    data, errors = await (await house.as_("blind")).answer(f"{{ winRate(groupBy: [{dimension}]) {{ open }} }}")
    assert (data, [error["extensions"]["code"] for error in errors]) == ({"winRate": None}, ["FORBIDDEN"])
