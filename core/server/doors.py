"""What stands before the house where the settings ask for it: names that it answers to, and pages of other sites that may ask it."""

from collections.abc import Callable, Collection

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from core.errors import Refused
from core.server.requests import QUIET, failure, request_id
from core.settings import Server

METHODS = ("GET", "POST")
ALLOWED = (
    "Authorization", "Content-Type", "Idempotency-Key", "X-Request-Id", "Apollo-Require-Preflight", "X-CSRF-Token", "Traceparent",
    "Tracestate",
)  # fmt: skip
EXPOSED = ("X-Request-Id", "RateLimit", "RateLimit-Policy", "Retry-After", "Idempotency-Replayed")
SECONDS_OF_A_PREFLIGHT = 600


class Misdirected(Refused):
    """The request is for another server."""

    status = 421


def doors(server: Server, app: ASGIApp) -> ASGIApp:
    """The app behind the doors that the settings ask for; the app itself when they ask for none."""
    if server.origins:
        app = Origins(app, server.origins)
    return Hosts(app, server.hosts) if server.hosts else app


def knocking(server: Server) -> Callable[[Scope], bool] | None:
    """What says of a request that it has to pass a door, or that a proxy may speak for its client. None without any of them."""
    if not (server.origins or server.hosts or server.proxies):
        return None
    names = {b"origin", b"x-forwarded-for", b"x-forwarded-proto"}

    def knocks(scope: Scope) -> bool:
        if server.hosts and not answers(server.hosts, scope):
            return True
        return any(name in names for name, _ in scope["headers"])

    return knocks


class Origins(CORSMiddleware):
    """CORS: pages of the listed origins may ask and read, with cookies. Others are told nothing, so that browsers stop them."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        super().__init__(
            app, allow_origins=origins, allow_credentials=True, allow_methods=METHODS, allow_headers=ALLOWED, expose_headers=EXPOSED,
            max_age=SECONDS_OF_A_PREFLIGHT,
        )  # fmt: skip

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a browser that asks whether it may ask."""
        if not self.is_allowed_origin(request_headers["origin"]):
            return PlainTextResponse("this origin is not listed in [server] origins", 403, {"Vary": "Origin"})
        return super().preflight_response(request_headers)

    async def simple_response(self, scope: Scope, receive: Receive, send: Send, request_headers: Headers) -> None:
        """Answer; to an origin that is not listed as to someone without one."""
        if not self.is_allowed_origin(request_headers.get("origin", "")):
            request_headers = Headers({})
        await super().simple_response(scope, receive, send, request_headers)


class Hosts:
    """Pure ASGI: answers to the listed names only, so that nobody can have links or cookies made for a name of their own.

    The two addresses for load balancers, who ask by number, are exempt.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self.app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] in QUIET or answers(self._hosts, scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: the server answers 403
        else:
            await failure(Misdirected("this server does not answer to that host"), request_id(scope))(scope, receive, send)


def answers(hosts: Collection[str], scope: Scope) -> bool:
    """Whether the one Host header is a listed name, or below a listed `*.name`."""
    given = [value for name, value in scope["headers"] if name == b"host"]
    if len(given) != 1:
        return False
    host = given[0].decode("latin-1").lower()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return any(name.endswith(one[1:]) if one.startswith("*.") else name == one for one in hosts)
