from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('core', '0009_merged_into')]

    initial = True

    operations = [
        ops.CreateModel(
            name='MetricsGoal',
            fields=[
                ('id', fields.UUIDField(primary_key=True, unique=True, db_index=True)),
                ('external_source', fields.CharField(default='', max_length=60)),
                ('external_id', fields.CharField(null=True, max_length=200)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('deleted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('version', fields.IntField(default=1)),
                ('name', fields.CharField(max_length=120)),
                ('name_key', fields.CharField(db_index=True, max_length=120)),
                ('metric', fields.CharField(max_length=80)),
                ('where', fields.JSONField(null=True)),
                ('starts_on', fields.DateField()),
                ('ends_on', fields.DateField()),
                ('target', fields.BigIntField(null=True)),
                ('amount', fields.BigIntField(null=True)),
                ('currency', fields.CharField(null=True, max_length=3)),
                ('direction', fields.CharField(default='AT_LEAST', max_length=8)),
                ('owner', fields.ForeignKeyField('core.User', source_field='owner_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('team', fields.ForeignKeyField('core.Team', source_field='team_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
            ],
            options={'table': 'metrics_goal', 'app': 'metrics', 'unique_together': (('external_source', 'external_id'),), 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
