"""From the values of an input or an import to a change of a record, cleaned but not saved."""

import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from core.errors import Invalid
from core.fields import new_id
from core.money import exponent, minor_units
from core.permissions import OWN, TEAM, unwritable
from core.records.bulk import blanks
from core.records.values import cleaner
from core.resources import CREATE, NOTHING, Change, Column, Kind, Resource

if TYPE_CHECKING:
    from core.crm import Call

Values = Mapping[str, Any]
# Takes a value that was given: cleaned to the values of columns, which are the second argument, or else into the change.
Take = Callable[[Change, dict[str, Any], Any], None]


class Taking:
    """Makes changes of what was given, for one resource. What is the same for all rows is worked out once."""

    def __init__(self, call: "Call", resource: Resource, *, past: bool) -> None:
        self._call, self.resource, self._past = call, resource, past
        self._parts, self._required = call.crm.resources.parts(resource), resource.required(past=past)
        self._own, self._blank = _own(call, resource), blanks(resource.model)
        self._takes: dict[str, Take] = resource.takes[past]
        self._shut = _shut(call, resource)

    def new(self, values: Values, place: Values = NOTHING) -> Change:
        """The change that makes a record of these values. Raises Invalid for all that is wrong with them.

        `place`: where the record stands in another one that it is part of.
        """
        if self._shut:
            self._refuse_shut(values)
        if self._own:
            values = {**self._own, **values}
        taken: dict[str, Any] = {}
        change = Change(record=None, values=taken, past=self._past)
        self._take(change, taken, values)
        if not self._required <= taken.keys():
            raise Invalid(dict.fromkeys(sorted(self._required - taken.keys()), "is required"))
        taken.update(place)
        change.record = self._blank({"id": values.get("id") or new_id(), **taken})
        return change

    def changed(self, record: Any, values: Values) -> Change:
        """The change that gives a record these values; empty when it has them already. Raises Invalid."""
        if self._shut:
            self._refuse_shut(values)
        change = Change(record=record, values={}, before={}, past=self._past)
        taken: dict[str, Any] = {}
        self._take(change, taken, values)
        compared = {key: name for name, key in self.resource.folded.items()}
        for name, value in taken.items():
            # What a text is compared by comes after the text, and changes with it.
            if compared[name] in change.values if name in compared else getattr(record, name) != value:
                change.put(name, value)
        return change

    def _refuse_shut(self, values: Values) -> None:
        """Raise Forbidden for a field that the actor must not set. What it may make only as its own, it may say."""
        for name, value in values.items():
            if name in self._shut and not (name in self._own and self._own[name] == value):
                raise unwritable(f"{self.resource.key}.{self._shut[name]}")

    def _take(self, change: Change, taken: dict[str, Any], values: Values) -> None:
        """Sort what was given into columns, relations, parts and links, cleaned."""
        problems: dict[str, str] = {}
        for name, value in values.items():
            try:
                (self._takes.get(name) or self._learn(name))(change, taken, value)
            except Invalid as error:
                problems.update(error.fields)
        if problems:
            raise Invalid(problems)

    def _learn(self, name: str) -> Take:
        if name in self._parts:
            return lambda change, taken, value: change.parts.__setitem__(name, [dict(one) for one in value or []])
        if take := _take_of(self.resource, name, past=self._past):
            self._takes[name] = take
            return take
        return _nothing if name == "id" else _refusal(name)


def _take_of(resource: Resource, name: str, *, past: bool) -> Take | None:
    """How a column, a relation, ties or the history of a resource are taken. It is the same in every write."""
    if column := resource.writable(past=past).get(name):
        return _money(column) if column.kind is Kind.MONEY else _column(column)
    if relation := resource.writable_to_one.get(name):
        return lambda change, taken, value: taken.__setitem__(name, _key(value, name, null=relation.null))
    if link := resource.link_inputs.get(name):
        return lambda change, taken, value: change.links.__setitem__(link.name, [key for one in value or [] if (key := _key(one, name))])
    if name == "history" and past:
        return lambda change, taken, value: change.history.update(value)
    return None


def _column(column: Column) -> Take:
    name, key, clean = column.name, column.key, cleaner(column)

    def take(change: Change, taken: dict[str, Any], value: Any) -> None:
        taken[name] = clean(value)

    def take_text(change: Change, taken: dict[str, Any], value: Any) -> None:
        taken[name] = text = clean(value)
        taken[str(key)] = None if text is None else column.folded(text)

    return take_text if key else take


def _money(column: Column) -> Take:
    name, currency, clean = column.name, str(column.currency), cleaner(column)

    def take(change: Change, taken: dict[str, Any], value: Any) -> None:
        money = clean(value)
        if money is not None:
            exponent(money.currency)
            taken[currency] = money.currency
        taken[name] = None if money is None else minor_units(money.amount, money.currency, name)

    return take


def _key(value: Any, path: str, *, null: bool = False) -> uuid.UUID | None:
    """The key of another record. Raises Invalid."""
    if value is None and null:
        return None
    if not isinstance(value, uuid.UUID):
        raise Invalid({path: "must not be null" if value is None else "must be an id"})
    return value


def _nothing(change: Change, taken: dict[str, Any], value: Any) -> None:
    """The key of a new record has been taken when it was made; that of another stays."""


def _refusal(name: str) -> Take:
    def take(change: Change, taken: dict[str, Any], value: Any) -> None:
        raise Invalid({name: "cannot be set"})

    return take


def _shut(call: "Call", resource: Resource) -> Mapping[str, str]:
    """The names of inputs that the actor must not give, with the field that each of them sets."""
    if not call.actor.shut:
        return NOTHING
    inputs = {
        **{attr: one.name for attr, one in resource.writable_to_one.items()},
        **{link.ids: link.name for link in resource.linked.values()},
    }
    names = {name: name for name in (*resource.columns, *call.crm.resources.parts(resource))} | inputs
    return {name: field for name, field in names.items() if f"{resource.key}.{field}" in call.actor.shut}


def _own(call: "Call", resource: Resource) -> Values:
    """A row made by someone who may make only its own belongs to its maker, when nothing else is said.

    Where no input says whose it is, the resource itself does, when it prepares the row.
    """
    if resource.owned_by is None or call.actor.user_id is None or resource.owned_by in resource.read_only:
        return {}
    mine = call.actor.grant(f"{resource.key}.{CREATE}") in (OWN, TEAM)
    return {resource.to_one[resource.owned_by].attr: call.actor.user_id} if mine else {}
