"""Who may open the API, and what each may do."""

import uuid
from enum import StrEnum

from tortoise import fields
from tortoise.models import Model

from core.fields import new_id, now
from core.models.record import Record
from core.models.users import User


class GrantScope(StrEnum):
    """Which rows a permission of a role is for.

    NONE: No row, whatever a wider permission of the role says.
    OWN: The rows that belong to the user.
    TEAM: The rows that belong to a user of the same team, or of a team below it.
    ALL: Every row.
    WHERE: The rows that fulfil the filter `where` of the grant.
    """

    NONE = "NONE"
    OWN = "OWN"
    TEAM = "TEAM"
    ALL = "ALL"
    WHERE = "WHERE"


class FieldAccess(StrEnum):
    """What a role may do with a field of the rows that it sees.

    HIDDEN: The field is null and an error, and nothing can be filtered, ordered or grouped by it.
    READ: The field is shown, and no input may set it.
    WRITE: The field is shown and set, as far as the rows may be changed.
    """

    HIDDEN = "HIDDEN"
    READ = "READ"
    WRITE = "WRITE"


class Role(Record):
    """What some users and keys may do. Whatever no grant allows is refused."""

    name = fields.CharField(max_length=60, unique=True, description="What users and keys call the role.")
    description = fields.TextField(null=True, description="Whom the role is for.")

    class Meta(Record.Meta):
        abstract = False
        table = "role"


class RoleGrant(Model):
    """A permission of a role, and the rows that it is for. Of several that fit, the most specific counts."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    role: fields.ForeignKeyRelation[Role] = fields.ForeignKeyField(
        "core.Role", related_name=False, on_delete=fields.CASCADE, db_index=True, description="The role that has the permission."
    )
    role_id: uuid.UUID
    permission = fields.CharField(
        max_length=120, description="`deal.update`, or for several `deal.*`, `*.read` or `*`; `permissions` lists what there is."
    )
    scope = fields.CharEnumField(GrantScope, max_length=8, default=GrantScope.ALL, description="Which rows it is for.")
    where = fields.JSONField(
        null=True,
        description="With WHERE: a filter as in the argument `where` of the list. `$me` stands for the id of the user,"
        " `$team` for that of its team.",
    )
    position = fields.IntField(default=0, description="Order among the grants of the role.")

    class Meta(Model.Meta):
        table = "role_grant"


class RoleField(Model):
    """What a role may do with one field. A field that no row names is written as far as its record is."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    role: fields.ForeignKeyRelation[Role] = fields.ForeignKeyField(
        "core.Role", related_name=False, on_delete=fields.CASCADE, db_index=True, description="The role that is meant."
    )
    role_id: uuid.UUID
    field = fields.CharField(max_length=160, description="Type and field as the API names them: `deal.amount`, `contact.phones`.")
    access = fields.CharEnumField(FieldAccess, max_length=8, description="What may be done with it.")
    position = fields.IntField(default=0, description="Order among the fields of the role.")

    class Meta(Model.Meta):
        table = "role_field"


class ApiKey(Model):
    """A key of the API. Only its SHA-256 is kept, and a prefix to recognise it by."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=120, description="What or whom the key is for.")
    prefix = fields.CharField(max_length=16, unique=True, description="What the key begins with, after `pvk_`.")
    hash = fields.CharField(max_length=64)
    old_hash = fields.CharField(max_length=64, null=True)
    old_until = fields.DatetimeField(null=True, description="Until when the secret before the last rotation opens as well, in UTC.")
    role = fields.CharField(max_length=60, description="The role whose permissions the key has.")
    scopes = fields.JSONField(
        null=True, description="Permissions that the key is narrowed to: `contact.read`, `deal.*`, `*.read`; null for all of its role."
    )
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "core.User", related_name=False, null=True, on_delete=fields.CASCADE, db_index=True, description="The user whose rows are its own."
    )
    user_id: uuid.UUID | None
    creator: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "core.User",
        related_name=False,
        null=True,
        on_delete=fields.CASCADE,
        db_index=True,
        description="The user who made it, and whose rights it never exceeds; null for one of the command line.",
    )
    creator_id: uuid.UUID | None
    maker: fields.ForeignKeyNullableRelation["ApiKey"] = fields.ForeignKeyField(
        "core.ApiKey",
        related_name=False,
        null=True,
        on_delete=fields.CASCADE,
        db_index=True,
        description="The key that made it, and whose rights it never exceeds.",
    )
    maker_id: uuid.UUID | None
    created_at = fields.DatetimeField(default=now, description="When the key was made, in UTC.")
    expires_at = fields.DatetimeField(null=True, description="When the key stops to open, in UTC; null for never.")
    revoked_at = fields.DatetimeField(null=True, description="When the key was revoked, in UTC; null while it was not.")
    rotated_at = fields.DatetimeField(null=True, description="When the key last got another secret, in UTC.")
    last_used_at = fields.DatetimeField(null=True, description="When the key last opened, in UTC, to the minute.")

    class Meta(Model.Meta):
        table = "api_key"

    def opens(self) -> bool:
        """Whether the key opens the API now, as far as it is up to the key itself."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now())


class Session(Model):
    """A browser in which a user has signed in: only the SHA-256 of its cookie is kept."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    hash = fields.CharField(max_length=64, unique=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("core.User", related_name=False, on_delete=fields.CASCADE, db_index=True)
    user_id: uuid.UUID
    created_at = fields.DatetimeField(default=now)
    seen_at = fields.DatetimeField(default=now)
    expires_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "session"


class TeamAncestor(Model):
    """That a team is part of another, at whatever depth; each team is part of itself. Worked out from the teams' parents."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    team_id = fields.UUIDField(db_index=True)
    ancestor_id = fields.UUIDField(db_index=True)

    class Meta(Model.Meta):
        table = "team_ancestor"
        unique_together = (("ancestor_id", "team_id"),)


class Answered(Model):
    """The first answer to a mutation that came with an `Idempotency-Key`, kept for a day."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    client = fields.CharField(max_length=80)
    operation = fields.CharField(max_length=64)
    key = fields.CharField(max_length=255)
    fingerprint = fields.CharField(max_length=64)
    answer = fields.TextField()
    at = fields.DatetimeField(default=now, db_index=True)

    class Meta(Model.Meta):
        table = "answered"
        unique_together = (("client", "operation", "key"),)
