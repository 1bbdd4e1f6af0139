"""What has been told, so that it is told once."""

from tortoise import fields
from tortoise.models import Model

from core.fields import new_id, now


class Reminder(Model):
    """An activity that was told to be due, at the time at which it was."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    activity_id = fields.UUIDField()
    due_at = fields.DatetimeField(db_index=True)

    class Meta(Model.Meta):
        table = "reminders_reminder"
        unique_together = (("activity_id", "due_at"),)


class Digest(Model):
    """A user who was told what is to be done on a day, on the calendar of the company."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    user_id = fields.UUIDField()
    day = fields.DateField(db_index=True)
    told_at = fields.DatetimeField(default=now)

    class Meta(Model.Meta):
        table = "reminders_digest"
        unique_together = (("user_id", "day"),)
