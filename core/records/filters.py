"""What rows are meant: the filters of the API as Q."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tortoise.expressions import Q, Subquery
from tortoise.fields import SmallIntField
from tortoise.models import Model
from tortoise.queryset import QuerySet

from core.errors import Invalid
from core.money import minor_units
from core.permissions import demand
from core.records import ids
from core.records.logic import ALWAYS, DEEPEST, NEVER, every, negated, some, tests
from core.records.values import clean
from core.records.visibility import visible
from core.records.worked import Holds, Worked
from core.resources import Column, Kind, Linked, Resource, ToMany, ToOne
from core.text import fold, storable

if TYPE_CHECKING:
    from core.crm import Call

Where = Mapping[str, Any]


class Filter(Where):
    """What a plugin's resolver gets for `where: Annotated[Filter | None, Deal]`, which GraphQL shows as DealFilter."""


@dataclass(frozen=True)
class Rows:
    """What a plugin's resolver returns for `-> Annotated[Rows | None, Contact]`: contacts, as a queryset that starts at `visible`.

    GraphQL shows it as ContactConnection, with the arguments first, after, last, before and orderBy.
    """

    queryset: QuerySet[Any]


MOST_VALUES = 2_000  # tests and values of a filter
SMALL = 32_767  # the largest number of a small column, which on PostgreSQL has 16 bits
LONGEST = 1_000  # characters of a text that is looked for

_LOOKUPS = {"eq": "", "in": "__in", "gt": "__gt", "gte": "__gte", "lt": "__lt", "lte": "__lte"}
TEXTUAL = {"contains": "__contains", "starts_with": "__startswith", "ends_with": "__endswith"}


def condition(call: "Call", resource: Resource, where: Where | None, path: str = "where") -> Q:
    """The Q of a filter like `{"city": {"eq": "Shiraz"}, "deals": {"some": {...}}}`.

    Every test is true or false and never unknown, so that `not` turns exactly the rows around: a null
    fulfils `eq: null` and `is_null`, and no other test. Rows of other resources count when the actor may see them.
    Raises Invalid for a value that cannot be compared, and for a filter too large for a database.
    """
    measure(where or {}, path)
    return _condition(call, resource, where, path)


def measure(where: Where, path: str) -> None:
    """Raise Invalid for a filter with more levels or values than a database takes in one statement."""
    waiting: list[tuple[Any, int]] = [(where, 0)]
    values = 0
    while waiting:
        one, depth = waiting.pop()
        inner = one.values() if isinstance(one, Mapping) else one if isinstance(one, list) else ()
        values += len(inner)
        if depth > DEEPEST:
            raise Invalid({path: f"is nested more than {DEEPEST} levels deep"})
        if values > MOST_VALUES:
            raise Invalid({path: f"has more than {MOST_VALUES} tests and values; ask in parts"})
        waiting.extend((each, depth + 1) for each in inner)


def _condition(call: "Call", resource: Resource, where: Where | None, path: str) -> Q:
    clauses: list[Q] = []
    for name, test in (where or {}).items():
        here = f"{path}.{name}"
        if name in ("and", "or"):
            parts = [_condition(call, resource, one, f"{here}.{index}") for index, one in enumerate(test or [])]
            clauses.append(every(parts) if name == "and" else some(parts))
        elif name == "not":
            clauses.append(negated(_condition(call, resource, test, here)))
        else:
            clauses.append(_field(call, resource, name, test, here))
    return every(clauses)


def matching(call: "Call", model: type[Model], where: Where | None, path: str = "where") -> QuerySet[Any]:
    """The rows that the actor sees and that fulfil the filter at `path`; all of them without one. Raises Forbidden and Invalid."""
    resource = call.crm.resource(model)
    return visible(call, resource).filter(condition(call, resource, where, path))


def _field(call: "Call", resource: Resource, name: str, test: Any, path: str) -> Q:
    demand(call, resource, name)
    if test is None:
        raise Invalid({path: "must not be null; leave it out, or ask isNull"})
    if column := resource.columns.get(name):
        return _money(column, test, path) if column.kind is Kind.MONEY else _column(resource, column, test, path)
    if one := call.crm.worked(resource, name):
        return _column(resource, one.column, test, path, Worked(call, one))
    if relation := resource.to_one.get(name):
        return _to_one(call, relation, test, path)
    if link := resource.linked.get(name):
        return _quantified(call, test, path, lambda inner, where: _links(call, link, inner, where))
    back = call.crm.resources.children(resource)[name]
    if back.single:
        return _children(call, back, test, path)
    return _quantified(call, test, path, lambda inner, where: _children(call, back, inner, where))


def _column(resource: Resource, column: Column, test: Where, path: str, worked: Worked | None = None) -> Q:
    clauses = []
    for operator, value in test.items():
        here = f"{path}.{operator}"
        if operator == "is_null" or (value is None and operator == "eq"):
            clauses.append(_null(column.name, value if operator == "is_null" else True, here, worked))
        elif value is None:
            raise Invalid({here: "must not be null; ask isNull"})
        elif operator in ("ne", "not_in"):
            clauses.append(negated(_compare(resource, column, "eq" if operator == "ne" else "in", value, here, worked)))
        else:
            clauses.append(_compare(resource, column, operator, value, here, worked))
    return every(clauses)


def _compare(resource: Resource, column: Column, operator: str, value: Any, path: str, worked: Worked | None) -> Q:
    if operator == "in":
        values = [comparable(resource, column, operator, one, f"{path}.{index}") for index, one in enumerate(value)]
        if worked:
            return Holds(worked, operator, values) if values else NEVER
        values = [one for one in values if _fits(column, one)]
        test = tests({f"{column.compared}__in": values}) if values else NEVER
    elif worked:
        return Holds(worked, operator, comparable(resource, column, operator, value, path))
    elif operator in TEXTUAL:
        text = comparable(resource, column, operator, value, path)
        test = tests({f"{column.compared}{TEXTUAL[operator]}": text}) if text else ALWAYS
    else:
        one = comparable(resource, column, operator, value, path)
        test = tests({f"{column.compared}{_LOOKUPS[operator]}": one}) if _fits(column, one) else _beyond(operator, one)
    return test & tests({f"{column.name}__isnull": False}) if column.null else test


def _fits(column: Column, value: Any) -> bool:
    """Whether a row could have the value at all: a text that is too long, or a number that is too large, is refused before it is asked."""
    if isinstance(column.field, SmallIntField):
        return -SMALL - 1 <= value <= SMALL
    return column.key is not None or not isinstance(value, str) or column.max_length is None or len(value) <= column.max_length


def _beyond(operator: str, value: Any) -> Q:
    """What a comparison with a value comes to that no row can have: numbers are all on one side of it."""
    return ALWAYS if isinstance(value, int) and operator in (("lt", "lte") if value > 0 else ("gt", "gte")) else NEVER


def comparable(resource: Resource, column: Column, operator: str, value: Any, path: str) -> Any:
    """A value as the column that it is compared with keeps it. Raises Invalid."""
    if column.kind in (Kind.STRING, Kind.TEXT):
        text = storable(value, path)
        if len(text) > LONGEST:
            raise Invalid({path: f"has {len(text)} characters, at most {LONGEST} can be looked for"})
        if not column.key:
            return text
        return fold(text) if operator in TEXTUAL else column.folded(text)
    if column.kind is Kind.ID and isinstance(value, str):
        return ids.decode(resource, value, path)
    return clean(column, value, path)


def _money(column: Column, test: Where, path: str) -> Q:
    clauses = []
    currency = test.get("currency")
    for operator, value in test.items():
        here = f"{path}.{operator}"
        if operator == "is_null":
            clauses.append(_null(column.name, value, here))
        elif operator == "currency":
            clauses.append(
                tests({str(column.currency): value}) & tests({f"{column.name}__isnull": False, f"{column.currency}__isnull": False})
            )
        elif currency is None:
            raise Invalid({f"{path}.currency": "is needed to compare money"})
        elif value is None:
            raise Invalid({here: "must not be null; ask isNull"})
        else:
            clauses.append(tests({f"{column.name}{_LOOKUPS[operator]}": minor_units(value, currency, here)}))
    return every(clauses)


def _null(name: str, value: bool | None, path: str, worked: Worked | None = None) -> Q:
    if value is None:
        raise Invalid({path: "must be true or false"})
    return Holds(worked, "is_null", value) if worked else tests({f"{name}__isnull": value})


def _to_one(call: "Call", relation: ToOne, test: Where, path: str) -> Q:
    target = call.crm.resource(relation.model)
    rows = visible(call, target).filter(_condition(call, target, test, path))
    return tests({f"{relation.attr}__in": Subquery(rows.values("id"))}) & tests({f"{relation.attr}__isnull": False})


def _quantified(call: "Call", test: Where, path: str, matching: Any) -> Q:
    clauses = []
    for quantifier, inner in test.items():
        here = f"{path}.{quantifier}"
        if inner is None:
            raise Invalid({here: "must not be null; {} means any"})
        if quantifier == "every":
            clauses.append(negated(matching({"not": inner}, here)))
        else:
            found = matching(inner, here)
            clauses.append(found if quantifier == "some" else negated(found))
    return every(clauses)


def _children(call: "Call", back: ToMany, where: Where | None, path: str) -> Q:
    child = call.crm.resource(back.model)
    rows = visible(call, child).filter(_condition(call, child, where, path)).filter(**{f"{back.attr}__isnull": False})
    return Q(id__in=Subquery(rows.values(back.attr)))


def _links(call: "Call", link: Linked, where: Where, path: str) -> Q:
    target = call.crm.resource(link.model)
    rows = visible(call, target).filter(_condition(call, target, where, path))
    ties = link.through.filter(**{f"{link.far}__in": Subquery(rows.values("id"))})
    return Q(id__in=Subquery(ties.values(link.near)))
