"""Each minute: an open activity whose time has come makes an event, once for each time."""

import datetime
import uuid
from collections.abc import AsyncGenerator
from datetime import timedelta

from tortoise.expressions import Q

from core import Call, Event, Run, emit_many, select, transaction, visible
from core.fields import now
from core.models import Activity
from plugins.reminders.models import Reminder
from plugins.reminders.settings import Settings

AT_ONCE = 500  # in one transaction, which others may wait for

Last = tuple[datetime.datetime, uuid.UUID]


async def tell(run: Run) -> int:
    """Emit `activity.due` for what has come due and was not told, and give the number of these activities."""
    told = 0
    async for number in tell_until(run, now()):
        told += number
        await run.progress(told)
    return told


async def tell_until(call: Call, moment: datetime.datetime) -> AsyncGenerator[int, None]:
    """As `tell`, for a moment: how many were told in each transaction, one after the other.

    That it was told is written in the transaction of the event. So it is told once, however often this dies or is done twice.
    """
    last: Last | None = moment - timedelta(days=call.crm.settings_of(Settings).look_back), uuid.UUID(int=0)
    while last:
        async with transaction(call):
            found = await _untold(call, last, moment)
            await Reminder.bulk_create([Reminder(activity_id=key, due_at=due) for due, key in found])
            await emit_many(call, [_event(call, due, key) for due, key in found])
        yield len(found)
        last = found[-1] if len(found) == AT_ONCE else None


async def _untold(call: Call, last: Last, until: datetime.datetime) -> list[Last]:
    """The next ones after the last one, by the times at which they are due."""
    due, key = last
    later = Q(due_at__gt=due) | Q(due_at=due, id__gt=key)
    rows = await select(
        'SELECT a.id AS id, a.due_at AS due_at FROM {due} AS a LEFT JOIN "reminders_reminder" AS r'
        " ON r.activity_id = a.id AND r.due_at = a.due_at"
        # Said like this, SQLite looks among what came due lately, and not among all that is open.
        f" WHERE r.id IS NULL AND coalesce(a.done_at, NULL) IS NULL ORDER BY a.due_at, a.id LIMIT {AT_ONCE}",
        due=visible(call, Activity).filter(later, due_at__gte=due, due_at__lte=until).values("id", "due_at", "done_at"),
    )
    return [(_time(row["due_at"]), uuid.UUID(str(row["id"]))) for row in rows]


def _event(call: Call, due: datetime.datetime, key: uuid.UUID) -> Event:
    return Event(name="activity.due", resource="activity", record_id=key, after={"due_at": due}, actor=call.actor.name)


def _time(value: datetime.datetime | str) -> datetime.datetime:
    """A time as the database gives it: SQLite has no type for times."""
    return datetime.datetime.fromisoformat(value) if isinstance(value, str) else value
