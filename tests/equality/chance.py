"""Choices, made by dice."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """Where a generator goes left or right."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def number(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        return self._dice.randint(low, high)

    def pick(self, some: Sequence[T]) -> T:
        """One of them."""
        return some[self.number(0, len(some) - 1)]

    def happens(self, percent: int) -> bool:
        """Whether something happens that happens so many times of a hundred."""
        return self.number(0, 99) >= 100 - percent

    def weighed(self, **weights: int) -> str:
        """One of the names, each as often as its weight says."""
        place = self.number(0, sum(weights.values()) - 1)
        for name, weight in weights.items():
            place -= weight
            if place < 0:
                return name
        raise AssertionError("the weights are not what they were")

    def some(self, of: Sequence[T], most: int, least: int = 0) -> list[T]:
        """From `least` to `most` of them, in any order, none twice."""
        left, taken = list(of), []
        for _ in range(min(self.number(least, most), len(left))):
            taken.append(left.pop(self.number(0, len(left) - 1)))
        return taken
