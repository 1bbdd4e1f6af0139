"""Which rows an actor may see or write: the start of every query."""

import uuid
from collections.abc import Iterable, Sequence, Set
from typing import TYPE_CHECKING, Any

from tortoise.expressions import Q, Subquery
from tortoise.models import Model
from tortoise.queryset import QuerySet

from core.errors import Forbidden, Invalid
from core.permissions import rule
from core.records.logic import plain_tests
from core.records.presence import present
from core.resources import READ, Change, Resource

if TYPE_CHECKING:
    from core.crm import Call


def visible(call: "Call", shown: Resource | type[Model], verb: str = READ, *, deleted: bool = False) -> QuerySet[Any]:
    """The rows on which the actor may do `verb`; the only way to start a query for an actor.

    Deleted rows are among them only with `deleted`. Raises Forbidden when there can be none at all.
    """
    resource = shown if isinstance(shown, Resource) else call.crm.resource(shown)
    rows = own(call, resource, verb, deleted=deleted)
    if parent := resource.parent:
        whole = visible(call, parent.model, READ, deleted=deleted)
        rows = rows.filter(**{f"{parent.attr}__in": Subquery(whole.values("id"))})
    return rows


def own(call: "Call", resource: Resource, verb: str = READ, *, deleted: bool = False) -> QuerySet[Any]:
    """As `visible`, for rows whose record is known to be visible, when they are part of one."""
    allowed = rule(call.crm, call.actor, resource, verb)
    if allowed is False:
        raise Forbidden(f"the permission {resource.key}.{verb} is needed")
    rows = resource.model.all() if allowed is True else resource.model.filter(allowed)
    if resource.soft and not deleted:
        rows = rows.filter(deleted_at__isnull=True)
    return rows


def allowed_or_refused(call: "Call", resource: Resource, verb: str) -> None:
    """Raise Forbidden when the actor may do `verb` on no row at all."""
    if rule(call.crm, call.actor, resource, verb) is False:
        raise Forbidden(f"the permission {resource.key}.{verb} is needed")


async def related(call: "Call", resource: Resource, changes: Sequence[Change]) -> None:
    """Refuse keys of records that are not there for the actor. Raises Invalid."""
    wanted = [
        (relation.model, [(f"{change.path}{attr}", change.values[attr]) for change in changes if change.values.get(attr) is not None])
        for attr, relation in resource.writable_to_one.items()
    ]
    wanted += [
        (link.model, [(link.ids, key) for change in changes for key in change.links.get(name, ())])
        for name, link in resource.linked.items()
    ]
    await there(call, wanted)


async def there(call: "Call", wanted: Iterable[tuple[type[Model], Iterable[tuple[str, uuid.UUID]]]]) -> None:
    """Raise Invalid under the paths of those keys that are of no record that the actor may see; everyone may name itself."""
    asked = [(model, [(path, key) for path, key in keys if key != call.actor.user_id]) for model, keys in wanted]
    asked = [(model, keys) for model, keys in asked if keys]
    sought: dict[type[Model], set[uuid.UUID]] = {}
    for model, keys in asked:
        sought.setdefault(model, set()).update(key for _, key in keys)
    found = await present(call, sought)
    for model, keys in asked:
        known = await _seen(call, model, sought[model]) if found is None else found[model]
        if missing := [path for path, key in keys if key not in known]:
            raise Invalid(dict.fromkeys(missing, f"there is no {model.__name__} with this id"))


async def _seen(call: "Call", model: type[Model], keys: Iterable[uuid.UUID]) -> Set[Any]:
    return set(await visible(call, model).filter(id__in=list(keys)).values_list("id", flat=True))


async def still_allowed(call: "Call", resource: Resource, changes: Sequence[Change], verb: str) -> None:
    """What was written must be a row that the actor may write: nobody gives away or makes rows beyond its rule."""
    reached = reaches(call, resource, changes, verb)
    if isinstance(reached, Q):
        keys = [change.record.id for change in changes]
        reached = await resource.model.filter(reached, id__in=keys).count() == len(keys)
    if not reached:
        raise Forbidden(f"the permission {resource.key}.{verb} does not reach this row")


def reaches(call: "Call", resource: Resource, changes: Sequence[Change], verb: str) -> bool | Q:
    """Whether the records that are written lie within the rule of the actor; a test of them where only the database can say it."""
    allowed = rule(call.crm, call.actor, resource, verb)
    if not isinstance(allowed, Q):
        return True
    plain = plain_tests(resource.model, allowed)
    if plain is None:
        return allowed
    return all(getattr(change.record, name) == value for change in changes for name, _, value in plain)
