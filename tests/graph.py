"""A small schema, for the tests of what stands between a request and the resolvers."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import strawberry
from tortoise.exceptions import DBConnectionError

from core.errors import Conflict, Invalid, NotFound


@strawberry.type
class PageInfo:
    has_next_page: bool = False


@strawberry.type
class Line:
    name: str = "line"
    quantity: int = 1


@strawberry.type
class LineEdge:
    cursor: str
    node: Line


@strawberry.type
class LineConnection:
    edges: list[LineEdge]
    nodes: list[Line]
    page_info: PageInfo
    total_count: int


def _lines(first: int | None = None, last: int | None = None) -> LineConnection:
    rows = [Line() for _ in range(min(first or last or 2, 3))]
    return LineConnection(edges=[LineEdge(cursor="c", node=row) for row in rows], nodes=rows, page_info=PageInfo(), total_count=3)


@strawberry.type
class Order:
    title: str = "order"
    lines: LineConnection = strawberry.field(resolver=_lines)

    @strawberry.field
    def friend(self) -> "Order":
        return Order()


@strawberry.type
class OrderConnection:
    nodes: list[Order]
    page_info: PageInfo


@strawberry.type
class Query:
    @strawberry.field
    def orders(self, first: int | None = None, last: int | None = None) -> OrderConnection:
        return OrderConnection(nodes=[Order()], page_info=PageInfo())

    @strawberry.field
    def order(self) -> Order:
        return Order()

    @strawberry.field
    def named(self, ids: list[strawberry.ID]) -> list[Order]:
        return [Order() for _ in ids]

    @strawberry.field
    def secret_sauce(self) -> str:
        return "sauce"

    @strawberry.field
    def broken(self) -> str | None:
        raise KeyError("/etc/payvand: SELECT * FROM token")

    @strawberry.field
    def misfit(self) -> int | None:
        return "secret-value"  # type: ignore[return-value]  # what a wrong resolver does

    @strawberry.field
    def away(self) -> str | None:
        raise DBConnectionError("postgresql://user:password@host")

    @strawberry.field
    def missing(self) -> str | None:
        raise NotFound("there is no such order")

    @strawberry.field
    def wrong(self) -> str | None:
        raise Invalid({"birth_date": "lies in the future", "line_items.0.unit_price": "is negative"})

    @strawberry.field
    def late(self) -> str | None:
        raise Conflict("is taken already", field="external_id")

    @strawberry.field
    def echo(self, text: str) -> str:
        return text


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def add(self, info: strawberry.Info[Any], number: int) -> list[int]:
        seen: list[int] = info.context.loaders.setdefault("seen", [])
        await asyncio.sleep(0.002 * (3 - number))  # the later ones would be first, were they not run one after the other
        seen.append(number)
        return list(seen)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int = 3) -> AsyncGenerator[int, None]:
        for number in range(to):
            yield number

    @strawberry.subscription
    async def forever(self) -> AsyncGenerator[int, None]:
        yield 0
        await asyncio.Event().wait()

    @strawberry.subscription
    async def failing(self) -> AsyncGenerator[int, None]:
        yield 0
        raise KeyError("/etc/payvand")


SCHEMA = strawberry.Schema(Query, Mutation, Subscription)
