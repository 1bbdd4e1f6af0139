"""A contact is forgotten: what is personal goes, and what counts stays."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tortoise.expressions import F, Q, Subquery

from core.events import emit_many, happened, transaction
from core.fields import now
from core.models import Answered, AuditEntry, Contact, EventValues
from core.privacy.asking import ask
from core.privacy.belonging import Rows, belonging, in_parts, once_belonging, person
from core.privacy.neutral import neutral
from core.resources import Resource

if TYPE_CHECKING:
    from core.crm import Call

_SOMETHING = Q(before__isnull=False) | Q(after__isnull=False)


async def erase(call: "Call", key: uuid.UUID) -> Contact:
    """The contact, be it deleted, without anything personal: all or nothing in one transaction. The second time nothing happens.

    Personal columns of the contact and of what belongs to it are blanked, its personal parts and the values of all their
    events are removed. So are those of all contacts that were merged into it; of a merged one it is the contact that it went to.
    Rows are reached whether the actor may see them or not; the contact itself it must see. Raises NotFound.
    """
    async with transaction(call):
        contacts = await _locked(call, key)
        for contact in contacts:
            await ask(call, "erase", contact=contact)  # first, for what a plugin keeps may be found by an address alone
        rows = await belonging(call.crm, contacts)
        keys = [one.id for some in rows.values() for one in some]
        for contact in contacts:
            keys += [key for some in (await once_belonging(call.crm, contact)).values() for key in some]
        gone = await _forget_values(keys) + await _forget_parts(call, rows) + await _blank_all(call, rows)
        await Answered.all().delete()  # no answer says whom it shows, and after a day all of them are gone anyway
        if gone:
            await emit_many(call, [happened(call, "contact.erased", contact, {}, {}) for contact in contacts])
        await contacts[0].refresh_from_db()
    return contacts[0]


async def _locked(call: "Call", key: uuid.UUID) -> list[Contact]:
    """The contacts of the person, none of which anybody merges or changes meanwhile. Raises NotFound."""
    known: set[uuid.UUID] = set()
    while True:
        contacts = await person(call, key)
        if known >= {one.id for one in contacts}:
            return contacts
        known |= {one.id for one in contacts}
        await Contact.filter(id__in=list(known)).order_by("id").only("id").select_for_update(no_key=True)


async def _forget_values(keys: Sequence[uuid.UUID]) -> int:
    """Remove the values of what happened to these records; that it happened stays."""
    gone = 0
    for some in in_parts(keys):
        events = AuditEntry.filter(record_id__in=some).values("id")
        gone += await EventValues.filter(_SOMETHING, event_id__in=Subquery(events)).delete()
    return gone


async def _forget_parts(call: "Call", rows: Rows) -> int:
    """Remove the parts of the contact that hold nothing but what is personal: its addresses and numbers."""
    gone = 0
    for back in call.crm.resources.parts(call.crm.resource(Contact)).values():
        part = call.crm.resource(back.model)
        if part.personal:
            gone += sum([await part.model.filter(id__in=keys).delete() for keys in in_parts([one.id for one in rows.pop(part.key, ())])])
    return gone


async def _blank_all(call: "Call", rows: Rows) -> int:
    return sum([await _blank(call.crm.resources.by_key[key], some) for key, some in rows.items()])


async def _blank(resource: Resource, rows: Sequence[Any]) -> int:
    """Blank the personal columns of rows; how many had something in them."""
    if not resource.personal:
        return 0
    alike: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for row in rows:
        values = neutral(resource, row.id)
        if any(getattr(row, name) != value for name, value in values.items()):
            alike[tuple(map(repr, values.values()))].append(row)
    for some in alike.values():
        values = neutral(resource, some[0].id)
        if resource.versioned:
            values |= {"version": F("version") + 1, "updated_at": now()}
        for keys in in_parts([row.id for row in some]):
            await resource.model.filter(id__in=keys).update(**values)
    return sum(map(len, alike.values()))
