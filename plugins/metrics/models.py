"""The tables of metrics: what each customer comes to, worked out every night, and what was spent to win customers."""

import uuid
from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from core.fields import FixedField, MoneyField, new_id
from core.models import Contact, Record


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
