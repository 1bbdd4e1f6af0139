"""How many points a rule gives: an exact fraction, rounded once, at the end."""

from fractions import Fraction
from math import ceil, floor

from plugins.loyalty.models import LoyaltyRounding, LoyaltyRule

THOUSAND = 1000  # points of rules and factors have three digits


def points_of(rule: LoyaltyRule, amount: int | None, factor: Fraction) -> int:
    """The points of a rule for an amount in minor units of its currency; 0 when it wants an amount and there is none."""
    points = Fraction(rule.points, THOUSAND) * factor
    if rule.per_amount:
        points *= Fraction(amount or 0, rule.per_amount)
    return rounded(points, rule.rounding)


def rounded(points: Fraction, rounding: LoyaltyRounding) -> int:
    """Whole points, of a fraction that is not negative."""
    if rounding is LoyaltyRounding.HALF_EVEN:
        return round(points)
    return floor(points) if rounding is LoyaltyRounding.DOWN else ceil(points)


def kept(points: int, paid: int, before: int) -> int:
    """Of points that were earned for an amount, those that are left when less was paid in the end: all for all, none for nothing."""
    return points if paid >= before else points * max(paid, 0) // before
