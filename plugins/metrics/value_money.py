"""Amounts that are no whole number of minor units."""

from fractions import Fraction
from typing import overload

from core import Money


@overload
def rounded(minor: Fraction, currency: str) -> Money: ...
@overload
def rounded(minor: Fraction | None, currency: str) -> Money | None: ...
def rounded(minor: Fraction | None, currency: str) -> Money | None:
    """An amount in minor units as money, rounded half to even to the digits of its currency."""
    return None if minor is None else Money.of_minor(round(minor), currency)
