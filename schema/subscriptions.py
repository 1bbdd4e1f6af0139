"""What happens, as it happens."""

import datetime
from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

import schema.loaders as loaders
from core.crm import Call
from core.errors import Forbidden, Invalid
from core.events import Event
from core.permissions import rule
from core.records.ids import encode
from core.records.shown import changed
from core.records.visibility import visible
from core.resources import READ
from schema.types import Node


@strawberry.type(name="Event", description="Something that happened to a record.")
class EventType:
    """How an event is shown."""

    id: strawberry.ID = strawberry.field(description="The id of the event.")
    name: str = strawberry.field(description="`resource.verb` in the past tense: `deal.won`.")
    record_id: strawberry.ID = strawberry.field(description="Global id of the record.")
    at: datetime.datetime = strawberry.field(description="When it happened, in UTC.")
    actor: str = strawberry.field(description="Who did it.")
    changed: list[str] = strawberry.field(description="The names of the fields that changed.")
    event: strawberry.Private[Event]

    @strawberry.field(description="The record as it is now; null when it is deleted.")
    async def node(self, info: strawberry.Info[Call]) -> Node | None:
        """The record as it is now."""
        call = Call(info.context.crm, info.context.actor, info.context.request_id)
        return await loaders.one(call, call.crm.resources.by_key[self.event.resource].model, self.event.record_id)


@strawberry.type(description="What happens, as it happens.")
class Subscription:
    """The root of subscriptions."""

    @strawberry.subscription(description="Each committed event of a record that you may see, from now on.")
    async def event_happened(
        self,
        info: strawberry.Info[Call],
        names: Annotated[list[str] | None, strawberry.argument(description="Only these events: `deal.won`.")] = None,
        resources: Annotated[list[str] | None, strawberry.argument(description="Only events of these: `deal`.")] = None,
    ) -> AsyncGenerator[EventType, None]:
        """Events from the stream of the house, those of hidden records left out."""
        call = info.context
        for one in resources or []:
            if one not in call.crm.resources.by_key:
                raise Invalid(resources=f"there is no resource '{one[:40]}'")
        async for event in call.crm.stream.listen():
            if (names is None or event.name in names) and (resources is None or event.resource in resources) and await _seen(call, event):
                yield _shown(call, event)


async def _seen(call: Call, event: Event) -> bool:
    resource = call.crm.resources.by_key.get(event.resource)
    if resource is None:
        return False
    if rule(call.crm, call.actor, resource, READ) is True and resource.part_of is None:
        return True  # also of a row that is gone for good
    try:
        return await visible(call, resource, deleted=True).filter(id=event.record_id).exists()
    except Forbidden:
        return False


def _shown(call: Call, event: Event) -> EventType:
    resource = call.crm.resources.by_key[event.resource]
    return EventType(
        id=strawberry.ID(str(event.id)), name=event.name, record_id=strawberry.ID(encode(resource, event.record_id)), at=event.at,
        actor=event.actor, changed=changed(call, resource, {*event.before, *event.after}), event=event,
    )  # fmt: skip
