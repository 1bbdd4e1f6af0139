"""The history of the tables: the migrations that are there, and new ones for what has changed in the models."""

import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tortoise.context import TortoiseContext
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.loader import MigrationLoader
from tortoise.migrations.migration import Migration
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.migrations.schema_generator.state import ModelState, State
from tortoise.migrations.writer import MigrationWriter, format_migration_name
from tortoise.models import Model

import core
from core.database.addresses import apps, config
from core.database.columns import plain
from core.database.connection import begin
from core.database.states import Followed
from core.errors import StartError
from core.plugins import Plugins
from core.settings import Settings

ROOT = Path(str(core.__file__)).parent.parent
# Without a connection it knows of no applied migration: what is on disk is read apart from what is applied.
NOBODY = MigrationRecorder(None)


@dataclass(frozen=True)
class Written:
    """A migration that was just written: where, and what it does."""

    app: str
    name: str
    path: Path
    operations: tuple[str, ...]


async def history(plugins: Plugins) -> dict[MigrationKey, Migration]:
    """All migrations of the core and the enabled plugins, each after those that it depends on. Raises StartError."""
    importlib.invalidate_caches()  # a migration may be a second old
    found = {label: {**app} for label, app in apps(plugins).items() if "migrations" in app}
    for label, app in found.items():
        _check_readable(label, app)
    loader = MigrationLoader(found, NOBODY)
    try:
        await loader.build_graph()
    except ValueError as error:
        raise StartError(f"the migrations do not fit together: {error}") from error
    order: dict[MigrationKey, Migration] = {}
    for leaf in loader.graph.leaf_nodes():
        for key in loader.graph.forwards_plan(leaf):
            migration = loader.graph.nodes[key]
            if migration is not None:
                order.setdefault(key, migration)
    return order


async def make_migrations(settings: Settings, plugins: Plugins, app: str | None = None, name: str | None = None) -> list[Written]:
    """Write migrations for what has changed in the models: of all apps, or of one. Raises StartError.

    The core goes first and each app on its own, because a migration finds those that it depends on only when they are on disk.
    """
    known = apps(plugins)
    if app is not None and app not in known:
        raise StartError(f"there are no tables of '{app}'; there are those of {', '.join(known)}")
    written: list[Written] = []
    for label in known if app is None else [app]:
        _make_package(label, plugins)
        for writer in await _changes(settings, plugins, label):
            if name:
                writer.name = format_migration_name(int(writer.name[:4]), name)
            written.append(Written(label, writer.name, _write(writer), tuple(one.describe() for one in writer.operations)))
    return written


async def unwritten(settings: Settings, plugins: Plugins) -> dict[str, tuple[str, ...]]:
    """What the models say and no migration does, by app."""
    found: dict[str, tuple[str, ...]] = {
        label: ("Begin the migrations",) for label, app in apps(plugins).items() if "migrations" not in app
    }
    for writer in await _changes(settings, plugins):
        found[writer.app_label] = tuple(operation.describe() for operation in writer.operations)
    return found


class _Detector(MigrationAutodetector):
    """Compares columns, not fields: a description, an enum's member or a kind of field of our own changes no table."""

    async def _project_state(self) -> State:
        found = [self.loader.graph.nodes[key] for key in self._full_plan()]
        return await Followed.after(migration for migration in found if migration is not None)

    def _current_state(self) -> State:
        state = super()._current_state()
        for model in state.models.values():
            _plain_model(model)
        return state


async def _changes(settings: Settings, plugins: Plugins, label: str | None = None) -> list[MigrationWriter]:
    importlib.invalidate_caches()
    found = config(settings, plugins)
    for name, app in found["apps"].items():
        app.setdefault("migrations", _package(name, plugins) if name == label else None)
    for name, app in found["apps"].items():
        if app["migrations"] and importlib.util.find_spec(app["migrations"]):
            _check_readable(name, app)
    async with TortoiseContext() as context:
        await begin(context, found, init_connections=False)
        assert context.apps is not None
        try:
            writers = await _Detector(context.apps, found["apps"]).changes()
        except Exception as error:  # Tortoise says in many ways that a migration speaks of a model that is not there
            raise StartError(f"the migrations do not fit together: {type(error).__name__}: {error}") from error
    return [writer for writer in writers if label in (None, writer.app_label)]


def _write(writer: MigrationWriter) -> Path:
    try:
        return writer.write()
    except (OSError, ValueError) as error:
        raise StartError(f"the migrations of '{writer.app_label}' cannot be written: {error}") from error


def _plain_model(model: ModelState) -> None:
    model.fields = {name: plain(field) for name, field in model.fields.items()}
    model.bases = (Model,)
    model.description = ""
    model.options.pop("table_description", None)


def _package(label: str, plugins: Plugins) -> str:
    if label == "core":
        return "migrations"
    return next(f"{plugin.module.__name__}.migrations" for plugin in plugins.enabled if plugin.name == label)


def _make_package(label: str, plugins: Plugins) -> None:
    """Tortoise needs the package before it writes into it."""
    if label == "core":
        folder = ROOT / "migrations"
    else:
        plugin = next(one for one in plugins.enabled if one.name == label)
        folder = Path(plugin.module.__path__[0]) / "migrations"
        vars(plugin).pop("migrations", None)  # it may have been looked for before it was there
    try:
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
    except OSError as error:
        raise StartError(f"the migrations of '{label}' cannot be written: {error}") from error
    importlib.invalidate_caches()


def _check_readable(label: str, app: dict[str, Any]) -> None:
    spec = importlib.util.find_spec(app["migrations"])
    if label == "core" and (spec is None or spec.origin is None or Path(spec.origin).parent.parent != ROOT):
        raise StartError("the package 'migrations' is not Payvand's own: another one of that name comes first on the path of Python")
    try:
        MigrationLoader({label: app}, NOBODY).load_disk()
    except Exception as error:  # whatever a stranger's migration does at import must end in one sentence
        raise StartError(f"the migrations of '{label}' cannot be read: {type(error).__name__}: {error}") from error
