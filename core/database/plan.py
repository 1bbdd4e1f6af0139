"""What a migration is going to do: which steps are pending, and what they would take away."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tortoise.fields.relational import ManyToManyFieldInstance
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.migration import Migration
from tortoise.migrations.operations import AlterField, DeleteModel, RemoveField, RenameField, RenameModel
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps
from tortoise.models import Model

from core.database.addresses import apps
from core.database.history import history
from core.database.shape import Held, Query, held, tables
from core.database.states import Followed, before
from core.errors import StartError
from core.plugins import Plugins

MOVING = (AlterField, DeleteModel, RemoveField, RenameField, RenameModel)


@dataclass(frozen=True)
class Step:
    """A migration to apply: what it does, and how many rows would lose a value, by table or column that it takes away."""

    app: str
    name: str
    operations: tuple[str, ...]
    losses: Mapping[str, int]

    def __str__(self) -> str:
        return f"{self.app}.{self.name}"


@dataclass(frozen=True)
class Move:
    """A table, or one of its columns, that a step renames; or takes away, when `new` is None."""

    step: int
    table: str
    column: str | None
    new: str | None


@dataclass(frozen=True)
class Plan:
    """The pending migrations in order, those before them, and what the pending ones move."""

    migrations: tuple[Migration, ...]
    done: tuple[Migration, ...]
    moves: tuple[Move, ...]

    async def state(self, plugins: Plugins) -> State:
        """The models as they were before the pending migrations; they read and write where this is called."""
        return (await Followed.after(self.done, **dict.fromkeys(apps(plugins), "default"))).render()

    def fate(self, table: str, column: str | None = None) -> tuple[str, str | None] | int:
        """Where a table or column of today is afterwards, or the number of the step that takes it away."""
        for move in self.moves:
            if move.table != table or move.column not in (None, column):
                continue
            if move.new is None:
                return move.step
            if move.column is None:
                table = move.new
            else:
                column = move.new
        return table, column

    def steps(self, now: Mapping[str, Held]) -> list[Step]:
        """The plan for people, given what the tables hold now."""
        losses: list[dict[str, int]] = [{} for _ in self.migrations]
        for name, rows, fate in self._gone(now):
            losses[fate][name] = rows
        return [
            Step(migration.app_label, migration.name, tuple(operation.describe() for operation in migration.operations), lost)
            for migration, lost in zip(self.migrations, losses, strict=True)
        ]

    def _gone(self, now: Mapping[str, Held]) -> Iterator[tuple[str, int, int]]:
        for table, counts in now.items():
            fate = self.fate(table)
            if isinstance(fate, int):
                if counts.rows:
                    yield table, counts.rows, fate
                continue
            for column, rows in counts.values.items():
                fate = self.fate(table, column)
                if isinstance(fate, int) and rows:
                    yield f"{table}.{column}", rows, fate


async def plan(plugins: Plugins, seen: set[tuple[str, str]]) -> Plan:
    """What is to be applied when the migrations `seen` are applied already. Raises StartError when this version is too old for them."""
    order = await history(plugins)
    if unknown := foreign(plugins, seen, order):
        raise StartError(
            f"the database has seen the migration {unknown[0]}, which this version does not have: it is newer than this server"
        )
    todo = [migration for key, migration in order.items() if (key.app_label, key.name) not in seen]
    found = Plan(tuple(todo), tuple(migration for migration in order.values() if migration not in todo), ())
    if not any(isinstance(operation, MOVING) for migration in todo for operation in migration.operations):
        return found  # to follow the models through each step takes longer than to make their tables
    return replace(found, moves=tuple(_all_moves(todo, await found.state(plugins))))


def foreign(plugins: Plugins, seen: set[tuple[str, str]], order: Mapping[MigrationKey, Migration]) -> list[str]:
    """The migrations of the core and the enabled plugins that were applied and are not there."""
    known = {(key.app_label, key.name) for key in order}
    labels = apps(plugins)
    return sorted(f"{app}.{name}" for app, name in seen - known if app in labels)


async def now_held(query: Query, dialect: str) -> dict[str, Held]:
    """What the tables of the database hold."""
    return await held(query, await tables(query, dialect))


def refuse_losses(steps: Sequence[Step], allowed: Sequence[str]) -> None:
    """Raise StartError when a step would take away what holds data and nobody said that it may go."""
    for step in steps:
        for name, rows in step.losses.items():
            if name not in allowed:
                held_by = f"{rows} row{'s' if rows > 1 else ''}"
                raise StartError(f"migration {step} would lose {name}, which holds data in {held_by}; --allow-loss {name} lets it go")


def _all_moves(todo: Sequence[Migration], state: State) -> Iterator[Move]:
    for number, migration in enumerate(todo):
        try:
            for operation in migration.operations:
                old = before(state) if isinstance(operation, MOVING) else state
                operation.state_forward(migration.app_label, state)
                yield from _moves(operation, migration.app_label, old.apps, state.apps, number)
        except Exception as error:  # Tortoise says in many ways that a migration speaks of a model that is not there
            name = f"{migration.app_label}.{migration.name}"
            raise StartError(f"migration {name} does not fit those before it: {type(error).__name__}: {error}") from error


def _moves(operation: Any, app: str, old: StateApps, new: StateApps, step: int) -> Iterator[Move]:
    match operation:
        case DeleteModel():
            model = old.get_model(app, operation.name)
            yield from (Move(step, table, None, None) for table in (*_through(model), model._meta.db_table))
        case RenameModel():
            table = old.get_model(app, operation.old_name)._meta.db_table
            renamed = new.get_model(app, operation.new_name)._meta.db_table
            if table != renamed:
                yield Move(step, table, None, renamed)
        case RemoveField():
            model = old.get_model(app, operation.model_name)
            removed = model._meta.fields_map[operation.name]
            if isinstance(removed, ManyToManyFieldInstance):
                yield Move(step, removed.through, None, None)
            else:
                yield Move(step, model._meta.db_table, _column(model, operation.name), None)
        case RenameField() | AlterField():
            names = (operation.old_name, operation.new_name) if isinstance(operation, RenameField) else (operation.name, operation.name)
            model = old.get_model(app, operation.model_name)
            column, renamed = _column(model, names[0]), _column(new.get_model(app, operation.model_name), names[1])
            if column != renamed:
                yield Move(step, model._meta.db_table, column, renamed)


def _column(model: type[Model], name: str) -> str:
    return model._meta.fields_map[name].source_field or name


def _through(model: type[Model]) -> Iterator[str]:
    for name in model._meta.m2m_fields:
        field = model._meta.fields_map[name]
        if isinstance(field, ManyToManyFieldInstance) and not field._generated:
            yield field.through
