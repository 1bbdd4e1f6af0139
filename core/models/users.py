"""The people who work with the CRM."""

import uuid

from tortoise import fields

from core.fields import FoldedField
from core.models.record import Record


class Team(Record):
    """A group of users. Teams form a tree."""

    name = fields.CharField(max_length=200, description="Name of the team.")
    name_key = FoldedField(of="name", db_index=True)
    parent: fields.ForeignKeyNullableRelation["Team"] = fields.ForeignKeyField(
        "core.Team",
        related_name=False,
        null=True,
        on_delete=fields.RESTRICT,
        db_index=True,
        description="The team that this one is part of.",
    )
    parent_id: uuid.UUID | None

    class Meta(Record.Meta):
        abstract = False
        table = "team"


class User(Record):
    """Someone who works with the CRM, owns records and is assigned activities."""

    name = fields.CharField(max_length=200, description="Full name.")
    name_key = FoldedField(of="name", db_index=True)
    email = fields.CharField(max_length=254, null=True, unique=True, description="E-mail address, unique among users.")
    team: fields.ForeignKeyNullableRelation[Team] = fields.ForeignKeyField(
        "core.Team", related_name=False, null=True, on_delete=fields.RESTRICT, db_index=True, description="The team of this user."
    )
    team_id: uuid.UUID | None
    active = fields.BooleanField(default=True, description="False for someone who has left.")
    role = fields.CharField(
        max_length=60, null=True, description="The role whose permissions the user has when it signs in; null for one who cannot."
    )
    password = fields.CharField(max_length=200, null=True)  # as Argon2 writes it, with its salt and its costs

    class Meta(Record.Meta):
        abstract = False
        table = "app_user"
