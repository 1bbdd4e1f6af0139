"""Quantiles of metrics, beside the standard library."""

import statistics
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.metrics.quantiles import mean, quantile


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
