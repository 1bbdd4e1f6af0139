"""Loaders of one request: one statement for each relation, however many contacts ask."""

import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from strawberry.dataloader import DataLoader

from core.models import Activity, Company, Deal


async def _companies(keys: list[uuid.UUID]) -> list[Company | None]:
    found = await Company.filter(id__in=keys).in_bulk(keys, "id")
    return [found.get(key) for key in keys]


async def _deals(keys: list[uuid.UUID]) -> list[list[Deal]]:
    return _by_contact(await Deal.filter(contact_id__in=keys).order_by("created_at", "id"), keys)


async def _activities(keys: list[uuid.UUID]) -> list[list[Activity]]:
    return _by_contact(await Activity.filter(contact_id__in=keys).order_by("-created_at", "-id"), keys)


def _by_contact(rows: list[Any], keys: list[uuid.UUID]) -> list[list[Any]]:
    found: dict[uuid.UUID, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.contact_id].append(row)
    return [found[key] for key in keys]


@dataclass
class Loaders:
    """All loaders, new for each request."""

    companies: DataLoader[uuid.UUID, Company | None] = field(default_factory=lambda: DataLoader(_companies))
    deals: DataLoader[uuid.UUID, list[Deal]] = field(default_factory=lambda: DataLoader(_deals))
    activities: DataLoader[uuid.UUID, list[Activity]] = field(default_factory=lambda: DataLoader(_activities))
