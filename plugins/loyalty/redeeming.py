"""Rewards for points: in one step, or set aside first and taken or given up later.

The member is locked before the reward, always, so that redemptions never wait for each other in a circle. Everything is looked at
under these locks: so of many at once just as many succeed as there are points and rewards for.
"""

import datetime
import secrets
import uuid
from datetime import timedelta
from typing import Any

from core import Call, emit
from core.fields import new_id
from plugins.loyalty.errors import LimitReached, NotOffered, NotPossible, OutOfStock, TierNeeded
from plugins.loyalty.ledger import Book, opened
from plugins.loyalty.models import (
    LoyaltyKind,
    LoyaltyRedemption,
    LoyaltyRedemptionState,
    LoyaltyReward,
    LoyaltyTier,
    LoyaltyTransaction,
)

HELD, REDEEMED = LoyaltyRedemptionState.HELD, LoyaltyRedemptionState.REDEEMED
RELEASED, REFUNDED = LoyaltyRedemptionState.RELEASED, LoyaltyRedemptionState.REFUNDED
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # of Crockford's base 32: no letter is taken for another or for a digit
LENGTH = 12  # characters: 60 bits
ALIKE = str.maketrans("OIL۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01101234567890123456789")


async def redeem(call: Call, member_id: uuid.UUID, reward_id: uuid.UUID) -> LoyaltyRedemption:
    """Burn points of a member for a reward. Raises what `_offered` does, and InsufficientPoints."""
    book = await opened(call, member_id)
    reward = await _offered(book, reward_id)
    made = await _made(book, reward, REDEEMED, redeemed_at=book.moment, code=new_code() if reward.coupon else None)
    await book.burn(reward.cost, f"redeem:{made.id}", redemption=made)
    await emit(call, "loyaltyRedemption.redeemed", made, after={"points": made.points})
    return made


async def hold(call: Call, member_id: uuid.UUID, reward_id: uuid.UUID, time: timedelta) -> LoyaltyRedemption:
    """Set points and a reward aside for a time. Raises what `_offered` does, and InsufficientPoints."""
    book = await opened(call, member_id)
    reward = await _offered(book, reward_id)
    made = await _made(book, reward, HELD, held_until=book.moment + time)
    await book.hold(reward.cost, f"hold:{made.id}", redemption=made)
    await emit(call, "loyaltyRedemption.held", made, after={"points": made.points})
    return made


async def capture(call: Call, redemption: LoyaltyRedemption) -> LoyaltyRedemption:
    """Burn the points that were set aside; once it was done, doing it again changes nothing. Raises NotPossible when the time is over."""
    book, made = await _locked(call, redemption)
    if made.state is REDEEMED:
        return made
    if made.state is not HELD or (made.held_until and made.held_until <= book.moment):
        raise NotPossible("the points are not set aside any more; redeem the reward anew")
    reward = await LoyaltyReward.get(id=made.reward_id)
    await book.capture(await _posted(made, LoyaltyKind.HOLD), f"capture:{made.id}", redemption=made)
    made.state, made.redeemed_at, made.code = REDEEMED, book.moment, new_code() if reward.coupon else None
    await made.save(update_fields=["state", "redeemed_at", "code"])
    await emit(call, "loyaltyRedemption.redeemed", made, after={"points": made.points})
    return made


async def release(call: Call, redemption: LoyaltyRedemption) -> LoyaltyRedemption:
    """Give the points back that were set aside; doing it again changes nothing. Raises NotPossible when they were burned."""
    book, made = await _locked(call, redemption)
    if made.state is RELEASED:
        return made
    if made.state is not HELD:
        raise NotPossible("the points are not set aside any more; a redemption is undone with loyaltyRefund")
    await book.undo(made, RELEASED)
    return made


async def refund(call: Call, redemption: LoyaltyRedemption) -> LoyaltyRedemption:
    """Undo a redemption: points and reward are there again. Doing it again changes nothing. Raises NotPossible when a code was used."""
    book, made = await _locked(call, redemption)
    if made.state is REFUNDED:
        return made
    if made.state is not REDEEMED:
        raise NotPossible("the points were not burned; what is set aside is given back with loyaltyRelease")
    if made.used_at:
        raise NotPossible("the code of the coupon was used already")
    await book.undo(made, REFUNDED)
    return made


async def use(call: Call, redemption: LoyaltyRedemption) -> LoyaltyRedemption:
    """Use the code of a coupon, which can be done once. Raises NotPossible."""
    book, made = await _locked(call, redemption)
    if made.used_at or made.state is not REDEEMED:
        raise NotPossible("the code was used already" if made.used_at else "the redemption was undone")
    made.used_at = book.moment
    await made.save(update_fields=["used_at"])
    await emit(call, "loyaltyRedemption.used", made)
    return made


def new_code() -> str:
    """A code that nobody guesses."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def code_of(text: str) -> str:
    """A code as it is kept, of what somebody typed: in small letters, with dashes, with Persian digits."""
    return "".join(letter for letter in text.upper().translate(ALIKE) if letter.isalnum())


async def _locked(call: Call, redemption: LoyaltyRedemption) -> tuple[Book, LoyaltyRedemption]:
    book = await opened(call, redemption.member_id)
    return book, await LoyaltyRedemption.get(id=redemption.id)  # as it is now that nobody else changes it


async def _offered(book: Book, reward_id: uuid.UUID) -> LoyaltyReward:
    """The reward, locked, with one less in stock. Raises NotOffered, TierNeeded, LimitReached and OutOfStock."""
    reward = await LoyaltyReward.filter(id=reward_id).select_for_update().get()
    _open(book, reward)
    if reward.tier_id:
        needed, has = await LoyaltyTier.get(id=reward.tier_id), book.member.tier_id and await LoyaltyTier.get(id=book.member.tier_id)
        if not has or has.threshold < needed.threshold:
            raise TierNeeded(f"the reward is for members of the tier {needed.name}, or a higher one")
    if reward.per_member is not None:
        had = await LoyaltyRedemption.filter(member_id=book.member.id, reward_id=reward.id, state__in=[HELD, REDEEMED]).count()
        if had >= reward.per_member:
            raise LimitReached(f"a member may redeem this reward {reward.per_member} times")
    if reward.stock is not None:
        if reward.stock < 1:
            raise OutOfStock("no more of this reward are left")
        await _restock(reward, -1)
    return reward


def _open(book: Book, reward: LoyaltyReward) -> None:
    if reward.programme_id != book.programme.id:
        raise NotOffered("the reward belongs to another programme than the member")
    if not (book.programme.active and reward.active) or reward.deleted_at or book.programme.deleted_at:
        raise NotOffered("the reward is not offered")
    if reward.valid_from and book.moment < reward.valid_from:
        raise NotOffered(f"the reward is offered from {_when(reward.valid_from)} on")
    if reward.valid_until and book.moment >= reward.valid_until:
        raise NotOffered(f"the reward was offered until {_when(reward.valid_until)}")


def _when(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).isoformat(timespec="minutes")


async def _made(book: Book, reward: LoyaltyReward, state: LoyaltyRedemptionState, **values: Any) -> LoyaltyRedemption:
    return await LoyaltyRedemption.create(
        id=new_id(), member_id=book.member.id, reward_id=reward.id, points=reward.cost, state=state, created_at=book.moment, **values
    )


async def _restock(reward: LoyaltyReward, change: int) -> None:
    reward.stock = (reward.stock or 0) + change
    await reward.save(update_fields=["stock"])


async def _posted(made: LoyaltyRedemption, kind: LoyaltyKind) -> LoyaltyTransaction:
    return await LoyaltyTransaction.get(redemption_id=made.id, kind=kind)
