"""The schema and the app."""

import datetime
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import strawberry
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL
from tortoise import Tortoise
from tortoise.expressions import Q
from tortoise.functions import Count, Sum
from tortoise.transactions import in_transaction

from benchmarks.peers.apps.naive.loaders import Loaders
from benchmarks.peers.apps.naive.types import Contact, ContactInput, DealTotal
from benchmarks.peers.stand import POOL
from core import models
from core.text import fold


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field(graphql_type=Contact | None)
    async def contact(self, id: strawberry.ID) -> Any:
        """One contact."""
        return await models.Contact.get_or_none(id=uuid.UUID(id))

    @strawberry.field(graphql_type=list[Contact])
    async def contacts(self, stage: str, first: int = 20, after: str | None = None) -> Any:
        """The newest contacts of a stage, after a place."""
        rows = models.Contact.filter(lifecycle_stage=stage)
        if after:
            moment, _, key = after.partition("|")
            time = datetime.datetime.fromisoformat(moment)
            rows = rows.filter(Q(created_at__lt=time) | Q(created_at=time, id__lt=uuid.UUID(key)))
        return await rows.order_by("-created_at", "-id").limit(first)

    @strawberry.field
    async def deal_totals(self) -> list[DealTotal]:
        """Count and sum of the deals by stage and currency."""
        groups = models.Deal.annotate(n=Count("id"), total=Sum("amount")).group_by("stage_id", "currency")
        rows = await groups.values("stage_id", "currency", "n", "total")
        return [_total(row) for row in rows]


@strawberry.type
class Mutation:
    """What can be done."""

    @strawberry.mutation(graphql_type=Contact)
    async def create_contact(self, input: ContactInput) -> Any:
        """A new contact."""
        async with in_transaction():
            made = await models.Contact.create(
                name=input.name,
                name_key=fold(input.name),
                lifecycle_stage=input.lifecycle_stage,
                company_id=input.company_id,
                owner_id=input.owner_id,
                created_at=(now := datetime.datetime.now(datetime.UTC)),
                updated_at=now,
            )
            if input.address:
                await models.ContactEmail.create(contact=made, address=input.address, address_key=fold(input.address))
            await models.LifecycleChange.create(contact=made, to_stage=made.lifecycle_stage)
        return made


class View(GraphQL[Loaders, None]):
    """The view, with loaders of its own for each request."""

    async def get_context(self, request: Any, response: Any) -> Loaders:
        """New loaders."""
        return Loaders()


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    url = urlsplit(os.environ["DATABASE_URL"])
    named = {"user": url.username, "password": url.password, "host": url.hostname, "port": url.port, "database": url.path.strip("/")}
    pool = {"engine": "tortoise.backends.asyncpg", "credentials": {**named, "minsize": POOL, "maxsize": POOL}}
    apps = {"core": {"models": ["core.models"], "default_connection": "default"}}
    words = {"connections": {"default": pool}, "apps": apps, "use_tz": True, "timezone": "UTC"}
    await Tortoise.init(config=words, _enable_global_fallback=True)
    yield
    await Tortoise.close_connections()


def _total(row: dict[str, Any]) -> DealTotal:
    amount = None if row["total"] is None else str(row["total"])
    return DealTotal(stage_id=strawberry.ID(str(row["stage_id"])), currency=row["currency"], count=row["n"], amount=amount)


view = View(strawberry.Schema(Query, Mutation), graphql_ide=None)
app = Starlette(routes=[Route("/graphql", view, methods=["POST"])], lifespan=_lifespan)
