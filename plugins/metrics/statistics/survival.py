"""How long until something happens, when not everything has happened yet: Kaplan-Meier and Aalen-Johansen, from counts by day."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import NamedTuple, Protocol, TypeVar

from plugins.metrics.statistics.intervals import two_sided

HALF = 0.5 + 1e-12  # a product of fractions that is one half may come out a little above


class Ended(NamedTuple):
    """How many were watched for so many whole days, by how that ended; a GROUP BY gives such rows."""

    day: int
    events: int
    competing: int = 0  # ended by something that makes the event impossible
    censored: int = 0  # not seen any longer; the event may come


@dataclass(frozen=True, slots=True)
class Lasting:
    """The share to which the event has not happened by the end of this day, on which it happened to some."""

    day: int
    at_risk: int
    events: int
    survival: float
    standard_error: float | None  # this and the interval are unknown when nobody is left
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Incidence:
    """The share to which the event has happened by the end of this day, on which it or a competing one happened to some."""

    day: int
    at_risk: int
    events: int
    competing: int
    incidence: float
    survival: float  # the share to which neither has happened


@dataclass(frozen=True, slots=True)
class KaplanMeier:
    """A curve of survival: its steps by day, beginning with everybody on day 0, and the last day on which anybody was watched."""

    steps: Sequence[Lasting]
    last: int

    @property
    def median(self) -> int | None:
        """The first day at whose end at most half are left; None when more than half are left to the end."""
        return next((step.day for step in self.steps if step.survival <= HALF), None)

    def at(self, day: int) -> Lasting | None:
        """The step that holds on a day; None where nothing is known, before day 0 and after the last day if some were left."""
        return _at(self.steps, day, self.last)


@dataclass(frozen=True, slots=True)
class AalenJohansen:
    """A curve of incidence: its steps by day, beginning with nobody on day 0, and the last day on which anybody was watched."""

    steps: Sequence[Incidence]
    last: int

    def at(self, day: int) -> Incidence | None:
        """The step that holds on a day; None where nothing is known, before day 0 and after the last day if some were left."""
        return _at(self.steps, day, self.last)


def kaplan_meier(rows: Iterable[Ended | tuple[int, int, int, int]], confidence: float = 0.95) -> KaplanMeier | None:
    """The curve of survival, for which competing events are censored; None of nothing.

    On each day with d events among n at risk survival falls by the factor 1 - d/n; who is censored on a day is still at risk for
    its events (Kaplan and Meier, Nonparametric Estimation from Incomplete Observations, JASA 53 (1958), 457-481). Its standard
    error is survival · √G with G = Σ d/(n(n - d)) (Greenwood 1926), and its interval survival^exp(±z √G / ln survival), by the
    normal approximation of ln(-ln survival) (Kalbfleisch and Prentice 1980). Rows of one day add up, in any order.
    Raises ValueError for negative days or counts.
    """
    days = _by_day(rows)
    z, left = two_sided(confidence), _size(days)
    if not left:
        return None
    survival, greenwood = 1.0, 0.0
    steps = [Lasting(0, left, 0, 1.0, 0.0, 1.0, 1.0)]
    for day, events, competing, censored in days:
        if events:
            survival *= (left - events) / left
            greenwood += events / (left * (left - events)) if events < left else 0.0
            steps.append(Lasting(day, left, events, survival, *_around(survival, greenwood, z)))
        left -= events + competing + censored
    return KaplanMeier(_from_zero(steps), days[-1].day)


def aalen_johansen(rows: Iterable[Ended | tuple[int, int, int, int]]) -> AalenJohansen | None:
    """The curve of incidence of the event, beside which competing ones take their share; None of nothing.

    On each day with d events and c competing ones among n at risk, incidence grows by s · d/n, where s is the share that had
    neither before, and s falls by the factor 1 - (d + c)/n; who is censored on a day is still at risk for its events (Aalen and
    Johansen, An Empirical Transition Matrix for Non-homogeneous Markov Chains Based on Censored Observations, Scandinavian
    Journal of Statistics 5 (1978), 141-150). Rows of one day add up, in any order. Raises ValueError for negative days or counts.
    """
    days = _by_day(rows)
    left = _size(days)
    if not left:
        return None
    incidence, survival = 0.0, 1.0
    steps = [Incidence(0, left, 0, 0, 0.0, 1.0)]
    for day, events, competing, censored in days:
        if events or competing:
            incidence = min(incidence + survival * events / left, 1.0)  # never by rounding above 1
            survival *= (left - events - competing) / left
            steps.append(Incidence(day, left, events, competing, incidence, survival))
        left -= events + competing + censored
    return AalenJohansen(_from_zero(steps), days[-1].day)


class _Step(Protocol):
    @property
    def day(self) -> int: ...

    @property
    def survival(self) -> float: ...


_AnyStep = TypeVar("_AnyStep", bound=_Step)


def _by_day(rows: Iterable[Ended | tuple[int, int, int, int]]) -> list[Ended]:
    days: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in rows:
        if min(row) < 0:
            raise ValueError(f"{tuple(row)} has a number below 0")
        day, *counts = row
        days[day] = [one + more for one, more in zip(days[day], counts, strict=True)]
    return [Ended(day, *counts) for day, counts in sorted(days.items()) if any(counts)]


def _size(days: list[Ended]) -> int:
    return sum(one.events + one.competing + one.censored for one in days)


def _around(survival: float, greenwood: float, z: float) -> tuple[float, float, float] | tuple[None, None, None]:
    if not survival:
        return None, None, None
    reach = z * sqrt(greenwood) / -log(survival)
    return survival * sqrt(greenwood), survival ** exp(reach), survival ** exp(-reach)


def _from_zero(steps: list[_AnyStep]) -> Sequence[_AnyStep]:
    """Without the first step when the second is of day 0 too."""
    return tuple(steps[1:] if len(steps) > 1 and steps[1].day == 0 else steps)


def _at(steps: Sequence[_AnyStep], day: int, last: int) -> _AnyStep | None:
    if day < 0 or (day > last and steps[-1].survival > 0):
        return None
    return steps[bisect_right(steps, day, key=lambda step: step.day) - 1]
