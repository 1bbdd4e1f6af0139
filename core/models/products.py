"""What is sold."""

from tortoise import fields

from core.fields import FoldedField, MoneyField
from core.models.record import Record


class Product(Record):
    """A product or service that can be on a deal and that an activity can be about."""

    name = fields.CharField(max_length=200, description="Name of the product.")
    name_key = FoldedField(of="name", db_index=True)
    sku = fields.CharField(max_length=80, null=True, unique=True, description="Stock keeping unit, unique among products.")
    family = fields.CharField(max_length=120, null=True, db_index=True, description="The series or category of the product.")
    description = fields.TextField(null=True, description="What the product is, for people.")
    price = MoneyField(null=True, description="List price of one unit.")
    currency = fields.CharField(max_length=3, null=True, description="ISO 4217 code of the price's currency.")
    active = fields.BooleanField(default=True, description="False when it is no longer sold.")

    class Meta(Record.Meta):
        abstract = False
        table = "product"
