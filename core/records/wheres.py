"""A filter as JSON, in the words of the argument `where`, read without GraphQL: a role keeps its filters so."""

import datetime
import decimal
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.errors import Invalid
from core.naming import camel, snake
from core.records.logic import DEEPEST
from core.resources import Column, Kind, Resource

if TYPE_CHECKING:
    from core.crm import CRM

EQUAL = frozenset({"eq", "ne", "in", "not_in", "is_null"})
RANGE = EQUAL | {"gt", "gte", "lt", "lte"}
TEXT = EQUAL | {"contains", "starts_with", "ends_with"}
MONEY = frozenset({"currency", "eq", "gt", "gte", "lt", "lte", "is_null"})
QUANTIFIERS = frozenset({"some", "none", "every"})


def read(crm: "CRM", resource: Resource, given: Any, path: str = "where", depth: int = 0) -> dict[str, Any]:
    """The filter as `core.records.filters.condition` takes it. Raises Invalid with the path to what it cannot read."""
    if not isinstance(given, Mapping):
        raise Invalid({path: "must be an object"})
    if depth > DEEPEST:
        raise Invalid({path: f"is nested more than {DEEPEST} levels deep"})
    found: dict[str, Any] = {}
    for name, test in given.items():
        here, known = f"{path}.{name}", snake(name)
        if name in ("and", "or"):
            if not isinstance(test, list):
                raise Invalid({here: "must be a list of filters"})
            found[name] = [read(crm, resource, one, f"{here}.{index}", depth + 1) for index, one in enumerate(test)]
        elif name == "not":
            found[name] = read(crm, resource, test, here, depth + 1)
        elif camel(known) != name:
            raise Invalid({here: f"{resource.name} has no such field"})
        else:
            found[known] = _field(crm, resource, known, test, here, depth)
    return found


def _field(crm: "CRM", resource: Resource, name: str, test: Any, path: str, depth: int) -> dict[str, Any]:
    resources, column = crm.resources, crm.columns(resource).get(name)
    if column is not None and column.kind is not Kind.JSON:
        return _tests(column, test, path)
    children = resources.children(resource)
    known = resource.to_one.get(name) or resource.linked.get(name) or children.get(name)
    if known is None or known.model not in resources.by_model:
        raise Invalid({path: f"{resource.name} has no such field"})
    target = resources.of(known.model)
    if name in resource.to_one or (name in children and children[name].single):
        return read(crm, target, test, path, depth + 1)
    if not isinstance(test, Mapping) or not test.keys() <= QUANTIFIERS:
        raise Invalid({path: f"must be an object of {', '.join(sorted(QUANTIFIERS))}"})
    return {quantifier: read(crm, target, inner, f"{path}.{quantifier}", depth + 1) for quantifier, inner in test.items()}


def _tests(column: Column, test: Any, path: str) -> dict[str, Any]:
    operators = _operators(column)
    if not isinstance(test, Mapping):
        raise Invalid({path: "must be an object of operators"})
    found: dict[str, Any] = {}
    for name, value in test.items():
        here, operator = f"{path}.{name}", snake(name)
        if operator not in operators or camel(operator) != name:
            raise Invalid({here: f"is no operator here; there are {', '.join(sorted(map(camel, operators)))}"})
        if operator == "is_null":
            found[operator] = _kept(bool, value, here)
        elif operator in ("in", "not_in"):
            found[operator] = [_value(column, one, f"{here}.{index}") for index, one in enumerate(_kept(list, value, here))]
        elif operator == "currency":
            found[operator] = _kept(str, value, here)
        else:
            found[operator] = None if value is None and operator == "eq" else _value(column, value, here)
    return found


def _operators(column: Column) -> frozenset[str]:
    if column.kind is Kind.MONEY:
        return MONEY
    if column.kind is Kind.BOOLEAN:
        return frozenset({"eq", "is_null"})
    if column.key:
        return TEXT
    plain = column.enum or column.kind in (Kind.ID, Kind.UUID, Kind.STRING, Kind.TEXT)
    return EQUAL if plain else RANGE


def _value(column: Column, value: Any, path: str) -> Any:
    """A value of JSON as the filters compare it. Times have an offset; decimals and amounts may be text or numbers."""
    try:
        match column.kind:
            case Kind.DATETIME:
                return datetime.datetime.fromisoformat(_kept(str, value, path))
            case Kind.DATE:
                return datetime.date.fromisoformat(_kept(str, value, path))
            case Kind.DECIMAL | Kind.MONEY if not isinstance(value, bool):
                return decimal.Decimal(str(value))
            case Kind.INT | Kind.BIG_INT:
                return value if type(value) is int else int(_kept(str, value, path))
            case Kind.FLOAT if not isinstance(value, bool):
                return float(value)
            case Kind.BOOLEAN:
                return _kept(bool, value, path)
            case Kind.ENUM if column.enum:
                return column.enum[_kept(str, value, path)]
    except (ValueError, KeyError, decimal.InvalidOperation, TypeError):
        raise Invalid({path: f"{str(value)[:60]!r} is no value of this field"}) from None
    return _kept(str, value, path)


def _kept(kind: type, value: Any, path: str) -> Any:
    if type(value) is not kind:
        raise Invalid({path: f"must be {_WORDS[kind]}"})
    return value


_WORDS = {bool: "true or false", list: "a list", str: "text"}
