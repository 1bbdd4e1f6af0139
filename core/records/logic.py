"""Tests on rows as Q, and how they are put together."""

from collections.abc import Sequence
from typing import Any

from tortoise.expressions import Q

NEVER = Q(id__isnull=True)
ALWAYS = Q(id__isnull=False)


def tests(these: dict[str, Any]) -> Q:
    """The Q of tests whose names are computed."""
    return Q(**these)  # type: ignore[arg-type]  # the other parameters of Q are no names of columns


def every(parts: Sequence[Q]) -> Q:
    """The Q of all parts together; of none, it always holds."""
    return Q(*parts) if parts else ALWAYS


def some(parts: Sequence[Q]) -> Q:
    """The Q of one part or another; of none, it never holds."""
    return Q(*parts, join_type="OR") if parts else NEVER


def negated(part: Q) -> Q:
    """The Q of what does not hold. Never directly of one `IN`, for the library takes NOT NOT IN for NOT IN."""
    return ~Q(part, ALWAYS)
