"""Mean and quantiles of whole numbers, from how often each occurs."""

from collections.abc import Mapping
from fractions import Fraction

Histogram = Mapping[int, int]
"""Value -> how often it occurs."""


def mean(histogram: Histogram) -> float | None:
    """The arithmetic mean; None of nothing."""
    size = sum(histogram.values())
    return sum(value * times for value, times in histogram.items()) / size if size else None


def quantile(histogram: Histogram, share: Fraction) -> float | None:
    """The value below which `share` of the numbers lie, by linear interpolation between the two nearest; None of nothing.

    Of n sorted numbers it is the one at place (n - 1) * share, counted from 0: method 7 of Hyndman and Fan, Sample
    Quantiles in Statistical Packages (1996), which is percentile_cont of SQL and the default of numpy and R.
    """
    size = sum(histogram.values())
    if not size:
        return None
    place = (size - 1) * share
    below = place.numerator // place.denominator
    low, high = _at(histogram, below), _at(histogram, min(below + 1, size - 1))
    return float(low + (high - low) * (place - below))


def _at(histogram: Histogram, place: int) -> int:
    """The number at a place of the sorted numbers, which has to be there."""
    passed = 0
    for value in sorted(histogram):
        passed += histogram[value]
        if passed > place:
            return value
    raise IndexError(place)
