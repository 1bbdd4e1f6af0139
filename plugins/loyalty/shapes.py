"""What the fields of loyalty answer."""

import datetime
from decimal import Decimal
from enum import Enum

import strawberry

from core import Conflict, Invalid, Money, NotFound, Refused
from plugins.loyalty.errors import InsufficientPoints, LimitReached, NotAMember, NotOffered, NotPossible, OutOfStock, TierNeeded
from plugins.loyalty.models import LoyaltyMember, LoyaltyRedemption


@strawberry.enum(description="Why something was not done about points.")
class LoyaltyErrorCode(Enum):
    """The codes of this plugin's user errors."""

    LOYALTY_INVALID = strawberry.enum_value("LOYALTY_INVALID", description="A value breaks a rule; the message says which.")
    LOYALTY_NOT_FOUND = strawberry.enum_value("LOYALTY_NOT_FOUND", description="It is not there, or not for you.")
    LOYALTY_CONFLICT = strawberry.enum_value("LOYALTY_CONFLICT", description="It was done already.")
    LOYALTY_REFUSED = strawberry.enum_value("LOYALTY_REFUSED", description="It may not be done; the message says why.")
    LOYALTY_NOT_A_MEMBER = strawberry.enum_value("LOYALTY_NOT_A_MEMBER", description="The contact is in no programme.")
    LOYALTY_INSUFFICIENT_POINTS = strawberry.enum_value(
        "LOYALTY_INSUFFICIENT_POINTS", description="Fewer points are available than are to be spent."
    )
    LOYALTY_OUT_OF_STOCK = strawberry.enum_value("LOYALTY_OUT_OF_STOCK", description="No more of the reward are left.")
    LOYALTY_NOT_OFFERED = strawberry.enum_value("LOYALTY_NOT_OFFERED", description="The reward cannot be redeemed now, or by this member.")
    LOYALTY_TIER_NEEDED = strawberry.enum_value("LOYALTY_TIER_NEEDED", description="The reward is for members of a higher tier.")
    LOYALTY_LIMIT_REACHED = strawberry.enum_value("LOYALTY_LIMIT_REACHED", description="The member has had the reward as often as may be.")
    LOYALTY_NOT_POSSIBLE = strawberry.enum_value("LOYALTY_NOT_POSSIBLE", description="It cannot be done in the state in which things are.")


@strawberry.type(description="Something that the user can mend.")
class LoyaltyUserError:
    """A user error of this plugin."""

    field: list[str] | None = strawberry.field(description="The path to the value that is to blame; null when there is none.")
    code: LoyaltyErrorCode = strawberry.field(description="The reason, for programs.")
    message: str = strawberry.field(description="The reason, for developers.")


Problems = list[LoyaltyUserError]
MENDED = "What the user can mend; empty when all went well."


@strawberry.type
class _Member:
    loyalty_member: LoyaltyMember | None = strawberry.field(description="The member, with the points of now; null when it was refused.")
    user_errors: Problems = strawberry.field(description=MENDED)


@strawberry.type
class _Redemption:
    loyalty_redemption: LoyaltyRedemption | None = strawberry.field(description="The redemption; null when it was refused.")
    user_errors: Problems = strawberry.field(description=MENDED)


@strawberry.type(description="What came of loyaltyJoin.")
class LoyaltyJoinPayload(_Member):
    """The payload of loyaltyJoin."""


@strawberry.type(description="What came of loyaltyGrant.")
class LoyaltyGrantPayload(_Member):
    """The payload of loyaltyGrant."""


@strawberry.type(description="What came of loyaltyDeduct.")
class LoyaltyDeductPayload(_Member):
    """The payload of loyaltyDeduct."""


@strawberry.type(description="What came of loyaltyReverse.")
class LoyaltyReversePayload(_Member):
    """The payload of loyaltyReverse."""


@strawberry.type(description="What came of loyaltyRedeem.")
class LoyaltyRedeemPayload(_Redemption):
    """The payload of loyaltyRedeem."""


@strawberry.type(description="What came of loyaltyHold.")
class LoyaltyHoldPayload(_Redemption):
    """The payload of loyaltyHold."""


@strawberry.type(description="What came of loyaltyCapture.")
class LoyaltyCapturePayload(_Redemption):
    """The payload of loyaltyCapture."""


@strawberry.type(description="What came of loyaltyRelease.")
class LoyaltyReleasePayload(_Redemption):
    """The payload of loyaltyRelease."""


@strawberry.type(description="What came of loyaltyRefund.")
class LoyaltyRefundPayload(_Redemption):
    """The payload of loyaltyRefund."""


@strawberry.type(description="What came of loyaltyCouponUse.")
class LoyaltyCouponUsePayload(_Redemption):
    """The payload of loyaltyCouponUse."""


@strawberry.type(description="Something that is wrong with the ledger.")
class LoyaltyProblem:
    """One thing that should not be."""

    type: str = strawberry.field(description="The type of the record: `LoyaltyMember`.")
    id: strawberry.ID = strawberry.field(description="Global id of the record.")
    message: str = strawberry.field(description="What is wrong with it.")


@strawberry.type(description="What the outstanding points of a programme are worth at a time.")
class LoyaltyLiability:
    """The liability: points x value x (1 - breakage)."""

    at: datetime.datetime = strawberry.field(description="The time, in UTC.")
    points: Decimal = strawberry.field(description="Points of all members: available, pending and held; a whole number.")
    breakage: Decimal = strawberry.field(description="The share that is expected never to be spent, from 0 to 1.")
    value: Money = strawberry.field(description="Points times the value of one, times one less the breakage.")


CODES = {
    NotFound: LoyaltyErrorCode.LOYALTY_NOT_FOUND,
    Conflict: LoyaltyErrorCode.LOYALTY_CONFLICT,
    NotAMember: LoyaltyErrorCode.LOYALTY_NOT_A_MEMBER,
    InsufficientPoints: LoyaltyErrorCode.LOYALTY_INSUFFICIENT_POINTS,
    OutOfStock: LoyaltyErrorCode.LOYALTY_OUT_OF_STOCK,
    NotOffered: LoyaltyErrorCode.LOYALTY_NOT_OFFERED,
    TierNeeded: LoyaltyErrorCode.LOYALTY_TIER_NEEDED,
    LimitReached: LoyaltyErrorCode.LOYALTY_LIMIT_REACHED,
    NotPossible: LoyaltyErrorCode.LOYALTY_NOT_POSSIBLE,
}


def problems(refused: Refused) -> Problems:
    """A refusal as user errors."""
    if isinstance(refused, Invalid):
        code = LoyaltyErrorCode.LOYALTY_INVALID
        return [LoyaltyUserError(field=[_camel(name)], code=code, message=why) for name, why in refused.fields.items()]
    return [LoyaltyUserError(field=None, code=CODES.get(type(refused), LoyaltyErrorCode.LOYALTY_REFUSED), message=str(refused))]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))
