"""What is done by hand: to join, to give and to take points, and to take back what a deal earned."""

import datetime
from datetime import timedelta
from decimal import Decimal

from core import Call, Invalid, Money, NotFound, emit
from core.fields import new_id
from core.models import Contact, Deal
from plugins.loyalty.earning import lessen, of_referral, standing, undo, welcome
from plugins.loyalty.errors import NotPossible
from plugins.loyalty.joining import join
from plugins.loyalty.ledger import MOST, Book, lot_of, opened
from plugins.loyalty.models import LoyaltyKind, LoyaltyMember, LoyaltyNote, LoyaltyProgramme, LoyaltyTransaction
from plugins.loyalty.purchases import give_back, noted
from plugins.loyalty.tiering import retier

LONGEST = 300  # characters of a reason


async def enroll(call: Call, contact: Contact, programme: LoyaltyProgramme, referrer: LoyaltyMember | None) -> LoyaltyMember:
    """Make a contact a member, and give what rules give for that. Raises Conflict, Invalid, NotFound, and NotPossible."""
    if not programme.active:
        raise NotPossible("the programme is not active")
    if (await Contact.filter(id=contact.id).select_for_update().get()).deleted_at:  # perhaps merged since it was read
        raise NotFound("there is no Contact with this id")
    member = await join(call, contact.id, programme, referrer)
    return (await welcome(await opened(call, member.id))).member


async def grant(call: Call, member: LoyaltyMember, points: int, reason: str | None, expires_at: datetime.datetime | None) -> LoyaltyMember:
    """Give points by hand. Raises Invalid."""
    _sensible(points, reason)
    book = await opened(call, member.id)
    if expires_at and expires_at <= book.moment:
        raise Invalid(expires_at="must lie in the future")
    if expires_at is None and book.programme.expiry_days:
        expires_at = book.moment + timedelta(days=book.programme.expiry_days)
    key = f"grant:{new_id()}"
    posted = await book.earn(points, key, available_at=book.moment, expires_at=expires_at, kind=LoyaltyKind.GRANT)
    return await _told(book, posted, "granted", reason)


async def deduct(call: Call, member: LoyaltyMember, points: int, reason: str | None) -> LoyaltyMember:
    """Take points by hand. Raises Invalid and InsufficientPoints."""
    _sensible(points, reason)
    book = await opened(call, member.id)
    return await _told(book, await book.burn(points, f"deduct:{new_id()}", kind=LoyaltyKind.DEDUCT), "deducted", reason)


async def reverse(call: Call, deal: Deal, amount: Decimal) -> LoyaltyMember:
    """Take back what a deal earned, for so much of its money was given back. Raises Invalid and NotPossible."""
    if not deal.currency or not amount > 0:
        raise Invalid(amount="must be more than 0" if deal.currency else "cannot be given back: the deal has no money")
    money = Money(amount, deal.currency)
    bought = await noted(deal.id)
    book = await opened(call, bought.member_id) if bought else None
    bought = await noted(deal.id)  # again, now that nobody else changes it
    if not book or not bought or not bought.stands:
        raise NotPossible("the deal counts for no member: it is not won, was taken back, or was won a moment ago")
    left = bought.left - money.minor
    if left < 0 or deal.currency != bought.currency:
        paid = Money.of_minor(bought.left, bought.currency)
        raise Invalid(amount=f"must be at most {paid.amount} {paid.currency}, what was paid and not given back")
    cause = str(new_id())
    await give_back(book, deal.id, bought, money.minor, cause)
    for earned in await standing(deal.id):
        if not await of_referral(earned):
            await lessen(book, earned, left, cause)
        elif not left:
            await undo(await opened(call, (await lot_of(earned)).member_id), earned)
    await retier(book)
    return book.member


def _sensible(points: int, reason: str | None) -> None:
    if not 1 <= points <= MOST:
        raise Invalid(points=f"must be between 1 and {MOST}, not {points}")
    if reason is not None and len(reason) > LONGEST:
        raise Invalid(reason=f"must have at most {LONGEST} characters")


async def _told(book: Book, posted: LoyaltyTransaction, what: str, reason: str | None) -> LoyaltyMember:
    if reason:
        await LoyaltyNote.create(transaction_id=posted.id, member_id=book.member.id, reason=reason)
    await emit(book.call, f"loyaltyMember.{what}", book.member, after={"points": posted.points})
    return book.member
