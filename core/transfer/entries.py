"""What a row says about a record and the records beside it, before those are found."""

import datetime
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from core.money import Money
from core.resources import Kind, Resource
from core.transfer.problems import Rejected


@dataclass(slots=True, eq=False)
class Entry:
    """A record as a row tells of it.

    refs: relation -> the record it leads to. parts: name -> place -> the part. links: name -> the records tied on.
    steps: column with a history -> what it became and when. text: a word by which the record can be found in any way.
    currencies: currency column -> code. key: the key, once it is known.
    """

    resource: Resource
    values: dict[str, Any] = field(default_factory=dict)
    refs: dict[str, "Entry"] = field(default_factory=dict)
    parts: dict[str, dict[int, "Entry"]] = field(default_factory=dict)
    links: dict[str, list["Entry"]] = field(default_factory=dict)
    steps: dict[str, list[tuple[Any, datetime.datetime]]] = field(default_factory=dict)
    currencies: dict[str, str] = field(default_factory=dict)
    text: str | None = None
    key: uuid.UUID | None = None

    def ref(self, name: str, target: Resource) -> "Entry":
        """The record that a relation leads to."""
        if name not in self.refs:
            self.refs[name] = Entry(target)
        return self.refs[name]

    def part(self, name: str, place: int, target: Resource) -> "Entry":
        """The part at a place."""
        return self.parts.setdefault(name, {}).setdefault(place, Entry(target))

    def ordered(self, name: str) -> list["Entry"]:
        """The parts in their order."""
        parts = self.parts.get(name, {})
        return [parts[place] for place in sorted(parts)] if len(parts) > 1 else list(parts.values())

    def related(self) -> list["Entry"]:
        """The records right beside this one, those of its parts included; not those beside them."""
        found = list(self.refs.values())
        for tied in self.links.values():
            found += tied
        for steps in self.steps.values():
            found += [step for step, _ in steps if isinstance(step, Entry)]
        for parts in self.parts.values():
            for part in parts.values():
                if part.refs or part.links or part.steps or part.parts:
                    found += part.related()
        return found


def finish(entry: Entry, currency: str) -> None:
    """Make money of amounts: in the currency of their row, else in that of their whole, else in `currency`."""
    for name, value in entry.values.items():
        if value.__class__ is Decimal and (column := entry.resource.columns[name]).kind is Kind.MONEY:
            entry.values[name] = Money(value, entry.currencies.get(str(column.currency), currency))
    inherited = next(iter(entry.currencies.values())) if entry.currencies else currency
    for parts in entry.parts.values():
        for part in parts.values():
            finish(part, inherited)
    for other in entry.refs.values():
        finish(other, currency)
    for tied in entry.links.values():
        for other in tied:
            finish(other, currency)


def to_values(entry: Entry) -> dict[str, Any]:
    """The values for the store, now that all keys are known. Raises Rejected for a part that says nothing."""
    resource = entry.resource
    values = dict(entry.values)
    if not (entry.refs or entry.parts or entry.links or entry.steps):
        return values
    for name, ref in entry.refs.items():
        values[resource.to_one[name].attr] = ref.key
    for name in entry.parts:
        values[name] = [to_values(part) for part in entry.ordered(name)]
    for name, tied in entry.links.items():
        values[resource.linked[name].ids] = list(dict.fromkeys(one.key for one in tied))
    if entry.steps:
        values["history"] = {name: sorted(_steps(steps), key=lambda step: step[1]) for name, steps in entry.steps.items()}
        _present(resource, values)
    return values


def _steps(steps: list[tuple[Any, datetime.datetime]]) -> Iterator[tuple[Any, datetime.datetime]]:
    for step, at in steps:
        yield (step.key if isinstance(step, Entry) else step), at


def _present(resource: Resource, values: dict[str, Any]) -> None:
    """A record stands where its history ends, when the row does not say where."""
    history: Mapping[str, Any] = values["history"]
    for name, steps in history.items():
        attr = resource.to_one[name].attr if name in resource.to_one else name
        if attr not in values and steps:
            values[attr] = steps[-1][0]


def refuse_empty(entry: Entry, path: str) -> None:
    """Raise Rejected for a related record of which nothing is said that could find it."""
    if entry.key is None and not entry.values and entry.text is None:
        raise Rejected("says nothing by which the record can be found", path)
