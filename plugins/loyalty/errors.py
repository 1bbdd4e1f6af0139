"""What loyalty refuses, each with a code of its own."""

from core import Refused


class NotAMember(Refused):
    """The contact is in no programme."""

    code = "LOYALTY_NOT_A_MEMBER"


class InsufficientPoints(Refused):
    """There are fewer available points than are to be spent."""

    code = "LOYALTY_INSUFFICIENT_POINTS"


class OutOfStock(Refused):
    """The last one of the reward is gone."""

    code = "LOYALTY_OUT_OF_STOCK"


class NotOffered(Refused):
    """The reward cannot be redeemed: not now, not any more, or not in this programme."""

    code = "LOYALTY_NOT_OFFERED"


class TierNeeded(Refused):
    """The reward is for members of a higher tier."""

    code = "LOYALTY_TIER_NEEDED"


class LimitReached(Refused):
    """The member has redeemed the reward as often as may be."""

    code = "LOYALTY_LIMIT_REACHED"


class NotPossible(Refused):
    """It cannot be done in the state in which things are."""

    code = "LOYALTY_NOT_POSSIBLE"
