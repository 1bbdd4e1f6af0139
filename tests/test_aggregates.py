"""Counts, sums, means and extremes by group: checked against plain Python over all rows."""

import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import strategies as st

from core.money import exponent
from core.naming import camel
from core.resources import Column, Kind, ToOne
from tests.examples import for_all
from tests.house import House
from tests.world import Row, World, fields_of, grouped, periods, wheres

SUMMED = (Kind.INT, Kind.BIG_INT, Kind.DECIMAL, Kind.MONEY)
COMPARED = (*SUMMED, Kind.DATE, Kind.DATETIME)
ZONES = (
    "UTC",
    "Asia/Tehran",
    "Europe/Berlin",
    "America/St_Johns",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
)


@pytest.fixture(scope="module")
async def world(shared_house: House) -> World:
    """A company full of awkward data."""
    made = World(shared_house)
    await made.fill()
    return made


async def aggregate(world: World, key: str, groupings: list[Row], where: Any = None) -> Any:
    resource = world.resource(key)
    columns = {name: one for name, one in fields_of(world.house, key).items() if isinstance(one, Column)}
    keys = " ".join(_shown(world, key, one) for one in dict.fromkeys(one["field"] for one in groupings))
    sums = " ".join(_selected(name, one) for name, one in columns.items() if one.kind in SUMMED)
    extremes = " ".join(_selected(name, one) for name, one in columns.items() if one.kind in COMPARED)
    numbers = f"sum {{ {sums} }} avg {{ {sums} }}" if sums else ""
    return (
        await world.house.ask(
            f"query ($where: {resource.name}Filter, $groupings: [{resource.name}Grouping!]) {{"
            f" groups: {camel(resource.plural)}Aggregate(where: $where, groupBy: $groupings) {{"
            f" key {{ __typename {keys} }} count {numbers} min {{ {extremes} }} max {{ {extremes} }} }} }}",
            where=where,
            groupings=groupings,
        )
    )["groups"]


def expected(world: World, key: str, groupings: list[Row], where: Any = None) -> Any:
    """What the oracle says."""
    known = fields_of(world.house, key)
    names = [_name(world, key, one["field"]) for one in groupings]
    columns = {name: one for name, one in known.items() if isinstance(one, Column)}
    rows = world.matching(key, where or {})

    def together(row: Row) -> tuple[Any, ...]:
        return tuple(_key(known[name], row[name], one) for name, one in zip(names, groupings, strict=True))

    groups = list(grouped(rows, together)) or ([] if groupings else [((), [])])
    return [
        {
            "key": {"__typename": f"{world.resource(key).name}GroupKey", **dict(zip(names, (_wire(one) for one in value), strict=True))},
            "count": len(some),
            **{
                function: {name: _value(one, function, some, name) for name, one in columns.items() if one.kind in kinds}
                for function, kinds in (
                    ("sum", SUMMED), ("avg", SUMMED), ("min", COMPARED), ("max", COMPARED)
                )
                if any(one.kind in kinds for one in columns.values())
            },
        }
        for value, some in groups
    ]  # fmt: skip


def groupings(world: World, key: str) -> st.SearchStrategy[list[Row]]:
    """What a list can be grouped by, with periods for times."""
    choices = []
    for name, one in fields_of(world.house, key).items():
        field = _enum(name)
        if isinstance(one, ToOne):
            choices.append(st.just({"field": field}))
        elif isinstance(one, Column) and one.kind in (Kind.DATE, Kind.DATETIME):
            period = st.sampled_from(["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"])
            zone = st.fixed_dictionaries({}, optional={"timeZone": st.sampled_from(ZONES)} if one.kind is Kind.DATETIME else {})
            choices.append(st.builds(lambda field, period, zone: {"field": field, "period": period, **zone}, st.just(field), period, zone))
        elif isinstance(one, Column) and one.kind in (Kind.ENUM, Kind.BOOLEAN, Kind.INT, Kind.STRING) and not one.field.unique:
            choices.append(st.just({"field": field}))
    return st.lists(st.one_of(choices), max_size=2, unique_by=lambda one: one["field"])


@pytest.mark.parametrize("key", ["contact", "deal", "activity", "company", "dealLine"])
async def test_groups_are_what_plain_python_makes_of_the_rows(world: World, key: str):
    async def check(groups: list[Row], where: Any) -> None:
        assert await aggregate(world, key, groups, where) == expected(world, key, groups, where)

    await for_all(check, groupings(world, key), st.none() | wheres(world, key, 1), share=0.6)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("period", ["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"])
async def test_a_day_is_a_day_of_its_time_zone(world: World, zone: str, period: str):
    groups = [{"field": "DONE_AT", "period": period, "timeZone": zone}]
    assert await aggregate(world, "activity", groups) == expected(world, "activity", groups)


async def test_nothing_has_a_count_and_no_sum(house: House):
    ask = """{
        dealsAggregate { count sum { amount { amount } version } avg { version } min { amount { amount } createdAt } max { closedAt } }
        byStage: dealsAggregate(groupBy: [{field: STAGE}]) { count } }"""
    assert await house.ask(ask) == {
        "dealsAggregate": [
            {
                "count": 0, "sum": {"amount": [], "version": None}, "avg": {"version": None},
                "min": {"amount": [], "createdAt": None}, "max": {"closedAt": None},
            }
        ],
        "byStage": [],
    }  # fmt: skip


async def test_sums_never_mix_currencies_and_means_keep_their_digits(house: House):
    for amount, currency in (("10.00", "EUR"), ("0.01", "EUR"), ("0.01", "EUR"), ("3", "JPY"), ("1.234", "KWD")):
        await house.make("Product", name="p", price={"amount": amount, "currency": currency})
    await house.make("Product", name="free")
    data = await house.ask("{ productsAggregate { count sum { price { amount currency } } avg { price { amount currency } } } }")
    assert data["productsAggregate"] == [
        {
            "count": 6,
            "sum": {
                "price": [
                    {"amount": "10.02", "currency": "EUR"},
                    {"amount": "3", "currency": "JPY"},
                    {"amount": "1.234", "currency": "KWD"},
                ]
            },
            "avg": {
                "price": [{"amount": "3.34", "currency": "EUR"}, {"amount": "3", "currency": "JPY"}, {"amount": "1.234", "currency": "KWD"}]
            },
        }
    ]


async def test_a_sum_may_be_larger_than_any_of_its_parts(house: House):
    rows = [{"name": "p", "price": {"amount": "90071992547409.92", "currency": "EUR"}}] * 100
    for _ in range(11):
        await house.ask("mutation ($rows: [ProductCreateInput!]!) { productBulkCreate(inputs: $rows) { results { index } } }", rows=rows)
    data = await house.ask("{ productsAggregate { count sum { price { amount } } avg { price { amount } } } }")
    total = Decimal("90071992547409.92") * 1100
    assert data["productsAggregate"] == [
        {"count": 1100, "sum": {"price": [{"amount": str(total)}]}, "avg": {"price": [{"amount": "90071992547409.92"}]}}
    ]


@pytest.mark.settings(company={"week_begins": "saturday"})
async def test_periods_are_those_of_the_calendar_that_is_asked_for(house: House):
    for day in ("2026-03-20", "2026-03-21", "2026-04-20", "2026-04-21"):
        await house.make("Contact", name=day, birth_date=day)
    document = """query ($period: Period, $calendar: Calendar) {
        contactsAggregate(groupBy: [{field: BIRTH_DATE, period: $period, calendar: $calendar}]) { key { birthDate } count } }"""

    async def groups(period: str, calendar: str | None = None) -> dict[str, int]:
        found = (await house.ask(document, period=period, calendar=calendar))["contactsAggregate"]
        return {one["key"]["birthDate"]: one["count"] for one in found}

    assert await groups("MONTH", "JALALI") == {"2026-02-20": 1, "2026-03-21": 2, "2026-04-21": 1}
    assert await groups("YEAR", "JALALI") == {"2025-03-21": 1, "2026-03-21": 3}
    assert await groups("MONTH") == {"2026-03-01": 2, "2026-04-01": 2}
    assert await groups("WEEK") == {"2026-03-14": 1, "2026-03-21": 1, "2026-04-18": 2}  # 2026-03-21 is a Saturday


@pytest.mark.settings(limits={"groups": 3})
async def test_more_groups_than_the_limit_are_refused(house: House):
    for number in range(3):
        await house.make("Company", name="c", city=f"city {number}", annual_revenue={"amount": "1", "currency": "EUR"})
    ask = "{ companiesAggregate(groupBy: [{field: CITY}]) { key { city } count sum { annualRevenue { amount currency } } } }"
    assert len((await house.ask(ask))["companiesAggregate"]) == 3
    for code in ("AED", "AUD", "CAD", "CHF", "CNY", "DKK", "EUR", "GBP", "INR", "IRR", "JPY", "KWD", "NOK", "SEK", "TRY", "USD"):
        for number in range(3):
            await house.make("Company", name="c", city=f"city {number}", annual_revenue={"amount": "1", "currency": code})
    assert [len(one["sum"]["annualRevenue"]) for one in (await house.ask(ask))["companiesAggregate"]] == [16, 16, 16]
    await house.make("Company", name="c", city="one more")
    _, errors = await house.answer(ask)
    assert errors[0]["extensions"]["fields"] == {"groupBy": "makes more than 3 groups; filter more or group by less"}


@pytest.mark.parametrize(
    ("grouping", "field"),
    [
        ("{field: CREATED_AT}", "groupBy"),
        ("{field: BIRTH_DATE}", "groupBy"),
        ("{field: CITY, period: DAY}", "groupBy"),
        ("{field: COMPANY, period: DAY}", "groupBy"),
        ('{field: CREATED_AT, period: DAY, timeZone: "Mars/Base"}', "timeZone"),
        ('{field: CREATED_AT, period: DAY, timeZone: ""}', "timeZone"),
        ('{field: CREATED_AT, period: DAY, timeZone: "../../etc/passwd"}', "timeZone"),
        ('{field: CREATED_AT, period: DAY, timeZone: "UTC\'; DROP TABLE contact; --"}', "timeZone"),
        ('{field: CREATED_AT, period: DAY, timeZone: "posix/UTC"}', "timeZone"),
        ('{field: CREATED_AT, period: DAY, timeZone: "a\\u0000b"}', "timeZone"),
        ('{field: CREATED_AT, period: DAY, timeZone: "localtime"}', "timeZone"),
        ('{field: CREATED_AT, period: DAY, timeZone: "EUROPE/berlin"}', "timeZone"),
        ("{field: CREATED_AT, period: DAY}, {field: CREATED_AT, period: YEAR}", "groupBy"),
        ("{field: CITY}, {field: CITY}", "groupBy"),
    ],
)  # fmt: skip
async def test_a_grouping_that_means_nothing_is_a_clear_error(world: World, grouping: str, field: str):
    data, errors = await world.house.answer(f"{{ contactsAggregate(groupBy: [{grouping}]) {{ count }} }}")
    assert data == {"contactsAggregate": None}
    assert [(error["extensions"]["code"], list(error["extensions"]["fields"])) for error in errors] == [("BAD_USER_INPUT", [field])]


async def test_a_name_for_utc_is_left_out_or_null(world: World):
    ask = "{{ contactsAggregate(groupBy: [{{field: CREATED_AT, period: YEAR{}}}]) {{ count }} }}"
    answers = [await world.house.ask(ask.format(zone)) for zone in ("", ", timeZone: null", ', timeZone: "UTC"', ', timeZone: "Etc/UTC"')]
    assert answers == [answers[0]] * 4


async def test_what_is_hidden_counts_nowhere(house: House):
    team = await house.make("Team", name="t")
    user = await house.make("User", name="u", team_id=team.id)
    await house.ask("mutation ($id: ID!) { teamDelete(id: $id) { userErrors { message } } }", id=team.id)
    ask = "{ usersAggregate(groupBy: [{field: TEAM}]) { key { team { id } } count } }"
    assert await house.ask(ask) == {"usersAggregate": [{"key": {"team": None}, "count": 1}]}
    await house.ask("mutation ($id: ID!) { userDelete(id: $id) { userErrors { message } } }", id=user.id)
    assert await house.ask(ask) == {"usersAggregate": []}


def _enum(name: str) -> str:
    return "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in name)


def _name(world: World, key: str, field: str) -> str:
    return next(name for name in fields_of(world.house, key) if _enum(name) == field)


def _shown(world: World, key: str, field: str) -> str:
    name = _name(world, key, field)
    return f"{name} {{ id }}" if isinstance(fields_of(world.house, key)[name], ToOne) else name


def _selected(name: str, column: Column) -> str:
    return f"{name} {{ amount currency }}" if column.kind is Kind.MONEY else name


def _key(known: Any, value: Any, grouping: Row) -> Any:
    if value is None:
        return None
    if isinstance(known, ToOne):
        return value["id"]
    if known.kind is Kind.DATE:
        return periods(datetime.date.fromisoformat(value))[grouping["period"]]
    if known.kind is Kind.DATETIME:
        return periods(datetime.datetime.fromisoformat(value).astimezone(ZoneInfo(grouping.get("timeZone", "UTC"))).date())[
            grouping["period"]
        ]
    return value


def _wire(value: Any) -> Any:
    if isinstance(value, datetime.date):
        return value.isoformat()
    return {"id": value} if isinstance(value, str) and "_01" in value else value


def _value(column: Column, function: str, rows: list[Row], name: str) -> Any:
    values = [row[name] for row in rows if row[name] is not None]
    if column.kind is Kind.MONEY:
        found = []
        for currency in sorted({value["currency"] for value in values}):
            amount = _number(function, [Decimal(value["amount"]) for value in values if value["currency"] == currency])
            found.append({"amount": _rounded(amount, exponent(currency)), "currency": currency})
        return found
    if not values:
        return None
    if column.kind is Kind.DECIMAL:
        return _rounded(_number(function, [Decimal(value) for value in values]), column.scale + (2 if function == "avg" else 0))
    if column.kind in (Kind.DATE, Kind.DATETIME):
        return min(values) if function == "min" else max(values)
    number = _number(function, values)
    return float(number) if function == "avg" else number


def _number(function: str, values: list[Any]) -> Any:
    if function == "avg":
        return sum(values) / len(values)
    return {"sum": sum, "min": min, "max": max}[function](values)


def _rounded(value: Decimal, digits: int) -> str:
    """Halves go away from zero, as in trade."""
    return str(value.quantize(Decimal(1).scaleb(-digits), "ROUND_HALF_UP"))
