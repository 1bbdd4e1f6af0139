from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('core', '0006_consumers')]

    initial = True

    operations = [
        ops.CreateModel(
            name='WebhookEndpoint',
            fields=[
                ('id', fields.UUIDField(primary_key=True, unique=True, db_index=True)),
                ('external_source', fields.CharField(default='', max_length=60)),
                ('external_id', fields.CharField(null=True, max_length=200)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('deleted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('version', fields.IntField(default=1)),
                ('url', fields.CharField(max_length=2000)),
                ('names', fields.JSONField()),
                ('query', fields.TextField(null=True, unique=False)),
                ('description', fields.TextField(null=True, unique=False)),
                ('state', fields.CharField(default='ENABLED', max_length=8)),
                ('reason', fields.CharField(null=True, max_length=300)),
                ('since', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('user', fields.ForeignKeyField('core.User', source_field='user_id', null=True, db_index=True, db_constraint=False, to_field='id', related_name=False, on_delete=OnDelete.NO_ACTION)),
                ('key', fields.ForeignKeyField('core.ApiKey', source_field='key_id', null=True, db_constraint=False, to_field='id', related_name=False, on_delete=OnDelete.NO_ACTION)),
                ('signing_key', fields.CharField(max_length=100)),
                ('old_signing_key', fields.CharField(null=True, max_length=100)),
                ('old_until', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'webhooks_endpoint', 'app': 'webhooks', 'unique_together': (('external_source', 'external_id'),), 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', fields.UUIDField(primary_key=True, unique=True, db_index=True)),
                ('endpoint', fields.ForeignKeyField('webhooks.WebhookEndpoint', source_field='endpoint_id', db_index=True, db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.CASCADE)),
                ('event_id', fields.CharField(db_index=True, max_length=36)),
                ('name', fields.CharField(max_length=80)),
                ('record_id', fields.CharField(max_length=160)),
                ('replay', fields.BooleanField(default=False)),
                ('state', fields.CharField(default='WAITING', max_length=10)),
                ('attempts', fields.IntField(default=0)),
                ('status', fields.IntField(null=True)),
                ('answer', fields.TextField(null=True, unique=False)),
                ('error', fields.CharField(null=True, max_length=300)),
                ('duration', fields.IntField(null=True)),
                ('created_at', fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
                ('trying_since', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('tried_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('next_try_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('delivered_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('batch', fields.UUIDField(db_index=True)),
            ],
            options={'table': 'webhooks_delivery', 'app': 'webhooks', 'indexes': [Index(fields=['state', 'endpoint_id'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
