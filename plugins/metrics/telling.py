"""From what was measured to what is answered."""

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from core import Money
from plugins.metrics.answers import MetricsBeside, MetricsKey, MetricsMoneyBeside, MetricsMoneyRow, MetricsPeriod, MetricsRow
from plugins.metrics.declaring import Unit
from plugins.metrics.measuring import Beside, Measured, Sides
from plugins.metrics.spans import Span
from plugins.metrics.statistics.intervals import wilson
from plugins.metrics.value_money import unit_of


def number_row(one: Measured, unit: Unit, currency: str | None) -> MetricsRow:
    """A figure as a row. `currency` is that of both sides where they are amounts."""
    between = wilson(one.sides.numerator, one.sides.denominator) if unit is Unit.SHARE and one.sides.denominator else None
    value = _value(one.sides)
    return MetricsRow(
        key=key_of(one), value=_float(value),
        numerator=_told(one.sides.numerator, currency), denominator=_decimal(one.sides.denominator, currency),
        low=between and between[0], high=between and between[1],
        previous=_beside(one.previous, value, currency), last_year=_beside(one.last_year, value, currency),
    )  # fmt: skip


def money_row(one: Measured, currency: str) -> MetricsMoneyRow:
    """An amount as a row."""
    value = _value(one.sides)
    return MetricsMoneyRow(
        key=key_of(one), value=money(value, currency), exact=None if value is None else float(value / unit_of(currency)),
        numerator=Money.of_minor(one.sides.numerator, currency), denominator=_decimal(one.sides.denominator),
        previous=_money_beside(one.previous, value, currency), last_year=_money_beside(one.last_year, value, currency),
    )  # fmt: skip


def key_of(one: Measured) -> MetricsKey:
    """The key of a row."""
    return MetricsKey(**one.key, period=period_of(one.span) if one.span else None)  # type: ignore[arg-type]


def period_of(span: Span) -> MetricsPeriod:
    """Days as they are answered."""
    return MetricsPeriod(start=span.start, end=span.end, complete=span.complete)


def _value(sides: Sides) -> Fraction | None:
    if sides.denominator is None:
        return Fraction(sides.numerator)
    return Fraction(sides.numerator, sides.denominator) if sides.denominator else None


def _beside(other: Beside | None, value: Fraction | None, currency: str | None) -> MetricsBeside | None:
    if other is None:
        return None
    then = _value(other.sides)
    return MetricsBeside(
        period=period_of(other.span), value=_float(then), numerator=_told(other.sides.numerator, currency),
        denominator=_decimal(other.sides.denominator, currency),
        difference=_float(_less(value, then)), growth=_growth(value, then),
    )  # fmt: skip


def _money_beside(other: Beside | None, value: Fraction | None, currency: str) -> MetricsMoneyBeside | None:
    if other is None:
        return None
    then = _value(other.sides)
    return MetricsMoneyBeside(
        period=period_of(other.span), value=money(then, currency), numerator=Money.of_minor(other.sides.numerator, currency),
        denominator=_decimal(other.sides.denominator), difference=money(_less(value, then), currency), growth=_growth(value, then),
    )  # fmt: skip


def _less(value: Fraction | None, then: Fraction | None) -> Fraction | None:
    return None if value is None or then is None else value - then


def _growth(value: Fraction | None, then: Fraction | None) -> float | None:
    return None if value is None or not then else float(value / then - 1)


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def _decimal(side: int | None, currency: str | None = None) -> Decimal | None:
    return None if side is None else _told(side, currency)


def _told(side: int, currency: str | None) -> Decimal:
    return Decimal(side) if currency is None else Money.of_minor(side, currency).amount


def money(value: Fraction | None, currency: str) -> Money | None:
    """Minor units as an amount, rounded half to even."""
    if value is None:
        return None
    rounded = (Decimal(value.numerator) / value.denominator).to_integral_value(ROUND_HALF_EVEN)
    return Money.of_minor(int(rounded), currency)
