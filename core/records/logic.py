"""Tests on rows as Q, and how they are put together."""

import uuid
from collections.abc import Sequence
from typing import Any

from tortoise import fields
from tortoise.expressions import Q
from tortoise.fields.base import Field
from tortoise.models import Model

DEEPEST = 30  # levels of a filter
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


def plain_tests(model: type[Model], condition: Q) -> list[tuple[str, str, Any]] | None:
    """Column, kind and value of each test of a condition that says no more than that some columns have some values; None for any other."""
    if type(condition) is not Q or condition._is_negated:
        return None
    if condition.join_type != Q.AND and len(condition.children) + len(condition.filters) > 1:
        return None
    pairs: list[tuple[str, str, Any]] = []
    for name, value in condition.filters.items():
        field = model._meta.fields_map.get(name)
        kind = next((kind for fits, kind, of in _PLAIN if isinstance(value, of) and isinstance(field, fits)), None)
        if kind is None:
            return None
        pairs.append((name, kind, value))
    for child in condition.children:
        inner = plain_tests(model, child)
        if inner is None:
            return None
        pairs += inner
    return pairs


_PLAIN: tuple[tuple[type[Field[Any]], str, type], ...] = (
    (fields.UUIDField, "uuid", uuid.UUID),
    (fields.BooleanField, "boolean", bool),
    (fields.CharField, "text", str),
)
