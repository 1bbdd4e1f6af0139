"""A filter as JSON, with the names that GraphQL gives them, made into one of the house."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from core.crm import CRM
from core.naming import snake
from core.resources import Column, Kind, Resource
from core.transfer.converting import Hints, converter
from core.transfer.problems import Unusable

TIMES = (Kind.DATETIME, Kind.DATE)


def condition_of(crm: CRM, resource: Resource, given: Any) -> dict[str, Any]:
    """The filter that was given, with times, numbers and names as the house has them. Raises Unusable."""
    if not isinstance(given, Mapping):
        raise Unusable('--where must be a JSON object, such as {"city": {"eq": "Shiraz"}}')
    return {snake(name): _test(crm, resource, snake(name), test) for name, test in given.items()}


def _test(crm: CRM, resource: Resource, name: str, test: Any) -> Any:
    if name in ("and", "or"):
        return [condition_of(crm, resource, one) for one in test]
    if name == "not":
        return condition_of(crm, resource, test)
    if column := resource.columns.get(name):
        return _column(column, test)
    if relation := resource.to_one.get(name):
        return condition_of(crm, crm.resource(relation.model), test)
    if link := resource.linked.get(name):
        return _quantified(crm, crm.resource(link.model), test)
    if back := crm.resources.children(resource).get(name):
        inner = crm.resource(back.model)
        return condition_of(crm, inner, test) if back.single else _quantified(crm, inner, test)
    raise Unusable(f"--where: {resource.name} has no '{name}'")


def _quantified(crm: CRM, resource: Resource, test: Any) -> dict[str, Any]:
    if not isinstance(test, Mapping) or test.keys() - {"some", "none", "every"}:
        raise Unusable("--where: a list is tested by some, none or every")
    return {quantifier: condition_of(crm, resource, inner) for quantifier, inner in test.items()}


def _column(column: Column, test: Any) -> dict[str, Any]:
    if not isinstance(test, Mapping):
        raise Unusable(f'--where: {column.name} needs an operator, such as {{"eq": ...}}')
    return {snake(operator): _value(column, snake(operator), value) for operator, value in test.items()}


def _value(column: Column, operator: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_value(column, operator, one) for one in value]
    if operator in ("is_null", "currency") or value is None:
        return value
    if column.kind in TIMES and isinstance(value, str):
        return _converted(column, value)
    if column.kind in (Kind.DECIMAL, Kind.MONEY) and isinstance(value, str | int | float):
        return Decimal(str(value))
    return value


def _converted(column: Column, value: str) -> Any:
    try:
        return converter(column, Hints())(value)
    except ValueError as error:
        raise Unusable(f"--where: {column.name} '{value}' {error}") from None
