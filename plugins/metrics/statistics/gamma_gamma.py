"""How much a purchase of a customer is worth on average, in the long run: the model Gamma-Gamma.

P. S. Fader and B. G. S. Hardie, The Gamma-Gamma Model of Monetary Value (2013), brucehardie.com, note 25. Purchases of one
customer vary around a mean of one's own by a gamma distribution of shape p, and the means vary between customers by (q, v).
What one spends is taken to say nothing about how often one buys.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from plugins.metrics.statistics.likelihood import Array, Slopes, Undetermined, likeliest

LEAST = 30  # customers who have bought again: three parameters from fewer are guesses


class Spenders(NamedTuple):
    """How many customers bought so often again, and what these purchases were worth on average; a GROUP BY gives such rows."""

    frequency: int  # x
    mean: float  # in any one currency and unit
    customers: int = 1


Spending = Spenders | tuple[int, float] | tuple[int, float, int]


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """The model with its parameters; v is in the unit of money of the means."""

    p: float
    q: float
    v: float

    @classmethod
    def fit(cls, spendings: Iterable[Spending]) -> "GammaGamma":
        """The likeliest parameters, by the formula (1a) of the note, from those who have bought again for more than nothing.

        Raises Undetermined when these are fewer than 30, when the data determine no parameters, for example when all spend the
        same, or when q is at most 1, for then the mean of all customers is infinite; ValueError for impossible figures.
        """
        return cls(*_fitted(spendings))

    @property
    def mean(self) -> float:
        """What a purchase of a customer of whom nothing is known is worth."""
        return self.v * self.p / (self.q - 1)

    def values(self, spendings: Sequence[Spending]) -> list[float]:
        """What a purchase of each customer is worth, between one's own mean and that of all, by the formula (5) of the note.

        The more often one has bought, the more one's own mean counts; with frequency 0 it does not matter at all.
        """
        x, means, _ = _columns(spendings)
        return (self.p * (self.v + x * means) / (self.p * x + self.q - 1)).tolist()


def _columns(spendings: Iterable[Spending]) -> tuple[Array, Array, Array]:
    """Frequency, mean and number of customers, checked."""
    import numpy

    rows = numpy.array([row if len(row) == 3 else (*row, 1) for row in spendings], dtype=float).reshape(-1, 3)
    x, means, customers = rows.T
    wrong = ~((x >= 0) & (x == numpy.floor(x)) & (means >= 0) & (means < numpy.inf) & (customers >= 0))
    if wrong.any():
        raise ValueError(f"{tuple(rows[wrong.argmax()].tolist())} is not frequency, mean and customers")
    return x, means, customers


def _fitted(spendings: Iterable[Spending]) -> list[float]:
    x, means, customers = _columns(spendings)
    known = (x > 0) & (means > 0) & (customers > 0)
    x, means, customers = x[known], means[known], customers[known]
    if customers.sum() < LEAST:
        raise Undetermined(f"fewer than {LEAST} customers have bought again")
    unit = float(means @ customers / customers.sum())
    p, q, v = likeliest(_slopes, (x, means / unit), customers, ("p", "q", "v"))
    if q <= 1:
        raise Undetermined("the mean of all customers is infinite")
    return [p, q, v * unit]


def _slopes(x: Array, means: Array, shares: Array) -> Slopes:
    """The logarithm of the formula (1a), without what does not depend on the parameters."""
    import numpy
    from scipy.special import betaln, digamma

    # What depends on the frequency alone is computed once for each that occurs.
    often, where = numpy.unique(x, return_inverse=True)
    counts, sums = numpy.bincount(where, shares), x * means
    mean_log = shares @ numpy.log(sums)

    def at(place: Array) -> tuple[float, Array]:
        p, q, v = numpy.exp(place)
        own = numpy.log1p(v / sums)
        owns, others = shares @ (x * own), shares @ own + mean_log - numpy.log(v)
        value = -counts @ betaln(p * often, q) - p * owns - q * others
        both = digamma(p * often + q)
        slope = (
            counts @ (often * (both - digamma(p * often))) - owns,
            counts @ (both - digamma(q)) - others,
            q / v - shares @ ((p * x + q) / (sums + v)),
        )
        return float(value), numpy.array(slope) * (p, q, v)

    return at
