"""Members and their tiers: looked at after each transaction that counts, and every day, for time alone takes a tier away."""

import datetime
import uuid
from decimal import Decimal

from core import Call, Money, Run, emit, transaction
from core.fields import now
from plugins.loyalty.ledger import Book, opened
from plugins.loyalty.models import LoyaltyBasis, LoyaltyKind, LoyaltyMember, LoyaltyTier, LoyaltyTransaction
from plugins.loyalty.tiers import Counted, standing

AT_ONCE = 500


async def retier(book: Book) -> None:
    """Give the member the tier that it has now, and tell when it is another one."""
    tiers = await LoyaltyTier.filter(programme_id=book.programme.id, deleted_at__isnull=True)
    tier = standing(await counted(book), book.moment, book.programme, tiers) if tiers else None
    if (tier.id if tier else None) == book.member.tier_id:
        return
    before, book.member.tier_id = book.member.tier_id, tier.id if tier else None
    book.member.tier_since = book.moment if tier else None
    await book.member.save(update_fields=["tier_id", "tier_since"])
    await emit(book.call, "loyaltyMember.tierChanged", book.member, before={"tier_id": before}, after={"tier_id": book.member.tier_id})


async def counted(book: Book) -> list[Counted]:
    """What counts for the tier of a member, the oldest first: of those who were merged into it as well."""
    members = [book.member.id, *await LoyaltyMember.filter(merged_into_id=book.member.id).values_list("id", flat=True)]
    kinds = [LoyaltyKind.EARN, LoyaltyKind.REVERSE]
    steps = await LoyaltyTransaction.filter(member_id__in=members, kind__in=kinds).order_by("effective_at", "id")
    earned = {one.id for one in steps if one.kind is LoyaltyKind.EARN}
    steps = [one for one in steps if one.id in earned or one.reverses_id in earned]  # what was given by hand does not count
    if book.programme.tier_basis is LoyaltyBasis.SPEND:
        return _spent(book, steps)
    return [(one.effective_at, one.points if one.kind is LoyaltyKind.EARN else -(one.points + one.forgiven)) for one in steps]


def _spent(book: Book, steps: list[LoyaltyTransaction]) -> list[Counted]:
    """Money of deals, in whole units: of each once, however many rules have answered to it."""
    whole = Money(Decimal(1), book.programme.currency).minor
    found: dict[tuple[object, ...], Counted] = {}
    earned = {one.id: one for one in steps if one.kind is LoyaltyKind.EARN}
    for one in steps:
        first = one if one.id in earned else earned[one.reverses_id]  # type: ignore[index]
        if first.currency != book.programme.currency or not first.amount:
            continue
        if one is first:
            found["earned", first.source_id, one.effective_at] = one.effective_at, first.amount // whole
        elif one.key.startswith("undo:"):
            found["undone", first.source_id, first.effective_at] = one.effective_at, -first.amount // whole
        elif one.amount:
            found["given back", first.source_id, one.effective_at] = one.effective_at, -one.amount // whole
    return sorted(found.values())


async def look(run: Run) -> int:
    """Look at the tier of each member that has one, and give the number of those who have another one now."""
    return await look_at(run, now())


async def look_at(call: Call, moment: datetime.datetime) -> int:
    """As `look`, for a moment."""
    changed, last = 0, uuid.UUID(int=0)
    while (
        found := await LoyaltyMember.filter(id__gt=last, tier_id__isnull=False).order_by("id").limit(AT_ONCE).values_list("id", "tier_id")
    ):
        for member, tier in found:
            async with transaction(call):
                book = await opened(call, member, moment)
                await retier(book)
                changed += book.member.tier_id != tier
        last = found[-1][0]
    return changed
