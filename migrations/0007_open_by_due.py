from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0006_consumers')]

    initial = False

    operations = [
        ops.AlterField(
            model_name='Activity',
            name='done_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddIndex(
            model_name='Activity',
            index=Index(fields=['done_at', 'due_at']),
        ),
        ops.AddIndex(
            model_name='Activity',
            index=Index(fields=['assignee_id', 'done_at', 'due_at']),
        ),
    ]
