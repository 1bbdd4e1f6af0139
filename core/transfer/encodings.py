"""In which encoding a file is written, found out from its bytes."""

import codecs
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from charset_normalizer import from_bytes

from core.transfer.problems import Unusable

CHUNK = 1 << 20
ENOUGH = 1 << 18  # bytes of text beyond ASCII that are looked at
LINE = 4096  # of a line that is longer, only its beginning is looked at
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CLEARLY = 0.1  # by so much more must a text be like a language in one encoding than in another
LEGACY = ("cp1252", "cp1256", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255")

# The twelve letters that make up three quarters of any Persian or Arabic text: ا ل ی ن م ر و ت ب د ه س
_FREQUENT = frozenset("ابتدرسلمنهوي".encode("cp1256"))
_LETTERS = re.compile(r"[^\W\d_]+")
_WORD = re.compile(rb"[A-Za-z\x80-\xff]+")


def detect(path: Path) -> str:
    """The encoding of a file: by its mark, as UTF-8 when it is that, else by its letters. Raises Unusable when in doubt.

    The whole file is looked at, since the first letter beyond ASCII may be far down.
    """
    with path.open("rb") as file:
        beginning = file.read(4096)
    for mark, encoding in MARKS:
        if beginning.startswith(mark):
            return encoding
    if wide := _without_mark(beginning):
        return wide
    return guess(list(_beyond_ascii(path)))


def guess(lines: list[bytes]) -> str:
    """The encoding of lines with letters beyond ASCII. Raises Unusable when in doubt."""
    if not lines:
        return "utf-8"
    if sum(_is_utf8(line) for line in lines) * 2 >= len(lines):  # a broken line or two are refused as rows
        return "utf-8"
    sample = b"\n".join(lines)
    if _arabic_script(sample):
        return "cp1256"
    found = [match for match in from_bytes(sample, cp_isolation=list(LEGACY), enable_fallback=False) if not _mixed(str(match))]
    found.sort(key=lambda match: -match.coherence)
    if not found or (len(found) > 1 and found[0].coherence - found[1].coherence < CLEARLY):
        names = " or ".join(match.encoding for match in found[:3])
        raise Unusable(f"the encoding of the file cannot be told{f'; it may be {names}' if names else ''}. Say it: --encoding windows-1256")
    return next(name for name in LEGACY if name in found[0].could_be_from_charset)


def _mixed(text: str) -> bool:
    """Whether words are of two scripts, which is a sign of the wrong encoding: one letter of another among Latin ones."""
    words = [word for word in _LETTERS.findall(text) if not word.isascii()]
    strange = sum(any(letter.isascii() for letter in word) and any(_foreign(letter) for letter in word) for word in words)
    return strange * 2 > len(words)


def _foreign(letter: str) -> bool:
    return not letter.isascii() and not unicodedata.name(letter, "").startswith("LATIN")


def _without_mark(beginning: bytes) -> str | None:
    """UTF-16 without a mark: every second byte of Latin text, and of its commas and line ends, is zero."""
    pairs = len(beginning) // 2
    if pairs < 4:
        return None
    if beginning[1::2].count(0) * 3 > pairs:
        return "utf-16-le"
    return "utf-16-be" if beginning[0::2].count(0) * 3 > pairs else None


def _beyond_ascii(path: Path) -> Iterator[bytes]:
    """Lines with bytes beyond ASCII, spread over the file, as many as are enough."""
    found = 0
    with path.open("rb") as file:
        while found < ENOUGH and (chunk := file.read(CHUNK)):
            if chunk.isascii():
                continue
            for line in (chunk + file.readline(LINE)).splitlines():
                if not line.isascii():
                    found += len(line)
                    yield line[:LINE]
                if found >= ENOUGH:
                    return


def _is_utf8(line: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(line, len(line) < LINE)  # no fault is a letter that we cut off ourselves
    except UnicodeDecodeError:
        return False
    return True


def _arabic_script(sample: bytes) -> bool:
    """Whether these are words of Arabic script in Windows-1256, and not Latin with accents, Cyrillic or Greek.

    Such a word has no ASCII letter in it, while accents stand among ASCII letters; and its letters are the frequent ones.
    """
    words = [word for word in _WORD.findall(sample) if not word.isascii()]
    whole = b"".join(word for word in words if all(byte >= 0x80 for byte in word))
    if len(whole) * 2 < sum(map(len, words)):
        return False
    frequent = sum(byte in _FREQUENT for byte in whole)
    return frequent * 2 >= len(whole)
