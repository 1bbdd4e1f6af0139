"""What members can have for their points: worked out for all members of a page at once."""

import uuid

import strawberry
from strawberry.dataloader import DataLoader
from tortoise.expressions import Q

from core import Call, visible
from core.fields import now
from plugins.loyalty.models import LoyaltyMember, LoyaltyReward, LoyaltyTier


@strawberry.type(name="LoyaltyMember", extend=True)
class MemberFields:
    """Fields that join the type LoyaltyMember."""

    @strawberry.field(description="Rewards that are offered now and that the member has points and tier for, dearest first; 20 at most.")
    async def rewards_in_reach(self, root: strawberry.Parent[LoyaltyMember], info: strawberry.Info[Call]) -> list[LoyaltyReward] | None:
        """The catalogue is read once for all members that are asked for."""
        call = info.context

        async def load(keys: list[uuid.UUID]) -> list[list[LoyaltyReward]]:
            moment = now()
            begun, open_ = Q(valid_from__isnull=True) | Q(valid_from__lte=moment), Q(valid_until__isnull=True) | Q(valid_until__gt=moment)
            stocked = Q(stock__isnull=True) | Q(stock__gt=0)
            rewards = await visible(call, LoyaltyReward).filter(begun, open_, stocked, active=True).order_by("-cost", "id")
            levels = {tier.id: tier.threshold for tier in await LoyaltyTier.all()}
            members = {one.id: one for one in await visible(call, LoyaltyMember).filter(id__in=keys)}
            return [_in_reach(members.get(key), rewards, levels) for key in keys]

        return await call.loader("loyalty.reach", lambda: DataLoader(load, cache=False)).load(root.pk)


MOST = 20


def _in_reach(member: LoyaltyMember | None, rewards: list[LoyaltyReward], levels: dict[uuid.UUID, int]) -> list[LoyaltyReward]:
    if member is None:
        return []
    level = levels.get(member.tier_id, -1) if member.tier_id else -1
    return [
        one for one in rewards
        if one.programme_id == member.programme_id and one.cost <= member.balance and (not one.tier_id or levels[one.tier_id] <= level)
    ][:MOST]  # fmt: skip
