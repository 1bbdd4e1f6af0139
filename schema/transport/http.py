"""GraphQL over HTTP: what comes in is checked before anything is parsed, and what goes out has one form."""

import re
from collections.abc import Mapping

import strawberry
from graphql import GraphQLError, OperationType
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from core.auth import authenticate
from core.crm import CRM, Call
from core.errors import Refused, Unauthenticated
from core.server.requests import request_id
from schema.errors import Fault, Unprocessable, entries, status
from schema.operations.answers import Answer, encoded
from schema.operations.execution import Engine, refused
from schema.transport.graphiql import page
from schema.transport.media import GRAPHQL, JSON, accepted, is_json, wants_page
from schema.transport.parameters import Parameters, from_body, from_query_string
from schema.transport.socket import Socket

Head = Mapping[bytes, str]

ALLOW = {"Allow": "GET, POST"}
REPLAYED = {"Idempotency-Replayed": "true"}
_KEY = re.compile(r"[ -~]{1,255}")
HEADERS = ((b"cache-control", b"no-store"), (b"vary", b"Accept"), (b"x-content-type-options", b"nosniff"))


class Endpoint:
    """The route /graphql: queries and mutations over HTTP, subscriptions over WebSocket, GraphiQL for browsers."""

    answers_all = True

    def __init__(self, crm: CRM, schema: strawberry.Schema) -> None:
        self.crm = crm
        self.engine = Engine(crm, schema)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await Socket(self.engine, WebSocket(scope, receive, send)).run()
            return
        head = {name: value.decode("latin-1") for name, value in reversed(scope["headers"])}  # of several, the first counts
        accept = head.get(b"accept")
        if scope["method"] == "GET" and self.crm.settings.server.graphiql and wants_page(accept):
            await page()(scope, receive, send)
            return
        media = accepted(accept)
        more: Mapping[str, str] = {}
        try:
            self._check_head(scope["method"], head)
            if media is None:
                raise Fault(f"the answer can be {GRAPHQL} or {JSON}", 406)
            answer = await self._answer(scope, head, receive)
            # application/json says 200 to whatever was well-formed HTTP
            code, body = 400 if not answer.executed and media == GRAPHQL else 200, answer.encoded()
            more = REPLAYED if answer.replayed else {}
        except ClientDisconnect:
            return  # nobody is there to read it
        except Exception as error:  # the edge: whatever happened, the client gets an answer and the log gets the rest
            code, body, more = status(error), encoded({"errors": entries(error, request_id(scope))}), _headers(error)
        await _write(send, code, body, media or JSON, more)

    async def _answer(self, scope: Scope, head: Head, receive: Receive) -> Answer:
        actor = await authenticate(self.crm, HTTPConnection(scope))
        call = Call(self.crm, actor, request_id(scope))
        if scope["method"] == "GET":
            parameters = from_query_string(QueryParams(scope["query_string"]))
        else:
            parameters = from_body(await self._body(receive))
        return await self._execute(parameters, call, scope["method"], head)

    def _check_head(self, method: str, head: Head) -> None:
        if method not in ("GET", "POST"):
            raise Fault("GraphQL is asked by POST, and queries also by GET", 405, ALLOW)
        if method == "GET":
            return
        if not is_json(head.get(b"content-type")):
            raise Fault("the body must be application/json in UTF-8", 415, {"Accept-Post": JSON})
        if head.get(b"content-encoding", "identity").strip().lower() != "identity":
            raise Fault("compressed bodies are not read", 415, {"Accept-Encoding": "identity"})
        length = head.get(b"content-length", "")
        if length.isdecimal() and (len(length) > 15 or int(length) > self.crm.settings.limits.body):
            raise self._too_large()

    async def _body(self, receive: Receive) -> bytes:
        """The body, read no further than the limit: the rest is thrown away by the server without being kept."""
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            if len(body) > self.crm.settings.limits.body:
                raise self._too_large()
            if not message.get("more_body", False):
                return bytes(body)

    def _too_large(self) -> Fault:
        return Fault(f"the body is larger than {self.crm.settings.limits.body} bytes; files go by signed URLs", 413)

    async def _execute(self, parameters: Parameters, call: Call, method: str, head: Head) -> Answer:
        try:
            if parameters.extensions:
                parameters = self.engine.persisted.resolved(parameters)
            prepared = self.engine.prepare(parameters)
            if prepared.kind is OperationType.SUBSCRIPTION:
                raise Refused("subscriptions are answered over WebSocket, with the protocol graphql-transport-ws")
            if prepared.kind is OperationType.MUTATION:
                if method == "GET":
                    raise Fault("mutations are sent by POST", 405, {"Allow": "POST"})
                if (key := head.get(b"idempotency-key")) is not None:
                    return await self.engine.once.answer(_checked_key(key), prepared, parameters, call)
            return await self.engine.execute(prepared, parameters, call)
        except Fault:
            raise
        except (GraphQLError, Unprocessable, Refused) as error:
            return refused(error, call.request_id or "")


def _checked_key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise Fault("the Idempotency-Key must be 1 to 255 printable ASCII characters")
    return key


def _headers(error: Exception) -> Mapping[str, str]:
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, Fault):
        return error.headers
    return {"Retry-After": "2"} if status(error) == 503 else {}


async def _write(send: Send, code: int, body: bytes, media: str, more: Mapping[str, str]) -> None:
    headers = [(b"content-length", b"%d" % len(body)), (b"content-type", f"{media}; charset=utf-8".encode()), *HEADERS]
    headers += [(name.lower().encode(), value.encode()) for name, value in more.items()]
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": body})
