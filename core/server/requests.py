"""Every request has an id and an answer, whatever happens inside, and a line in the log when it is refused."""

import asyncio
import logging
import random
import re
import time
from collections.abc import Iterable

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.counts import Counts
from core.errors import Refused
from core.logs import FIELDS, REQUEST
from core.server.outages import outage

log = logging.getLogger("payvand.requests")

HEADER = "X-Request-Id"
# sys.exit in a stranger's code would end the event loop, and the server. A request is cancelled when it takes too long to stop.
ESCAPES = (Exception, SystemExit, asyncio.CancelledError)
SUSPICIOUS = (401, 403, 421, 429)  # an operator may have to know from where they come; of nobody else an address is kept
QUIET = ("/healthz", "/readyz")
# What browsers are to keep to with every answer: no guessing of types, no frames, no telling others where one comes from.
BROWSERS = (
    (b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"), (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
)  # fmt: skip
BY_TLS = ((b"strict-transport-security", b"max-age=31536000"),)
_HEADER = HEADER.lower().encode()
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id(scope: Scope) -> str:
    """The id of a request: the client's own when it is well formed, else a new one. It is also in the log."""
    state = scope.setdefault("state", {})
    if "request_id" not in state:
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == _HEADER), "")
        state["request_id"] = given if _ID.fullmatch(given) else f"{random.getrandbits(128):032x}"
    return state["request_id"]


def failure(error: BaseException, request: str) -> JSONResponse:
    """The answer to a request that ended in an error: one sentence and a code, never what happened inside."""
    headers = {}
    if isinstance(error, Refused):
        message, code, status = str(error), error.code, error.status
    elif isinstance(error, asyncio.CancelledError):
        message, code, status = "The server stops; try again.", "UNAVAILABLE", 503
    elif outage(error):
        message, code, status = "The database is not available at the moment; try again.", "UNAVAILABLE", 503
    else:
        message, code, status = "Unexpected error.", "INTERNAL_SERVER_ERROR", 500
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status in (429, 503):
        headers["Retry-After"] = str(getattr(error, "seconds", 2))
    body = {"errors": [{"message": message, "extensions": {"code": code, "requestId": request}}]}
    return JSONResponse(body, status, headers)


def log_failure(error: BaseException, request: str) -> None:
    """Write a line, or a traceback, about a request that ended in an error."""
    if isinstance(error, asyncio.CancelledError):
        log.warning("request %s was given up: the server stops", request)
    elif not isinstance(error, Refused):
        log.error("request %s failed", request, exc_info=error)


def note(scope: Scope, request: str, status: int, started: float) -> None:
    """Write a line about a request that was answered."""
    level = logging.INFO if status >= 400 and scope["path"] not in QUIET else logging.DEBUG
    if log.isEnabledFor(level):
        spent, method, path = (time.perf_counter() - started) * 1000, scope["method"], _path(scope)
        fields = {"request": request, "method": method, "path": path, "status": status, "milliseconds": round(spent)}
        words = ""
        if status in SUSPICIOUS and (client := scope.get("client")):
            fields["address"], words = client[0], f" from {client[0]}"
        log.log(level, "%s %s %s %d %.0f ms%s", request, method, path, status, spent, words, extra={FIELDS: fields})


class Requests:
    """Pure ASGI: puts the id on the answer, and turns what escapes into an answer.

    A request that is refused has a line in the log, one that is answered only at the level DEBUG: the proxy in front keeps count of those.
    """

    def __init__(self, app: ASGIApp, counts: Counts) -> None:
        self.app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request, started, status = request_id(scope), time.perf_counter(), 0
        token = REQUEST.set(request)

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*_for_browsers(scope, message.get("headers", ())), (_HEADER, request.encode())]
            await send(message)

        try:
            await self.app(scope, receive, marked)
        except ESCAPES as error:
            log_failure(error, request)
            if status:
                raise  # half an answer is out: only closing the connection tells the client
            await failure(error, request)(scope, receive, marked)
        finally:
            self._counts.answers_at(scope["path"])[status] += 1
            note(scope, request, status, started)
            REQUEST.reset(token)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        request, started = request_id(scope), time.perf_counter()
        REQUEST.set(request)  # of the task that has this socket alone
        self._counts.sockets += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._counts.sockets -= 1
            log.info("%s WEBSOCKET %s %.0f s", request, _path(scope), time.perf_counter() - started)


def _for_browsers(scope: Scope, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of an answer, with those for browsers that it does not have itself."""
    headers = list(headers)
    names = {name.lower() for name, _ in headers}
    wanted = BROWSERS + BY_TLS if scope["scheme"] == "https" else BROWSERS
    return headers + [one for one in wanted if one[0] not in names]


def _path(scope: Scope) -> str:
    """The path as it came, percent signs and all, so that nothing in it can forge a line. The query is not for the log."""
    return (scope.get("raw_path") or scope["path"].encode("unicode_escape")).decode("ascii", "backslashreplace")[:200]
