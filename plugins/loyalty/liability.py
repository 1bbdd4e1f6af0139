"""What outstanding points are worth: what the programme owes its members, at any date."""

import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from core import Money, select
from plugins.loyalty.models import LoyaltyEntry, LoyaltyLot, LoyaltyProgramme, LoyaltyRedemption, LoyaltyRedemptionState

SHARE = Decimal(10_000)  # breakage has four digits


async def outstanding(programme: LoyaltyProgramme, at: datetime.datetime) -> int:
    """The points that members had at a time: available, pending and held.

    It does not matter how late it was noted that some expired, or that holds ended; what members owe is paid when the job notes it,
    which is within a minute.
    """
    accounts = ["AVAILABLE", "PENDING", "HELD"]
    entries = LoyaltyEntry.filter(programme_id=programme.id, effective_at__lte=at, account__in=accounts)
    [row] = await select(
        "SELECT SUM(e.points) AS points FROM {entries} AS e LEFT JOIN {past} AS l ON l.id = e.lot_id"
        " WHERE l.id IS NULL OR (e.account = 'HELD' AND e.transaction_id NOT IN ("
        'SELECT t.id FROM "loyalty_transaction" AS t JOIN {ended} AS r ON r.id = t.redemption_id))',
        entries=entries.values("points", "lot_id", "account", "transaction_id"),
        ended=LoyaltyRedemption.filter(state=LoyaltyRedemptionState.HELD, held_until__lte=at).values("id"),
        past=LoyaltyLot.filter(expires_at__lte=at).values("id"),
    )
    return int(row["points"] or 0)


def worth(programme: LoyaltyProgramme, points: int, breakage: Decimal | None = None) -> Money:
    """Points times the value of one, less what is expected never to be spent; rounded half to even to the currency's digits."""
    share = Decimal(programme.breakage) / SHARE if breakage is None else breakage
    minor = Decimal(points) * Decimal(programme.point_value) / programme.per_points * (1 - share)
    return Money.of_minor(int(minor.to_integral_value(ROUND_HALF_EVEN)), programme.currency)
