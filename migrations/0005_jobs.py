from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index
from uuid_utils.compat import uuid7

# Arguments and results of jobs can hold what these roles are not to see.
NARROWED = {"marketing": "OWN", "analyst": "NONE", "read-only": "NONE"}


async def narrow_roles(apps, editor):
    """Roles that read everything do not read jobs of others."""
    role, grant = (apps.get_model(f"core.{name}") for name in ("Role", "RoleGrant"))
    for name, scope in NARROWED.items():
        found = await role.filter(name=name, deleted_at__isnull=True).using_db(editor.client).first()
        if found is None or await grant.filter(role_id=found.id, permission__startswith="job.").using_db(editor.client).exists():
            continue
        position = await grant.filter(role_id=found.id).using_db(editor.client).count()
        values = {"id": uuid7(), "role_id": found.id, "permission": "job.read", "scope": scope, "position": position}
        await grant.create(**values, using_db=editor.client)


class Migration(migrations.Migration):
    dependencies = [('core', '0004_own_newest_first')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Job',
            fields=[
                ('id', fields.UUIDField(primary_key=True, unique=True, db_index=True)),
                ('name', fields.CharField(db_index=True, max_length=120)),
                ('queue', fields.CharField(max_length=60)),
                ('state', fields.CharField(default='QUEUED', max_length=10)),
                ('arguments', fields.JSONField()),
                ('key', fields.CharField(null=True, max_length=200)),
                ('lock', fields.CharField(null=True, unique=True, max_length=330)),
                ('priority', fields.SmallIntField(default=5)),
                ('attempts', fields.IntField(default=0)),
                ('progress_done', fields.BigIntField(default=0)),
                ('progress_total', fields.BigIntField(null=True)),
                ('progress_note', fields.CharField(null=True, max_length=200)),
                ('cancel_requested', fields.BooleanField(default=False)),
                ('result', fields.JSONField(null=True)),
                ('error', fields.CharField(null=True, max_length=500)),
                ('enqueued_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('run_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('started_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('finished_at', fields.DatetimeField(null=True, db_index=True, auto_now=False, auto_now_add=False)),
                ('requested_by', fields.CharField(max_length=120)),
                ('user', fields.ForeignKeyField('core.User', source_field='user_id', null=True, db_index=True, db_constraint=False, to_field='id', related_name=False, on_delete=OnDelete.NO_ACTION)),
                ('turn', fields.IntField(default=1)),
                ('handed', fields.BooleanField(default=False)),
                ('holder', fields.CharField(default='', max_length=60)),
                ('failures', fields.IntField(default=0)),
                ('crashes', fields.IntField(default=0)),
            ],
            options={'table': 'job', 'app': 'core', 'indexes': [Index(fields=['handed', 'run_at']), Index(fields=['state', 'run_at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='JobClock',
            fields=[
                ('name', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=120)),
                ('read_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'job_clock', 'app': 'core', 'pk_attr': 'name'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='JobStep',
            fields=[
                ('id', fields.UUIDField(primary_key=True, unique=True, db_index=True)),
                ('job', fields.ForeignKeyField('core.Job', source_field='job_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('name', fields.CharField(max_length=200)),
                ('result', fields.JSONField(null=True)),
            ],
            options={'table': 'job_step', 'app': 'core', 'unique_together': (('job_id', 'name'),), 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.RunPython(narrow_roles, ops.RunPython.noop),
    ]
