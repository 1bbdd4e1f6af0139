"""What holds for endpoints, wherever they come from."""

from collections.abc import Sequence
from typing import Any

from core import Call, Change, Conflict, Forbidden, Invalid, check_query, is_pattern, lasting
from core.fields import now
from plugins.webhooks.addresses import target
from plugins.webhooks.models import WebhookEndpoint, WebhookState
from plugins.webhooks.payload import VARIABLES
from plugins.webhooks.settings import Settings
from plugins.webhooks.states import give_up

MOST_NAMES = 50
LONGEST_NAME = 80
DECISIVE = ("url", "names", "query")  # what is sent, and where


async def prepare(call: Call, changes: Sequence[Change]) -> None:
    """Check what endpoints are made of, and have each act for who made it. Raises Invalid, Conflict, and Forbidden."""
    decisive = [change for change in changes if change.before is None or any(name in change.values for name in DECISIVE)]
    if decisive:
        await lasting(call)
    made = [change for change in changes if change.before is None]
    await _room(call, len(made))
    for change in decisive:
        if change.before is None:
            _own(call, change)
        elif not acts_for(call, change.record):
            raise Forbidden("url, names and query are changed only by the one in whose name the endpoint acts; make one of your own")
        for name in DECISIVE:
            if name in change.values:
                _check(call, change, name)


def acts_for(call: Call, endpoint: WebhookEndpoint) -> bool:
    """Whether an endpoint acts in the name of the very user or key that asks."""
    mine = (call.actor.user_id, call.actor.key_id)
    return mine == (endpoint.user_id, endpoint.key_id) and mine != (None, None)


async def deleted(call: Call, endpoint: WebhookEndpoint) -> None:
    """Nothing is sent to an endpoint that is deleted."""
    await give_up(endpoint, "the endpoint was deleted")


async def restored(call: Call, endpoint: WebhookEndpoint) -> None:
    """What happened while it was deleted is not sent. Raises Conflict when there are too many others."""
    await _room(call, 1)
    if endpoint.state is WebhookState.ENABLED:
        await WebhookEndpoint.filter(id=endpoint.id).update(since=now())


async def _room(call: Call, more: int) -> None:
    """Raise Conflict when there would be too many endpoints: each of them costs something at each event."""
    most = call.crm.settings_of(Settings).endpoints
    if more and await WebhookEndpoint.filter(deleted_at__isnull=True).count() + more > most:
        raise Conflict(f"there are at most {most} endpoints; [plugins.webhooks] endpoints says how many")


def _own(call: Call, change: Change) -> None:
    change.put("user_id", call.actor.user_id)
    change.put("key_id", call.actor.key_id)
    call.secrets.add(change.record.signing_key)


def _check(call: Call, change: Change, name: str) -> None:
    value = change.values[name]
    if name == "url":
        target(value, call.crm.settings_of(Settings))
    if name == "names":
        _check_names(value)
    if name == "query" and value is not None:
        check_query(call, value, VARIABLES)


def _check_names(names: Any) -> None:
    if not isinstance(names, list) or not 1 <= len(names) <= MOST_NAMES:
        raise Invalid(names=f'must be a list of 1 to {MOST_NAMES} names of events, like ["deal.won", "contact.*"]')
    for index, one in enumerate(names):
        if not isinstance(one, str) or len(one) > LONGEST_NAME or not is_pattern(one):
            raise Invalid({f"names.{index}": f"{str(one)[:40]!r} is not the name of an event like deal.won, deal.*, *.deleted or *"})
