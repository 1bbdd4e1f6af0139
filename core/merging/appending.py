"""What contacts have in lists of their own, addresses and tags, goes to the end of another's. What that one has already stays behind."""

import uuid
from collections.abc import Hashable, Iterable
from typing import Any

from core.errors import Conflict
from core.merging.moving import Person, together
from core.merging.pointing import Pointing
from core.models import ContactEmail, ContactPhone
from core.records.parts import MOST, as_given
from core.resources import Linked, Resource

SAME: dict[Any, str] = {ContactEmail: "address_key", ContactPhone: "number"}  # by what two of them are the same

Told = dict[str, Any]  # values of an event


async def append(one: Pointing, resource: Resource, name: str, person: Person) -> tuple[list[uuid.UUID], Told, Told]:
    """The keys of the parts that are moved, and what the event tells of the list before and after. Raises Conflict for too many."""
    await together(one, person)
    positioned = resource.has("position")
    rows: list[Any] = await one.model.filter(**{f"{one.attr}__in": person.every}).order_by(*(["position"] if positioned else []), "id")
    own = [row for row in rows if getattr(row, one.attr) == person.into]
    told = [as_given(resource, row) for row in own]
    fresh = list(_fresh(rows, one, person, {_same(row) for row in own}))
    if not fresh:
        return [], {}, {}
    _few(len(own) + len(fresh), name)
    position = max((row.position for row in own), default=-1) + 1 if positioned else 0
    for place, row in enumerate(fresh, position):
        setattr(row, one.attr, person.into)
        if positioned:
            row.position = place
    await one.model.bulk_update(fresh, [one.attr, *(["position"] if positioned else [])])
    return [row.id for row in fresh], {name: told}, {name: [*told, *(as_given(resource, row) for row in fresh)]}


async def tie(one: Pointing, link: Linked, person: Person) -> tuple[list[uuid.UUID], Told, Told]:
    """The keys at the far end of the ties that are moved, and what the event tells of all ties before and after. Raises Conflict."""
    rows: Any = await link.through.filter(**{f"{link.near}__in": person.every}).order_by("id").values_list("id", link.near, link.far)
    own = {far for _, near, far in rows if near == person.into}
    fresh: dict[uuid.UUID, uuid.UUID] = {}
    for key in person.keys:
        for id, near, far in rows:
            if near == key and far not in own:
                fresh.setdefault(far, id)
    if not fresh:
        return [], {}, {}
    _few(len(own) + len(fresh), link.name)
    await link.through.filter(id__in=list(fresh.values())).update(**{link.near: person.into})
    return list(fresh), {link.ids: sorted(own)}, {link.ids: sorted({*own, *fresh})}


def _fresh(rows: list[Any], one: Pointing, person: Person, seen: set[Hashable]) -> Iterable[Any]:
    for key in person.keys:
        for row in rows:
            if getattr(row, one.attr) == key and _same(row) not in seen:
                seen.add(_same(row))
                yield row


def _same(row: Any) -> Hashable:
    """What a part is known by; a plugin's part by nothing but its key."""
    return getattr(row, SAME.get(type(row), "id"))


def _few(number: int, name: str) -> None:
    if number > MOST:
        raise Conflict(f"together these contacts have {number} {name}, and one has at most {MOST}")
