"""Choices, made by dice or taken from a list: an example that fails is made smaller by making the list of its choices smaller."""

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

MOST_TRIES = 600


class Chance:
    """Where a generator goes left or right. The first choice, number 0, is always the simplest."""

    def __init__(self, dice: random.Random | None, choices: Sequence[int] = ()) -> None:
        self._dice, self._given = dice, choices
        self.made: list[int] = []

    def number(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        place = len(self.made)
        if place < len(self._given):
            choice = min(self._given[place], high - low)
        else:
            choice = self._dice.randint(0, high - low) if self._dice else 0
        self.made.append(choice)
        return low + choice

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


async def smaller(choices: Sequence[int], fails: Callable[[Sequence[int]], Awaitable[bool]]) -> Sequence[int]:
    """Fewer and smaller choices with which something still fails."""
    best, tries = list(choices), 0

    async def better(candidate: list[int]) -> bool:
        nonlocal best, tries
        tries += 1
        if tries > MOST_TRIES or candidate == best or not await fails(candidate):
            return False
        best = candidate
        return True

    size = max(len(best) // 2, 1)
    while size and tries <= MOST_TRIES:
        place = 0
        while place < len(best):
            without = best[:place] + best[place + size :]
            zeroed = best[:place] + [0] * len(best[place : place + size]) + best[place + size :]
            if not await better(without) and not await better(zeroed):
                place += size
            elif best[place : place + size] == [0] * size:
                place += size
        size //= 2
    return best
