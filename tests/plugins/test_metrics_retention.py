"""Who comes back: retention, repeat rate, cohorts and time to an event, beside an oracle in plain Python."""

import datetime
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import strategies as st

from tests.examples import for_all
from tests.house import House
from tests.plugins.returning import (
    ARGUMENTS,
    DAY,
    FIRST,
    VARIABLES,
    Asked,
    Done,
    Happened,
    Market,
    Sold,
    acts,
    asked,
    curves,
    sales,
    share,
)  # fmt: skip

pytestmark = [pytest.mark.anyio, pytest.mark.plugins("metrics")]

RETENTION = f"""query ({VARIABLES}) {{ customerRetention({ARGUMENTS}) {{ definition asOf timeZone calendar rows {{
    period {{ start end complete }} before customers newcomers retained lost firstEver reactivated value low high churn returning
    returningShare }} }} }}"""
REPEAT = f"""query ({VARIABLES}) {{ repeatRate({ARGUMENTS}) {{ definition asOf timeZone calendar rows {{
    period {{ start end complete }} customers repeaters value low high events eventsEach days daysBetween
    distribution {{ events customers }} }} }} }}"""
BY_SOURCE = f"""query ({VARIABLES}, $times: Period) {{
    customerRetention({ARGUMENTS}, groupBy: [SOURCE]) {{ rows {{
        key {{ source period {{ start }} }} before customers retained firstEver }} }}
    repeatRate({ARGUMENTS.replace("$period", "$times")}, groupBy: [SOURCE]) {{ rows {{
        key {{ source }} period {{ start }} customers repeaters events }} }} }}"""
COHORTS = f"""query ({VARIABLES}, $definition: MetricsRetention!, $columns: Int!, $days: Int!, $brackets: [MetricsBracket!],
    $by: MetricsEventDimension) {{
    cohorts({ARGUMENTS}, definition: $definition, columns: $columns, days: $days, brackets: $brackets, groupBy: $by) {{
    definition asOf timeZone calendar rows {{ key {{ source industry period {{ start end complete }} }} size
    cells {{ column start end size active rate complete }} }}
    averages {{ key {{ source industry }} cells {{ column cohorts size active rate }} }} }} }}"""
TIME_TO = """query ($what: MetricsDuration!, $until: Date, $days: [Int!], $customer: MetricsCustomer!, $period: Period, $zone: String,
    $by: MetricsEventDimension) {
    timeTo(what: $what, asOf: $until, days: $days, customer: $customer, period: $period, timeZone: $zone, groupBy: $by) {
    definition until rows { key { source period { start } } n events competing censored leftOut median
    points { day atRisk events competing value low high incidence } curve { day atRisk events competing value incidence } } } }"""
things = (st.lists(sales(), max_size=30), st.lists(acts, max_size=20))


@pytest.fixture
async def market(house: House) -> Market:
    return await Market(house).open()


def at(month: int, day: int, hour: int = 12) -> datetime.datetime:
    """A time of 2024."""
    return datetime.datetime(2024, month, day, hour, tzinfo=datetime.UTC)


def starts(events: Sequence[Happened], question: Asked) -> dict[str, set[datetime.date]]:
    """The periods in which each customer has an event."""
    found: dict[str, set[datetime.date]] = {one.customer: set() for one in events}
    for one in events:
        found[one.customer].add(question.start(one.day))
    return found


async def test_retention_worked_out_by_hand(market: Market):
    await market.do([Sold(at(1, 5), "Ada"), Sold(at(1, 6), "Ada"), Sold(at(1, 7), "Bo"), Sold(at(2, 1), "Ada"), Sold(at(2, 2), "Cy"),
                     Sold(at(4, 3), "Ada"), Sold(at(4, 4), "Di"), Sold(at(3, 1), "Bo", kind="LOST")])  # fmt: skip
    rows = (await market.house.ask(RETENTION, **Asked().variables))["customerRetention"]["rows"]
    names = ("before", "customers", "newcomers", "retained", "lost", "firstEver", "reactivated", "value", "churn", "returning")
    assert [[row["period"]["start"], *(row[name] for name in names)] for row in rows] == [
        ["2024-01-01", 0, 2, 2, 0, 0, 2, 0, None, None, 0],
        ["2024-02-01", 2, 2, 1, 1, 1, 1, 0, 0.5, 0.5, 1],
        ["2024-03-01", 2, 0, 0, 0, 2, 0, 0, 0.0, 1.0, 0],
        ["2024-04-01", 0, 2, 2, 0, 0, 1, 1, None, None, 1],
    ]
    assert [row["returningShare"] for row in rows] == [0.0, 0.5, None, 0.5]
    assert (round(rows[1]["low"], 4), round(rows[1]["high"], 4)) == (0.0945, 0.9055)
    assert rows[0]["low"] is rows[0]["high"] is None


async def test_retention_is_what_sets_of_customers_give(market: Market):
    async def check(sold: list[Sold], done: list[Done], question: Asked):
        await market.do(sold, done)
        answer = (await market.house.ask(RETENTION, **question.variables))["customerRetention"]["rows"]
        events = question.events(sold, done)
        active = starts(events, question)
        wanted = question.shown([one.day for one in events])
        assert [row["period"]["start"] for row in answer] == [start.isoformat() for start in wanted]
        for row, start in zip(answer, wanted, strict=True):
            here = {one for one, some in active.items() if start in some}
            there = {one for one, some in active.items() if question.start(start - DAY) in some}
            ever = {one for one, some in active.items() if min(some) < start}
            assert (row["before"], row["customers"], row["newcomers"]) == (len(there), len(here), len(here - there))
            assert (row["retained"], row["lost"]) == (len(here & there), len(there - here))
            assert (row["firstEver"], row["reactivated"]) == (len(here - ever), len((here & ever) - there))
            assert (row["returning"], row["returningShare"]) == (len(here & ever), share(len(here & ever), len(here)))
            assert (row["value"], row["churn"]) == (share(len(here & there), len(there)), share(len(there - here), len(there)))
            assert row["period"]["complete"]

    await for_all(check, *things, asked)


async def test_who_comes_back_by_the_first_purchase_by_hand(market: Market):
    await market.do(CUSTOMERS)
    document = """{ customerRetention(groupBy: [SOURCE, INDUSTRY]) {
            rows { key { source industry period { start } } before retained firstEver value } }
        repeatRate(groupBy: SOURCE) { rows { key { source period { start } } customers repeaters value days } } }"""
    answer = await market.house.ask(document)
    rows = [(row["key"]["source"], row["key"]["period"]["start"][5:7], row["before"], row["retained"], row["firstEver"], row["value"])
            for row in answer["customerRetention"]["rows"]]  # fmt: skip
    # Ada and Cy first bought by the web, Bo did not, though the second time he did.
    assert rows == [
        ("web", "01", 0, 0, 1, None), ("web", "02", 1, 1, 1, 1.0), ("web", "03", 2, 0, 0, 0.0), ("web", "04", 0, 0, 0, None),
        (None, "01", 0, 0, 1, None), (None, "02", 1, 1, 0, 1.0), (None, "03", 1, 0, 0, 0.0), (None, "04", 0, 0, 0, None),
    ]  # fmt: skip
    assert [(row["key"], row["customers"], row["repeaters"], row["days"]) for row in answer["repeatRate"]["rows"]] == [
        ({"source": "web", "period": None}, 2, 2, str(27 + 87)), ({"source": None, "period": None}, 1, 1, "9"),
    ]  # fmt: skip
    _, (error,) = await market.house.answer('{ repeatRate(event: {kind: "CALL"}, groupBy: STAGE) { asOf } }')
    assert error["message"] == "groupBy: STAGE is nothing that Activity has"


async def test_who_comes_back_of_a_source_is_what_these_customers_alone_give(market: Market):
    async def check(sold: list[Sold], question: Asked, period: bool):
        await market.do(sold)
        rows = await market.house.ask(BY_SOURCE, **question.variables, times=question.period if period else None)
        events = question.events(sold, [])
        first = {one.customer: one.source for one in reversed(events)}
        for source in {row["key"]["source"] for row in rows["customerRetention"]["rows"]}:
            active = starts([one for one in events if first[one.customer] == source], question)
            for row in (one for one in rows["customerRetention"]["rows"] if one["key"]["source"] == source):
                start = datetime.date.fromisoformat(row["key"]["period"]["start"])
                here, there = ({who for who, some in active.items() if one in some} for one in (start, question.start(start - DAY)))
                new = {who for who in here if min(active[who]) == start}
                assert [row[name] for name in ("customers", "before", "retained", "firstEver")] == [
                    *map(len, (here, there, here & there, new))
                ]
        within = [one for one in events if (question.first or one.day) <= one.day <= (question.last or one.day)]
        undated = question.undated(sold) if not period and question.first is None and question.last is None else Counter[str]()
        # Of the deals at no moment there is one at most.
        first = {who: one.source for one in sold if one.closed is None for who in undated if who in (one.who, one.firm)} | first
        for row in rows["repeatRate"]["rows"]:
            start = row["period"] and datetime.date.fromisoformat(row["period"]["start"])
            mine = [one for one in within if first[one.customer] == row["key"]["source"]]
            times = Counter(one.customer for one in mine if start is None or question.start(one.day) == start)
            times += Counter({who: number for who, number in undated.items() if first[who] == row["key"]["source"]})
            assert (row["customers"], row["repeaters"], row["events"]) == (len(times), sum(n > 1 for n in times.values()), times.total())
        assert {row["key"]["source"] for row in rows["repeatRate"]["rows"]} >= {first[one.customer] for one in within}

    def distinct(sold: list[Sold]) -> bool:
        """Of two deals at one moment it is the id that tells which was first, which a test does not know."""
        return len({one.closed for one in sold}) == len(sold)

    purchases = asked.map(lambda one: replace(one, kind=None)).filter(lambda one: one.period != "DAY")
    await for_all(check, st.lists(sales(), max_size=30).filter(distinct), purchases, st.booleans())


async def test_repeat_rate_worked_out_by_hand(market: Market):
    await market.do([Sold(at(1, 5), "Ada"), Sold(at(1, 15), "Ada"), Sold(at(2, 4), "Ada"), Sold(at(1, 7), "Bo"), Sold(at(1, 7), "Bo"),
                     Sold(at(2, 2), "Cy")])  # fmt: skip
    (row,) = (await market.house.ask(REPEAT, **Asked(period=None).variables))["repeatRate"]["rows"]
    assert row == {
        "period": None, "customers": 3, "repeaters": 2, "value": 2 / 3, "low": pytest.approx(0.20765, abs=1e-5),
        "high": pytest.approx(0.93851, abs=1e-5), "events": 6, "eventsEach": 2.0, "days": "30", "daysBetween": 10.0,
        "distribution": [{"events": 1, "customers": 1}, {"events": 2, "customers": 1}, {"events": 3, "customers": 1}],
    }  # fmt: skip


async def test_purchases_of_unknown_days_are_purchases_where_no_days_are_asked_for(market: Market):
    # Ada first bought by the web. Nobody knows when Cy bought, nor when Bo did so for the second time, after the first as far as is known.
    await market.do([Sold(None, "Ada"), Sold(at(1, 5), "Ada", source="web"), Sold(at(1, 15), "Ada"), Sold(None, "Bo", source="web"),
                     Sold(at(1, 7), "Bo"), Sold(None, "Cy"), Sold(None, "Cy", kind="OPEN"), Sold(None, "Di", kind="LOST")])  # fmt: skip
    figures = "customers repeaters events days daysBetween"
    data = await market.house.ask(f"""{{ all: repeatRate {{ rows {{ {figures} }} }}
        bySource: repeatRate(groupBy: [SOURCE]) {{ rows {{ key {{ source }} {figures} }} }}
        year: repeatRate(period: YEAR) {{ rows {{ {figures} }} }} }}""")
    assert {name: [[*row.values()][-5:] for row in answer["rows"]] for name, answer in data.items()} == {
        "all": [[3, 2, 6, "10", 10.0]],
        "bySource": [[1, 1, 3, "10", 10.0], [2, 1, 3, "0", None]],
        "year": [[2, 1, 3, "10", 10.0]],
    }
    assert [row["key"]["source"] for row in data["bySource"]["rows"]] == ["web", None]


async def test_repeat_rate_is_what_counting_gives(market: Market):
    async def check(sold: list[Sold], done: list[Done], question: Asked, period: bool):
        question = question if period else Asked(question.customer, question.kind, None, zone=question.zone, first=question.first)
        await market.do(sold, done)
        answer = (await market.house.ask(REPEAT, **question.variables))["repeatRate"]["rows"]
        within = [one for one in question.events(sold, done) if (question.first or one.day) <= one.day <= (question.last or one.day)]
        wanted: list[Any] = question.shown([one.day for one in within]) if period else [None]
        assert [row["period"] and row["period"]["start"] for row in answer] == [start and start.isoformat() for start in wanted]
        for row, start in zip(answer, wanted, strict=True):
            some = [one for one in within if start is None or question.start(one.day) == start]
            by = {who: [one.day for one in some if one.customer == who] for who in {one.customer for one in some}}
            days = sum((max(one) - min(one)).days for one in by.values())
            counts = Counter({who: len(one) for who, one in by.items()})
            counts += question.undated(sold) if not period and question.first is None else Counter()
            repeaters, events = sum(number > 1 for number in counts.values()), counts.total()
            assert (row["customers"], row["repeaters"], row["events"]) == (len(counts), repeaters, events)
            assert (row["value"], row["daysBetween"]) == (share(repeaters, len(counts)), share(days, len(some) - len(by)))
            assert (row["eventsEach"], row["days"]) == (share(events, len(counts)), str(days))
            assert {one["events"]: one["customers"] for one in row["distribution"]} == Counter(counts.values())

    await for_all(check, *things, asked, st.booleans())


CUSTOMERS = [Sold(at(1, 5), "Ada", source="web"), Sold(at(1, 31), "Bo"), Sold(at(2, 1), "Ada"), Sold(at(2, 9), "Bo", source="web"),
             Sold(at(2, 3), "Cy", source="web"), Sold(at(4, 30), "Cy")]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "january", "february", "average"),
    [
        ("columns: 3", [2, 2, 0, 0], [1, 0, 1, 0], [(3, 3), (2, 3), (1, 3), (0, 3)]),
        ("columns: 3, definition: UNBOUNDED", [2, 2, 0, 0], [1, 1, 1, 0], [(3, 3), (3, 3), (1, 3), (0, 3)]),
        ("columns: 4, days: 7, definition: N_DAY", [2, 1, 0, 1, 0], [1, 0, 0, 0, 0], [(3, 3), (1, 3), (0, 3), (1, 3), (0, 3)]),
        ("definition: BRACKET, brackets: [{from: 1, to: 9}, {from: 8, to: 90}]", [1, 2], [0, 1], [(1, 3), (3, 3)]),
    ],
)
async def test_cohorts_worked_out_by_hand(market: Market, arguments: str, january: list[int], february: list[int], average: list[Any]):
    await market.do(CUSTOMERS)
    data = await market.house.ask(
        f"{{ cohorts({arguments}) {{ rows {{ key {{ period {{ start }} }} size cells {{ active complete }} }}"
        " averages { key { period { start } } cells { active size } } } }"
    )
    rows = data["cohorts"]["rows"]
    assert [(row["key"]["period"]["start"], row["size"]) for row in rows] == [("2024-01-01", 2), ("2024-02-01", 1)]
    assert [[cell["active"] for cell in row["cells"]] for row in rows] == [january, february]
    (one,) = data["cohorts"]["averages"]
    assert one["key"]["period"] is None
    assert [(cell["active"], cell["size"]) for cell in one["cells"]] == average


async def test_cohorts_by_the_source_of_the_first_purchase(market: Market):
    await market.do(CUSTOMERS)
    variables = {**Asked().variables, "definition": "CALENDAR", "columns": 1, "days": 1, "by": "SOURCE"}
    found = (await market.house.ask(COHORTS, **variables))["cohorts"]
    assert [(row["key"]["source"], row["key"]["period"]["start"], row["size"]) for row in found["rows"]] == [
        ("web", "2024-01-01", 1), ("web", "2024-02-01", 1), (None, "2024-01-01", 1), (None, "2024-02-01", 0),
    ]  # fmt: skip
    assert [[(cell["active"], cell["rate"]) for cell in row["cells"]] for row in found["rows"]] == [
        [(1, 1.0), (1, 1.0)], [(1, 1.0), (0, 0.0)], [(1, 1.0), (1, 1.0)], [(0, None), (0, None)],
    ]  # fmt: skip
    assert [(one["key"]["source"], [cell["rate"] for cell in one["cells"]]) for one in found["averages"]] == [
        ("web", [1.0, 0.5]),
        (None, [1.0, 1.0]),
    ]


DEFINITIONS = ("CALENDAR", "UNBOUNDED", "N_DAY", "BRACKET")
brackets = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 60)).map(lambda two: (two[0], sum(two))), min_size=1, max_size=4)


async def test_cohorts_are_what_going_through_all_customers_gives(market: Market):
    async def check(sold: list[Sold], done: list[Done], question: Asked, how: str, columns: int, days: int, some: list[tuple[int, int]]):
        await market.do(sold, done)
        days = days if how == "N_DAY" else 1
        asked = {**question.variables, "definition": how, "columns": columns, "days": days}
        asked["brackets"] = [{"from": low, "to": high} for low, high in some] if how == "BRACKET" else None
        found = (await market.house.ask(COHORTS, **asked))["cohorts"]
        events = question.events(sold, done)
        visits = {one.customer: sorted(each.day for each in events if each.customer == one.customer) for one in events}
        first = {who: question.start(seen[0]) for who, seen in visits.items()}
        shown = question.starts(question.first, question.last) if question.first and question.last else None
        if shown is None:
            known = [seen[0] for seen in visits.values()]
            inside = [day for day in known if not question.first or question.start(day) >= question.start(question.first)]
            inside = [day for day in inside if not question.last or question.start(day) <= question.start(question.last)]
            shown = question.shown(inside)
        assert [row["key"]["period"]["start"] for row in found["rows"]] == [start.isoformat() for start in shown]
        windows = some if how == "BRACKET" else [(n * days, n * days + days - 1) for n in range(columns + 1)]
        totals: list[list[int]] = [[0, 0, 0] for _ in windows]
        for row, start in zip(found["rows"], shown, strict=True):
            who = [one for one, began in first.items() if began == start]
            assert row["size"] == len(who)
            assert len(row["cells"]) == len(windows)
            for place, (cell, (low, high)) in enumerate(zip(row["cells"], windows, strict=True)):
                if how in ("N_DAY", "BRACKET"):
                    active = [one for one in who if any(low <= (day - visits[one][0]).days <= high for day in visits[one])]
                else:
                    begin = start
                    for _ in range(place):
                        begin = next(day for day in (begin + more * DAY for more in range(1, 400)) if question.start(day) == day)
                    assert cell["start"] == begin.isoformat()
                    seen = {one: {question.start(day) for day in visits[one]} for one in who}
                    active = [one for one in who if (max(seen[one]) >= begin if how == "UNBOUNDED" else begin in seen[one])]
                assert (cell["column"], cell["size"], cell["active"]) == (place, len(who), len(active))
                assert cell["rate"] == share(len(active), len(who))
                if cell["complete"] and who:
                    totals[place] = [one + more for one, more in zip(totals[place], (1, len(who), len(active)), strict=True)]
        (average,) = found["averages"]
        assert [[one["cohorts"], one["size"], one["active"]] for one in average["cells"]] == totals
        assert [one["rate"] for one in average["cells"]] == [share(active, size) for _, size, active in totals]

    # Days and weeks, of which there are enough since then for all columns to have begun.
    short = asked.filter(lambda one: one.period != "YEAR")
    await for_all(check, *things, short, st.sampled_from(DEFINITIONS), st.integers(0, 4), st.integers(1, 9), brackets)


async def test_what_is_not_over_is_marked(market: Market):
    today = datetime.datetime.now(datetime.UTC).replace(hour=12) - DAY
    await market.do([Sold(today - 3 * DAY, "Ada"), Sold(today - 3 * DAY, "Bo"), Sold(today - 2 * DAY, "Bo"), Sold(today + 9 * DAY, "Cy")])
    asked = {**Asked(period="DAY").variables, "columns": 9, "days": 1}
    for how in ("CALENDAR", "N_DAY", "UNBOUNDED"):
        found = (await market.house.ask(COHORTS, **asked, definition=how))["cohorts"]
        (row,) = found["rows"]
        assert row["size"] == 2, "what is in the future has not happened"
        assert [cell["complete"] for cell in row["cells"]] == [True, True, True, True, False], how
        assert [cell["cohorts"] for cell in found["averages"][0]["cells"]] == [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
        assert [cell["rate"] for cell in found["averages"][0]["cells"]] == [1.0, 0.5, 0.0, 0.0, *[None] * 6]


async def test_time_to_win_worked_out_by_hand(market: Market):
    begun = at(1, 1)
    ends = [("WON", 2), ("LOST", 2), ("WON", 5), ("WON", 20), ("LOST", None)]
    deals = [Sold(days and begun + days * DAY, kind=kind, started=begun) for kind, days in ends]
    await market.do([*deals, Sold(None, kind="OPEN", started=begun), Sold(at(1, 2), kind="WON"), Sold(at(2, 3), started=at(2, 1))])
    variables = {"what": "DEAL_WON", "until": "2024-01-11", "days": [1, 2, 5, 10, 11], "customer": "CONTACT"}
    found = (await market.house.ask(TIME_TO, **variables))["timeTo"]
    assert found["until"] == "2024-01-11"
    (row,) = found["rows"]
    # Of five, one is won and one lost on day 2; of the three that are left one is won on day 5; two are open on day 10.
    assert [row[name] for name in ("n", "events", "competing", "censored", "leftOut", "median")] == [5, 2, 1, 2, 1, None]
    points = [(one["day"], one["atRisk"], one["value"], one["incidence"]) for one in row["points"]]
    assert points == [
        (1, 5, 0.0, 0.0), (2, 5, pytest.approx(0.2), pytest.approx(0.2)), (5, 3, pytest.approx(1 - 0.8 * 2 / 3), pytest.approx(0.4)),
        (10, 2, pytest.approx(1 - 0.8 * 2 / 3), pytest.approx(0.4)), (11, 0, None, None),
    ]  # fmt: skip
    assert [(one["day"], one["events"], one["competing"]) for one in row["curve"]] == [(0, 0, 0), (2, 1, 1), (5, 1, 0)]
    assert row["points"][1]["low"] < 0.2 < row["points"][1]["high"]


async def test_time_to_win_is_what_products_of_shares_give(market: Market):
    async def check(sold: list[Sold], until: datetime.date, zone: str, by: bool):
        await market.do(sold)
        asked = {"what": "DEAL_WON", "until": until.isoformat(), "days": [0, 3, 30, 90], "customer": "CONTACT", "zone": zone}
        rows = (await market.house.ask(TIME_TO, **asked, by="SOURCE" if by else None))["timeTo"]["rows"]
        known = [one for one in sold if not one.deleted and one.started and local(one.started, zone) <= until]
        names = sorted({one.source for one in known}, key=lambda name: (name is None, name or "")) if by else [None]
        assert [row["key"]["source"] for row in rows] == names
        for row, name in zip(rows, names, strict=True):
            ended: list[tuple[int, str]] = []
            for one in known:
                begun = local(one.started or FIRST, zone)
                closed = one.closed and local(one.closed, zone)
                if by and one.source != name:
                    continue
                if one.kind == "OPEN" or (closed and closed > until):
                    ended.append(((until - begun).days, "CENSORED"))
                elif closed and closed >= begun:
                    ended.append(((closed - begun).days, "EVENT" if one.kind == "WON" else "COMPETING"))
            told(row, ended)

    dates = st.dates(datetime.date(2024, 1, 1), datetime.date(2024, 8, 1))
    await for_all(check, things[0], dates, st.sampled_from(("UTC", "Asia/Tehran")), st.booleans())


async def test_time_to_the_second_event_is_what_going_through_customers_gives(market: Market):
    async def check(sold: list[Sold], until: datetime.date, question: Asked):
        await market.do(sold)
        asked = {"what": "SECOND_EVENT", "until": until.isoformat(), "days": [0, 3, 30, 90], "customer": question.customer}
        rows = (await market.house.ask(TIME_TO, **asked, zone=question.zone, period=question.period))["timeTo"]["rows"]
        events = [one for one in Asked(question.customer, zone=question.zone).events(sold, []) if one.day <= until]
        visits = {one.customer: [each.day for each in events if each.customer == one.customer] for one in events}
        gregorian = Asked(period=question.period)
        shown = gregorian.shown([days[0] for days in visits.values()])
        assert [row["key"]["period"]["start"] for row in rows] == [start.isoformat() for start in shown]
        for row, start in zip(rows, shown, strict=True):
            some = [days for days in visits.values() if gregorian.start(days[0]) == start]
            told(row, [((days[1] - days[0]).days, "EVENT") if days[1:] else ((until - days[0]).days, "CENSORED") for days in some])

    await for_all(check, things[0], st.dates(datetime.date(2024, 1, 1), datetime.date(2024, 8, 1)), asked)


def told(row: dict[str, Any], ended: Sequence[tuple[int, str]]) -> None:
    """That a row says what became of these."""
    counts = Counter(why for _, why in ended)
    assert row["n"] == len(ended)
    assert [row["events"], row["competing"], row["censored"]] == [counts[why] for why in ("EVENT", "COMPETING", "CENSORED")]
    for point in (*row["points"], *row["curve"]):
        value, incidence = curves(ended, point["day"])
        assert point["value"] == (value if value is None else pytest.approx(value, abs=1e-9))
        assert point["incidence"] == (incidence if incidence is None else pytest.approx(incidence, abs=1e-9))
        assert point["atRisk"] == sum(last >= point["day"] for last, _ in ended)
    wanted = [day for day, _ in ended if (known := curves(ended, day)[0]) is not None and known >= 0.5 - 1e-9]
    assert row["median"] == min(wanted, default=None)
    assert [one["day"] for one in row["curve"]] == sorted({0, *(day for day, why in ended if why != "CENSORED")} if ended else ())


def local(moment: datetime.datetime, zone: str) -> datetime.date:
    """The day of a time in a zone."""
    return moment.astimezone(ZoneInfo(zone)).date()
