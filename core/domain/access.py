"""Roles: what their grants may say, and that nobody gives away more than it has."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.errors import Conflict, Invalid
from core.models import ApiKey, GrantScope, Role, RoleField, RoleGrant, User
from core.naming import camel, snake
from core.permissions import ALL, SYSTEM
from core.records import wheres
from core.resources import SYSTEM as OF_EVERY_RECORD
from core.resources import UPDATE, Change
from core.roles import KEEPS_ALL, ME, TEAM_OF_ME, assignable, beyond, check_permission, meant

if TYPE_CHECKING:
    from core.crm import Call

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


async def roles(call: "Call", changes: Sequence[Change]) -> None:
    """Check names, and that the role may no more than who writes it. Raises Invalid and Conflict."""
    for change in changes:
        if change.before is not None and change.record.name == KEEPS_ALL:
            raise Conflict(f"the role {KEEPS_ALL} is as it is, so that nobody is locked out; make another one")
        if "name" in change.values:
            if change.before is not None:
                raise Invalid(name="cannot be changed, for users and keys go by it; make another role")
            if not NAME.fullmatch(change.record.name):
                raise Invalid(name="has small letters, digits, - and _ only")
        if call.actor is not SYSTEM and (excess := beyond(call.crm, call.actor, await _meant(call, change))):
            raise Invalid(grants=f"go beyond your own rights: {excess}")


async def _meant(call: "Call", change: Change):
    """The rights that the role has after the change, its own parts being what is in the input, else what is there."""
    given, key = change.parts, change.record.id
    grants = [RoleGrant(**one) for one in given["grants"]] if "grants" in given else await RoleGrant.filter(role_id=key)
    fields = [RoleField(**one) for one in given["fields"]] if "fields" in given else await RoleField.filter(role_id=key)
    return meant(call.crm, grants, fields)


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
            wheres.read(call.crm.resources, resource, _stood_in(grant.where), f"{path}.where")


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
    """A role is given by those who have its rights; teams and leaving are for those who may change every user. Raises Invalid."""
    for change in changes:
        if role := change.values.get("role"):
            await assignable(call.crm, call.actor, role)
        shut = {"role", "team_id", "active"} & change.values.keys()
        if shut and change.before is not None and call.actor.grant(f"user.{UPDATE}") != ALL:
            raise Invalid(dict.fromkeys(sorted(shut), "is for those to change who may change every user"))


async def unused(call: "Call", role: Role) -> None:
    """Raise Conflict for a role that a user or an open key has, and for the one that keeps the door open."""
    if role.name == KEEPS_ALL:
        raise Conflict(f"the role {KEEPS_ALL} stays, so that nobody is locked out")
    if await User.filter(role=role.name, deleted_at__isnull=True).exists():
        raise Conflict("a user still has this role")
    if await ApiKey.filter(role=role.name, revoked_at__isnull=True).exists():
        raise Conflict("a key still has this role")
