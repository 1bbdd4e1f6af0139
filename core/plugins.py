"""Finding, checking and registering the plugins that the settings enable, and no other."""

import difflib
import importlib.util
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass, replace
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
from core.errors import StartError
from core.hooks import blaming, register
from core.settings import Settings, section

BUILT_IN = ("core.standard", "schema")
TAKEN = {"core", "enabled", "migrations", "plugins", "schema", "tests"}  # as names of packages, of tables, or in settings.toml


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

    def told(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """As `calls`, while the house is put together: a plugin that fails stops the start. Raises StartError."""
        for implementation in self.each(hook):
            with blaming(implementation.plugin, f"in {hook}()"):
                answer = implementation(**arguments)
            yield implementation.plugin, answer

    def lists(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """The entries of the lists that `told` gives, each with the name of its plugin. Raises StartError."""
        for plugin, answer in self.told(hook, **arguments):
            if not isinstance(answer, list | tuple):
                raise StartError(f"plugin '{plugin}': {hook}() must return a list, not {type(answer).__name__}")
            yield from ((plugin, one) for one in answer)

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
        package = point.dist.name if point.dist else point.value
        if not re.fullmatch(r"[\w.]+", point.value):
            raise StartError(f"the entry point '{point.name}' of the package {package} names no module: '{point.value}'")
        if point.name in found:
            raise StartError(f"the plugin name '{point.name}' is taken twice: by {found[point.name].origin} and by the package {package}")
        found[point.name] = Found(point.name, point.dist.version if point.dist else "?", f"package {package}", point.module, point)
    return found


def load(settings: Settings) -> Plugins:
    """Import and register the built-ins and the enabled plugins. Raises StartError with the name of what is wrong."""
    _own_schema()
    known = available()
    for name in settings.enabled:
        _check_name(name, known, settings)
    if strangers := settings.plugin_tables.keys() - known.keys():
        raise StartError(f"{settings.path.name}: [plugins.{sorted(strangers)[0]}] is for a plugin that is not there")
    loaded = tuple(_load(known[name], settings) for name in settings.enabled)
    _requirements({one.name: one for one in loaded})
    own = [(name, import_module(name)) for name in BUILT_IN]
    return Plugins(loaded, register([*own, *((one.name, one.module) for one in loaded)]))


def _check_name(name: str, known: Mapping[str, Found], settings: Settings) -> None:
    place = f"{settings.path.name} [plugins]"
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(known)) or 'none'}"
        raise StartError(f"{place}: there is no plugin '{name}'; {hint}")
    if settings.enabled.count(name) > 1:
        raise StartError(f"{place}: '{name}' is enabled twice")
    if name in TAKEN or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        origin = known[name].origin
        raise StartError(f"the name of the plugin '{name}' ({origin}) must be small letters, digits and _, and none of the server's own")


def _load(found: Found, settings: Settings) -> Plugin:
    with blaming(found.name, "at import"):
        plugin = Plugin(found.name, found.version, found.origin, import_module(found.module))
        if plugin.models:
            import_module(plugin.models)
    kind, place = getattr(plugin.module, "Settings", None), f"{settings.path.name} [plugins.{found.name}]"
    table = settings.plugin_tables.get(found.name, MappingProxyType({}))
    if kind is None:
        if table:
            raise StartError(f"{place}: the plugin '{found.name}' has no settings")
        return plugin
    if not (isinstance(kind, type) and is_dataclass(kind)):
        raise StartError(f"plugin '{found.name}': Settings must be a dataclass")
    with blaming(found.name, "in its Settings"):
        return replace(plugin, settings=section(kind, table, place))


def _requirements(loaded: Mapping[str, Plugin]) -> None:
    needs = {name: _required(plugin) for name, plugin in loaded.items()}
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


def _required(plugin: Plugin) -> tuple[str, ...]:
    required = getattr(plugin.module, "requires", ())
    if not isinstance(required, tuple | list) or not all(isinstance(one, str) for one in required):
        raise StartError(f"plugin '{plugin.name}': requires must be a tuple of names, like ('loyalty',)")
    return tuple(required)


def _core_version(plugin: Plugin) -> None:
    wanted = getattr(plugin.module, "requires_core", None)
    if wanted is None:
        return
    try:
        fits = SpecifierSet(wanted).contains(version("payvand"), prereleases=True)
    except (InvalidSpecifier, AttributeError, TypeError):
        raise StartError(f"plugin '{plugin.name}': requires_core '{wanted}' is not a version specifier like '>=0.1'") from None
    if not fits:
        raise StartError(f"plugin '{plugin.name}' requires payvand {wanted}, this is {version('payvand')}")


def _own_schema() -> None:
    spec = importlib.util.find_spec("schema")
    if spec is None or spec.origin is None or Path(spec.origin).parent.parent != Path(str(core.__file__)).parent.parent:
        raise StartError(
            "the package 'schema' is not Payvand's own, for another distribution of that name is installed;"
            " give the server an environment of its own"
        )
