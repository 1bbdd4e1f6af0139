"""Money that may come in, and the way it goes."""

import uuid

from tortoise import fields
from tortoise.models import Model

from core.fields import FixedField, FoldedField, MoneyField, new_id, now
from core.models.companies import Company
from core.models.contacts import Contact
from core.models.pipelines import Pipeline, Stage
from core.models.products import Product
from core.models.record import Record
from core.models.users import User


class Deal(Record):
    """A chance to sell. It may have no contact or no company yet."""

    title = fields.CharField(max_length=200, description="What the deal is about.")
    title_key = FoldedField(of="title", db_index=True)
    pipeline: fields.ForeignKeyRelation[Pipeline] = fields.ForeignKeyField(
        "core.Pipeline", related_name=False, on_delete=fields.RESTRICT, db_index=True, description="The pipeline of its stage."
    )
    pipeline_id: uuid.UUID
    stage: fields.ForeignKeyRelation[Stage] = fields.ForeignKeyField(
        "core.Stage", related_name=False, on_delete=fields.RESTRICT, db_index=True,
        description="Where the deal stands; a new deal begins in the first open stage of the first pipeline.",
    )  # fmt: skip
    stage_id: uuid.UUID
    contact: fields.ForeignKeyNullableRelation[Contact] = fields.ForeignKeyField(
        "core.Contact", related_name=False, null=True, on_delete=fields.RESTRICT, db_index=True, description="The person who may buy."
    )
    contact_id: uuid.UUID | None
    company: fields.ForeignKeyNullableRelation[Company] = fields.ForeignKeyField(
        "core.Company", related_name=False, null=True, on_delete=fields.RESTRICT, db_index=True, description="The company that may buy."
    )
    company_id: uuid.UUID | None
    owner: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "core.User",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        description="The user who looks after this deal.",
    )
    owner_id: uuid.UUID | None
    amount = MoneyField(null=True, description="What the deal is worth.")
    currency = fields.CharField(max_length=3, null=True, description="ISO 4217 code of the deal's money, its lines included.")
    started_at = fields.DatetimeField(null=True, db_index=True, description="When work on the deal began, in UTC.")
    expected_close_on = fields.DateField(null=True, description="The day on which it is expected to close.")
    closed_at = fields.DatetimeField(null=True, db_index=True, description="When the deal was won or lost, in UTC; null while it is open.")
    lost_reason = fields.CharField(max_length=300, null=True, description="Why the deal was lost.")
    source = fields.CharField(max_length=120, null=True, db_index=True, description="Where the deal came from.")
    description = fields.TextField(null=True, description="What is worth knowing, for people.")

    class Meta(Record.Meta):
        abstract = False
        table = "deal"
        # The newest first, page after page: of all, and of those that one user sees as their own.
        indexes = (("created_at", "id"), ("owner_id", "created_at", "id"))


class DealLine(Model):
    """A product on a deal: how many, at which price."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    deal: fields.ForeignKeyRelation[Deal] = fields.ForeignKeyField(
        "core.Deal", related_name=False, on_delete=fields.CASCADE, db_index=True, description="The deal that this line belongs to."
    )
    deal_id: uuid.UUID
    product: fields.ForeignKeyRelation[Product] = fields.ForeignKeyField(
        "core.Product", related_name=False, on_delete=fields.RESTRICT, db_index=True, description="What is sold."
    )
    product_id: uuid.UUID
    quantity = FixedField(scale=3, default=1000, description="How many units; more than 0.")
    unit_price = MoneyField(null=True, description="Price of one unit; the product's list price when left out.")
    discount = FixedField(scale=2, default=0, description="Discount in percent, from 0 to 100.")
    total = MoneyField(
        null=True, description="Quantity times unit price, less the discount, rounded half to even to the currency's digits."
    )
    currency = fields.CharField(max_length=3, null=True, description="ISO 4217 code; that of the deal.")
    position = fields.IntField(default=0, description="Order of the lines.")

    class Meta(Model.Meta):
        table = "deal_line"


class DealStageChange(Model):
    """A step of a deal from one stage to the next."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    deal: fields.ForeignKeyRelation[Deal] = fields.ForeignKeyField(
        "core.Deal", related_name=False, on_delete=fields.CASCADE, db_index=True, description="Whose step it is."
    )
    deal_id: uuid.UUID
    from_stage: fields.ForeignKeyNullableRelation[Stage] = fields.ForeignKeyField(
        "core.Stage",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        db_index=True,
        description="The stage before; null at the beginning.",
    )
    from_stage_id: uuid.UUID | None
    to_stage: fields.ForeignKeyRelation[Stage] = fields.ForeignKeyField(
        "core.Stage", related_name=False, on_delete=fields.RESTRICT, db_index=True, description="The stage after."
    )
    to_stage_id: uuid.UUID
    changed_at = fields.DatetimeField(default=now, db_index=True, description="When the step was taken, in UTC.")
    seconds = fields.BigIntField(null=True, description="Seconds spent in the stage before; null at the beginning.")

    class Meta(Model.Meta):
        table = "deal_stage_change"
