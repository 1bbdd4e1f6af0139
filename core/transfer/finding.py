"""Related records, found by what rows say of them, many at once; made when they are missing."""

import uuid
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tortoise.expressions import Subquery

from core.crm import Call
from core.errors import Refused
from core.events import savepoint
from core.records import store
from core.records.followed import merges
from core.records.visibility import visible
from core.resources import Resource
from core.text import fold
from core.transfer.entries import Entry, to_values
from core.transfer.problems import Rejected, because

REMEMBERED = 50_000  # found records whose keys are kept in memory
AT_ONCE = 500  # values in one query

Lookup = tuple[str, Any, uuid.UUID | None]  # the column, the value as it is compared, the key of the scope
STRONG = ("id", "external_id")


@dataclass
class Finder:
    """Finds related records for a batch of rows, and makes those that are missing where `makes` allows it."""

    call: Call
    makes: Callable[[Resource], bool]
    source: str = ""
    made: Counter[str] = field(default_factory=Counter)
    _known: OrderedDict[tuple[str, Lookup], uuid.UUID] = field(default_factory=OrderedDict)
    _first: dict[str, uuid.UUID] = field(default_factory=dict)

    async def find(self, entries: Sequence[Entry]) -> dict[int, Rejected]:
        """Give all records beside these their keys; by the place of an entry, why one of its records has none."""
        refused: dict[int, Rejected] = {}
        owners = [(place, one) for place, entry in enumerate(entries) for one in entry.related()]
        self._missing: dict[int, Rejected] = {}
        await self._level([one for _, one in owners], {id(one): entries[place] for place, one in owners})
        for place, one in owners:
            if one.key is None and place not in refused:
                refused[place] = self._missing[id(one)]
        return refused

    async def keys(self, resource: Resource, column: str, entries: Sequence[Entry]) -> dict[int, uuid.UUID | Rejected]:
        """The records that these entries are themselves, told by a natural column; nothing for those that are not there."""
        scopes = {place: self._scope_of_whole(resource, entry) for place, entry in enumerate(entries)}
        wanted = {
            place: (column, value, scopes[place])
            for place, entry in enumerate(entries)
            if (value := _value(resource, entry, column)) is not None
        }
        found = await self._look(resource, column, list(wanted.values()))
        return {
            place: keys[0] if len(keys) == 1 else _ambiguous(resource, column, _shown(entries[place]))
            for place, lookup in wanted.items()
            if (keys := found.get(lookup))
        }  # fmt: skip

    def forget(self) -> None:
        """Forget what was found: it has been undone."""
        self._known.clear()
        self._first.clear()

    async def _level(self, wanted: Sequence[Entry], whole: dict[int, Entry]) -> None:
        """Find the records beside the wanted ones first, for they may be needed to find or to make these."""
        if inner := [(one, other) for one in wanted for other in one.related()]:
            await self._level([other for _, other in inner], {id(other): one for one, other in inner})
        by_model: dict[str, list[Entry]] = defaultdict(list)
        for one in wanted:
            by_model[one.resource.key].append(one)
        for same in sorted(by_model.values(), key=lambda group: self._scoped(group[0].resource) is not None):
            await self._group(same[0].resource, same, whole)

    async def _group(self, resource: Resource, wanted: Sequence[Entry], whole: dict[int, Entry]) -> None:
        lookups: dict[int, list[Lookup]] = {}
        for one in wanted:
            scope = await self._scope(resource, whole[id(one)])
            lookups[id(one)] = self._lookups(resource, one, scope)
        open_ = [one for one in wanted if not self._remembered(one, lookups[id(one)])]
        for step in range(max((len(lookups[id(one)]) for one in open_), default=0)):
            asked = [one for one in open_ if one.key is None and id(one) not in self._missing and step < len(lookups[id(one)])]
            await self._step(resource, asked, [lookups[id(one)][step] for one in asked])
        missing = [one for one in open_ if one.key is None and id(one) not in self._missing]
        await self._make(resource, missing, lookups)

    async def _step(self, resource: Resource, asked: Sequence[Entry], lookups: Sequence[Lookup]) -> None:
        by_column: dict[str, list[Lookup]] = defaultdict(list)
        for lookup in lookups:
            by_column[lookup[0]].append(lookup)
        found: dict[Lookup, list[uuid.UUID]] = {}
        for column, same in by_column.items():
            found |= await self._look(resource, column, same)
        for one, lookup in zip(asked, lookups, strict=True):
            keys = found.get(lookup, [])
            if len(keys) > 1:
                self._missing[id(one)] = _ambiguous(resource, lookup[0], _shown(one))
            elif keys:
                self._remember(one, resource, lookup, keys[0])

    async def _look(self, resource: Resource, column: str, lookups: Sequence[Lookup]) -> dict[Lookup, list[uuid.UUID]]:
        """The keys of the records with these values: two at most are of interest."""
        found: dict[Lookup, list[uuid.UUID]] = defaultdict(list)
        values = list(dict.fromkeys(lookup[1] for lookup in lookups))
        scoped = self._scoped(resource)
        scopes = {(lookup[1], lookup[2]) for lookup in lookups if lookup[2] is not None}
        for start in range(0, len(values), AT_ONCE):
            for value, key, scope in await self._query(resource, column, values[start : start + AT_ONCE], scoped):
                found[column, value, None].append(key)
                if (value, scope) in scopes:
                    found[column, value, scope].append(key)
        return found

    async def _query(self, resource: Resource, column: str, values: list[Any], scoped: str | None) -> list[tuple[Any, uuid.UUID, Any]]:
        rows = visible(self.call, resource)
        if column == "external_id":
            pairs = [(source, known) for source, known in values]
            asked = rows.filter(external_id__in=[known for _, known in pairs], external_source__in=list({source for source, _ in pairs}))
            found = await asked.values_list("id", "external_source", "external_id") + await self._merged(resource, pairs)
            return [((source, known), key, None) for key, source, known in found]
        name, _, inner = column.partition(".")
        if inner:
            back = self.call.crm.resources.parts(resource)[name]
            part = self.call.crm.resource(back.model)
            compared = part.columns[inner].compared
            parts = visible(self.call, part).filter(**{f"{compared}__in": values})
            return [(value, key, None) for value, key in await parts.values_list(compared, back.attr)]
        compared = "id" if name == "id" else resource.columns[name].compared
        names = (compared, "id", *((scoped,) if scoped else ()))
        return [
            (row[0], row[1], row[2] if scoped else None) for row in await rows.filter(**{f"{compared}__in": values}).values_list(*names)
        ]

    async def _merged(self, resource: Resource, pairs: Sequence[tuple[str, str]]) -> list[Any]:
        """The keys of records that others were merged into which other systems know by these ids."""
        if not merges(resource):
            return []
        seen = visible(self.call, resource).values("id")
        asked = resource.model.filter(external_id__in=[known for _, known in pairs], external_source__in=list({one for one, _ in pairs}))
        return list(await asked.filter(merged_into_id__in=Subquery(seen)).values_list("merged_into_id", "external_source", "external_id"))

    # What a record is found by

    def _lookups(self, resource: Resource, one: Entry, scope: uuid.UUID | None) -> list[Lookup]:
        """Ways to find a record, the surest first. One that is known by a key of its own is not taken for a namesake."""
        ways: list[Lookup] = []
        if "id" in one.values:
            ways.append(("id", one.values["id"], None))
        if known := one.values.get("external_id"):
            ways.append(("external_id", (one.values.get("external_source", self.source), known), None))
        strong = bool(ways) and self._makeable(resource)
        for column in self._naturals(resource, one):
            value = _value(resource, one, column)
            if value is not None and (not strong or _unique(resource, column)):
                ways.append((column, value, None if "." in column else scope))
        return ways

    def _naturals(self, resource: Resource, one: Entry) -> list[str]:
        """The natural columns, best first; for a bare word first the one that it looks like."""
        if one.text is None:
            return list(resource.natural)
        mail = [name for name in resource.natural if name.rpartition(".")[2] in ("email", "address")]
        others = [name for name in reversed(resource.natural) if name not in mail]
        return mail if "@" in one.text and mail else others

    def _scoped(self, resource: Resource) -> str | None:
        """The column by which records of one name are told apart: that of the whole that each must have, as stages their pipeline."""
        needed = [relation for relation in resource.to_one.values() if relation.required and relation.name != resource.part_of]
        return needed[0].attr if len(needed) == 1 else None

    async def _scope(self, resource: Resource, whole: Entry) -> uuid.UUID | None:
        attr = self._scoped(resource)
        if attr is None:
            return None
        relation = next(one for one in resource.to_one.values() if one.attr == attr)
        beside = whole.resource.to_one.get(relation.name)
        if beside is None or beside.model is not relation.model:
            return None
        if relation.name in whole.refs:
            return whole.refs[relation.name].key
        key = self.call.crm.resource(relation.model).key
        if key not in self._first:
            order = ("position", "id") if self.call.crm.resource(relation.model).has("position") else ("id",)
            first = await visible(self.call, relation.model).order_by(*order).first()
            if first is None:
                return None
            self._first[key] = first.id
        return self._first[key]

    def _scope_of_whole(self, resource: Resource, entry: Entry) -> uuid.UUID | None:
        attr = self._scoped(resource)
        relation = next((one for one in resource.to_one.values() if one.attr == attr), None)
        return entry.refs[relation.name].key if relation and relation.name in entry.refs else None

    # What is known, and what is made

    def _remembered(self, one: Entry, lookups: Sequence[Lookup]) -> bool:
        if lookups and (key := self._known.get((one.resource.key, lookups[0]))) is not None:
            self._known.move_to_end((one.resource.key, lookups[0]))
            one.key = key
        return one.key is not None

    def _remember(self, one: Entry, resource: Resource, lookup: Lookup, key: uuid.UUID) -> None:
        one.key = key
        self._known[(resource.key, lookup)] = key
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _makeable(self, resource: Resource) -> bool:
        return self._scoped(resource) is None and "create" in resource.verbs and self.makes(resource)

    async def _make(self, resource: Resource, missing: Sequence[Entry], lookups: dict[int, list[Lookup]]) -> None:
        """Make each missing record once, with all that the rows say of it."""
        first: dict[Lookup, Entry] = {}
        for one in missing:
            ways = lookups[id(one)]
            if not ways:
                self._missing[id(one)] = Rejected("nothing says which one is meant", resource.name)
            elif not self._makeable(resource):
                self._missing[id(one)] = Rejected(f"there is no {resource.name} like this", resource.name, _shown(one))
            else:
                first.setdefault(ways[0], one)
        for lookup, one in first.items():
            await self._make_one(resource, one, lookup)
        for one in missing:
            if ways := lookups[id(one)]:
                self._same(one, first.get(ways[0]), resource, ways)

    def _same(self, one: Entry, other: Entry | None, resource: Resource, ways: Sequence[Lookup]) -> None:
        if other is None or one.key is not None:
            return
        if other.key is None:
            self._missing[id(one)] = self._missing[id(other)]
            return
        self._remember(one, resource, ways[0], other.key)

    async def _make_one(self, resource: Resource, one: Entry, lookup: Lookup) -> None:
        try:
            values = self._said(resource, one)
            async with savepoint():
                record = (await store.create_many(self.call, resource, [values], past=True))[0]
        except Refused as refused:
            problem = because(0, refused)
            self._missing[id(one)] = Rejected(f"cannot be made: {problem.sentence}", resource.name, _shown(one))
            return
        self.made[resource.key] += 1
        self._remember(one, resource, lookup, record.id)

    def _said(self, resource: Resource, one: Entry) -> dict[str, Any]:
        values = to_values(one)
        if "external_id" in values:
            values.setdefault("external_source", self.source)
        if one.text is not None:
            column = self._naturals(resource, one)[0]
            name, _, inner = column.partition(".")
            values[name] = [{inner: one.text}] if inner else one.text
            if "@" in one.text and "name" not in values and resource.writable().get("name"):
                values["name"] = one.text.partition("@")[0]
        return values


def _value(resource: Resource, one: Entry, column: str) -> Any:
    """What an entry says for a natural column, as it is compared."""
    name, _, inner = column.partition(".")
    if one.text is not None:
        text = one.text
    elif inner:
        parts = one.ordered(name)
        text = parts[0].values.get(inner) if parts else None
    else:
        text = one.values.get(name)
    if not isinstance(text, str) or not text.strip():
        return None
    if inner or resource.columns[name].key:
        return fold(text)
    return text.strip().lower() if name in ("email", "domain") else text.strip()


def _unique(resource: Resource, column: str) -> bool:
    name, _, inner = column.partition(".")
    if inner:
        return False
    shown = resource.columns[name]
    return bool(shown.field.unique or (shown.key and resource.model._meta.fields_map[shown.key].unique))


def _ambiguous(resource: Resource, column: str, value: Any) -> Rejected:
    return Rejected(f"there is more than one {resource.name} with this {column}", resource.name, str(value))


def _shown(one: Entry) -> str:
    """A record in the words of the row."""
    return one.text or next((str(value) for name, value in reversed(one.values.items()) if name != "external_source"), "")
