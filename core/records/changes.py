"""From the values of an input or an import to a change of a record, cleaned but not saved."""

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.errors import Invalid
from core.fields import new_id
from core.money import Money, exponent, minor_units
from core.records.bulk import assign, blank
from core.records.values import clean
from core.resources import CREATE, Change, Column, Kind, Resource

if TYPE_CHECKING:
    from core.crm import Call

Values = Mapping[str, Any]


def new_change(call: "Call", resource: Resource, values: Values, past: bool) -> Change:
    """The change that makes a record of these values. Raises Invalid for all that is wrong with them."""
    values = _owned(call, resource, values)
    change = Change(record=blank(resource.model, id=values.get("id") or new_id()), values={}, past=past)
    take(call, resource, change, values)
    if missing := resource.required(past=past) - change.values.keys():
        raise Invalid(dict.fromkeys(sorted(missing), "is required"))
    return change


def changed(call: "Call", resource: Resource, record: Any, values: Values, past: bool) -> Change:
    """The change that gives a record these values; empty when it has them already. Raises Invalid."""
    change = Change(record=record, values={}, before={}, past=past)
    take(call, resource, change, values)
    return change


def take(call: "Call", resource: Resource, change: Change, values: Values) -> None:
    """Sort what was given into columns, relations, parts and links, cleaned."""
    columns, relations = resource.writable(past=change.past), resource.writable_to_one
    parts, links = call.crm.resources.parts(resource), resource.link_inputs
    problems: dict[str, str] = {}
    for name, value in values.items():
        try:
            if column := columns.get(name):
                _take_column(call, resource, change, column, value)
            elif relation := relations.get(name):
                _set(change, name, clean_key(value, name, null=relation.null))
            elif name in parts:
                change.parts[name] = [dict(one) for one in value or []]
            elif name in links:
                change.links[links[name].name] = [key for one in value or [] if (key := clean_key(one, name))]
            elif name == "history" and change.past:
                change.history.update(value)
            elif name != "id":
                raise Invalid({name: "cannot be set"})
        except Invalid as error:
            problems.update(error.fields)
    if problems:
        raise Invalid(problems)


def clean_key(value: Any, path: str, *, null: bool = False) -> uuid.UUID | None:
    """The key of another record. Raises Invalid."""
    if value is None and null:
        return None
    if not isinstance(value, uuid.UUID):
        raise Invalid({path: "must not be null" if value is None else "must be an id"})
    return value


def _take_column(call: "Call", resource: Resource, change: Change, column: Column, value: Any) -> None:
    value = clean(column, value, column.name)
    if column.kind is Kind.MONEY:
        _set_money(change, column, value)
        return
    _set(change, column.name, value)
    if column.key and column.name in change.values:
        change.put(column.key, None if value is None else column.folded(value))


def _set_money(change: Change, column: Column, value: Money | None) -> None:
    currency = str(column.currency)
    if value is not None:
        exponent(value.currency)
        _set(change, currency, value.currency)
    _set(change, column.name, None if value is None else minor_units(value.amount, value.currency, column.name))


def _set(change: Change, name: str, value: Any) -> None:
    if change.before is None:
        change.values[name] = value
        assign(change.record, name, value)
    elif getattr(change.record, name) != value:
        change.put(name, value)


def _owned(call: "Call", resource: Resource, values: Values) -> Values:
    """A row made by someone who may make only its own belongs to its maker, when nothing else is said."""
    if resource.owned_by is None or call.actor.user_id is None:
        return values
    attr = resource.to_one[resource.owned_by].attr
    mine = call.actor.grant(f"{resource.key}.{CREATE}") == "own"
    return {attr: call.actor.user_id, **values} if mine else values
