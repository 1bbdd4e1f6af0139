"""What happened: the fact for ever, its values apart where erasure can reach them."""

from tortoise import fields
from tortoise.models import Model

from core.fields import new_id, now
from core.plain import as_text


class EventRecord(Model):
    """One fact: what happened to which record, by whom. Holds no personal value."""

    position = fields.BigIntField(primary_key=True, generated=True)
    id = fields.UUIDField(unique=True, default=new_id)
    name = fields.CharField(max_length=80, db_index=True)
    resource = fields.CharField(max_length=80)
    record_id = fields.UUIDField(db_index=True)
    actor = fields.CharField(max_length=120)
    at = fields.DatetimeField(default=now, db_index=True)
    changed = fields.JSONField(default=list)
    request_id = fields.CharField(max_length=64, null=True)

    class Meta(Model.Meta):
        table = "event"


class EventValues(Model):
    """The values of an event, `{field: value}`; removed when the person that they speak of is erased."""

    event_id = fields.UUIDField(primary_key=True)
    before = fields.JSONField(null=True, encoder=as_text)
    after = fields.JSONField(null=True, encoder=as_text)

    class Meta(Model.Meta):
        table = "event_values"
