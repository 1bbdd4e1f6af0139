"""Rules and boosts as they were: a change is kept beside them, so that it holds for what happens from then on and for nothing before."""

import datetime
import uuid
from collections.abc import Sequence
from enum import Enum
from typing import Any, TypeVar

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from core import Change
from core.fields import now
from core.models import Record
from plugins.loyalty.models import LoyaltyPast

R = TypeVar("R", bound=Record)


async def keep(changes: Sequence[Change]) -> None:
    """Keep what these records said before they are changed."""
    changed = [change for change in changes if change.before is not None]
    rows = [LoyaltyPast(record_id=change.record.id, until=now(), said=_said(change)) for change in changed]
    if rows:
        await LoyaltyPast.bulk_create(rows)


async def as_of(at: datetime.datetime, records: QuerySet[R]) -> list[R]:
    """Records as they were at a time, those among them that are deleted by now; by their ids."""
    found = await records.filter(Q(deleted_at__isnull=True) | Q(deleted_at__gt=at)).order_by("id")
    past = LoyaltyPast.filter(record_id__in=[one.id for one in found], until__gt=at).order_by("-until", "-id")
    first = {one.record_id: one.said for one in await past}  # the last one written is the first that was kept
    return [_made(type(one), first[one.id]) if one.id in first else one for one in found]


def _said(change: Change) -> dict[str, Any]:
    before = change.before or {}
    names = type(change.record)._meta.db_fields
    return {name: _plain(before.get(name, getattr(change.record, name))) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, datetime.datetime) else str(value) if isinstance(value, uuid.UUID) else value


def _made(model: type[R], said: dict[str, Any]) -> R:
    fields = model._meta.fields_map
    return model(**{name: fields[name].to_python_value(value) for name, value in said.items()})
