"""From what happens to what is to be sent: rows of deliveries and one job for each batch, in the transaction of the consumer."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from core import CRM, SYSTEM, Backoff, Call, KeptEvent, Queue, Refused, Run, Wanted, enqueue, heard, transaction
from core.fields import new_id, now
from plugins.webhooks.models import WebhookDelivery, WebhookDeliveryState, WebhookEndpoint, WebhookState
from plugins.webhooks.states import actor_of, disable

SEND = "webhooks.send"
BATCH = 200  # events in one job
QUEUE = Queue("webhooks", concurrency=50)  # most of which wait for others
# 10 s, 30 s, ... 2 h, then every 4 h: with all retries more than the 24 hours for which one may wait, whatever chance makes of it.
BACKOFF = Backoff(timedelta(seconds=10), 3.0, timedelta(hours=4), jitter=0.25)
RETRIES = 16
SOON, LATER = 4, 7  # priorities
LEFT = timedelta(minutes=10)  # after which a delivery is looked at that waits
SWEPT = 1_000  # batches at once


async def record(crm: CRM, events: Sequence[KeptEvent]) -> None:
    """Write down what is to be sent of these events, to whichever endpoint wants them."""
    endpoints = await WebhookEndpoint.filter(state=WebhookState.ENABLED, deleted_at__isnull=True).order_by("id")
    wanted = [(one, [event for event in events if event in Wanted(tuple(one.names)) and event.at >= one.since]) for one in endpoints]
    wanted = [(one, some) for one, some in wanted if some]
    if not wanted:
        return
    call = crm.call(SYSTEM)
    waiting = WebhookDelivery.filter(endpoint_id__in=[one.id for one, _ in wanted], state=WebhookDeliveryState.WAITING)
    behind = set(await waiting.filter(next_try_at__isnull=False).distinct().values_list("endpoint_id", flat=True))
    for endpoint, some in wanted:
        # Where something has failed comes after the others.
        await deliver(call, endpoint, some, priority=LATER if endpoint.id in behind else SOON)


async def deliver(call: Call, endpoint: WebhookEndpoint, events: Sequence[KeptEvent], *, priority: int, replay: bool = False) -> int:
    """Have events sent, those that the one in whose name it is done may hear of; how many these are. Inside a transaction."""
    try:
        told = await heard(call.crm.call(await actor_of(call, endpoint)), events)
    except Refused as error:  # it has left, or its role means nothing any more
        await disable(call, endpoint, f"in its name nothing can be sent: {error}")
        return 0
    if not told:
        return 0
    batch = new_id()
    rows = [
        WebhookDelivery(
            endpoint_id=endpoint.id, event_id=str(one.event.id), name=one.event.name, record_id=one.record_id, replay=replay, batch=batch
        )
        for one in told
    ]  # fmt: skip
    await WebhookDelivery.bulk_create(rows)
    await ask_for(call, batch, priority)
    return len(rows)


async def ask_for(call: Call, batch: uuid.UUID, priority: int, delay: timedelta = timedelta()) -> None:
    """Have a batch sent: by one job at a time, whoever asks for it."""
    await enqueue(call, SEND, {"batch": str(batch)}, key=str(batch), priority=priority, delay=delay)


async def sweep(run: Run) -> int:
    """Ask again for what waits although no job will send it: its own died with several processes, or was lost with a backup."""
    late = WebhookDelivery.filter(state=WebhookDeliveryState.WAITING, created_at__lt=now() - LEFT)
    batches = await late.distinct().limit(SWEPT).values_list("batch", flat=True)
    async with transaction(run):
        for batch in batches:
            await ask_for(run, uuid.UUID(str(batch)), LATER)
    return len(batches)
