"""What a figure is: one number for some days that is no sum over rows, worked out in a way of its own. Goals can be set for it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from tortoise.models import Model

from plugins.metrics.declaring import Unit
from plugins.metrics.dimensions import DIMENSIONS, Dimension
from plugins.metrics.question import Question


@dataclass(frozen=True)
class Reckoned:
    """What a figure comes to: both sides, or the numerator alone where its unit has no other; money in minor units. 0 / 0 is nothing."""

    numerator: Fraction | int
    denominator: Fraction | int | None = None

    @property
    def value(self) -> Fraction | None:
        """numerator / denominator, or the numerator alone. None for x / 0."""
        if self.denominator is None:
            return Fraction(self.numerator)
        return Fraction(self.numerator) / self.denominator if self.denominator else None


@dataclass(frozen=True)
class Figure:
    """A number of a business that is no sum over rows, nor a ratio of two.

    name: by which goals name it: `salesCycle`. description: the definition, with its formula. of: the resource whose filter `where` is.
    reckon: awaited with a Question of such rows, which has the days (`first` and `last`, both there) and the zone, and with the currency
    that is meant; to start at `question.rows(column)`, or at `question.meant`. It may raise Forbidden and Invalid.
    tells: what one could conclude from it: who may not see one of these columns is refused.
    """

    name: str
    description: str
    of: type[Model]
    unit: Unit
    reckon: Callable[[Question, str], Awaitable[Reckoned]]
    tells: Mapping[type[Model], tuple[str, ...]] = field(default_factory=dict)

    @property
    def offered(self) -> tuple[Dimension, ...]:
        """All that its rows can be put together by; goals ask for owners and teams."""
        return DIMENSIONS.get(self.of, ())
