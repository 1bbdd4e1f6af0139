"""The rows of a CSV or JSON lines file, one after the other, however long or broken it is."""

import csv
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from core.transfer.guard import plain
from core.transfer.problems import Unusable

LONGEST = 1 << 20  # characters of a row; one that has more is refused, and not kept in memory
SAMPLE = 50  # rows that show what separates the cells
DELIMITERS = (",", ";", "\t", "|")
OWN = ("_line", "_reason")  # the columns that a file of rejected rows has in front

csv.field_size_limit(LONGEST)


@dataclass(slots=True)
class Row:
    """One row: the line where it begins, its cells by column, and why it cannot be read, if so."""

    line: int
    cells: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None
    raw: list[str] = field(default_factory=list)


class Source:
    """An open file of rows. `columns` are those of the header; JSON lines have none, for each row names its own."""

    def __init__(self, path: Path, encoding: str, delimiter: str | None, *, lines: bool) -> None:
        self.path, self.encoding, self.is_lines = path, encoding, lines
        self.size = path.stat().st_size
        self.delimiter = "" if lines else delimiter or detect_delimiter(path, encoding)
        self.columns: list[str] = [] if lines else _header(path, encoding, self.delimiter)
        self._file: TextIO | None = None

    @property
    def done(self) -> int:
        """How many bytes have been read."""
        return self._file.buffer.tell() if self._file and not self._file.closed else self.size  # type: ignore[attr-defined]  # a text file on disk has one

    def rows(self) -> Iterator[Row]:
        """Each row from the first; rows without any value are left out."""
        with opened(self.path, self.encoding) as self._file:
            lines = Lines(self._file)
            if self.is_lines:
                yield from _objects(lines)
                return
            records = _records(lines, self.delimiter)
            next(records, None)  # the header
            for row in records:
                yield self._named(row, lines)

    def _named(self, row: Row, lines: "Lines") -> Row:
        """The row with its cells by column. What does not fit the header is no row."""
        cells, count = row.raw, len(self.columns)
        if row.problem is None and len(cells) > count and not any(cells[count:]):
            del cells[count:]
        if row.problem is None and len(cells) != count:
            row.problem = f"has {len(cells)} cells where the header has {count}"
            if lines.again():
                row.problem = "a quote that is opened in this line is not closed, or the row does not fit the header"
                row.raw = [lines.taken[0].rstrip("\r\n")]
        if row.problem is None:
            if "'" in "".join(cells):
                cells = [plain(cell) for cell in cells]
            row.cells = dict(zip(self.columns, cells, strict=True))
        return row


class Lines:
    """The lines of a file for the reader of CSV, which may be given back when a row turns out to be none.

    A row that grows beyond all bounds ends with TooLong.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._back: deque[str] = deque()
        self._size = 0
        self.number = 0  # of the last line given
        self.taken: list[str] = []  # the lines of the current row
        self.ended = False  # whether the row asked for more than there is

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else self._file.readline(LONGEST + 1)
        if not line:
            self.ended = True
            raise StopIteration
        self.number += 1
        self._size += len(line)
        if self._size > LONGEST:
            self._skip(line)
            raise TooLong
        self.taken.append(line)
        return line

    def begin(self) -> int:
        """Begin a row; the number of its first line."""
        self.taken, self._size, self.ended = [], 0, False
        return self.number + 1

    def again(self) -> bool:
        """Give back all lines of the row but the first, when it has more than one."""
        if len(self.taken) < 2:
            return False
        self._back.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1
        return True

    def _skip(self, line: str) -> None:
        """Forget the rest of a line that has no end; keep one that is only the last of too many."""
        if len(line) <= LONGEST:
            self.taken.append(line)
            return
        while line and not line.endswith(("\n", "\r")):
            line = self._file.readline(LONGEST)


class TooLong(Exception):
    """A row has more characters than any row may have."""


def opened(path: Path, encoding: str) -> TextIO:
    """The file as text. Bytes that are no text become lone surrogates, by which their row is refused later."""
    try:
        return path.open(
            encoding=encoding, errors="surrogateescape" if encoding.startswith(("utf-8", "cp", "ascii")) else "replace", newline=""
        )
    except LookupError:
        raise Unusable(f"there is no encoding '{encoding}'") from None


def detect_delimiter(path: Path, encoding: str) -> str:
    """What separates the cells: that by which most rows have as many as the header."""
    found: dict[str, tuple[float, int]] = {}
    for delimiter in DELIMITERS:
        with opened(path, encoding) as file:
            rows = [row for row, _ in zip(_records(Lines(file), delimiter), range(SAMPLE), strict=False)]
        counts = [len(row.raw) for row in rows]
        if counts and counts[0] > 1:
            found[delimiter] = (sum(count == counts[0] for count in counts) / len(counts), counts[0])
    return max(found, key=lambda one: found[one], default=",")


def _header(path: Path, encoding: str, delimiter: str) -> list[str]:
    """The names of the columns. Raises Unusable when one is missing or there twice."""
    with opened(path, encoding) as file:
        first = next(_records(Lines(file), delimiter), None)
    if first is None:
        raise Unusable(f"{path.name} is empty: its first row must name the columns")
    if first.problem:
        raise Unusable(f"the header of {path.name} cannot be read: {first.problem}")
    names = [plain(name.strip().removeprefix("\ufeff")) for name in first.raw]
    while names and not names[-1]:
        names.pop()
    for place, name in enumerate(names, 1):
        if not name:
            raise Unusable(f"column {place} of {path.name} has no name in the header")
        if names.index(name) + 1 != place:
            raise Unusable(f"the header of {path.name} has the column '{name}' twice")
    return names


def _records(lines: Lines, delimiter: str) -> Iterator[Row]:
    """The rows as lists of cells. One that cannot be read is told by its first line, and reading goes on after that."""
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        row = Row(lines.begin())
        try:
            row.raw = next(reader)
        except StopIteration:
            return
        except (TooLong, csv.Error) as error:
            row.problem = f"has more than {LONGEST:,} characters" if isinstance(error, TooLong) else str(error)
            if lines.again():
                row.problem = f"a quote that is opened in this line is not closed within {LONGEST:,} characters"
            row.raw = [line.rstrip("\r\n") for line in lines.taken[:1]]
            yield row
            continue
        if lines.ended and _open(lines.taken, delimiter):
            lines.again()
            row.problem = "a quote that is opened in this line is not closed"
            row.raw = [lines.taken[0].rstrip("\r\n")]
        said = "".join(row.raw)
        if row.problem or (said and not said.isspace()):
            yield row


def _open(taken: list[str], delimiter: str) -> bool:
    """Whether the text ends inside quotes, as only a strict reader says."""
    try:
        list(csv.reader(taken, delimiter=delimiter, strict=True))
    except csv.Error as error:
        return "end of data" in str(error)
    return False


def _objects(lines: Lines) -> Iterator[Row]:
    """The rows of JSON lines, with the names of inner values joined by dots."""
    while True:
        row = Row(lines.begin())
        try:
            line = next(lines)
            if not line.strip("\ufeff \t\r\n"):
                continue
            row.raw = [line.rstrip("\r\n")]
            found = json.loads(line.removeprefix("\ufeff"), parse_float=Decimal, parse_constant=_no_number)
            if not isinstance(found, dict):
                raise ValueError('must be an object like {"name": "..."}')
            row.cells = dict(_flat(found))
        except StopIteration:
            return
        except TooLong:
            row.problem = f"has more than {LONGEST:,} characters"
        except (ValueError, RecursionError) as error:
            row.problem = f"is not JSON: {error}" if isinstance(error, json.JSONDecodeError) else str(error)[:200]
        yield row


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is not a number")


def _flat(value: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested objects by paths: `company.name`, `emails.1.address`."""
    for name, one in value.items():
        here = f"{path}{name}"
        if isinstance(one, dict):
            yield from _flat(one, f"{here}.")
        elif isinstance(one, list) and one and all(isinstance(inner, dict) for inner in one):
            for place, inner in enumerate(one, 1):
                yield from _flat(inner, f"{here}.{place}.")
        else:
            yield here, one
