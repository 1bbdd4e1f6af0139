"""What belongs to a person: its contact and those merged into it, the rows that point to them, and the rows that point to those."""

import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tortoise.expressions import Q

from core.errors import NotFound
from core.models import AuditEntry, Contact, EventValues
from core.records.statements import select
from core.records.visibility import visible
from core.resources import Resource, ToOne

if TYPE_CHECKING:
    from core.crm import CRM, Call

AT_ONCE = 500  # keys in one statement

Rows = dict[str, list[Any]]


async def person(call: "Call", key: uuid.UUID) -> list[Contact]:
    """The contact, be it deleted, and all that were merged into it. Of a merged one it is the contact that it was merged into.

    The contact that stays must be one that the actor may see, and so must the one that was asked for. Raises NotFound.
    """
    seen = visible(call, Contact, deleted=True)
    asked = await seen.get_or_none(id=key)
    stays = await seen.get_or_none(id=asked.merged_into_id) if asked and asked.merged_into_id else asked
    if stays is None:
        raise NotFound("there is no Contact with this id")
    return [stays, *await Contact.filter(merged_into_id=stays.id).order_by("id")]


async def belonging(crm: "CRM", contacts: Sequence[Contact]) -> Rows:
    """All rows that belong to the contacts of a person, deleted ones too, by the key of their resource; first the contacts themselves.

    A row belongs to the contact that it points to. One that points to no contact belongs to whom the row belongs that it points to:
    a task of a deal to the contact of the deal, a line to that of its deal.
    """
    found: dict[str, dict[uuid.UUID, Any]] = {crm.resource(Contact).key: {one.id: one for one in contacts}}
    keys = [one.id for one in contacts]
    grown = True
    while grown:
        grown = False
        for resource in crm.resources:
            if resource.model is Contact:
                continue
            there = found.setdefault(resource.key, {})
            for condition in _conditions(crm, resource, keys, found):
                rows: list[Any] = await resource.model.filter(condition).order_by("id")
                new = {row.id: row for row in rows if row.id not in there}
                there.update(new)
                grown = grown or bool(new)
    return {key: sorted(rows.values(), key=lambda row: row.id) for key, rows in found.items() if rows}


async def once_belonging(crm: "CRM", contact: Contact) -> Rows:
    """The keys of other records that pointed to the contact, as an event tells, by their resource: they may be gone, or another's by now.

    It reads all values that are kept of such records, which takes its time where there are millions.
    """
    resources = [resource.key for resource in crm.resources if resource.model is not Contact and any(_direct(resource))]
    rows = await select(
        "SELECT DISTINCT e.resource, e.record_id FROM {events} AS e JOIN {kept} AS v ON v.event_id = e.id"
        f" WHERE CAST(v.before AS TEXT) LIKE '%{contact.id}%' OR CAST(v.after AS TEXT) LIKE '%{contact.id}%'",
        events=AuditEntry.filter(resource__in=resources).values("id", "resource", "record_id"),
        kept=EventValues.all().values("event_id", "before", "after"),
    )
    found: Rows = {}
    for row in rows:
        found.setdefault(row["resource"], []).append(uuid.UUID(str(row["record_id"])))
    return found


async def gone(crm: "CRM", keys: Rows) -> list[uuid.UUID]:
    """Those of the keys whose records are there no more."""
    left: list[uuid.UUID] = []
    for resource, some in keys.items():
        there: set[Any] = set()
        for part in in_parts(some):
            there |= set(await crm.resources.by_key[resource].model.filter(id__in=part).values_list("id", flat=True))
        left += [key for key in some if key not in there]
    return left


def in_parts(keys: Sequence[Any]) -> Iterator[list[Any]]:
    """The keys, as many at a time as one statement takes well."""
    for start in range(0, len(keys), AT_ONCE):
        yield list(keys[start : start + AT_ONCE])


def _conditions(crm: "CRM", resource: Resource, keys: list[uuid.UUID], found: dict[str, dict[uuid.UUID, Any]]) -> Iterator[Q]:
    direct = list(_direct(resource))
    if direct:
        yield Q(*(_is(one, keys) for one in direct), join_type=Q.OR)
    nobodys = [_is(one, None) for one in direct]
    for relation in resource.to_one.values():
        target = crm.resources.by_model.get(relation.model)
        if target is not None and target.model is not Contact:
            for some in in_parts(list(found.get(target.key, ()))):
                yield Q(*nobodys, _is(relation, some))


def _direct(resource: Resource) -> Iterator[ToOne]:
    return (one for one in resource.to_one.values() if one.model is Contact)


def _is(relation: ToOne, value: Any) -> Q:
    if value is None:
        return _test(f"{relation.attr}__isnull", True)
    return _test(f"{relation.attr}__in" if isinstance(value, list) else relation.attr, value)


def _test(name: str, value: Any) -> Q:
    tests: dict[str, Any] = {name: value}
    return Q(**tests)
