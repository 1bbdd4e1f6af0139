"""Every night: what was told so long ago that nobody could tell it again is forgotten."""

from datetime import timedelta

from core import Run, transaction
from core.fields import now
from plugins.reminders.models import Digest, Reminder

KEEP = timedelta(days=366)  # longer than anybody can look back
AT_ONCE = 1_000


async def clean(run: Run) -> int:
    """Remove the rows of what was due more than a year ago, and give their number."""
    before, removed = now() - KEEP, 0
    for rows in (Reminder.filter(due_at__lt=before), Digest.filter(day__lt=before.date())):
        while keys := await rows.limit(AT_ONCE).values_list("id", flat=True):
            async with transaction(run):
                removed += await rows.model.filter(id__in=keys).delete()
            await run.progress(removed)
    return removed
