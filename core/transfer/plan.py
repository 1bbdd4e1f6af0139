"""The plan of an import: which function takes the cells of which column, and how a row is told from others."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from core.crm import CRM
from core.naming import snake
from core.resources import Resource
from core.transfer.converting import Hints, zone
from core.transfer.entries import Entry, finish
from core.transfer.guessing import guess
from core.transfer.mapping import Chart, Goal
from core.transfer.problems import Rejected, Unusable
from core.transfer.reading import OWN, Row
from core.transfer.targets import SHORT, Put, Targets


@dataclass(frozen=True, slots=True)
class Taker:
    """What is done with the cells of a column for one of its goals."""

    put: Put
    values: Mapping[str, str]


@dataclass
class Plan:
    """How rows become entries. `takers`: column -> what is done with its cells; columns without any are ignored."""

    crm: CRM
    resource: Resource
    chart: Chart
    source: str
    takers: dict[str, list[Taker]] = field(default_factory=dict)
    goals: dict[str, list[str]] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)

    def learn(self, columns: Iterable[str]) -> None:
        """Take up columns that were not seen before. Raises Unusable for a goal that does not exist."""
        fresh = [column for column in columns if column not in self.takers and column not in OWN]
        charted = {column for column in fresh if column in self.chart.columns}
        taken = {goal.target for goals in self.chart.columns.values() for goal in goals} | self.chart.constants.keys()
        open_ = [column for column in fresh if column not in charted]
        guessed = guess(self.resource.key, open_, self._knows, taken | _taken(self.goals)) if self.chart.guess else {}
        for column in fresh:
            goals = self.chart.columns[column] if column in charted else (Goal(guessed[column]),) if column in guessed else ()
            self.takers[column] = [self._taker(goal) for goal in goals]
            self.goals[column] = [goal.target for goal in goals]
            if not goals:
                self.ignored.append(column)

    def check(self, columns: list[str]) -> None:
        """Raise Unusable when the mapping names a column that the file does not have, or no column goes anywhere."""
        named = [*self.chart.columns, *([self.chart.key] if self.chart.key else [])]
        if missing := [column for column in named if column not in columns]:
            raise Unusable(f"the file has no column '{missing[0]}', which the mapping names; it has {', '.join(columns)}")
        if not any(self.takers.values()):
            raise Unusable(f"no column of the file is known ({', '.join(columns)}); say with --map where they go")

    def entry(self, row: Row) -> Entry:
        """The record that a row tells of. Raises Rejected for a cell that does not fit."""
        entry = Entry(self.resource)
        for target, taker, text in self._constants:
            _take(taker, entry, target, text)
        takers, column, cell = self.takers, "", None
        try:
            for column, cell in row.cells.items():
                if cell is None or cell == "" or (isinstance(cell, str) and cell.isspace()):
                    continue
                for taker in takers.get(column, ()):
                    if taker.values:
                        _take(taker, entry, column, cell)
                    else:
                        taker.put(entry, cell)
        except _UNFIT as error:
            raise _unfit(error, column, cell) from None
        for part, target, taker, text in self._constants_of_parts:
            if part in entry.parts:
                _take(taker, entry, target, text)
        if self._targets.priced:
            finish(entry, self.crm.settings.company.currency)
        return entry

    @cached_property
    def key_column(self) -> str | None:
        """The column that tells rows apart, if the mapping names one."""
        return self.chart.key

    @cached_property
    def natural(self) -> str | None:
        """The natural column of the resource that the key column goes to; None when its cells are external ids."""
        goals = self.goals.get(self.chart.key or "", [])
        return next((name for name in self.resource.natural for goal in goals if _same(name, goal)), None)

    def identify(self, entry: Entry, row: Row) -> None:
        """Give the entry its external id, when the key column says so. Raises Rejected for a row without it."""
        column = self.chart.key
        if column is None:
            return
        cell = row.cells.get(column)
        if cell in (None, ""):
            raise Rejected("is empty, and tells the rows apart", column)
        if self.natural is None:
            entry.values.setdefault("external_id", str(cell).strip())
        self.sourced(entry)

    def sourced(self, entry: Entry) -> None:
        """An external id belongs to the source of this import, when the row names no other."""
        if "external_id" in entry.values and "external_source" not in entry.values and self.chart.source:
            entry.values["external_source"] = self.chart.source

    def content(self, row: Row) -> str:
        """What makes a row the same row again, when nothing else does: all that it says."""
        said = "\x1f".join(f"{column}\x1e{cell}" for column, cell in row.cells.items() if cell not in (None, "") and column not in OWN)
        return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    @cached_property
    def _targets(self) -> Targets:
        return Targets(self.crm)

    def _knows(self, target: str) -> bool:
        return self._targets.knows(self.resource, target)

    def _taker(self, goal: Goal) -> Taker:
        return Taker(self._targets.put(self.resource, self._numbered(goal.target), self._hints(goal), goal.split), goal.values)

    def _numbered(self, target: str) -> str:
        """The first column that goes to `emails.address` is the first address, the second one the second."""
        head, _, rest = target.partition(".")
        name = SHORT.get(target, target)
        head, _, rest = name.partition(".")
        if head not in self.crm.resources.parts(self.resource) or rest.partition(".")[0].isdecimal():
            return target
        self._places[name] = self._places.get(name, 0) + 1
        return f"{head}.{self._places[name]}.{rest}"

    def _hints(self, goal: Goal) -> Hints:
        name = goal.time_zone or self.chart.time_zone or self.crm.settings.company.time_zone
        try:
            here = zone(name)
        except ValueError as error:
            raise Unusable(str(error)) from None
        return Hints(multiply=goal.multiply, decimal=goal.decimal or self.chart.decimal, format=goal.format, zone=here)

    @cached_property
    def _constants(self) -> list[tuple[str, Taker, str]]:
        return [(target, self._taker(Goal(target)), text) for target, text in self.chart.constants.items() if not self._is_part(target)]

    @cached_property
    def _constants_of_parts(self) -> list[tuple[str, str, Taker, str]]:
        return [
            (target.partition(".")[0], target, self._taker(Goal(target)), text)
            for target, text in self.chart.constants.items()
            if self._is_part(target)
        ]

    def _is_part(self, target: str) -> bool:
        return target.partition(".")[0] in self.crm.resources.parts(self.resource)


def _take(taker: Taker, entry: Entry, column: str, cell: Any) -> None:
    if taker.values and isinstance(cell, str):
        cell = taker.values.get(cell.strip(), cell)
        if cell == "":
            return
    try:
        taker.put(entry, cell)
    except _UNFIT as error:
        raise _unfit(error, column, cell) from None


_UNFIT = (ValueError, TypeError, AttributeError)  # a cell of JSON lines may be of any type


def _unfit(error: Exception, column: str, cell: Any) -> Rejected:
    reason = str(error) if isinstance(error, ValueError) else "is not of the right type"
    return Rejected(reason, column, str(cell))


def _taken(goals: dict[str, list[str]]) -> set[str]:
    return {target for targets in goals.values() for target in targets}


def _same(natural: str, goal: str) -> bool:
    path = ".".join(map(snake, goal.split(".")))
    return natural in (path, SHORT.get(path))
