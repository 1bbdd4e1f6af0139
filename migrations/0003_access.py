import datetime

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields
from uuid_utils.compat import uuid7

ALL, TEAM, OWN, NONE = "ALL", "TEAM", "OWN", "NONE"
CONTACT_DETAILS = ("emails", "phones", "street", "postalCode", "birthDate")

# name: description, grants, hidden fields
ROLES = {
    "admin": ("Whoever runs the house. May do everything, and cannot be changed.", {"*": ALL}, ()),
    "manager": (
        "Leads a team: sees and changes what belongs to the team and to the teams below it.",
        {
            "*.read": TEAM, "*.create": TEAM, "*.update": TEAM, "*.delete": TEAM, "metrics.read": ALL,
            "product.*": ALL, "tag.*": ALL, "role.*": NONE, "apiKey.*": OWN,
        },
        (),
    ),
    "sales": (
        "Sees and changes what is its own, and finds the companies and products of the house.",
        {
            "*.read": OWN, "*.create": OWN, "*.update": OWN, "company.read": ALL, "product.read": ALL, "tag.create": ALL,
            "deal.delete": OWN, "activity.delete": OWN, "role.*": NONE, "apiKey.*": OWN,
        },
        (),
    ),
    "marketing": (
        "Reaches everyone: sees contacts, companies, deals and numbers, and changes contacts and tags.",
        {
            "*.read": ALL, "contact.create": ALL, "contact.update": ALL, "tag.*": ALL, "activity.create": OWN, "activity.update": OWN,
            "role.*": NONE, "apiKey.*": OWN, "auditEntry.read": OWN,
        },
        (),
    ),
    "analyst": (
        "Sees all numbers, and no address of anyone.",
        {"*.read": ALL, "role.*": NONE, "apiKey.*": OWN, "auditEntry.read": NONE},
        tuple(f"contact.{name}" for name in CONTACT_DETAILS),
    ),
    "read-only": ("Sees all records, and changes none.", {"*.read": ALL, "role.*": NONE, "apiKey.*": OWN, "auditEntry.read": NONE}, ()),
}


async def make_roles(apps, editor):
    """The roles that a house begins with. From here on they are data."""
    role, grant, field = (apps.get_model(f"core.{name}") for name in ("Role", "RoleGrant", "RoleField"))
    now = datetime.datetime.now(datetime.UTC)
    for name, (description, grants, hidden) in ROLES.items():
        key = uuid7()
        await role.create(id=key, name=name, description=description, created_at=now, updated_at=now, using_db=editor.client)
        for position, (permission, scope) in enumerate(grants.items()):
            values = {"id": uuid7(), "role_id": key, "permission": permission, "scope": scope, "position": position}
            await grant.create(**values, using_db=editor.client)
        for position, one in enumerate(hidden):
            await field.create(id=uuid7(), role_id=key, field=one, access="HIDDEN", position=position, using_db=editor.client)


class Migration(migrations.Migration):
    dependencies = [('core', '0002_newest_first')]

    initial = False

    operations = [
        ops.RenameModel(old_name='EventRecord', new_name='AuditEntry'),
        ops.CreateModel(
            name='Answered',
            fields=[
                ('id', fields.UUIDField(primary_key=True, unique=True, db_index=True)),
                ('client', fields.CharField(max_length=80)),
                ('operation', fields.CharField(max_length=64)),
                ('key', fields.CharField(max_length=255)),
                ('fingerprint', fields.CharField(max_length=64)),
                ('answer', fields.TextField(unique=False)),
                ('at', fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'answered', 'app': 'core', 'unique_together': (('client', 'operation', 'key'),), 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Role',
            fields=[
                ('id', fields.UUIDField(primary_key=True, unique=True, db_index=True)),
                ('external_source', fields.CharField(default='', max_length=60)),
                ('external_id', fields.CharField(null=True, max_length=200)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('deleted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('version', fields.IntField(default=1)),
                ('name', fields.CharField(unique=True, max_length=60)),
                ('description', fields.TextField(null=True, unique=False)),
            ],
            options={'table': 'role', 'app': 'core', 'unique_together': (('external_source', 'external_id'),), 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='RoleField',
            fields=[
                ('id', fields.UUIDField(primary_key=True, unique=True, db_index=True)),
                ('role', fields.ForeignKeyField('core.Role', source_field='role_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('field', fields.CharField(max_length=160)),
                ('access', fields.CharField(max_length=8)),
                ('position', fields.IntField(default=0)),
            ],
            options={'table': 'role_field', 'app': 'core', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='RoleGrant',
            fields=[
                ('id', fields.UUIDField(primary_key=True, unique=True, db_index=True)),
                ('role', fields.ForeignKeyField('core.Role', source_field='role_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('permission', fields.CharField(max_length=120)),
                ('scope', fields.CharField(default='ALL', max_length=8)),
                ('where', fields.JSONField(null=True)),
                ('position', fields.IntField(default=0)),
            ],
            options={'table': 'role_grant', 'app': 'core', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Session',
            fields=[
                ('id', fields.UUIDField(primary_key=True, unique=True, db_index=True)),
                ('hash', fields.CharField(unique=True, max_length=64)),
                ('user', fields.ForeignKeyField('core.User', source_field='user_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('seen_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'session', 'app': 'core', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='TeamAncestor',
            fields=[
                ('id', fields.UUIDField(primary_key=True, unique=True, db_index=True)),
                ('team_id', fields.UUIDField(db_index=True)),
                ('ancestor_id', fields.UUIDField(db_index=True)),
            ],
            options={'table': 'team_ancestor', 'app': 'core', 'unique_together': (('ancestor_id', 'team_id'),), 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='ApiKey',
            name='creator',
            field=fields.ForeignKeyField('core.User', source_field='creator_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE),
        ),
        ops.AddField(
            model_name='ApiKey',
            name='last_used_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='ApiKey',
            name='maker',
            field=fields.ForeignKeyField('core.ApiKey', source_field='maker_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE),
        ),
        ops.AddField(
            model_name='ApiKey',
            name='old_hash',
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name='ApiKey',
            name='old_until',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='ApiKey',
            name='rotated_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='ApiKey',
            name='scopes',
            field=fields.JSONField(null=True),
        ),
        ops.AddField(
            model_name='AuditEntry',
            name='key',
            field=fields.ForeignKeyField('core.ApiKey', source_field='key_id', null=True, db_constraint=False, to_field='id', related_name=False, on_delete=OnDelete.NO_ACTION),
        ),
        ops.AddField(
            model_name='AuditEntry',
            name='user',
            field=fields.ForeignKeyField('core.User', source_field='user_id', null=True, db_index=True, db_constraint=False, to_field='id', related_name=False, on_delete=OnDelete.NO_ACTION),
        ),
        ops.AddField(
            model_name='User',
            name='password',
            field=fields.CharField(null=True, max_length=200),
        ),
        ops.AddField(
            model_name='User',
            name='role',
            field=fields.CharField(null=True, max_length=60),
        ),
        ops.RunPython(make_roles, ops.RunPython.noop),
    ]
