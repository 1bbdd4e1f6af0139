"""Webhooks: what happens is sent to endpoints, signed, as a query of theirs asks for it, and tried again for a day."""

from collections.abc import Mapping
from datetime import timedelta

from core import CRM, Call, Consumer, Job, Measure, Resource, hookimpl
from core.models import Contact
from plugins.webhooks import rules
from plugins.webhooks.graphql import EndpointFields, WebhookMutations, WebhookQuery
from plugins.webhooks.keeping import blank, forget, measures
from plugins.webhooks.models import WebhookDelivery, WebhookEndpoint
from plugins.webhooks.recording import BACKOFF, BATCH, QUEUE, RETRIES, SEND, record, sweep
from plugins.webhooks.replaying import REPLAY, replay
from plugins.webhooks.sending import send
from plugins.webhooks.settings import Settings

__all__ = ["Settings"]


@hookimpl
def resources() -> list[Resource]:
    """Endpoints, which belong to their user; and the log of deliveries, which is seen with its endpoint and written by nobody."""
    return [
        Resource(
            WebhookEndpoint,
            owned_by="user",
            read_only=frozenset({"state", "reason", "since", "old_until", "user", "key"}),
            hidden=frozenset({"signing_key", "old_signing_key"}),
            natural=(),
            prepare=rules.prepare,
            on_delete=rules.deleted,
            on_restore=rules.restored,
        ),
        Resource(
            WebhookDelivery,
            part_of="endpoint",
            verbs=frozenset({"read"}),
            hidden=frozenset({"batch"}),
            natural=(),
            plural_name="webhook_deliveries",
        ),
    ]


@hookimpl
def graphql() -> list[type]:
    """What is done about endpoints and deliveries, and the secret that is shown once."""
    return [EndpointFields, WebhookQuery, WebhookMutations]


@hookimpl
def permissions() -> Mapping[str, str]:
    """To send many requests at once is a permission of its own."""
    return {"webhooks.replay": "To have past events sent again to a WebhookEndpoint that one may update."}


@hookimpl
def consumers() -> list[Consumer]:
    """What is to be sent is written down in the transaction in which it is noted that it was."""
    return [Consumer("webhooks", record, batch=BATCH, skip_poison=True)]


@hookimpl
def jobs() -> list[Job]:
    """To send, to replay, to look for what was left, and every night to forget."""
    return [
        Job(SEND, send, queue=QUEUE, retries=RETRIES, backoff=BACKOFF, timeout=timedelta(minutes=5)),
        Job(REPLAY, replay),
        Job("webhooks.sweep", sweep, cron="*/10 * * * *"),
        Job("webhooks.forget", forget, cron="37 3 * * *"),
    ]


@hookimpl
def metrics(crm: CRM) -> list[Measure]:
    """What waits and what failed."""
    return measures(crm)


@hookimpl
async def erase(call: Call, contact: Contact) -> None:
    """Nothing that endpoints have answered is kept."""
    await blank(call, contact)
