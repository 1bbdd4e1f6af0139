"""What can be wrong with a file, and what with one of its rows."""

from dataclasses import dataclass

from core.errors import Conflict, Invalid, Refused

SHOWN = 60  # characters of a value that a report repeats


class Unusable(Refused):
    """The file, its header or the mapping cannot be used as they are; nothing was imported."""


@dataclass(frozen=True)
class Problem:
    """Why a row was not taken: the line where it begins, the column or field, the value and the reason."""

    line: int
    reason: str
    field: str = ""
    value: str = ""

    @property
    def sentence(self) -> str:
        """The reason with its field and value, for people."""
        shown = f" '{self.value}'" if self.value else ""
        return f"{self.field}{shown}: {self.reason}" if self.field else self.reason


class Rejected(Exception):
    """One row cannot be taken; the others go on."""

    def __init__(self, reason: str, field: str = "", value: str = "") -> None:
        super().__init__(reason)
        self.reason, self.field, self.value = reason, field, shortened(value)

    def at(self, line: int) -> Problem:
        """The problem of the row that begins at this line."""
        return Problem(line, self.reason, self.field, self.value)


def because(line: int, refused: Refused) -> Problem:
    """The problem that a refusal of the store means."""
    if isinstance(refused, Invalid):
        return Problem(line, "; ".join(refused.fields.values()), ", ".join(refused.fields))
    if isinstance(refused, Conflict) and refused.field:
        return Problem(line, str(refused), refused.field)
    return Problem(line, str(refused))


def shortened(value: object) -> str:
    """The beginning of a value, on one line."""
    text = " ".join(str(value).split())
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
