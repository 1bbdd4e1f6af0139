"""Velocity, forecast, dwell and transitions through the front door, beside figures that are counted one by one in plain Python."""

import datetime
import itertools
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import strategies as st

from core import Money
from core.models import Deal, DealStageChange, Stage, User
from core.records import store
from tests.examples import for_all
from tests.house import House
from tests.plugins.sales import DAY, OPEN, STAGES, Sale, Shop, local, sales

pytestmark = [pytest.mark.anyio, pytest.mark.plugins("metrics")]

SAID = "definition asOf timeZone calendar"
VELOCITY = f"""query ($by: [MetricsDealDimension!], $first: Date, $last: Date, $zone: String, $currency: String) {{
    salesVelocity(groupBy: $by, from: $first, to: $last, timeZone: $zone, currency: $currency) {{ {SAID} currency rows {{
        key {{ owner {{ name }} }} value {{ amount }} exact openDeals winRate {{ numerator denominator }}
        averageDeal {{ amount }} cycleDays }} }} }}"""
FORECAST = f"""query ($by: [MetricsDealDimension!], $period: Period, $first: Date, $last: Date, $currency: String, $zone: String) {{
    forecast(groupBy: $by, period: $period, from: $first, to: $last, currency: $currency, timeZone: $zone) {{ {SAID} currency undated
        probabilities {{ stage {{ name }} probability source history {{ numerator denominator }} }}
        rows {{ key {{ stage {{ name }} period {{ start }} }} deals amount {{ amount }} weighted {{ amount }} exact
            withoutAmount withoutProbability }} }} }}"""
DWELL = f"""query ($by: [MetricsDealDimension!], $period: Period, $first: Date, $last: Date, $zone: String) {{
    stageDwell(groupBy: $by, period: $period, from: $first, to: $last, timeZone: $zone) {{ {SAID} pipeline {{ name }} rows {{
        key {{ owner {{ name }} period {{ start }} }}
        stages {{ stage {{ name }} stays mean median p25 p75 p90 still stillMean stillMedian }} }} }} }}"""
TRANSITIONS = f"""query ($by: [MetricsDealDimension!], $period: Period, $first: Date, $last: Date, $zone: String) {{
    stageTransitions(groupBy: $by, period: $period, from: $first, to: $last, timeZone: $zone) {{ {SAID} rows {{
        key {{ owner {{ name }} period {{ start }} }}
        transitions {{ fromStage {{ name }} toStage {{ name }} steps share {{ numerator denominator value }} }} }} }} }}"""
JUNE = datetime.datetime(2025, 6, 1, 12, tzinfo=datetime.UTC)
ZONES = st.sampled_from(("UTC", "Asia/Tehran", "America/New_York"))
BOUNDS = st.none() | st.dates(datetime.date(2025, 12, 20), datetime.date(2026, 3, 1))


@pytest.fixture
async def shop(house: House) -> Shop:
    return await Shop(house).open()


def _rounded(minor: Fraction | None) -> dict[str, str] | None:
    if minor is None:
        return None
    cents = (Decimal(minor.numerator) / minor.denominator).to_integral_value(ROUND_HALF_EVEN)
    return {"amount": f"{cents.scaleb(-2):.2f}"}


def _owners(sold: Sequence[Any]) -> list[str | None]:
    return sorted({one.owner for one in sold}, key=lambda name: (name is None, name or ""))


def _mean(numbers: Sequence[int]) -> Fraction | None:
    return Fraction(sum(numbers), len(numbers)) if numbers else None


async def test_velocity_is_its_four_factors(shop: Shop):
    async def check(sold: list[Sale], grouped: bool, first: datetime.date | None, last: datetime.date | None, zone: str, currency: str):
        if first and last and first > last:
            first, last = last, first
        await shop.sell(sold)
        days = {"first": first and first.isoformat(), "last": last and last.isoformat()}
        given = {**days, "zone": zone, "currency": currency, "by": ["OWNER"] if grouped else None}
        answer = (await shop.house.ask(VELOCITY, **given))["salesVelocity"]
        known = [one for one in sold if not one.deleted and (one.amount is None or one.currency == currency)]
        within = [one for one in known if _within(local(one.closed, zone), first, last)]
        open = [one for one in known if _open(one, last, zone)]
        wanted = _owners([*within, *open]) if grouped else [None]
        assert [row["key"]["owner"] and row["key"]["owner"]["name"] for row in answer["rows"]] == wanted
        for row, owner in zip(answer["rows"], wanted, strict=True):
            closed, still = ([one for one in some if not grouped or one.owner == owner] for some in (within, open))
            _is_pace(row, closed, still, zone)

    dates = st.none() | st.dates(datetime.date(2025, 12, 20), datetime.date(2026, 3, 1))
    await for_all(check, st.lists(sales(), max_size=25), st.booleans(), dates, dates, ZONES, st.sampled_from(("EUR", "USD")))


def _open(one: Sale, last: datetime.date | None, zone: str) -> bool:
    if last is None:
        return one.kind == "OPEN"
    began, ended = local(one.started, zone), local(one.closed, zone)
    return began is not None and began <= last and (one.kind == "OPEN" or (ended is not None and ended > last))


def _within(day: datetime.date | None, first: datetime.date | None, last: datetime.date | None) -> bool:
    if first is None and last is None:
        return True
    return day is not None and (first is None or day >= first) and (last is None or day <= last)


def _is_pace(row: dict[str, Any], closed: Sequence[Sale], open: Sequence[Sale], zone: str) -> None:
    won = [one for one in closed if one.kind == "WON"]
    ended = len(won) + sum(one.kind == "LOST" for one in closed)
    amount = _mean([one.minor for one in won if one.minor is not None])
    days = _mean([(end - start).days for one in won if (start := local(one.started, zone)) and (end := local(one.closed, zone))])
    assert (row["openDeals"], row["winRate"]) == (len(open), {"numerator": len(won), "denominator": ended})
    assert row["averageDeal"] == _rounded(amount)
    assert row["cycleDays"] == (None if days is None else float(days))
    pace = None if amount is None or not days or days < 0 else len(open) * Fraction(len(won), ended) * amount / days
    assert row["value"] == _rounded(pace)
    assert row["exact"] == (None if pace is None else float(pace / 100))


@dataclass(frozen=True)
class Hope:
    """An open deal with the day on which it is expected to close."""

    stage: str
    day: datetime.date | None
    minor: int | None
    currency: str


hopes = st.builds(
    Hope,
    st.sampled_from(OPEN),
    st.none() | st.dates(datetime.date(2026, 1, 25), datetime.date(2026, 3, 5)),
    st.none() | st.integers(0, 10**7),
    st.sampled_from(("EUR", "USD")),
)


async def test_a_forecast_is_the_sum_of_amount_by_probability(shop: Shop):
    await Stage.filter(name="Offered").update(probability=6_500)
    ids = {name: shop.ids[Stage, name] for name in STAGES}

    async def check(open: list[Hope], past: list[Sale], kind: str, zone: str):
        await shop.sell([one for one in past if one.kind != "OPEN"])
        rows = [
            {
                "title": "A deal", "stage_id": ids[one.stage], "expected_close_on": one.day,
                "amount": None if one.minor is None else Money.of_minor(one.minor, one.currency), "history": {"stage": []},
            }
            for one in open
        ]  # fmt: skip
        await store.create_many(shop.call, shop.house.crm.resource(Deal), rows, past=True)
        first, last = (datetime.date(2026, 2, 1), datetime.date(2026, 2, 28)) if kind == "days" else (None, None)
        given = {"by": ["STAGE"] if kind == "stage" else None, "period": "MONTH" if kind == "months" else None, "currency": "EUR"}
        bounds = {"first": first and first.isoformat(), "last": last and last.isoformat()}
        answer = (await shop.house.ask(FORECAST, **given, **bounds, zone=zone))["forecast"]
        counted = [one for one in open if one.minor is None or one.currency == "EUR"]
        dated = [one for one in counted if one.day is not None]
        taken = counted if kind in ("all", "stage") else [one for one in dated if kind == "months" or _within(one.day, first, last)]
        assert answer["undated"] == (0 if kind in ("all", "stage") else len(counted) - len(dated))
        chances = {name: _chance(name, past) for name in OPEN if any(one.stage == name for one in taken)}
        assert [(one["stage"]["name"], one["probability"]) for one in answer["probabilities"]] == [
            (name, None if value is None else float(value)) for name, value in chances.items()
        ]
        wanted: dict[Any, list[Hope]] = {}
        if kind == "stage":
            wanted = {name: [one for one in taken if one.stage == name] for name in chances}
        elif kind == "months":
            months = [f"2026-0{month}-01" for month in (1, 2, 3)]
            some = {one: [hope for hope in taken if hope.day and hope.day.isoformat()[:7] == one[:7]] for one in months}
            there = [place for place, month in enumerate(months) if some[month]]
            wanted = {month: some[month] for place, month in enumerate(months) if there and there[0] <= place <= there[-1]}
        else:
            wanted = {None: taken}
        assert len(answer["rows"]) == len(wanted)
        for row, (name, here) in zip(answer["rows"], wanted.items(), strict=True):
            key = row["key"]
            assert name in (None, (key["stage"] or {}).get("name"), (key["period"] or {}).get("start"))
            priced = [one for one in here if one.minor is not None]
            known = [one for one in priced if chances[one.stage] is not None]
            weighted = sum((Fraction(one.minor or 0) * (chances[one.stage] or 0) for one in known), Fraction(0))
            assert (row["deals"], row["withoutAmount"]) == (len(here), len(here) - len(priced))
            assert row["withoutProbability"] == len(priced) - len(known)
            assert row["amount"] == _rounded(Fraction(sum(one.minor or 0 for one in priced)))
            assert (row["weighted"], row["exact"]) == (_rounded(weighted), float(weighted / 100))

    kinds = st.sampled_from(("all", "stage", "months", "days"))
    await for_all(check, st.lists(hopes, max_size=12), st.lists(sales(), max_size=12), kinds, ZONES)


def _chance(stage: str, past: Sequence[Sale]) -> Fraction | None:
    if stage == "Offered":
        return Fraction(65, 100)
    closed = [one for one in past if not one.deleted and one.kind != "OPEN" and stage in one.path]
    return Fraction(sum(one.kind == "WON" for one in closed), len(closed)) if closed else None


async def test_a_forecast_says_where_its_probabilities_come_from(shop: Shop):
    await Stage.filter(name="Offered").update(probability=10_000)
    await shop.sell([Sale(("Offered",)), Sale(("Met",)), Sale(("New",)), Sale(("Met", "Won")), Sale(("Met", "Lost"))])
    answer = (await shop.house.ask(FORECAST))["forecast"]
    assert answer["probabilities"] == [
        {"stage": {"name": "New"}, "probability": None, "source": "UNKNOWN", "history": {"numerator": 0, "denominator": 0}},
        {"stage": {"name": "Met"}, "probability": 0.5, "source": "HISTORY", "history": {"numerator": 1, "denominator": 2}},
        {"stage": {"name": "Offered"}, "probability": 1.0, "source": "STAGE", "history": None},
    ]


@dataclass(frozen=True)
class Path:
    """The stages of a deal with the seconds that it stood in each; those of the last are not over."""

    steps: tuple[tuple[str, int], ...]
    began: int
    owner: str | None

    def changes(self) -> list[tuple[str | None, str, datetime.datetime, int | None]]:
        """From, to, when, and for how long it stood there then; None where it still does."""
        at, before, found = JUNE + datetime.timedelta(seconds=self.began), None, []
        for place, (stage, seconds) in enumerate(self.steps):
            found.append((before, stage, at, seconds if place < len(self.steps) - 1 else None))
            at, before = at + datetime.timedelta(seconds=seconds), stage
        return found


@st.composite
def paths(draw: st.DrawFn) -> Path:
    """Any way through the stages, with stays of seconds to months."""
    lengths = st.integers(1, 90_000) | st.integers(1, 20 * 24 * 3600)
    steps: list[tuple[str, int]] = []
    for stage in draw(st.lists(st.sampled_from(sorted(STAGES)), min_size=1, max_size=5)):
        if not steps or steps[-1][0] != stage:
            steps.append((stage, draw(lengths)))
    return Path(tuple(steps), draw(st.integers(0, 60 * 24 * 3600)), draw(st.none() | st.sampled_from(("Ada", "Bo"))))


async def _walk(shop: Shop, walked: Sequence[Path]) -> None:
    await shop.sell([])
    rows = [
        {
            "title": "A deal", "stage_id": shop.ids[Stage, one.steps[-1][0]], "owner_id": one.owner and shop.ids[User, one.owner],
            "history": {"stage": [(shop.ids[Stage, to], at) for _, to, at, _ in one.changes()]},
        }
        for one in walked
    ]  # fmt: skip
    await store.create_many(shop.call, shop.house.crm.resource(Deal), rows, past=True)
    assert await DealStageChange.all().count() == sum(len(one.steps) for one in walked)


def _grain(seconds: int) -> int:
    unit = 60 if seconds < 86_400 else 3_600
    return seconds // unit * unit


async def test_dwell_is_what_each_stay_took(shop: Shop):
    async def check(walked: list[Path], kind: str, zone: str, first: datetime.date, days: int):
        await _walk(shop, walked)
        last = first + days * DAY
        bounds = {"first": first.isoformat(), "last": last.isoformat()} if kind == "days" else {}
        given = {"by": ["OWNER"] if kind == "owners" else None, "zone": zone, **bounds}
        answer = (await shop.house.ask(DWELL, **given))["stageDwell"]
        stays = [
            (one.owner, to, local(at, zone), seconds)
            for one in walked
            for _, to, at, seconds in one.changes()
            if to in OPEN and (kind != "days" or first <= (local(at, zone) or first) <= last)
        ]
        names = sorted({owner for owner, *_ in stays}, key=lambda name: (name is None, name or "")) if kind == "owners" else [None]
        assert [row["key"]["owner"] and row["key"]["owner"]["name"] for row in answer["rows"]] == names
        today = local(datetime.datetime.now(datetime.UTC), zone)
        for row, name in zip(answer["rows"], names, strict=True):
            assert [one["stage"]["name"] for one in row["stages"]] == list(OPEN)
            for one in row["stages"]:
                here = [stay for stay in stays if stay[1] == one["stage"]["name"] and (kind != "owners" or stay[0] == name)]
                over = [seconds for *_, seconds in here if seconds is not None]
                still = [(today - day).days for *_, day, seconds in here if seconds is None and day and today]
                assert (one["stays"], one["still"]) == (len(over), len(still))
                assert one["mean"] == (pytest.approx(statistics.fmean(over) / 86_400) if over else None)
                grains = [_grain(seconds) for seconds in over]
                cuts = statistics.quantiles(grains * 2 if len(grains) == 1 else grains, n=20, method="inclusive") if grains else None
                for field, place in (("p25", 4), ("median", 9), ("p75", 14), ("p90", 17)):
                    assert one[field] == (pytest.approx(cuts[place] / 86_400) if cuts else None)
                assert one["stillMean"] == (pytest.approx(statistics.fmean(still)) if still else None)
                assert one["stillMedian"] == (statistics.median(still) if still else None)

    kinds, starts = st.sampled_from(("all", "owners", "days")), st.dates(datetime.date(2025, 5, 25), datetime.date(2025, 8, 20))
    await for_all(check, st.lists(paths(), max_size=15), kinds, ZONES, starts, st.integers(0, 40))


async def test_transitions_are_all_steps(shop: Shop):
    async def check(walked: list[Path], kind: str, zone: str):
        await _walk(shop, walked)
        given = {"by": ["OWNER"] if kind == "owners" else None, "period": "MONTH" if kind == "months" else None, "zone": zone}
        answer = (await shop.house.ask(TRANSITIONS, **given))["stageTransitions"]
        steps = [(one.owner, local(at, zone), before, to) for one in walked for before, to, at, _ in one.changes()]
        place = {None: -1, **{name: number for number, name in enumerate(STAGES)}}
        found: dict[Any, Counter[tuple[str | None, str]]] = {None: Counter()} if kind == "all" else {}
        for owner, day, before, to in steps:
            key = owner if kind == "owners" else day and day.replace(day=1).isoformat() if kind == "months" else None
            found.setdefault(key, Counter())[before, to] += 1
        for row in answer["rows"]:
            key = row["key"]["owner"] and row["key"]["owner"]["name"] if kind == "owners" else (row["key"]["period"] or {}).get("start")
            counts = found.pop(key, Counter())
            left = Counter(dict.fromkeys((before for before, _ in counts), 0))
            for (before, _), number in counts.items():
                left[before] += number
            assert [
                (one["fromStage"] and one["fromStage"]["name"], one["toStage"]["name"], one["steps"], one["share"]["denominator"])
                for one in row["transitions"]
            ] == [
                (*ends, number, left[ends[0]])
                for ends, number in sorted(counts.items(), key=lambda one: (place[one[0][0]], place[one[0][1]]))
            ]
        assert not found

    await for_all(check, st.lists(paths(), max_size=15), st.sampled_from(("all", "owners", "months")), ZONES)


async def test_nothing_says_nothing(house: House):
    documents = (VELOCITY, FORECAST, DWELL, TRANSITIONS)
    velocity, forecast, dwell, transitions = [next(iter((await house.ask(one)).values())) for one in documents]
    (row,) = velocity["rows"]
    assert (row["value"], row["exact"], row["averageDeal"], row["cycleDays"], row["openDeals"]) == (None, None, None, None, 0)
    (row,) = forecast["rows"]
    assert (row["deals"], row["weighted"], row["exact"]) == (0, {"amount": "0.00"}, 0.0)
    assert forecast["probabilities"] == dwell["rows"] == transitions["rows"] == []


@pytest.mark.parametrize("document", [VELOCITY, FORECAST, DWELL, TRANSITIONS], ids=["velocity", "forecast", "dwell", "transitions"])
async def test_only_what_one_sees_counts(shop: Shop, document: str):
    await shop.sell([Sale(("New", "Met"), JUNE, owner="Ada"), Sale(("New", "Offered"), JUNE, owner="Bo"), Sale(("Met",), JUNE)])
    ada = await shop.house.as_("owner", str(shop.ids[User, "Ada"]))
    seen = await ada.ask(document)
    await shop.sell([Sale(("New", "Met"), JUNE, owner="Ada")])
    alone = await shop.house.ask(document)
    for (field, one), (_, other) in itertools.zip_longest(seen.items(), alone.items()):
        assert one.pop("asOf") and other.pop("asOf")
        assert one == other, field


@pytest.mark.parametrize(
    ("document", "hidden"),
    [
        (VELOCITY, "deal.amount"), (FORECAST, "deal.expectedCloseOn"), (FORECAST, "stage.probability"),
        (FORECAST, "dealStageChange.toStage"), (DWELL, "dealStageChange.seconds"), (TRANSITIONS, "dealStageChange.fromStage"),
    ],
)  # fmt: skip
async def test_what_is_hidden_is_not_told_by_figures(house: House, document: str, hidden: str):
    await house.make("Role", name="blind", grants=[{"permission": "*.read"}], fields=[{"field": hidden, "access": "HIDDEN"}])
    data, errors = await (await house.as_("blind")).answer(document)
    assert list(data.values()) == [None]
    assert [error["extensions"]["code"] for error in errors] == ["FORBIDDEN"]


async def test_an_unknown_currency_is_refused(house: House):
    for field in ("salesVelocity", "forecast"):
        data, errors = await house.answer(f'{{ {field}(currency: "XYZ1") {{ asOf }} }}')
        assert data == {field: None}
        assert "is not a currency code" in errors[0]["message"]
