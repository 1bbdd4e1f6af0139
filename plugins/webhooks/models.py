"""The tables of webhooks: where events are sent, and what came of it."""

import uuid
from enum import StrEnum

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from core.fields import new_id, now
from core.models import ApiKey, Record, User
from plugins.webhooks.signing import new_secret


class WebhookState(StrEnum):
    """Whether anything is sent to an endpoint.

    ENABLED: Events are sent.
    DISABLED: Nothing is sent, and what happens meanwhile is not kept for later.
    """

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


class WebhookDeliveryState(StrEnum):
    """What came of a delivery.

    WAITING: It waits for its first try, or for the next one.
    DELIVERED: The endpoint has said 2xx.
    FAILED: It was given up.
    WITHHELD: It was not sent, for the one in whose name it would be may not see the record any more.
    """

    WAITING = "WAITING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    WITHHELD = "WITHHELD"


class WebhookEndpoint(Record):
    """An address to which events are sent, signed, and in the name of the user or key that made it: with its rights of that time."""

    url = fields.CharField(max_length=2_000, description="Where events are sent by POST: `https://shop.example/payvand`.")
    names = fields.JSONField(
        description="A list of the events that are sent: `deal.won`, all of a resource with `deal.*`, of a verb with `*.deleted`, or `*`."
    )
    query = fields.TextField(
        null=True,
        description="A GraphQL query whose answer is sent as `data`. It may declare `$id: ID!` (of the record), `$name: String!`,"
        " `$eventId: ID!`, `$changed: [String!]!` and `$at: DateTime!`. Without it, `data` says what happened to which record.",
    )
    description = fields.TextField(null=True, description="What the endpoint is for.")
    state = fields.CharEnumField(WebhookState, max_length=8, default=WebhookState.ENABLED, description="Whether anything is sent.")
    reason = fields.CharField(max_length=300, null=True, description="Why it is disabled; null while it is enabled.")
    since = fields.DatetimeField(default=now, description="Since when it is enabled or disabled, in UTC. Earlier events are not sent.")
    # Without constraints, and nothing becomes null: an endpoint that has lost its key must not act for the user of the key.
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "core.User",
        related_name=False,
        null=True,
        on_delete=fields.NO_ACTION,
        db_constraint=False,
        db_index=True,
        description="The user in whose name events are sent; null for a key without a user.",
    )
    user_id: uuid.UUID | None
    key: fields.ForeignKeyNullableRelation[ApiKey] = fields.ForeignKeyField(
        "core.ApiKey",
        related_name=False,
        null=True,
        on_delete=fields.NO_ACTION,
        db_constraint=False,
        description="The key in whose name events are sent; null when it is the user itself.",
    )
    key_id: uuid.UUID | None
    signing_key = fields.CharField(max_length=100, default=new_secret)
    old_signing_key = fields.CharField(max_length=100, null=True)
    old_until = fields.DatetimeField(null=True, description="Until when the secret before the last rotation signs as well, in UTC.")

    class Meta(Record.Meta):
        abstract = False
        table = "webhooks_endpoint"


class WebhookDelivery(Model):
    """An event on its way to an endpoint, or what came of it. What was sent is not kept."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    endpoint: fields.ForeignKeyRelation[WebhookEndpoint] = fields.ForeignKeyField(
        "webhooks.WebhookEndpoint", related_name=False, on_delete=fields.CASCADE, db_index=True, description="Where it is sent."
    )
    endpoint_id: uuid.UUID
    event_id = fields.CharField(max_length=36, db_index=True, description="The id of the event, which is sent as `webhook-id`.")
    name = fields.CharField(max_length=80, description="What happened: `deal.won`.")
    record_id = fields.CharField(max_length=160, description="Global id of the record to which it happened.")
    replay = fields.BooleanField(default=False, description="Whether somebody asked for it to be sent again.")
    state = fields.CharEnumField(
        WebhookDeliveryState, max_length=10, default=WebhookDeliveryState.WAITING, description="What came of it so far."
    )
    attempts = fields.IntField(default=0, description="How often it was tried.")
    status = fields.IntField(null=True, description="The HTTP status of the last answer; null when there was none.")
    answer = fields.TextField(null=True, description="How the last answer began, unless it was 2xx. Removed when any person is erased.")
    error = fields.CharField(max_length=300, null=True, description="Why the last try failed, in words.")
    duration = fields.IntField(null=True, description="How long the last try took, in milliseconds.")
    created_at = fields.DatetimeField(default=now, db_index=True, description="When it was written down, in UTC.")
    trying_since = fields.DatetimeField(null=True, description="When the first try began, in UTC; null before that.")
    tried_at = fields.DatetimeField(null=True, description="When the last try began, in UTC.")
    next_try_at = fields.DatetimeField(null=True, description="When it is tried again, give or take a quarter of the wait, in UTC.")
    delivered_at = fields.DatetimeField(null=True, description="When the endpoint said 2xx, in UTC.")
    batch = fields.UUIDField(db_index=True)  # what one job sends

    class Meta(Model.Meta):
        table = "webhooks_delivery"
        indexes = [Index(fields=["state", "endpoint_id"])]
