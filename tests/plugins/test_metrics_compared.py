"""Answers beside those of other days: what `previous` and `lastYear` say is what one is told who asks for those days."""

import datetime
import logging
import random
from decimal import Decimal

import pytest

from core import SYSTEM, Call
from core.models import Company, Contact, Deal
from core.records import store
from plugins.metrics.models import MetricsSpend
from tests.house import House
from tests.plugins.sales import COMPANIES, DAY, OPEN, OWNERS, Sale, Shop

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.plugins("metrics"),
    pytest.mark.settings(company={"currency": "EUR", "time_zone": "Asia/Tehran"}),
]

SHARE = "{ value numerator denominator }"
KEY = "key { period { start end complete } }"
OWNER = "key { owner { name } period { start end complete } }"
FIELDS = {
    "salesCycle": ("groupBy: [OWNER]", f"rows {{ {OWNER} deals mean median p90 min max }}"),
    "stageConversion": ("groupBy: [OWNER]", f"rows {{ {OWNER} steps {{ stage {{ name }} reached open dropped fromFirst {SHARE} }} }}"),
    "stageDwell": ("", f"rows {{ {KEY} stages {{ stage {{ name }} stays mean median still }} }}"),
    "stageTransitions": ("", f"rows {{ {KEY} transitions {{ fromStage {{ name }} toStage {{ name }} steps share {SHARE} }} }}"),
    "salesVelocity": ("groupBy: [OWNER]", f"rows {{ {OWNER} exact openDeals winRate {SHARE} cycleDays }}"),
    "funnel": (
        "steps: [{contactCreated: {}}, {dealWon: {}}], window: 90",
        f"rows {{ {KEY} complete steps {{ reached dropped waiting meanDays fromFirst {SHARE} }} }}",
    ),
    "conversion": ("groupBy: [CITY], days: 90", "rows { key { city period { start complete } } exposed converted value unfinished }"),
    "customerRetention": ("customer: COMPANY", "rows { period { start complete } before customers retained firstEver value }"),
    "cohorts": ("customer: COMPANY, columns: 3", f"rows {{ {KEY} size cells {{ column active complete }} }}"),
    "repeatRate": ("customer: COMPANY", "rows { period { start complete } customers repeaters value days }"),
    "timeTo": ("groupBy: OWNER, days: [5, 30]", f"rows {{ {OWNER} n events competing censored points {{ value incidence }} }}"),
    "lifetimeValue": ("customer: COMPANY", "rows { period { start complete } exact denominator purchases median { amount } }"),
    "acquisitionCost": ("customer: COMPANY, groupBy: [SOURCE]", "rows { key { source period { start } } exact numerator { amount } }"),
    "costPerLead": ("groupBy: [SOURCE]", "rows { key { source period { start } } exact denominator }"),
    "roi": ("", f"rows {{ {KEY} value numerator {{ amount }} revenue {{ amount }} }}"),
}  # fmt: skip
MONTHLY = ("customerRetention", "cohorts")  # by months where no period is asked
OWN_DAYS = ("salesVelocity", "conversion", *MONTHLY)  # has no periods, or only whole ones

Days = tuple[str, str]
# What is asked, then by hand the days before, and those of last year.
QUESTIONS: list[tuple[Days, str, Days | None, Days | None]] = [
    (("2026-01-10", "2026-01-19"), "", ("2025-12-31", "2026-01-09"), ("2025-01-10", "2025-01-19")),
    (("2026-02-01", "2026-02-28"), "", ("2026-01-04", "2026-01-31"), ("2025-02-01", "2025-02-28")),
    (("2024-02-29", "2024-02-29"), "", ("2024-02-28", "2024-02-28"), ("2023-02-28", "2023-02-28")),
    (("2026-01-01", "2026-02-28"), "period: MONTH", ("2025-11-01", "2025-12-31"), ("2025-01-01", "2025-02-28")),
    (("2025-02-01", "2025-02-28"), "period: MONTH", ("2025-01-01", "2025-01-31"), ("2024-02-01", "2024-02-29")),
    (("2026-01-10", "2026-02-10"), "period: MONTH", ("2025-12-09", "2026-01-09"), ("2025-01-10", "2025-02-10")),
    (("2025-12-29", "2026-01-11"), "period: WEEK", ("2025-12-15", "2025-12-28"), ("2024-12-30", "2025-01-12")),
    (("2026-01-07", "2026-01-20"), "period: WEEK", ("2025-12-24", "2026-01-06"), ("2025-01-08", "2025-01-21")),
    (("2025-07-01", "2026-03-31"), "period: QUARTER", ("2024-10-01", "2025-06-30"), ("2024-07-01", "2025-03-31")),
    # Of the Solar Hijri calendar: Dey and Bahman of 1404, Aban and Azar before, and Dey and Bahman of 1403, a leap year.
    (("2025-12-22", "2026-02-19"), "period: MONTH, calendar: JALALI", ("2025-10-23", "2025-12-21"), ("2024-12-21", "2025-02-18")),
    (("2025-03-21", "2026-03-20"), "period: YEAR, calendar: JALALI", ("2024-03-20", "2025-03-20"), ("2024-03-20", "2025-03-20")),
    (("2025-03-20", "2025-03-20"), "calendar: JALALI", ("2025-03-19", "2025-03-19"), ("2024-03-19", "2024-03-19")),
    (("1970-01-01", "1970-01-31"), "period: MONTH", None, None),
    (("1970-02-01", "1970-02-28"), "period: MONTH", ("1970-01-01", "1970-01-31"), None),
    (("2099-12-01", "2099-12-31"), "period: MONTH", ("2099-11-01", "2099-11-30"), ("2098-12-01", "2098-12-31")),
]  # fmt: skip


def _field(name: str, days: Days, more: str, compared: str = "") -> str:
    own, rows = FIELDS[name]
    if name == "salesVelocity":
        more = ""
    arguments = ", ".join(one for one in (own, more, f'from: "{days[0]}", to: "{days[1]}"') if one)
    return f"{name}({arguments}) {{ from to {rows} {compared and f'previous {{ from to {rows} }} lastYear {{ from to {rows} }}'} }}"


def _time(dice: random.Random) -> datetime.datetime:
    return datetime.datetime(2024, 11, 1, tzinfo=datetime.UTC) + datetime.timedelta(minutes=dice.randrange(500 * 24 * 60))


@pytest.fixture
async def shop(house: House) -> Shop:
    """A shop that has sold for a year and a half to companies and to contacts, by what it paid for."""
    shop, dice = await Shop(house).open(), random.Random(7)
    ends = [dice.choice(("New", "Won", "Won", "Lost")) for _ in range(80)]
    sold = [
        Sale(
            (*dice.sample(OPEN, 2), end), began := _time(dice), None if end == "New" else began + dice.randrange(60) * DAY,
            dice.choice([*OWNERS]), source=dice.choice((None, "web", "fair")), company=dice.choice([*COMPANIES]),
            amount=Decimal(dice.randrange(100)),
        )
        for end in ends
    ]  # fmt: skip
    await shop.sell(sold)
    call = Call(house.crm, SYSTEM)
    people = [{"name": f"P{place}", "created_at": _time(dice), "source": "web", "city": dice.choice("AB")} for place in range(40)]
    made = await store.create_many(call, house.crm.resource(Contact), people, past=True)
    for deal, contact in zip(await Deal.all().order_by("id"), made * 2, strict=True):
        await Deal.filter(id=deal.id).update(contact_id=contact.id)
    for start in (datetime.date(2024, 11, 1), datetime.date(2025, 6, 15), datetime.date(2026, 1, 3)):
        await MetricsSpend.create(source="web", starts_on=start, ends_on=start + 80 * DAY, amount=90_000, currency="EUR")
    assert await Company.all().count() == len(COMPANIES)
    return shop


@pytest.mark.parametrize("names", [list(FIELDS)[:8], list(FIELDS)[8:]], ids=["deals", "customers"])
async def test_what_is_compared_is_what_one_is_told_who_asks_for_those_days(shop: Shop, names: list[str]):
    told = 0
    for days, more, before, year in QUESTIONS:
        wanted = {"previous": before, "lastYear": year}
        answer = await shop.house.ask(f"{{ {' '.join(_field(name, days, more, 'both') for name in names)} }}")
        for which, then in wanted.items():
            others = {name: one[which] and (one[which]["from"], one[which]["to"]) for name, one in answer.items()}
            for name, found in others.items():
                assert found == then or name in OWN_DAYS, (name, days, more, which)
            asked = {name: found for name, found in others.items() if found}
            if asked:
                direct = await shop.house.ask(f"{{ {' '.join(_field(name, found, more) for name, found in asked.items())} }}")
                assert {name: answer[name][which] for name in asked} == direct
            told += sum(one[which] is not None and one[which]["rows"] != one["rows"] for one in answer.values())
    assert told > 100, "most of it differs, else this says nothing"


async def test_retention_is_compared_by_the_whole_periods_to_which_it_widens(shop: Shop):
    for name in MONTHLY:
        answer = (await shop.house.ask(f"{{ {_field(name, ('2026-01-10', '2026-02-10'), '', 'both')} }}"))[name]
        days = [(one["from"], one["to"]) for one in (answer, answer["previous"], answer["lastYear"])]
        assert days == [("2026-01-01", "2026-02-28"), ("2025-11-01", "2025-12-31"), ("2025-01-01", "2025-02-28")]


async def test_nothing_is_compared_with_all_time_nor_with_a_comparison(shop: Shop):
    for name, (own, _) in FIELDS.items():
        for days in ("", 'from: "2026-01-01"', 'to: "2026-01-01"'):
            arguments = ", ".join(one for one in (own, days, 'timeZone: "UTC"') if one)
            answer = await shop.house.ask(f"{{ {name}({arguments}) {{ previous {{ from }} lastYear {{ from }} }} }}")
            assert answer[name] == {"previous": None, "lastYear": None}, (name, days)
    document = """{ salesCycle(from: "2026-01-01", to: "2026-01-31") {
        previous { from previous { from } lastYear { from } } lastYear { from previous { from } } } }"""
    assert (await shop.house.ask(document))["salesCycle"] == {
        "previous": {"from": "2025-12-01", "previous": None, "lastYear": None}, "lastYear": {"from": "2025-01-01", "previous": None},
    }  # fmt: skip


async def test_nobody_pays_for_a_comparison_that_is_not_asked_for(shop: Shop, caplog: pytest.LogCaptureFixture):
    async def statements(more: str) -> int:
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "core.records.statements"):
            await shop.house.ask(f'{{ salesCycle(from: "2026-01-01", to: "2026-01-31") {{ rows {{ mean }} {more} }} }}')
        return sum("GROUP BY" in one.getMessage() for one in caplog.records)

    compared = "previous { rows { mean } }"
    assert [await statements(more) for more in ("", compared, f"{compared} lastYear {{ rows {{ mean }} }}")] == [1, 2, 3]


async def test_a_cycle_and_a_velocity_beside_those_before_by_hand(shop: Shop):
    def at(month: int, day: int, year: int = 2026) -> datetime.datetime:
        return datetime.datetime(year, month, day, 9, tzinfo=datetime.UTC)

    await shop.sell(
        [
            Sale(("Won",), at(1, 1), at(1, 11), amount=Decimal(100)), Sale(("Won",), at(1, 1), at(1, 21), amount=Decimal(50)),
            Sale(("Won",), at(1, 20), at(2, 9), amount=Decimal(300)), Sale(("Lost",), at(1, 25), at(2, 14)),
            Sale(("Won",), at(2, 1, 2025), at(2, 5, 2025), amount=Decimal(10)), Sale(("New",), at(2, 10), None),
        ]
    )  # fmt: skip
    document = """{ february: salesCycle(from: "2026-02-01", to: "2026-02-28", period: MONTH) {
            rows { mean deals } previous { rows { mean deals } } lastYear { rows { mean deals } } }
        pace: salesVelocity(from: "2026-02-01", to: "2026-02-28") { rows { key { period { start end complete } } openDeals exact }
            previous { from to rows { openDeals exact winRate { value } cycleDays } } lastYear { rows { openDeals exact } } } }"""
    answer = await shop.house.ask(document)
    assert answer["february"] == {
        "rows": [{"mean": 20.0, "deals": 1}], "previous": {"rows": [{"mean": 15.0, "deals": 2}]},
        "lastYear": {"rows": [{"mean": 4.0, "deals": 1}]},
    }  # fmt: skip
    # At the end of January two deals were open that are won and lost now; the one that is open now began later.
    february = {"period": {"start": "2026-02-01", "end": "2026-02-28", "complete": True}}
    assert answer["pace"]["rows"] == [{"key": february, "openDeals": 1, "exact": 300 / 2 / 20}]
    assert answer["pace"]["previous"] == {
        "from": "2026-01-04", "to": "2026-01-31",
        "rows": [{"openDeals": 2, "exact": 2 * 75 / 15, "winRate": {"value": 1.0}, "cycleDays": 15.0}],
    }  # fmt: skip
    assert answer["pace"]["lastYear"] == {"rows": [{"openDeals": 0, "exact": 0.0}]}
