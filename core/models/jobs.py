"""Jobs that were asked for. These rows are the truth; the engine that runs them can be lost and is told anew."""

import uuid
from enum import StrEnum

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from core.fields import new_id, now
from core.models.users import User
from core.plain import as_text


class JobState(StrEnum):
    """How far a job has come.

    QUEUED: It waits for its time, for its turn, or for the next try.
    RUNNING: It is being done.
    DONE: It was done.
    DEAD: It failed, and its retries are used up; `jobRetry` gives it new ones.
    CANCELLED: Somebody cancelled it before it was done.
    """

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    DEAD = "DEAD"
    CANCELLED = "CANCELLED"


class Job(Model):
    """Work that was asked for, to be done apart from the request that asked."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=120, db_index=True, description="What is to be done: `notes.unpin`.")
    queue = fields.CharField(max_length=60, description="The queue in which it waits for its turn.")
    state = fields.CharEnumField(JobState, max_length=10, default=JobState.QUEUED, description="How far it has come.")
    arguments = fields.JSONField(default=dict, encoder=as_text, description="The arguments of the work.")
    key = fields.CharField(max_length=200, null=True, description="What makes it unique among jobs of its name; null when nothing does.")
    lock = fields.CharField(max_length=330, null=True, unique=True)  # name and key, as long as they keep others away
    priority = fields.SmallIntField(default=5, description="From 1, which is done first, to 9.")
    attempts = fields.IntField(default=0, description="How often it was begun.")
    progress_done = fields.BigIntField(default=0, description="How much of it is done, in the job's own measure.")
    progress_total = fields.BigIntField(null=True, description="How much there is to do; null when nobody knows.")
    progress_note = fields.CharField(max_length=200, null=True, description="What it is doing, in words.")
    cancel_requested = fields.BooleanField(default=False, description="Whether somebody asked to stop it while it ran.")
    result = fields.JSONField(null=True, encoder=as_text, description="What the work returned.")
    error = fields.CharField(max_length=500, null=True, description="Why the last try failed; the log has the details.")
    enqueued_at = fields.DatetimeField(default=now, description="When it was asked for, in UTC.")
    run_at = fields.DatetimeField(default=now, description="Before this it is not begun; after a failure, when it is tried again. In UTC.")
    started_at = fields.DatetimeField(null=True, description="When it was begun last, in UTC.")
    finished_at = fields.DatetimeField(null=True, db_index=True, description="When it was done, dead or cancelled, in UTC.")
    requested_by = fields.CharField(max_length=120, description="Who asked for it, in words.")
    # Without a constraint, as in the audit log: a job outlives the user who asked for it.
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "core.User",
        related_name=False,
        null=True,
        on_delete=fields.NO_ACTION,
        db_constraint=False,
        db_index=True,
        description="The user who asked for it; null for the system, and for keys without a user.",
    )
    user_id: uuid.UUID | None
    # What the runner needs to know, and nobody else.
    turn = fields.IntField(default=1)  # grows whenever it is handed to the engine anew, which knows it as `id.turn`
    handed = fields.BooleanField(default=False)  # whether the engine has been told of this turn
    holder = fields.CharField(max_length=60, default="")  # who runs it; another one's writes have no effect
    failures = fields.IntField(default=0)  # that count against the retries
    crashes = fields.IntField(default=0)  # how often the process died under it

    class Meta(Model.Meta):
        table = "job"
        indexes = [Index(fields=["handed", "run_at"]), Index(fields=["state", "run_at"])]


class JobStep(Model):
    """A step of a job that was done, so that it is not done again when the job is."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    job: fields.ForeignKeyRelation[Job] = fields.ForeignKeyField("core.Job", related_name=False, on_delete=fields.CASCADE)
    job_id: uuid.UUID
    name = fields.CharField(max_length=200)
    result = fields.JSONField(null=True, encoder=as_text)

    class Meta(Model.Meta):
        table = "job_step"
        unique_together = (("job_id", "name"),)


class JobClock(Model):
    """Up to when the clock of a job was read: each tick since then is still to come."""

    name = fields.CharField(max_length=120, primary_key=True)
    read_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "job_clock"
