"""Which events an actor may hear of: those of records that it may see."""

import uuid
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.errors import Forbidden
from core.permissions import rule
from core.records.ids import encode
from core.records.shown import changed
from core.records.visibility import visible
from core.resources import READ
from core.stream import Told
from core.tail.cursors import cursor_of
from core.tail.kept import KeptEvent, Wanted

if TYPE_CHECKING:
    from core.crm import Call


async def hear(call: "Call", *names: str) -> AsyncGenerator[KeptEvent, None]:
    """Events of these names (`deal.won`, `deal.*`; none for all) from now on, of records that the actor may see at that time.

    For subscriptions of a plugin. Raises TooSlow when the caller falls far behind.
    """
    async with aclosing(call.crm.stream.listen(Wanted(names=names))) as pages:
        async for page in pages:
            for told in await seen(call.again(), page):
                yield told.event


@dataclass(frozen=True)
class Heard:
    """An event as an actor is told of it: with the global id of its record, and the names of the changed fields that it may see."""

    event: KeptEvent
    cursor: str
    record_id: str
    changed: list[str]


async def heard(call: "Call", events: Sequence[KeptEvent]) -> list[Heard]:
    """Those of the events whose records the actor may see now, deleted ones among them, as a subscription would tell of them."""
    return [as_heard(call, told.event) for told in await seen(call, [Told(event) for event in events])]


def as_heard(call: "Call", event: KeptEvent) -> Heard:
    """An event of a record that the actor may see, as it is told of it."""
    resource = call.crm.resources.by_key[event.resource]
    return Heard(event, cursor_of(event), encode(resource, event.record_id), changed(call, resource, event.changed))


async def seen(call: "Call", page: Sequence[Told]) -> list[Told]:
    """Those of the events whose records the actor may see, deleted ones among them. What is found out holds for all with the same actor."""
    actor, asked = call.actor, defaultdict[str, set[uuid.UUID]](set)
    known = id(actor)
    for told in page:
        if known not in told.known:
            asked[told.event.resource].add(told.event.record_id)
    for key, records in asked.items():
        found = await _visible(call, key, records)
        for told in page:
            if told.event.resource == key and known not in told.known:
                # The actor is kept with the answer, so that its id is nobody else's.
                told.known[known] = actor, found is None or told.event.record_id in found
    return [told for told in page if told.known[known][1]]


async def _visible(call: "Call", key: str, records: set[uuid.UUID]) -> set[Any] | None:
    """Those of the records of a resource that the actor may see; None for all, also those that are gone for good."""
    resource = call.crm.resources.by_key.get(key)
    if resource is None:
        return set()
    if rule(call.crm, call.actor, resource, READ) is True and resource.part_of is None:
        return None
    try:
        return set(await visible(call, resource, deleted=True).filter(id__in=list(records)).values_list("id", flat=True))
    except Forbidden:
        return set()
