"""GraphQL types over the models."""

import datetime
from typing import Any, cast

import strawberry

from benchmarks.peers.apps.naive.loaders import Loaders
from core import models

Info = strawberry.Info[Loaders, None]


@strawberry.type
class Company:
    """A company."""

    id: strawberry.ID
    name: str
    domain: str | None
    city: str | None


@strawberry.type
class Deal:
    """A deal; its amount is in minor units, as a text because it may be long."""

    id: strawberry.ID
    title: str
    currency: str | None

    @strawberry.field
    def amount(self) -> str | None:
        """The amount."""
        amount = cast(models.Deal, self).amount
        return None if amount is None else str(amount)


@strawberry.type
class Activity:
    """An activity."""

    id: strawberry.ID
    kind: str
    subject: str
    created_at: datetime.datetime


@strawberry.type
class Contact:
    """A contact."""

    id: strawberry.ID
    name: str
    given_name: str | None
    family_name: str | None
    job_title: str | None
    city: str | None
    lifecycle_stage: str
    source: str | None
    created_at: datetime.datetime
    updated_at: datetime.datetime

    @strawberry.field
    async def company(self, info: Info) -> Company | None:
        """The company of the contact."""
        key = _row(self).company_id
        return _shown(await info.context.companies.load(key)) if key else None

    @strawberry.field
    async def deals(self, info: Info, first: int = 20) -> list[Deal]:
        """The oldest deals."""
        return _shown((await info.context.deals.load(_row(self).id))[:first])

    @strawberry.field
    async def activities(self, info: Info, first: int = 20) -> list[Activity]:
        """The newest activities."""
        return _shown((await info.context.activities.load(_row(self).id))[:first])


@strawberry.type
class DealTotal:
    """Deals of one stage and one currency."""

    stage_id: strawberry.ID
    currency: str | None
    count: int
    amount: str | None


@strawberry.input
class ContactInput:
    """A contact to be."""

    name: str
    lifecycle_stage: str
    company_id: strawberry.ID | None
    owner_id: strawberry.ID | None
    address: str | None


def _row(contact: Contact) -> models.Contact:
    """The row that a resolver really gets: strawberry reads its attributes by the names of the type."""
    return cast(models.Contact, contact)


def _shown(rows: Any) -> Any:
    return rows
