"""Roles: what their grants may say, and that nobody gives away more than it has."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.errors import Conflict, Invalid
from core.models import ApiKey, GrantScope, Role, RoleField, RoleGrant, User
from core.naming import camel, snake
from core.permissions import ALL, SYSTEM
from core.records import wheres
from core.records.changes import Taking
from core.records.parts import taken
from core.resources import SYSTEM as OF_EVERY_RECORD
from core.resources import UPDATE, Change
from core.roles import KEEPS_ALL, ME, TEAM_OF_ME, Rights, assignable, beyond, check_permission, meant, of_another, rights

if TYPE_CHECKING:
    from core.crm import Call

SIGNING = {"email", "external_id", "external_source", "role"}  # by what a user is found who signs in, and what it may do then


async def roles(call: "Call", changes: Sequence[Change]) -> None:
    """Check names, and that the role may no more than who writes it. Raises Invalid and Conflict."""
    for change in changes:
        if change.before is not None and change.before.get("name", change.record.name) == KEEPS_ALL:
            raise Conflict(f"the role {KEEPS_ALL} is as it is, so that nobody is locked out; make another one")
        if "name" in change.values and change.before is not None and await _used(change.before["name"]):
            raise Invalid(name="cannot be changed while a user or a key has the role; make another one")
        if call.actor is not SYSTEM and (excess := beyond(call.crm, call.actor, await _meant(call, change))):
            raise Invalid(grants=f"go beyond your own rights: {excess}")


async def _meant(call: "Call", change: Change):
    """The rights that the role has after the change, its own parts being what is in the input, else what is there."""
    key = change.record.id
    given = {name: _given(call, name, change) for name in change.parts}
    grants = given["grants"] if "grants" in given else await RoleGrant.filter(role_id=key).order_by("position")
    fields = given["fields"] if "fields" in given else await RoleField.filter(role_id=key).order_by("position")
    return meant(call.crm, grants, fields)


def _given(call: "Call", name: str, change: Change) -> list[Any]:
    """The rows of one kind in the input, as they are going to be kept: what an input has around its texts is not kept."""
    back = call.crm.resources.parts(call.crm.resource(Role))[name]
    return [one.record for one in taken(Taking(call, call.crm.resource(back.model), past=False), back, change)]


async def grants(call: "Call", changes: Sequence[Change]) -> None:
    """Check permissions and filters. Raises Invalid."""
    for change in changes:
        grant, path = change.record, f"grants.{change.record.position}"
        check_permission(call.crm, grant.permission, f"{path}.permission")
        if (grant.scope is GrantScope.WHERE) != (grant.where is not None):
            raise Invalid({f"{path}.where": "is needed with WHERE, and with nothing else"})
        if grant.scope is GrantScope.WHERE:
            key = grant.permission.partition(".")[0]
            resource = call.crm.resources.by_key.get(key)
            if resource is None:
                raise Invalid({f"{path}.permission": "names one type, as in contact.read, when there is a filter"})
            wheres.read(call.crm, resource, _stood_in(grant.where), f"{path}.where")


def _stood_in(where: object) -> object:
    """The filter with texts that could be ids in the places of the words."""
    if isinstance(where, dict):
        return {name: _stood_in(one) for name, one in where.items()}
    if isinstance(where, list):
        return [_stood_in(one) for one in where]
    return "id" if where in (ME, TEAM_OF_ME) else where


async def fields(call: "Call", changes: Sequence[Change]) -> None:
    """Check that there are such fields, and that they can be denied. Raises Invalid."""
    for change in changes:
        path = f"fields.{change.record.position}.field"
        key, _, name = change.record.field.partition(".")
        resource = call.crm.resources.by_key.get(key)
        if resource is None:
            raise Invalid({path: f"'{change.record.field[:80]}' names no field like deal.amount"})
        attr = snake(name)
        shown = {*resource.columns, *resource.to_one, *resource.linked, *call.crm.resources.children(resource)}
        shown |= set(call.crm.expressed.get(resource.model, {}))
        if attr in OF_EVERY_RECORD or camel(attr) != name or attr not in shown | call.crm.grafted.get(resource.name, frozenset()):
            raise Invalid({path: f"{resource.name} has no field '{name[:60]}' that could be denied"})


async def users(call: "Call", changes: Sequence[Change]) -> None:
    """A role is given by those who have its rights; what somebody signs in with is for those who may change every user. Raises Invalid."""
    for change in changes:
        if role := change.values.get("role"):
            await assignable(call.crm, call.actor, role, another=change.before is not None and change.record.id != call.actor.user_id)
        if change.before is None:
            continue
        if change.record.id != call.actor.user_id and SIGNING & change.values.keys():
            await _less(call, change)
        shut = (SIGNING | {"team_id", "active"}) & change.values.keys()
        if shut and call.actor.grant(f"user.{UPDATE}") != ALL:
            raise Invalid(dict.fromkeys(sorted(shut), "is for those to change who may change every user"))


async def _less(call: "Call", change: Change) -> None:
    """Whoever changes by what another is known when it signs in, or its role, has the rights of that one. Raises Invalid."""
    if call.actor is SYSTEM:
        return
    role = await User.filter(id=change.record.id).first().values_list("role", flat=True)
    given = await rights(call.crm, str(role), deleted=True) if role else None
    if given and (excess := beyond(call.crm, call.actor, of_another(given))):  # it is the way to get in as that one
        names = sorted(SIGNING & change.values.keys())
        raise Invalid(dict.fromkeys(names, f"is of a user who has rights that you have not yourself: {excess}"))


async def unused(call: "Call", role: Role) -> None:
    """Raise Conflict for a role that a user or an open key has, and for the one that keeps the door open."""
    if role.name == KEEPS_ALL:
        raise Conflict(f"the role {KEEPS_ALL} stays, so that nobody is locked out")
    if await _used(role.name):
        raise Conflict("a user or a key still has this role")


async def restored_role(call: "Call", role: Role) -> None:
    """Raise Conflict when the role may more than who brings it back: users may still have its name."""
    if excess := beyond(call.crm, call.actor, await rights(call.crm, role.name, deleted=True) or Rights()):
        raise Conflict(f"the role goes beyond your own rights: {excess}")


async def restored_user(call: "Call", user: User) -> None:
    """Raise Conflict when the role of the user may more than who brings the user back: that gives it the role again."""
    given = await rights(call.crm, user.role, deleted=True) if user.role else None
    if given and (excess := beyond(call.crm, call.actor, given)):
        raise Conflict(f"the user has rights that you have not yourself: {excess}")


async def _used(name: str) -> bool:
    """Whether a user, or a key that is not revoked, goes by the name."""
    if await User.filter(role=name, deleted_at__isnull=True).exists():
        return True
    return await ApiKey.filter(role=name, revoked_at__isnull=True).exists()
