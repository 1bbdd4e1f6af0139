"""What an entry of the audit tells of its record: which one, and its values before and after, as far as one may see them."""

import asyncio
import uuid
from collections import defaultdict
from typing import Any

import strawberry
from strawberry.dataloader import DataLoader
from strawberry.scalars import JSON

import schema.loaders as loaders
from core.crm import Call
from core.errors import Forbidden
from core.models.events import AuditEntry, EventValues
from core.permissions import rule
from core.records.ids import encode
from core.records.shown import changed, told
from core.records.visibility import visible
from core.resources import READ, Resource
from schema.types import Node

Values = dict[str, Any]
Told = tuple[str, uuid.UUID]


@strawberry.type(name="AuditEntry", extend=True)
class AuditFields:
    """Fields that join the type AuditEntry."""

    @strawberry.field(description="Global id of the record; null when the plugin that it belongs to is not enabled.")
    def record_id(self, root: strawberry.Parent[AuditEntry], info: strawberry.Info[Call]) -> strawberry.ID | None:
        """The id, also of a record that is gone or not to be seen."""
        resource = _resource(info.context, root)
        return strawberry.ID(encode(resource, root.record_id)) if resource else None

    @strawberry.field(description="The record as it is now; null when it is deleted, or not yours to see.")
    async def record(self, root: strawberry.Parent[AuditEntry], info: strawberry.Info[Call]) -> Node | None:
        """The record as it is now."""
        resource = _resource(info.context, root)
        try:
            return await loaders.one(info.context, resource.model, root.record_id) if resource else None
        except Forbidden:
            return None

    @strawberry.field(description="The names of the fields that changed; null when the record is not yours to see.")
    async def changed(self, root: strawberry.Parent[AuditEntry], info: strawberry.Info[Call]) -> list[str] | None:
        """The names as the API has them."""
        resource = await _seen(info.context, root)
        return changed(info.context, resource, root.changed) if resource else None

    @strawberry.field(
        description="What changed, as it was before, by field; null when there was nothing, when the values were erased,"
        " and when the record is not yours to see."
    )
    async def before(self, root: strawberry.Parent[AuditEntry], info: strawberry.Info[Call]) -> JSON | None:
        """The values before."""
        return await _values(info.context, root, "before")

    @strawberry.field(
        description="What changed, as it was afterwards, by field; null when there was nothing, when the values were erased,"
        " and when the record is not yours to see."
    )
    async def after(self, root: strawberry.Parent[AuditEntry], info: strawberry.Info[Call]) -> JSON | None:
        """The values after."""
        return await _values(info.context, root, "after")


async def _values(call: Call, entry: AuditEntry, side: str) -> Any:
    resource = await _seen(call, entry)
    if resource is None:
        return None

    async def load(keys: list[uuid.UUID]) -> list[EventValues | None]:
        found = await EventValues.filter(event_id__in=keys).in_bulk(keys, "event_id")
        return [found.get(key) for key in keys]

    kept = await call.loader("audit.values", lambda: DataLoader(load)).load(entry.id)
    values = getattr(kept, side, None)
    return told(call, resource, await _without_unseen(call, resource, values)) if values else None


async def _without_unseen(call: Call, resource: Resource, values: Values) -> Values:
    """The values, with null in the place of each record that is not to be seen, as where the relation itself is shown."""
    crm, shown = call.crm, dict(values)
    for relation in resource.to_one.values():
        if (key := shown.get(relation.attr)) and (target := crm.resources.by_model.get(relation.model)):
            shown[relation.attr] = key if await _there(call, target, key) else None
    for name, link in resource.link_inputs.items():
        keys = shown.get(name) or ()
        seen = await asyncio.gather(*(_there(call, crm.resource(link.model), key) for key in keys))
        shown |= {name: [key for key, there in zip(keys, seen, strict=True) if there]} if keys else {}
    for name, back in crm.resources.parts(resource).items():
        if rows := shown.get(name):
            shown[name] = await asyncio.gather(*(_without_unseen(call, crm.resource(back.model), row) for row in rows))
    return shown


async def _seen(call: Call, entry: AuditEntry) -> Resource | None:
    """The resource of the record, when the actor may see the record, be it deleted."""
    resource = _resource(call, entry)
    return resource if resource and await _there(call, resource, entry.record_id) else None


async def _there(call: Call, resource: Resource, key: uuid.UUID | str) -> bool:
    """Whether the actor may see the record with this key, be it deleted. Many are asked for at once."""

    async def load(wanted: list[Told]) -> list[bool]:
        keys: dict[str, list[uuid.UUID]] = defaultdict(list)
        for key, record in wanted:
            keys[key].append(record)
        seen = {(key, record) for key, records in keys.items() for record in await _visible(call, key, records)}
        return [one in seen for one in wanted]

    return await call.loader("audit.seen", lambda: DataLoader(load)).load((resource.key, uuid.UUID(str(key))))


async def _visible(call: Call, key: str, records: list[uuid.UUID]) -> list[uuid.UUID]:
    resource = call.crm.resources.by_key[key]
    if rule(call.crm, call.actor, resource, READ) is True and resource.part_of is None:
        return records  # also one that is gone for good
    try:
        found: Any = await visible(call, resource, deleted=True).filter(id__in=records).values_list("id", flat=True)
    except Forbidden:
        return []
    return found


def _resource(call: Call, entry: AuditEntry) -> Resource | None:
    return call.crm.resources.by_key.get(entry.resource)
