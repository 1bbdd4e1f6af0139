from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0001_initial')]

    initial = False

    operations = [
        ops.AddIndex(
            model_name='Activity',
            index=Index(fields=['created_at', 'id']),
        ),
        ops.AddIndex(
            model_name='Company',
            index=Index(fields=['created_at', 'id']),
        ),
        ops.AddIndex(
            model_name='Contact',
            index=Index(fields=['created_at', 'id']),
        ),
        ops.AddIndex(
            model_name='Deal',
            index=Index(fields=['created_at', 'id']),
        ),
    ]
