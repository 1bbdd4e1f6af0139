"""Amounts that are no whole number of minor units."""

from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import overload

from core import Money


@cache
def unit_of(currency: str) -> int:
    """How many minor units are one of the currency."""
    return Money(Decimal(1), currency).minor


@overload
def rounded(minor: Fraction, currency: str) -> Money: ...
@overload
def rounded(minor: Fraction | None, currency: str) -> Money | None: ...
def rounded(minor: Fraction | None, currency: str) -> Money | None:
    """An amount in minor units as money, rounded half to even to the digits of its currency."""
    return None if minor is None else Money.of_minor(round(minor), currency)
