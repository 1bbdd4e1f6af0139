"""Which column of a file goes where: from a mapping in TOML, from the command line, and guessed from the header."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from core.transfer.problems import Unusable

# What a mapping may say, by its tables.
WORDS = frozenset({"resource", "source", "encoding", "delimiter", "time_zone", "decimal", "guess", "columns", "set", "key", "make"})
OF_COLUMN = frozenset({"target", "values", "multiply", "format", "split", "decimal", "time_zone", "ignore"})


@dataclass(frozen=True)
class Goal:
    """One place for the cells of a column, and how they are read; see docs/import.md."""

    target: str
    values: Mapping[str, str] = field(default_factory=dict)
    multiply: Decimal | None = None
    format: str | None = None
    split: str | None = None
    decimal: str | None = None
    time_zone: str | None = None


@dataclass(frozen=True)
class Chart:
    """What was said about a file: where its columns go. `columns`: column -> its goals, none for a column to ignore."""

    source: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    time_zone: str | None = None
    decimal: str | None = None
    guess: bool = True
    key: str | None = None
    columns: Mapping[str, tuple[Goal, ...]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    make: Mapping[str, bool] = field(default_factory=dict)
    resource: str | None = None


def load(path: Path | None) -> Chart:
    """The mapping in a file. Raises Unusable for what it cannot mean."""
    if path is None:
        return Chart()
    try:
        table = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise Unusable(f"the mapping {path.name} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Unusable(f"the mapping {path.name} is not valid TOML: {error}") from None
    return parse(table, path.name)


def parse(table: Mapping[str, Any], name: str) -> Chart:
    """The mapping that a table means. Raises Unusable."""
    if unknown := table.keys() - WORDS:
        raise Unusable(f"{name}: unknown '{sorted(unknown)[0]}'; known are {', '.join(sorted(WORDS))}")
    for word in ("columns", "set", "key", "make"):
        if not isinstance(table.get(word, {}), dict):
            raise Unusable(f"{name}: '{word}' must be a table")
    plain = {
        word: _text(table[word], word, name)
        for word in ("resource", "source", "encoding", "delimiter", "time_zone", "decimal")
        if word in table
    }
    return Chart(
        **plain,
        guess=bool(table.get("guess", True)),
        key=table.get("key", {}).get("column"),
        columns={column: _goals(said, f"{name} [columns] '{column}'") for column, said in table.get("columns", {}).items()},
        constants={target: _constant(value) for target, value in table.get("set", {}).items()},
        make={relation: bool(wanted) for relation, wanted in table.get("make", {}).items()},
    )


def with_options(mapping: Chart, **said: Any) -> Chart:
    """The mapping with what the command line says; that wins."""
    constants = {**mapping.constants, **said.pop("constants", {})}
    return replace(mapping, constants=constants, **{name: value for name, value in said.items() if value is not None})


def _goals(said: Any, place: str) -> tuple[Goal, ...]:
    if isinstance(said, list):
        return tuple(goal for one in said for goal in _goals(one, place))
    if isinstance(said, str):
        return (Goal(said),)
    if not isinstance(said, dict):
        raise Unusable(f"{place} must be a target, a table, or a list of these")
    if unknown := said.keys() - OF_COLUMN:
        raise Unusable(f"{place}: unknown '{sorted(unknown)[0]}'; known are {', '.join(sorted(OF_COLUMN))}")
    if said.get("ignore"):
        return ()
    if "target" not in said:
        raise Unusable(f"{place} needs a target, or ignore = true")
    words = {word: _text(said[word], word, place) for word in ("target", "format", "split", "decimal", "time_zone") if word in said}
    factor = Decimal(str(said["multiply"])) if isinstance(said.get("multiply"), int | float) else None
    values = {str(old): _constant(new) for old, new in said.get("values", {}).items()}
    return (Goal(**words, multiply=factor, values=values),)


def _text(value: Any, word: str, place: str) -> str:
    if not isinstance(value, str) or not value:
        raise Unusable(f"{place}: '{word}' must be text")
    return value


def _constant(value: Any) -> str:
    """A value of TOML as a cell has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
