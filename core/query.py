"""What a list asks for: filters as Q, orders, keyset cursors and pages."""

import base64
import datetime
import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from tortoise.connection import get_connection
from tortoise.exceptions import BaseORMException
from tortoise.expressions import Q, RawSQL, Subquery
from tortoise.models import Model
from tortoise.queryset import QuerySet

from core import ids
from core.errors import Invalid
from core.money import minor_units
from core.resources import Column, Kind, Linked, Resource, ToMany, ToOne
from core.text import fold, storable
from core.values import EARLIEST, LATEST, clean
from core.visibility import visible

if TYPE_CHECKING:
    from core.crm import Call

Where = Mapping[str, Any]


class Filter(Where):
    """What a plugin's resolver gets for `where: Annotated[Filter | None, Deal]`, which GraphQL shows as DealFilter."""


DEEPEST = 30  # levels of a filter
MOST_VALUES = 2_000  # tests and values of a filter
LONGEST = 1_000  # characters of a text that is looked for
MOST_KEYS = 10  # of an order

_LOOKUPS = {"eq": "", "in": "__in", "gt": "__gt", "gte": "__gte", "lt": "__lt", "lte": "__lte"}
_TEXT = {"contains": "__contains", "starts_with": "__startswith", "ends_with": "__endswith"}


def condition(call: "Call", resource: Resource, where: Where | None, path: str = "where") -> Q:
    """The Q of a filter like `{"city": {"eq": "Shiraz"}, "deals": {"some": {...}}}`.

    Every test is true or false and never unknown, so that `not` turns exactly the rows around: a null
    fulfils `eq: null` and `is_null`, and no other test. Rows of other resources count when the actor may see them.
    Raises Invalid for a value that cannot be compared, and for a filter too large for a database.
    """
    _measure(where or {}, path)
    return _condition(call, resource, where, path)


def _measure(where: Where, path: str) -> None:
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
            clauses.append(_all(parts) if name == "and" else _any(parts))
        elif name == "not":
            clauses.append(_not(_condition(call, resource, test, here)))
        else:
            clauses.append(_field(call, resource, name, test, here))
    return _all(clauses)


def matching(call: "Call", model: type[Model], where: Where | None) -> QuerySet[Any]:
    """The rows that the actor may see and that fulfil a filter; all of them without one. Raises Forbidden and Invalid."""
    resource = call.crm.resource(model)
    return visible(call, resource).filter(condition(call, resource, where))


def _field(call: "Call", resource: Resource, name: str, test: Any, path: str) -> Q:
    if test is None:
        raise Invalid({path: "must not be null; leave it out, or ask isNull"})
    if column := resource.columns.get(name):
        return _money(column, test, path) if column.kind is Kind.MONEY else _column(resource, column, test, path)
    if relation := resource.to_one.get(name):
        return _to_one(call, relation, test, path)
    if link := resource.linked.get(name):
        return _quantified(call, test, path, lambda inner, where: _links(call, link, inner, where))
    back = call.crm.resources.children(resource)[name]
    if back.single:
        return _children(call, back, test, path)
    return _quantified(call, test, path, lambda inner, where: _children(call, back, inner, where))


def _column(resource: Resource, column: Column, test: Where, path: str) -> Q:
    clauses = []
    for operator, value in test.items():
        here = f"{path}.{operator}"
        if operator == "is_null":
            clauses.append(_null(column.name, value, here))
        elif value is None and operator == "eq":
            clauses.append(_null(column.name, True, here))
        elif value is None:
            raise Invalid({here: "must not be null; ask isNull"})
        elif operator in ("ne", "not_in"):
            clauses.append(_not(_compare(resource, column, "eq" if operator == "ne" else "in", value, here)))
        else:
            clauses.append(_compare(resource, column, operator, value, here))
    return _all(clauses)


def _compare(resource: Resource, column: Column, operator: str, value: Any, path: str) -> Q:
    if operator == "in":
        values = [_comparable(resource, column, operator, one, f"{path}.{index}") for index, one in enumerate(value)]
        test = tests({f"{column.compared}__in": values}) if values else NEVER
    elif operator in _TEXT:
        text = _comparable(resource, column, operator, value, path)
        test = tests({f"{column.compared}{_TEXT[operator]}": text}) if text else ALWAYS
    else:
        test = tests({f"{column.compared}{_LOOKUPS[operator]}": _comparable(resource, column, operator, value, path)})
    return test & tests({f"{column.name}__isnull": False}) if column.null else test


def _comparable(resource: Resource, column: Column, operator: str, value: Any, path: str) -> Any:
    if column.kind in (Kind.STRING, Kind.TEXT):
        text = storable(value, path)
        if len(text) > LONGEST:
            raise Invalid({path: f"has {len(text)} characters, at most {LONGEST} can be looked for"})
        if not column.key:
            return text
        return fold(text) if operator in _TEXT else column.folded(text)
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
    return _all(clauses)


def _null(name: str, value: bool | None, path: str) -> Q:
    if value is None:
        raise Invalid({path: "must be true or false"})
    return tests({f"{name}__isnull": value})


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
            clauses.append(_not(matching({"not": inner}, here)))
        else:
            some = matching(inner, here)
            clauses.append(some if quantifier == "some" else _not(some))
    return _all(clauses)


def _children(call: "Call", back: ToMany, where: Where | None, path: str) -> Q:
    child = call.crm.resource(back.model)
    rows = visible(call, child).filter(_condition(call, child, where, path)).filter(**{f"{back.attr}__isnull": False})
    return Q(id__in=Subquery(rows.values(back.attr)))


def _links(call: "Call", link: Linked, where: Where, path: str) -> Q:
    target = call.crm.resource(link.model)
    rows = visible(call, target).filter(_condition(call, target, where, path))
    ties = link.through.filter(**{f"{link.far}__in": Subquery(rows.values("id"))})
    return Q(id__in=Subquery(ties.values(link.near)))


NEVER = Q(id__isnull=True)
ALWAYS = Q(id__isnull=False)


def tests(these: dict[str, Any]) -> Q:
    """The Q of tests whose names are computed."""
    return Q(**these)  # type: ignore[arg-type]  # the other parameters of Q are no names of columns


def _all(parts: Sequence[Q]) -> Q:
    return Q(*parts) if parts else ALWAYS


def _any(parts: Sequence[Q]) -> Q:
    return Q(*parts, join_type="OR") if parts else NEVER


def _not(part: Q) -> Q:
    """The Q of what does not hold. Never directly of one `IN`, for the library takes NOT NOT IN for NOT IN."""
    return ~Q(part, ALWAYS)


# Orders and pages


@dataclass(frozen=True)
class Order:
    """One key of an order. Rows without a value come last when ascending, first when descending."""

    column: Column
    descending: bool = False

    @property
    def keys(self) -> tuple["Key", ...]:
        """What is compared: of money first whether there is any, then its currency."""
        null, descending = self.column.null, self.descending
        if self.column.kind is Kind.MONEY:
            name, currency = self.column.name, str(self.column.currency)
            if not null:
                return (Key(currency, False, descending), Key(name, False, descending))
            return (Key(name, True, descending, flag=True), Key(currency, False, descending, of=name), Key(name, True, descending))
        return (Key(self.column.compared, null, descending),)


@dataclass(frozen=True)
class Page:
    """The rows of one page, and whether there are more on either side."""

    rows: list[Any]
    has_next: bool
    has_previous: bool


@dataclass(frozen=True)
class Key:
    """One attribute of a keyset; with `flag` only whether it has a value, with `of` only where that other attribute has one."""

    attribute: str
    null: bool
    descending: bool
    flag: bool = False
    of: str | None = None

    def value(self, row: Any) -> Any:
        """What a row has here."""
        return None if self.of and getattr(row, self.of) is None else getattr(row, self.attribute)

    def terms(self, table: str) -> list[str]:
        """SQL of what is compared, nulls as the largest."""
        column = f'"{table}"."{self.attribute}"'
        if self.of:
            return [f'CASE WHEN "{table}"."{self.of}" IS NOT NULL THEN {column} END']
        return [*([f"({column} IS NULL)"] if self.null else []), *([] if self.flag else [column])]


def keyset(resource: Resource, orders: Sequence[Order], *, backwards: bool = False) -> list[Key]:
    """The attributes that put the rows of a list in one certain order; the id breaks ties."""
    keys = [replace(key, descending=key.descending != backwards) for order in orders for key in order.keys]
    last = orders[-1].descending if orders else False
    return [*keys, Key("id", False, last != backwards)]


def sort(queryset: QuerySet[Any], keys: Sequence[Key]) -> QuerySet[Any]:
    """The queryset in the order of the keys, nulls as the largest, on both databases alike."""
    table = queryset.model._meta.db_table
    names: list[str] = []
    for place, key in enumerate(keys):
        for term in key.terms(table):
            name = key.attribute
            if term != f'"{table}"."{name}"':
                name = f"_order_{place}"
                queryset = queryset.annotate(**{name: RawSQL(f"({term})")})
            names.append(f"-{name}" if key.descending else name)
    return queryset.order_by(*names)


def beyond(keys: Sequence[Key], values: Sequence[Any]) -> Q:
    """The rows that come after the one with these values."""
    alternatives = []
    for index, key in enumerate(keys):
        same = [_same(one, value) for one, value in zip(keys[:index], values, strict=False)]
        after = _after(key, values[index])
        if after is not None:
            alternatives.append(_all([*same, after]))
    return _any(alternatives)


def _same(key: Key, value: Any) -> Q:
    if key.of and value is None:
        return ALWAYS
    if value is None or key.flag:
        return tests({f"{key.attribute}__isnull": value is None})
    return tests({key.attribute: value})


def _after(key: Key, value: Any) -> Q | None:
    name = key.attribute
    if key.of and value is None:
        return None
    if value is None:
        return tests({f"{name}__isnull": False}) if key.descending else None
    if key.flag:
        return None if key.descending else tests({f"{name}__isnull": True})
    if key.descending:
        return tests({f"{name}__lt": value})
    larger = tests({f"{name}__gt": value})
    return larger | tests({f"{name}__isnull": True}) if key.null else larger


def cursor(resource: Resource, orders: Sequence[Order], row: Model) -> str:
    """The place of a row in a list of this order, as an opaque word."""
    values = [_wire(key.value(row)) for key in keyset(resource, orders)]
    body = json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(_seal(resource, orders, body) + body).decode().rstrip("=")


def position(resource: Resource, orders: Sequence[Order], text: str, path: str) -> list[Any]:
    """The values in a cursor. Raises Invalid for one that was edited, or made for another list or order."""
    wrong = Invalid({path: "is not a cursor of this list in this order"})
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        seal, body = raw[:9], raw[9:]
        if seal != _seal(resource, orders, body) or base64.urlsafe_b64encode(raw).decode().rstrip("=") != text:
            raise wrong
        values = json.loads(body)
        return [_unwire(resource, key, value) for key, value in zip(keyset(resource, orders), values, strict=True)]
    except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError, BaseORMException, Invalid):
        raise wrong from None  # whatever the libraries say to a cursor that somebody made by hand


def _seal(resource: Resource, orders: Sequence[Order], body: bytes) -> bytes:
    """A check sum over a cursor and the list that it is for; it reveals and protects nothing but mistakes."""
    terms = ",".join(f"{order.column.name}{'-' if order.descending else '+'}" for order in orders)
    return hashlib.blake2b(f"{resource.key}|{terms}|".encode() + body, digest_size=9).digest()


def _wire(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, datetime.date) else str(value) if isinstance(value, uuid.UUID) else value


def _unwire(resource: Resource, key: Key, value: Any) -> Any:
    """The value of the row that a cursor stands for. Raises one of many errors for what no row can have."""
    if value is None and (key.null or key.of):
        return None
    found = resource.model._meta.fields_map[key.attribute].to_python_value(value)
    moment = isinstance(found, datetime.date) and not EARLIEST.year < found.year < LATEST.year + 1
    if value is None or _wire(found) != value or moment or (isinstance(found, int) and abs(found) >= 2**63):
        raise ValueError(value)
    return storable(found, key.attribute) if isinstance(found, str) and not isinstance(found, Enum) else found


async def page(queryset: QuerySet[Any], resource: Resource, orders: Sequence[Order], window: "Window") -> Page:
    """The rows of a window of the list."""
    keys = keyset(resource, orders, backwards=window.backwards)
    rows = list(await sort(windowed(queryset, resource, orders, window), keys).limit(window.size + 1))
    more = len(rows) > window.size
    return arranged(rows[: window.size], more, window)


def windowed(queryset: QuerySet[Any], resource: Resource, orders: Sequence[Order], window: "Window") -> QuerySet[Any]:
    """The rows between the cursors of a window."""
    for text, path, backwards in ((window.after, "after", False), (window.before, "before", True)):
        if text is not None:
            values = position(resource, orders, text, path)
            queryset = queryset.filter(beyond(keyset(resource, orders, backwards=backwards), values))
    return queryset


def arranged(rows: list[Any], more: bool, window: "Window") -> Page:
    """The page of rows that came in the direction of the window."""
    if window.backwards:
        return Page(rows[::-1], window.before is not None, more)
    return Page(rows, more, window.after is not None)


@dataclass(frozen=True)
class Window:
    """Which part of a list: `size` rows after or before a cursor."""

    size: int
    after: str | None = None
    before: str | None = None
    backwards: bool = False

    @classmethod
    def of(cls, call: "Call", first: int | None, after: str | None, last: int | None, before: str | None) -> "Window":
        """The window of Relay's arguments. Raises Invalid for sizes beyond the limits."""
        limits = call.crm.settings.limits
        if first is not None and last is not None:
            raise Invalid(first="give first or last, not both")
        name, size = ("last", last) if last is not None else ("first", limits.default_page if first is None else first)
        if not 0 <= size <= limits.page:
            raise Invalid({name: f"must be between 0 and {limits.page}, not {size}"})
        return cls(size, after, before, last is not None)


def statement(queryset: Any) -> tuple[str, list[Any]]:
    """The SQL of a queryset and its parameters, to be wrapped in a larger statement."""
    queryset._choose_db_if_not_chosen()
    queryset._make_query()
    return queryset.query.get_parameterized_sql()


async def count(queryset: QuerySet[Any], cap: int) -> tuple[int, bool]:
    """How many rows there are, counted up to `cap`, and whether that is all of them."""
    sql, parameters = statement(queryset.limit(cap + 1).values("id"))
    rows = await get_connection("default").execute_query_dict(f"SELECT COUNT(*) AS n FROM ({sql}) AS counted", parameters)
    number = rows[0]["n"]
    return min(number, cap), number <= cap
