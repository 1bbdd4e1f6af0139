from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('core', '0005_jobs')]

    initial = False

    operations = [
        ops.CreateModel(
            name='ConsumerState',
            fields=[
                ('name', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=80)),
                ('plugin', fields.CharField(max_length=80)),
                ('position', fields.BigIntField()),
                ('failures', fields.IntField(default=0)),
                ('careful_until', fields.BigIntField(null=True)),
                ('error', fields.TextField(null=True, unique=False)),
                ('changed_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'consumer', 'app': 'core', 'pk_attr': 'name'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='DeadEvent',
            fields=[
                ('id', fields.UUIDField(primary_key=True, unique=True, db_index=True)),
                ('consumer', fields.CharField(max_length=80)),
                ('position', fields.BigIntField()),
                ('event_id', fields.UUIDField()),
                ('name', fields.CharField(max_length=80)),
                ('error', fields.TextField(unique=False)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'dead_event', 'app': 'core', 'unique_together': (('consumer', 'position'),), 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
