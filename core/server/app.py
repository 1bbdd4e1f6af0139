"""The whole house, put together: settings in, Starlette app out."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from tortoise.context import _current_context

from core.access.keys import first_steps
from core.crm import CRM
from core.database import connect, notes, offline
from core.database.readers import readers
from core.errors import Refused
from core.plugins import Plugins, load
from core.server.doors import doors, knocking
from core.server.health import Health
from core.server.metrics import Metrics
from core.server.requests import Requests, failure, request_id
from core.server.routes import routes
from core.server.straight import Packed, Straight
from core.server.traced import Traced, TracedReaders, trace_statements
from core.settings import Settings

log = logging.getLogger(__name__)


def create_app(settings: Settings) -> Starlette:
    """The server as an ASGI app; `app.state.crm` is the running house.

    Raises StartError here for settings and plugins, and at the start of its lifespan for the database, for migrations
    that wait, and for routes that two plugins claim.
    """
    crm = CRM(settings, load(settings))
    health, metrics = Health(crm), Metrics(crm)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with connect(settings, crm.plugins) as context:
            app.state.database = context
            await health.check()
            async with readers(settings) as crm.readers:
                if crm.tracing is not None:
                    crm.readers = TracedReaders(crm.readers, crm.tracing)
                    trace_statements(context.db(), crm.tracing)
                for line in await notes(settings, crm.plugins):
                    log.info(line)
                crm.check()
                app.router.routes += routes(crm)  # now, because models know their relations only when the database is open
                for line in await first_steps():
                    log.info(line)
                async with crm.tail.opened():
                    yield
                    await crm.lifetime.end(crm.background)
        if crm.tracing is not None:
            await asyncio.to_thread(crm.tracing.close)

    app = _Server(
        routes=[
            Route("/healthz", health.alive),
            Route("/readyz", health.ready),
            *([Route("/metrics", metrics.show)] if settings.server.metrics != "off" else ()),
        ],
        exception_handlers={HTTPException: _http_error, Refused: _refused},
        lifespan=lifespan,
    )
    app.state.crm = crm
    return app


class _Server(Starlette):
    """Starlette with what every request passes here. What escapes from the routes ends in Requests, and in no other page of errors."""

    def build_middleware_stack(self) -> ASGIApp:
        """The apps around the router, the outermost first."""
        handlers: Any = self.exception_handlers
        house = _OwnDatabase(Packed(Straight(self, ExceptionMiddleware(self.router, handlers=handlers))))
        crm: CRM = self.state.crm
        app = doors(crm.settings.server, house)
        return Requests(app if crm.tracing is None else Traced(app, crm.tracing), crm.counts)

    @cached_property
    def at_once(self) -> Callable[..., Any] | None:
        """What answers requests that have arrived as a whole; the protocol asks it before it makes a task of a request.

        None where requests are traced: a span is for a task.
        """
        if self.state.crm.tracing is not None:
            return None
        at_once, knocks = Straight(self, self).at_once, knocking(self.state.crm.settings.server)
        return at_once if knocks is None else lambda scope, body: None if knocks(scope) else at_once(scope, body)


class _OwnDatabase:
    """Pure ASGI: shows each request, which runs in another task than the lifespan, the database of its own house.

    Tortoise's fallback for other tasks would do for one house in a process, and not for two.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        token = _current_context.set(scope["app"].state.database)
        try:
            await self.app(scope, receive, send)
        finally:
            _current_context.reset(token)


async def rehearse(settings: Settings, plugins: Plugins) -> None:
    """Put the house together without its database. Raises StartError for all that would stop the server but the database."""
    crm = CRM(settings, plugins)
    async with offline(settings, plugins):
        crm.check()
        routes(crm)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    code = {404: "NOT_FOUND", 401: "UNAUTHENTICATED", 403: "FORBIDDEN"}.get(status, "BAD_USER_INPUT")
    message = {404: "there is nothing at this address", 405: "this address is not asked by that method"}.get(status, error.detail)
    body = {"errors": [{"message": message, "extensions": {"code": code, "requestId": request_id(request.scope)}}]}
    return JSONResponse(body, status, error.headers)


async def _refused(request: Request, error: Exception) -> Response:
    return failure(error, request_id(request.scope))
