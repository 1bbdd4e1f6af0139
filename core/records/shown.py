"""The values of a record as the API shows them: names in camelCase, ids as global ids, money with its currency, times in UTC.

What the actor may not read is left out.
"""

import datetime
import decimal
import uuid
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from core.money import Money, exponent
from core.naming import camel
from core.plain import plain
from core.records.ids import encode
from core.records.readable import readable
from core.resources import Column, Kind, Resource, ToOne
from core.text import rfc3339

if TYPE_CHECKING:
    from core.crm import CRM, Call

Values = Mapping[str, Any]


def row(call: "Call", resource: Resource, record: Any) -> dict[str, Any]:
    """All columns of a record, and the ids of the records that it points to."""
    values = {name: getattr(record, name) for name in [*resource.columns, *resource.currencies]}
    values |= {one.attr: getattr(record, one.attr) for one in resource.to_one.values()}
    return told(call, resource, values)


def told(call: "Call", resource: Resource, values: Values) -> dict[str, Any]:
    """Values by column, as a record or an event has them. What the resource does not know is shown as it is."""
    crm, relations = call.crm, {one.attr: one for one in resource.to_one.values()}
    shown: dict[str, Any] = {}
    for name in readable(call, resource, values):
        value = values[name]
        if column := resource.columns.get(name):
            shown[camel(name)] = _column(resource, column, value, values)
        elif relation := relations.get(name):
            shown[camel(name)] = _key(crm, relation, value)
        elif link := resource.link_inputs.get(name):
            target = crm.resource(link.model)
            shown[camel(name)] = [encode(target, uuid.UUID(str(one))) for one in value or ()]
        elif part := crm.resources.parts(resource).get(name):
            shown[camel(name)] = [_given(call, crm.resource(part.model), one) for one in value or ()]
        elif name not in resource.currencies:
            shown[camel(name)] = plain(value)
    return shown


def changed(call: "Call", resource: Resource, names: Iterable[str]) -> list[str]:
    """The names of changed columns as the API has them. A currency is part of its money."""
    found: set[str] = set()
    for name in names:
        found |= {one for one, currency in resource.money.items() if currency == name} if name in resource.currencies else {name}
    return sorted(map(camel, readable(call, resource, found)))


def _column(resource: Resource, column: Column, value: Any, values: Values) -> Any:
    if value is None:
        return None
    match column.kind:
        case Kind.ID:
            return encode(resource, uuid.UUID(str(value)))
        case Kind.MONEY:
            currency = values.get(str(column.currency))
            return None if currency is None else money(Money.of_minor(value, currency))
        case Kind.DECIMAL:
            return format(decimal.Decimal(value).scaleb(-column.scale), "f")
        case Kind.DATETIME:
            return rfc3339(datetime.datetime.fromisoformat(value) if isinstance(value, str) else value)
        case Kind.ENUM if column.enum is not None:
            return (value if isinstance(value, Enum) else column.enum(value)).name
    return plain(value)


def _given(call: "Call", part: Resource, values: Values) -> dict[str, Any]:
    """A part as an input gave it, and as its event keeps it: money and decimals as they are written, and not in smallest units."""
    relations = {one.attr: one for one in part.to_one.values()}
    shown: dict[str, Any] = {}
    for name in readable(call, part, values):
        value, column = values[name], part.columns.get(name)
        if relation := relations.get(name):
            shown[camel(name)] = _key(call.crm, relation, value)
        elif value is not None and column is not None and column.kind is Kind.MONEY:
            shown[camel(name)] = money(Money(decimal.Decimal(str(value["amount"])), value["currency"]))
        elif value is not None and column is not None and column.kind is Kind.DECIMAL:
            shown[camel(name)] = format(decimal.Decimal(str(value)).quantize(decimal.Decimal(1).scaleb(-column.scale)), "f")
        elif column is not None:
            shown[camel(name)] = _column(part, column, value, values)
        else:
            shown[camel(name)] = plain(value)
    return shown


def _key(crm: "CRM", relation: ToOne, value: Any) -> str | None:
    """The global id of the record at the other end; the bare key of one that is not shown."""
    if value is None:
        return None
    target = crm.resources.by_model.get(relation.model)
    return str(value) if target is None else encode(target, uuid.UUID(str(value)))


def money(value: Money) -> dict[str, str]:
    """An amount with the digits of its currency."""
    digits = decimal.Decimal(1).scaleb(-exponent(value.currency))
    return {"amount": format(value.amount.quantize(digits), "f"), "currency": value.currency}
