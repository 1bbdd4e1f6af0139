"""What an operation may cost: a connection costs its page size times its children, every other field one.

Where nothing depends on a variable the cost is a number. Otherwise it is a sum that is kept with the document and
added up for each request; parts that come from fragments are shared, and added up once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.settings import Limits

CEILING = 10**9


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """How often something repeats is said by variables: of the page (`first`, `last`), or of a list of ids."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """A fixed part, and parts that repeat."""

    fixed: int
    parts: tuple[tuple["int | Variable", "Cost"], ...]


Cost = int | Sum


def plus(*costs: Cost) -> Cost:
    """The sum of costs."""
    sums = [one for one in costs if isinstance(one, Sum)]
    fixed = min(sum(one for one in costs if isinstance(one, int)), CEILING)
    return Sum(fixed, tuple((1, one) for one in sums)) if sums else fixed


def times(size: int | Variable, cost: Cost) -> Cost:
    """A cost that comes `size` times."""
    if isinstance(size, int) and isinstance(cost, int):
        return min(size * cost, CEILING)
    return Sum(0, ((size, cost),)) if cost else 0


def total(cost: Cost, variables: Mapping[str, Any], limits: Limits) -> int:
    """The number that a cost comes to with these variables."""
    if isinstance(cost, int):
        return cost
    known: dict[int, int] = {}
    waiting: list[Sum] = [cost]
    while waiting:  # a loop, since fragments may be nested deeper than the interpreter
        one = waiting[-1]
        missing = [part for _, part in one.parts if isinstance(part, Sum) and id(part) not in known]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        parts = sum(_size(size, variables, limits) * (part if isinstance(part, int) else known[id(part)]) for size, part in one.parts)
        known[id(one)] = min(one.fixed + parts, CEILING)
    return known[id(cost)]


def page(value: Any, limits: Limits) -> int:
    """How many rows a page may hold: what is asked for within the bounds, since the list itself refuses what is not."""
    if type(value) is not int:
        return limits.default_page
    return min(max(value, 0), limits.page)


def _size(size: int | Variable, variables: Mapping[str, Any], limits: Limits) -> int:
    if isinstance(size, int):
        return size
    values = [variables.get(name) for name in size.names]
    lists = [len(value) for value in values if isinstance(value, list)]
    return max(lists) if lists else max(page(value, limits) for value in values)
