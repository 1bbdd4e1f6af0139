"""The table of notes."""

import uuid

from tortoise import fields
from tortoise.models import Model

from core.fields import new_id, now
from core.models import Contact


class Note(Model):
    """A remark about a contact."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "core.Contact", related_name=False, on_delete=fields.CASCADE, db_index=True, description="Whom the note is about."
    )
    contact_id: uuid.UUID
    text = fields.TextField(description="What is worth keeping.")
    label = fields.CharField(max_length=40, null=True, description="A word to sort notes by; the settings and other plugins say which.")
    made_at = fields.DatetimeField(default=now, description="When the note was made, in UTC.")
    pinned_at = fields.DatetimeField(null=True, description="When the note was pinned, in UTC; null while it is not.")

    class Meta(Model.Meta):
        table = "notes_note"
