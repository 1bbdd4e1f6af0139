"""The way a deal goes."""

import uuid
from enum import StrEnum

from tortoise import fields

from core.fields import FixedField, FoldedField
from core.models.record import Record


class StageKind(StrEnum):
    """What a stage says of its deals."""

    OPEN = "OPEN"
    WON = "WON"
    LOST = "LOST"


class Pipeline(Record):
    """An ordered list of stages that deals go through."""

    name = fields.CharField(max_length=200, description="Name of the pipeline.")
    name_key = FoldedField(of="name", db_index=True)
    position = fields.IntField(default=0, description="Order among the pipelines; the lowest is where new deals begin.")

    class Meta(Record.Meta):
        abstract = False
        table = "pipeline"


class Stage(Record):
    """One step of a pipeline."""

    pipeline: fields.ForeignKeyRelation[Pipeline] = fields.ForeignKeyField(
        "core.Pipeline",
        related_name=False,
        on_delete=fields.RESTRICT,
        db_index=True,
        description="The pipeline that this stage belongs to.",
    )
    pipeline_id: uuid.UUID
    name = fields.CharField(max_length=200, description="Name of the stage.")
    name_key = FoldedField(of="name", db_index=True)
    kind = fields.CharEnumField(
        StageKind, max_length=8, default=StageKind.OPEN, description="Whether deals in this stage are open, won or lost."
    )
    position = fields.IntField(default=0, description="Order within the pipeline, lowest first.")
    probability = FixedField(scale=4, null=True, description="Chance that a deal in this stage is won, from 0 to 1.")

    class Meta(Record.Meta):
        abstract = False
        table = "stage"
