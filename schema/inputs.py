"""Filters, orders and the values of mutations, as input types and back as plain Python."""

import datetime
import decimal
import inspect
from enum import Enum
from typing import Annotated, Any, Optional

import strawberry

from core.crm import CRM, Call
from core.errors import Invalid
from core.money import Money
from core.naming import camel
from core.permissions import demand
from core.records.ids import decode
from core.records.orders import MOST_KEYS, Order
from core.records.pages import Window
from core.records.worked import Worked
from core.resources import CREATE, UPDATE, Column, Kind, Resource
from schema.make import Book, described, many
from schema.scalars import BigInt, CurrencyCode

OPERATORS = {
    "eq": "Equal to this; null finds rows without a value.",
    "ne": "Not equal to this; rows without a value are among the found.",
    "in_": "Equal to one of these.",
    "not_in": "Equal to none of these; rows without a value are among the found.",
    "gt": "Greater than this.",
    "gte": "Greater than this or equal to it.",
    "lt": "Less than this.",
    "lte": "Less than this or equal to it.",
    "contains": "Has this text in it.",
    "starts_with": "Begins with this text.",
    "ends_with": "Ends with this text.",
    "is_null": "Whether there is no value.",
}
EQUAL = ("eq", "ne", "in_", "not_in", "is_null")
RANGE = ("eq", "ne", "in_", "not_in", "gt", "gte", "lt", "lte", "is_null")
TEXT = ("eq", "ne", "in_", "not_in", "contains", "starts_with", "ends_with", "is_null")
FOLDED = "Compared without regard to case, to Arabic or Persian forms of letters and digits, and to ZWNJ."
FILTERS: dict[Kind, tuple[str, Any, tuple[str, ...]]] = {
    Kind.ID: ("IDFilter", strawberry.ID, EQUAL),
    Kind.STRING: ("StringFilter", str, EQUAL),
    Kind.TEXT: ("StringFilter", str, EQUAL),
    Kind.INT: ("IntFilter", int, RANGE),
    Kind.BIG_INT: ("BigIntFilter", BigInt, RANGE),
    Kind.FLOAT: ("FloatFilter", float, RANGE),
    Kind.BOOLEAN: ("BooleanFilter", bool, ("eq", "is_null")),
    Kind.DATETIME: ("DateTimeFilter", datetime.datetime, RANGE),
    Kind.DATE: ("DateFilter", datetime.date, RANGE),
    Kind.DECIMAL: ("DecimalFilter", decimal.Decimal, RANGE),
}


class Direction(Enum):
    """Which way an order goes.

    ASC: smallest first; rows without a value last.
    DESC: largest first; rows without a value first.
    """

    ASC = "ASC"
    DESC = "DESC"


@strawberry.input(description="An amount of one currency.")
class MoneyInput:
    """Money as it is given."""

    amount: decimal.Decimal = strawberry.field(description="The amount, with at most the digits of its currency.")
    currency: CurrencyCode = strawberry.field(description="Code of ISO 4217.")


class Inputs:
    """The input types of one house."""

    def __init__(self, crm: CRM, book: Book) -> None:
        self.crm, self.book = crm, book
        described(Direction)
        for resource in crm.resources:
            self.filter(resource)
            self.order(resource)
            for partial, verb in ((False, CREATE), (True, UPDATE)):
                if verb in resource.verbs:
                    self.values(resource, partial=partial)

    # Filters

    def filter(self, resource: Resource) -> type:
        """`ContactFilter`."""
        name, crm, book = f"{resource.name}Filter", self.crm, self.book
        if name in book:
            return book[name]
        members = [
            book.member(column.name, self._test(column), column.description)
            for column in crm.columns(resource).values()
            if column.kind is not Kind.JSON
        ]
        for relation in resource.to_one.values():
            if relation.model in crm.resources.by_model:
                members.append(book.member(relation.name, f"{relation.model.__name__}Filter", f"{relation.description} {{}} means any."))
        for link in resource.linked.values():
            members.append(book.member(link.name, self._listed(crm.resource(link.model)), link.description))
        for back in crm.resources.children(resource).values():
            child = crm.resource(back.model)
            kind = f"{child.name}Filter" if back.single else self._listed(child)
            members.append(book.member(back.name, kind, back.description))
        members += [
            book.member("and_", many(name), "All of these hold.", graphql_name="and"),
            book.member("or_", many(name), "One of these holds.", graphql_name="or"),
            book.member("not_", name, "This does not hold.", graphql_name="not"),
        ]
        return book.add(
            name, members, f"Which rows of {resource.name} are meant. Tests that stand side by side must all hold.", is_input=True
        )

    def _test(self, column: Column) -> type:
        if column.kind is Kind.MONEY:
            return self._money()
        if column.enum:
            return self._operators(f"{column.enum.__name__}Filter", described(column.enum), EQUAL, "")
        if column.key:
            return self._operators("TextFilter", str, TEXT, FOLDED)
        name, kind, operators = FILTERS[column.kind] if column.kind is not Kind.UUID else FILTERS[Kind.STRING]
        return self._operators(name, kind, operators, "")

    def _operators(self, name: str, kind: Any, operators: tuple[str, ...], note: str) -> type:
        if name in self.book:
            return self.book[name]
        members = [
            self.book.member(
                one,
                bool if one == "is_null" else list[kind] if one in ("in_", "not_in") else kind,
                OPERATORS[one],
                graphql_name=camel(one.rstrip("_")),
            )
            for one in operators
        ]
        return self.book.add(name, members, f"Tests of one value; those that are given must all hold. {note}".strip(), is_input=True)

    def _money(self) -> type:
        members = [self.book.member("currency", CurrencyCode, "Only money of this currency; needed to compare amounts.")]
        members += [self.book.member(one, decimal.Decimal, OPERATORS[one]) for one in ("eq", "gt", "gte", "lt", "lte")]
        members.append(self.book.member("is_null", bool, OPERATORS["is_null"]))
        return self.book.add("MoneyFilter", members, "Tests of an amount of money.", is_input=True)

    def _listed(self, target: Resource) -> str:
        name = f"{target.name}ListFilter"
        if name not in self.book:
            members = [
                self.book.member("some", f"{target.name}Filter", "At least one row is like this; {} means any row."),
                self.book.member("none", f"{target.name}Filter", "No row is like this; {} means that there is none."),
                self.book.member("every", f"{target.name}Filter", "All rows are like this; also true when there is none."),
            ]
            self.book.add(name, members, f"Tests of a list of {target.name}. Only rows that you may see count.", is_input=True)
        return name

    # Orders

    def order(self, resource: Resource) -> type:
        """`ContactOrder`."""
        if f"{resource.name}Order" in self.book:
            return self.book[f"{resource.name}Order"]
        fields = {column.name: column.description for column in self.crm.columns(resource).values() if sortable(column)}
        field = self.book.enum(f"{resource.name}OrderField", fields, f"What a list of {resource.name} can be ordered by.")
        members = [
            self.book.member("field", field, "What to order by.", required=True),
            self.book.member("direction", described(Direction), "Which way.", default=Direction.ASC),
        ]
        return self.book.add(
            f"{resource.name}Order", members, f"One key of an order of {resource.name}; the id breaks ties.", is_input=True
        )

    # Values

    def values(self, resource: Resource, *, partial: bool) -> type:
        """`ContactCreateInput`, or `ContactUpdateInput` when partial; `ContactEmailInput` for a part."""
        name = input_name(resource, partial)
        if name in self.book:
            return self.book[name]
        members = []
        for column in resource.writable().values():
            kind = MoneyInput if column.kind is Kind.MONEY else described(column.enum) if column.enum else _plain_kind(column)
            members.append(self.book.member(column.name, kind, column.description, required=column.required and not partial))
        for attr, relation in resource.writable_to_one.items():
            if relation.model in self.crm.resources.by_model:
                members.append(self.book.member(attr, strawberry.ID, f"{relation.description} Its id."))
        for back in self.crm.resources.parts(resource).values():
            part = self.crm.resource(back.model)
            self.values(part, partial=False)
            members.append(
                self.book.member(
                    back.name,
                    many(input_name(part, False)),
                    f"{back.description} All of them: what is not in the list goes.",
                )
            )
        for link in resource.linked.values():
            members.append(self.book.member(link.ids, list[strawberry.ID], f"{link.description} Their ids; what is not in the list goes."))
        if not members:
            return type(None)
        what = "What to change; a field that is left out stays." if partial else "The values of a new record."
        return self.book.add(name, members, f"{resource.name}: {what}", is_input=True)

    # Arguments

    def listing(self, resource: Resource, listing: Any, connection: type) -> Any:
        """A resolver with the arguments of a connection, around `listing(root, call, where, orders, window, deleted)`."""
        to_filter, to_order = self.filter(resource), self.order(resource)

        async def resolve(
            root, info: strawberry.Info, first=None, after=None, last=None, before=None, where=None, order_by=None, include_deleted=False
        ):
            call = info.context
            orders = to_orders(call, resource, order_by)
            window = Window.of(call, first, after, last, before)
            return await listing(root, call, plain(where) if where else None, orders, window, include_deleted)

        limits = self.crm.settings.limits
        resolve.__annotations__ |= {
            "root": Any,
            "first": _argument(int, f"How many rows from the start; {limits.default_page} when nothing is said, at most {limits.page}."),
            "after": _argument(str, "Only rows after this cursor."),
            "last": _argument(int, f"How many rows from the end; at most {limits.page}."),
            "before": _argument(str, "Only rows before this cursor."),
            "where": _argument(to_filter, "Only rows like this."),
            "order_by": _argument(list[to_order], "The order; by id, and so by age, when nothing is said."),
            "include_deleted": Annotated[bool, strawberry.argument(description="Whether deleted rows are among them.")],
            "return": Optional[connection],  # noqa: UP045  # a type is a value here
        }
        if not resource.soft:
            drop(resolve, "include_deleted")
        return resolve


def sortable(column: Column) -> bool:
    """Whether a list can be ordered by a column: text only in its folded form, which both databases order alike."""
    return bool(column.key) or column.kind in (
        Kind.INT,
        Kind.BIG_INT,
        Kind.DECIMAL,
        Kind.MONEY,
        Kind.DATE,
        Kind.DATETIME,
        Kind.ENUM,
        Kind.BOOLEAN,
    )


def input_name(resource: Resource, partial: bool) -> str:
    """The name of the type of values."""
    if resource.part_of:
        return f"{resource.name}Input"
    return f"{resource.name}{'Update' if partial else 'Create'}Input"


def to_orders(call: Call, resource: Resource, given: Any) -> list[Order]:
    """The orders that the arguments mean. Raises Invalid for too many, and Forbidden for what the actor must not see."""
    if len(given or ()) > MOST_KEYS:
        raise Invalid(order_by=f"has {len(given)} keys, at most {MOST_KEYS} are possible")
    demand(call, resource, *(one.field.value for one in given or ()))
    return [_order(call, resource, one.field.value, one.direction is Direction.DESC) for one in given or ()]


def _order(call: Call, resource: Resource, name: str, descending: bool) -> Order:
    if one := call.crm.worked(resource, name):
        return Order(one.column, descending, Worked(call, one))
    return Order(resource.columns[name], descending)


def plain(value: Any) -> Any:
    """An input as plain Python: dicts of what the client sent, by snake_case names."""
    if isinstance(value, MoneyInput):
        return Money(value.amount, value.currency)
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, Enum) or not hasattr(value, "__strawberry_definition__"):
        return value
    given: dict[str, Any] = {}
    for field in value.__strawberry_definition__.fields:
        sent = getattr(value, field.python_name)
        if sent is strawberry.UNSET:
            continue
        given[field.python_name.rstrip("_")] = plain(sent)
    return given


def to_values(crm: CRM, resource: Resource, given: Any, path: str = "") -> dict[str, Any]:
    """The values of an input with its global ids as keys. Raises Invalid for ids of other types, under `path`."""
    values = dict(given) if isinstance(given, dict) else plain(given)
    relations, links = resource.writable_to_one, {link.ids: link for link in resource.linked.values()}
    parts = crm.resources.parts(resource)
    for name, value in values.items():
        if value is None:
            continue
        if name in relations:
            values[name] = decode(crm.resource(relations[name].model), value, f"{path}{name}")
        elif name in links:
            values[name] = [decode(crm.resource(links[name].model), one, f"{path}{name}.{index}") for index, one in enumerate(value)]
        elif isinstance(value, dict) and name in resource.columns and resource.columns[name].kind is Kind.MONEY:
            values[name] = Money(**value)
        elif name in parts:
            part = crm.resource(parts[name].model)
            values[name] = [to_values(crm, part, one, f"{name}.{index}.") for index, one in enumerate(value)]
    return values


def _plain_kind(column: Column) -> Any:
    if column.kind is Kind.JSON:
        return strawberry.scalars.JSON
    return str if column.kind is Kind.UUID else FILTERS[column.kind][1]


def _argument(kind: Any, description: str) -> Any:
    return Annotated[Optional[kind], strawberry.argument(description=description)]  # noqa: UP045  # a type is a value here


def drop(resolve: Any, name: str) -> None:
    """Take an argument that makes no sense for this resource out of the signature."""
    signature = inspect.signature(resolve)
    resolve.__signature__ = signature.replace(parameters=[one for key, one in signature.parameters.items() if key != name])
    resolve.__annotations__.pop(name)
