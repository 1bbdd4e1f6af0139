"""What every record of the CRM has in common."""

from tortoise import fields
from tortoise.models import Model

from core.fields import new_id, now


class Record(Model):
    """A record with a key, times, a version for optimistic locking, soft delete, and an id of another system.

    A model that is one says so in its Meta: `class Meta(Record.Meta): abstract = False`, and names its table.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    external_source = fields.CharField(
        max_length=60, default="", description="The other system that `externalId` belongs to; empty when there is only one."
    )
    external_id = fields.CharField(max_length=200, null=True, description="The id of this record in another system, unique per source.")
    created_at = fields.DatetimeField(default=now, description="When the record was made, in UTC.")
    updated_at = fields.DatetimeField(default=now, description="When the record was last changed, in UTC.")
    deleted_at = fields.DatetimeField(null=True, description="When the record was deleted, in UTC; null while it is there.")
    version = fields.IntField(default=1, description="Grows by one with each change; see `expectedVersion`.")

    class Meta(Model.Meta):
        abstract = True
        unique_together = (("external_source", "external_id"),)
