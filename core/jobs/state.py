"""What is wrong with the jobs of a house, for people."""

from datetime import timedelta

from tortoise.functions import Count

from core.crm import CRM
from core.fields import now
from core.models import Job, JobState

LATE = timedelta(minutes=10)


async def complaints(crm: CRM) -> list[str]:
    """Sentences about jobs that are dead, that wait for a plugin, and that nobody runs."""
    declared, waiting = list(crm.jobs), [JobState.QUEUED, JobState.RUNNING]
    strangers = Job.filter(state__in=waiting).exclude(name__in=declared)
    found = [f"jobs '{name}' wait for their plugin: {count}" for name, count in await _counted(strangers)]
    dead = Job.filter(state=JobState.DEAD)
    found += [f"jobs '{name}' are dead: {count}; see: payvand jobs list --state dead" for name, count in await _counted(dead)]
    late = await Job.filter(state=JobState.QUEUED, run_at__lt=now() - LATE, name__in=declared).count()
    if late:
        found.append(f"{late} jobs should have begun {LATE.seconds // 60} minutes ago; is there a server or worker that runs them?")
    return found


async def _counted(rows: object) -> list[tuple[str, int]]:
    counted = rows.annotate(count=Count("id")).group_by("name").order_by("name")  # type: ignore[attr-defined]  # a QuerySet
    return await counted.values_list("name", "count")
