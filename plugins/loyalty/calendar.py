"""Periods of a programme: by its calendar, in its time zone."""

import datetime
from zoneinfo import ZoneInfo

from core import Calendar, Period, day_begins, period_end, period_start
from plugins.loyalty.models import LoyaltyPeriod, LoyaltyProgramme


def since(
    programme: LoyaltyProgramme, period: LoyaltyPeriod, moment: datetime.datetime, weekday: int = 0
) -> tuple[datetime.datetime, datetime.datetime] | tuple[None, None]:
    """The beginning of the period that holds a moment, and of the next one, in UTC; both None for all time. Weeks begin on `weekday`."""
    if period is LoyaltyPeriod.EVER:
        return None, None
    zone, calendar, kind = programme.time_zone, Calendar[programme.calendar.value], Period[period.value]
    first = period_start(moment.astimezone(ZoneInfo(zone)).date(), kind, calendar, weekday)
    after = period_end(first, kind, calendar) + datetime.timedelta(days=1)
    return day_begins(first, zone), day_begins(after, zone)
