"""What happens, as it happens."""

import datetime
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

import strawberry
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

import schema.loaders as loaders
from core.crm import CRM, Call
from core.errors import Forbidden, Invalid, NotFound
from core.records import ids
from core.resources import READ, Resource
from core.stream import Told
from core.tail.cursors import position_of
from core.tail.hearing import as_heard, seen
from core.tail.kept import Wanted, is_pattern
from schema.make import Book
from schema.types import Node

MOST_NAMES = 50


@strawberry.type(name="Event", description="Something that happened to a record.")
class EventType:
    """How an event is shown."""

    id: strawberry.ID = strawberry.field(description="The id of the event. Whoever gets an event twice knows it again by this.")
    cursor: str = strawberry.field(description="Where this event is: `events(after:)` goes on behind it.")
    name: str = strawberry.field(description="`resource.verb` in the past tense: `deal.won`.")
    resource: str = strawberry.field(description="The kind of record: `deal`.")
    record_id: strawberry.ID = strawberry.field(description="Global id of the record.")
    at: datetime.datetime = strawberry.field(description="When it happened, in UTC.")
    actor: str = strawberry.field(description="Who did it.")
    changed: list[str] = strawberry.field(description="The names of the fields that changed.")
    told: strawberry.Private[Told]
    follows: strawberry.Private[bool] = True  # it was looked up with the rights of now

    @strawberry.field(description="The record as it is now; null when it is deleted.")
    async def node(self, info: strawberry.Info[Call]) -> Node | None:
        """The record as it is now."""
        return await _now(info.context.again(), info.context.crm.resources.by_key[self.told.event.resource], self.told.event.record_id)


@strawberry.input(name="EventWhere", description="Which events to hear of; all conditions must hold.")
class EventWhere:
    """The filter of events."""

    names: list[str] | None = strawberry.field(
        default=None, description="Only these events: `deal.won`, all of a resource with `deal.*`, of a verb with `*.deleted`."
    )
    resources: list[str] | None = strawberry.field(default=None, description="Only events of these kinds of record: `deal`.")
    record_id: strawberry.ID | None = strawberry.field(default=None, description="Only events of the record with this global id.")


@strawberry.type(description="What happens, as it happens.")
class Subscription:
    """The root of subscriptions."""

    @strawberry.subscription(description="Each event of a record that you may see, in the order in which they happened.")
    async def events(
        self,
        info: strawberry.Info[Call],
        where: Annotated[EventWhere | None, strawberry.argument(description="Which events; all when it is left out.")] = None,
        after: Annotated[
            str | None,
            strawberry.argument(
                description="The cursor of the last event that you got: what you missed comes first. Without it, from now on."
            ),
        ] = None,
    ) -> AsyncGenerator[EventType, None]:
        """Events from the table and then from the stream of the house, those of hidden records left out."""
        call = info.context
        wanted = _wanted(call, where or EventWhere())
        position = None if after is None else await position_of(call.crm, after)
        async with aclosing(call.crm.stream.listen(wanted, position)) as pages:
            async for page in pages:
                now = call.again()
                for told in await seen(now, page):
                    yield _shown(now, told)


def changes(crm: CRM, book: Book) -> list[StrawberryField]:
    """The subscriptions to single records: `dealChanged`, for each resource that can be written."""
    return [_changed(book, resource) for resource in crm.resources if resource.verbs > {READ} and resource.part_of is None]


def _changed(book: Book, resource: Resource) -> StrawberryField:
    fields = [
        book.field(resource.snake, resource.model | None, "The record as it is now; null when it is deleted, or hidden from you by now."),
        book.field("event", EventType | None, "What happened to it; null in the first answer, and when it is hidden from you by now."),
    ]
    kind: Any = book.add(f"{resource.name}Change", fields, f"What has become of a {resource.name}.")

    async def changed(info: strawberry.Info, id: Any) -> AsyncGenerator[Any, None]:
        call, key = info.context, ids.decode(resource, id)
        async with aclosing(call.crm.stream.listen(Wanted(resources=(resource.key,), record_id=key), beginning=True)) as pages:
            record = None
            async for page in pages:
                now = call.again()
                if not page:
                    if (record := await _now(now, resource, key)) is None:
                        raise NotFound(f"there is no {resource.name} with this id")
                    yield kind(**{resource.snake: record, "event": None}, follows=True)
                for told in page:
                    before, record = record, await _now(now.again(), resource, key)
                    if await seen(now, [told]):
                        yield kind(**{resource.snake: record, "event": _shown(now, told)}, follows=True)
                    elif before is not None:
                        yield kind(**{resource.snake: None, "event": None}, follows=True)

    argument = Annotated[strawberry.ID, strawberry.argument(description=f"Global id of a {resource.name}.")]
    changed.__annotations__ |= {"id": argument, "return": AsyncGenerator[kind, None]}
    return StrawberryField(
        python_name=f"{resource.snake}_changed", base_resolver=StrawberryResolver(changed), is_subscription=True,
        description=f"A {resource.name} as it is now, and again each time that something happens to it.",
    )  # fmt: skip


async def _now(call: Call, resource: Resource, key: uuid.UUID) -> Any:
    try:
        return await loaders.one(call, resource.model, key)
    except Forbidden:  # the role has changed meanwhile
        return None


def _wanted(call: Call, where: EventWhere) -> Wanted:
    names, resources = tuple(where.names or ()), tuple(where.resources or ())
    for path, given in (("where.names", names), ("where.resources", resources)):
        if len(given) > MOST_NAMES:
            raise Invalid({path: f"has {len(given)} entries, at most {MOST_NAMES} are possible"})
    for one in names:
        if not is_pattern(one):
            raise Invalid({"where.names": f"'{one[:40]}' is not the name of an event like deal.won, deal.* or *.deleted"})
    for one in resources:
        if one not in call.crm.resources.by_key:
            raise Invalid({"where.resources": f"there is no resource '{one[:40]}'"})
    if where.record_id is None:
        return Wanted(names, resources)
    resource, key = ids.find(call.crm.resources, where.record_id, "where.record_id")
    return Wanted(names, (resource.key,) if not resources or resource.key in resources else resources, key)


def _shown(call: Call, told: Told) -> EventType:
    event, shown = told.event, as_heard(call, told.event)
    return EventType(
        id=strawberry.ID(str(event.id)), cursor=shown.cursor, name=event.name, resource=event.resource,
        record_id=strawberry.ID(shown.record_id), at=event.at, actor=event.actor, changed=shown.changed, told=told,
    )  # fmt: skip
