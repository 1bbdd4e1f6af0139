from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0003_access')]

    initial = False

    operations = [
        ops.AddIndex(
            model_name='Activity',
            index=Index(fields=['assignee_id', 'created_at', 'id']),
        ),
        ops.AddIndex(
            model_name='Company',
            index=Index(fields=['owner_id', 'created_at', 'id']),
        ),
        ops.AddIndex(
            model_name='Contact',
            index=Index(fields=['owner_id', 'created_at', 'id']),
        ),
        ops.AddIndex(
            model_name='Deal',
            index=Index(fields=['owner_id', 'created_at', 'id']),
        ),
    ]
