from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0001_initial'), ('core', '0002_newest_first'), ('core', '0003_access'), ('core', '0004_own_newest_first'), ('core', '0005_jobs'), ('core', '0006_consumers'), ('core', '0007_one_index_of_owners'), ('core', '0008_open_by_due'), ('core', '0009_merged_into'), ('loyalty', '0001_initial')]

    initial = False

    operations = [
        ops.CreateModel(
            name='LoyaltyPast',
            fields=[
                ('id', fields.UUIDField(primary_key=True, unique=True, db_index=True)),
                ('record_id', fields.UUIDField(db_index=True)),
                ('until', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('said', fields.JSONField()),
            ],
            options={'table': 'loyalty_past', 'app': 'loyalty', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.RemoveIndex(
            model_name='LoyaltyLot',
            name=None,
            fields=['member_id', 'expires_at'],
        ),
        ops.AddIndex(
            model_name='LoyaltyLot',
            index=Index(fields=['member_id', 'remaining']),
        ),
    ]
