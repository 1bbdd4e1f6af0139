from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('core', '0009_merged_into')]

    initial = True

    operations = [
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
