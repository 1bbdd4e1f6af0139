"""Finding, checking and registering the plugins that the settings enable, and no other."""

import importlib.util
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import pluggy
from packaging.specifiers import InvalidSpecifier, SpecifierSet

import core
import plugins
from core import hookspecs
from core.errors import StartError
from core.settings import Settings, section

BUILT_IN = ("core.standard", "schema")


@dataclass(frozen=True)
class Found:
    """A plugin that could be enabled. Finding it imports nothing of it."""

    name: str
    version: str
    origin: str
    module: str
    point: EntryPoint | None = None


@dataclass(frozen=True)
class Plugin:
    """An enabled plugin: its module and its settings."""

    name: str
    version: str
    origin: str
    module: ModuleType
    settings: Any = None

    @cached_property
    def models(self) -> str | None:
        """The name of the module with its tables, if it has any."""
        return self._part("models")

    @cached_property
    def migrations(self) -> str | None:
        """The name of the package with the history of its tables, if it has any."""
        return self._part("migrations")

    def _part(self, name: str) -> str | None:
        full = f"{self.module.__name__}.{name}"
        return full if hasattr(self.module, "__path__") and importlib.util.find_spec(full) else None


@dataclass(frozen=True)
class Implementation:
    """A hook as one plugin implements it. Called with all arguments, it takes those that it names."""

    plugin: str
    function: Callable[..., Any]
    arguments: tuple[str, ...]

    def __call__(self, **given: Any) -> Any:
        return self.function(*(given[name] for name in self.arguments))


@dataclass(frozen=True)
class Plugins:
    """The enabled plugins in the order of the settings, and the hooks of all of them."""

    enabled: tuple[Plugin, ...]
    manager: pluggy.PluginManager

    def each(self, hook: str) -> Iterator["Implementation"]:
        """The implementations of `hook`, in the order of the settings."""
        for found in reversed(getattr(self.manager.hook, hook).get_hookimpls()):
            yield Implementation(found.plugin_name, found.function, found.argnames)

    def calls(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """Call `hook` of one plugin after the other: pairs of the plugin's name and its answer."""
        for implementation in self.each(hook):
            yield implementation.plugin, implementation(**arguments)

    def listens(self, hook: str) -> bool:
        """Whether any plugin implements `hook`."""
        return bool(getattr(self.manager.hook, hook).get_hookimpls())


def available() -> dict[str, Found]:
    """Every plugin that could be enabled. Raises StartError when a bundled one and a package share a name."""
    own = version("payvand")
    found = {
        module.name: Found(module.name, own, "bundled", f"plugins.{module.name}")
        for module in pkgutil.iter_modules(plugins.__path__)
        if module.ispkg
    }
    for point in entry_points(group="payvand.plugins"):
        package = point.dist.name if point.dist else point.module
        if point.name in found:
            raise StartError(f"the plugin name '{point.name}' is taken twice: by {found[point.name].origin} and by the package {package}")
        found[point.name] = Found(point.name, point.dist.version if point.dist else "?", f"package {package}", point.module, point)
    return found


def load(settings: Settings) -> Plugins:
    """Import and register the built-ins and the enabled plugins. Raises StartError with the name of what is wrong."""
    _own_schema()
    known = available()
    for name in settings.enabled:
        if name not in known:
            raise StartError(f"{settings.path.name} [plugins]: there is no plugin '{name}'; there are {', '.join(sorted(known)) or 'none'}")
        if settings.enabled.count(name) > 1:
            raise StartError(f"{settings.path.name} [plugins]: '{name}' is enabled twice")
    if strangers := settings.plugin_tables.keys() - known.keys():
        raise StartError(f"{settings.path.name}: [plugins.{sorted(strangers)[0]}] is for a plugin that is not there")
    loaded = tuple(_load(known[name], settings) for name in settings.enabled)
    _requirements({one.name: one for one in loaded})
    return Plugins(loaded, _manager(loaded))


def _load(found: Found, settings: Settings) -> Plugin:
    try:
        module = import_module(found.module)
    except (Exception, SystemExit) as error:  # whatever a stranger's import does must end in one sentence
        raise StartError(f"plugin '{found.name}' fails at import: {type(error).__name__}: {error}") from error
    table = settings.plugin_tables.get(found.name, MappingProxyType({}))
    kind = getattr(module, "Settings", None)
    place = f"{settings.path.name} [plugins.{found.name}]"
    if kind is None:
        if table:
            raise StartError(f"{place}: the plugin '{found.name}' has no settings")
        return Plugin(found.name, found.version, found.origin, module)
    if not isinstance(kind, type) or not is_dataclass(kind):
        raise StartError(f"plugin '{found.name}': Settings must be a dataclass")
    return Plugin(found.name, found.version, found.origin, module, section(kind, table, place))


def _requirements(loaded: Mapping[str, Plugin]) -> None:
    needs = {name: tuple(getattr(plugin.module, "requires", ())) for name, plugin in loaded.items()}
    for name, required in needs.items():
        for other in required:
            if other not in loaded:
                raise StartError(f"plugin '{name}' requires the plugin '{other}', which is not enabled")
        _core_version(loaded[name])
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise StartError(f"these plugins require each other: {' -> '.join((*path[path.index(name) :], name))}")
        if name not in done:
            for other in needs[name]:
                visit(other, (*path, name))
            done.add(name)

    for name in needs:
        visit(name, ())


def _core_version(plugin: Plugin) -> None:
    wanted = getattr(plugin.module, "requires_core", None)
    if wanted is None:
        return
    try:
        fits = SpecifierSet(wanted).contains(version("payvand"), prereleases=True)
    except InvalidSpecifier:
        raise StartError(f"plugin '{plugin.name}': requires_core '{wanted}' is not a version specifier like '>=0.1'") from None
    if not fits:
        raise StartError(f"plugin '{plugin.name}' requires payvand {wanted}, this is {version('payvand')}")


def _manager(loaded: tuple[Plugin, ...]) -> pluggy.PluginManager:
    manager = pluggy.PluginManager("payvand")
    manager.add_hookspecs(hookspecs)
    for plugin in loaded:
        name = f"{plugin.module.__name__}.hookspecs"
        if hasattr(plugin.module, "__path__") and importlib.util.find_spec(name):
            manager.add_hookspecs(import_module(name))
    modules = [*((name, import_module(name)) for name in BUILT_IN), *((plugin.name, plugin.module) for plugin in loaded)]
    for name, module in reversed(modules):  # the last registered is called first
        try:
            manager.register(module, name=name)
            manager.check_pending()
        except pluggy.PluginValidationError as error:
            raise StartError(f"plugin '{name}': {str(error).splitlines()[0]}") from error
        _forgotten_marks(manager, name, module)
    return manager


def _forgotten_marks(manager: pluggy.PluginManager, name: str, module: ModuleType) -> None:
    heard = {caller.name for caller in manager.get_hookcallers(module) or []}
    for hook in vars(hookspecs):
        function = vars(module).get(hook)
        if hasattr(manager.hook, hook) and hook not in heard and getattr(function, "__module__", None) == module.__name__:
            raise StartError(f"plugin '{name}': the function {hook} lacks @hookimpl")


def _own_schema() -> None:
    spec = importlib.util.find_spec("schema")
    if spec is None or spec.origin is None or Path(spec.origin).parent.parent != Path(str(core.__file__)).parent.parent:
        raise StartError(
            "the package 'schema' is not Payvand's own, for another distribution of that name is installed;"
            " give the server an environment of its own"
        )
