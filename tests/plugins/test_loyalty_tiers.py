"""Tiers, against a naive oracle that looks at every day."""

import datetime
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from persiantools.jdatetime import JalaliDate

from plugins.loyalty.models import LoyaltyCalendar, LoyaltyPeriod, LoyaltyWindow
from plugins.loyalty.tiers import standing

ZONE = ZoneInfo("Asia/Tehran")
BEGIN = datetime.datetime(2025, 1, 1, 12, tzinfo=ZONE)
DAY = datetime.timedelta(days=1)
TIERS: Any = [SimpleNamespace(threshold=threshold) for threshold in (50, 100, 200)]
COUNTED = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 80)), max_size=12)


def _programme(**values: Any) -> Any:
    return SimpleNamespace(time_zone="Asia/Tehran", tier_period=LoyaltyPeriod.YEAR, calendar=LoyaltyCalendar.GREGORIAN, **values)


def _level(points: int) -> int:
    return max([tier.threshold for tier in TIERS if tier.threshold <= points], default=0)


def _counted(days: Sequence[tuple[int, int]]) -> list[tuple[datetime.datetime, int]]:
    return sorted((BEGIN + day * DAY, points) for day, points in days)


def _threshold(tier: Any) -> int:
    return tier.threshold if tier else 0


@given(COUNTED, st.integers(0, 600), st.integers(1, 200), st.integers(0, 60))
def test_rolling_is_the_best_of_each_day_of_grace(days: list[tuple[int, int]], day: int, window: int, grace: int):
    per_day = [(at, sum(points for other, points in days if other == at)) for at in {at for at, _ in days}]
    best = max(
        sum(points for at, points in per_day if end - window < at <= end) for end in range(day - grace, day + 1)
    )  # fmt: skip
    programme = _programme(tier_window=LoyaltyWindow.ROLLING, tier_days=window, grace_days=grace)
    assert _threshold(standing(_counted(per_day), BEGIN + day * DAY, programme, TIERS)) == _level(best)


@given(COUNTED, st.integers(0, 600), st.integers(0, 60), st.sampled_from(list(LoyaltyCalendar)))
def test_calendar_is_the_best_of_the_year_and_for_some_days_the_end_of_the_last_one(
    days: list[tuple[int, int]], day: int, grace: int, calendar: LoyaltyCalendar
):
    def year(at: int) -> int:
        date = (BEGIN + at * DAY).date()
        return JalaliDate.to_jalali(date.year, date.month, date.day).year if calendar is LoyaltyCalendar.JALALI else date.year

    best = sum(points for at, points in days if year(at) == year(day) and at <= day)
    first = next(at for at in range(day, -2000, -1) if year(at - 1) != year(day))
    if day - first < grace:  # the first day counts from midnight, and we look at noon
        best = max(best, sum(points for at, points in days if year(at) == year(day) - 1))
    programme = _programme(tier_window=LoyaltyWindow.CALENDAR, tier_days=1, grace_days=grace)
    programme.calendar = calendar
    assert _threshold(standing(_counted(days), BEGIN + day * DAY, programme, TIERS)) == _level(best)


def test_a_threshold_is_of_whole_units():
    programme = _programme(tier_window=LoyaltyWindow.ROLLING, tier_days=30, grace_days=0)
    assert standing([(BEGIN, 49_99)], BEGIN, programme, TIERS, 100) is None
    assert _threshold(standing([(BEGIN, 49_99), (BEGIN + DAY, 1)], BEGIN + DAY, programme, TIERS, 100)) == 50
