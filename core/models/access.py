"""Keys that open the API."""

import uuid

from tortoise import fields
from tortoise.models import Model

from core.fields import new_id, now
from core.models.users import User


class ApiKey(Model):
    """A key of the API: only its SHA-256 is kept, and a prefix to recognise it by."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=120)
    prefix = fields.CharField(max_length=16, unique=True)
    hash = fields.CharField(max_length=64)
    role = fields.CharField(max_length=60)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "core.User", related_name=False, null=True, on_delete=fields.CASCADE, db_index=True
    )
    user_id: uuid.UUID | None
    created_at = fields.DatetimeField(default=now)
    expires_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "api_key"
