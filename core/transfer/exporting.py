"""Export: the records that an actor sees, page by page, each page with what stands beside its records."""

import datetime
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tortoise.expressions import Q
from tortoise.functions import Count

from core.crm import Call
from core.records import ids
from core.records.visibility import visible
from core.resources import Resource
from core.transfer.columns import Beside, Out
from core.transfer.problems import Unusable

PAGE = 500


@dataclass(frozen=True)
class Export:
    """One run over the records of a resource that fulfil a condition."""

    call: Call
    resource: Resource
    outs: Sequence[Out]
    condition: Q | None = None

    async def rows(self) -> AsyncIterator[list[Any]]:
        """The values of each record, by column, in the order of the keys. Memory holds one page."""
        last = None
        while True:
            rows = visible(self.call, self.resource)
            if self.condition is not None:
                rows = rows.filter(self.condition)
            if last is not None:
                rows = rows.filter(id__gt=last)
            page = await rows.order_by("id").limit(PAGE)
            if not page:
                return
            beside = await self._beside(page)
            for record in page:
                yield [out.read(record, beside) for out in self.outs]
            last = page[-1].id

    async def _beside(self, page: Sequence[Any]) -> Beside:
        beside = Beside()
        needs = {need for out in self.outs for need in out.needs}
        for kind, name in sorted(needs):  # links, parts and what their rows lead to, steps, relations
            if kind == "links":
                beside.links[name] = await self._links(name, page)
            elif kind == "steps":
                beside.steps[name] = await self._steps(name, page)
            elif kind == "parts":
                beside.parts[name] = await self._parts(name, page)
        for kind, name in sorted(needs):
            others: dict[Any, Any] = {}
            if kind == "to_one":
                others = await self._others(self.resource, name, page)
            elif kind.startswith("parts."):
                back = self.call.crm.resources.parts(self.resource)[kind.removeprefix("parts.")]
                rows = [part for parts in beside.parts[back.name].values() for part in parts]
                others = await self._others(self.call.crm.resource(back.model), name, rows)
            beside.to_one.setdefault(name, {}).update(others)
        return beside

    async def _others(self, resource: Resource, name: str, rows: Sequence[Any]) -> dict[Any, Any]:
        relation = resource.to_one[name]
        keys = {getattr(row, relation.attr) for row in rows} - {None}
        found = await visible(self.call, relation.model, deleted=True).filter(id__in=list(keys)) if keys else []
        return {row.id: row for row in found}

    async def _parts(self, name: str, page: Sequence[Any]) -> dict[Any, list[Any]]:
        back = self.call.crm.resources.parts(self.resource)[name]
        part = self.call.crm.resource(back.model)
        rows = visible(self.call, part).filter(**{f"{back.attr}__in": [record.id for record in page]})
        found: dict[Any, list[Any]] = defaultdict(list)
        for row in await rows.order_by(*(("position", "id") if part.has("position") else ("id",))):
            found[getattr(row, back.attr)].append(row)
        return found

    async def _links(self, name: str, page: Sequence[Any]) -> dict[Any, list[str]]:
        link = self.resource.linked[name]
        ties = await link.through.filter(**{f"{link.near}__in": [record.id for record in page]}).values_list(link.near, link.far)
        others = visible(self.call, link.model).filter(id__in=list({far for _, far in ties}))
        natural = self.call.crm.resource(link.model).natural[-1]
        names = dict(await others.values_list("id", natural)) if ties else {}
        found: dict[Any, list[str]] = defaultdict(list)
        for near, far in sorted(ties, key=lambda tie: str(names.get(tie[1]))):
            if far in names:
                found[near].append(names[far])
        return found

    async def _steps(self, name: str, page: Sequence[Any]) -> dict[Any, list[list[str]]]:
        """The history of a column: value, time, and the id of the value when it is a record."""
        model = self.resource.history[name]
        ends = {one: getattr(to, "related_model", None) for one, to in model._meta.fields_map.items()}
        parent = next(f"{one}_id" for one, end in ends.items() if end is self.resource.model)
        relation = self.resource.to_one.get(name)
        target = next(one for one in model._meta.db_fields if one.startswith("to_"))
        rows = visible(self.call, model).filter(**{f"{parent}__in": [record.id for record in page]}).order_by("changed_at", "id")
        steps = await rows.values_list(parent, target, "changed_at")
        names: dict[Any, str] = {}
        if relation and steps:
            others = visible(self.call, relation.model, deleted=True).filter(id__in=list({to for _, to, _ in steps}))
            names = dict(await others.values_list("id", self.call.crm.resource(relation.model).natural[-1]))
        found: dict[Any, list[list[str]]] = defaultdict(list)
        for key, to, at in steps:
            when = at.astimezone(datetime.UTC).isoformat()
            if relation:
                found[key].append([names.get(to, ""), when, ids.encode(self.call.crm.resource(relation.model), to)])
            else:
                found[key].append([str(to.value if isinstance(to, Enum) else to), when])
        return found


async def most_parts(call: Call, resource: Resource) -> dict[str, int]:
    """How many parts of each kind a record has at most: so many columns a table needs."""
    most: dict[str, int] = {}
    for name, back in call.crm.resources.parts(resource).items():
        counted = back.model.annotate(number=Count("id")).group_by(back.attr).order_by("-number").limit(1)
        found: list[Any] = await counted.values_list("number", flat=True)
        most[name] = found[0] if found else 0
    return most


def exportable(resource: Resource) -> Resource:
    """The resource, when its rows can be read. Raises Unusable."""
    if "read" not in resource.verbs:
        raise Unusable(f"{resource.name} cannot be read")
    return resource
