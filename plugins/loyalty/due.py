"""What comes by itself: points become available, points expire, holds end, and members are told before points expire.

Each member is a transaction of its own. What is due is found again each time, so it makes no difference whether this is done once,
twice, late or in pieces.
"""

import datetime
import uuid
from datetime import timedelta

from tortoise.expressions import Q

from core import Call, Event, Run, emit_many, transaction
from core.fields import now
from plugins.loyalty.ledger import opened
from plugins.loyalty.models import LoyaltyLot, LoyaltyRedemption, LoyaltyRedemptionState
from plugins.loyalty.settings import Settings

AT_ONCE = 500


async def catch_up(run: Run) -> int:
    """Do for each member what is due, and give the number of members for whom something was."""
    return await due_until(run, now())


async def due_until(call: Call, moment: datetime.datetime) -> int:
    """As `catch_up`, for a moment."""
    done = 0
    ripe = Q(pending=True, available_at__lte=moment) | Q(expires_at__lte=moment)
    some = (
        LoyaltyLot.filter(ripe, remaining__gt=0),
        LoyaltyRedemption.filter(state=LoyaltyRedemptionState.HELD, held_until__lte=moment),
    )
    for due in some:
        last = uuid.UUID(int=0)
        while found := await due.filter(member_id__gt=last).distinct().order_by("member_id").limit(AT_ONCE).values_list("member_id"):
            for (member,) in found:
                async with transaction(call):
                    await opened(call, member, moment)
            done, last = done + len(found), found[-1][0]
    return done


async def warn(run: Run) -> int:
    """Emit `loyaltyMember.pointsExpiring` for lots that expire within the days of the settings, once for each lot."""
    return await warn_until(run, now())


async def warn_until(call: Call, moment: datetime.datetime) -> int:
    """As `warn`, for a moment."""
    until = moment + timedelta(days=call.crm.settings_of(Settings).expiring_days)
    told = 0
    while True:
        async with transaction(call):
            soon = LoyaltyLot.filter(expires_at__gt=moment, expires_at__lte=until, remaining__gt=0, pending=False, told_at__isnull=True)
            lots = await soon.order_by("expires_at", "earned_at", "id").limit(AT_ONCE).select_for_update()
            await LoyaltyLot.filter(id__in=[lot.id for lot in lots]).update(told_at=moment)
            await emit_many(call, [_expiring(call, lot) for lot in lots])
        told += len(lots)
        if len(lots) < AT_ONCE:
            return told


def _expiring(call: Call, lot: LoyaltyLot) -> Event:
    return Event(
        name="loyaltyMember.pointsExpiring", resource="loyaltyMember", record_id=lot.member_id, actor=call.actor.name,
        after={"points": lot.remaining, "expires_at": lot.expires_at},
    )  # fmt: skip
