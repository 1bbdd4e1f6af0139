"""The job that sends one batch. What it could not deliver makes it fail, and the engine of jobs tries it again later, for a day."""

import asyncio
import random
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import httpcore
from tortoise.expressions import F

from core import Call, Heard, KeptEvent, Refused, Run, Unauthenticated, heard, transaction
from core.fields import new_id, now
from core.models import AuditEntry
from plugins.webhooks.connecting import pool
from plugins.webhooks.gates import MOST_JOBS, SILENCES, Gate, gate
from plugins.webhooks.models import WebhookDelivery, WebhookDeliveryState, WebhookEndpoint, WebhookState
from plugins.webhooks.payload import Unanswered, body
from plugins.webhooks.posting import GONE, Outcome, post
from plugins.webhooks.recording import BACKOFF, BATCH, LATER, RETRIES, ask_for
from plugins.webhooks.settings import Settings
from plugins.webhooks.signing import headers
from plugins.webhooks.states import actor_of, disable, signing_keys

PAGE = 20  # deliveries for which rights are looked up at once
NOT_TRIED = "not tried: nobody has answered there a moment ago"
SECONDS = 30.0  # that one job takes its place in the queue; what is left then goes to the end of it


class NotDelivered(Refused):
    """Some of a batch is still to be delivered."""


async def send(run: Run, batch: str) -> dict[str, int]:
    """Send what waits of a batch; how many were delivered in this try. Raises NotDelivered, so that there is another one."""
    settings, tried = run.crm.settings_of(Settings), _Tried()
    waiting = WebhookDelivery.filter(batch=uuid.UUID(batch), state=WebhookDeliveryState.WAITING)
    first = await waiting.order_by("id").first()
    if first is None:
        return {"delivered": 0}
    way = gate(run.crm, first.endpoint_id)
    if way.jobs >= MOST_JOBS and run.attempt == 1:
        await _later(run, batch, first.id, timedelta(seconds=random.uniform(2, 4)))
        return {"delivered": 0}
    way.jobs += 1
    try:
        await _adopt(first)
        await waiting.filter(trying_since__isnull=True).update(trying_since=now())
        async with pool(settings) as connections:
            await _pages(run, settings, connections, way, batch, tried)
    finally:
        way.jobs -= 1
    if left := await waiting.order_by("trying_since"):
        await _failed(run, settings, left, tried)
    return {"delivered": tried.delivered}


async def _adopt(first: WebhookDelivery) -> None:
    """Take what nobody has begun with of the same endpoint into this batch: a hundred jobs for an event each cost more than one for all.

    Their own jobs then find nothing to do. Whoever marks a delivery first has it, so none is in two batches.
    """
    if first.trying_since is None:
        others = WebhookDelivery.filter(
            endpoint_id=first.endpoint_id, replay=first.replay, state=WebhookDeliveryState.WAITING, trying_since__isnull=True
        )
        found = await others.exclude(batch=first.batch).order_by("id").limit(BATCH).values_list("id", flat=True)
        if found:
            await others.filter(id__in=found).update(batch=first.batch)


@dataclass
class _Tried:
    """What came of the tries of one job so far."""

    delivered: int = 0
    error: str | None = None

    def note(self, outcomes: Sequence[Outcome]) -> None:
        self.delivered += sum(one.delivered for one in outcomes)
        self.error = next((one.error for one in outcomes if one.error), self.error)


async def _pages(run: Run, settings: Settings, connections: httpcore.AsyncConnectionPool, way: Gate, batch: str, tried: _Tried) -> None:
    """Try each delivery of a batch once, until nobody answers, or others want the place."""
    began = time.monotonic()
    waiting = WebhookDelivery.filter(batch=uuid.UUID(batch), state=WebhookDeliveryState.WAITING)
    page = await waiting.order_by("id").limit(SILENCES)
    while page:
        endpoint = await WebhookEndpoint.get_or_none(id=page[0].endpoint_id, state=WebhookState.ENABLED, deleted_at__isnull=True)
        if endpoint is None:  # what waited was given up with it
            return
        outcomes = await _page(run, settings, connections, way, endpoint, page)
        if outcomes is None:
            return
        tried.note(outcomes)
        rest = waiting.filter(id__gt=page[-1].id)
        if outcomes and all(one.silent for one in outcomes):  # the others need not find out as well
            await rest.update(error=NOT_TRIED, next_try_at=_next(run))
            return
        page = await rest.order_by("id").limit(PAGE)
        if page and time.monotonic() - began > SECONDS:
            await _later(run, batch, page[0].id)
            return


async def message(call: Call, endpoint: WebhookEndpoint, one: Heard) -> tuple[dict[str, str], bytes]:
    """The headers and the body of what is sent now, with the rights of the call. Raises Unanswered."""
    content = await body(call, endpoint, one)
    moment = now()
    return headers(str(one.event.id), int(moment.timestamp()), content, signing_keys(endpoint, moment)), content


async def kept(ids: Sequence[str]) -> list[KeptEvent]:
    """The events with these ids, the oldest first. Their values are left where they are."""
    return [event_of(one) for one in await AuditEntry.filter(id__in=list(ids)).order_by("position")]


def event_of(one: AuditEntry) -> KeptEvent:
    """An event as the audit log has it, without its values."""
    return KeptEvent(
        id=one.id, name=one.name, resource=one.resource, record_id=one.record_id, actor=one.actor, at=one.at, position=one.position,
        changed=tuple(one.changed), request_id=one.request_id, user_id=one.user_id, key_id=one.key_id,
    )  # fmt: skip


async def _page(
    run: Run, settings: Settings, connections: httpcore.AsyncConnectionPool, way: Gate, endpoint: WebhookEndpoint,
    page: Sequence[WebhookDelivery],
) -> list[Outcome] | None:  # fmt: skip
    """What came of some deliveries, some of them at once; None when the endpoint is disabled by now."""
    try:
        call = run.crm.call(await actor_of(run, endpoint))
    except Unauthenticated as error:
        await disable(run, endpoint, f"in its name nothing can be sent: {error}")
        return None
    told = {str(one.event.id): one for one in await heard(call, await kept([one.event_id for one in page]))}
    if withheld := [one.id for one in page if one.event_id not in told]:
        await WebhookDelivery.filter(id__in=withheld).update(state=WebhookDeliveryState.WITHHELD, next_try_at=None)

    async def one(delivery: WebhookDelivery) -> Outcome:
        async with way.turn:
            if way.silent:
                waiting = WebhookDelivery.filter(id=delivery.id, state=WebhookDeliveryState.WAITING)
                await waiting.update(error=NOT_TRIED, next_try_at=_next(run))
                return Outcome(error=NOT_TRIED, silent=True)
            outcome = await _try(run, call, settings, connections, endpoint, delivery, told[delivery.event_id])
            way.note(answered=not outcome.silent)
            return outcome

    async with asyncio.TaskGroup() as tasks:
        going = [tasks.create_task(one(delivery)) for delivery in page if delivery.event_id in told]
    outcomes = [task.result() for task in going]
    if any(one.status == GONE for one in outcomes):
        await disable(run, endpoint, "it answered 410: nobody is there any more")
        return None
    return outcomes


async def _try(
    run: Run, call: Call, settings: Settings, connections: httpcore.AsyncConnectionPool, endpoint: WebhookEndpoint,
    delivery: WebhookDelivery, told: Heard,
) -> Outcome:  # fmt: skip
    began = now()
    try:
        # A call of its own: what a loader keeps is true for one payload only.
        head, content = await message(call.again(), endpoint, told)
        outcome = await post(connections, settings, endpoint.url, head, content)
    except Unanswered as error:
        outcome = Outcome(error=str(error)[:300])
    values = {
        "attempts": F("attempts") + 1, "status": outcome.status, "answer": outcome.answer, "error": outcome.error,
        "duration": round(outcome.seconds * 1000), "tried_at": began,
    }  # fmt: skip
    mine = WebhookDelivery.filter(id=delivery.id)
    if outcome.delivered:
        await mine.update(**values, state=WebhookDeliveryState.DELIVERED, delivered_at=now(), next_try_at=None)
    else:  # unless it was given up meanwhile
        await mine.filter(state=WebhookDeliveryState.WAITING).update(**values, next_try_at=_next(run))
    return outcome


async def _later(run: Run, batch: str, first: uuid.UUID, delay: timedelta = timedelta()) -> None:
    """Leave the rest of a batch, of which nothing was tried, to a job of its own."""
    other = new_id()
    async with transaction(run):
        rest = WebhookDelivery.filter(batch=uuid.UUID(batch), state=WebhookDeliveryState.WAITING, id__gte=first)
        if await rest.update(batch=other):
            await ask_for(run, other, LATER, delay)


async def _failed(run: Run, settings: Settings, left: Sequence[WebhookDelivery], tried: _Tried) -> None:
    """Give up what was tried for long enough, and its endpoint with it when nothing else gets there. Raises NotDelivered for the rest."""
    until = now() - timedelta(hours=settings.retry_hours)
    over = [one for one in left if run.attempt > RETRIES or (one.trying_since or until) <= until]
    if over:
        await _given_up(run, over)
    if len(over) < len(left):
        raise NotDelivered(f"{len(left) - len(over)} are not delivered yet: {tried.error or left[-1].error or 'nobody is there'}")


async def _given_up(run: Run, over: Sequence[WebhookDelivery]) -> None:
    first = min(one.trying_since or now() for one in over)
    async with transaction(run):
        mine = WebhookDelivery.filter(id__in=[one.id for one in over], state=WebhookDeliveryState.WAITING)
        await mine.update(state=WebhookDeliveryState.FAILED, next_try_at=None)
        arrived = WebhookDelivery.filter(state=WebhookDeliveryState.DELIVERED, endpoint_id=over[0].endpoint_id, delivered_at__gte=first)
        if await arrived.exists():
            return
        endpoint = await WebhookEndpoint.get(id=over[0].endpoint_id)
        await disable(run, endpoint, f"nothing could be delivered since {first:%Y-%m-%d %H:%M} UTC: {over[-1].error or 'no answer'}")


def _next(run: Run) -> object:
    """When the engine tries again, but for chance. None when it does not."""
    if run.attempt > RETRIES:
        return None
    seconds = BACKOFF.first.total_seconds() * BACKOFF.factor ** (run.attempt - 1)
    return now() + min(timedelta(seconds=seconds), BACKOFF.longest)
