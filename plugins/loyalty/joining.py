"""Joining a programme, by oneself or referred by another member."""

import datetime
import uuid

from tortoise.exceptions import IntegrityError

from core import Call, Conflict, Invalid, emit
from core.fields import now
from plugins.loyalty.models import LoyaltyMember, LoyaltyProgramme

FARTHEST = 1_000  # referrals in a row that are followed


async def join(
    call: Call,
    contact_id: uuid.UUID,
    programme: LoyaltyProgramme,
    referrer: LoyaltyMember | None = None,
    at: datetime.datetime | None = None,
) -> LoyaltyMember:
    """Make a contact a member. Raises Conflict when it is one, and Invalid for a referrer that cannot be."""
    if await LoyaltyMember.exists(contact_id=contact_id):
        raise Conflict("the contact is a member already")
    if referrer:
        await _check(contact_id, programme, referrer)
    try:
        member = await LoyaltyMember.create(
            contact_id=contact_id, programme_id=programme.id, joined_at=at or now(), referred_by_id=referrer.id if referrer else None
        )
    except IntegrityError as error:  # somebody else was faster
        raise Conflict("the contact is a member already") from error
    await emit(call, "loyaltyMember.joined", member)
    return member


async def _check(contact_id: uuid.UUID, programme: LoyaltyProgramme, referrer: LoyaltyMember) -> None:
    if referrer.programme_id != programme.id:
        raise Invalid(referred_by="is a member of another programme")
    seen, one = 0, referrer
    while one and seen < FARTHEST:
        if one.contact_id == contact_id:
            raise Invalid(referred_by="nobody refers themselves, neither alone nor in a circle")
        one = await LoyaltyMember.get(id=one.referred_by_id) if one.referred_by_id else None
        seen += 1
