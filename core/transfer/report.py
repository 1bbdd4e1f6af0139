"""What an import did: counts, the first problems, and a file with all the rows that were not taken."""

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from core.transfer.guard import guarded, plain
from core.transfer.problems import Problem
from core.transfer.reading import OWN, Row

SHOWN = 20  # problems that are told one by one; the file of rejected rows has them all


@dataclass
class Report:
    """Counts of rows by what became of them, of related records made, and the first problems."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    made: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """All rows."""
        return self.created + self.updated + self.unchanged + self.rejected

    def reject(self, problem: Problem) -> None:
        """Count a rejected row."""
        self.rejected += 1
        if len(self.problems) < SHOWN:
            self.problems.append(problem)

    def words(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "rows": self.rows, "created": self.created, "updated": self.updated, "unchanged": self.unchanged, "rejected": self.rejected,
            "made": dict(self.made),
            "problems": [{"line": one.line, "field": one.field, "value": one.value, "reason": one.reason} for one in self.problems],
        }  # fmt: skip


class Rejects:
    """The file of rejected rows. It is made with the first of them, and can be imported again after mending."""

    def __init__(self, path: Path, columns: Sequence[str], delimiter: str, *, lines: bool) -> None:
        self.path, self._columns, self._delimiter, self._lines = path, columns, delimiter, lines
        self._file: TextIO | None = None

    @property
    def written(self) -> bool:
        """Whether there are any."""
        return self._file is not None

    def add(self, row: Row, problem: Problem) -> None:
        """Write down a row and why it was not taken."""
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8" if self._lines else "utf-8-sig", errors="backslashreplace", newline="")
            if not self._lines:
                self._row([*OWN, *(column for column in self._columns if column not in OWN)])
        if self._lines:
            self._object(row, problem)
            return
        self._row([str(problem.line), problem.sentence, *self._original(row.raw)])

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()

    def _original(self, cells: Sequence[str]) -> list[str]:
        """The cells without those that an earlier file of rejected rows had in front."""
        names = [*self._columns, *([""] * max(0, len(cells) - len(self._columns)))]
        return [plain(cell) for name, cell in zip(names, cells, strict=False) if name not in OWN]

    def _row(self, cells: Sequence[str]) -> None:
        assert self._file is not None
        csv.writer(self._file, delimiter=self._delimiter).writerow([guarded(cell) for cell in cells])

    def _object(self, row: Row, problem: Problem) -> None:
        assert self._file is not None
        why = {"_line": problem.line, "_reason": problem.sentence}
        self._file.write(json.dumps({**why, **(row.cells or {"_text": "".join(row.raw)})}, ensure_ascii=False, default=str) + "\n")
