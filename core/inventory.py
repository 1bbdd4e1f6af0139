"""What each enabled plugin adds to a house, for people who want to know before they rely on it, or before they disable it."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.routing import Mount, Route, WebSocketRoute
from tortoise.context import TortoiseContext

from core import hookspecs
from core.crm import CRM
from core.hooks import blaming
from core.naming import camel
from core.plugins import Plugin

HEARD = ("actor", "rule", "before_commit", "after_commit", "personal_data", "erase", "merge")
ROOTS = {"Query": "queries", "Mutation": "mutations", "Subscription": "subscriptions"}
Adds = dict[str, list[str]]


def inventory(crm: CRM, context: TortoiseContext, commands: Mapping[str, str]) -> dict[str, Adds]:
    """By the name of the plugin, kind by kind, what it adds. `commands` are names of commands with the plugins they come from.

    To be asked when the models know their relations. Raises StartError.
    """
    return {plugin.name: _adds(crm, context, plugin, commands) for plugin in crm.plugins.enabled}


def _adds(crm: CRM, context: TortoiseContext, plugin: Plugin, commands: Mapping[str, str]) -> Adds:
    name, resources = plugin.name, [one for one in crm.resources if crm.resources.plugin_of[one.key] == plugin.name]
    adds: Adds = {
        "requires": list(getattr(plugin.module, "requires", ())),
        "tables": _tables(context, name),
        "resources": [one.name for one in resources],
        "fields": [f"{crm.resource(one.to_one[relation].model).name}.{back}" for one in resources for relation, back in one.reverse.items()]
        + [f"{one.model.__name__}.{camel(one.name)}" for them in crm.expressed.values() for owner, one in them.values() if owner == name],
        **{kind: [] for kind in ROOTS.values()},
        "permissions": _of(crm, "permissions", name),
        "activity kinds": _of(crm, "activity_kinds", name),
        "jobs": [job.name for owner, job in crm.plugins.lists("jobs", crm=crm) if owner == name],
        "consumers": [one.name for owner, one in crm.plugins.lists("consumers") if owner == name],
        "routes": _routes(crm, name),
        "commands": [command for command, owner in commands.items() if owner == name],
        "hooks": [hook for hook in HEARD if any(one.plugin == name for one in crm.plugins.each(hook))],
        "own hooks": _own_hooks(crm, plugin),
        "settings": [one.name for one in dataclasses.fields(plugin.settings)] if plugin.settings is not None else [],
    }
    for kind, field in _fields(crm, name):
        adds[ROOTS.get(kind, "fields")].append(field if kind in ROOTS else f"{kind}.{field}")
    return {kind: found for kind, found in adds.items() if found}


def _tables(context: TortoiseContext, plugin: str) -> list[str]:
    models = context.apps.get_models_iterable() if context.apps else ()
    return sorted(model._meta.db_table for model in models if model._meta.app == plugin)


def _of(crm: CRM, hook: str, plugin: str) -> list[str]:
    return [one for owner, answer in crm.plugins.told(hook) if owner == plugin for one in answer]


def _routes(crm: CRM, plugin: str) -> list[str]:
    implementations = [one for one in crm.plugins.each("routes") if one.plugin == plugin]
    with blaming(plugin, "in routes()"):
        return [one.path for each in implementations for one in each(crm=crm) if isinstance(one, Route | WebSocketRoute | Mount)]


def _own_hooks(crm: CRM, plugin: Plugin) -> list[str]:
    place = f"{plugin.module.__name__}.hookspecs"
    hooks = {name: one.spec for name, one in vars(crm.plugins.manager.hook).items() if name not in vars(hookspecs)}
    return [name for name, spec in hooks.items() if getattr(getattr(spec, "namespace", None), "__name__", None) == place]


def _fields(crm: CRM, plugin: str) -> Iterator[tuple[str, str]]:
    """The fields written by hand, as pairs of type and name. What GraphQL makes of a class is known by its mark alone."""
    for owner, part in crm.plugins.lists("graphql", crm=crm):
        definition: Any = getattr(part, "__strawberry_definition__", None)
        if owner == plugin and definition is not None:
            yield from ((definition.name, one.graphql_name or camel(one.python_name)) for one in definition.fields)
