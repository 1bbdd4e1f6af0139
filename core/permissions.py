"""Who may do what: actors, the grants of their roles, and the rules that follow."""

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tortoise.expressions import Q, Subquery
from tortoise.models import Model

from core.errors import Forbidden, StartError
from core.models import TeamAncestor, User
from core.naming import camel
from core.resources import DELETE, READ, UPDATE, Resource

if TYPE_CHECKING:  # the house is made of actors' rules
    from core.crm import CRM, Call

log = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])

NONE, OWN, TEAM, WHERE, ALL = "none", "own", "team", "where", "all"
SCOPES = (NONE, OWN, TEAM, WHERE, ALL)  # from the narrowest to the widest
HIDDEN, READABLE = "hidden", "read"  # of a field; one that is neither is written as far as its record is


class Rows(Protocol):
    """The rows that a filter in a grant means."""

    @property
    def text(self) -> str:
        """The filter as JSON, with words in it that stand for ids of the actor."""
        ...

    def words(self, crm: "CRM", actor: "Actor") -> Mapping[str, str] | None:
        """What the words in the filter stand for; None when the actor has not what one of them stands for, and so sees no row."""
        ...

    def condition(self, crm: "CRM", actor: "Actor", resource: Resource) -> Q:
        """The Q of the rows."""
        ...


Grant = str | Rows
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Actor:
    """Who asks: a name for the log, the grants of a role, and the user whose rows are its own.

    grants: permission (`deal.update`, `deal.*`, `*.update`, `*`) -> `all`, `team`, `own`, `none`, or the rows of a filter.
    fields: `deal.amount` -> `hidden` or `read`, for fields that are not to be seen, or not to be written.
    within: others, all of whom must be allowed as well: the one who made a key, and what the key was narrowed to.
    """

    name: str
    grants: Mapping[str, Grant] = field(default_factory=dict)
    user_id: uuid.UUID | None = None
    key_id: uuid.UUID | None = None
    team_id: uuid.UUID | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    within: tuple["Actor", ...] = ()
    follows: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)  # worked out of the above, and kept

    def grant(self, permission: str) -> str:
        """`all`, `where`, `team`, `own` or `none`: the narrowest that the actor and those within whose rights it stays have."""
        own = self.own_grant(permission)
        scope = own if isinstance(own, str) else WHERE
        if not self.within:
            return scope
        return min((scope, *(one.grant(permission) for one in self.within)), key=SCOPES.index)

    def own_grant(self, permission: str) -> Grant:
        """What its own role says: the most specific of `deal.update`, `deal.*`, `*.update`, `*`."""
        resource, _, verb = permission.rpartition(".")
        for name in (permission, f"{resource}.*", f"*.{verb}", "*"):
            if name in self.grants:
                return self.grants[name]
        return NONE

    def may(self, permission: str) -> bool:
        """Whether the actor may do this at all, be it on its own rows only."""
        return self.grant(permission) != NONE

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The fields that the actor must not see: `deal.amount`, `contact.lifecycle_stage`."""
        return frozenset(name for name, access in self.fields.items() if access == HIDDEN).union(*(one.hidden for one in self.within))

    @cached_property
    def shut(self) -> frozenset[str]:
        """The fields that the actor must not write, hidden ones among them."""
        return frozenset(self.fields).union(*(one.shut for one in self.within))


SYSTEM = Actor("system", {"*": ALL})


@dataclass(frozen=True)
class Owned:
    """The test that a row belongs to a user."""

    attr: str
    user_id: uuid.UUID


@dataclass(frozen=True)
class OfTeam:
    """The test that a row belongs to a user of a team, or of a team below it."""

    attr: str
    team_id: uuid.UUID


@dataclass(frozen=True)
class Granted:
    """The test that a row fulfils the filter of a grant, in which the actor may be spoken of."""

    rows: Rows
    actor: Actor


Test = Owned | OfTeam | Granted | Q


def reach(crm: "CRM", actor: Actor, resource: Resource, verb: str) -> bool | tuple[Test, ...]:
    """True for every row, False for none, else the tests that hold for the rows on which the actor may do `verb`.

    Nobody changes or deletes a row that it must not see. Plugins narrow what the role grants and never widen it; one
    that fails is logged, and the answer is no.
    """
    seen = reach(crm, actor, resource, READ) if verb in (UPDATE, DELETE) else True
    allowed = _granted(actor, resource, verb)
    if allowed is False or seen is False:
        return False
    tests: list[Test] = [] if allowed is True else [*allowed]
    tests += [] if seen is True else [one for one in seen if one not in tests]
    if actor is SYSTEM:
        return True
    for plugin, answer in _opinions(crm, actor, f"{resource.key}.{verb}"):
        if answer is False:
            return False
        if isinstance(answer, Q):
            tests.append(answer)
        elif answer is not None and answer is not True:
            log.error("plugin '%s': rule() must return a bool, a Q or None, not %s", plugin, type(answer).__name__)
            return False
    return tuple(tests) or True


def rule(crm: "CRM", actor: Actor, resource: Resource, verb: str) -> bool | Q:
    """As `reach`, with the tests as one Q."""
    allowed = reach(crm, actor, resource, verb)
    return allowed if isinstance(allowed, bool) else Q(*(_as_q(crm, resource, test) for test in allowed))


def _as_q(crm: "CRM", resource: Resource, test: Test) -> Q:
    if isinstance(test, Granted):
        return test.rows.condition(crm, test.actor, resource)
    if isinstance(test, Owned):
        return _equal(test.attr, test.user_id)
    if isinstance(test, OfTeam):
        teams = TeamAncestor.filter(ancestor_id=test.team_id).values("team_id")
        return _equal(f"{test.attr}__in", Subquery(User.filter(team_id__in=Subquery(teams)).values("id")))
    return test


def may(crm: "CRM", actor: Actor, permission: str) -> bool:
    """Whether the actor may do what is guarded by a permission of a plugin's own; plugins narrow it."""
    if not actor.may(permission):
        return False
    return all(answer is None or answer is True for _, answer in _opinions(crm, actor, permission))


def demand(call: "Call", shown: Resource | type[Model], *names: str) -> None:
    """Raise Forbidden when the actor must not see one of these fields: whoever filters, counts or sums by them tells what is in them."""
    if hidden := call.actor.hidden:
        resource = shown if isinstance(shown, Resource) else call.crm.resource(shown)
        if shut := [name for name in names if f"{resource.key}.{name}" in hidden]:
            raise unseen(f"{resource.key}.{shut[0]}")


def unseen(name: str) -> Forbidden:
    """The refusal to show a field like `deal.amount`, or to tell of it by filters, orders and sums."""
    return Forbidden(f"the field {_shown(name)} is hidden from you")


def unwritable(name: str) -> Forbidden:
    """The refusal to set a field."""
    return Forbidden(f"the field {_shown(name)} is not yours to write")


def _shown(name: str) -> str:
    resource, _, field = name.partition(".")
    return f"{resource}.{camel(field)}"


def _granted(actor: Actor, resource: Resource, verb: str) -> bool | tuple[Test, ...]:
    """What roles say: that of the actor, and those of whom it must not exceed."""
    tests: list[Test] = []
    for one in chain(actor):
        allowed = _by_role(one, resource, verb)
        if allowed is False:
            return False
        if allowed is not True and allowed not in tests:
            tests.append(allowed)
    return tuple(tests) or True


def chain(actor: Actor) -> Iterator[Actor]:
    """The actor, and all within whose rights it stays."""
    yield actor
    for one in actor.within:
        yield from chain(one)


def _by_role(actor: Actor, resource: Resource, verb: str) -> bool | Test:
    grant = actor.own_grant(f"{resource.key}.{verb}")
    if not isinstance(grant, str):
        return Granted(grant, actor)
    if grant == NONE:
        return False
    if grant == ALL or resource.part_of:
        return True
    if resource.owned_by is None:
        return verb == READ
    attr = f"{resource.owned_by}_id"
    if grant == TEAM and actor.team_id:
        return OfTeam(attr, actor.team_id)
    return Owned(attr, actor.user_id) if actor.user_id else False


def _opinions(crm: "CRM", actor: Actor, permission: str) -> list[tuple[str, Any]]:
    opinions: list[tuple[str, Any]] = []
    for implementation in crm.plugins.each("rule"):
        try:
            opinions.append((implementation.plugin, implementation(crm=crm, actor=actor, permission=permission)))
        except (Exception, SystemExit):  # a stranger's code: when in doubt, no
            log.exception("plugin '%s' failed in rule() for %s; refused", implementation.plugin, permission)
            opinions.append((implementation.plugin, False))
    return opinions


def _equal(name: str, value: Any) -> Q:
    return Q(**{name: value})  # type: ignore[arg-type]  # the other parameters of Q are no names of columns


def permit(permission: str) -> Callable[[F], F]:
    """Mark a hand-written resolver with the permission that it asks for."""

    def mark(resolver: F) -> F:
        resolver.permission = permission  # type: ignore[attr-defined]  # a mark on a function
        return resolver

    return mark


def fits(permission: str, known: frozenset[str]) -> bool:
    """Whether a permission of a grant means any of those that there are."""
    resource, _, verb = permission.rpartition(".")
    if permission == "*" or permission in known:
        return True
    if verb == "*":
        return any(one.startswith(f"{resource}.") for one in known)
    return resource == "*" and any(one.rpartition(".")[2] == verb for one in known)


def check_roles(roles: Mapping[str, Mapping[str, str]], known: frozenset[str]) -> None:
    """Raise StartError for a grant that means nothing: an unknown permission or another word than all, team, own, none."""
    for role, grants in roles.items():
        for permission, grant in grants.items():
            if grant not in (ALL, TEAM, OWN, NONE):
                raise StartError(f"[roles.{role}] '{permission}': say all, team, own or none, not '{grant}'")
            if not fits(permission, known):
                raise StartError(f"[roles.{role}]: there is no permission '{permission}'")
