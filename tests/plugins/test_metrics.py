"""Metrics through the front door, beside an oracle that counts deals one by one."""

import datetime
import itertools
import logging
import re
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

import pytest
from graphql import get_introspection_query
from hypothesis import strategies as st

from core.models import User
from plugins.metrics.bundled import metrics
from tests.examples import for_all
from tests.house import House, Houses
from tests.plugins.sales import (
    IN_MONEY,
    METRICS,
    Asked,
    Days,
    Expected,
    Figure,
    Sale,
    Shop,
    asked,
    bounded,
    cycle,
    measured,
    sales,
    stages,
)

pytestmark = [pytest.mark.anyio, pytest.mark.plugins("metrics")]

WINTER = datetime.datetime(2026, 1, 31, 22, 0, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
VARIABLES = "$by: [MetricsDealDimension!], $period: Period, $zone: String, $first: Date, $last: Date, $calendar: Calendar!"
ARGUMENTS = "groupBy: $by, period: $period, timeZone: $zone, from: $first, to: $last, calendar: $calendar"
KEY = (
    "key { owner { name } team { name } parentTeam { name } product { name } pipeline { name } source industry"
    " period { start end complete } }"
)
SAID = "definition asOf timeZone calendar"
THEN = "period { start end } value numerator denominator difference growth"
NUMBERS = f"{SAID} rows {{ {KEY} value numerator denominator low high previous {{ {THEN} }} lastYear {{ {THEN} }} }}"
AMOUNT = "amount currency"
MONEY_THEN = f"period {{ start end }} value {{ {AMOUNT} }} numerator {{ {AMOUNT} }} denominator difference {{ {AMOUNT} }} growth"
MONEY = (
    f"{SAID} currency rows {{ {KEY} value {{ {AMOUNT} }} exact numerator {{ {AMOUNT} }} denominator"
    f" previous {{ {MONEY_THEN} }} lastYear {{ {MONEY_THEN} }} }}"
)
RATES = f"query ({VARIABLES}) {{ {' '.join(f'{name}({ARGUMENTS}) {{ {NUMBERS} }}' for name in METRICS)} }}"
IN_CURRENCY = f"{ARGUMENTS}, currency: $currency"
AMOUNTS = f"query ({VARIABLES}, $currency: String) {{ {' '.join(f'{name}({IN_CURRENCY}) {{ {MONEY} }}' for name in IN_MONEY)} }}"
WIN_RATE = f"query ({VARIABLES}) {{ winRate({ARGUMENTS}) {{ rows {{ {KEY} value numerator denominator }} }} }}"
CYCLE = f"""query ({VARIABLES}, $outcome: MetricsOutcome!) {{
    salesCycle({ARGUMENTS}, outcome: $outcome) {{ {SAID} rows {{ {KEY} deals mean median p25 p75 p90 min max }} }} }}"""
SHARE = "value numerator denominator low high"
STAGES = f"""query ({VARIABLES}) {{ stageConversion({ARGUMENTS}) {{ {SAID} pipeline {{ name }} rows {{
    {KEY} steps {{ stage {{ name }} reached open fromPrevious {{ {SHARE} }} fromFirst {{ {SHARE} }} dropped }} }} }} }}"""
LOGS = ("tortoise.db_client", "core.records.statements")  # of the object mapper, and of statements that readers answer
OUTCOMES = {"WON": ("WON",), "LOST": ("LOST",), "CLOSED": ("WON", "LOST")}


@pytest.fixture
async def shop(house: House) -> Shop:
    return await Shop(house).open()


def _key(question: Asked, row: dict[str, Any]) -> tuple[tuple[str | None, ...], Days | None]:
    key = row["key"]
    names = [key["parentTeam" if one == "PARENT_TEAM" else one.lower()] for one in question.by]
    period = key["period"]
    return tuple(one["name"] if isinstance(one, dict) else one for one in names), period and _days(period)


def _days(period: dict[str, Any]) -> Days:
    return Days(datetime.date.fromisoformat(period["start"]), datetime.date.fromisoformat(period["end"]))


def _same(number: float | None, wanted: Fraction | None) -> bool:
    return number is None if wanted is None else number == float(wanted)


def _holds(row: dict[str, Any], wanted: Figure) -> None:
    assert (Decimal(row["numerator"]), row["denominator"] and Decimal(row["denominator"])) == (wanted.numerator, wanted.denominator)
    assert _same(row["value"], wanted.value)


def _less(value: Fraction | None, then: Fraction | None) -> Fraction | None:
    return None if value is None or then is None else value - then


def _growth(value: Fraction | None, then: Fraction | None) -> Fraction | None:
    return None if value is None or not then else value / then - 1


def _money(value: Fraction | None, currency: str) -> dict[str, str] | None:
    if value is None:
        return None
    cents = (Decimal(value.numerator) / value.denominator).to_integral_value(ROUND_HALF_EVEN)
    return {"amount": f"{cents.scaleb(-2):.2f}", "currency": currency}


async def test_a_metric_is_what_counting_one_by_one_gives(shop: Shop):
    async def check(sold: list[Sale], question: Asked):
        question = bounded(question)
        await shop.sell(sold)
        answer = await shop.house.ask(RATES, **question.variables)
        for name, sides in METRICS.items():
            wanted, rows = measured(question, sold, sides), answer[name]["rows"]
            assert [_key(question, row) for row in rows] == [(one.names, one.days) for one in wanted], name
            for row, one in zip(rows, wanted, strict=True):
                _holds(row, one.figure)
                _compared(row, one)
                assert (row["low"] is None) == (name not in ("winRate", "cohortConversion") or not one.figure.denominator)
                assert row["low"] is None or 0 <= row["low"] <= row["value"] <= row["high"] <= 1

    await for_all(check, st.lists(sales(), max_size=20), asked)


def _compared(row: dict[str, Any], wanted: Expected) -> None:
    for name in ("previous", "lastYear"):
        if wanted.days is None:
            assert row[name] is None
            continue
        days, then = wanted.others[name]
        assert _days(row[name]["period"]) == days
        _holds(row[name], then)
        assert _same(row[name]["difference"], _less(wanted.figure.value, then.value))
        assert _same(row[name]["growth"], _growth(wanted.figure.value, then.value))


async def test_money_is_what_adding_one_by_one_gives(shop: Shop):
    async def check(sold: list[Sale], question: Asked, currency: str):
        question = bounded(question)
        await shop.sell(sold)
        answer = await shop.house.ask(AMOUNTS, **question.variables, currency=currency)
        ours = [one for one in sold if one.currency == currency and one.amount is not None]
        for name, sides in IN_MONEY.items():
            wanted, rows = measured(question, ours, sides), answer[name]["rows"]
            assert answer[name]["currency"] == currency
            assert [_key(question, row) for row in rows] == [(one.names, one.days) for one in wanted], name
            for row, one in zip(rows, wanted, strict=True):
                _is_worth(row, one.figure, currency)
                assert _same(row["exact"], one.figure.value and one.figure.value / 100)
                for other in ("previous", "lastYear") if one.days else ():
                    days, then = one.others[other]
                    assert _days(row[other]["period"]) == days
                    _is_worth(row[other], then, currency)
                    assert row[other]["difference"] == _money(_less(one.figure.value, then.value), currency)
                    assert _same(row[other]["growth"], _growth(one.figure.value, then.value))

    await for_all(check, st.lists(sales(), max_size=20), asked, st.sampled_from(("EUR", "USD")))


def _is_worth(row: dict[str, Any], wanted: Figure, currency: str) -> None:
    assert row["numerator"] == _money(Fraction(wanted.numerator), currency)
    assert (row["denominator"] and int(row["denominator"])) == wanted.denominator
    assert row["value"] == _money(wanted.value, currency)


@pytest.mark.settings(company={"week_begins": "saturday"})
async def test_weeks_begin_on_the_day_of_the_company(shop: Shop):
    async def check(sold: list[Sale], question: Asked):
        question = replace(question, period="WEEK", weekday=5)
        await shop.sell(sold)
        rows = (await shop.house.ask(RATES, **question.variables))["winRate"]["rows"]
        wanted = measured(question, sold, METRICS["winRate"])
        assert [_key(question, row) for row in rows] == [(one.names, one.days) for one in wanted]
        for row, one in zip(rows, wanted, strict=True):
            _holds(row, one.figure)
            _compared(row, one)

    await for_all(check, st.lists(sales(), max_size=10), asked, share=0.5)


async def test_an_answer_says_what_it_is_of(shop: Shop):
    before = datetime.datetime.now(datetime.UTC)
    answer = await shop.house.ask(RATES, **Asked(zone="Asia/Tehran", calendar="JALALI").variables)
    answer |= await shop.house.ask(AMOUNTS, **Asked(zone="Asia/Tehran", calendar="JALALI").variables, currency=None)
    answer |= await shop.house.ask(CYCLE, **Asked(zone="Asia/Tehran", calendar="JALALI").variables, outcome="WON")
    answer |= await shop.house.ask(STAGES, **Asked(zone="Asia/Tehran", calendar="JALALI").variables)
    for one in answer.values():
        assert (one["timeZone"], one["calendar"]) == ("Asia/Tehran", "JALALI")
        assert before <= datetime.datetime.fromisoformat(one["asOf"]) <= datetime.datetime.now(datetime.UTC)
        assert one["definition"]
    assert answer["revenue"]["currency"] == "IRR", "that of the company"


@pytest.mark.parametrize("one", metrics(), ids=lambda one: one.name)
async def test_every_bundled_metric_answers_in_each_way(shop: Shop, one: Any):
    await shop.sell([Sale(("Won",), WINTER, WINTER + DAY, "Ada", amount=Decimal("12.50"))])
    what = MONEY if one.unit.of_money else "rows { key { period { start } } value numerator denominator low high previous { value } }"
    for kind in ("", "(groupBy: [OWNER, TEAM, PARENT_TEAM])", '(period: MONTH, from: "2026-01-01", to: "2026-02-28", calendar: JALALI)'):
        assert (await shop.house.ask(f"{{ {one.name}{kind} {{ {what} }} }}"))[one.name]["rows"] is not None


async def test_sales_cycle_is_what_the_standard_library_gives(shop: Shop):
    async def check(sold: list[Sale], question: Asked, outcome: str):
        question = bounded(question)
        await shop.sell(sold)
        answer = (await shop.house.ask(CYCLE, **question.variables, outcome=outcome))["salesCycle"]["rows"]
        timed = [one for one in sold if one.kind in OUTCOMES[outcome] and one.started and one.closed]
        wanted = question.rows(timed, "closed", lambda some: cycle(some, question.zone, OUTCOMES[outcome]))
        assert [_key(question, row) for row in answer] == [(names, days) for names, days, _ in wanted]
        for row, (_, _, figures) in zip(answer, wanted, strict=True):
            assert {name: row[name] for name in figures} == {
                name: value if value is None else pytest.approx(value, abs=1e-9) for name, value in figures.items()
            }

    await for_all(check, st.lists(sales(), max_size=25), asked, st.sampled_from(sorted(OUTCOMES)))


async def test_stage_conversion_is_what_counting_one_by_one_gives(shop: Shop):
    async def check(sold: list[Sale], question: Asked):
        question = bounded(question)
        await shop.sell(sold)
        answer = (await shop.house.ask(STAGES, **question.variables))["stageConversion"]["rows"]
        wanted = question.rows(sold, "started", stages)
        assert [_key(question, row) for row in answer] == [(names, days) for names, days, _ in wanted]
        for row, (_, _, figures) in zip(answer, wanted, strict=True):
            steps, reached = row["steps"], [here for here, _ in figures]
            assert [(one["stage"]["name"], one["reached"], one["open"]) for one in steps] == [
                (name, here, still) for name, (here, still) in zip(("New", "Met", "Offered", "Won"), figures, strict=True)
            ]
            assert steps[0]["fromPrevious"] is steps[0]["dropped"] is None
            for before, one in itertools.pairwise(steps):
                assert one["dropped"] == before["reached"] - one["reached"]
                _is_share(one["fromPrevious"], one["reached"], before["reached"])
            for one in steps:
                _is_share(one["fromFirst"], one["reached"], reached[0])

    await for_all(check, st.lists(sales(), max_size=25), asked)


def _is_share(found: dict[str, Any], part: int, whole: int) -> None:
    assert (found["numerator"], found["denominator"]) == (part, whole)
    assert found["value"] == (part / whole if whole else None)
    assert found["low"] is found["high"] is None if not whole else 0 <= found["low"] <= found["value"] <= found["high"] <= 1


async def test_nothing_is_null_and_never_zero(house: House):
    data = await house.ask(
        "{ winRate { rows { value numerator denominator low high previous { value } lastYear { value }"
        " key { owner { id } period { start } } } }"
        " salesCycle { rows { deals mean median p25 p75 p90 min max } } stageConversion { pipeline { id } rows { steps { reached } } }"
        " byOwner: winRate(groupBy: [OWNER]) { rows { value } } byMonth: winRate(period: MONTH) { rows { value } }"
        " revenue { rows { value { amount } numerator { amount } } } averageDeal { rows { value { amount } exact denominator } } }"
    )
    nothing = dict.fromkeys(("value", "low", "high", "previous", "lastYear"))
    key = {"owner": None, "period": None}
    assert data["winRate"]["rows"] == [{**nothing, "numerator": "0", "denominator": "0", "key": key}]
    assert data["salesCycle"]["rows"] == [{"deals": 0, **dict.fromkeys(("mean", "median", "p25", "p75", "p90", "min", "max"))}]
    assert data["stageConversion"] == {"pipeline": None, "rows": []}
    assert data["byOwner"]["rows"] == data["byMonth"]["rows"] == []
    assert data["revenue"]["rows"] == [{"value": {"amount": "0.00"}, "numerator": {"amount": "0.00"}}]
    assert data["averageDeal"]["rows"] == [{"value": None, "exact": None, "denominator": "0"}]


async def test_a_way_without_deals_has_rates_of_null(shop: Shop):
    (row,) = (await shop.house.ask(STAGES, **Asked().variables))["stageConversion"]["rows"]
    assert [(one["reached"], one["fromFirst"]["value"]) for one in row["steps"]] == [(0, None)] * 4


async def test_periods_in_which_nothing_was_are_there(shop: Shop):
    await shop.sell([Sale(("Won",), WINTER, WINTER + DAY)])
    question = Asked(period="MONTH", first=datetime.date(2025, 12, 31), last=datetime.date(2026, 3, 31))
    rows = (await shop.house.ask(WIN_RATE, **question.variables))["winRate"]["rows"]
    assert [(row["key"]["period"]["start"], row["key"]["period"]["end"], row["numerator"], row["value"]) for row in rows] == [
        ("2025-12-01", "2025-12-31", "0", None),
        ("2026-01-01", "2026-01-31", "0", None),
        ("2026-02-01", "2026-02-28", "1", 1.0),
        ("2026-03-01", "2026-03-31", "0", None),
    ]
    assert [row["key"]["period"]["complete"] for row in rows] == [False, True, True, True], "the first one is cut"


async def test_a_month_of_the_jalali_calendar_is_beside_the_same_month_of_last_year(shop: Shop):
    esfand = datetime.datetime(2025, 3, 20, 12, tzinfo=datetime.UTC)  # 30 Esfand 1403, a leap day; Nowruz 1404 is on 21 March 2025
    sold = [Sale(("Won",), esfand, esfand), Sale(("Lost",), esfand, esfand), Sale(("Won",), esfand, esfand + 364 * DAY)]
    await shop.sell(sold)
    question = Asked(period="MONTH", first=datetime.date(2026, 2, 20), last=datetime.date(2026, 3, 20), calendar="JALALI")
    (row,) = (await shop.house.ask(RATES, **question.variables))["winRate"]["rows"]
    assert (row["value"], row["key"]["period"]["complete"]) == (1.0, True)
    assert row["lastYear"]["period"] == {"start": "2025-02-19", "end": "2025-03-20"}
    assert (row["lastYear"]["value"], row["lastYear"]["growth"]) == (0.5, 1.0)
    assert row["previous"]["period"] == {"start": "2026-01-21", "end": "2026-02-19"}
    assert (row["previous"]["value"], row["previous"]["difference"], row["previous"]["growth"]) == (None, None, None)


@pytest.mark.parametrize("year", [1801, 2199])
async def test_a_deal_of_a_wrong_year_makes_no_thousands_of_periods(shop: Shop, year: int):
    wrong = datetime.datetime(year, 6, 30, tzinfo=datetime.UTC)
    await shop.sell([Sale(("Won",), wrong, wrong), Sale(("Won",), WINTER, WINTER)])
    _, errors = await shop.house.answer(WIN_RATE, **Asked(period="MONTH").variables)
    assert ["name from and to" in one["message"] for one in errors] == [True]
    question = Asked(period="MONTH", first=WINTER.date(), last=WINTER.date())
    (row,) = (await shop.house.ask(WIN_RATE, **question.variables))["winRate"]["rows"]
    assert row["numerator"] == "1"


async def test_the_period_that_is_not_over_is_marked(shop: Shop):
    now = datetime.datetime.now(datetime.UTC)
    await shop.sell([Sale(("Won",), now - 400 * DAY, now - 400 * DAY), Sale(("Won",), now - DAY, now)])
    rows = (await shop.house.ask(WIN_RATE, **Asked(period="YEAR").variables))["winRate"]["rows"]
    assert [row["key"]["period"]["complete"] for row in rows] == [True] * (len(rows) - 1) + [False]


async def test_days_are_those_of_the_time_zone(shop: Shop):
    await shop.sell([Sale(("Won",), WINTER - 3 * DAY, WINTER)])  # half past one in the night of February 1 in Tehran
    for zone, month in (("UTC", "2026-01-01"), ("Asia/Tehran", "2026-02-01"), (None, "2026-02-01")):
        variables = {**Asked(period="MONTH").variables, "zone": zone}
        rows = (await shop.house.ask(WIN_RATE, **variables))["winRate"]["rows"]
        assert [row["key"]["period"]["start"] for row in rows] == [month], zone
        (row,) = (await shop.house.ask(CYCLE, zone=zone, outcome="WON", calendar="GREGORIAN"))["salesCycle"]["rows"]
        assert (row["deals"], row["median"]) == (1, 3)


async def test_a_filter_says_which_deals_count(shop: Shop):
    await shop.sell([Sale(("Won",), owner="Ada"), Sale(("Lost",), owner="Ada"), Sale(("Lost",), owner="Bo")])
    document = """query ($where: DealFilter) {
        winRate(where: $where) { rows { numerator denominator } } stageConversion(where: $where) { rows { steps { reached } } } }"""
    data = await shop.house.ask(document, where={"owner": {"name": {"eq": "ADA"}}})
    assert data["winRate"]["rows"] == [{"numerator": "1", "denominator": "2"}]
    assert data["stageConversion"]["rows"][0]["steps"][0]["reached"] == 2
    data = await shop.house.ask(document, where={"not": {"stage": {"kind": {"eq": "WON"}}}})
    assert data["winRate"]["rows"] == [{"numerator": "0", "denominator": "2"}]


async def test_one_who_sees_only_own_deals_gets_their_metrics(shop: Shop):
    await shop.sell([Sale(("Met", "Won"), WINTER, WINTER + 4 * DAY, owner="Ada"), Sale(("Lost",), WINTER, WINTER + DAY, owner="Bo")])
    ada = await shop.house.as_("owner", str(shop.ids[User, "Ada"]))
    data = await ada.ask(
        "{ winRate(groupBy: [OWNER]) { rows { key { owner { name } } numerator denominator } }"
        " salesCycle(outcome: CLOSED) { rows { deals mean } } stageConversion { rows { steps { reached } } } }"
    )
    assert data["winRate"]["rows"] == [{"key": {"owner": {"name": "Ada"}}, "numerator": "1", "denominator": "1"}]
    assert data["salesCycle"]["rows"] == [{"deals": 1, "mean": 4.0}]
    assert [one["reached"] for one in data["stageConversion"]["rows"][0]["steps"]] == [1, 1, 1, 1]


@pytest.mark.settings(roles={"reader": {"*.read": "all", "metrics.read": "none"}, "counter": {"metrics.read": "all"}})
@pytest.mark.parametrize("role", ["reader", "counter"])
async def test_metrics_need_their_own_permission_and_that_of_the_deals(house: House, role: str):
    asker = await house.as_(role)
    for field in ("winRate { asOf }", "salesCycle { asOf }", "stageConversion { asOf }"):
        data, errors = await asker.answer(f"{{ {field} __typename }}")
        assert data == {field.split()[0]: None, "__typename": "Query"}
        assert [one["extensions"]["code"] for one in errors] == ["FORBIDDEN"]


async def test_won_again_after_all_counts_by_where_the_deal_stands(shop: Shop):
    await shop.sell([Sale(("New", "Won", "Met")), Sale(("Won", "Lost")), Sale(("Met", "Lost")), Sale(("Lost",)), Sale(("Offered", "New"))])
    (row,) = (await shop.house.ask(STAGES, **Asked().variables))["stageConversion"]["rows"]
    assert [one["reached"] for one in row["steps"]] == [5, 4, 3, 0]


async def test_stages_are_those_of_one_pipeline(shop: Shop):
    await shop.sell([Sale(("Met",))])
    document = "query ($id: ID) { stageConversion(pipelineId: $id) { pipeline { name } rows { steps { stage { name } reached } } } }"
    pipelines = {one["name"]: one["id"] for one in (await shop.house.ask("{ pipelines { nodes { id name } } }"))["pipelines"]["nodes"]}
    renewals = (await shop.house.ask(document, id=pipelines["Renewals"]))["stageConversion"]
    assert renewals == {"pipeline": {"name": "Renewals"}, "rows": [{"steps": []}]}
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
        ('from: "0001-01-01"', "from: 0001-01-01 does not lie between 1970-01-01 and 2099-12-31"),
        ('to: "9999-12-31"', "to: 9999-12-31 does not lie between"),
        ('from: "1990-01-01", to: "2026-01-01", period: DAY', "period: makes more than 1000 groups"),
        ('currency: "EUR"', "currency: is for metrics in money"),
    ],
)
async def test_what_cannot_be_answered_says_why(house: House, arguments: str, reason: str):
    data, errors = await house.answer(f"{{ winRate({arguments}) {{ asOf }} }}")
    assert data == {"winRate": None}
    assert [one["extensions"]["code"] for one in errors] == ["BAD_USER_INPUT"]
    assert reason in errors[0]["message"]


async def test_the_number_of_statements_does_not_grow_with_the_groups(shop: Shop, caplog: pytest.LogCaptureFixture):
    async def statements() -> int:
        caplog.clear()
        with caplog.at_level(logging.DEBUG, logger=LOGS[0]), caplog.at_level(logging.DEBUG, logger=LOGS[1]):
            await shop.house.ask(RATES, **every.variables)
            await shop.house.ask(CYCLE, **every.variables, outcome="WON")
            await shop.house.ask(STAGES, **every.variables)
        # Who asks is looked up now and then, and not for each request.
        who = re.compile('(FROM|UPDATE) "(api_key|role|role_grant|role_field)"')
        return len([one for one in caplog.records if one.name in LOGS and not who.search(one.getMessage())])

    every = Asked(("OWNER", "TEAM", "PARENT_TEAM", "PRODUCT", "PIPELINE", "SOURCE"), "MONTH")
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


async def test_more_rows_than_an_answer_holds_are_refused(shop: Shop):
    await shop.sell([Sale(("Won",), WINTER, WINTER, owner, (product,)) for owner in ("Ada", "Bo") for product in ("Anvil", "Crane")])
    question = Asked(("OWNER", "PRODUCT"), "DAY", first=datetime.date(2025, 12, 1), last=datetime.date(2026, 11, 30))
    for document, more in ((WIN_RATE, {}), (CYCLE, {"outcome": "WON"}), (STAGES, {})):
        _, errors = await shop.house.answer(document, **question.variables, **more)
        assert ["makes more than 1000 groups" in one["message"] for one in errors] == [True]


async def test_the_fields_and_everything_about_them_is_described(house: House):
    schema = (await house.ask(get_introspection_query()))["__schema"]
    types = {one["name"]: one for one in schema["types"]}
    ours = [one for name, one in types.items() if name.startswith("Metrics")]
    fields = [one for one in types["Query"]["fields"] if one["type"]["name"] in {kind["name"] for kind in ours}]
    assert {one["name"] for one in fields} >= {one.name for one in metrics()} | {"salesCycle", "stageConversion"}
    parts = [*ours, *fields, *(argument for one in fields for argument in one["args"]), *types["Period"]["enumValues"]]
    parts += [member for one in ours for member in (one["fields"] or one["enumValues"] or one["inputFields"])]
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
        document = f"{{ startedDeals(groupBy: [{dimension.upper()}]) {{ rows {{ key {{ {dimension} {{ name }} }} numerator }} }} }}"
        rows = (await narrow.ask(document))["startedDeals"]["rows"]
        assert [(row["key"][dimension], row["numerator"]) for row in rows] == [({"name": "a"}, "1"), (None, "2")]


@pytest.mark.parametrize(
    ("dimension", "hidden"),
    [
        ("TEAM", "user.team"), ("PARENT_TEAM", "team.parent"), ("PRODUCT", "dealLine.product"), ("OWNER", "deal.owner"),
        ("SOURCE", "stage.kind"), ("INDUSTRY", "company.industry"),
    ],
)  # fmt: skip
async def test_a_hidden_field_makes_no_key(house: House, dimension: str, hidden: str):
    await house.make("Role", name="blind", grants=[{"permission": "*.read"}], fields=[{"field": hidden, "access": "HIDDEN"}])
    data, errors = await (await house.as_("blind")).answer(f"{{ winRate(groupBy: [{dimension}]) {{ asOf }} }}")
    assert (data, [error["extensions"]["code"] for error in errors]) == ({"winRate": None}, ["FORBIDDEN"])
