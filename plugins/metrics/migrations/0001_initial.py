from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    initial = True

    operations = [
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
    ]
