"""Money: an amount and a currency of ISO 4217, kept in minor units."""

from dataclasses import dataclass
from decimal import Context, Decimal, Inexact
from functools import cache

from iso4217 import Currency

from core.errors import Invalid

_DIGITS = 30
_EXACT = Context(prec=200, traps=[Inexact])
LARGEST = 2**53  # minor units; what JSON readers and both databases hold exactly


@dataclass(frozen=True)
class Money:
    """An amount of one currency, e.g. `Money(Decimal("12.50"), "EUR")`."""

    amount: Decimal
    currency: str

    @property
    def minor(self) -> int:
        """The amount in minor units: 1250 for 12.50 EUR. Raises Invalid(amount=...) when it is not exact."""
        return minor_units(self.amount, self.currency)

    @classmethod
    def of_minor(cls, minor: int, currency: str) -> "Money":
        """The money of so many minor units."""
        return cls(Decimal(minor).scaleb(-exponent(currency)), currency)


@cache
def exponent(currency: str) -> int:
    """The digits after the point: 2 for EUR, 0 for JPY, 3 for KWD. Raises Invalid for an unknown code."""
    try:
        return Currency(currency).exponent or 0
    except ValueError:
        raise Invalid(currency=f"'{currency[:10]}' is not a currency code of ISO 4217") from None


def minor_units(amount: Decimal, currency: str, field: str = "amount") -> int:
    """`amount` in minor units. Raises Invalid for NaN, infinity, too many digits or too large an amount."""
    digits = exponent(currency)
    return units(amount, digits, field, f"{currency} has {digits} digits after the point")


def units(amount: Decimal, digits: int, field: str, finer: str) -> int:
    """`amount` in units of its last of `digits` after the point, exactly. Raises Invalid; `finer` says that it has more digits."""
    if not amount.is_finite():
        raise Invalid({field: "must be a finite number"})
    if amount and amount.adjusted() > _DIGITS:
        raise Invalid({field: "is too large"})
    try:
        scaled = amount.scaleb(digits, _EXACT)
    except Inexact:
        raise Invalid({field: finer}) from None
    whole = int(scaled)
    if scaled != whole:
        raise Invalid({field: finer})
    if abs(whole) > LARGEST:
        raise Invalid({field: "is too large"})
    return whole
