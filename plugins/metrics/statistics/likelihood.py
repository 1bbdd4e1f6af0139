"""Parameters under which data are the likeliest, or a clear word that the data do not determine them.

numpy and scipy are imported where they are used, here and beside: a server that nobody asks for predictions shall not pay their memory.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from math import exp
from typing import Any

Array = Any
"""A numpy array of floats."""

Slopes = Callable[[Array], tuple[float, Array]]
"""The mean log-likelihood and its slopes, at the logarithms of the parameters."""

FARTHEST = 16.0  # of the logarithm of a parameter, in units in which the data are about 1
WIDEST = 3.0  # standard error of the logarithm of a parameter: beyond this it is not even known to a factor of 20
FLAT = 1e-9  # slope of the mean log-likelihood at which it is at its top
STEP = 1e-5  # of the differences that give the curvature
STEPS = 200
SAMPLE = 20_000  # rows that show where to begin, when there are many more


class Undetermined(ValueError):
    """The data do not say what the parameters of a model are: there are too few, or they fit the model at no finite place."""


def likeliest(slopes: Callable[..., Slopes], columns: Sequence[Array], customers: Array, names: Sequence[str]) -> list[float]:
    """The positive parameters under which rows of data, each of so many customers, are the likeliest.

    `slopes` gives the mean log-likelihood of such columns and shares of the customers. The search goes by Newton's method within a
    region of trust, with a curvature from differences of the slopes (Nocedal and Wright, Numerical Optimization (2006), chapter
    4), and begins with 1 for each parameter, or with what is the likeliest for a part of very many rows. Raises Undetermined if it
    runs away or finds no top, or if the top is so flat that a parameter could as well be 20 times as large.
    """
    import numpy

    place, thin = numpy.zeros(len(names)), len(customers) // SAMPLE
    if thin > 1:
        few = customers[::thin]
        # A part that runs away says nothing of the whole.
        with suppress(Undetermined):
            place = _top(slopes(*(column[::thin] for column in columns), few / few.sum()), place, names)[0]
    place, curvature = _top(slopes(*columns, customers / customers.sum()), place, names)
    _demand_a_peak(curvature * customers.sum(), names)
    return [exp(one) for one in place]


def _top(slopes: Slopes, start: Array, names: Sequence[str]) -> tuple[Array, Array]:
    """The place at the top of a mean log-likelihood, and the curvature there, downwards."""
    import numpy
    from scipy.optimize import minimize

    def down(place: Array) -> tuple[float, Array]:
        if numpy.abs(place).max() > FARTHEST:
            raise Undetermined(f"the parameter {names[int(numpy.abs(place).argmax())]} has no finite likeliest value")
        value, slope = slopes(place)
        return -value, -slope

    def curvature(place: Array) -> Array:
        here = down(place)[1]
        rows = numpy.array([down(place + side)[1] - here for side in numpy.eye(len(place)) * STEP]) / STEP
        return (rows + rows.T) / 2

    options = {"gtol": FLAT, "maxiter": STEPS, "max_trust_radius": 2.0}
    found = minimize(down, start, jac=True, hess=curvature, method="trust-exact", options=options)
    if not numpy.abs(found.jac).max() <= FLAT * 100:
        raise Undetermined("the search for the likeliest parameters does not end")
    return found.x, curvature(found.x)


def _demand_a_peak(information: Array, names: Sequence[str]) -> None:
    import numpy

    if numpy.linalg.eigvalsh(information).min() <= 0:
        raise Undetermined("there are no likeliest parameters")
    errors = numpy.sqrt(numpy.diag(numpy.linalg.inv(information)))
    if errors.max() > WIDEST:
        raise Undetermined(f"the data do not tell the parameter {names[int(errors.argmax())]}")
