"""Once a day: each user who has something overdue, or due today, is told so by an event."""

import datetime
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from core import Call, Event, Run, emit_many, select, transaction, visible
from core.fields import now
from core.models import Activity, User
from plugins.reminders.models import Digest

USERS = 100  # in one transaction, which others may wait for
NAMED = 20  # activities, those that are due first

Day = tuple[datetime.date, datetime.datetime, datetime.datetime]  # with the moment of the digest, and the end of the day


async def digest(run: Run) -> int:
    """Emit `user.digest` for each active user who was not told today, and give the number of these users.

    Today is a day of the company's calendar. It is the same one when this is tried again, be it after midnight.
    """
    return await tell_users(run, datetime.datetime.fromisoformat(await run.step("moment", _moment)))


async def tell_users(call: Call, moment: datetime.datetime) -> int:
    """As `digest`, for a moment. That a user was told is written in the transaction of its event."""
    day = day_of(moment, call.crm.settings.company.time_zone)
    users = await User.filter(active=True, deleted_at__isnull=True).order_by("id").values_list("id", flat=True)
    told = 0
    for start in range(0, len(users), USERS):
        told += await _tell(call, day, [uuid.UUID(str(one)) for one in users[start : start + USERS]])
    return told


def day_of(moment: datetime.datetime, zone: str) -> Day:
    """The day on which a moment lies in a time zone, the moment, and the end of the day, in UTC. A day has 23 to 25 hours."""
    rules = ZoneInfo(zone)
    day = moment.astimezone(rules).date()
    end = datetime.datetime.combine(day + datetime.timedelta(days=1), datetime.time(), rules)
    return day, moment, end.astimezone(datetime.UTC)


async def _moment() -> str:
    return now().isoformat()


async def _tell(call: Call, day: Day, users: Sequence[uuid.UUID]) -> int:
    today, moment, end = day
    async with transaction(call):
        known = set(await Digest.filter(day=today, user_id__in=users).values_list("user_id", flat=True))
        values = await _values(call, [user for user in users if user not in known], moment, end)
        await Digest.bulk_create([Digest(user_id=user, day=today) for user in values])
        await emit_many(
            call,
            [
                Event(name="user.digest", resource="user", record_id=user, after={"day": today, **found}, actor=call.actor.name)
                for user, found in values.items()
            ],
        )
    return len(values)


async def _values(
    call: Call, users: Sequence[uuid.UUID], moment: datetime.datetime, end: datetime.datetime
) -> Mapping[uuid.UUID, dict[str, Any]]:
    """What each user has to do: how much of it is overdue, how much is due later today, and which activities come first."""
    if not users:
        return {}
    theirs = visible(call, Activity).filter(assignee_id__in=users, done_at__isnull=True, due_at__lt=end)
    late = theirs.filter(due_at__lt=moment)
    counts = {name: await _counted(rows) for name, rows in (("overdue", late), ("due", theirs))}
    first: dict[uuid.UUID, list[str]] = defaultdict(list)
    for row in await select(
        "SELECT n.id AS id, n.owner AS owner FROM (SELECT a.id AS id, a.assignee_id AS owner,"
        " ROW_NUMBER() OVER (PARTITION BY a.assignee_id ORDER BY a.due_at, a.id) AS place FROM {theirs} AS a) AS n"
        f" WHERE n.place <= {NAMED} ORDER BY n.owner, n.place",
        theirs=theirs.values("id", "assignee_id", "due_at"),
    ):
        first[uuid.UUID(str(row["owner"]))].append(str(row["id"]))
    return {
        user: {"overdue": counts["overdue"].get(user, 0), "due_today": due - counts["overdue"].get(user, 0), "activities": first[user]}
        for user, due in counts["due"].items()
    }


async def _counted(rows: Any) -> dict[uuid.UUID, int]:
    found = await select(
        "SELECT a.assignee_id AS owner, COUNT(*) AS n FROM {rows} AS a GROUP BY a.assignee_id", rows=rows.values("id", "assignee_id")
    )
    return {uuid.UUID(str(row["owner"])): row["n"] for row in found}
