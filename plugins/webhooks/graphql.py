"""The fields of webhooks that are written by hand; the rest comes with the resources."""

import datetime
import uuid
from typing import Annotated, TypeAlias

import strawberry
from strawberry.dataloader import DataLoader

from core import (
    Call,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    emit,
    heard,
    in_whole,
    is_pattern,
    key_of,
    permit,
    transaction,
    visible,
)
from core.fields import new_id, now
from core.models import AuditEntry, Job
from plugins.webhooks.connecting import pool
from plugins.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookState
from plugins.webhooks.payload import body, encoded, now_text
from plugins.webhooks.posting import Outcome, post
from plugins.webhooks.replaying import again, ask_for
from plugins.webhooks.rules import acts_for
from plugins.webhooks.sending import kept
from plugins.webhooks.settings import Settings
from plugins.webhooks.shapes import (
    WebhookDeliveryReplayPayload,
    WebhookEndpointDisablePayload,
    WebhookEndpointEnablePayload,
    WebhookEndpointRotateSecretPayload,
    WebhookEndpointTestPayload,
    WebhookPreview,
    WebhookReplayPayload,
    WebhookTest,
    problems,
)
from plugins.webhooks.signing import headers, new_secret
from plugins.webhooks.states import actor_of, disable, enable, signing_keys

GRACE = datetime.timedelta(hours=24)  # in which the secret before signs as well

EndpointId: TypeAlias = Annotated[strawberry.ID, strawberry.argument(description="Global id of a WebhookEndpoint.")]
DeliveryId: TypeAlias = Annotated[strawberry.ID, strawberry.argument(description="Global id of a WebhookDelivery.")]
EventId: TypeAlias = Annotated[strawberry.ID, strawberry.argument(description="The id of an event, as `webhook-id` has it.")]
After: TypeAlias = Annotated[
    strawberry.ID | None, strawberry.argument(description="The id of the last event that arrived: what happened after it is sent.")
]
Since: TypeAlias = Annotated[datetime.datetime | None, strawberry.argument(description="Only what happened at this time or later.")]
Until: TypeAlias = Annotated[
    datetime.datetime | None, strawberry.argument(description="Only what happened until this time; until now when it is left out.")
]
Names: TypeAlias = Annotated[
    list[str] | None, strawberry.argument(description="Only these of the events that the endpoint wants: `deal.won`, `deal.*`.")
]


@strawberry.type(name="WebhookEndpoint", extend=True)
class EndpointFields:
    """Fields that join the type WebhookEndpoint."""

    @strawberry.field(
        description="The secret with which messages are signed, `whsec_...`. It is shown in the answer to the mutation that makes the"
        " endpoint, or gives it another secret, and null ever after."
    )
    async def secret(self, root: strawberry.Parent[WebhookEndpoint], info: strawberry.Info[Call]) -> str | None:
        """What this very request has made, and nobody asks for twice."""
        call = info.context
        if not call.secrets:
            return None

        async def load(keys: list[uuid.UUID]) -> list[str | None]:
            found = dict(await WebhookEndpoint.filter(id__in=keys).values_list("id", "signing_key"))
            return [found.get(key) for key in keys]

        known = await call.loader("webhooks.secret", lambda: DataLoader(load, cache=False)).load(root.pk)
        return known if known in call.secrets else None


@strawberry.type(name="Query", extend=True)
class WebhookQuery:
    """Fields that join the root type Query."""

    @strawberry.field(
        description="What would be sent of an event now, whether the endpoint wants it or not. For the one in whose name the endpoint acts."
    )
    @permit("webhookEndpoint.read")
    async def webhook_preview(self, info: strawberry.Info[Call], endpoint_id: EndpointId, event_id: EventId) -> WebhookPreview | None:
        """The body, made with the rights that the endpoint has now."""
        call = info.context
        endpoint = await _endpoint(call, endpoint_id, "read", "endpoint_id")
        if not acts_for(call, endpoint):  # else it would show what others may see
            raise Forbidden("only the one in whose name an endpoint acts sees what it sends")
        found = await heard(call, await kept([_event_id(event_id, "event_id")]))
        if not found:
            raise NotFound("there is no event with this id")
        return WebhookPreview(body=(await body(call.again(), endpoint, found[0])).decode())


@strawberry.type(name="Mutation", extend=True)
class WebhookMutations:
    """Fields that join the root type Mutation."""

    @strawberry.mutation(description="Send what happens from now on to an endpoint that is disabled; `webhookReplay` sends what it missed.")
    @permit("webhookEndpoint.update")
    async def webhook_endpoint_enable(self, info: strawberry.Info[Call], id: EndpointId) -> WebhookEndpointEnablePayload:
        """Enable an endpoint, in whose name it acted before."""
        call = info.context
        try:
            endpoint = await _endpoint(call, id, "update")
            await actor_of(call, endpoint)
            await enable(call, endpoint)
        except Refused as refused:
            return WebhookEndpointEnablePayload(webhook_endpoint=None, user_errors=problems(refused))
        return WebhookEndpointEnablePayload(webhook_endpoint=endpoint, user_errors=[])

    @strawberry.mutation(description="Send nothing more to an endpoint. What waits for it is given up.")
    @permit("webhookEndpoint.update")
    async def webhook_endpoint_disable(self, info: strawberry.Info[Call], id: EndpointId) -> WebhookEndpointDisablePayload:
        """Disable an endpoint."""
        call = info.context
        try:
            endpoint = await _endpoint(call, id, "update")
            await disable(call, endpoint, f"by {call.actor.name}")
        except Refused as refused:
            return WebhookEndpointDisablePayload(webhook_endpoint=None, user_errors=problems(refused))
        return WebhookEndpointDisablePayload(webhook_endpoint=endpoint, user_errors=[])

    @strawberry.mutation(description="Give an endpoint another secret. For 24 hours messages are signed with the one before as well.")
    @permit("webhookEndpoint.update")
    async def webhook_endpoint_rotate_secret(self, info: strawberry.Info[Call], id: EndpointId) -> WebhookEndpointRotateSecretPayload:
        """The secret is in no event, and so not in the audit log."""
        call, fresh = info.context, new_secret()
        try:
            endpoint = await _endpoint(call, id, "update")
            async with transaction(call):
                endpoint.old_signing_key, endpoint.old_until, endpoint.signing_key = endpoint.signing_key, now() + GRACE, fresh
                await endpoint.save(update_fields=["signing_key", "old_signing_key", "old_until"])
                await emit(call, "webhookEndpoint.secretRotated", endpoint, after={"old_until": endpoint.old_until})
        except Refused as refused:
            return WebhookEndpointRotateSecretPayload(webhook_endpoint=None, user_errors=problems(refused))
        call.secrets.add(fresh)
        return WebhookEndpointRotateSecretPayload(webhook_endpoint=endpoint, user_errors=[])

    @strawberry.mutation(description="Send a signed message of the type `webhook.test` now, and say what comes back. Not in the log.")
    @permit("webhookEndpoint.update")
    async def webhook_endpoint_test(self, info: strawberry.Info[Call], id: EndpointId) -> WebhookEndpointTestPayload:
        """One try, for which the client waits."""
        call = info.context
        try:
            endpoint = await _endpoint(call, id, "update")
            if in_whole():
                raise Conflict("is asked without an Idempotency-Key: a transaction would wait for the answer")
            outcome = await _tested(call, endpoint)
        except Refused as refused:
            return WebhookEndpointTestPayload(test=None, user_errors=problems(refused))
        test = WebhookTest(
            delivered=outcome.delivered, status=outcome.status, answer=outcome.answer, error=outcome.error,
            duration=round(outcome.seconds * 1000),
        )  # fmt: skip
        return WebhookEndpointTestPayload(test=test, user_errors=[])

    @strawberry.mutation(
        description="Have past events sent to an endpoint, the oldest first, at most 10,000: those that it wants, with the same"
        " `webhook-id` as the first time. One replay of an endpoint at a time."
    )
    @permit("webhooks.replay")
    async def webhook_replay(
        self,
        info: strawberry.Info[Call],
        endpoint_id: EndpointId,
        after: After = None,
        since: Since = None,
        until: Until = None,
        names: Names = None,
    ) -> WebhookReplayPayload:
        """A job writes the deliveries down, in batches."""
        call, moment = info.context, now()
        try:
            endpoint = _open(await _endpoint(call, endpoint_id, "update", "endpoint_id"))
            if after is None and since is None:
                raise Invalid(after="or `since` must say where to begin")
            for one in names or ():
                if not is_pattern(one):
                    raise Invalid(names=f"'{one[:40]}' is not the name of an event like deal.won or deal.*")
            start = 0 if after is None else (await _entry(after)).position
            key = await ask_for(call, endpoint, start, since, min(until or moment, moment), names or [])
        except Refused as refused:
            return WebhookReplayPayload(job=None, user_errors=problems(refused))
        return WebhookReplayPayload(job=await Job.get(id=key), user_errors=[])

    @strawberry.mutation(description="Send the event of a delivery once more, in a new delivery with the same `webhook-id`.")
    @permit("webhooks.replay")
    async def webhook_delivery_replay(self, info: strawberry.Info[Call], id: DeliveryId) -> WebhookDeliveryReplayPayload:
        """A new row of the log."""
        call = info.context
        try:
            delivery = await visible(call, WebhookDelivery).get_or_none(id=key_of(call, WebhookDelivery, id))
            if delivery is None:
                raise NotFound("there is no WebhookDelivery with this id")
            endpoint = await visible(call, WebhookEndpoint, "update").get_or_none(id=delivery.endpoint_id)
            if endpoint is None:
                raise NotFound("there is no WebhookEndpoint to which you could have it sent")
            made = await again(call, delivery, _open(endpoint))
            if made is None:
                raise Conflict("the one in whose name it would be sent may not hear of this event")
        except Refused as refused:
            return WebhookDeliveryReplayPayload(webhook_delivery=None, user_errors=problems(refused))
        return WebhookDeliveryReplayPayload(webhook_delivery=made, user_errors=[])


async def _endpoint(call: Call, id: str, verb: str, path: str = "id") -> WebhookEndpoint:
    endpoint = await visible(call, WebhookEndpoint, verb).get_or_none(id=key_of(call, WebhookEndpoint, id, path))
    if endpoint is None:
        raise NotFound("there is no WebhookEndpoint with this id")
    return endpoint


def _open(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    if endpoint.state is not WebhookState.ENABLED:
        raise Conflict("the endpoint is disabled; enable it first")
    return endpoint


async def _entry(id: str) -> AuditEntry:
    entry = await AuditEntry.get_or_none(id=_event_id(id, "after"))
    if entry is None:
        raise Invalid(after="is not the id of an event")
    return entry


def _event_id(text: str, path: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise Invalid({path: "is not the id of an event"}) from None


async def _tested(call: Call, endpoint: WebhookEndpoint) -> Outcome:
    settings, moment = call.crm.settings_of(Settings), now()
    content = encoded("webhook.test", now_text(), {"data": {"text": "Somebody wants to know whether this arrives."}})
    head = headers(str(new_id()), int(moment.timestamp()), content, signing_keys(endpoint, moment))
    async with pool(settings) as connections:
        return await post(connections, settings, endpoint.url, head, content)
