"""From the text of a cell to the value of a column: numbers, dates and words as people and programs write them."""

import datetime
import json
import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

from core.resources import Column, Kind
from core.text import digits, fold

YES = frozenset(map(fold, ("yes", "y", "true", "t", "1", "on", "x", "✓", "بله", "بلی", "آری", "دارد", "درست")))
NO = frozenset(map(fold, ("no", "n", "false", "f", "0", "off", "-", "خیر", "نه", "ندارد", "نادرست")))
WORDS: Mapping[str, tuple[str, ...]] = {
    "FEMALE": ("f", "w", "woman", "زن", "خانم", "مونث"),
    "MALE": ("m", "man", "مرد", "آقا", "مذکر"),
    "WON": ("closed won", "برنده", "موفق"),
    "LOST": ("closed lost", "بازنده", "ناموفق"),
    "LEAD": ("marketing qualified lead", "سرنخ"),
    "QUALIFIED": ("sales qualified lead",),
    "CUSTOMER": ("مشتری",),
}
SYMBOLS = {"$": "USD", "€": "EUR", "£": "GBP", "﷼": "IRR", "ریال": "IRR"}

_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+\Z")
_DOTTED = re.compile(r"[+-]?\d{1,3}(\.\d{3}){2,}\Z")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?\Z")
_CURRENCY = re.compile(r"\A([A-Z]{3})?\s*([^A-Z]*?)\s*([A-Z]{3})?\Z")
_SLASHED = re.compile(r"\A(\d{4})[/.](\d{1,2})[/.](\d{1,2})")


@dataclass(frozen=True)
class Hints:
    """How the cells of a column are to be read: what cannot be told from a cell alone.

    multiply: by what a number is multiplied. decimal: the decimal sign. format: of dates, as strptime has it.
    zone: of times that name none. values: what a cell stands for.
    """

    multiply: Decimal | None = None
    decimal: str | None = None
    format: str | None = None
    zone: datetime.tzinfo = datetime.UTC
    values: Mapping[str, str] = field(default_factory=dict)


def converter(column: Column, hints: Hints) -> Callable[[Any], Any]:
    """A function from a cell to the value of this column. It raises ValueError with the reason, in words for people."""
    match column.kind:
        case Kind.STRING | Kind.TEXT | Kind.UUID | Kind.ID:
            return _text
        case Kind.INT | Kind.BIG_INT:
            return lambda cell: _whole(number(cell, hints))
        case Kind.DECIMAL:
            return lambda cell: number(cell, hints)
        case Kind.FLOAT:
            return lambda cell: float(number(cell, hints))
        case Kind.BOOLEAN:
            return yes_or_no
        case Kind.DATETIME:
            return lambda cell: moment(cell, hints)
        case Kind.DATE:
            return lambda cell: day(cell, hints)
        case Kind.ENUM:
            return _words(column.enum)
        case Kind.JSON:
            return lambda cell: json.loads(cell) if isinstance(cell, str) else cell
        case _:  # money, of which the amount and the currency come apart
            return lambda cell: number(cell, hints)


def number(cell: Any, hints: Hints) -> Decimal:
    """A number: digits of any script, with or without separators. Raises ValueError when it can be read in two ways."""
    text = digits(str(cell)).replace("٫", ".").replace("٬", ",").translate(_IGNORED)
    if hints.decimal == ",":
        text = text.replace(".", "").replace(",", ".")
    elif hints.decimal == "." or _GROUPED.match(text) or ("." in text and text.rfind(".") > text.rfind(",")):
        text = text.replace(",", "")
    elif "," in text and "." in text:  # 1.234,50
        text = text.replace(".", "").replace(",", ".")
    elif "," in text:
        raise ValueError("a comma may part thousands or decimals here; say decimal = ',' or '.' in the mapping")
    if _DOTTED.match(text):
        text = text.replace(".", "")
    if not _NUMBER.match(text):
        raise ValueError("is not a number")
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise ValueError("is not a number") from None
    return found * hints.multiply if hints.multiply is not None else found


def sum_of_money(cell: Any, hints: Hints) -> tuple[Decimal, str | None]:
    """An amount, and the currency when the cell names it: `$1,200.50`, `1200 EUR`. Raises ValueError."""
    text = str(cell).strip()
    for symbol, code in SYMBOLS.items():
        if text.startswith(symbol) or text.endswith(symbol):
            return number(text.removeprefix(symbol).removesuffix(symbol), hints), code
    found = _CURRENCY.match(text)
    code = (found[1] or found[3]) if found else None
    return number(found[2] if found and code else text, hints), code


def yes_or_no(cell: Any) -> bool:
    """True or false, as written in English or Persian. Raises ValueError for another word."""
    word = fold(str(cell))
    if word in YES:
        return True
    if word in NO:
        return False
    raise ValueError("is neither yes nor no")


def moment(cell: Any, hints: Hints) -> datetime.datetime:
    """A time; one without an offset is of the zone of the hints, and a date alone is midnight there. Raises ValueError."""
    text = digits(str(cell)).strip()
    if hints.format:
        found = _by_format(text, hints.format)
    else:
        try:
            found = datetime.datetime.fromisoformat(_iso(text))
        except ValueError as error:
            raise ValueError(_no_date(error)) from None
    return found if found.tzinfo else found.replace(tzinfo=hints.zone)


def day(cell: Any, hints: Hints) -> datetime.date:
    """A date; of a time, the date where it was written. Raises ValueError."""
    return moment(cell, hints).date()


def zone(name: str) -> datetime.tzinfo:
    """The time zone of that name. Raises ValueError."""
    try:
        return datetime.UTC if name == "UTC" else zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"there is no time zone '{name}'") from None


def _text(cell: Any) -> str:
    return cell if isinstance(cell, str) else json.dumps(cell) if isinstance(cell, bool) else str(cell)


def _whole(found: Decimal) -> int:
    if found != found.to_integral_value():
        raise ValueError("is not a whole number")
    return int(found)


def _words(enum: type[Enum] | None) -> Callable[[Any], str]:
    assert enum is not None
    known: dict[str, str] = {}
    for member in enum:
        for word in (str(member.value), member.name.replace("_", " "), *WORDS.get(str(member.value), ())):
            known[fold(word)] = str(member.value)

    def read(cell: Any) -> str:
        word = fold(str(cell))
        found = known.get(word) or known.get(word.replace("_", " ").replace("-", " "))
        if found is None:
            raise ValueError(f"is none of {', '.join(str(member.value) for member in enum)}")
        return found

    return read


def _by_format(text: str, form: str) -> datetime.datetime:
    try:
        return datetime.datetime.strptime(text, form)
    except ValueError:
        raise ValueError(f"is not a date of the form {form}") from None


def _iso(text: str) -> str:
    """Dates with slashes or dots and the year in front are as certain as those of ISO 8601."""
    found = _SLASHED.match(text)
    if not found:
        return text
    if 1200 <= int(found[1]) < 1600:
        raise ValueError("looks like a date of the Persian calendar; give dates in the Gregorian one")
    return f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}{text[found.end() :]}"


def _no_date(error: ValueError) -> str:
    if "Persian" in str(error):
        return str(error)
    return "is not a date or time of ISO 8601, such as 2026-03-21 or 2026-03-21T10:00:00+03:30; other forms need format in the mapping"


_IGNORED = str.maketrans(
    {" ": None, "\u00a0": None, "\u202f": None, "\u2009": None, "'": None, "’": None, "_": None, "\u200f": None, "\u200e": None, "−": "-"}
)
