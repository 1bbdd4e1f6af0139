"""What happened before, sent again: from an event or a time on, or one delivery."""

import datetime
import uuid
from typing import Any

from core import Call, Run, Wanted, enqueue, transaction
from core.models import AuditEntry
from plugins.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookState
from plugins.webhooks.recording import BATCH, LATER, SOON, deliver
from plugins.webhooks.sending import event_of, kept

REPLAY = "webhooks.replay"
MOST = 10_000  # events that one replay sends
LOOKED = 1_000  # events that are looked at in one transaction


async def replay(run: Run, endpoint: str, after: int, since: str | None, until: str, names: list[str]) -> dict[str, int]:
    """Have the events beyond a position, and between two times, sent to an endpoint; how many these are, at most MOST."""
    position, sent = after, 0
    while sent < MOST:
        start = position

        async def some(start: int = start, room: int = MOST - sent) -> dict[str, Any]:
            return await _some(run, uuid.UUID(endpoint), start, since, until, names, room)

        async with transaction(run):
            done = await run.step(f"after {start}", some)
        sent += done["sent"]
        if done["position"] is None:
            break
        position = done["position"]
        await run.progress(sent, None, f"up to event {position}")
    return {"sent": sent}


async def again(call: Call, delivery: WebhookDelivery, endpoint: WebhookEndpoint) -> WebhookDelivery | None:
    """A new delivery of the same event; None when the one in whose name it is sent may not hear of it."""
    async with transaction(call):
        if not await deliver(call, endpoint, await kept([delivery.event_id]), priority=SOON, replay=True):
            return None
        return await WebhookDelivery.filter(endpoint_id=endpoint.id, event_id=delivery.event_id).order_by("-id").first()


async def ask_for(
    call: Call, endpoint: WebhookEndpoint, after: int, since: datetime.datetime | None, until: datetime.datetime, names: list[str]
) -> uuid.UUID:
    """Enqueue a replay, and give the id of the job: the one that is there, while one of this endpoint is not finished."""
    arguments = {
        "endpoint": str(endpoint.id), "after": after, "since": since.isoformat() if since else None, "until": until.isoformat(),
        "names": names,
    }  # fmt: skip
    return await enqueue(call, REPLAY, arguments, key=str(endpoint.id))


async def _some(run: Run, key: uuid.UUID, after: int, since: str | None, until: str, names: list[str], room: int) -> dict[str, Any]:
    """Some deliveries, and the position up to which all was looked at; None for the end."""
    endpoint = await WebhookEndpoint.get_or_none(id=key, state=WebhookState.ENABLED, deleted_at__isnull=True)
    if endpoint is None:
        return {"sent": 0, "position": None}
    rows = AuditEntry.filter(position__gt=after, at__lte=datetime.datetime.fromisoformat(until))
    if since:
        rows = rows.filter(at__gte=datetime.datetime.fromisoformat(since))
    found = await rows.order_by("position").limit(LOOKED)
    wanted, own = Wanted(tuple(names)), Wanted(tuple(endpoint.names))
    events = [one for one in map(event_of, found) if one in wanted and one in own]
    last = found[-1].position if len(found) == LOOKED else None
    if len(events) > room:
        events, last = events[:room], events[room - 1].position
    sent = 0
    for start in range(0, len(events), BATCH):
        sent += await deliver(run, endpoint, events[start : start + BATCH], priority=LATER, replay=True)
    return {"sent": sent, "position": last}
