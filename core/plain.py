"""Values as JSON can hold them."""

import datetime
import enum
import json
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from core.money import Money

_PLAIN = (str, int, bool, type(None))


def plain(value: Any) -> Any:
    """The value as JSON can hold it."""
    if isinstance(value, enum.Enum):
        return value.value
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Mapping):
        return {name: one if one.__class__ in _PLAIN else plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(one) for one in value]
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, uuid.UUID | Decimal):
        return str(value)
    if isinstance(value, Money):
        return {"amount": str(value.amount), "currency": value.currency}
    raise TypeError(type(value).__name__)


# As text. What the encoder knows itself it writes as `plain` says, and asks that for the rest.
as_text = json.JSONEncoder(separators=(",", ":"), default=plain).encode
