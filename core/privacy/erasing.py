"""A contact is forgotten: what is personal goes, and what counts stays."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tortoise.expressions import F, Q, Subquery

from core.errors import NotFound
from core.events import emit, transaction
from core.fields import now
from core.models import Answered, AuditEntry, Contact, EventValues
from core.privacy.asking import ask
from core.privacy.belonging import Rows, belonging, in_parts, once_belonging
from core.privacy.neutral import neutral
from core.records.visibility import visible
from core.resources import Resource

if TYPE_CHECKING:
    from core.crm import Call

_SOMETHING = Q(before__isnull=False) | Q(after__isnull=False)


async def erase(call: "Call", key: uuid.UUID) -> Contact:
    """The contact, be it deleted, without anything personal: all or nothing in one transaction. The second time nothing happens.

    Personal columns of the contact and of what belongs to it are blanked, its personal parts and the values of all their
    events are removed. Rows are reached whether the actor may see them or not; the contact itself it must see. Raises NotFound.
    """
    async with transaction(call):
        table = Contact._meta.db_table
        contact = await visible(call, Contact, deleted=True).filter(id=key).select_for_update(of=(table,), no_key=True).first()
        if contact is None:
            raise NotFound("there is no Contact with this id")
        await ask(call, "erase", contact)  # first, for what a plugin keeps may be found by an address alone
        rows = await belonging(call.crm, contact)
        keys = [one.id for some in rows.values() for one in some]
        keys += [key for some in (await once_belonging(call.crm, contact)).values() for key in some]
        gone = await _forget_values(keys) + await _forget_parts(call, rows) + await _blank_all(call, rows)
        await Answered.all().delete()  # no answer says whom it shows, and after a day all of them are gone anyway
        if gone:
            await emit(call, "contact.erased", contact)
        await contact.refresh_from_db()
    return contact


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
