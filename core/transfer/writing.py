"""The two forms of a file that is written: CSV that no spreadsheet computes, and JSON lines."""

import csv
import datetime
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Protocol, TextIO

from core.transfer.guard import guarded


class Writer(Protocol):
    """Writes rows to a file."""

    def header(self) -> None:
        """Write what comes before the first row."""
        ...

    def row(self, values: Sequence[Any]) -> None:
        """Write one record."""
        ...


class Table:
    """CSV of RFC 4180. Text that a spreadsheet would take for a formula has a quote in front; numbers and times never have."""

    def __init__(self, file: TextIO, paths: Sequence[str]) -> None:
        self._writer, self._paths = csv.writer(file), paths

    def header(self) -> None:
        """Write the names of the columns."""
        self._writer.writerow(self._paths)

    def row(self, values: Sequence[Any]) -> None:
        """Write one record."""
        self._writer.writerow([_cell(value) for value in values])


class JsonLines:
    """One JSON object on each line. Inner records are inner objects; what has no value is left out."""

    def __init__(self, file: TextIO, paths: Sequence[str]) -> None:
        self._file = file
        amounts = {path.removesuffix(".currency") for path in paths if path.endswith(".currency")}
        self._paths = [(f"{path}.amount" if path in amounts else path).split(".") for path in paths]

    def header(self) -> None:
        """Nothing: each line names its own values."""

    def row(self, values: Sequence[Any]) -> None:
        """Write one record."""
        record: dict[str, Any] = {}
        for path, value in zip(self._paths, values, strict=True):
            if value is not None:
                _put(record, path, value)
        self._file.write(json.dumps(_listed(record), ensure_ascii=False, default=_plain) + "\n")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return guarded(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(one, str) and not set(one) & set(';,|،؛\n"') for one in value):
        return guarded(";".join(value))
    return guarded(json.dumps(value, ensure_ascii=False, default=_plain)) if isinstance(value, list | dict) else _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def _put(record: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for step in path[:-1]:
        record = record.setdefault(step, {})
    record[path[-1]] = value


def _listed(value: Any) -> Any:
    """Objects whose names are 1, 2, 3 as lists."""
    if not isinstance(value, dict):
        return value
    if value and all(name.isdecimal() for name in value):
        return [_listed(one) for one in value.values()]
    return {name: _listed(one) for name, one in value.items()}
