"""Columns with a meaning that Tortoise has no word for. Plugins use them in their models."""

import datetime
import uuid
from typing import Any

import uuid_utils
from tortoise import fields
from uuid_utils.compat import uuid7


def now() -> datetime.datetime:
    """This moment in UTC."""
    return datetime.datetime.now(datetime.UTC)


def new_id() -> uuid.UUID:
    """A new key: UUID version 7 of RFC 9562, so keys sort by their time of making."""
    return uuid7()


def new_id_text() -> str:
    """A new key as text, for a row that is never a record: a fifth of the time."""
    return str(uuid_utils.uuid7())


class MoneyField(fields.BigIntField):
    """Money in minor units; `currency` names the column of this model with its ISO 4217 code."""

    def __init__(self, currency: str = "currency", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.currency = currency


class FixedField(fields.BigIntField):
    """A decimal with `scale` digits after the point, kept as an integer so that both databases sum it exactly."""

    def __init__(self, scale: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale


class FoldedField(fields.CharField):
    """The compared form of the text column `of` (see core.text.fold); filled by the store, never shown."""

    def __init__(self, of: str = "name", max_length: int = 200, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)
        self.of = of
