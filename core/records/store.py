"""The one door to the records: every read and every write of a resource passes here."""

import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tortoise.exceptions import IntegrityError
from tortoise.expressions import Subquery

from core.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from core.events import Event, ask, emit_many, happened, in_transaction, in_whole, keep, savepoint, transaction
from core.fields import now
from core.permissions import demand
from core.records.batch import Batch
from core.records.bulk import assign
from core.records.changes import Taking, Values
from core.records.ending import Ending
from core.records.followed import followed
from core.records.history import record_history
from core.records.parts import forget_same_links, prepared_parts, write_links
from core.records.preparation import prepare
from core.records.values import clean
from core.records.visibility import allowed_or_refused, reaches, related, still_allowed, visible
from core.resources import CREATE, DELETE, READ, UPDATE, Change, Resource

if TYPE_CHECKING:
    from core.crm import Call


async def get(call: "Call", resource: Resource, key: uuid.UUID, verb: str = READ, *, deleted: bool = False) -> Any:
    """The record with this key. Raises NotFound, also for one that the actor may not see."""
    record = await visible(call, resource, verb, deleted=deleted).get_or_none(id=key)
    if record is None:
        raise NotFound(f"there is no {resource.name} with this id")
    return record


async def create(call: "Call", resource: Resource, values: Values, ending: Ending | None = None) -> Any:
    """A new record. Raises Invalid, Conflict, Forbidden. With an `ending`, nothing may be written after it in this transaction."""
    return (await create_many(call, resource, [values], ending=ending))[0]


async def create_many(
    call: "Call", resource: Resource, rows: Sequence[Values], *, past: bool = False, ending: Ending | None = None
) -> list[Any]:
    """New records, all or none. `past` is for imports: times and stage history of the past may be given."""
    allowed_or_refused(call, resource, CREATE)
    async with transaction(call):
        taking = Taking(call, resource, past=past)
        changes = [taking.new(values) for values in rows]
        await _save(call, resource, changes, CREATE, ending)
    return [change.record for change in changes]


async def update(
    call: "Call", resource: Resource, key: uuid.UUID, values: Values, expected: int | None = None, *, past: bool = False
) -> Any:
    """The record with these values. Nothing happens when they are what it has already.

    Raises NotFound, Invalid, and Conflict when its version is not the `expected` one.
    """
    allowed_or_refused(call, resource, UPDATE)
    async with transaction(call):
        record = await _locked(call, resource, key, UPDATE)
        _expect(record, expected)
        change = Taking(call, resource, past=past).changed(record, values)
        await _save(call, resource, [change], UPDATE)
    return record


async def upsert(
    call: "Call", resource: Resource, external_id: str, values: Values, source: str = "", *, past: bool = False
) -> tuple[Any, bool]:
    """The record that another system knows by this id, updated or made, and whether it was made.

    Raises Conflict when it is there but deleted or not the actor's, and Forbidden when such ids are hidden from the actor.
    """
    demand(call, resource, "external_id", "external_source")  # to find a record by what is hidden would tell it
    columns = resource.columns
    external_id = clean(columns["external_id"], external_id, "external_id")
    source = clean(columns["external_source"], source, "external_source")
    if external_id is None:
        raise Invalid(external_id="must not be empty")
    given = {"external_id": external_id, "external_source": source}
    if differing := [name for name in given if values.get(name) not in (None, given[name])]:
        raise Invalid(dict.fromkeys(differing, "is another one in the input"))
    values = {name: value for name, value in values.items() if name not in given}
    try:
        return await _upsert(call, resource, external_id, values, source, past)
    except Conflict as lost_race:
        if lost_race.field != "external_id" or in_transaction():
            raise
        return await _upsert(call, resource, external_id, values, source, past)  # another made it meanwhile


async def _upsert(call: "Call", resource: Resource, external_id: str, values: Values, source: str, past: bool) -> tuple[Any, bool]:
    async with transaction(call):
        known = await followed(resource, resource.model.filter(external_source=source, external_id=external_id))
        if not known:
            made = await create_many(call, resource, [{**values, "external_id": external_id, "external_source": source}], past=past)
            return made[0], True
        taken = Conflict("externalId is taken by another record", "external_id")
        if known[0]["deleted_at"]:
            if not await visible(call, resource, UPDATE, deleted=True).filter(id=known[0]["id"]).exists():
                raise taken
            raise Conflict(f"the {resource.name} with this externalId is deleted; restore it first", "external_id")
        try:
            return await update(call, resource, known[0]["id"], values, past=past), False
        except NotFound:
            raise taken from None


async def delete(call: "Call", resource: Resource, key: uuid.UUID, expected: int | None = None) -> Any:
    """The record, now deleted; softly where the model has `deleted_at`. Raises Conflict while others need it."""
    allowed_or_refused(call, resource, DELETE)
    async with transaction(call):
        record = await _locked(call, resource, key, DELETE)
        _expect(record, expected)
        await _unneeded(call, resource, record)
        if resource.on_delete:
            await resource.on_delete(call, record)
        if resource.soft:
            await _stamp(record, deleted=True)
        else:
            await _hard_delete(resource, record)
        await emit_many(call, [happened(call, f"{resource.key}.deleted", record, {}, {})])
    return record


async def restore(call: "Call", resource: Resource, key: uuid.UUID) -> Any:
    """The record, no longer deleted. Raises NotFound."""
    allowed_or_refused(call, resource, DELETE)
    async with transaction(call):
        record = await _locked(call, resource, key, DELETE, deleted=True)
        if record.deleted_at is not None:
            await _complete_again(call, resource, record)
            if resource.on_restore:
                await resource.on_restore(call, record)
            await _stamp(record, deleted=False)
            await emit_many(call, [happened(call, f"{resource.key}.restored", record, {}, {})])
    return record


async def lock(call: "Call", resource: Resource, keys: Iterable[uuid.UUID], verb: str) -> None:
    """Lock records in the order of their ids, inside a transaction: so no two writers of many wait for each other in a circle.

    Other records may still be tied to them meanwhile, which needs their keys only.
    """
    rows = visible(call, resource, verb).filter(id__in=list(set(keys))).order_by("id").only("id")
    await rows.select_for_update(of=(resource.model._meta.db_table,), no_key=True)


async def each(
    call: "Call", works: Iterable[Any], *, all_or_none: bool, first: Any = None, last: Any = None
) -> list[tuple[Any, Refused | None]]:
    """Do several writes in one transaction: pairs of the record and of what was refused.

    `works` are functions without arguments that return a coroutine; `first` is awaited before them, and `last`
    after them, with the records: what it returns takes their place. With `all_or_none` one refusal undoes all.
    """
    results: list[tuple[Any, Refused | None]] = []
    try:
        async with transaction(call):
            if first:
                await first()
            for work in works:
                results.append(await _attempt(work))
            refusals = sum(refused is not None for _, refused in results)
            if refusals and (all_or_none or refusals == len(results)):
                raise _Undone
            if last:
                shown = iter(await last([record for record, refused in results if refused is None]))
                results = [(next(shown) if refused is None else None, refused) for _, refused in results]
    except _Undone:
        return [(None, refused) for _, refused in results]
    return results


class _Undone(Exception):
    """Ends a transaction whose refusals are reported row by row."""


async def _attempt(work: Any) -> tuple[Any, Refused | None]:
    try:
        async with savepoint():
            return await work(), None
    except Forbidden:
        raise
    except Refused as refused:
        return None, refused


async def _locked(call: "Call", resource: Resource, key: uuid.UUID, verb: str, *, deleted: bool = False) -> Any:
    rows = visible(call, resource, verb, deleted=deleted).filter(id=key)
    record = await rows.select_for_update(of=(resource.model._meta.db_table,), no_key=True).first()
    if record is None:
        raise NotFound(f"there is no {resource.name} with this id")
    return record


def _expect(record: Any, expected: int | None) -> None:
    if expected is not None and record.version != expected:
        raise Conflict(f"the record has version {record.version}, not {expected}; read it again", "expected_version")


async def _save(call: "Call", resource: Resource, changes: Sequence[Change], verb: str, ending: Ending | None = None) -> None:
    await related(call, resource, changes)
    await prepare(call, resource, changes)
    parts = await prepared_parts(call, resource, changes)
    await forget_same_links(call, resource, changes)
    _complete(resource, changes)
    changes = [change for change in changes if change.before is None or change.values or change.parts or change.links]
    batch, events = Batch(), list(_events(call, resource, changes))
    try:
        await _write(batch, resource, changes)
        for one in parts:
            await one.write(batch)
        await write_links(batch, resource, changes)
        for column, model in resource.history.items():
            await record_history(batch, model, resource, column, changes)
        await keep(call, batch, events)
        if ending and _nothing_follows(call, resource, changes, verb) and (reading := ending.reading([one.record.id for one in changes])):
            ending.rows = await batch.last(reading)
            return
        await batch.write()
    except IntegrityError as error:
        raise _taken(error) from error
    await still_allowed(call, resource, changes, verb)
    await ask(call, events)


def _nothing_follows(call: "Call", resource: Resource, changes: Sequence[Change], verb: str) -> bool:
    """Whether nobody has to look at the changes, once they are written, before they are committed."""
    return not in_whole() and not call.crm.plugins.listens("before_commit") and reaches(call, resource, changes, verb) is True


def _events(call: "Call", resource: Resource, changes: Sequence[Change]) -> Iterator[Event]:
    made, updated, actor, at = f"{resource.key}.created", f"{resource.key}.updated", call.actor.name, now()
    for change in changes:
        before, after = _told(resource, change)
        yield Event(
            name=made if change.before is None else updated, resource=resource.key, record_id=change.record.id,
            before=before, after=after, actor=actor, request_id=call.request_id, at=at,
        )  # fmt: skip
        for extra in change.events:
            yield happened(call, extra, change.record, {}, {})


def _complete(resource: Resource, changes: Sequence[Change]) -> None:
    for attr, relation in resource.writable_to_one.items():
        if relation.required and any(getattr(change.record, attr) is None for change in changes):
            raise Invalid({attr: "is required"})


async def _write(batch: Batch, resource: Resource, changes: Sequence[Change]) -> None:
    made = [change.record for change in changes if change.before is None]
    if resource.versioned:
        for record in made:
            assign(record, "updated_at", record.created_at)
    await batch.insert(made)
    for change in changes:
        if change.before is None:
            continue
        if resource.versioned:
            change.record.version += 1
            change.record.updated_at = now()
        fields = [*change.values, *(("version", "updated_at") if resource.versioned else ())]
        if fields:
            await change.record.save(update_fields=fields)


async def _unneeded(call: "Call", resource: Resource, record: Any) -> None:
    for other in call.crm.resources:
        for relation in other.to_one.values():
            if relation.model is not resource.model or relation.null or other.part_of == relation.name:
                continue
            if other.model in call.crm.resources.histories:
                continue
            rows = other.model.filter(**{relation.attr: record.id})
            if parent := other.parent:
                live = Subquery(parent.model.filter(deleted_at__isnull=True).values("id")) if call.crm.resource(parent.model).soft else None
                rows = rows.filter(**{f"{parent.attr}__in": live}) if live else rows
            if await (rows.filter(deleted_at__isnull=True) if other.soft else rows).exists():
                raise Conflict(f"a {other.name} still needs this {resource.name} as its {relation.name}")


async def _complete_again(call: "Call", resource: Resource, record: Any) -> None:
    """Raise Conflict when the record, or a part of it, needs another one that is deleted."""
    rows = [(resource, resource.model.filter(id=record.id))]
    rows += [
        (call.crm.resource(back.model), back.model.filter(**{back.attr: record.id})) for back in call.crm.resources.parts(resource).values()
    ]
    for one, some in rows:
        for relation in one.to_one.values():
            if relation.null or relation.name == one.part_of or not call.crm.resource(relation.model).soft:
                continue
            gone = relation.model.filter(deleted_at__isnull=False).values("id")
            if await some.filter(**{f"{relation.attr}__in": Subquery(gone)}).exists():
                raise Conflict(f"its {relation.name} is deleted; restore that first")


async def _stamp(record: Any, *, deleted: bool) -> None:
    record.updated_at = now()
    record.deleted_at = record.updated_at if deleted else None
    record.version += 1
    await record.save(update_fields=["deleted_at", "updated_at", "version"])


async def _hard_delete(resource: Resource, record: Any) -> None:
    try:
        await record.delete()
    except IntegrityError:
        raise Conflict(f"other records still need this {resource.name}") from None


def _told(resource: Resource, change: Change) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of the event, before and after, without those that only serve comparison."""
    before, after = dict(change.before or {}), {**change.values, **change.parts}
    for hidden in resource.folded.values():
        before.pop(hidden, None)
        after.pop(hidden, None)
    for name, keys in change.links.items():
        after[resource.linked[name].ids] = keys
    for name, currency in resource.money.items():
        if name in after:  # an amount in smallest units says nothing without its currency
            after.setdefault(currency, getattr(change.record, currency))
            if change.before is not None:
                before.setdefault(currency, getattr(change.record, currency))
    return before, after


def _taken(error: IntegrityError) -> Refused:
    """The refusal that a violated constraint means."""
    cause = error.args[0] if error.args else error
    text = f"{cause} {getattr(cause, 'detail', '') or ''}"
    found = re.search(r"UNIQUE constraint failed: (.+)|Key \(([^)]+)\)=", text)
    if not found:
        return Conflict("another record stands against this change")
    names = [name.strip().rpartition(".")[2] for name in (found[1] or found[2]).split(",")]
    field = names[-1].removesuffix("_key") if len(names) == 1 else names[-1]
    return Conflict(f"{field} is taken by another record, perhaps a deleted one", field)
