"""The keys of an answer: with their records, in their order, and without what the actor does not see."""

import itertools
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import strawberry

from core import Invalid, demand, visible
from plugins.metrics.answers import MetricsKey, MetricsLabel
from plugins.metrics.counting import Cells, Values
from plugins.metrics.dimensions import Dimension
from plugins.metrics.question import Question
from plugins.metrics.spans import Span

Records = Mapping[Any, Any]

MEMBERS = frozenset(one.name for one in fields(MetricsKey)) - {"period", "others"}  # the dimensions that have a member in each key


@dataclass(frozen=True)
class Keys:
    """The values of the dimensions of a question, in the order of their names; what has no name comes last. `records` are behind them."""

    question: Question
    records: tuple[Records, ...]
    values: list[Values]

    @classmethod
    async def of(cls, question: Question, found: Iterable[Cells]) -> "Keys":
        """Those of all these cells. One key of everything when nothing is asked."""
        every = {values for cells in found for values, _ in cells} if question.by else {()}
        records = tuple([await _records(question, one, {key[place] for key in every}) for place, one in enumerate(question.by)])
        made = cls(question, records, [])
        seen = {made.seen(values) for values in every}
        hidden = tuple(_hidden(question, one) for one in question.by)
        ranked = {key: [_rank(*one) for one in zip(question.by, records, hidden, key, strict=True)] for key in seen}
        return cls(question, records, sorted(seen, key=lambda key: ranked[key]))

    def seen(self, values: Values) -> Values:
        """Values as the actor sees them: None for a hidden record, as for rows that have none; how many are hidden does not show."""
        return tuple(value if value in some else None for some, value in zip(self.records, values, strict=True))

    def merged(self, cells: Cells) -> Cells:
        """The cells by the values that are seen."""
        together: Cells = defaultdict(list)
        for (values, start), rows in cells.items():
            together[self.seen(values), start] += rows
        return together

    def rows(self, stretches: Sequence[Span | None]) -> Iterable[tuple[Values, Span | None]]:
        """Each key with each stretch of time. Raises Invalid when there are more than an answer may have."""
        if len(self.values) * len(stretches) > self.question.limit:
            raise Invalid(group_by=f"makes more than {self.question.limit} groups; filter more, group by less, or name from and to")
        return itertools.product(self.values, stretches)

    def named(self, values: Values) -> dict[str, Any]:
        """The members of a MetricsKey: records and values by the names of their dimensions, and the labels of those that plugins added."""
        found = [(one, some.get(value)) for one, some, value in zip(self.question.by, self.records, values, strict=True)]
        others = [self._label(one, value) for one, value in found if one.name not in MEMBERS]
        return {**{one.name: value for one, value in found if one.name in MEMBERS}, **({"others": others} if others else {})}

    def _label(self, dimension: Dimension, value: Any) -> MetricsLabel:
        if value is None or dimension.model is None:
            return MetricsLabel(dimension=dimension.name.upper(), label=None if value is None else str(value))
        key = f"{self.question.call.crm.resource(dimension.model).snake}_{value.pk}"
        return MetricsLabel(dimension=dimension.name.upper(), label=str(getattr(value, dimension.label)), id=strawberry.ID(key))


async def _records(question: Question, dimension: Dimension, values: set[Any]) -> Records:
    """The records behind a part of the keys, deleted ones too, for what happened with them stays true."""
    keys = [value for value in values if value is not None]
    if dimension.model is None:
        return {value: value for value in keys}
    if dimension.name not in MEMBERS:
        demand(question.call, dimension.model, dimension.label)
    found = await visible(question.call, dimension.model, deleted=True).filter(id__in=keys) if keys else []
    return {uuid.UUID(str(row.id)): row for row in found}


def _hidden(question: Question, dimension: Dimension) -> frozenset[str]:
    """The columns of a dimension's records that the actor does not see: their order must not tell of them."""
    if dimension.model is None:
        return frozenset()
    key = question.call.crm.resource(dimension.model).key
    return frozenset(name for name in ("position", dimension.label) if f"{key}.{name}" in question.call.actor.hidden)


def _rank(dimension: Dimension, records: Records, hidden: frozenset[str], value: Any) -> tuple[bool, Any, Any, str]:
    record = records.get(value)
    if record is None or dimension.model is None:
        return record is None, 0, "" if record is None else record, str(value)
    place = 0 if "position" in hidden else getattr(record, "position", 0)
    if dimension.label in hidden:
        return False, place, "", str(value)
    name = getattr(record, f"{dimension.label}_key", None) or str(getattr(record, dimension.label))
    return False, place, name, str(value)
