"""Endpoints that are shut and opened again."""

import datetime

from tortoise.expressions import F

from core import Actor, Call, act_as, emit, transaction
from core.fields import now
from plugins.webhooks.models import WebhookDelivery, WebhookDeliveryState, WebhookEndpoint, WebhookState

LONGEST_REASON = 300


async def disable(call: Call, endpoint: WebhookEndpoint, reason: str) -> bool:
    """Send nothing more to an endpoint, and give up what waits for it. False when it was disabled already."""
    async with transaction(call):
        if not await _turned(endpoint, WebhookState.DISABLED, reason[:LONGEST_REASON]):
            return False
        await give_up(endpoint, "the endpoint was disabled")
        await emit(call, "webhookEndpoint.disabled", endpoint, after={"state": "DISABLED", "reason": endpoint.reason})
    return True


async def enable(call: Call, endpoint: WebhookEndpoint) -> bool:
    """Send what happens from now on. False when it was enabled already."""
    async with transaction(call):
        if not await _turned(endpoint, WebhookState.ENABLED, None):
            return False
        await emit(call, "webhookEndpoint.enabled", endpoint, after={"state": "ENABLED", "reason": None})
    return True


async def give_up(endpoint: WebhookEndpoint, error: str) -> None:
    """Try nothing again that waits for an endpoint."""
    waiting = WebhookDelivery.filter(endpoint_id=endpoint.id, state=WebhookDeliveryState.WAITING)
    await waiting.update(state=WebhookDeliveryState.FAILED, error=error, next_try_at=None)


async def actor_of(call: Call, endpoint: WebhookEndpoint) -> Actor:
    """In whose name events are sent, with the rights of now. Raises Unauthenticated when it cannot come in any more."""
    return await act_as(call.crm, user_id=endpoint.user_id, key_id=endpoint.key_id)


def signing_keys(endpoint: WebhookEndpoint, moment: datetime.datetime) -> list[str]:
    """The secrets that sign at this moment: after a rotation, the one before as well for a while."""
    old = endpoint.old_signing_key if endpoint.old_until and endpoint.old_until > moment else None
    return [endpoint.signing_key, *([old] if old else [])]


async def _turned(endpoint: WebhookEndpoint, state: WebhookState, reason: str | None) -> bool:
    moment = now()
    other = WebhookEndpoint.filter(id=endpoint.id).exclude(state=state)
    if not await other.update(state=state, reason=reason, since=moment, updated_at=moment, version=F("version") + 1):
        return False
    await endpoint.refresh_from_db()
    return True
