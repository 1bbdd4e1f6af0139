"""From resources to object types: the model is the type, and the ways back are added in each schema."""

import datetime
import decimal
import uuid
from typing import Any, Optional

import strawberry
from strawberry.types.field import StrawberryField
from tortoise.models import Model

import schema.loaders as loaders
from core.crm import CRM, Call
from core.expressions import Expressed
from core.money import Money, exponent
from core.records.ids import encode
from core.records.pages import Page, Window, cursor
from core.resources import SYSTEM, Column, Kind, Linked, Resource, ToMany, ToOne
from schema.inputs import Inputs
from schema.listing import Listing
from schema.make import Book, described
from schema.readpath.reads import Follow, Pages, Parts, Single, Ties, Value, Worked, marked
from schema.scalars import BigInt, CurrencyCode

KINDS: dict[Kind, Any] = {
    Kind.ID: strawberry.ID,
    Kind.UUID: uuid.UUID,
    Kind.STRING: str,
    Kind.TEXT: str,
    Kind.INT: int,
    Kind.BIG_INT: BigInt,
    Kind.FLOAT: float,
    Kind.BOOLEAN: bool,
    Kind.DATETIME: datetime.datetime,
    Kind.DATE: datetime.date,
    Kind.DECIMAL: decimal.Decimal,
    Kind.JSON: strawberry.scalars.JSON,
}


@strawberry.interface(description="Anything with a global id; `node(id:)` finds it again.")
class Node:
    """The interface of every record."""

    id: strawberry.ID = strawberry.field(description="Global id.")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Relay's page info."""

    has_next_page: bool = strawberry.field(description="Whether more follows.")
    has_previous_page: bool = strawberry.field(description="Whether there is more before.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first row; null when the page is empty.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last row; null when the page is empty.")


def kind_of(column: Column) -> Any:
    """The GraphQL type of a column's values. A role can hide all but those of every record, so only they are never null."""
    kind = Money if column.kind is Kind.MONEY else described(column.enum) if column.enum else KINDS[column.kind]
    return kind if column.name in SYSTEM and not column.null else Optional[kind]  # noqa: UP045  # kinds are values here


class Types:
    """The object types of one house."""

    def __init__(self, crm: CRM, book: Book, inputs: Inputs) -> None:
        self.crm, self.book, self.inputs = crm, book, inputs
        _own_money()
        for resource in crm.resources:
            _own(resource, crm)
            self.connection(resource)

    def added(self, resource: Resource) -> list[StrawberryField]:
        """The fields of a resource that come from elsewhere: ways back, parts and links."""
        fields = [self._part(resource, back) for back in self.crm.resources.parts(resource).values()]
        fields += [self._link(resource, link) for link in resource.linked.values()]
        fields += [self._back(resource, back) for back in self.crm.resources.many(resource).values()]
        return fields + [self._expressed(resource, one) for _, one in self.crm.expressed.get(resource.model, {}).values()]

    def connection(self, resource: Resource) -> type:
        """`ContactConnection`, with its edges."""
        name, model = resource.name, resource.model
        if f"{name}Connection" in self.book:
            return self.book[f"{name}Connection"]
        edge = self.book.add(
            f"{name}Edge",
            [
                self.book.field("cursor", str, "The place of this row in the list."),
                self.book.field("node", model, f"The {name}."),
            ],
            f"A {name} and its place in a list.",
        )
        return self.book.add(
            f"{name}Connection",
            [
                self.book.field("edges", list[edge], "The rows of this page with their cursors.", _edges(edge)),
                self.book.field("nodes", list[model], "The rows of this page.", _nodes(model)),
                self.book.field("page_info", PageInfo, "Where this page lies in the list.", _page_info),
                self.book.field(
                    "total_count", int, f"How many rows there are in all, counted up to {self.crm.settings.limits.count}.", _total
                ),
                self.book.field("total_count_is_exact", bool, "False when there are more rows than were counted.", _exact),
            ],
            f"A page of a list of {name}.",
        )

    def _part(self, resource: Resource, back: ToMany) -> StrawberryField:
        async def resolve(root: Any, info: strawberry.Info) -> Any:
            return await loaders.behind(info.context, back, root.id)

        resolve.__annotations__["return"] = list[back.model] | None
        field = self.book.field(back.name, list[back.model] | None, f"{back.description} All of them, in their order.", resolve)
        return marked(field, Parts(back))

    def _expressed(self, resource: Resource, one: Expressed) -> StrawberryField:
        async def resolve(root: Any, info: strawberry.Info) -> Any:
            value = await loaders.expressed(info.context, resource, one, root.id)
            return value if one.to is None else await loaders.one(info.context, one.to, value)

        kind = kind_of(one.column) if one.to is None else one.to | None
        resolve.__annotations__["return"] = kind
        return marked(self.book.field(one.name, kind, one.description, resolve), Worked(one))

    def _link(self, resource: Resource, link: Linked) -> StrawberryField:
        async def resolve(root: Any, info: strawberry.Info) -> Any:
            return await loaders.linked(info.context, link, root.id)

        resolve.__annotations__["return"] = list[link.model] | None
        return marked(self.book.field(link.name, list[link.model] | None, link.description, resolve), Ties(link))

    def _back(self, resource: Resource, back: ToMany) -> StrawberryField:
        child = self.crm.resource(back.model)
        if back.single:

            async def single(root: Any, info: strawberry.Info) -> Any:
                rows = await loaders.behind(info.context, back, root.id)
                return rows[0] if rows else None

            single.__annotations__["return"] = back.model | None
            return marked(self.book.field(back.name, back.model | None, back.description, single), Single(back))
        resolve = self.inputs.listing(child, _listing_behind(back, child), self.connection(child))
        field = self.book.field(back.name, self.connection(child) | None, f"{back.description} A page of them.", resolve)
        return marked(field, Pages(child, back))


def _listing_behind(back: ToMany, child: Resource) -> Any:
    async def listing(root: Any, call: Call, where: Any, orders: Any, window: Window, deleted: bool) -> Listing:
        page = await loaders.page_behind(call, back, root.id, where, orders, window, deleted)

        async def counted() -> tuple[int, bool]:
            cap = call.crm.settings.limits.count
            number = await loaders.count_behind(call, back, root.id, where, deleted)
            return min(number, cap), number <= cap

        return Listing(child, orders, page, counted)

    return listing


def _own(resource: Resource, crm: CRM) -> None:
    """Give the model its GraphQL type; it is the same in every house, so it is made once."""
    model = resource.model
    if "__strawberry_definition__" in model.__dict__:
        return
    book = Book()
    fields = [marked(_column(book, resource, column), Value(column)) for column in resource.columns.values()]
    past = model in crm.resources.histories
    fields += [_relation(book, relation, past) for relation in resource.to_one.values() if relation.model in crm.resources.by_model]
    description = " ".join((model.__doc__ or resource.name).split())
    made = book.add(resource.name, fields, description, bases=(Node,))
    definition = made.__strawberry_definition__  # type: ignore[attr-defined]  # strawberry put it there
    definition.origin = model
    model.__strawberry_definition__ = definition  # type: ignore[attr-defined]  # the model is the type


def _own_money() -> None:
    """Give the core's money its GraphQL type, so that plugins say `Money` where their fields are money."""
    if "__strawberry_definition__" in Money.__dict__:
        return

    def amount(root: Any) -> decimal.Decimal:
        return root.amount.quantize(decimal.Decimal(1).scaleb(-exponent(root.currency)))

    book = Book()
    fields = [
        book.field("amount", decimal.Decimal, "The amount, with the digits of its currency.", amount),
        book.field("currency", CurrencyCode, "Code of ISO 4217."),
    ]
    definition = book.add("Money", fields, "An amount of one currency.").__strawberry_definition__  # type: ignore[attr-defined]  # strawberry put it there
    definition.origin = Money
    Money.__strawberry_definition__ = definition  # type: ignore[attr-defined]  # the value is the type


def _column(book: Book, resource: Resource, column: Column) -> StrawberryField:
    name, kind = column.name, kind_of(column)
    if column.kind is Kind.ID:

        def identity(root: Any) -> Any:
            return encode(resource, root.id)

        identity.__annotations__["return"] = kind
        return book.field(name, kind, column.description, identity)
    if column.kind is Kind.MONEY:

        def amount(root: Any) -> Any:
            minor, currency = getattr(root, name), getattr(root, str(column.currency))
            return None if minor is None or currency is None else Money.of_minor(minor, currency)

        amount.__annotations__["return"] = kind
        return book.field(name, kind, column.description, amount)
    if column.kind is Kind.DECIMAL:

        def number(root: Any) -> Any:
            value = getattr(root, name)
            return None if value is None else decimal.Decimal(value).scaleb(-column.scale)

        number.__annotations__["return"] = kind
        return book.field(name, kind, column.description, number)
    return book.field(name, kind, column.description)


def _relation(book: Book, relation: ToOne, deleted: bool) -> StrawberryField:
    kind: Any = Optional[relation.model]  # noqa: UP045  # a model is a value here

    async def resolve(root: Any, info: strawberry.Info) -> Any:
        return await loaders.one(info.context, relation.model, getattr(root, relation.attr), deleted=deleted)

    resolve.__annotations__["return"] = kind
    return marked(book.field(relation.name, kind, relation.description, resolve), Follow(relation, deleted))


def _edges(edge: type) -> Any:
    def edges(root: Any) -> Any:
        return [edge(cursor=cursor(root.resource, root.orders, row), node=row) for row in root.page.rows]

    edges.__annotations__["return"] = list[edge]
    return edges


def _nodes(model: type[Model]) -> Any:
    def nodes(root: Any) -> Any:
        return root.page.rows

    nodes.__annotations__["return"] = list[model]
    return nodes


def _page_info(root: Any) -> PageInfo:
    page: Page = root.page
    ends = [cursor(root.resource, root.orders, row) for row in (page.rows[:1] + page.rows[-1:])]
    return PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=ends[0] if ends else None,
        end_cursor=ends[-1] if ends else None,
    )


async def _total(root: Any) -> int:
    return (await root.counted())[0]


async def _exact(root: Any) -> bool:
    return (await root.counted())[1]
