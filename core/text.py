"""Text as people type it: what is refused, and the one form in which it is compared. And how times are written."""

import datetime
import re
import unicodedata

from core.errors import Invalid

_FOLD = str.maketrans(
    {
        "ي": "ی", "ى": "ی", "ئ": "ی", "ك": "ک", "ة": "ه", "ۀ": "ه", "ؤ": "و", "أ": "ا", "إ": "ا", "ٱ": "ا",
        "ـ": None,  # tatweel
        "\u200b": None, "\u200c": None, "\u200d": None, "\u200e": None, "\u200f": None, "\u2060": None, "\ufeff": None,
        **{chr(0x0660 + digit): str(digit) for digit in range(10)},
        **{chr(0x06F0 + digit): str(digit) for digit in range(10)},
        **{chr(mark): None for mark in (*range(0x064B, 0x0653), 0x0670)},  # short vowels and their kin
        **{chr(mark): None for mark in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))},  # direction marks
    }
)  # fmt: skip
_SPACE = re.compile(r"\s+")


def fold(text: str) -> str:
    """The form in which names are compared, searched and kept unique; never the form that is shown.

    NFC, letters of Arabic keyboards to Persian ones (ي ى ك), digits to ASCII, without ZWNJ and other
    invisible marks, case folded, white space as single blanks. NFKC does not unite ي/ی and ك/ک, therefore the table.
    """
    if text.isascii():  # the same, at a tenth of the time
        return " ".join(text.lower().split())
    plain = unicodedata.normalize("NFC", text).translate(_FOLD).casefold()
    return _SPACE.sub(" ", unicodedata.normalize("NFC", plain)).strip()


def digits(text: str) -> str:
    """The text with Persian and Arabic digits written in ASCII, all else untouched."""
    return text.translate(_DIGITS)


_DIGITS = str.maketrans({chr(start + digit): str(digit) for start in (0x0660, 0x06F0) for digit in range(10)})


def rfc3339(moment: datetime.datetime) -> str:
    """A time in UTC as the API writes it, with as many digits of the second as are not zero: `2026-05-01T12:00:00.12+00:00`."""
    text = moment.astimezone(datetime.UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "+00:00"


def storable(text: str, field: str) -> str:
    """The text itself, when both databases can keep it. Raises Invalid for NUL and for lone surrogates."""
    if "\x00" in text:
        raise Invalid({field: "contains the character U+0000"})
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise Invalid({field: f"contains a lone surrogate at position {error.start}"}) from None
    return text
