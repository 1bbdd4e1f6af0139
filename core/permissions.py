"""Who may do what: actors, the grants of their roles, and the rules that follow."""

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from tortoise.expressions import Q

from core.errors import StartError
from core.resources import READ, Resource

if TYPE_CHECKING:  # the house is made of actors' rules
    from core.crm import CRM

log = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])

ALL, OWN, NONE = "all", "own", "none"


@dataclass(frozen=True)
class Actor:
    """Who asks: a name for the log, the grants of a role, and the user whose rows are its own."""

    name: str
    grants: Mapping[str, str] = field(default_factory=dict)
    user_id: uuid.UUID | None = None
    key_id: uuid.UUID | None = None
    follows: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)  # worked out of the above, and kept

    def grant(self, permission: str) -> str:
        """`all`, `own` or `none`: the most specific of `deal.update`, `deal.*`, `*.update`, `*`."""
        resource, _, verb = permission.rpartition(".")
        for name in (permission, f"{resource}.*", f"*.{verb}", "*"):
            if name in self.grants:
                return self.grants[name]
        return NONE

    def may(self, permission: str) -> bool:
        """Whether the actor may do this at all, be it on its own rows only."""
        return self.grant(permission) != NONE


SYSTEM = Actor("system", {"*": ALL})


def rule(crm: "CRM", actor: Actor, resource: Resource, verb: str) -> bool | Q:
    """True for every row, False for none, else the Q of the rows on which the actor may do `verb`.

    Plugins narrow what the role grants and never widen it; one that fails is logged, and the answer is no.
    """
    allowed = _granted(actor, resource, verb)
    if allowed is False or actor is SYSTEM:
        return allowed
    narrowed: list[Q] = [] if allowed is True else [allowed]
    for plugin, answer in _opinions(crm, actor, f"{resource.key}.{verb}"):
        if answer is False:
            return False
        if isinstance(answer, Q):
            narrowed.append(answer)
        elif answer is not None and answer is not True:
            log.error("plugin '%s': rule() must return a bool, a Q or None, not %s", plugin, type(answer).__name__)
            return False
    return Q(*narrowed) if narrowed else True


def may(crm: "CRM", actor: Actor, permission: str) -> bool:
    """Whether the actor may do what is guarded by a permission of a plugin's own; plugins narrow it."""
    if not actor.may(permission):
        return False
    return all(answer is None or answer is True for _, answer in _opinions(crm, actor, permission))


def _granted(actor: Actor, resource: Resource, verb: str) -> bool | Q:
    grant = actor.grant(f"{resource.key}.{verb}")
    if grant == NONE:
        return False
    if grant == ALL or resource.part_of:
        return True
    if resource.owned_by is None:
        return verb == READ
    own: dict[str, Any] = {f"{resource.owned_by}_id": actor.user_id}
    return Q(**own) if actor.user_id else False


def _opinions(crm: "CRM", actor: Actor, permission: str) -> list[tuple[str, Any]]:
    opinions: list[tuple[str, Any]] = []
    for implementation in crm.plugins.each("rule"):
        try:
            opinions.append((implementation.plugin, implementation(crm=crm, actor=actor, permission=permission)))
        except (Exception, SystemExit):  # a stranger's code: when in doubt, no
            log.exception("plugin '%s' failed in rule() for %s; refused", implementation.plugin, permission)
            opinions.append((implementation.plugin, False))
    return opinions


def permit(permission: str) -> Callable[[F], F]:
    """Mark a hand-written resolver with the permission that it asks for."""

    def mark(resolver: F) -> F:
        resolver.permission = permission  # type: ignore[attr-defined]  # a mark on a function
        return resolver

    return mark


def check_roles(roles: Mapping[str, Mapping[str, str]], known: frozenset[str]) -> None:
    """Raise StartError for a grant that means nothing: an unknown permission or another word than all, own, none."""
    verbs = {permission.rpartition(".")[2] for permission in known}
    for role, grants in roles.items():
        for permission, grant in grants.items():
            if grant not in (ALL, OWN, NONE):
                raise StartError(f"[roles.{role}] '{permission}': say all, own or none, not '{grant}'")
            resource, _, verb = permission.rpartition(".")
            fits = permission == "*" or permission in known or (verb == "*" and any(one.startswith(f"{resource}.") for one in known))
            if not fits and not (resource == "*" and verb in verbs):
                raise StartError(f"[roles.{role}]: there is no permission '{permission}'")
