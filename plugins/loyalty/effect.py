"""Which rewards work: those who redeemed one beside members who were like them and did not.

Coarsened exact matching (Iacus, King and Porro, Causal Inference without Balance Checking, 2012): each redeemer is held against all members
who, at that moment, had bought as often in the days before (0, 1, 2, 3 or more times), had last bought as long ago (up to 30 days, up to
90, longer or never), and redeemed nothing around it. The effect on the treated is the mean of own outcome less the mean outcome of these.
The interval, 95 %, is by the variance of Abadie and Imbens (Large Sample Properties of Matching Estimators, 2006): it knows that one member
stands for several redeemers.
What made somebody redeem and is not seen here (a visit to the shop, say) is not accounted for.
"""

import datetime
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance

DAY = datetime.timedelta(days=1)
WIDE = NormalDist().inv_cdf(0.975)
MOST = 2_000  # members that are held against redeemers

Purchase = tuple[datetime.datetime, int]
Stratum = tuple[int, int]


@dataclass(frozen=True)
class Person:
    """A member: since when, what was bought and when (the oldest first, money in minor units), and when anything was redeemed."""

    joined: datetime.datetime
    purchases: Sequence[Purchase]
    redeemed: Sequence[datetime.datetime] = ()

    def bought(self, after: datetime.datetime, until: datetime.datetime) -> Sequence[Purchase]:
        """What was bought after a time, until another one."""
        times = [at for at, _ in self.purchases]
        return self.purchases[bisect_right(times, after) : bisect_right(times, until)]

    def stratum(self, at: datetime.datetime, days: int) -> Stratum:
        """What the member was like just before a time."""
        moment = at - datetime.timedelta(microseconds=1)
        before = self.bought(datetime.datetime.min.replace(tzinfo=datetime.UTC), moment)
        ago = (at - before[-1][0]) / DAY if before else float("inf")
        return min(len(self.bought(at - days * DAY, moment)), 3), 0 if ago <= 30 else 1 if ago <= 90 else 2


@dataclass(frozen=True)
class Estimate:
    """A mean difference with its interval; the interval is None for fewer than two."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Effect:
    """What came of redeeming. Both differences are None when nobody could be matched."""

    redeemers: int
    matched: int
    repeat: Estimate | None
    revenue: Estimate | None


def effect(redeemers: Sequence[tuple[Person, datetime.datetime]], others: Sequence[Person], days: int) -> Effect:
    """The effect on repeat purchase (0 or 1) and on revenue, both within `days` after redeeming."""
    cells = _cells(redeemers, others, days)
    repeat, revenue = (_estimate([_outcomes(cell, place) for cell in cells]) for place in (0, 1))
    return Effect(len(redeemers), sum(len(cell.redeemers) for cell in cells), repeat, revenue)


Outcome = tuple[int, int]


@dataclass
class _Cell:
    """Redeemers of one day who were alike, and the members who were like them, by their places; with what came after."""

    redeemers: list[Outcome]
    others: Mapping[int, Outcome]


@dataclass(frozen=True)
class _Outcomes:
    """One outcome of a cell."""

    own: Sequence[int]
    theirs: Mapping[int, int]


def _outcomes(cell: _Cell, place: int) -> _Outcomes:
    return _Outcomes([one[place] for one in cell.redeemers], {key: one[place] for key, one in cell.others.items()})


def _cells(redeemers: Sequence[tuple[Person, datetime.datetime]], others: Sequence[Person], days: int) -> list[_Cell]:
    """The cells in which there is somebody on both sides."""
    strata: dict[datetime.date, Mapping[Stratum, Mapping[int, Outcome]]] = {}
    cells: dict[tuple[datetime.date, Stratum], _Cell] = {}
    for person, at in redeemers:
        day = at.date()
        if day not in strata:
            strata[day] = _strata(others, at, days)
        stratum = person.stratum(at, days)
        if alike := strata[day].get(stratum):
            cells.setdefault((day, stratum), _Cell([], alike)).redeemers.append(_outcome(person, at, days))
    return list(cells.values())


def _strata(others: Sequence[Person], at: datetime.datetime, days: int) -> Mapping[Stratum, Mapping[int, Outcome]]:
    found: dict[Stratum, dict[int, Outcome]] = defaultdict(dict)
    for place, one in enumerate(others):
        near = any(abs(when - at) <= days * DAY for when in one.redeemed)
        if one.joined < at and not near:
            found[one.stratum(at, days)][place] = _outcome(one, at, days)
    return found


def _outcome(person: Person, at: datetime.datetime, days: int) -> Outcome:
    after = person.bought(at, at + days * DAY)
    return int(bool(after)), sum(amount for _, amount in after)


def _estimate(cells: Sequence[_Outcomes]) -> Estimate | None:
    differences = [own - fmean(cell.theirs.values()) for cell in cells for own in cell.own]
    if not differences:
        return None
    mean = fmean(differences)
    if len(differences) < 2:
        return Estimate(mean, None, None)
    spread = sum((one - mean) ** 2 for one in differences) + _of_others(cells)
    wide = WIDE * spread**0.5 / len(differences)
    return Estimate(mean, mean - wide, mean + wide)


def _of_others(cells: Sequence[_Outcomes]) -> float:
    """What the members who were held against redeemers add to the variance: more, the more redeemers they stand for."""
    weights: dict[int, float] = defaultdict(float)
    squares: dict[int, float] = defaultdict(float)
    spreads: dict[int, float] = defaultdict(float)
    for cell in cells:
        share, count = 1 / len(cell.theirs), len(cell.own)
        spread = variance(cell.theirs.values()) if len(cell.theirs) > 1 else 0.0
        for place in cell.theirs:
            weights[place] += count * share
            squares[place] += count * share**2
            spreads[place] += count * share * spread
    return sum((weight**2 - squares[place]) * spreads[place] / weight for place, weight in weights.items())
