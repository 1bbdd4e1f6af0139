"""The scalars of the API and their one form on the wire."""

import datetime
import decimal
import re
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from graphql.language import FloatValueNode, IntValueNode, StringValueNode, ValueNode
from strawberry.types.scalar import ScalarDefinition

from core.errors import Invalid
from core.money import exponent
from core.text import rfc3339

BigInt = NewType("BigInt", int)
CurrencyCode = NewType("CurrencyCode", str)

_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|z|[+-]\d\d:\d\d)\Z", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_DECIMAL = re.compile(r"-?\d{1,30}(\.\d{1,30})?\Z", re.ASCII)


def _fault(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "BAD_USER_INPUT"})


def read_datetime(value: Any) -> datetime.datetime:
    """The time in RFC 3339. Raises GraphQLError, also for a time without an offset."""
    if not isinstance(value, str) or not _DATETIME.match(value):
        raise _fault("a DateTime is a text of RFC 3339 with an offset, like 2026-05-01T12:00:00+03:30")
    try:
        return datetime.datetime.fromisoformat(value.upper())
    except (ValueError, OverflowError) as error:
        raise _fault(f"{value[:40]} is not a time: {error}") from None


def read_date(value: Any) -> datetime.date:
    """The Gregorian day. Raises GraphQLError."""
    if not isinstance(value, str) or not _DATE.match(value):
        raise _fault("a Date is a Gregorian day like 2026-05-01")
    try:
        return datetime.date.fromisoformat(value)
    except ValueError as error:
        raise _fault(f"{value} is not a day: {error}") from None


def read_decimal(value: Any) -> decimal.Decimal:
    """The exact decimal of a text or a whole number; floats are refused, for they are not exact."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not _DECIMAL.match(value):
        raise _fault('a Decimal is a text like "12.50", finite and without an exponent')
    return decimal.Decimal(value)


def _read_decimal_literal(node: ValueNode, _variables: Any = None) -> decimal.Decimal:
    if isinstance(node, StringValueNode | IntValueNode | FloatValueNode):
        return read_decimal(node.value)
    raise _fault('a Decimal is a text like "12.50"')


def read_currency(value: Any) -> str:
    """The code of a currency. Raises GraphQLError for one that ISO 4217 does not know."""
    try:
        if not isinstance(value, str):
            raise Invalid(currency="must be text")
        exponent(value)
    except Invalid:
        raise _fault(f"{str(value)[:10]!r} is not a currency code of ISO 4217, like EUR") from None
    return value


def read_big_int(value: Any) -> int:
    """A whole number that JSON readers keep exactly. Raises GraphQLError."""
    if type(value) is not int or abs(value) > 2**53:
        raise _fault("a BigInt is a whole number between -2^53 and 2^53")
    return value


SCALARS: dict[object, ScalarDefinition] = {
    datetime.datetime: strawberry.scalar(
        name="DateTime",
        description="A time of RFC 3339 with its offset; answers are in UTC: `2026-05-01T12:00:00+00:00`.",
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
        serialize=rfc3339,
        parse_value=read_datetime,
    ),
    datetime.date: strawberry.scalar(
        name="Date", description="A Gregorian day: `2026-05-01`.", serialize=lambda value: value.isoformat(), parse_value=read_date
    ),
    decimal.Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number, as a text: `"12.50"`.',
        serialize=lambda value: format(value, "f"),
        parse_value=read_decimal,
        parse_literal=_read_decimal_literal,
    ),
    BigInt: strawberry.scalar(
        name="BigInt", description="A whole number between -2^53 and 2^53.", serialize=lambda value: value, parse_value=read_big_int
    ),
    CurrencyCode: strawberry.scalar(
        name="CurrencyCode", description="A currency code of ISO 4217: `EUR`.", serialize=lambda value: value, parse_value=read_currency
    ),
}
