"""The guard against formulas: what a spreadsheet would compute is written with a quote in front, and read without it."""

import re

_GUARDED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def guarded(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula. `plain` gives back exactly the text."""
    return f"'{text}" if _FORMULA.match(text) else text


def plain(cell: str) -> str:
    """The text of a cell, without the quote that guards it."""
    return cell[1:] if cell[:1] == "'" and _GUARDED.match(cell) else cell
