"""How far the consumers of events are, and the events that they could not take."""

import uuid

from tortoise import fields
from tortoise.models import Model

from core.fields import new_id, now


class ConsumerState(Model):
    """How far one consumer is: everything up to `position` has been handed to it."""

    name = fields.CharField(max_length=80, primary_key=True)
    plugin = fields.CharField(max_length=80)
    position = fields.BigIntField()
    failures = fields.IntField(default=0)
    careful_until = fields.BigIntField(null=True)
    error = fields.TextField(null=True)
    changed_at = fields.DatetimeField(default=now)

    class Meta(Model.Meta):
        table = "consumer"


class DeadEvent(Model):
    """An event that a consumer could not take, and that it went on without."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    consumer = fields.CharField(max_length=80)
    position = fields.BigIntField()
    event_id: uuid.UUID = fields.UUIDField()
    name = fields.CharField(max_length=80)
    error = fields.TextField()
    at = fields.DatetimeField(default=now)

    class Meta(Model.Meta):
        table = "dead_event"
        unique_together = (("consumer", "position"),)
