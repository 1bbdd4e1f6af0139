"""What customers will still bring: their expected purchases, times the value of one, discounted."""

from collections.abc import Sequence
from itertools import pairwise

from plugins.metrics.statistics.bgnbd import BgNbd, History


def lifetime_values(
    model: BgNbd, histories: Sequence[History], values: Sequence[float], periods: int, period: float, discount: float
) -> list[float]:
    """The present value of the purchases that each customer will make in so many periods from now.

    `values` are what a purchase of each customer is worth, as the model GammaGamma gives them; `period` is a length in the unit
    of time of the histories, for example 30 days; `discount` is the rate for one period, 0.01 a month being 12.7 % a year. What is
    bought within a period is discounted as if it were bought at its end: Σ value · (E(i) - E(i - 1)) / (1 + discount)^i with E(i) the
    purchases expected in the first i periods, which is discounted cash flow as the package Lifetimes has it.
    Raises ValueError unless there are as many values as histories, periods are not negative and the discount is above -1.
    """
    if len(histories) != len(values):
        raise ValueError(f"{len(histories)} histories, but {len(values)} values")
    if periods < 0 or period <= 0 or discount <= -1:
        raise ValueError(f"nothing can be expected of {periods} periods of {period} at a discount of {discount}")
    factors = [*((1 + discount) ** -number for number in range(1, periods + 1)), 0.0]
    # The same sum by what each E(i) is multiplied with: once added with its own factor, once subtracted with the next.
    weights = [factor - following for factor, following in pairwise(factors)]
    expected = model.weighted([(number * period, weight) for number, weight in enumerate(weights, 1)], histories)
    return [often * value for often, value in zip(expected, values, strict=True)]
