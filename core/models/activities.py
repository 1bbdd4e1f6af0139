"""What was done, and what is to be done."""

import uuid

from tortoise import fields

from core.fields import FoldedField
from core.models.companies import Company
from core.models.contacts import Contact
from core.models.deals import Deal
from core.models.products import Product
from core.models.record import Record
from core.models.users import User


class Activity(Record):
    """A note, call, meeting, e-mail or task, on a contact, a company or a deal, and perhaps about a product."""

    kind = fields.CharField(
        max_length=40,
        db_index=True,
        description="One of the kinds that `activityKinds` lists: NOTE, CALL, MEETING, EMAIL, TASK, or a plugin's.",
    )
    subject = fields.CharField(max_length=300, description="What it is about, in one line.")
    subject_key = FoldedField(of="subject", max_length=300, db_index=True)
    body = fields.TextField(null=True, description="The text of the note, the minutes of the meeting.")
    contact: fields.ForeignKeyNullableRelation[Contact] = fields.ForeignKeyField(
        "core.Contact", related_name=False, null=True, on_delete=fields.RESTRICT, db_index=True, description="The contact it was with."
    )
    contact_id: uuid.UUID | None
    company: fields.ForeignKeyNullableRelation[Company] = fields.ForeignKeyField(
        "core.Company", related_name=False, null=True, on_delete=fields.RESTRICT, db_index=True, description="The company it was with."
    )
    company_id: uuid.UUID | None
    deal: fields.ForeignKeyNullableRelation[Deal] = fields.ForeignKeyField(
        "core.Deal", related_name=False, null=True, on_delete=fields.RESTRICT, db_index=True, description="The deal it belongs to."
    )
    deal_id: uuid.UUID | None
    product: fields.ForeignKeyNullableRelation[Product] = fields.ForeignKeyField(
        "core.Product", related_name=False, null=True, on_delete=fields.RESTRICT, db_index=True, description="The product it was about."
    )
    product_id: uuid.UUID | None
    assignee: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "core.User", related_name=False, null=True, on_delete=fields.RESTRICT, description="The user who does it."
    )
    assignee_id: uuid.UUID | None
    due_at = fields.DatetimeField(null=True, db_index=True, description="When it is to be done, in UTC.")
    done_at = fields.DatetimeField(null=True, db_index=True, description="When it was done, in UTC; null while it is open.")

    class Meta(Record.Meta):
        abstract = False
        table = "activity"
        # The newest first, page after page: of all, and of those that one user sees as their own. What a user has still to do.
        # None begins with done_at and due_at: SQLite would look there for what is open behind one contact.
        indexes = (("created_at", "id"), ("assignee_id", "created_at", "id"), ("assignee_id", "done_at", "due_at"))
