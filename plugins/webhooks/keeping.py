"""The log of deliveries is kept for a time; how much waits; and nothing of an answer is kept once a person is erased."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from core import CRM, Call, Measure, Run
from core.fields import now
from core.models import Contact
from plugins.webhooks.models import WebhookDelivery, WebhookDeliveryState, WebhookEndpoint, WebhookState
from plugins.webhooks.settings import Settings

AT_ONCE = 1_000


async def forget(run: Run) -> int:
    """Remove deliveries that are older than the settings say, and give their number."""
    before, removed = now() - timedelta(days=run.crm.settings_of(Settings).keep_days), 0
    while keys := await WebhookDelivery.filter(created_at__lt=before).limit(AT_ONCE).values_list("id", flat=True):
        removed += await WebhookDelivery.filter(id__in=list(keys)).delete()
        await run.progress(removed)
    return removed


async def blank(call: Call, contact: Contact) -> None:
    """Remove what endpoints have answered: it may repeat anything that was sent to them, and nobody can tell of whom it speaks."""
    await WebhookDelivery.filter(answer__isnull=False).update(answer=None)


def measures(crm: CRM) -> list[Measure]:
    """How many deliveries wait and were given up, and how many endpoints are disabled."""
    return [
        Measure("deliveries_waiting", "Deliveries that wait for their first or another try.", _count(WebhookDeliveryState.WAITING)),
        Measure("deliveries_failed", "Deliveries in the log that were given up.", _count(WebhookDeliveryState.FAILED)),
        Measure("endpoints_disabled", "Endpoints that are disabled.", _disabled),
    ]


def _count(state: WebhookDeliveryState) -> Callable[[], Awaitable[float]]:
    async def count() -> float:
        return await WebhookDelivery.filter(state=state).count()

    return count


async def _disabled() -> float:
    return await WebhookEndpoint.filter(state=WebhookState.DISABLED, deleted_at__isnull=True).count()
