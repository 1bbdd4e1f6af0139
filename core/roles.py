"""Roles as data: what the rows of a role mean, and who acts with its rights.

A role that the database does not know is as [roles] of settings.toml says.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tortoise.expressions import Q

from core.errors import Invalid, Unauthenticated
from core.models import ApiKey, GrantScope, Role, RoleField, RoleGrant, User
from core.naming import snake
from core.permissions import ALL, NONE, OWN, SYSTEM, TEAM, Actor, Grant, chain, fits, rule
from core.records import ids, wheres
from core.records.filters import condition
from core.records.logic import NEVER
from core.resources import READ, Resource

if TYPE_CHECKING:
    from core.crm import CRM

ME, TEAM_OF_ME = "$me", "$team"
KEEPS_ALL = "admin"  # the role that nobody can lock out


@dataclass(frozen=True)
class Filtered:
    """The rows of a filter in a grant. Rows behind relations count whether the actor may see them or not."""

    where: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The filter as JSON."""
        return json.dumps(self.where)

    def words(self, crm: "CRM", actor: Actor) -> Mapping[str, str] | None:
        """The ids that the words in the filter stand for; None when it speaks of a user or a team that the actor has not."""
        keys = {ME: ("user", actor.user_id), TEAM_OF_ME: ("team", actor.team_id)}
        meant = {word: pair for word, pair in keys.items() if f'"{word}"' in self.text}
        if any(key is None for _, key in meant.values()):
            return None
        return {word: ids.encode(crm.resources.by_key[kind], key) for word, (kind, key) in meant.items() if key}

    def condition(self, crm: "CRM", actor: Actor, resource: Resource) -> Q:
        """The Q of the rows."""
        words = self.words(crm, actor)
        if words is None:
            return NEVER
        text = self.text
        for word, id in words.items():
            text = text.replace(f'"{word}"', json.dumps(id))
        return condition(crm.call(SYSTEM), resource, wheres.read(crm, resource, json.loads(text)))


@dataclass(frozen=True)
class Rights:
    """What a role allows: its grants, and the fields that it hides or does not let write."""

    grants: Mapping[str, Grant] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)


async def rights(crm: "CRM", name: str, *, deleted: bool = False) -> Rights | None:
    """The rights of a role; None when there is no such role. Those of a deleted role are none, or with `deleted` what they were."""
    role = await Role.get_or_none(name=name)
    if role is None:
        known = crm.settings.roles.get(name)
        return None if known is None else Rights(dict(known))
    if role.deleted_at is not None and not deleted:
        return None
    grants = await RoleGrant.filter(role_id=role.id).order_by("position")
    fields = await RoleField.filter(role_id=role.id).order_by("position")
    return meant(crm, grants, fields)


def meant(crm: "CRM", grants: Iterable[RoleGrant], fields: Iterable[RoleField]) -> Rights:
    """The rights that rows of a role mean. What hides a field hides the ways round it as well."""
    granted: dict[str, Grant] = {
        one.permission: Filtered(one.where or {}) if one.scope is GrantScope.WHERE else str(one.scope.value).lower() for one in grants
    }
    kept: dict[str, str] = {}
    for one in fields:
        access = str(one.access.value).lower()
        if access == "write":
            continue
        resource, _, name = one.field.partition(".")
        kept[f"{resource}.{snake(name)}"] = access
        if access == "hidden" and resource in crm.resources.by_key:
            _hide_ways_round(crm, crm.resources.by_key[resource], snake(name), kept, granted)
    return Rights(granted, kept)


def _hide_ways_round(crm: "CRM", resource: Resource, name: str, kept: dict[str, str], granted: dict[str, Grant]) -> None:
    """Rows that are part of the field, its history, what is worked out of it, and the way back of a relation tell the same."""
    if part := crm.resources.parts(resource).get(name):
        granted[f"{crm.resource(part.model).key}.read"] = NONE
    if history := resource.history.get(name):
        granted[f"{crm.resource(history).key}.read"] = NONE
        kept |= {f"{resource.key}.{back.name}": "hidden" for back in crm.resources.many(resource).values() if back.model is history}
    for model, them in crm.expressed.items():
        kept |= {f"{crm.resource(model).key}.{one.name}": "hidden" for _, one in them.values() if name in one.tells.get(resource.model, ())}
    if (relation := resource.to_one.get(name)) and (back := resource.reverse.get(name)) and relation.model in crm.resources.by_model:
        kept[f"{crm.resource(relation.model).key}.{back}"] = "hidden"


async def known(crm: "CRM") -> list[str]:
    """The names of all roles that there are."""
    rows = await Role.all().values_list("name", "deleted_at")
    gone = {name for name, deleted in rows if deleted is not None}
    return sorted({name for name, deleted in rows if deleted is None} | (crm.settings.roles.keys() - gone))


async def of_user(crm: "CRM", user: User, name: str | None = None) -> Actor:
    """A user acting with the rights of its role. Raises Unauthenticated for one who has left, or has no role."""
    found = await rights(crm, user.role) if user.role and user.active and user.deleted_at is None else None
    if found is None:
        raise Unauthenticated("this user cannot sign in; an administrator gives it a role")
    return Actor(name or f"user {user.name}"[:120], found.grants, user.id, None, user.team_id, found.fields)


async def of_key(crm: "CRM", key: ApiKey) -> Actor:
    """A key acting with the rights of its role, within its scopes and the rights of whoever made it. Raises Unauthenticated."""
    found = await rights(crm, key.role) or Rights()
    user = await User.get_or_none(id=key.user_id) if key.user_id else None
    if user is not None and (user.deleted_at is not None or not user.active):
        raise Unauthenticated("the user of this key has left")
    within: list[Actor] = [] if key.scopes is None else [Actor("scopes", dict.fromkeys(key.scopes, ALL))]
    if key.creator_id:
        within.append(await of_user(crm, await User.get(id=key.creator_id)))
    if key.maker_id:
        maker = await ApiKey.get(id=key.maker_id)
        if not maker.opens():
            raise Unauthenticated("the key that made this one does not open any more")
        within.append(await of_key(crm, maker))
    name = f"key {key.prefix} ({key.name})"[:120]
    return Actor(name, found.grants, key.user_id, key.id, user.team_id if user else None, found.fields, tuple(within))


def beyond(crm: "CRM", actor: Actor, given: Rights) -> str | None:
    """What some rights allow and the actor may not do itself: a permission or a field, the first one; None when there is nothing."""
    if actor is SYSTEM:
        return None
    other = Actor("other", given.grants, fields=given.fields)
    for permission in crm.permissions:
        theirs = other.own_grant(permission)
        if not all(_covers(one.own_grant(permission), theirs) for one in chain(actor)):
            return permission
    for name in sorted(actor.shut):
        if name not in other.shut or (name in actor.hidden and name not in other.hidden):
            return name
    return None


def _covers(mine: Grant, theirs: Grant) -> bool:
    """Whether every row of one grant is certainly a row of another. What a filter leaves out may be somebody's own."""
    return theirs == NONE or mine in (ALL, theirs) or (mine == TEAM and theirs == OWN)


def of_another(given: Rights) -> Rights:
    """The rights of another user as they are for whoever gets in as that one: what is its own is not one's own."""
    return Rights({name: NONE if grant == NONE else ALL for name, grant in given.grants.items()}, given.fields)


async def assignable(crm: "CRM", actor: Actor, name: str, path: str = "role", *, another: bool = False) -> None:
    """Raise Invalid when there is no such role, or when it may more than the actor, who cannot give it away then.

    `another`: it is for a user who is there already, and may own what the actor must not see.
    """
    given = await rights(crm, name)
    if given is None:
        told = actor is SYSTEM or rule(crm, actor, crm.resource(Role), READ) is True
        raise Invalid({path: f"there is no role '{name[:60]}'" + (f"; there are {', '.join(await known(crm))}" if told else "")})
    if excess := beyond(crm, actor, of_another(given) if another else given):
        raise Invalid({path: f"has rights that you have not yourself: {excess}"})


def check_permission(crm: "CRM", permission: str, path: str) -> None:
    """Raise Invalid for a permission that means nothing here."""
    if not fits(permission, frozenset(crm.permissions)):
        raise Invalid({path: f"there is no permission '{permission[:60]}'"})
