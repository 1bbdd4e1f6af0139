from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('core', '0008_open_by_due')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Contact',
            name='merged_into',
            field=fields.ForeignKeyField('core.Contact', source_field='merged_into_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT),
        ),
    ]
