"""Loyalty: a customers' club, whose points are kept in a ledger of double entry."""

from core import Resource, hookimpl
from plugins.loyalty.models import (
    LoyaltyBoost,
    LoyaltyEntry,
    LoyaltyLot,
    LoyaltyMember,
    LoyaltyProgramme,
    LoyaltyRedemption,
    LoyaltyReward,
    LoyaltyRule,
    LoyaltyTier,
    LoyaltyTransaction,
)

READ = frozenset({"read"})


@hookimpl
def resources() -> list[Resource]:
    """What the house decides, and what the ledger keeps, which nobody writes by hand."""
    return [
        Resource(LoyaltyProgramme),
        Resource(LoyaltyTier, reverse={"programme": "tiers"}),
        Resource(LoyaltyRule, reverse={"programme": "rules"}),
        Resource(LoyaltyBoost, reverse={"programme": "boosts"}),
        Resource(LoyaltyReward, reverse={"programme": "rewards"}),
        Resource(LoyaltyMember, verbs=READ, reverse={"contact": "loyalty", "merged_into": "merged"}, natural=()),
        Resource(LoyaltyLot, verbs=READ, reverse={"member": "lots"}, natural=()),
        Resource(LoyaltyRedemption, verbs=READ, reverse={"member": "redemptions", "reward": "redemptions"}, natural=()),
        Resource(LoyaltyTransaction, verbs=READ, reverse={"member": "history"}, natural=()),
        Resource(LoyaltyEntry, verbs=READ, reverse={"transaction": "entries"}, natural=()),
    ]
