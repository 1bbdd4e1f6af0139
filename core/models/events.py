"""What happened: the fact for ever, its values apart where erasure can reach them. The database itself refuses to change a fact."""

import uuid

from tortoise import fields
from tortoise.models import Model

from core.fields import new_id, now
from core.models.access import ApiKey
from core.models.users import User
from core.plain import as_text


class AuditEntry(Model):
    """Something that happened to a record: what, when, and who did it. Nobody can change or remove it."""

    position = fields.BigIntField(primary_key=True, generated=True)
    id = fields.UUIDField(unique=True, default=new_id)
    name = fields.CharField(max_length=80, db_index=True, description="What happened, as `resource.verb` in the past tense: `deal.won`.")
    resource = fields.CharField(max_length=80, description="The kind of record: `deal`.")
    record_id = fields.UUIDField(db_index=True)
    actor = fields.CharField(max_length=120, description="Who did it, in words.")
    at = fields.DatetimeField(default=now, db_index=True, description="When it happened, in UTC.")
    changed = fields.JSONField(default=list)
    request_id = fields.CharField(max_length=64, null=True, description="The id of the request, as in the log; null for work by the clock.")
    # Without constraints: a fact outlives the key that did it, and each write would have to look for both.
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "core.User",
        related_name=False,
        null=True,
        on_delete=fields.NO_ACTION,
        db_constraint=False,
        db_index=True,
        description="The user who did it; null for the system, and for keys without a user.",
    )
    user_id: uuid.UUID | None
    key: fields.ForeignKeyNullableRelation[ApiKey] = fields.ForeignKeyField(
        "core.ApiKey",
        related_name=False,
        null=True,
        on_delete=fields.NO_ACTION,
        db_constraint=False,
        description="The key by which it was done; null where there was none.",
    )
    key_id: uuid.UUID | None

    class Meta(Model.Meta):
        table = "event"
        append_only = True


class EventValues(Model):
    """The values of an event, `{field: value}`; removed when the person that they speak of is erased, and never changed."""

    event_id = fields.UUIDField(primary_key=True)
    before = fields.JSONField(null=True, encoder=as_text)
    after = fields.JSONField(null=True, encoder=as_text)

    class Meta(Model.Meta):
        table = "event_values"
        write_once = True
