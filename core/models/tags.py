"""Tags: words that people put on contacts, companies and deals."""

from tortoise import fields
from tortoise.models import Model

from core.fields import FoldedField, new_id
from core.models.record import Record


class Tag(Record):
    """A word to group records by."""

    name = fields.CharField(max_length=80, description="The word; unique, however it is spelt.")
    name_key = FoldedField(of="name", unique=True)

    class Meta(Record.Meta):
        abstract = False
        table = "tag"


class ContactTag(Model):
    """A tag on a contact."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    contact = fields.ForeignKeyField("core.Contact", related_name=False, on_delete=fields.CASCADE)
    tag = fields.ForeignKeyField("core.Tag", related_name=False, on_delete=fields.CASCADE, db_index=True)

    class Meta(Model.Meta):
        table = "contact_tag"
        unique_together = (("contact", "tag"),)


class CompanyTag(Model):
    """A tag on a company."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    company = fields.ForeignKeyField("core.Company", related_name=False, on_delete=fields.CASCADE)
    tag = fields.ForeignKeyField("core.Tag", related_name=False, on_delete=fields.CASCADE, db_index=True)

    class Meta(Model.Meta):
        table = "company_tag"
        unique_together = (("company", "tag"),)


class DealTag(Model):
    """A tag on a deal."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    deal = fields.ForeignKeyField("core.Deal", related_name=False, on_delete=fields.CASCADE)
    tag = fields.ForeignKeyField("core.Tag", related_name=False, on_delete=fields.CASCADE, db_index=True)

    class Meta(Model.Meta):
        table = "deal_tag"
        unique_together = (("deal", "tag"),)
