"""The standard queries of a resource, and `node` and `nodes` for all of them."""

from typing import Annotated, Any

import strawberry
from strawberry.types.field import StrawberryField

import schema.loaders as loaders
from core.crm import CRM, Call
from core.errors import Invalid, NotFound
from core.records import ids, pages, store
from core.records.filters import condition
from core.records.pages import Window
from core.records.statements import count
from core.records.visibility import visible
from core.resources import Resource
from schema.aggregates import Aggregates
from schema.inputs import Inputs
from schema.listing import Listing
from schema.make import Book
from schema.readpath.reads import AnyNode, AnyNodes, One, Pages, marked
from schema.types import Node, Types

MOST_NODES = 100


class Queries:
    """The fields of the root type Query."""

    def __init__(self, crm: CRM, book: Book, inputs: Inputs, types: Types) -> None:
        self.crm, self.book, self.inputs, self.types = crm, book, inputs, types
        self.aggregates = Aggregates(crm, book, inputs)

    def fields(self) -> list[StrawberryField]:
        """Get, connection and aggregate of each resource, then the fields for all."""
        of_resources = [field for resource in self.crm.resources for field in self._of(resource)]
        return [*of_resources, *_node_fields(self.book), _kinds_field(self.book)]

    def _of(self, resource: Resource) -> list[StrawberryField]:
        name, connection = resource.name, self.types.connection(resource)
        many = self.inputs.listing(resource, _listing(resource), connection)
        what = f"The {name} with this id; null and an error when there is none for you."
        one = self.book.field(resource.snake, resource.model | None, what, _one(resource))
        page = self.book.field(resource.plural, connection | None, f"A page of the list of {name}.", many)
        return [marked(one, One(resource)), marked(page, Pages(resource)), self.aggregates.field(resource)]


def _one(resource: Resource) -> Any:
    async def one(info: strawberry.Info, id: Any, include_deleted: bool = False) -> Any:
        return await store.get(info.context, resource, ids.decode(resource, id), deleted=include_deleted)

    if not resource.soft:

        async def always(info: strawberry.Info, id: Any) -> Any:
            return await store.get(info.context, resource, ids.decode(resource, id))

        always.__annotations__ |= {"id": _id(resource), "return": resource.model | None}
        return always
    deleted = Annotated[bool, strawberry.argument(description="Whether it may be a deleted one.")]
    one.__annotations__ |= {"id": _id(resource), "include_deleted": deleted, "return": resource.model | None}
    return one


def _id(resource: Resource) -> Any:
    return Annotated[strawberry.ID, strawberry.argument(description=f"Global id of a {resource.name}.")]


def _listing(resource: Resource) -> Any:
    async def listing(root: Any, call: Call, where: Any, orders: Any, window: Window, deleted: bool) -> Listing:
        rows = visible(call, resource, deleted=deleted).filter(condition(call, resource, where))
        page = await pages.page(rows, resource, orders, window)

        async def counted() -> tuple[int, bool]:
            return await count(rows, call.crm.settings.limits.count)

        return Listing(resource, orders, page, counted)

    return listing


def _node_fields(book: Book) -> list[StrawberryField]:
    async def node(
        info: strawberry.Info, id: Annotated[strawberry.ID, strawberry.argument(description="Global id of any type.")]
    ) -> Node | None:
        resource, key = ids.find(info.context.crm.resources, id)
        found = await loaders.one(info.context, resource.model, key)
        if found is None:
            raise NotFound(f"there is no {resource.name} with this id")
        return found

    async def nodes(
        info: strawberry.Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description=f"Global ids of any types, at most {MOST_NODES}.")],
    ) -> list[Node | None] | None:
        if len(ids) > MOST_NODES:
            raise Invalid(ids=f"has {len(ids)} ids, at most {MOST_NODES} are possible")
        return [await _maybe(info.context, one, f"ids.{index}") for index, one in enumerate(ids)]

    what = "The records with these ids, in this order; null for those that are not there for you."
    return [
        marked(book.field("node", Node | None, "The record with this id, of whatever type.", node), AnyNode()),
        marked(book.field("nodes", list[Node | None] | None, what, nodes), AnyNodes()),
    ]


async def _maybe(call: Call, id: str, path: str) -> Any:
    resource, key = ids.find(call.crm.resources, id, path)
    return await loaders.one(call, resource.model, key)


@strawberry.type(description="A kind of activity.")
class ActivityKind:
    """How a kind of activity is shown."""

    name: str = strawberry.field(description="What `Activity.kind` holds.")
    description: str = strawberry.field(description="What it means.")


def _kinds_field(book: Book) -> StrawberryField:
    def activity_kinds(info: strawberry.Info) -> list[ActivityKind]:
        return [ActivityKind(name=name, description=meaning) for name, meaning in info.context.crm.activity_kinds.items()]

    return book.field("activity_kinds", list[ActivityKind], "The kinds of activity that there are here.", activity_kinds)
