"""GraphQL over HTTP: what comes in is checked before anything is parsed, and what goes out has one form."""

import re
from collections.abc import Awaitable, Mapping

from graphql import GraphQLError, OperationType
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from core.auth import authenticate, remembered
from core.crm import CRM, Call, Present
from core.errors import RateLimited, Refused, Unauthenticated
from core.server.rates import Meter
from core.server.reply import Reply
from core.server.requests import BROWSERS, request_id
from schema.errors import Fault, Unprocessable, entries, status
from schema.operations.answers import Answer, encoded
from schema.operations.execution import Engine, refused
from schema.transport.graphiql import page
from schema.transport.media import EVENTS, GRAPHQL, JSON, accepted, is_json, wants_events, wants_page
from schema.transport.parameters import Parameters, from_body, from_query_string
from schema.transport.socket import Socket
from schema.transport.streams import HEADERS as HEADERS_OF_EVENTS
from schema.transport.streams import Streams, as_events

Head = Mapping[bytes, str]

ALLOW = {"Allow": "GET, POST"}
HEADERS = {
    media: (
        (b"content-type", f"{media}; charset=utf-8".encode()), (b"cache-control", b"no-store"), (b"vary", b"Accept"),
        *BROWSERS,
    )
    for media in (JSON, GRAPHQL)
}  # fmt: skip
REPLAYED = ((b"idempotency-replayed", b"true"),)
REFUSALS = (GraphQLError, Unprocessable, Refused)
_KEY = re.compile(r"[ -~]{1,255}")


class Endpoint:
    """The route /graphql: queries and mutations over HTTP, subscriptions over HTTP and WebSocket, GraphiQL for browsers."""

    def __init__(self, crm: CRM, engine: Engine) -> None:
        self.crm = crm
        self.engine = engine
        self._events = Streams(self.engine)
        self._headers = {media: headers + crm.rates.headers for media, headers in HEADERS.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await Socket(self.engine, WebSocket(scope, receive, send)).run()
            return
        head = _head(scope)
        accept = head.get(b"accept")
        if scope["method"] == "GET" and self.crm.settings.server.graphiql and wants_page(accept):
            await page()(scope, receive, send)
            return
        media, streams, meter = accepted(accept), wants_events(accept), None
        try:
            self._check_head(scope["method"], head, media, streams)
            actor = await authenticate(self.crm, HTTPConnection(scope))
            meter = self.crm.rates.meter(actor)
            meter.ask()
            if scope["method"] == "GET":
                parameters = from_query_string(QueryParams(scope["query_string"]))
            else:
                parameters = from_body(await self._body(receive))
            call = Call(self.crm, actor, request_id(scope), present=Present(actor) if streams else None)
            reply = self._streamed(parameters, call, meter) if streams else None
            if reply is None:
                answer = await self._awaited(self._begun(parameters, call, scope["method"], head, meter), call)
                reply = self._told(answer, media, meter)
        except ClientDisconnect:
            return  # nobody is there to read it
        except Exception as error:  # the edge: whatever happened, the client gets an answer and the log gets the rest
            reply = self._failed(error, scope, media, meter)
        await reply(scope, receive, send)

    def at_once(self, scope: Scope, body: bytes) -> Reply | Awaitable[Reply] | None:
        """The answer to a request that is there as a whole, or what gives it once something else has been waited for.

        None for what must take the way of all others: it has to be found out first who asks, or it is no POST.
        """
        head = _head(scope)
        if scope["method"] != "POST" or wants_events(head.get(b"accept")):
            return None
        if not (actor := remembered(self.crm, head.get(b"authorization", ""))):
            return None
        media, meter = accepted(head.get(b"accept")), None
        try:
            self._check_head("POST", head, media, False)
            meter = self.crm.rates.meter(actor)
            meter.ask()
            self._check_size(len(body))
            call = Call(self.crm, actor, request_id(scope))
            answer = self._begun(from_body(body), call, "POST", head, meter)
            return self._told(answer, media, meter) if isinstance(answer, Answer) else self._later(answer, call, scope, media, meter)
        except Exception as error:  # the same edge
            return self._failed(error, scope, media, meter)

    async def _later(self, answer: Awaitable[Answer], call: Call, scope: Scope, media: str | None, meter: Meter) -> Reply:
        try:
            return self._told(await self._awaited(answer, call), media, meter)
        except Exception as error:  # the same edge
            return self._failed(error, scope, media, meter)

    def _streamed(self, parameters: Parameters, call: Call, meter: Meter) -> ASGIApp | None:
        """The stream that answers, when it is a subscription that is asked for."""
        try:
            parameters = self.engine.persisted.resolved(parameters) if parameters.extensions else parameters
            prepared = self.engine.prepare(parameters)
        except REFUSALS:
            return None  # it will be so again where it is told
        if prepared.kind is not OperationType.SUBSCRIPTION:
            return None
        meter.pay(prepared.cost)
        return self._events.begin(prepared, parameters, call)

    def _check_head(self, method: str, head: Head, media: str | None, streams: bool) -> None:
        if method not in ("GET", "POST"):
            raise Fault("GraphQL is asked by POST, and queries also by GET", 405, ALLOW)
        if method == "POST":
            self._check_content(head)
        if media is None and not streams:
            raise Fault(f"the answer can be {GRAPHQL}, {JSON} or {EVENTS}", 406)

    def _check_content(self, head: Head) -> None:
        if not is_json(head.get(b"content-type")):
            raise Fault("the body must be application/json in UTF-8", 415, {"Accept-Post": JSON})
        if head.get(b"content-encoding", "identity").strip().lower() != "identity":
            raise Fault("compressed bodies are not read", 415, {"Accept-Encoding": "identity"})
        length = head.get(b"content-length", "")
        if length.isdecimal():
            self._check_size(int(length[:16]))

    async def _body(self, receive: Receive) -> bytes:
        """The body, read no further than the limit: the rest is thrown away by the server without being kept."""
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            self._check_size(len(body))
            if not message.get("more_body", False):
                return bytes(body)

    def _check_size(self, size: int) -> None:
        if size > self.crm.settings.limits.body:
            raise Fault(f"the body is larger than {self.crm.settings.limits.body} bytes; files go by signed URLs", 413)

    def _begun(self, parameters: Parameters, call: Call, method: str, head: Head, meter: Meter) -> Answer | Awaitable[Answer]:
        try:
            if parameters.extensions:
                parameters = self.engine.persisted.resolved(parameters)
            prepared = self.engine.prepare(parameters)
            if prepared.kind is OperationType.SUBSCRIPTION:
                raise Refused(f"subscriptions are answered as {EVENTS}, or over WebSocket with the protocol graphql-transport-ws")
            if prepared.kind is OperationType.MUTATION and method == "GET":
                raise Fault("mutations are sent by POST", 405, {"Allow": "POST"})
            meter.pay(prepared.cost)
            if prepared.kind is OperationType.MUTATION and (key := head.get(b"idempotency-key")) is not None:
                return self.engine.once.answer(_checked(key), prepared, parameters, call)
            return self.engine.begun(prepared, parameters, call)
        except (Fault, RateLimited):
            raise
        except REFUSALS as error:
            return refused(error, call.request_id or "")

    async def _awaited(self, answer: Answer | Awaitable[Answer], call: Call) -> Answer:
        try:
            return answer if isinstance(answer, Answer) else await answer
        except Fault:
            raise
        except REFUSALS as error:
            return refused(error, call.request_id or "")

    def _told(self, answer: Answer, media: str | None, meter: Meter) -> Reply:
        """An answer, as `media` has it: application/json says 200 to whatever was well-formed HTTP."""
        more = meter.headers() + REPLAYED if answer.replayed else meter.headers()
        if media is None and answer.executed:  # the client takes events and nothing else
            return Reply(200, HEADERS_OF_EVENTS, as_events(answer), more)
        return Reply(400 if not answer.executed and media != JSON else 200, self._headers[media or JSON], answer.encoded(), more)

    def _failed(self, error: Exception, scope: Scope, media: str | None, meter: Meter | None) -> Reply:
        body = encoded({"errors": entries(error, request_id(scope))})
        more = [(name.lower().encode(), value.encode()) for name, value in _headers(error).items()]
        if meter is None:
            return Reply(status(error), HEADERS[media or JSON], body, more)
        return Reply(status(error), self._headers[media or JSON], body, (*meter.headers(), *more))


def _head(scope: Scope) -> Head:
    return {name: value.decode("latin-1") for name, value in reversed(scope["headers"])}  # of several, the first counts


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise Fault("the Idempotency-Key must be 1 to 255 printable ASCII characters")
    return key


def _headers(error: Exception) -> Mapping[str, str]:
    if status(error) in (429, 503):
        return {"Retry-After": str(getattr(error, "seconds", 2))}
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, Fault):
        return error.headers
    return {}
