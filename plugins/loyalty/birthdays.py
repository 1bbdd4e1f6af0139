"""Birthdays: once a year, by the calendar and the time zone of the programme."""

import datetime
import uuid
from datetime import timedelta
from zoneinfo import ZoneInfo

from core import Calendar, Call, Run, day_begins, transaction
from core.fields import now
from plugins.loyalty.earning import factor_of, give, rules_of
from plugins.loyalty.ledger import opened
from plugins.loyalty.models import LoyaltyMember, LoyaltyProgramme, LoyaltyTrigger
from plugins.loyalty.points import THOUSAND, points_of

LATE = 3  # days, today among them, in which a birthday is found on which no server ran
AT_ONCE = 5_000


async def congratulate(run: Run) -> int:
    """Give what rules give for the birthdays of today and of the days before, once; the number of members who got something."""
    return await birthdays_until(run, now())


async def birthdays_until(call: Call, moment: datetime.datetime) -> int:
    """As `congratulate`, for a moment."""
    given = 0
    for programme in await LoyaltyProgramme.filter(active=True, deleted_at__isnull=True):
        today = moment.astimezone(ZoneInfo(programme.time_zone)).date()
        for day in (today - timedelta(days=late) for late in reversed(range(LATE))):
            for member in await _born_on(programme, day):
                given += await _give(call, member, day, moment)
    return given


async def _born_on(programme: LoyaltyProgramme, day: datetime.date) -> list[uuid.UUID]:
    """The members whose birthday it is; who was born on a leap day has it on the day before in other years."""
    calendar, found, last = Calendar[programme.calendar.value], [], uuid.UUID(int=0)
    _, month, number = calendar.parts(day)
    _, _, next_number = calendar.parts(day + timedelta(days=1))
    some = LoyaltyMember.filter(programme_id=programme.id, contact__birth_date__isnull=False, contact__deleted_at__isnull=True)
    while rows := await some.filter(id__gt=last).order_by("id").limit(AT_ONCE).values_list("id", "contact__birth_date"):
        for id, born in rows:
            _, born_month, born_number = calendar.parts(born)
            leapt = next_number == 1 and born_number > number
            if born_month == month and (born_number == number or leapt) and born < day:
                found.append(id)
        last = rows[-1][0]
    return found


async def _give(call: Call, member: uuid.UUID, day: datetime.date, moment: datetime.datetime) -> bool:
    async with transaction(call):
        book = await opened(call, member, moment)
        at = max(day_begins(day, book.programme.time_zone), book.member.joined_at)
        given = False
        for rule in await rules_of(book, LoyaltyTrigger.BIRTHDAY, min(at, moment)):
            factor = await factor_of(book, rule, at)
            year = Calendar[book.programme.calendar.value].parts(day)[0]
            key = f"earn:{rule.id}:{book.member.id}:{year}"
            given |= await give(book, rule, points_of(rule, None, factor), key, at, factor=round(factor * THOUSAND)) is not None
    return given
