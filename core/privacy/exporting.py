"""Everything that is known of a contact, for the one who asks what is known of it."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.fields import now
from core.models import AuditEntry, Contact, EventValues
from core.naming import camel
from core.permissions import SYSTEM
from core.privacy.asking import ask
from core.privacy.belonging import Rows, belonging, gone, in_parts, once_belonging, person
from core.records.ids import encode
from core.records.shown import changed, row, told
from core.resources import Linked, Resource, ToMany
from core.text import rfc3339

if TYPE_CHECKING:
    from core.crm import Call

Json = dict[str, Any]


async def personal_data(call: "Call", key: uuid.UUID) -> Json:
    """The contact, be it deleted, with its parts and ties, the rows that belong to it, what happened to all of them, and what plugins know.

    The contacts that were merged into it are told beside it; of a merged one it is the contact that it went to. The actor must
    see the contact; what belongs to it is told whole. Raises NotFound.
    """
    contacts = await person(call, key)
    every = call.crm.call(SYSTEM)  # what is left out would not be known to the one who asks
    rows = await belonging(call.crm, contacts)
    told_rows: Json = {}
    for resource in call.crm.resources:
        if resource.key in rows and not _within(every, resource, rows):
            told_rows[camel(resource.plural)] = [await _record(every, resource, one, rows) for one in rows[resource.key]]
    keys = [one.id for some in rows.values() for one in some]
    for contact in contacts:
        keys += await gone(call.crm, await once_belonging(call.crm, contact))
    resource = call.crm.resource(Contact)
    shown = {one["id"]: one for one in told_rows.pop(camel(resource.plural))}
    whole, *merged = [(shown[encode(resource, one.id)], await ask(every, "personal_data", contact=one)) for one in contacts]
    return {
        "exportedAt": rfc3339(now()),
        "contact": whole[0],
        **({"mergedContacts": [{**one, "plugins": plugins} for one, plugins in merged]} if merged else {}),
        **told_rows,
        "audit": await _audit(every, keys),
        "plugins": whole[1],
    }


def _within(call: "Call", resource: Resource, rows: Rows) -> bool:
    """Whether the rows are told with the records that they are part of."""
    parent = resource.parent
    return parent is not None and call.crm.resource(parent.model).key in rows


async def _record(call: "Call", resource: Resource, record: Any, rows: Rows) -> Json:
    shown = row(call, resource, record)
    for link in resource.linked.values():
        shown[camel(link.name)] = await _tied(call, link, record)
    for back in call.crm.resources.children(resource).values():
        part = call.crm.resource(back.model)
        if part.parent is not None and part.parent.attr == back.attr:
            shown[camel(back.name)] = [await _record(call, part, one, rows) for one in _behind(back, part, record, rows)]
    return shown


def _behind(back: ToMany, part: Resource, record: Any, rows: Rows) -> list[Any]:
    found = [one for one in rows.get(part.key, ()) if getattr(one, back.attr) == record.id]
    return sorted(found, key=lambda one: (one.position, one.id)) if part.has("position") else found


async def _tied(call: "Call", link: Linked, record: Any) -> list[Json]:
    target = call.crm.resource(link.model)
    keys: Any = await link.through.filter(**{link.near: record.id}).values_list(link.far, flat=True)
    return [row(call, target, one) for one in await link.model.filter(id__in=list(keys)).order_by("id")] if keys else []


async def _audit(call: "Call", records: Sequence[uuid.UUID]) -> list[Json]:
    """What happened to these records, in its order."""
    entries: list[AuditEntry] = []
    for keys in in_parts(records):
        entries += await AuditEntry.filter(record_id__in=keys)
    values: dict[uuid.UUID, EventValues] = {}
    for keys in in_parts([entry.id for entry in entries]):
        values |= {one.event_id: one for one in await EventValues.filter(event_id__in=keys)}
    shown = [_entry(call, entry, values.get(entry.id)) for entry in sorted(entries, key=lambda entry: entry.position)]
    return [one for one in shown if one]


def _entry(call: "Call", entry: AuditEntry, values: EventValues | None) -> Json:
    resource = call.crm.resources.by_key.get(entry.resource)
    if resource is None:
        return {}
    sides: Json = defaultdict(lambda: None)
    for side in ("before", "after"):
        if kept := getattr(values, side, None):
            sides[side] = told(call, resource, kept)
    return {
        "name": entry.name, "recordId": encode(resource, entry.record_id), "at": rfc3339(entry.at), "actor": entry.actor,
        "requestId": entry.request_id, "changed": changed(call, resource, entry.changed),
        "before": sides["before"], "after": sides["after"],
    }  # fmt: skip
