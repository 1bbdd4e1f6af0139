"""Points that came and went, period by period."""

import datetime
from dataclasses import dataclass

from tortoise.expressions import F, Q

from core import Calendar, Period, day_begins, first_day, local_day, period_end, period_starts, select
from core.fields import now
from plugins.loyalty.models import LoyaltyEntry, LoyaltyLot, LoyaltyProgramme


@dataclass(frozen=True)
class Flow:
    """What happened in the period that begins on `start`; `complete` when it is over."""

    start: datetime.date
    complete: bool
    issued: int = 0
    matured: int = 0
    burned: int = 0
    expired: int = 0
    reversed: int = 0


SUMS = """SUM(CASE WHEN d.account = 'ISSUED' THEN -d.points ELSE 0 END) AS issued,
    SUM(CASE WHEN d.account = 'AVAILABLE' AND d.kind = 'MATURE' THEN d.points ELSE 0 END) AS matured,
    SUM(CASE WHEN d.account = 'BURNED' THEN d.points ELSE 0 END) AS burned,
    SUM(CASE WHEN d.account = 'EXPIRED' THEN d.points ELSE 0 END) AS expired,
    SUM(CASE WHEN d.account = 'REVERSED' THEN d.points ELSE 0 END) AS reversed"""
MEASURES = ("issued", "matured", "burned", "expired", "reversed")


async def flow(
    programme: LoyaltyProgramme, first: datetime.date, last: datetime.date, period: Period, today: datetime.date, weekday: int
) -> list[Flow]:
    """What happened in each period that has a day from `first` to `last`, by the calendar and the time zone of the programme.

    Burned and expired are less what was given back; a period in which nothing happened is there with zeros. It does not matter whether it
    was noted yet that points have expired or become available.
    """
    zone, calendar = programme.time_zone, Calendar[programme.calendar.value]
    starts = list(period_starts(first, last, period, calendar, weekday))
    end = period_end(starts[-1], period, calendar) + datetime.timedelta(days=1)
    since, until = day_begins(starts[0], zone), day_begins(end, zone)
    entries = LoyaltyEntry.filter(programme_id=programme.id, effective_at__gte=since, effective_at__lt=until)
    lots = LoyaltyLot.filter(member__programme_id=programme.id, remaining__gt=0)
    due = min(until, now())
    lasting = Q(expires_at__isnull=True) | Q(expires_at__gt=F("available_at"))
    rows = await select(
        f"SELECT {first_day('d.day', period, calendar, weekday)} AS start, {SUMS} FROM ("
        f"SELECT {local_day('e.effective_at', zone)} AS day, e.account AS account, e.points AS points, t.kind AS kind"
        ' FROM {entries} AS e JOIN "loyalty_transaction" AS t ON t.id = e.transaction_id'
        f" UNION ALL SELECT {local_day('x.expires_at', zone)}, 'EXPIRED', x.remaining, 'EXPIRE' FROM {{expired}} AS x"
        f" UNION ALL SELECT {local_day('m.available_at', zone)}, 'AVAILABLE', m.remaining, 'MATURE' FROM {{matured}} AS m"
        ") AS d GROUP BY 1",
        entries=entries.values("effective_at", "account", "points", "transaction_id"),
        expired=lots.filter(expires_at__gte=since, expires_at__lt=due).values("expires_at", "remaining"),
        matured=lots.filter(lasting, pending=True, available_at__gte=since, available_at__lt=due).values("available_at", "remaining"),
    )
    found = {str(row["start"])[:10]: {name: int(row[name] or 0) for name in MEASURES} for row in rows}
    return [Flow(start, period_end(start, period, calendar) < today, **found.get(start.isoformat(), {})) for start in starts]
