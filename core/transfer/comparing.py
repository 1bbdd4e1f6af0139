"""Whether a row says anything new of a record that is there."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from core.crm import Call
from core.errors import Refused
from core.records.changes import Taking
from core.records.preparation import prepare
from core.resources import Change, Kind, Resource

Values = dict[str, Any]


async def news(call: Call, resource: Resource, pairs: Sequence[tuple[Any, Values]]) -> list[Values | Refused]:
    """For each record and the values of its row: the values that differ, empty when none do, or what is wrong with them.

    Values are compared in the form in which they would be kept. History is news only of a record that moves on.
    """
    columns = await _columns(call, resource, pairs)
    parts = [await _parts(call, resource, name, pairs) for name in call.crm.resources.parts(resource)]
    links = [await _links(resource, name, pairs) for name in resource.linked]
    found: list[Values | Refused] = []
    for place, (_, values) in enumerate(pairs):
        differ = columns[place]
        wrong = next((one[place] for one in (*parts, *links) if isinstance(one.get(place), Refused)), None)
        if isinstance(differ, Refused) or wrong is not None:
            found.append(differ if isinstance(differ, Refused) else wrong)  # type: ignore[arg-type]  # a refusal, by the line above
            continue
        names = differ | {name for one in (*parts, *links) for name in one.get(place, ()) if isinstance(name, str)}
        found.append({name: value for name, value in values.items() if name in names})
    return found


async def _columns(call: Call, resource: Resource, pairs: Sequence[tuple[Any, Values]]) -> list[set[str] | Refused]:
    """The names of the columns and relations that differ."""
    names = {*resource.writable(past=True), *resource.writable_to_one}
    plain = [{name: value for name, value in values.items() if name in names} for _, values in pairs]
    prepared = await _prepared(call, resource, plain, [record for record, _ in pairs])
    return [one if isinstance(one, Refused) else _different(resource, one) for one in prepared]


async def _prepared(call: Call, resource: Resource, given: Sequence[Values], records: Sequence[Any]) -> list[Change | Refused]:
    """The changes as they would be saved; one by one when some of them are refused."""
    taking = Taking(call, resource, past=True)
    prepared: list[Change | Refused] = []
    for record, values in zip(records, given, strict=True):
        try:
            prepared.append(taking.changed(_copy(resource, record), values))
        except Refused as refused:
            prepared.append(refused)
    moved = [place for place, one in enumerate(prepared) if isinstance(one, Change) and one.values]
    try:
        await prepare(call, resource, [one for place in moved if isinstance(one := prepared[place], Change)])
    except Refused:
        for place in moved:
            prepared[place] = await _alone(call, resource, records[place], given[place])
    return prepared


async def _alone(call: Call, resource: Resource, record: Any, values: Values) -> Change | Refused:
    try:
        change = Taking(call, resource, past=True).changed(_copy(resource, record), values)
        await prepare(call, resource, [change])
    except Refused as refused:
        return refused
    return change


def _different(resource: Resource, change: Change) -> set[str]:
    before = change.before or {}
    names = {name for name, value in change.values.items() if before.get(name) != value}
    money = {column.name for column in resource.columns.values() if column.kind is Kind.MONEY and {column.name, column.currency} & names}
    moved = {"history"} if names & _remembered(resource) else set()
    return names | money | moved


def _remembered(resource: Resource) -> set[str]:
    """The attributes whose changes are kept."""
    return {resource.to_one[name].attr if name in resource.to_one else name for name in resource.history}


def _copy(resource: Resource, record: Any) -> Any:
    """The record once more, since a change writes on it."""
    names = resource.model._meta.db_fields
    copy = resource.model(**{name: getattr(record, name) for name in names})
    copy._saved_in_db = True
    return copy


async def _parts(call: Call, resource: Resource, name: str, pairs: Sequence[tuple[Any, Values]]) -> dict[int, Any]:
    """By the place of a pair: {the name} when its parts differ, or a refusal."""
    given = {place: (record, values[name]) for place, (record, values) in enumerate(pairs) if name in values}
    if not given:
        return {}
    back = call.crm.resources.parts(resource)[name]
    part = call.crm.resource(back.model)
    order = ("position",) if part.has("position") else ("id",)
    there: dict[Any, list[Any]] = defaultdict(list)
    for row in await part.model.filter(**{f"{back.attr}__in": [record.id for record, _ in given.values()]}).order_by(*order):
        there[getattr(row, back.attr)].append(row)
    taking = Taking(call, part, past=False)
    found: dict[int, Any] = {}
    for place, (record, rows) in given.items():
        try:
            if not await _same_parts(call, part, taking, back.attr, record, rows, there[record.id]):
                found[place] = {name}
        except Refused as refused:
            found[place] = refused
    return found


async def _same_parts(
    call: Call, part: Resource, taking: Taking, attr: str, record: Any, rows: Sequence[Values], there: Sequence[Any]
) -> bool:
    if len(rows) != len(there):
        return False
    whole = Change(record=record, values={}, before={}, past=True)
    fresh = [taking.new(values) for values in rows]
    given = [set(change.values) for change in fresh]
    if all(_equal(change.record, old, names) for change, old, names in zip(fresh, there, given, strict=True)):
        return True
    for place, change in enumerate(fresh):
        change.put(attr, record.id)
        if part.has("position"):
            change.put("position", place)
        change.whole = whole
    await prepare(call, part, fresh)
    return all(_equal(change.record, old, names) for change, old, names in zip(fresh, there, given, strict=True))


def _equal(new: Any, old: Any, names: set[str]) -> bool:
    return all(getattr(new, name) == getattr(old, name) for name in names)


async def _links(resource: Resource, name: str, pairs: Sequence[tuple[Any, Values]]) -> dict[int, Any]:
    link = resource.linked[name]
    given = {place: (record, set(values[link.ids])) for place, (record, values) in enumerate(pairs) if link.ids in values}
    if not given:
        return {}
    there: dict[Any, set[Any]] = defaultdict(set)
    keys = [record.id for record, _ in given.values()]
    for near, far in await link.through.filter(**{f"{link.near}__in": keys}).values_list(link.near, link.far):
        there[near].add(far)
    return {place: {link.ids} for place, (record, wanted) in given.items() if wanted != there[record.id]}
