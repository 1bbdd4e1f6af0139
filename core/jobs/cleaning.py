"""Finished jobs are kept for a time, and then forgotten."""

from datetime import timedelta

from core.fields import now
from core.jobs.run import Run
from core.models import Job

AT_ONCE = 1_000


async def clean(run: Run) -> int:
    """Remove jobs that have been finished for as long as the settings say, and give their number."""
    before, removed = now() - timedelta(days=run.crm.settings.jobs.keep), 0
    while keys := await Job.filter(finished_at__lt=before).limit(AT_ONCE).values_list("id", flat=True):
        removed += await Job.filter(id__in=keys).delete()
        await run.progress(removed)
    return removed
