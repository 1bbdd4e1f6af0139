"""People that we talk to, and how to reach them."""

import uuid
from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from core.fields import FoldedField, new_id, now
from core.models.companies import Company
from core.models.record import Record
from core.models.users import User


class Gender(StrEnum):
    """Gender, as far as it is known; null when it is not."""

    FEMALE = "FEMALE"
    MALE = "MALE"
    OTHER = "OTHER"


class LifecycleStage(StrEnum):
    """How far a contact has come with us."""

    SUBSCRIBER = "SUBSCRIBER"
    LEAD = "LEAD"
    QUALIFIED = "QUALIFIED"
    OPPORTUNITY = "OPPORTUNITY"
    CUSTOMER = "CUSTOMER"
    CHURNED = "CHURNED"


class Contact(Record):
    """A person that we talk to."""

    name = fields.CharField(
        max_length=200, default="", description="Full name as it is shown; made of the given and family name when left out."
    )
    name_key = FoldedField(of="name", db_index=True)
    given_name = fields.CharField(max_length=120, null=True, description="Given name.")
    family_name = fields.CharField(max_length=120, null=True, description="Family name.")
    company: fields.ForeignKeyNullableRelation[Company] = fields.ForeignKeyField(
        "core.Company",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        db_index=True,
        description="The company that the contact works for.",
    )
    company_id: uuid.UUID | None
    job_title = fields.CharField(max_length=120, null=True, description="What the contact does there.")
    owner: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "core.User",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        description="The user who looks after this contact.",
    )
    owner_id: uuid.UUID | None
    lifecycle_stage = fields.CharEnumField(
        LifecycleStage, max_length=16, default=LifecycleStage.LEAD, db_index=True, description="How far the contact has come with us."
    )
    source = fields.CharField(
        max_length=120, null=True, db_index=True, description="Where the contact came from: a campaign, a fair, a web form."
    )
    gender = fields.CharEnumField(Gender, max_length=8, null=True, description="Gender, null when unknown.")
    birth_date = fields.DateField(null=True, description="Date of birth (Gregorian).")
    street = fields.CharField(max_length=300, null=True, description="Street and number.")
    city = fields.CharField(max_length=120, null=True, description="City.")
    city_key = FoldedField(of="city", null=True, db_index=True)
    region = fields.CharField(max_length=120, null=True, description="Province or state.")
    postal_code = fields.CharField(max_length=20, null=True, description="Postal code.")
    country = fields.CharField(max_length=2, null=True, description="ISO 3166-1 code of the country: `IR`.")
    locale = fields.CharField(max_length=35, null=True, description="Language and region as a BCP 47 tag: `fa-IR`.")
    time_zone = fields.CharField(max_length=64, null=True, description="Time zone of the IANA database: `Asia/Tehran`.")
    email_consent = fields.BooleanField(default=False, description="Whether the contact agreed to mail.")
    sms_consent = fields.BooleanField(default=False, description="Whether the contact agreed to text messages.")
    call_consent = fields.BooleanField(default=False, description="Whether the contact agreed to calls.")
    description = fields.TextField(null=True, description="What is worth knowing, for people.")
    merged_into: fields.ForeignKeyNullableRelation["Contact"] = fields.ForeignKeyField(
        "core.Contact",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        db_index=True,
        description="The contact that this one was merged into, which makes it a deleted one; null for all others. It never leads to"
        " one that was merged in turn.",
    )
    merged_into_id: uuid.UUID | None

    class Meta(Record.Meta):
        abstract = False
        table = "contact"
        # The newest first, page after page: of all, and of those that one user sees as their own.
        indexes = (("created_at", "id"), ("owner_id", "created_at", "id"))


class ContactEmail(Model):
    """An e-mail address of a contact."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "core.Contact", related_name=False, on_delete=fields.CASCADE, db_index=True, description="Whose address it is."
    )
    contact_id: uuid.UUID
    address = fields.CharField(max_length=254, description="The address as it was given.")
    address_key = FoldedField(of="address", max_length=254, db_index=True)
    label = fields.CharField(max_length=40, null=True, description="What it is for: work, home.")
    position = fields.IntField(default=0, description="Order among the addresses; 0 is the first choice.")

    class Meta(Model.Meta):
        table = "contact_email"


class ContactPhone(Model):
    """A phone number of a contact."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "core.Contact", related_name=False, on_delete=fields.CASCADE, db_index=True, description="Whose number it is."
    )
    contact_id: uuid.UUID
    number = fields.CharField(max_length=20, db_index=True, description="The number in E.164: `+989121234567`.")
    label = fields.CharField(max_length=40, null=True, description="What it is for: mobile, work, home.")
    position = fields.IntField(default=0, description="Order among the numbers; 0 is the first choice.")

    class Meta(Model.Meta):
        table = "contact_phone"


class LifecycleChange(Model):
    """A step of a contact from one lifecycle stage to the next."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    contact: fields.ForeignKeyRelation[Contact] = fields.ForeignKeyField(
        "core.Contact", related_name=False, on_delete=fields.CASCADE, db_index=True, description="Whose step it is."
    )
    contact_id: uuid.UUID
    from_stage = fields.CharEnumField(LifecycleStage, max_length=16, null=True, description="The stage before; null at the beginning.")
    to_stage = fields.CharEnumField(LifecycleStage, max_length=16, description="The stage after.")
    changed_at = fields.DatetimeField(default=now, db_index=True, description="When the step was taken, in UTC.")
    seconds = fields.BigIntField(null=True, description="Seconds spent in the stage before; null at the beginning.")

    class Meta(Model.Meta):
        table = "lifecycle_change"
