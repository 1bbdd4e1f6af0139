"""The house in which both roads are tried: its engine, its askers, and all that can be asked about."""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from starlette.routing import Route

from core.crm import Call
from core.models import User
from core.permissions import Actor
from core.roles import of_user
from schema.operations.answers import Answer
from schema.operations.execution import Engine
from schema.transport.http import Endpoint
from schema.transport.parameters import Parameters
from tests.equality.pools import Pools
from tests.equality.probes import fill
from tests.house import Asker, House, Houses
from tests.world import World

ROLES: Mapping[str, Mapping[str, str]] = {
    "admin": {"*": "all"},
    "owner": {"*": "own", "lab.ask": "all"},
    "clerk": {
        "*": "all", "deal.*": "none", "contactEmail.*": "none", "tag.*": "none", "pipeline.*": "none", "sample.*": "none",
        "lab.ask": "none", "lab.narrow": "none",
    },
    "narrow": {"*.read": "all", "company.read": "own", "lab.ask": "all", "lab.narrow": "all"},
}  # fmt: skip
# A role of rows, with what settings.toml has no words for: rows of a team, rows of a filter, and fields that are hidden.
BLIND = "blind"
BLIND_GRANTS = (
    {"permission": "*", "scope": "ALL"},
    {"permission": "company.read", "scope": "TEAM"},
    {"permission": "activity.read", "scope": "WHERE", "where": {"kind": {"in": ["CALL", "NOTE"]}, "contact": {"city": {"isNull": False}}}},
)
BLIND_FIELDS = ("contact.city", "contact.company", "contact.phones", "deal.amount", "deal.lines", "company.contacts", "user.team")
LIMITS = {
    "depth": 20, "aliases": 500, "count": 30, "groups": 45, "tokens": 40_000, "fields": 20_000,
    "requests_per_minute": 0, "cost_per_minute": 0,  # a few keys ask thousands of operations here
}  # fmt: skip


@dataclass
class Laboratory:
    """A house with the plugin `lab` and awkward records."""

    house: House
    engine: Engine
    pools: Pools
    blind: Actor
    users: dict[str, str | None] = field(default_factory=dict)
    askers: dict[str, Asker] = field(default_factory=dict)

    def call(self, role: str) -> Call:
        """A fresh request of someone with this role."""
        user = self.users.get(role)
        key = self.house.crm.resources.by_key["user"].model._meta.pk.to_python_value(user.removeprefix("user_")) if user else None
        if role == BLIND:
            return Call(self.house.crm, self.blind, "the request")
        grants = self.house.crm.settings.roles[role]
        return Call(self.house.crm, Actor(f"test {role}", grants, key), "the request")

    async def asker(self, role: str) -> Asker:
        """Someone with this role who asks over HTTP."""
        if role not in self.askers:
            self.askers[role] = await self.house.as_(role, self.users.get(role))
        return self.askers[role]

    async def execute(self, parameters: Parameters, role: str) -> Answer:
        """The answer on the road that is taken where it can be."""
        return await self.engine.execute(self.engine.prepare(parameters), parameters, self.call(role))

    async def interpret(self, parameters: Parameters, role: str) -> Answer:
        """The answer on the road that always can be taken."""
        return await self.engine.interpret(self.engine.prepare(parameters), parameters, self.call(role))


def engine_of(house: House) -> Engine:
    """The engine behind /graphql of a house."""
    endpoint = next(one.endpoint for one in house.app.routes if isinstance(one, Route) and one.path == "/graphql")
    return cast(Endpoint, endpoint).engine


@asynccontextmanager
async def opened(houses: Houses, **tables: Any) -> AsyncIterator[Laboratory]:
    """A laboratory with all its records, running inside the block."""
    async with houses("lab", **{"roles": ROLES, "limits": LIMITS, **tables}) as house:
        world = World(house)
        await world.fill()
        await fill(world, random.Random(11))
        pools = Pools(world)
        await pools.fill()
        users = {"owner": world.tables["user"][0]["id"], "narrow": world.tables["user"][-1]["id"], BLIND: world.tables["user"][0]["id"]}
        yield Laboratory(house, engine_of(house), pools, await _blind(house, users[BLIND]), users)


async def _blind(house: House, user: str) -> Actor:
    """The actor of the role of rows; its user leads a team."""
    fields = [{"field": name, "access": "HIDDEN"} for name in BLIND_FIELDS]
    await house.make("Role", name=BLIND, grants=list(BLIND_GRANTS), fields=fields)
    team = await house.make("Team", name="all who sell")
    update = "mutation ($id: ID!, $team: ID) { userUpdate(id: $id, input: {role: \"blind\", teamId: $team}) { userErrors { message } } }"
    assert (await house.ask(update, id=user, team=team.id))["userUpdate"]["userErrors"] == []
    return await of_user(house.crm, await User.get(id=user.removeprefix("user_")))
