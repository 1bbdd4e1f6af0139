"""Where the cells of a column go: a path like `closedAt`, `company.name` or `emails.2.address`, made into a function."""

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.crm import CRM
from core.errors import Invalid
from core.naming import snake
from core.records import ids
from core.resources import Column, Kind, Resource
from core.transfer.converting import Hints, converter, moment, sum_of_money
from core.transfer.entries import Entry
from core.transfer.problems import Unusable

Put = Callable[[Entry, Any], None]

ENTERED, HISTORY = "_entered_at", "_history"
SHORT = {"email": "emails.address", "phone": "phones.number"}  # what people say for the first of the parts
SEPARATORS = re.compile(r"[;,|،؛\n]")


@dataclass(frozen=True)
class Targets:
    """Makes functions that put a cell into an entry; they raise ValueError with the reason when it does not fit.

    `priced`: the paths asked for that lead to money, of which an entry holds amounts and currencies until it is finished.
    """

    crm: CRM
    priced: set[str] = field(default_factory=set)

    def put(self, resource: Resource, path: str, hints: Hints, split: str | None = None) -> Put:
        """The function for a path, with names in camelCase or snake_case. Raises Unusable when there is no such place."""
        head, _, rest = path.partition(".")
        name = snake(head)
        if name == "id" and not rest:
            return self._key(resource)
        if column := resource.writable(past=True).get(name):
            return self._column(column, rest, hints, path, resource)
        if relation := resource.writable_to_one.get(name):
            return self._ref(relation.name, self._key(self._target(resource, relation.model, path)))
        if name in resource.to_one and resource.to_one[name].attr in resource.writable_to_one:
            target = self._target(resource, resource.to_one[name].model, path)
            return self._ref(name, self.put(target, rest, hints) if rest else _word, target)
        if back := self.crm.resources.parts(resource).get(name):
            return self._part(name, self.crm.resource(back.model), rest, hints, split, path)
        if link := resource.linked.get(name):
            return _linked(name, self._target(resource, link.model, path), split)
        if found := self._history(resource, name, rest, hints):
            return found
        if name in SHORT and not rest and SHORT[name].partition(".")[0] in self.crm.resources.parts(resource):
            return self.put(resource, SHORT[name], hints, split)
        raise Unusable(f"{resource.name} has nothing named '{path}' that an import can set")

    def knows(self, resource: Resource, path: str) -> bool:
        """Whether there is such a place."""
        try:
            self.put(resource, path, Hints())
        except Unusable:
            return False
        return True

    def _target(self, resource: Resource, model: Any, path: str) -> Resource:
        if model not in self.crm.resources.by_model:
            raise Unusable(f"'{path}' of {resource.name} leads to what is no resource")
        return self.crm.resource(model)

    def _key(self, resource: Resource) -> Put:
        def put(entry: Entry, cell: Any) -> None:
            entry.values["id"] = key_of(resource, str(cell))

        return put

    def _column(self, column: Column, rest: str, hints: Hints, path: str, resource: Resource) -> Put:
        name = column.name
        if column.kind is Kind.MONEY:
            self.priced.add(path)
            return _money(column, rest, hints, path)
        if rest:
            raise Unusable(f"'{path}': {name} of {resource.name} has nothing inside")
        convert = converter(column, hints)

        def put(entry: Entry, cell: Any) -> None:
            entry.values[name] = convert(cell)

        return put

    def _ref(self, name: str, inner: Put, target: Resource | None = None) -> Put:
        def put(entry: Entry, cell: Any) -> None:
            other = target or self.crm.resource(entry.resource.to_one[name].model)
            inner(entry.ref(name, other), cell)

        return put

    def _part(self, name: str, target: Resource, rest: str, hints: Hints, split: str | None, path: str) -> Put:
        head, _, tail = rest.partition(".")
        place, inner_path = (int(head) * 1000, tail) if head.isdecimal() else (1000, rest)
        if not inner_path:
            raise Unusable(f"'{path}' needs to say which value: {name}.{next(iter(target.writable()), 'id')}")
        inner = self.put(target, inner_path, hints)

        def put(entry: Entry, cell: Any) -> None:
            pieces = cell.split(split) if split and isinstance(cell, str) else [cell]
            for more, piece in enumerate(pieces):
                piece = piece.strip() if isinstance(piece, str) else piece
                if piece != "":
                    inner(entry.part(name, place + more, target), piece)

        return put

    def _history(self, resource: Resource, name: str, rest: str, hints: Hints) -> Put | None:
        for column in resource.history:
            if name == f"{column}{ENTERED}" and rest:
                return self._entered(resource, column, rest, hints)
            if name == f"{column}{HISTORY}" and not rest:
                return self._steps(resource, column, hints)
        return None

    def _entered(self, resource: Resource, column: str, word: str, hints: Hints) -> Put:
        step = self._step(resource, column)

        def put(entry: Entry, cell: Any) -> None:
            entry.steps.setdefault(column, []).append((step(word), moment(cell, hints)))

        return put

    def _steps(self, resource: Resource, column: str, hints: Hints) -> Put:
        step = self._step(resource, column)

        def put(entry: Entry, cell: Any) -> None:
            for word, at, *key in json.loads(cell) if isinstance(cell, str) else cell:
                entry.steps.setdefault(column, []).append((step(word, *key), moment(at, hints)))

        return put

    def _step(self, resource: Resource, column: str) -> Callable[..., Any]:
        """A function from a word, and perhaps an id, to the value of a column with a history."""
        relation = resource.to_one.get(column)
        if relation is None:
            return converter(resource.columns[column], Hints())
        target = self.crm.resource(relation.model)

        def step(word: str, key: str | None = None) -> Entry:
            return Entry(target, {"id": key_of(target, key)} if key else {}, text=word)

        return step


def key_of(resource: Resource, text: str) -> uuid.UUID:
    """The key in a global id, or a key alone. Raises ValueError."""
    try:
        return ids.decode(resource, text.strip())
    except Invalid as error:
        try:
            return uuid.UUID(text.strip())
        except ValueError:
            raise ValueError("; ".join(error.fields.values())) from None


def _word(entry: Entry, cell: Any) -> None:
    entry.text = str(cell).strip()


def _money(column: Column, rest: str, hints: Hints, path: str) -> Put:
    if rest == "currency":
        return lambda entry, cell: entry.currencies.__setitem__(str(column.currency), str(cell).strip().upper())
    if rest not in ("", "amount"):
        raise Unusable(f"'{path}': money has an amount and a currency")

    def put(entry: Entry, cell: Any) -> None:
        entry.values[column.name], currency = sum_of_money(cell, hints)
        if currency:
            entry.currencies.setdefault(str(column.currency), currency)

    return put


def _linked(name: str, target: Resource, split: str | None) -> Put:
    def put(entry: Entry, cell: Any) -> None:
        words = cell if isinstance(cell, list) else _words(str(cell), split)
        tied = entry.links.setdefault(name, [])
        tied += [Entry(target, text=str(word).strip()) for word in words if str(word).strip()]

    return put


def _words(text: str, split: str | None) -> list[str]:
    if text.startswith('["') and text.endswith("]"):
        return [str(word) for word in json.loads(text)]
    return text.split(split) if split else SEPARATORS.split(text)
