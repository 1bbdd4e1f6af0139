"""The tables of metrics: goals, spend, what each customer comes to, and what is kept so that it need not be counted each time."""

import datetime
import uuid
from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.models import Model

from core.fields import FixedField, FoldedField, MoneyField, new_id
from core.models import Contact, Record, Team, User


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
    metric = fields.CharField(max_length=80, description="The metric by the name of its field, or the figure: winRate, medianSalesCycle.")
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


class MetricsRfmGroup(StrEnum):
    """Customers who are alike in when they bought last and how often they bought, by their scores of recency and frequency.

    CHAMPIONS: Recency 5, frequency 4 or 5: they bought lately, and often.
    LOYAL: Recency 3 or 4, frequency 4 or 5.
    POTENTIAL_LOYALISTS: Recency 4 or 5, frequency 2 or 3.
    NEW: Recency 5, frequency 1.
    PROMISING: Recency 4, frequency 1.
    NEED_ATTENTION: Recency 3, frequency 3.
    ABOUT_TO_SLEEP: Recency 3, frequency 1 or 2.
    AT_RISK: Recency 1 or 2, frequency 3 or 4: they used to buy, and do not any more.
    CANT_LOSE: Recency 1 or 2, frequency 5: the best, and they do not buy any more.
    HIBERNATING: Recency 2, frequency 1 or 2, or recency 1, frequency 2.
    LOST: Recency 1, frequency 1.
    """

    CHAMPIONS = "CHAMPIONS"
    LOYAL = "LOYAL"
    POTENTIAL_LOYALISTS = "POTENTIAL_LOYALISTS"
    NEW = "NEW"
    PROMISING = "PROMISING"
    NEED_ATTENTION = "NEED_ATTENTION"
    ABOUT_TO_SLEEP = "ABOUT_TO_SLEEP"
    AT_RISK = "AT_RISK"
    CANT_LOSE = "CANT_LOSE"
    HIBERNATING = "HIBERNATING"
    LOST = "LOST"


class MetricsScore(Model):
    """What a contact has bought, how that compares with other customers, and what to expect; as of `scoredAt`. Only customers have one."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    # It may be null, and is not: else a contact that has a score could not be deleted.
    contact: fields.OneToOneNullableRelation[Contact] = fields.OneToOneField(
        "core.Contact", related_name=False, null=True, on_delete=fields.CASCADE, description="Whose scores they are."
    )
    contact_id: uuid.UUID | None
    group = fields.CharEnumField(
        MetricsRfmGroup, max_length=20, db_index=True, description="The group, by the scores of recency and frequency."
    )
    recency = fields.IntField(description="Days since the last purchase.")
    frequency = fields.IntField(description="Number of purchases: won deals, in any currency and without an amount, too.")
    monetary = MoneyField(description="Sum of the amounts of the purchases, of those in this currency.")
    currency = fields.CharField(max_length=3, description="ISO 4217 code of the money: that of the company.")
    recency_score = fields.SmallIntField(description="1 to 5: 5 for the fifth of customers who bought last.")
    frequency_score = fields.SmallIntField(description="1 to 5: 5 for the fifth of customers who bought most often.")
    monetary_score = fields.SmallIntField(description="1 to 5: 5 for the fifth of customers who bought for most.")
    first_purchase_on = fields.DateField(description="The day of the first purchase, in the time zone of the company.")
    last_purchase_on = fields.DateField(description="The day of the last purchase, in the time zone of the company.")
    mean_gap = FixedField(
        scale=1, null=True, description="Days between one day with purchases and the next, on average; null for who bought on one day only."
    )
    gaps = FixedField(
        scale=2,
        null=True,
        description="`recency` / `meanGap`: 3 for who has not bought for three times as long as usual; null without a gap.",
    )
    alive_probability = FixedField(
        scale=4, null=True, description="The probability, from 0 to 1, that the contact still is a customer, by the model BG/NBD."
    )
    expected_purchases = FixedField(
        scale=3, null=True, description="Days with purchases to expect within the next 90 days, by the model BG/NBD."
    )
    predicted_value = MoneyField(
        null=True, description="The amount to expect within the next 365 days, not discounted, by the models BG/NBD and Gamma-Gamma."
    )
    undetermined = fields.CharField(max_length=200, null=True, description="Why a prediction is null: the data do not determine a model.")
    scored_at = fields.DatetimeField(description="When all of this was worked out, in UTC.")

    class Meta(Model.Meta):
        table = "metrics_score"


class MetricsSpend(Record):
    """Money spent to win customers, on a day or evenly over several days."""

    source = fields.CharField(
        max_length=120,
        null=True,
        db_index=True,
        description="What it was spent on, in the words of `source` of contacts and deals: a fair; null for nothing in particular.",
    )
    campaign = fields.CharField(max_length=120, null=True, description="The campaign that it belongs to.")
    starts_on = fields.DateField(db_index=True, description="The first day that it is for.")
    ends_on = fields.DateField(null=True, db_index=True, description="The last day that it is for; the first one when left out.")
    amount = MoneyField(description="How much it was in all; 0 or more.")
    currency = fields.CharField(max_length=3, description="ISO 4217 code of the amount.")
    note = fields.TextField(null=True, description="What is worth knowing, for people.")

    class Meta(Record.Meta):
        abstract = False
        table = "metrics_spend"


class MetricsPurchaseDay(Model):
    """A day on which a customer bought: one row for each, with the first of the customer's days and the one before it.

    The day before makes it cheap to count customers of a period: a row is the first of its customer there when that day lies before the
    period, so that nothing has to be told apart.
    """

    id = fields.BigIntField(primary_key=True, generated=True)
    customer = fields.CharField(max_length=8)  # CONTACT or COMPANY
    customer_id: uuid.UUID = fields.UUIDField()
    day: datetime.date = fields.DateField()
    first_day: datetime.date = fields.DateField()
    previous_day: datetime.date | None = fields.DateField(null=True)
    deals = fields.IntField()

    class Meta(Model.Meta):
        table = "metrics_purchase_day"
        unique_together = (("customer", "customer_id", "day"),)
        indexes = (("customer", "previous_day", "day", "first_day"),)


class MetricsRollup(Model):
    """A roll-up: the zone of its days, since when it has been kept, and whether all of it is there."""

    name = fields.CharField(max_length=40, primary_key=True)
    zone = fields.CharField(max_length=64)
    began_at: datetime.datetime = fields.DatetimeField()
    whole = fields.BooleanField(default=False)

    class Meta(Model.Meta):
        table = "metrics_rollup"
