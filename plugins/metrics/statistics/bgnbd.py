"""How often customers will buy again, and whether they still are customers: the model BG/NBD.

P. S. Fader, B. G. S. Hardie and K. L. Lee, "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD Model,
Marketing Science 24 (2005), 275-284. A customer buys at random with a rate of one's own, and after each purchase leaves for good
with a probability of one's own. The rates are spread by a gamma distribution (r, alpha), the probabilities by a beta one (a, b).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from plugins.metrics.statistics.likelihood import Array, Slopes, Undetermined, likeliest

LEAST = 30  # customers who have bought again: four parameters from fewer are guesses
NEAR = 1e-5  # to a = 1, where the formula is 0 / 0


class Buyers(NamedTuple):
    """How many customers have one history; a GROUP BY gives such rows. Times are in one unit, whichever: mostly days."""

    frequency: int  # purchases after the first one, those at one time being one: x
    recency: float  # time from the first purchase to the last: t_x
    age: float  # time from the first purchase to now: T
    customers: int = 1


History = Buyers | tuple[int, float, float] | tuple[int, float, float, int]


@dataclass(frozen=True, slots=True)
class BgNbd:
    """The model with its parameters; alpha is in the unit of time of the histories."""

    r: float
    alpha: float
    a: float
    b: float

    @classmethod
    def fit(cls, histories: Iterable[History]) -> "BgNbd":
        """The likeliest parameters, by the formula (6) of the paper.

        Raises Undetermined when fewer than 30 customers have bought again or the data determine no parameters, for example when
        nobody ever leaves, and ValueError for an impossible history. For a million different histories it takes seconds.
        """
        return cls(*_fitted(histories))

    def purchases(self, time: float, histories: Sequence[History]) -> list[float]:
        """How many purchases to expect of each customer within a time from now; of a new one, of history 0, 0, 0, the formula (9).

        It is the formula (10), after Euler's transformation of its hypergeometric function (DLMF 15.8.1): with
        y = (alpha + T) / (alpha + T + t) it says
        P(alive) · (a + b + x - 1) / (a - 1) · (1 - y^(a - 1) · 2F1(a - 1, a + b - 1 - r; a + b + x - 1; 1 - y)).
        So nothing grows with x, and customers with ten thousand purchases are no trouble.
        """
        return self.weighted([(time, 1.0)], histories)

    def weighted(self, times: Sequence[tuple[float, float]], histories: Sequence[History]) -> list[float]:
        """The sum, for each customer, of the purchases within some times from now, each multiplied by the weight beside the time."""
        import numpy

        x, recency, age, _ = _columns(histories)
        if wrong := [time for time, _ in times if not time >= 0]:
            raise ValueError(f"{wrong[0]} is no time to come")
        # Many histories differ in recency alone, of which the costly part knows nothing.
        pairs, where = numpy.unique(x + 1j * age, return_inverse=True)
        often, since = numpy.real(pairs), numpy.imag(pairs)
        sums = sum((self._while_alive(time, often, since) * weight for time, weight in times), numpy.zeros(len(pairs)))
        return (self._alive(x, recency, age) * sums[where]).tolist()

    def alive(self, histories: Sequence[History]) -> list[float]:
        """The probability that each customer has not left; 1 for who has bought but once, for one leaves after buying again.

        1 / (1 + a / (b + x - 1) · ((alpha + T) / (alpha + t_x))^(r + x)): P. S. Fader and B. G. S. Hardie, Computing P(alive)
        Using the BG/NBD Model (2008), brucehardie.com, note 21.
        """
        x, recency, age, _ = _columns(histories)
        return self._alive(x, recency, age).tolist()

    def _alive(self, x: Array, recency: Array, age: Array) -> Array:
        import numpy
        from scipy.special import expit

        again = numpy.maximum(x, 1)
        silence = (self.r + x) * numpy.log1p((age - recency) / (self.alpha + recency))
        return numpy.where(x > 0, expit(numpy.log(self.b + again - 1) - numpy.log(self.a) - silence), 1.0)

    def _while_alive(self, time: float, x: Array, age: Array) -> Array:
        """The expectation for customers who surely have not left."""
        low, high = 1 - NEAR, 1 + NEAR
        if not low < self.a < high:
            return self._by_formula(self.a, time, x, age)
        share = (self.a - low) / (high - low)
        return (1 - share) * self._by_formula(low, time, x, age) + share * self._by_formula(high, time, x, age)

    def _by_formula(self, a: float, time: float, x: Array, age: Array) -> Array:
        import numpy
        from scipy.special import hyp2f1

        c = a + self.b + x - 1
        c = numpy.where(numpy.abs(c) < 1e-11, 1e-11, c)  # a pole of the function, which the factor before it cancels
        passed = time / (self.alpha + age + time)
        series = hyp2f1(a - 1, a + self.b - 1 - self.r, c, passed)
        return c / (a - 1) * (1 - numpy.exp((a - 1) * numpy.log1p(-passed)) * series)


def _columns(histories: Iterable[History]) -> tuple[Array, Array, Array, Array]:
    """Frequency, recency, age and number of customers, checked."""
    import numpy

    rows = numpy.array([row if len(row) == 4 else (*row, 1) for row in histories], dtype=float).reshape(-1, 4)
    x, recency, age, customers = rows.T
    wrong = ~((x >= 0) & (x == numpy.floor(x)) & (recency >= 0) & (recency <= age) & (age < numpy.inf) & (customers >= 0))
    wrong |= (x > 0) != (recency > 0)
    if wrong.any():
        raise ValueError(f"{tuple(rows[wrong.argmax()].tolist())} is no history: frequency, recency, age, customers")
    return x, recency, age, customers


def _fitted(histories: Iterable[History]) -> list[float]:
    x, recency, age, customers = _columns(histories)
    if customers[x > 0].sum() < LEAST:
        raise Undetermined(f"fewer than {LEAST} customers have bought again")
    unit = float(age @ customers / customers.sum())
    r, alpha, a, b = likeliest(_slopes, (x, recency / unit, age / unit), customers, ("r", "alpha", "a", "b"))
    return [r, alpha * unit, a, b]


def _slopes(x: Array, recency: Array, age: Array, shares: Array) -> Slopes:
    """The logarithm of the formula (6), in which the sum is of who has stayed and of who has left after the last purchase."""
    import numpy
    from scipy.special import betaln, digamma, expit, gammaln

    # What depends on the frequency alone is computed once for each that occurs.
    often, where = numpy.unique(x, return_inverse=True)
    counts, again = numpy.bincount(where, shares), often > 0
    nth = numpy.maximum(often, 1) - 1

    def at(place: Array) -> tuple[float, Array]:
        r, alpha, a, b = numpy.exp(place)
        then, now, times = alpha + recency, alpha + age, r + x
        log_now = numpy.log(now)
        log_between = log_now - numpy.log(then)
        odds = numpy.where(again, numpy.log(a) - numpy.log(b + nth), -numpy.inf)[where] + times * log_between
        left = expit(odds)
        value = (
            counts @ (gammaln(r + often) - gammaln(r) + betaln(a, b + often) - betaln(a, b))
            + r * numpy.log(alpha)
            + shares @ (numpy.logaddexp(0, odds) - times * log_now)
        )
        gone = numpy.bincount(where, shares * left)
        both = digamma(a + b) - digamma(a + b + often)
        slope = (
            counts @ (digamma(r + often) - digamma(r)) + numpy.log(alpha) - shares @ (log_now - left * log_between),
            r / alpha - shares @ (times * ((1 - left) / now + left / then)),
            counts @ both + gone.sum() / a,
            counts @ (both + digamma(b + often) - digamma(b)) - gone @ (1 / (b + nth)),
        )
        return float(value), numpy.array(slope) * (r, alpha, a, b)

    return at
