"""The tables of metrics: what is kept so that it need not be counted each time."""

import datetime
import uuid

from tortoise import fields
from tortoise.models import Model


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
