"""Members and their tiers: looked at after each transaction that counts, and every day, for time alone takes a tier away."""

import datetime
import uuid
from collections import Counter
from decimal import Decimal

from tortoise.expressions import Q

from core import Call, Money, Run, emit, transaction
from core.fields import now
from plugins.loyalty.ledger import Book, opened
from plugins.loyalty.models import LoyaltyBasis, LoyaltyKind, LoyaltyMember, LoyaltyProgramme, LoyaltyTier, LoyaltyTransaction
from plugins.loyalty.tiers import Counted, standing

AT_ONCE = 500
LATELY = datetime.timedelta(days=2)  # the job runs every day, and may be late


async def retier(book: Book) -> None:
    """Give the member the tier that it has now, and tell when it is another one."""
    tiers = await LoyaltyTier.filter(programme_id=book.programme.id, deleted_at__isnull=True)
    money = book.programme.tier_basis is LoyaltyBasis.SPEND
    unit = Money(Decimal(1), book.programme.currency).minor if money else 1
    weekday = book.call.crm.settings.company.weekday
    tier = standing(await counted(book), book.moment, book.programme, tiers, unit, weekday) if tiers else None
    if (tier.id if tier else None) == book.member.tier_id:
        return
    before, book.member.tier_id = book.member.tier_id, tier.id if tier else None
    book.member.tier_since = book.moment if tier else None
    await book.member.save(update_fields=["tier_id", "tier_since"])
    await emit(book.call, "loyaltyMember.tierChanged", book.member, before={"tier_id": before}, after={"tier_id": book.member.tier_id})


async def counted(book: Book) -> list[Counted]:
    """What counts for the tier of a member, with the times of the sales, the oldest first: of those who were merged into it as well.

    Points, or money in minor units; what was taken back or given back later counts at the time of its sale, and so cancels it.
    """
    members = [book.member.id, *await LoyaltyMember.filter(merged_into_id=book.member.id).values_list("id", flat=True)]
    some = LoyaltyTransaction.filter(member_id__in=members)
    found: Counter[datetime.datetime] = Counter()
    if book.programme.tier_basis is LoyaltyBasis.SPEND:
        spent = some.filter(kind=LoyaltyKind.SPEND, currency=book.programme.currency)
        for at, amount in await spent.values_list("effective_at", "amount"):
            found[at] += amount
        return sorted(found.items())
    earned = {id: (at, points) for id, at, points in await some.filter(kind=LoyaltyKind.EARN).values_list("id", "effective_at", "points")}
    for at, points in earned.values():
        found[at] += points
    back = LoyaltyTransaction.filter(kind=LoyaltyKind.REVERSE, reverses__member_id__in=members, reverses__kind=LoyaltyKind.EARN)
    for id, points, forgiven in await back.values_list("reverses_id", "points", "forgiven"):
        found[earned[id][0]] -= points + forgiven
    return sorted(found.items())


async def look(run: Run) -> int:
    """Look at members whose tier may be another one, and give the number of those for whom it is.

    Time only takes tiers away; so these are the members with a tier, and all of programmes that have changed, or whose tiers have.
    """
    return await look_at(run, now())


async def look_at(call: Call, moment: datetime.datetime) -> int:
    """As `look`, for a moment."""
    changed, last = 0, uuid.UUID(int=0)
    lately = moment - LATELY
    programmes = set(await LoyaltyProgramme.filter(updated_at__gte=lately).values_list("id", flat=True))
    programmes |= set(await LoyaltyTier.filter(updated_at__gte=lately).values_list("programme_id", flat=True))
    some = LoyaltyMember.filter(Q(tier_id__isnull=False) | Q(programme_id__in=list(programmes)), contact_id__isnull=False)
    while found := await some.filter(id__gt=last).order_by("id").limit(AT_ONCE).values_list("id", "tier_id"):
        for member, tier in found:
            async with transaction(call):
                book = await opened(call, member, moment)
                await retier(book)
                changed += book.member.tier_id != tier
        last = found[-1][0]
    return changed
