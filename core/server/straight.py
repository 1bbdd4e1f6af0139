"""Requests that are led straight to their route, and answered at once where nothing has to be waited for."""

import time
from collections.abc import Awaitable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from tortoise.context import _current_context

from core.logs import REQUEST
from core.server.reply import Reply
from core.server.requests import ESCAPES, failure, log_failure, note, request_id

BODY_WORTH_PACKING = 2_000
EFFORT = 4  # more costs time on the event loop and saves little
_NAME = b"x-request-id"


@runtime_checkable
class AtOnce(Protocol):
    """An endpoint that says of itself that it answers whatever happens, under a path without parameters."""

    def at_once(self, scope: Scope, body: bytes) -> Reply | Awaitable[Reply] | None:
        """The answer to a request that has arrived as a whole, or what gives it. None when it is to be called as any other app."""
        ...


class Straight:
    """Knows the endpoints that need no search for a route. One that a plugin brings is none of them: what it raises is to name it."""

    def __init__(self, server: Starlette, app: ASGIApp) -> None:
        self._server, self._app = server, app
        self._counts = server.state.crm.counts.answers_at("/graphql")
        self._known: dict[str, tuple[ASGIApp, AtOnce]] = {}
        self._routes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        known = self._route(scope["path"]) if scope["type"] == "http" else None
        await (known[0] if known else self._app)(scope, receive, send)

    def at_once(self, scope: Scope, body: bytes) -> Reply | Awaitable[Reply | ASGIApp] | ASGIApp | None:
        """The answer to a request that has arrived as a whole, without a task or a middleware: all that those do is done here.

        Else what gives it when it is awaited, or the app that gives it; None when that is the server itself.
        """
        known = self._route(scope["path"])
        if known is None:
            return None
        started = time.perf_counter()
        token, mark = _current_context.set(self._server.state.database), REQUEST.set(request_id(scope))
        try:
            reply = known[1].at_once(scope, body)
        except SystemExit:  # a stranger's code; it will do so again where that has an answer
            return None
        finally:
            _current_context.reset(token)
            REQUEST.reset(mark)
        if isinstance(reply, Reply):
            return self._finished(reply, scope, started)
        return self._later(reply, scope, started) if reply else None

    async def _later(self, waiting: Awaitable[Reply], scope: Scope, started: float) -> Reply | ASGIApp:
        request = request_id(scope)
        token, mark = _current_context.set(self._server.state.database), REQUEST.set(request)
        try:
            reply = await waiting
        except ESCAPES as error:
            log_failure(error, request)
            made = failure(error, request)
            reply = Reply(made.status_code, ((b"content-type", b"application/json"),), bytes(made.body))
        finally:
            _current_context.reset(token)
            REQUEST.reset(mark)
        return self._finished(reply, scope, started)

    def _finished(self, reply: Reply, scope: Scope, started: float) -> Reply | ASGIApp:
        """The reply with the id of its request; what packs it where that is worth while."""
        request: str = scope["state"].get("request_id") or request_id(scope)
        self._counts[reply.status] += 1
        note(scope, request, reply.status, started)
        reply.more = (*reply.more, (_NAME, request.encode()))
        return Packed(reply) if len(reply.body) >= BODY_WORTH_PACKING and _unpacks(scope) else reply

    def _route(self, path: str) -> tuple[ASGIApp, AtOnce] | None:
        routes = self._server.router.routes
        if self._routes != len(routes):
            self._routes, self._known = len(routes), dict(_straight(routes))
        return self._known.get(path)


class Packed(GZipMiddleware):
    """Packs answers for clients that unpack them. For others there is nothing to do, so nothing is done."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app, minimum_size=BODY_WORTH_PACKING, compresslevel=EFFORT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (super().__call__ if scope["type"] == "http" and _unpacks(scope) else self.app)(scope, receive, send)


def _unpacks(scope: Scope) -> bool:
    return any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])


def _straight(found: Sequence[BaseRoute]) -> Iterator[tuple[str, tuple[Any, AtOnce]]]:
    for route in found:
        if isinstance(route, Route) and isinstance(route.app, AtOnce) and not route.param_convertors:
            yield route.path, (route.app, route.app)
