"""The routes of all plugins: each address belongs to one of them, and what fails behind it stays behind it."""

import re
from collections.abc import Iterator
from typing import Any

from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from core.crm import CRM
from core.errors import StartError
from core.events import PluginFailed
from core.plugins import BUILT_IN

Claim = tuple[str, str]


def routes(crm: CRM) -> list[BaseRoute]:
    """The routes in the order of the settings. Raises StartError when two plugins claim one path."""
    owners: dict[Claim, str] = {("http", path): "the core" for path in ("/healthz", "/readyz", "/metrics")}
    found: list[BaseRoute] = []
    for plugin, route in crm.plugins.lists("routes", crm=crm):
        if not isinstance(route, BaseRoute):
            raise StartError(f"plugin '{plugin}': routes() must return a list of Starlette's routes, not of {type(route).__name__}")
        for claim in _claims(route):
            if owner := _owner(owners, claim, plugin):
                raise StartError(f"the route '{claim[1]}' is claimed by {_named(owner)} and by {_named(plugin)}")
            owners[claim] = plugin
        if plugin not in BUILT_IN and isinstance(route, Route | WebSocketRoute | Mount):
            route.app = _Contained(route.app, plugin)
        found.append(route)
    return found


class _Contained:
    """Pure ASGI: names the plugin in the log of what its route raises. sys.exit in it would end the server's event loop."""

    def __init__(self, app: ASGIApp, plugin: str) -> None:
        self.app, self.plugin = app, plugin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except SystemExit as error:
            raise PluginFailed(f"plugin '{self.plugin}' called sys.exit in a route") from error
        except Exception as error:
            error.add_note(f"in a route of plugin '{self.plugin}'")
            raise


def _claims(route: BaseRoute) -> Iterator[Claim]:
    """What a route answers to: the protocol, and the path without the names of its parameters."""
    if isinstance(route, WebSocketRoute):
        yield "websocket", _nameless(route.path_format)
    elif isinstance(route, Route):
        yield "http", _nameless(route.path_format)
    elif isinstance(route, Mount):
        yield "mount", _nameless(route.path)


def _owner(owners: dict[Claim, str], claim: Claim, plugin: str) -> str | None:
    """Who has this path already, or a mount above it, which would never let it be reached."""
    if claim in owners:
        return owners[claim]
    mounts = ((path, owner) for (kind, path), owner in owners.items() if kind == "mount" and owner != plugin)
    return next((owner for path, owner in mounts if f"{claim[1]}/".startswith(f"{path}/")), None)


def _nameless(path: str) -> str:
    return re.sub(r"{[^}]*}", "{}", path)


def _named(plugin: Any) -> str:
    return plugin if plugin == "the core" else f"plugin '{plugin}'"
