"""Who asks, and what it may do: so that a front end shows no button that does nothing."""

import strawberry

from core.crm import Call
from core.models import ApiKey, GrantScope, User
from core.permissions import ALL, NONE, SCOPES, may, reach
from core.resources import DELETE, READ, UPDATE


@strawberry.type(description="A permission that roles can grant.")
class Permission:
    """How a permission is shown."""

    name: str = strawberry.field(description="What a role calls it: `deal.update`.")
    description: str = strawberry.field(description="What it allows.")


@strawberry.type(description="A permission that you have.")
class ViewerPermission:
    """A permission of who asks, with its reach."""

    name: str = strawberry.field(description="The permission: `deal.update`.")
    scope: GrantScope = strawberry.field(
        description="Which rows it is for, at most: what narrowed the key and rules of plugins may leave fewer of them."
    )


@strawberry.type(description="Who asks.")
class Viewer:
    """The actor of this request."""

    name: str = strawberry.field(description="Who it is, in the words of the log.")

    @strawberry.field(description="The user whose rows are its own; null when there is none.")
    async def user(self, info: strawberry.Info[Call]) -> User | None:
        """The user who asks, or whose key it is. Everyone may see itself."""
        return await User.get_or_none(id=info.context.actor.user_id) if info.context.actor.user_id else None

    @strawberry.field(description="The name of its role; null where a plugin says what it may do.")
    async def role(self, info: strawberry.Info[Call]) -> str | None:
        """The role of the key, else of the user."""
        found = await self._key(info.context) or await self._signed_in(info.context)
        return found.role if found else None

    @strawberry.field(description="The key by which it asks; null when there is none.")
    async def key(self, info: strawberry.Info[Call]) -> ApiKey | None:
        """The key by which it asks. Whoever has it may see what is kept of it."""
        return await self._key(info.context)

    @strawberry.field(description="What it may do; what it may never do is left out.")
    def permissions(self, info: strawberry.Info[Call]) -> list[ViewerPermission]:
        """The permissions with a reach that is not empty."""
        call = info.context
        return [ViewerPermission(name=name, scope=scope) for name in call.crm.permissions if (scope := _scope(call, name))]

    async def _key(self, call: Call) -> ApiKey | None:
        return await ApiKey.get_or_none(id=call.actor.key_id) if call.actor.key_id else None

    async def _signed_in(self, call: Call) -> User | None:
        return await User.get_or_none(id=call.actor.user_id) if call.actor.user_id else None


@strawberry.type(name="Query", extend=True)
class ViewerQueries:
    """Fields that join the root type Query."""

    @strawberry.field(description="Who asks, and what it may do.")
    def viewer(self, info: strawberry.Info[Call]) -> Viewer | None:
        """Who asks."""
        return Viewer(name=info.context.actor.name)

    @strawberry.field(description="Every permission that there is here.")
    def permissions(self, info: strawberry.Info[Call]) -> list[Permission] | None:
        """Every permission, and what it means."""
        return [Permission(name=name, description=meaning) for name, meaning in info.context.crm.permissions.items()]


def _scope(call: Call, permission: str) -> GrantScope | None:
    """How far a permission of the actor reaches; None when that is nowhere."""
    crm, actor = call.crm, call.actor
    key, _, verb = permission.rpartition(".")
    scope, resource = actor.grant(permission), crm.resources.by_key.get(key)
    if scope == NONE or resource is None:
        return GrantScope.ALL if scope != NONE and may(crm, actor, permission) else None
    allowed = reach(crm, actor, resource, verb)
    if allowed is False:
        return None
    if allowed is True:
        return GrantScope.ALL
    if verb in (UPDATE, DELETE):  # of rows that are seen only
        scope = min(scope, actor.grant(f"{key}.{READ}"), key=SCOPES.index)
    return GrantScope.WHERE if scope == ALL else GrantScope(scope.upper())
