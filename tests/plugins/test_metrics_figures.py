"""Quantiles and calendars of metrics, beside the standard library."""

import datetime
import statistics
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import Period
from plugins.metrics.calendar import between, first_of, last_of
from plugins.metrics.quantiles import mean, quantile
from tests.plugins.sales import start_of

DATES = st.dates(datetime.date(1970, 1, 1), datetime.date(2099, 12, 31))


@given(st.lists(st.integers(0, 40) | st.integers(0, 10**9), min_size=2, max_size=60), st.integers(1, 99))
def test_quantiles_are_those_of_the_standard_library(numbers: list[int], percent: int):
    exact = [Fraction(one) for one in numbers]
    wanted = statistics.quantiles(exact, n=100, method="inclusive")[percent - 1]
    assert quantile(Counter(numbers), Fraction(percent, 100)) == float(wanted)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60))
def test_mean_and_extremes_are_those_of_the_standard_library(numbers: list[int]):
    histogram = Counter(numbers)
    assert mean(histogram) == float(statistics.mean(map(Fraction, numbers)))
    assert quantile(histogram, Fraction(0)) == min(numbers)
    assert quantile(histogram, Fraction(1)) == max(numbers)
    assert quantile(histogram, Fraction(1, 2)) == statistics.median(numbers)


@pytest.mark.parametrize(("percent", "value"), [(0, 15), (25, 18.75), (40, 23), (50, 27.5), (90, 45.5), (100, 50)])
def test_quantiles_lie_between_the_two_nearest_numbers(percent: int, value: float):
    assert quantile({15: 1, 20: 1, 35: 1, 50: 1}, Fraction(percent, 100)) == value


def test_nothing_has_no_mean_and_no_median():
    assert mean({}) is None
    assert quantile({}, Fraction(1, 2)) is None
    assert quantile({7: 0}, Fraction(1, 2)) is None


@given(DATES, st.sampled_from(Period))
def test_a_period_begins_with_its_first_day_and_ends_before_the_next(day: datetime.date, period: Period):
    first = first_of(day, period)
    assert first == start_of(day, period.value)
    last = last_of(first, period)
    assert first <= day <= last
    assert start_of(last, period.value) == first
    assert start_of(last + datetime.timedelta(days=1), period.value) == last + datetime.timedelta(days=1)


@given(DATES, st.integers(0, 400), st.sampled_from(Period))
def test_the_periods_between_two_days_are_those_of_all_days(first: datetime.date, more: int, period: Period):
    days = [first + datetime.timedelta(days=day) for day in range(more + 1)]
    assert list(between(first, days[-1], period)) == list(dict.fromkeys(start_of(day, period.value) for day in days))
    assert list(between(days[-1], first - datetime.timedelta(days=366), period)) == []
