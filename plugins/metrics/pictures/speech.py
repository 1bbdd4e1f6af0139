"""How a picture speaks: the digits, the direction and the words of a locale."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from babel import Locale, UnknownLocaleError
from babel.numbers import format_compact_decimal, format_decimal, format_percent, format_scientific

# The digit zero of a numbering system, from numberingSystems.xml of CLDR; babel knows the signs of these systems and not their digits.
_ZEROS = {"arab": "٠", "arabext": "۰", "latn": "0"}
_WORDS = {
    "en": {
        "empty": "No data to show",
        "incomplete": "Period not over yet",
        "before": "period before",
        "of_previous": "of the step before",
        "of_first": "of the first",
        "size": "Size",
        "comma": ", ",
        "semicolon": "; ",
    },
    "fa": {
        "empty": "داده‌ای برای نمایش نیست",
        "incomplete": "دوره هنوز تمام نشده است",
        "before": "دورهٔ پیش",
        "of_previous": "از گام پیش",
        "of_first": "از گام نخست",
        "size": "تعداد",
        "comma": "، ",
        "semicolon": "؛ ",
    },
}
_HARDLY, _MILLION, _ENORMOUS = 10**-4, 10**6, 10**15

# What XML 1.0 has no place for (2.2, Char), controls, and what turns the direction of text around for others (UAX 9, 2.1 to 2.4).
_UNSAID = re.compile("[^\t\n\r -~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Speech:
    """A locale as pictures need it."""

    locale: Locale

    @property
    def tag(self) -> str:
        """The locale as a BCP 47 tag."""
        return str(self.locale).replace("_", "-")

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return self.locale.text_direction

    def word(self, name: str) -> str:
        """A word of the picture itself, in English where we have none in the language."""
        return _WORDS.get(self.locale.language, _WORDS["en"])[name]

    def number(self, value: float | Decimal) -> str:
        """A number with at most four places behind the point, from a million on as 1.2M, by a power of ten when it is too long for that."""
        kind = self._numbering
        if value and not _HARDLY <= abs(value) < _ENORMOUS:
            return self._signed(format_scientific(value, format="0.0E0", locale=self.locale, numbering_system=kind))
        if abs(value) >= _MILLION:
            return self._signed(format_compact_decimal(value, fraction_digits=1, locale=self.locale, numbering_system=kind))
        return self._signed(format_decimal(value, format="#,##0.####", locale=self.locale, numbering_system=kind))

    def percent(self, rate: float, places: int = 0) -> str:
        """A rate in hundredths with at most so many places, rounded half up: 0.625 is 63%."""
        kind = self._numbering
        sign = self.locale.number_symbols[kind]["percentSign"]
        if abs(rate) >= _MILLION:
            return self.number(Decimal(str(rate)) * 100) + sign
        rounded = Decimal(str(rate)).quantize(Decimal(1).scaleb(-2 - places), ROUND_HALF_UP)
        text = format_percent(rounded, locale=self.locale, decimal_quantization=False, numbering_system=kind)
        return self._signed(text).replace("%", sign)

    @property
    def _numbering(self) -> str:
        kind = self.locale.default_numbering_system
        return kind if kind in _ZEROS and kind in self.locale.number_symbols else "latn"

    def _signed(self, text: str) -> str:
        """A number in the digits of the locale, and with its minus, which knows on which side it stands."""
        minus = str(self.locale.number_symbols[self._numbering]["minusSign"])
        return self.digits(minus + text[1:] if text.startswith("-") else text)

    def digits(self, text: str) -> str:
        """Text with the digits of the locale."""
        zero = ord(_ZEROS[self._numbering])
        return text.translate({ord("0") + digit: zero + digit for digit in range(10)})


def speech(tag: str) -> Speech:
    """The locale of a BCP 47 tag; what babel does not know at its end is left out. Raises ValueError when it does not know the language."""
    parts = re.split("[-_]", tag)
    for length in range(len(parts), 0, -1):
        try:
            return Speech(Locale.parse("_".join(parts[:length])))
        except (UnknownLocaleError, ValueError):
            continue
    raise ValueError(f"there is no locale {tag!r}")


def shown(text: str, longest: int = 40) -> str:
    """Text as a picture may show it: on one line, of at most `longest` characters, and with nothing that a reader would not see."""
    line = " ".join(_UNSAID.sub("", text).split())
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"
