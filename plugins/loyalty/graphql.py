"""The fields of loyalty that are written by hand; the rest comes with the resources."""

import datetime
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, TypeAlias, TypeVar

import strawberry

from core import Call, Invalid, NotFound, Refused, key_of, permit, transaction, visible
from core.fields import now
from core.models import Contact, Deal
from plugins.loyalty.commands import deduct, enroll, grant, reverse
from plugins.loyalty.errors import NotAMember
from plugins.loyalty.liability import SHARE, outstanding, worth
from plugins.loyalty.models import LoyaltyMember, LoyaltyProgramme, LoyaltyRedemption, LoyaltyReward
from plugins.loyalty.redeeming import capture, code_of, hold, redeem, refund, release, use
from plugins.loyalty.settings import Settings
from plugins.loyalty.shapes import (
    LoyaltyCapturePayload,
    LoyaltyCouponUsePayload,
    LoyaltyDeductPayload,
    LoyaltyGrantPayload,
    LoyaltyHoldPayload,
    LoyaltyJoinPayload,
    LoyaltyLiability,
    LoyaltyProblem,
    LoyaltyRedeemPayload,
    LoyaltyRefundPayload,
    LoyaltyReleasePayload,
    LoyaltyReversePayload,
    problems,
)
from plugins.loyalty.verifying import verify

ContactId: TypeAlias = Annotated[strawberry.ID, strawberry.argument(description="Global id of a Contact that is a member.")]
RewardId: TypeAlias = Annotated[strawberry.ID, strawberry.argument(description="Global id of a LoyaltyReward.")]
RedemptionId: TypeAlias = Annotated[strawberry.ID, strawberry.argument(description="Global id of a LoyaltyRedemption.")]
Points: TypeAlias = Annotated[int, strawberry.argument(description="How many points; from 1 to 1,000,000,000.")]
Reason: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Why, for people; at most 300 characters. Kept apart from the ledger.")
]

T = TypeVar("T")
P = TypeVar("P")


@strawberry.type(name="Query", extend=True)
class LoyaltyQuery:
    """Fields that join the root type Query."""

    @strawberry.field(description="What is wrong with the ledger of points; empty when all is well. It reads all of it.")
    @permit("loyalty.report")
    async def loyalty_verify(self, info: strawberry.Info[Call]) -> list[LoyaltyProblem]:
        """Hold entries, lots and members against each other."""
        return [LoyaltyProblem(type=one.type, id=strawberry.ID(one.id), message=one.message) for one in await verify()]

    @strawberry.field(description="What the outstanding points of a programme are worth now, or at an earlier time.")
    @permit("loyalty.report")
    async def loyalty_liability(
        self,
        info: strawberry.Info[Call],
        programme_id: Annotated[strawberry.ID, strawberry.argument(description="Global id of a LoyaltyProgramme.")],
        at: Annotated[datetime.datetime | None, strawberry.argument(description="The time; now when it is left out.")] = None,
        breakage: Annotated[
            Decimal | None, strawberry.argument(description="From 0 to 1; that of the programme when it is left out.")
        ] = None,
    ) -> LoyaltyLiability | None:
        """Points, and what they are worth."""
        if breakage is not None and not 0 <= breakage <= 1:
            raise Invalid(breakage=f"must be between 0 and 1, not {breakage}")
        programme = await _seen(info.context, LoyaltyProgramme, programme_id, "programme_id")
        at = at or now()
        points = await outstanding(programme, at)
        share = Decimal(programme.breakage) / SHARE if breakage is None else breakage
        return LoyaltyLiability(at=at, points=Decimal(points), breakage=share, value=worth(programme, points, share))


@strawberry.type(name="Mutation", extend=True)
class LoyaltyMutations:
    """Fields that join the root type Mutation."""

    @strawberry.mutation(description="Make a contact a member of a programme.")
    @permit("loyalty.join")
    async def loyalty_join(
        self,
        info: strawberry.Info[Call],
        contact_id: Annotated[strawberry.ID, strawberry.argument(description="Global id of a Contact that is in no programme.")],
        programme_id: Annotated[strawberry.ID, strawberry.argument(description="Global id of a LoyaltyProgramme.")],
        referred_by_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Global id of the Contact who referred this one: a member of the programme."),
        ] = None,
    ) -> LoyaltyJoinPayload:
        """Join."""
        call = info.context

        async def work() -> LoyaltyMember:
            contact = await _seen(call, Contact, contact_id, "contact_id")
            programme = await _seen(call, LoyaltyProgramme, programme_id, "programme_id")
            referrer = await _member(call, referred_by_id, "referred_by_id") if referred_by_id else None
            return await enroll(call, contact, programme, referrer)

        return await _done(call, work, lambda made, errors: LoyaltyJoinPayload(loyalty_member=made, user_errors=errors))

    @strawberry.mutation(description="Give points by hand.")
    @permit("loyalty.adjust")
    async def loyalty_grant(
        self,
        info: strawberry.Info[Call],
        contact_id: ContactId,
        points: Points,
        reason: Reason = None,
        expires_at: Annotated[
            datetime.datetime | None,
            strawberry.argument(description="When they expire; after as many days as the programme says when it is left out."),
        ] = None,
    ) -> LoyaltyGrantPayload:
        """Give points."""
        call = info.context

        async def work() -> LoyaltyMember:
            member = await _member(call, contact_id)
            return await grant(call, member, points, reason, expires_at)

        return await _done(call, work, lambda made, errors: LoyaltyGrantPayload(loyalty_member=made, user_errors=errors))

    @strawberry.mutation(description="Take available points by hand.")
    @permit("loyalty.adjust")
    async def loyalty_deduct(
        self, info: strawberry.Info[Call], contact_id: ContactId, points: Points, reason: Reason = None
    ) -> LoyaltyDeductPayload:
        """Take points."""
        call = info.context

        async def work() -> LoyaltyMember:
            return await deduct(call, await _member(call, contact_id), points, reason)

        return await _done(call, work, lambda made, errors: LoyaltyDeductPayload(loyalty_member=made, user_errors=errors))

    @strawberry.mutation(
        description="Take points of a won deal back, for money was given back: in proportion, and all of them when all of it was."
    )
    @permit("loyalty.adjust")
    async def loyalty_reverse(
        self,
        info: strawberry.Info[Call],
        deal_id: Annotated[strawberry.ID, strawberry.argument(description="Global id of the Deal that earned the points.")],
        amount: Annotated[Decimal, strawberry.argument(description="How much was given back now, in the currency of the deal.")],
    ) -> LoyaltyReversePayload:
        """Take points of a deal back."""
        call = info.context

        async def work() -> LoyaltyMember:
            return await reverse(call, await _seen(call, Deal, deal_id, "deal_id"), amount)

        return await _done(call, work, lambda made, errors: LoyaltyReversePayload(loyalty_member=made, user_errors=errors))

    @strawberry.mutation(description="Redeem a reward in one step: its points are burned.")
    @permit("loyalty.redeem")
    async def loyalty_redeem(self, info: strawberry.Info[Call], contact_id: ContactId, reward_id: RewardId) -> LoyaltyRedeemPayload:
        """Redeem a reward."""
        call = info.context

        async def work() -> LoyaltyRedemption:
            member, reward = await _member(call, contact_id), await _seen(call, LoyaltyReward, reward_id, "reward_id")
            return await redeem(call, member.id, reward.id)

        return await _done(call, work, lambda made, errors: LoyaltyRedeemPayload(loyalty_redemption=made, user_errors=errors))

    @strawberry.mutation(description="Set the points of a reward aside for a time; then capture or release them.")
    @permit("loyalty.redeem")
    async def loyalty_hold(
        self,
        info: strawberry.Info[Call],
        contact_id: ContactId,
        reward_id: RewardId,
        minutes: Annotated[int, strawberry.argument(description="For how long; afterwards the points are back.")] = 15,
    ) -> LoyaltyHoldPayload:
        """Set points aside."""
        call = info.context

        async def work() -> LoyaltyRedemption:
            longest = call.crm.settings_of(Settings).hold_minutes
            if not 1 <= minutes <= longest:
                raise Invalid(minutes=f"must be between 1 and {longest}, not {minutes}")
            member, reward = await _member(call, contact_id), await _seen(call, LoyaltyReward, reward_id, "reward_id")
            return await hold(call, member.id, reward.id, timedelta(minutes=minutes))

        return await _done(call, work, lambda made, errors: LoyaltyHoldPayload(loyalty_redemption=made, user_errors=errors))

    @strawberry.mutation(description="Burn the points that were set aside. Doing it again changes nothing.")
    @permit("loyalty.redeem")
    async def loyalty_capture(self, info: strawberry.Info[Call], id: RedemptionId) -> LoyaltyCapturePayload:
        """Burn points that were set aside."""
        made, errors = await _changed(info.context, id, capture)
        return LoyaltyCapturePayload(loyalty_redemption=made, user_errors=errors)

    @strawberry.mutation(description="Give points back that were set aside. Doing it again changes nothing.")
    @permit("loyalty.redeem")
    async def loyalty_release(self, info: strawberry.Info[Call], id: RedemptionId) -> LoyaltyReleasePayload:
        """Give points back that were set aside."""
        made, errors = await _changed(info.context, id, release)
        return LoyaltyReleasePayload(loyalty_redemption=made, user_errors=errors)

    @strawberry.mutation(
        description="Undo a redemption: the points are back, and expire when they would have. Doing it again changes nothing."
    )
    @permit("loyalty.redeem")
    async def loyalty_refund(self, info: strawberry.Info[Call], id: RedemptionId) -> LoyaltyRefundPayload:
        """Undo a redemption."""
        made, errors = await _changed(info.context, id, refund)
        return LoyaltyRefundPayload(loyalty_redemption=made, user_errors=errors)

    @strawberry.mutation(description="Use the code of a coupon, once.")
    @permit("loyalty.redeem")
    async def loyalty_coupon_use(
        self,
        info: strawberry.Info[Call],
        code: Annotated[str, strawberry.argument(description="The code, in any letters and digits and with any dashes.")],
    ) -> LoyaltyCouponUsePayload:
        """Use a coupon."""
        call = info.context

        async def work() -> LoyaltyRedemption:
            found = await visible(call, LoyaltyRedemption).get_or_none(code=code_of(code[:100]))
            if found is None:
                raise NotFound("there is no coupon with this code")
            return await use(call, found)

        return await _done(call, work, lambda made, errors: LoyaltyCouponUsePayload(loyalty_redemption=made, user_errors=errors))


async def _done(call: Call, work: Callable[[], Awaitable[T]], payload: Callable[[T | None, Any], P]) -> P:
    """The payload of what was done in one transaction, or of what was refused."""
    try:
        async with transaction(call):
            made = await work()
    except Refused as refused:
        return payload(None, problems(refused))
    return payload(made, [])


async def _changed(
    call: Call, id: str, change: Callable[[Call, LoyaltyRedemption], Awaitable[LoyaltyRedemption]]
) -> tuple[LoyaltyRedemption | None, Any]:
    async def work() -> LoyaltyRedemption:
        return await change(call, await _seen(call, LoyaltyRedemption, id, "id"))

    return await _done(call, work, lambda made, errors: (made, errors))


async def _seen(call: Call, model: type[Any], id: str, path: str) -> Any:
    """The record with a global id. Raises Invalid for what is none, and NotFound."""
    found = await visible(call, model).get_or_none(id=key_of(call, model, id, path))
    if found is None:
        raise NotFound(f"there is no {model.__name__} with this id")
    return found


async def _member(call: Call, id: str, path: str = "contact_id") -> LoyaltyMember:
    """The member that a contact is. Raises Invalid, NotFound and NotAMember."""
    contact = await _seen(call, Contact, id, path)
    member = await visible(call, LoyaltyMember).get_or_none(contact_id=contact.id)
    if member is None:
        raise NotAMember("the contact is in no programme; loyaltyJoin makes it a member")
    return member
