"""Reminders: what is due makes events, what is overdue can be asked for, and each contact, company and deal knows its next step."""

from core import CRM, Expressed, Job, hookimpl
from plugins.reminders.cleaning import clean
from plugins.reminders.digest import digest
from plugins.reminders.due import tell
from plugins.reminders.expressions import expressed
from plugins.reminders.settings import Settings

__all__ = ["Settings"]


@hookimpl
def expressions() -> list[Expressed]:
    """`overdue`, `overdueCount`, `nextFollowUp` and `nextFollowUpAt`."""
    return expressed()


@hookimpl
def jobs(crm: CRM) -> list[Job]:
    """Each minute, what has come due; on the days of the settings, a digest for each user; and every night, what is not needed any more."""
    settings = crm.settings_of(Settings)
    daily = [Job("reminders.digest", digest, cron=settings.digest_cron)] if settings.digest_days else []
    return [Job("reminders.tell", tell, cron="* * * * *"), *daily, Job("reminders.clean", clean, cron="40 3 * * *")]
