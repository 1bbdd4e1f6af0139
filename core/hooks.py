"""The hooks of a house: declared by the core and by plugins, checked, and registered in the order of the settings."""

import difflib
import importlib.util
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

import pluggy

from core import hookspecs
from core.errors import StartError

COROUTINES = {"actor", "before_commit", "after_commit", "personal_data", "erase", "merge"}
MARKS = ("wrapper", "hookwrapper", "tryfirst", "trylast", "specname")


def register(modules: Sequence[tuple[str, ModuleType]]) -> pluggy.PluginManager:
    """The hooks of these plugins, called in this order. Raises StartError for what is no hook, or is not written like one."""
    manager = pluggy.PluginManager("payvand")
    manager.add_hookspecs(hookspecs)
    declared = dict.fromkeys(_hooks(manager), "the core")
    for name, module in modules:
        own = f"{module.__name__}.hookspecs"
        if hasattr(module, "__path__") and importlib.util.find_spec(own):
            with blaming(name, "in its hookspecs"):
                _declare(manager, name, import_module(own), declared)
    for name, module in reversed(modules):  # the last registered is called first
        _check(manager, name, module)
        manager.register(module, name=name)
        _forgotten_marks(manager, name, module)
    return manager


def _hooks(manager: pluggy.PluginManager) -> list[str]:
    return [name for name in vars(manager.hook) if not name.startswith("_")]


def _declare(manager: pluggy.PluginManager, plugin: str, module: ModuleType, declared: dict[str, str]) -> None:
    for hook in vars(module):
        if hook in declared and manager.parse_hookspec_opts(module, hook) is not None:
            raise StartError(f"the hook '{hook}' is declared by {_named(declared[hook])} and by plugin '{plugin}'")
    manager.add_hookspecs(module)
    declared.update({hook: plugin for hook in _hooks(manager) if hook not in declared})


def _named(owner: str) -> str:
    return owner if owner == "the core" else f"plugin '{owner}'"


def _check(manager: pluggy.PluginManager, name: str, module: ModuleType) -> None:
    """What pluggy would take as it is, or tell in three lines."""
    for hook, function in vars(module).items():
        options = manager.parse_hookimpl_opts(module, hook)
        if options is None:
            continue
        if any(options[mark] for mark in MARKS):
            raise StartError(
                f"plugin '{name}': {hook}() has a mark of pluggy; plugins use optionalhook alone, and the settings say the order"
            )
        if hook in _hooks(manager):
            _check_shape(manager, name, hook, function)
        elif not options["optionalhook"]:
            near = difflib.get_close_matches(hook, _hooks(manager), 1)
            raise StartError(f"plugin '{name}': there is no hook '{hook}'" + (f"; did you mean '{near[0]}'?" if near else ""))


def _check_shape(manager: pluggy.PluginManager, name: str, hook: str, function: Callable[..., Any]) -> None:
    spec = getattr(manager.hook, hook).spec
    unknown = [one for one in inspect.signature(function).parameters if one not in spec.argnames]
    if unknown:
        offered = ", ".join(spec.argnames) or "none"
        raise StartError(f"plugin '{name}': {hook}() has the argument '{unknown[0]}'; the arguments of this hook: {offered}")
    if hook in vars(hookspecs) and inspect.iscoroutinefunction(function) != (hook in COROUTINES):
        raise StartError(f"plugin '{name}': {hook}() must be {'async def' if hook in COROUTINES else 'def, without async'}")


def _forgotten_marks(manager: pluggy.PluginManager, name: str, module: ModuleType) -> None:
    heard = {caller.name for caller in manager.get_hookcallers(module) or []}
    for hook in vars(hookspecs):
        function = vars(module).get(hook)
        if hasattr(manager.hook, hook) and hook not in heard and getattr(function, "__module__", None) == module.__name__:
            raise StartError(f"plugin '{name}': the function {hook} lacks @hookimpl")


@contextmanager
def blaming(plugin: str, where: str) -> Iterator[None]:
    """Whatever a plugin's code does in this block, be it sys.exit, ends in one sentence that names it. Raises StartError."""
    try:
        yield
    except StartError as error:
        if plugin in str(error) or "plugin '" in str(error):
            raise
        raise StartError(f"plugin '{plugin}': {error}") from error
    except (Exception, SystemExit) as error:
        raise StartError(f"plugin '{plugin}' fails {where}: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """The first line of an error, without its full stop: a sentence goes on."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__
