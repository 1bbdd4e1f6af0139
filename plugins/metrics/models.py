"""The tables of metrics: goals."""

import uuid
from enum import StrEnum
from typing import Any

from tortoise import fields

from core.fields import FixedField, FoldedField, MoneyField
from core.models import Record, Team, User


class MetricsDirection(StrEnum):
    """On which side of its target a figure is good.

    AT_LEAST: The target, or more: revenue.
    AT_MOST: The target, or less: lost deals.
    """

    AT_LEAST = "AT_LEAST"
    AT_MOST = "AT_MOST"


class MetricsGoal(Record):
    """What a metric is to come to in some days: for everybody, for a team, or for one user."""

    name = fields.CharField(max_length=120, description="Name of the goal.")
    name_key = FoldedField(of="name", max_length=120, db_index=True)
    metric = fields.CharField(max_length=80, description="The metric by the name of its field: winRate.")
    where: Any = fields.JSONField(
        null=True, description="Only rows like this count: an object in the words of the argument `where` of the metric; null for all rows."
    )
    starts_on = fields.DateField(description="The first day, in the time zone of the company.")
    ends_on = fields.DateField(description="The last day.")
    target = FixedField(
        scale=4, null=True, description="What the figure is to be, of a metric that is not in money; of a share from 0 to 1."
    )
    amount = MoneyField(null=True, description="What the figure is to be, of a metric in money. Only what is in its currency counts.")
    currency = fields.CharField(max_length=3, null=True, description="ISO 4217 code of the amount.")
    direction = fields.CharEnumField(
        MetricsDirection, max_length=8, default=MetricsDirection.AT_LEAST, description="On which side of the target the figure is good."
    )
    owner: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "core.User", related_name=False, null=True, on_delete=fields.RESTRICT, db_index=True,
        description="Whose goal it is: only rows that this user looks after count.",
    )  # fmt: skip
    owner_id: uuid.UUID | None
    team: fields.ForeignKeyNullableRelation[Team] = fields.ForeignKeyField(
        "core.Team", related_name=False, null=True, on_delete=fields.RESTRICT, db_index=True,
        description="The team whose goal it is: only rows count whose owner is in this very team now.",
    )  # fmt: skip
    team_id: uuid.UUID | None

    class Meta(Record.Meta):
        abstract = False
        table = "metrics_goal"
