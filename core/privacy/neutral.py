"""What stands in a personal column once its value is erased: null, or else a word that says nothing."""

import uuid
from collections.abc import Callable
from typing import Any

from tortoise import fields
from tortoise.fields.base import Field

from core.fields import new_id, now
from core.resources import Resource
from core.text import fold

WORD = "erased"
_MADE = (now, new_id)  # defaults that are another value each time, and so would never be erased already


def erasable(field: Field[Any]) -> bool:
    """Whether there is a value for a column that says nothing."""
    return field.null or _is_text(field) or (field.default is not None and field.default not in _MADE and not field.unique)


def neutral(resource: Resource, key: uuid.UUID) -> dict[str, Any]:
    """The values of the personal columns of an erased record, and of those that they are compared by."""
    values: dict[str, Any] = {}
    for name in sorted(resource.personal):
        field = resource.model._meta.fields_map[name]
        value = values[name] = _value(field, key, unique=_unique(resource, name))
        if folded := resource.folded.get(name):
            length = getattr(resource.model._meta.fields_map[folded], "max_length", 0)
            values[folded] = None if value is None else fold(value)[:length]
    return values


def _unique(resource: Resource, name: str) -> bool:
    """Whether two records may not have the same value, be it only its folded form or together with other columns."""
    meta = resource.model._meta
    names = {name, resource.folded.get(name)}
    return any(one and meta.fields_map[one].unique for one in names) or any(names & {*some} for some in meta.unique_together)


def _value(field: Field[Any], key: uuid.UUID, *, unique: bool) -> Any:
    if field.null:
        return None
    if not _is_text(field):
        default: Callable[[], Any] | Any = field.default
        return default() if callable(default) else default
    # Two erased records must not have the same unique word; of a key only the end is left to chance.
    word = f"{WORD}-{key.hex[::-1]}" if unique else WORD
    return word[: getattr(field, "max_length", None)]


def _is_text(field: Field[Any]) -> bool:
    return isinstance(field, fields.CharField | fields.TextField) and getattr(field, "enum_type", None) is None
