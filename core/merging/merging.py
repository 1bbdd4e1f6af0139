"""Contacts that are one person become one: what belonged to all of them belongs to one, in one transaction."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tortoise.expressions import F

from core.errors import Conflict, Invalid, NotFound
from core.events import Event, emit_many, happened, transaction
from core.fields import now
from core.jobs.asking import enqueue
from core.merging.appending import Told, append, tie
from core.merging.counting import counted
from core.merging.filling import Filled, fill
from core.merging.moving import Person, move
from core.merging.pointing import Pointing, pointing
from core.models import Contact
from core.privacy.asking import ask as ask_plugins
from core.records.ids import encode
from core.records.visibility import allowed_or_refused, still_allowed, visible
from core.resources import DELETE, UPDATE, Change, Resource

if TYPE_CHECKING:
    from core.crm import Call

MOST = 50  # contacts that are merged at once
GATHER = "contacts.gather"
LATER = timedelta(seconds=1)  # until whoever was just writing to a merged contact has ended, mostly


class Missing(NotFound):
    """A contact that is not there, or not for this actor, and the place of its id among the arguments."""

    def __init__(self, *place: str) -> None:
        super().__init__("there is no Contact with this id")
        self.place = place


@dataclass(frozen=True)
class Merged:
    """The contact that stays, its fields that were filled, and how many rows came to it by their resource, as far as the actor may know."""

    contact: Contact
    filled: Sequence[Filled]
    moved: Mapping[str, int]


async def merge(call: "Call", into: uuid.UUID, ids: Sequence[uuid.UUID], expected: int | None = None) -> Merged:
    """The contact `into`, to which belongs what belonged to the others; these are deleted, and say where they went.

    Rows are moved whether the actor may see them or not. Raises Missing, Invalid, Forbidden, Conflict, and what a plugin refuses with.
    """
    resource = call.crm.resource(Contact)
    for verb in (UPDATE, DELETE):
        allowed_or_refused(call, resource, verb)
    _check(into, ids)
    async with transaction(call):
        record, contacts = await _locked(call, resource, into, ids)
        if expected is not None and record.version != expected:
            raise Conflict(f"the record has version {record.version}, not {expected}; read it again", "expected_version")
        await ask_plugins(call, "merge", into=record, contacts=contacts)
        person, change = Person(into, list(ids)), Change(record=record, values={}, before={})
        moved, before, after = await _move_all(call, person)
        filled = await fill(resource, change, contacts)
        await _end(person)
        await _write(resource, change)
        await _tell(call, resource, change, contacts, (before, after))
        await enqueue(call, GATHER, {"into": str(into)}, delay=LATER)
    hidden = {name for name in call.actor.hidden if name.startswith(f"{resource.key}.")}
    return Merged(record, [one for one in filled if f"{resource.key}.{one.name}" not in hidden], moved)


def _check(into: uuid.UUID, ids: Sequence[uuid.UUID]) -> None:
    if not ids:
        raise Invalid(ids="must not be empty")
    if len(ids) > MOST:
        raise Invalid(ids=f"has {len(ids)} contacts, at most {MOST} are possible; send them in parts")
    wrong = {f"ids.{place}": "is there twice" for place, key in enumerate(ids) if key in ids[:place]}
    wrong |= {f"ids.{place}": "is the contact that the others are merged into" for place, key in enumerate(ids) if key == into}
    if wrong:
        raise Invalid(wrong)


async def _locked(call: "Call", resource: Resource, into: uuid.UUID, ids: Sequence[uuid.UUID]) -> tuple[Contact, list[Contact]]:
    """The contacts, none of which anybody else changes any more. Who merges the other way round has ended, or waits."""
    earlier: Any = await Contact.filter(merged_into_id__in=list(ids)).values_list("id", flat=True)  # their way is changed, too
    every = Contact.filter(id__in=[into, *ids, *earlier]).order_by("id").only("id")
    await every.select_for_update(no_key=True)
    record: Contact | None = await visible(call, resource, UPDATE).get_or_none(id=into)
    if record is None:
        raise Missing("into")
    found: dict[Any, Contact] = {one.id: one for one in await visible(call, resource, DELETE).filter(id__in=list(ids))}
    for place, key in enumerate(ids):
        if key not in found:
            raise Missing("ids", str(place))
    return record, [found[key] for key in ids]


async def _move_all(call: "Call", person: Person) -> tuple[dict[str, int], Told, Told]:
    """How many rows were moved, as far as the actor may know, and what the event tells of addresses and ties before and after."""
    moved: dict[str, int] = {}
    before: Told = {}
    after: Told = {}
    for one in pointing(call.crm):
        if one.fixed:
            continue
        number, old, new = await _move_one(call, one, person)
        if number:
            key = call.crm.resource(one.link.model).key if one.link else one.resource.key if one.resource else ""
            moved[key] = moved.get(key, 0) + number
        before |= old
        after |= new
    return moved, before, after


async def _move_one(call: "Call", one: Pointing, person: Person) -> tuple[int, Told, Told]:
    if one.link:
        fresh, old, new = await tie(one, one.link, person)
        return await counted(call, one, fresh), old, new
    if one.listed and one.resource:
        fresh, old, new = await append(one, one.resource, one.listed, person)
        return await counted(call, one, fresh), old, new
    number = await counted(call, one, person.keys)
    await move(one, person)
    return number, {}, {}


async def _end(person: Person) -> None:
    """Delete the merged ones; they, and those that were merged into them before, say where they went."""
    moment = now()
    stamp = {"merged_into_id": person.into, "version": F("version") + 1, "updated_at": moment}
    await Contact.filter(merged_into_id__in=person.keys).update(**stamp)
    await Contact.filter(id__in=person.keys).update(**stamp, deleted_at=moment)


async def _write(resource: Resource, change: Change) -> None:
    change.record.version += 1
    change.record.updated_at = now()
    await change.record.save(update_fields=[*change.values, "version", "updated_at"])


async def _tell(call: "Call", resource: Resource, change: Change, contacts: Sequence[Contact], listed: tuple[Told, Told]) -> None:
    record, folded = change.record, set(resource.folded.values())
    before = {**{name: value for name, value in (change.before or {}).items() if name not in folded}, **listed[0]}
    after = {**{name: value for name, value in change.values.items() if name not in folded}, **listed[1]}
    events: list[Event] = [happened(call, f"{resource.key}.updated", record, before, after)] if after else []
    merged = {"merged_ids": [encode(resource, one.id) for one in contacts]}
    events.append(happened(call, f"{resource.key}.merged", record, {}, merged))
    gone = {"merged_into_id": record.id}
    events += [happened(call, f"{resource.key}.deleted", one, {}, gone) for one in contacts]
    await still_allowed(call, resource, [change], UPDATE)
    await emit_many(call, events)
