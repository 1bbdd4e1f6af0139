"""Rows that are written with their record: its parts, and the ties to others."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.changes import new_change
from core.errors import Invalid
from core.resources import Change, Resource
from core.visibility import related

if TYPE_CHECKING:
    from core.crm import Call

MOST = 200  # parts of one kind, or ties, of one record


async def save_parts(call: "Call", whole: Resource, name: str, changes: Sequence[Change]) -> None:
    """Make the parts `name` of each record what was given; those that stay the same keep their ids."""
    back = call.crm.resources.parts(whole)[name]
    part = call.crm.resource(back.model)
    known = await _known(part, back.attr, changes)
    fresh: list[Change] = []
    gone: list[Any] = []
    for change in changes:
        _few(change.parts[name], name)
        old = known.get(change.record.id, [])
        wanted = [_part(call, part, name, index, values) for index, values in enumerate(change.parts[name])]
        for index, one in enumerate(wanted):
            one.put(back.attr, change.record.id)
            if part.has("position"):
                one.put("position", index)
            one.whole = change
        fresh += wanted
        gone += old
    await related(call, part, fresh)
    if part.prepare:
        await part.prepare(call, fresh)
    keep = _unchanged(part, gone, fresh)
    if doomed := [row.id for row in gone if row.id not in keep]:
        await part.model.filter(id__in=doomed).delete()
    made = [one.record for one in fresh if one.record.id not in keep]
    if made:
        await part.model.bulk_create(made)


async def save_links(resource: Resource, name: str, changes: Sequence[Change]) -> None:
    """Tie each record to exactly the given others, which are known to be there."""
    link = resource.linked[name]
    wanted = {(change.record.id, key) for change in changes for key in change.links[name]}
    for change in changes:
        _few(change.links[name], link.ids)
    old = [change.record.id for change in changes if change.before is not None]
    there = set(await link.through.filter(**{f"{link.near}__in": old}).values_list(link.near, link.far)) if old else set()
    for near, far in there - wanted:
        await link.through.filter(**{link.near: near, link.far: far}).delete()
    if missing := wanted - there:
        await link.through.bulk_create(link.through(**{link.near: near, link.far: far}) for near, far in missing)


async def _known(part: Resource, attr: str, changes: Sequence[Change]) -> dict[Any, list[Any]]:
    keys = [change.record.id for change in changes if change.before is not None]
    rows = await part.model.filter(**{f"{attr}__in": keys}) if keys else []
    known: dict[Any, list[Any]] = {}
    for row in rows:
        known.setdefault(getattr(row, attr), []).append(row)
    return known


def _part(call: "Call", part: Resource, name: str, index: int, values: dict[str, Any]) -> Change:
    try:
        return new_change(call, part, values, False)
    except Invalid as error:
        raise Invalid({f"{name}.{index}.{field}": why for field, why in error.fields.items()}) from None


def _unchanged(part: Resource, old: list[Any], fresh: Sequence[Change]) -> set[Any]:
    """Keys of old rows that a new part equals; the part takes the key over."""
    names = [name for name in part.model._meta.db_fields if name != "id"]
    by_values = {tuple(getattr(row, name) for name in names): row.id for row in old}
    keep = set()
    for one in fresh:
        key = by_values.pop(tuple(getattr(one.record, name) for name in names), None)
        if key is not None:
            one.record.id = key
            keep.add(key)
    return keep


def _few(given: list[Any], path: str) -> None:
    if len(given) > MOST:
        raise Invalid({path: f"has {len(given)} entries, at most {MOST} are possible"})
