"""The columns of a file that is written: where each value comes from, and by which name an import takes it back."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any

from core.crm import CRM
from core.money import Money
from core.naming import camel, snake
from core.records import ids
from core.resources import Column, Kind, Linked, Resource, ToMany, ToOne
from core.transfer.problems import Unusable


@dataclass
class Beside:
    """What stands beside the records of a page: rows by the name of the relation and by key."""

    to_one: dict[str, dict[Any, Any]] = field(default_factory=dict)
    parts: dict[str, dict[Any, list[Any]]] = field(default_factory=dict)
    links: dict[str, dict[Any, list[str]]] = field(default_factory=dict)
    steps: dict[str, dict[Any, list[list[str]]]] = field(default_factory=dict)


Read = Callable[[Any, Beside], Any]


@dataclass(frozen=True)
class Out:
    """One column of the file. `needs` names what must be read beside the records: a kind and a name."""

    path: str
    read: Read
    needs: frozenset[tuple[str, str]] = frozenset()


def outs(crm: CRM, resource: Resource, most: Mapping[str, int]) -> list[Out]:
    """All columns that an import can take back, in the order of the model. `most`: how many parts a record has at most."""
    found = [Out("id", lambda record, beside: ids.encode(resource, record.id))]
    for column in resource.writable(past=True).values():
        found += _column(column)
    for relation in resource.to_one.values():
        if relation.attr in resource.writable_to_one and relation.model in crm.resources.by_model:
            found += _relation(crm, relation)
    for name, back in crm.resources.parts(resource).items():
        for place in range(most.get(name, 0)):
            found += _part(crm, name, back, place)
    found += [_link(link) for link in resource.linked.values()]
    found += [_history(name) for name in resource.history]
    return found


def chosen(every: list[Out], resource: Resource, wanted: list[str]) -> list[Out]:
    """The columns of these names, in that order; also those that no import takes back. Raises Unusable."""
    known = {out.path: out for out in every}
    shown = {camel(column.name): out for column in resource.columns.values() for out in _column(column)[:1]}
    found = []
    for name in wanted:
        path = ".".join(camel(snake(step)) for step in name.strip().split("."))
        out = known.get(path) or shown.get(path)
        if out is None:
            raise Unusable(f"{resource.name} has no column '{name.strip()}'; it has {', '.join([*known, *(shown.keys() - known.keys())])}")
        found.append(out)
    return found


def of_column(column: Column, record: Any) -> Any:
    """The value of a column as a file has it: money and decimals as numbers, words of an enum as text."""
    value = getattr(record, column.name)
    if value is None:
        return None
    match column.kind:
        case Kind.MONEY:
            return Money.of_minor(value, getattr(record, str(column.currency))).amount
        case Kind.DECIMAL:
            return Decimal(value).scaleb(-column.scale)
        case Kind.DATETIME | Kind.DATE:
            return _when(value)
    return value.value if isinstance(value, Enum) else value


def _when(value: datetime.date) -> datetime.date:
    return value.astimezone(datetime.UTC) if isinstance(value, datetime.datetime) else value


def _column(column: Column) -> list[Out]:
    name = camel(column.name)
    found = [Out(name, lambda record, beside: of_column(column, record))]
    if column.kind is Kind.MONEY:
        found.append(Out(f"{name}.currency", lambda record, beside: _currency(column, record)))
    return found


def _currency(column: Column, record: Any) -> str | None:
    return None if getattr(record, column.name) is None else getattr(record, str(column.currency))


def _relation(crm: CRM, relation: ToOne) -> list[Out]:
    """The key of the other record, and for people and other houses the names that it is found by."""
    target, name = crm.resource(relation.model), camel(relation.name)
    needs = frozenset({("to_one", relation.name)})

    def read(of: Callable[[Any], Any]) -> Read:
        def other(record: Any, beside: Beside) -> Any:
            there = beside.to_one[relation.name].get(getattr(record, relation.attr))
            return None if there is None else of(there)

        return other

    found = [Out(f"{name}.id", read(lambda there: ids.encode(target, there.id)), needs)]
    for natural in target.natural:
        if column := target.columns.get(natural):
            found.append(Out(f"{name}.{camel(natural)}", read(lambda there, column=column: of_column(column, there)), needs))
    return found


def _part(crm: CRM, name: str, back: ToMany, place: int) -> list[Out]:
    part = crm.resource(back.model)
    inner = [one for column in part.writable().values() for one in _column(column)]
    for relation in part.to_one.values():
        if relation.attr in part.writable_to_one and relation.model in crm.resources.by_model:
            inner += _relation(crm, relation)
    return [_inside(name, place, out) for out in inner]


def _inside(name: str, place: int, inner: Out) -> Out:
    def read(record: Any, beside: Beside) -> Any:
        parts = beside.parts[name].get(record.id, ())
        return inner.read(parts[place], beside) if place < len(parts) else None

    needs = frozenset({("parts", name), *((f"parts.{name}", relation) for _, relation in inner.needs)})
    return Out(f"{camel(name)}.{place + 1}.{inner.path}", read, needs)


def _link(link: Linked) -> Out:
    return Out(camel(link.name), lambda record, beside: beside.links[link.name].get(record.id), frozenset({("links", link.name)}))


def _history(name: str) -> Out:
    return Out(f"{camel(name)}History", lambda record, beside: beside.steps[name].get(record.id), frozenset({("steps", name)}))
