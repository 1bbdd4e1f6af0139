from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

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
        ops.CreateModel(
            name='MetricsPurchaseDay',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('customer', fields.CharField(max_length=8)),
                ('customer_id', fields.UUIDField()),
                ('day', fields.DateField()),
                ('first_day', fields.DateField()),
                ('previous_day', fields.DateField(null=True)),
                ('deals', fields.IntField()),
            ],
            options={'table': 'metrics_purchase_day', 'app': 'metrics', 'unique_together': (('customer', 'customer_id', 'day'),), 'indexes': [Index(fields=['customer', 'previous_day', 'day', 'first_day'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='MetricsRollup',
            fields=[
                ('name', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=40)),
                ('zone', fields.CharField(max_length=64)),
                ('began_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('whole', fields.BooleanField(default=False)),
            ],
            options={'table': 'metrics_rollup', 'app': 'metrics', 'pk_attr': 'name'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='MetricsScore',
            fields=[
                ('id', fields.UUIDField(primary_key=True, unique=True, db_index=True)),
                ('contact', fields.OneToOneField('core.Contact', source_field='contact_id', null=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('group', fields.CharField(db_index=True, max_length=20)),
                ('recency', fields.IntField()),
                ('frequency', fields.IntField()),
                ('monetary', fields.BigIntField()),
                ('currency', fields.CharField(max_length=3)),
                ('recency_score', fields.SmallIntField()),
                ('frequency_score', fields.SmallIntField()),
                ('monetary_score', fields.SmallIntField()),
                ('first_purchase_on', fields.DateField()),
                ('last_purchase_on', fields.DateField()),
                ('mean_gap', fields.BigIntField(null=True)),
                ('gaps', fields.BigIntField(null=True)),
                ('alive_probability', fields.BigIntField(null=True)),
                ('expected_purchases', fields.BigIntField(null=True)),
                ('predicted_value', fields.BigIntField(null=True)),
                ('undetermined', fields.CharField(null=True, max_length=200)),
                ('scored_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'metrics_score', 'app': 'metrics', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='MetricsSpend',
            fields=[
                ('id', fields.UUIDField(primary_key=True, unique=True, db_index=True)),
                ('external_source', fields.CharField(default='', max_length=60)),
                ('external_id', fields.CharField(null=True, max_length=200)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('deleted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('version', fields.IntField(default=1)),
                ('source', fields.CharField(null=True, db_index=True, max_length=120)),
                ('campaign', fields.CharField(null=True, max_length=120)),
                ('starts_on', fields.DateField(db_index=True)),
                ('ends_on', fields.DateField(null=True, db_index=True)),
                ('amount', fields.BigIntField()),
                ('currency', fields.CharField(max_length=3)),
                ('note', fields.TextField(null=True, unique=False)),
            ],
            options={'table': 'metrics_spend', 'app': 'metrics', 'unique_together': (('external_source', 'external_id'),), 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
