"""Conversion within a window, and what cannot be asked of customers."""

import datetime
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from graphql import get_introspection_query
from hypothesis import strategies as st

from tests.examples import for_all
from tests.house import House
from tests.plugins.returning import DAY, FIRST, ZONES, Done, Market, Person, Sold, minutes, share, start_of

pytestmark = [pytest.mark.anyio, pytest.mark.plugins("metrics")]

CONVERSION = """query ($exposed: MetricsConversionStep, $converted: MetricsConversionStep, $days: Int!, $full: Boolean!,
    $where: ContactFilter,
    $by: [MetricsContactDimension!], $period: Period, $calendar: Calendar!, $zone: String, $first: Date, $last: Date) {
    conversion(exposed: $exposed, converted: $converted, days: $days, full: $full, where: $where, groupBy: $by, period: $period,
    calendar: $calendar, timeZone: $zone, from: $first, to: $last) { definition days rows {
    key { city period { start end complete } } exposed converted value low high unfinished unfinishedConverted
    previous { period { start } exposed converted value difference growth }
    lastYear { period { start } exposed converted value difference growth } } } }"""
PLAIN = {"days": 30, "full": True, "calendar": "GREGORIAN", "zone": "UTC"}
STEPS: tuple[dict[str, Any], ...] = (
    {"what": "CREATED"}, {"what": "STAGE", "stage": "QUALIFIED"}, {"what": "STAGE", "stage": "CUSTOMER"},
    {"what": "ACTIVITY", "kind": "CALL"}, {"what": "DEAL_STARTED"}, {"what": "DEAL_WON"},
)  # fmt: skip
NAMES = ("Ada", "Bo", "Cy", "Di", "Ed", "Flo")


@pytest.fixture
async def market(house: House) -> Market:
    return await Market(house).open()


def at(month: int, day: int, hour: int = 12) -> datetime.datetime:
    """A time of 2024."""
    return datetime.datetime(2024, month, day, hour, tzinfo=datetime.UTC)


async def test_conversion_worked_out_by_hand(market: Market):
    await market.people([Person("Ada", at(1, 1)), Person("Bo", at(1, 2)), Person("Cy", at(1, 31)), Person("Di", at(2, 1))])
    await market.do([Sold(at(1, 31), "Ada"), Sold(at(2, 2), "Bo"), Sold(at(3, 1), "Cy"), Sold(at(2, 1, 11), "Di"), Sold(at(2, 3), "Di")])
    rows = (await market.house.ask(CONVERSION, **PLAIN, period="MONTH"))["conversion"]["rows"]
    # Bo bought on day 31. What Di bought an hour before she came in does not count.
    assert [(row["key"]["period"]["start"], row["exposed"], row["converted"], row["value"], row["unfinished"]) for row in rows] == [
        ("2024-01-01", 3, 2, 2 / 3, 0), ("2024-02-01", 1, 1, 1.0, 0),
    ]  # fmt: skip
    assert (rows[0]["low"], rows[0]["high"]) == (pytest.approx(0.20765, abs=1e-5), pytest.approx(0.93851, abs=1e-5))
    assert rows[1]["previous"] == {
        "period": {"start": "2024-01-01"}, "exposed": 3, "converted": 2, "value": 2 / 3, "difference": 1 / 3, "growth": 0.5,
    }  # fmt: skip
    nothing = {"period": {"start": "2023-02-01"}, "exposed": 0, "converted": 0, "value": None, "difference": None, "growth": None}
    assert rows[1]["lastYear"] == nothing
    (row,) = (await market.house.ask(CONVERSION, **PLAIN))["conversion"]["rows"]
    assert (row["exposed"], row["converted"], row["previous"], row["lastYear"]) == (4, 3, None, None)
    cut = {**PLAIN, "period": "MONTH", "first": "2024-02-10", "last": "2024-02-11"}
    assert (await market.house.ask(CONVERSION, **cut))["conversion"]["rows"] == [rows[1]], "whole periods, with what was before"


async def test_those_whose_window_is_not_over_are_told_beside(market: Market):
    now = datetime.datetime.now(datetime.UTC)
    await market.people([Person(name, now - days * DAY) for name, days in (("Ada", 40), ("Bo", 31), ("Cy", 30), ("Di", 1))])
    await market.do([Sold(now - 39 * DAY, "Ada"), Sold(now - 2 * DAY, "Cy")])
    for full, wanted in ((True, (2, 1, 0.5)), (False, (4, 2, 0.5))):
        (row,) = (await market.house.ask(CONVERSION, **{**PLAIN, "full": full}))["conversion"]["rows"]
        assert (row["exposed"], row["converted"], row["value"]) == wanted
        assert (row["unfinished"], row["unfinishedConverted"]) == (2, 1)


@st.composite
def people(draw: st.DrawFn) -> list[Person]:
    """Some contacts, each with some stages in the order of time."""
    made = []
    for name in NAMES[: draw(st.integers(1, len(NAMES)))]:
        times = sorted(draw(st.lists(minutes, max_size=3, unique=True)))
        stages = tuple((draw(st.sampled_from(("LEAD", "QUALIFIED", "CUSTOMER"))), time) for time in times)
        stages = tuple(one for place, one in enumerate(stages) if not place or stages[place - 1][0] != one[0])
        made.append(Person(name, draw(minutes), stages, draw(st.sampled_from(("Rasht", "Yazd", None)))))
    return made


@st.composite
def doings(draw: st.DrawFn) -> tuple[list[Sold], list[Done]]:
    """Deals and activities of these contacts."""
    sold = []
    for _ in range(draw(st.integers(0, 15))):
        started, closed = sorted([draw(minutes), draw(minutes)])
        kind = draw(st.sampled_from(("WON", "WON", "LOST", "OPEN")))
        known = draw(st.sampled_from((None, started)))
        sold.append(Sold(None if kind == "OPEN" else closed, draw(st.sampled_from(NAMES)), None, kind, known))
    done = st.builds(Done, st.none() | minutes, st.sampled_from(NAMES), st.none(), st.sampled_from(("CALL", "NOTE")))
    return sold, draw(st.lists(done, max_size=10))


def times(step: dict[str, Any], one: Person, sold: Sequence[Sold], done: Sequence[Done]) -> list[datetime.datetime]:
    """When a step happened to a contact."""
    match step["what"]:
        case "CREATED":
            return [one.created]
        case "STAGE":
            stages = one.stages or (("LEAD", one.created),)
            return [when for stage, when in stages if stage == step["stage"]]
        case "ACTIVITY":
            return [each.done for each in done if each.who == one.name and each.kind == step["kind"] and each.done]
        case "DEAL_STARTED":
            return [each.started for each in sold if each.who == one.name and each.started]
        case _:
            return [each.closed for each in sold if each.who == one.name and each.kind == "WON" and each.closed]


async def test_conversion_is_what_going_through_contacts_gives(market: Market):
    async def check(some: list[Person], did: tuple[list[Sold], list[Done]], steps: tuple[Any, Any], days: int, how: Any, by: bool):
        (sold, done), (start, end), (zone, calendar) = did, steps, how
        await market.people(some)
        names = {one.name for one in some}
        await market.do([one for one in sold if one.who in names], [one for one in done if one.who in names])
        asked = {"exposed": start, "converted": end, "days": days, "full": True, "calendar": calendar, "zone": zone, "period": "MONTH"}
        rows = (await market.house.ask(CONVERSION, **asked, by=["CITY"] if by else []))["conversion"]["rows"]
        found: dict[tuple[str | None, str], list[bool]] = {}
        for one in some:
            if begun := times(start, one, sold, done):
                ends = [when for when in times(end, one, sold, done) if when >= min(begun)]
                first = min(begun).astimezone(ZoneInfo(zone)).date()
                converted = bool(ends) and (min(ends).astimezone(ZoneInfo(zone)).date() - first).days <= days
                found.setdefault((one.city if by else None, start_of(first, "MONTH", calendar).isoformat()), []).append(converted)
        shown = {(row["key"]["city"], row["key"]["period"]["start"]): row for row in rows}
        assert {key for key, row in shown.items() if row["exposed"]} == set(found)
        for key, row in shown.items():
            known = found.get(key, [])
            assert (row["exposed"], row["converted"], row["value"]) == (len(known), sum(known), share(sum(known), len(known)))
            then = row["previous"]
            before = found.get((key[0], then["period"]["start"]), [])
            assert (then["exposed"], then["converted"], then["value"]) == (len(before), sum(before), share(sum(before), len(before)))
            if known and before:
                assert then["difference"] == pytest.approx(row["value"] - then["value"], abs=1e-12)
            assert row["unfinished"] == 0

    step = st.sampled_from(STEPS)
    days = st.sampled_from((0, 7, 30, 90))
    how = st.tuples(st.sampled_from(ZONES), st.sampled_from(("GREGORIAN", "JALALI")))
    await for_all(check, people(), doings(), st.tuples(step, step), days, how, st.booleans())


async def test_a_filter_says_which_events_and_contacts_count(market: Market):
    await market.do(
        [Sold(at(1, 5), "Ada", source="web"), Sold(at(1, 6), "Ada", source="fair"), Sold(at(1, 7), "Bo", source="web")],
        [Done(at(1, 1), "Ada"), Done(at(1, 2), "Ada", kind="NOTE"), Done(at(1, 3), "Bo"), Done(at(1, 4), "Bo")],
    )
    data = await market.house.ask(
        """{ web: repeatRate(where: {source: {eq: "web"}}) { rows { customers events } }
        calls: repeatRate(event: {kind: "CALL"}) { rows { customers events } }
        adas: repeatRate(event: {kind: "CALL"}, activityWhere: {contact: {name: {eq: "ada"}}}) { rows { customers events } }
        bos: conversion(where: {name: {eq: "bo"}}) { rows { exposed converted } } }"""
    )
    assert {name: data[name]["rows"] for name in ("web", "calls", "adas")} == {
        "web": [{"customers": 2, "events": 2}], "calls": [{"customers": 2, "events": 3}], "adas": [{"customers": 1, "events": 1}],
    }  # fmt: skip
    assert data["bos"]["rows"] == [{"exposed": 1, "converted": 1}]


async def test_nothing_is_null_and_never_zero(house: House):
    data = await house.ask(
        """{ customerRetention { rows { value } } cohorts { rows { size } averages { cells { size rate } } }
        year: customerRetention(period: YEAR, from: "2024-01-01", to: "2024-01-01") { rows { before value churn returningShare low } }
        cohort: cohorts(period: YEAR, columns: 0, from: "2024-05-01", to: "2024-05-01") { rows { size cells { active rate } } }
        repeatRate { rows { customers value low eventsEach daysBetween distribution { events } } }
        timeTo(days: [7]) { rows { n median points { value low high incidence atRisk } curve { day } } }
        second: timeTo(what: SECOND_EVENT, period: MONTH) { rows { n } }
        conversion { rows { exposed value low high unfinished } } }"""
    )
    assert data["customerRetention"]["rows"] == data["cohorts"]["rows"] == data["second"]["rows"] == []
    assert data["cohorts"]["averages"] == [{"cells": [{"size": 0, "rate": None}] * 13}]
    assert data["year"]["rows"] == [{"before": 0, "value": None, "churn": None, "returningShare": None, "low": None}]
    assert data["cohort"]["rows"] == [{"size": 0, "cells": [{"active": 0, "rate": None}]}]
    nothing = {"customers": 0, "value": None, "low": None, "eventsEach": None, "daysBetween": None, "distribution": []}
    assert data["repeatRate"]["rows"] == [nothing]
    point = {"value": None, "low": None, "high": None, "incidence": None, "atRisk": 0}
    assert data["timeTo"]["rows"] == [{"n": 0, "median": None, "points": [point], "curve": []}]
    assert data["conversion"]["rows"] == [{"exposed": 0, "value": None, "low": None, "high": None, "unfinished": 0}]


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ('repeatRate(event: {kind: "DANCE"}) { asOf }', "kind: 'DANCE' is not one of"),
        ("repeatRate(activityWhere: {}) { asOf }", "activityWhere: is for activities"),
        ('repeatRate(event: {kind: "CALL"}, where: {}) { asOf }', "where: is for purchases"),
        ('repeatRate(timeZone: "Mars/Olympus") { asOf }', "is not a time zone"),
        ('customerRetention(from: "2024-02-01", to: "2024-01-01") { asOf }', "from: lies after to"),
        ('customerRetention(period: DAY, from: "1990-01-01", to: "2024-01-01") { asOf }', "makes more than 1000 groups"),
        ("cohorts(columns: 101) { asOf }", "columns: must be between 0 and 100"),
        ("cohorts(days: 7) { asOf }", "days: is for N_DAY"),
        ("cohorts(definition: N_DAY, days: 0) { asOf }", "days: must be between 1 and 366"),
        ("cohorts(definition: BRACKET) { asOf }", "brackets: are for BRACKET"),
        ("cohorts(brackets: []) { asOf }", "brackets: are for BRACKET"),
        ("cohorts(definition: BRACKET, brackets: []) { asOf }", "brackets: must be from 1 to 100"),
        ("cohorts(definition: BRACKET, brackets: [{from: 7, to: 1}]) { asOf }", "brackets.0: must have 0 <= from <= to"),
        ('cohorts(event: {kind: "CALL"}, groupBy: PIPELINE) { asOf }', "groupBy: PIPELINE is nothing that Activity has"),
        ("timeTo(days: [-1]) { asOf }", "days: must be at most 100, from 0"),
        ('timeTo(asOf: "1969-12-31") { asOf }', "asOf: 1969-12-31 does not lie between"),
        ('timeTo(event: {kind: "CALL"}) { asOf }', "event: is for SECOND_EVENT"),
        ("conversion(days: -1) { asOf }", "days: must be between 0 and"),
        ("conversion(exposed: {what: STAGE}) { asOf }", "exposed.stage: is for STAGE, which needs it"),
        ('conversion(converted: {what: CREATED, kind: "CALL"}) { asOf }', "converted.kind: is for ACTIVITY, which needs it"),
    ],
)
async def test_what_cannot_be_answered_says_why(house: House, field: str, reason: str):
    data, errors = await house.answer(f"{{ {field} }}")
    assert data == {field.split("(")[0]: None}
    assert [one["extensions"]["code"] for one in errors] == ["BAD_USER_INPUT"]
    assert reason in errors[0]["message"]


FIELDS = ("cohorts", "customerRetention", "repeatRate", "timeTo", "conversion")


@pytest.mark.settings(roles={"reader": {"*.read": "all", "metrics.read": "none"}, "counter": {"metrics.read": "all"}})
@pytest.mark.parametrize("role", ["reader", "counter"])
async def test_metrics_need_their_own_permission_and_that_of_the_rows(house: House, role: str):
    asker = await house.as_(role)
    for field in FIELDS:
        data, errors = await asker.answer(f"{{ {field} {{ asOf }} }}")
        assert data == {field: None}
        assert [one["extensions"]["code"] for one in errors] == ["FORBIDDEN"]


@pytest.mark.parametrize(
    ("hidden", "fields"),
    [
        ("deal.contact", ("cohorts", "customerRetention", "repeatRate", "conversion")),
        ("deal.closedAt", FIELDS),
        ("stage.kind", FIELDS),
    ],
)
async def test_a_hidden_field_makes_no_figure(house: House, hidden: str, fields: tuple[str, ...]):
    await house.make("Role", name="blind", grants=[{"permission": "*.read"}], fields=[{"field": hidden, "access": "HIDDEN"}])
    blind = await house.as_("blind")
    for field in FIELDS:
        _, errors = await blind.answer(f"{{ {field} {{ asOf }} }}")
        assert [error["extensions"]["code"] for error in errors] == (["FORBIDDEN"] if field in fields else [])


async def test_a_hidden_stage_makes_no_step(house: House):
    fields = [{"field": "contact.lifecycleStage", "access": "HIDDEN"}]
    await house.make("Role", name="blind", grants=[{"permission": "*.read"}], fields=fields)
    _, errors = await (await house.as_("blind")).answer('{ conversion(exposed: {what: STAGE, stage: LEAD}) { asOf } }')
    assert [error["extensions"]["code"] for error in errors] == ["FORBIDDEN"]


async def test_one_who_sees_only_some_deals_gets_their_figures(market: Market):
    await market.do([Sold(at(1, 5), "Ada", source="web"), Sold(at(1, 6), "Ada"), Sold(at(1, 7), "Bo", started=FIRST)])
    where = {"source": {"eq": "web"}}
    grants = [{"permission": "*.read"}, {"permission": "deal.read", "scope": "WHERE", "where": where}]
    await market.house.make("Role", name="narrow", grants=grants)
    data = await (await market.house.as_("narrow")).ask(
        "{ repeatRate { rows { customers events } } timeTo { rows { n } } conversion(days: 60) { rows { exposed converted } } }"
    )
    assert data["repeatRate"]["rows"] == [{"customers": 1, "events": 1}]
    assert data["timeTo"]["rows"] == [{"n": 0}]
    assert data["conversion"]["rows"] == [{"exposed": 4, "converted": 1}]


async def test_everything_about_the_fields_is_described(house: House):
    schema = (await house.ask(get_introspection_query()))["__schema"]
    types = {one["name"]: one for one in schema["types"]}
    fields = [one for one in types["Query"]["fields"] if one["name"] in FIELDS]
    assert len(fields) == len(FIELDS)
    ours = [one for name, one in types.items() if name.startswith("Metrics")]
    parts = [*ours, *fields, *(argument for one in fields for argument in one["args"])]
    parts += [member for one in ours for kind in ("fields", "inputFields", "enumValues") for member in one[kind] or ()]
    assert [one["name"] for one in parts if not one["description"]] == []
