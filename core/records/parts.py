"""Rows that are written with their record: its parts, and the ties to others."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from core.errors import Invalid
from core.money import Money
from core.permissions import rule
from core.records.batch import Batch
from core.records.bulk import blank
from core.records.changes import Taking
from core.records.preparation import prepare
from core.records.visibility import related
from core.resources import READ, Change, Kind, Linked, Resource, ToMany

if TYPE_CHECKING:
    from core.crm import Call

MOST = 200  # parts of one kind, or ties, of one record


@dataclass
class Parts:
    """The parts of one kind of some records, checked and ready to be written."""

    model: Any
    made: list[Any] = field(default_factory=list)
    doomed: list[Any] = field(default_factory=list)

    async def write(self, batch: Batch) -> None:
        """Put the new rows in the place of the old ones, after their records."""
        if self.doomed:
            await self.model.filter(id__in=self.doomed).delete()
        await batch.insert(self.made)


async def prepared_parts(call: "Call", whole: Resource, changes: Sequence[Change]) -> list[Parts]:
    """The parts that the changes give, by kind. A change forgets those that are what the record has already.

    Parts that stay the same keep their ids. Raises Invalid.
    """
    prepared = []
    for name, back in call.crm.resources.parts(whole).items():
        concerned = [change for change in changes if name in change.parts]
        if concerned:
            prepared.append(await _prepared(call, call.crm.resource(back.model), back, concerned))
    return prepared


async def _prepared(call: "Call", part: Resource, back: ToMany, changes: Sequence[Change]) -> Parts:
    taking = Taking(call, part, past=False)
    fresh = [taken(taking, back, change) for change in changes]
    every = [one for some in fresh for one in some]
    await related(call, part, every)
    await prepare(call, part, every)
    old = await _known(part, back.attr, changes)
    parts = Parts(part.model)
    for change, wanted in zip(changes, fresh, strict=True):
        if change.before is None:
            parts.made += [one.record for one in wanted]
            continue
        there = old.get(change.record.id, [])
        kept = _kept(part, there, wanted)
        made = [one.record for one in wanted if one.record.id not in kept]
        doomed = [row.id for row in there if row.id not in kept]
        if not made and not doomed:
            del change.parts[back.name]
        else:
            change.before[back.name] = [as_given(part, row) for row in there]
        parts.made += made
        parts.doomed += doomed
    return parts


def taken(taking: Taking, back: ToMany, change: Change) -> list[Change]:
    """The parts of one kind that a change gives, cleaned as they are going to be kept. Raises Invalid."""
    given, positioned = change.parts[back.name], taking.resource.has("position")
    if len(given) > MOST:
        raise _many(given, back.name)
    wanted = []
    for index, values in enumerate(given):
        place = {back.attr: change.record.id, "position": index} if positioned else {back.attr: change.record.id}
        try:
            one = taking.new(values, place)
        except Invalid as error:
            raise Invalid({f"{back.name}.{index}.{name}": why for name, why in error.fields.items()}) from None
        one.whole, one.path = change, f"{back.name}.{index}."
        wanted.append(one)
    return wanted


async def _known(part: Resource, attr: str, changes: Sequence[Change]) -> dict[Any, list[Any]]:
    keys = [change.record.id for change in changes if change.before is not None]
    rows = await part.model.filter(**{f"{attr}__in": keys}).order_by(*(["position"] if part.has("position") else []), "id") if keys else []
    known: dict[Any, list[Any]] = {}
    for row in rows:
        known.setdefault(getattr(row, attr), []).append(row)
    return known


def as_given(part: Resource, row: Any) -> dict[str, Any]:
    """A part as an input would give it: so its event tells the old ones like the new ones."""
    given: dict[str, Any] = {}
    for name, column in part.writable().items():
        value = getattr(row, name)
        if value is not None and column.kind is Kind.MONEY:
            value = Money.of_minor(value, getattr(row, str(column.currency)))
        elif value is not None and column.kind is Kind.DECIMAL:
            value = Decimal(value).scaleb(-column.scale)
        given[name] = value
    return {**{attr: getattr(row, attr) for attr in part.writable_to_one}, **given}


def _kept(part: Resource, there: list[Any], wanted: Sequence[Change]) -> set[Any]:
    """Keys of old rows that a new part equals; the part takes the key over."""
    if not there:
        return set()
    names = [name for name in part.model._meta.db_fields if name != "id"]
    by_values = {tuple(getattr(row, name) for name in names): row.id for row in there}
    kept = set()
    for one in wanted:
        key = by_values.pop(tuple(getattr(one.record, name) for name in names), None)
        if key is not None:
            one.record.id = key
            kept.add(key)
    return kept


async def write_links(batch: Batch, resource: Resource, changes: Sequence[Change]) -> None:
    """Tie each record to exactly the given others, which are known to be there."""
    for name, link in resource.linked.items():
        concerned = [change for change in changes if name in change.links]
        wanted = {(change.record.id, key) for change in concerned for key in change.links[name]}
        there = await _ties(resource, name, concerned)
        for near, far in there - wanted:
            await link.through.filter(**{link.near: near, link.far: far}).delete()
        await batch.insert([blank(link.through, **{link.near: near, link.far: far}) for near, far in wanted - there])


async def forget_same_links(call: "Call", resource: Resource, changes: Sequence[Change]) -> None:
    """Let the changes forget ties that are there already, and keep those to what the actor does not see. Raises Invalid for too many."""
    for name, link in resource.linked.items():
        concerned = [change for change in changes if name in change.links]
        for change in concerned:
            if len(change.links[name]) > MOST:
                raise _many(change.links[name], link.ids)
        there = await _ties(resource, name, concerned)
        unseen = await _unseen(call, link, {far for _, far in there})
        for change in concerned:
            change.links[name] += [far for near, far in there if near == change.record.id and far in unseen]
            same = {far for near, far in there if near == change.record.id} == set(change.links[name])
            if change.before is None:
                continue
            if same:
                del change.links[name]
            else:
                change.before[link.ids] = sorted(far for near, far in there if near == change.record.id)


async def _ties(resource: Resource, name: str, changes: Sequence[Change]) -> set[tuple[Any, Any]]:
    link = resource.linked[name]
    keys = [change.record.id for change in changes if change.before is not None]
    return set(await link.through.filter(**{f"{link.near}__in": keys}).values_list(link.near, link.far)) if keys else set()


async def _unseen(call: "Call", link: Linked, keys: set[Any]) -> set[Any]:
    """Those of the keys at the far end of a link that the actor does not see."""
    target = call.crm.resource(link.model)
    allowed = rule(call.crm, call.actor, target, READ)
    if not keys or allowed is True:
        return set()
    seen = set() if allowed is False else set(await link.model.filter(allowed, id__in=list(keys)).values_list("id", flat=True))
    return keys - seen


def _many(given: list[Any], path: str) -> Invalid:
    return Invalid({path: f"has {len(given)} entries, at most {MOST} are possible"})
