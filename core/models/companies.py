"""Organisations that we talk to."""

import uuid

from tortoise import fields

from core.fields import FoldedField, MoneyField
from core.models.record import Record
from core.models.users import User


class Company(Record):
    """An organisation. Companies can be subsidiaries of others."""

    name = fields.CharField(max_length=200, description="Name of the company.")
    name_key = FoldedField(of="name", db_index=True)
    domain = fields.CharField(max_length=253, null=True, db_index=True, description="Internet domain, in lower case: `example.com`.")
    industry = fields.CharField(max_length=120, null=True, db_index=True, description="Sector in which the company works.")
    employees = fields.IntField(null=True, description="Number of people who work there.")
    founded_year = fields.IntField(null=True, description="Gregorian year in which it was founded.")
    annual_revenue = MoneyField(null=True, description="Revenue of a year.")
    currency = fields.CharField(max_length=3, null=True, description="ISO 4217 code of the revenue's currency.")
    parent: fields.ForeignKeyNullableRelation["Company"] = fields.ForeignKeyField(
        "core.Company",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        db_index=True,
        description="The company that this one is a subsidiary of.",
    )
    parent_id: uuid.UUID | None
    owner: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "core.User",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        description="The user who looks after this company.",
    )
    owner_id: uuid.UUID | None
    street = fields.CharField(max_length=300, null=True, description="Street and number.")
    city = fields.CharField(max_length=120, null=True, description="City.")
    city_key = FoldedField(of="city", null=True, db_index=True)
    region = fields.CharField(max_length=120, null=True, description="Province or state.")
    postal_code = fields.CharField(max_length=20, null=True, description="Postal code.")
    country = fields.CharField(max_length=2, null=True, description="ISO 3166-1 code of the country: `IR`.")
    website = fields.CharField(max_length=300, null=True, description="Address of the web site.")
    description = fields.TextField(null=True, description="What is worth knowing, for people.")

    class Meta(Record.Meta):
        abstract = False
        table = "company"
        # The newest first, page after page: of all, and of those that one user sees as their own.
        indexes = (("created_at", "id"), ("owner_id", "created_at", "id"))
