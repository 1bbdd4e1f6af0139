"""Tiers: a pure function of what counted and when, the clock, and the rules of the programme."""

import datetime
from bisect import bisect_right
from collections.abc import Sequence
from datetime import timedelta
from itertools import accumulate

from plugins.loyalty.calendar import since
from plugins.loyalty.models import LoyaltyProgramme, LoyaltyTier, LoyaltyWindow

Counted = tuple[datetime.datetime, int]


def standing(
    counted: Sequence[Counted],
    moment: datetime.datetime,
    programme: LoyaltyProgramme,
    tiers: Sequence[LoyaltyTier],
    unit: int = 1,
    weekday: int = 0,
) -> LoyaltyTier | None:
    """The tier of a member at a moment; None when none is reached.

    counted: what counts for tiers, with the times of the sales, the oldest first. What was taken back is not there, as if it had never
        been: so nobody buys a tier and returns the goods. What comes after the moment does not count.
    weekday: on which weeks begin, 0 for Monday.
    unit: so much of what counts is one of a threshold: 100 where cents are counted and thresholds are dollars.

    Rolling: the highest tier that the sum over the last `tierDays` days has reached at any time in the last `graceDays` days.
    Calendar: the highest that the sum since the beginning of the period has reached; and, for the first `graceDays` days of a period,
    the one with which the period before has ended. So a tier is reached at once, and lost when the period ends or later.
    """
    counted = [one for one in counted if one[0] <= moment]
    grace = timedelta(days=programme.grace_days)
    if programme.tier_window is LoyaltyWindow.ROLLING:
        best = _rolling(counted, moment, timedelta(days=programme.tier_days), grace)
    else:
        best = _calendar(counted, moment, programme, grace, weekday)
    reached = [tier for tier in tiers if tier.threshold * unit <= best]
    return max(reached, key=lambda tier: tier.threshold, default=None)


def _rolling(counted: Sequence[Counted], moment: datetime.datetime, window: timedelta, grace: timedelta) -> int:
    times, totals = [at for at, _ in counted], [0, *accumulate(points for _, points in counted)]

    def within(end: datetime.datetime) -> int:
        return totals[bisect_right(times, end)] - totals[bisect_right(times, end - window)]

    # Between two of these the sum only falls, for something leaves the window.
    return max(within(end) for end in (moment - grace, *(at for at in times if at > moment - grace)))


def _calendar(counted: Sequence[Counted], moment: datetime.datetime, programme: LoyaltyProgramme, grace: timedelta, weekday: int) -> int:
    start, _ = since(programme, programme.tier_period, moment, weekday)
    best = sum(points for at, points in counted if start is None or at >= start)
    if start is None:
        return best
    if moment < start + grace:
        before, _ = since(programme, programme.tier_period, start - timedelta(microseconds=1), weekday)
        best = max(best, sum(points for at, points in counted if before and before <= at < start))
    return best
