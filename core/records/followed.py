"""Records that were merged into others lead on to these: who knows a person by an id of its own finds it by that as before."""

import uuid
from collections.abc import Collection
from typing import Any

from tortoise.queryset import QuerySet

from core.resources import Resource

MERGED = "merged_into_id"


async def followed(resource: Resource, rows: QuerySet[Any]) -> list[dict[str, Any]]:
    """`id` and `deleted_at` of the rows, or of those that they were merged into."""
    if not merges(resource):
        return await rows.values("id", "deleted_at")
    found = await rows.values("id", "deleted_at", MERGED)
    if into := [row[MERGED] for row in found if row[MERGED]]:
        return await resource.model.filter(id__in=into).values("id", "deleted_at")
    return found


async def successors(resource: Resource, keys: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Of those of the keys that are of merged records, the keys of the records that they were merged into."""
    if not keys or not merges(resource):
        return {}
    pairs: Any = await resource.model.filter(id__in=list(keys), merged_into_id__isnull=False).values_list("id", MERGED)
    return dict(pairs)


def merges(resource: Resource) -> bool:
    """Whether records of this kind are merged."""
    return resource.has(MERGED)
