"""GraphQL over HTTP: what comes in is checked before anything is parsed, and what goes out has one form."""

from collections.abc import Mapping

import strawberry
from graphql import GraphQLError, OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
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

ALLOW = {"Allow": "GET, POST"}
HEADERS = {"Cache-Control": "no-store", "Vary": "Accept", "X-Content-Type-Options": "nosniff"}


class Endpoint:
    """The route /graphql: queries and mutations over HTTP, subscriptions over WebSocket, GraphiQL for browsers."""

    def __init__(self, crm: CRM, schema: strawberry.Schema) -> None:
        self.crm = crm
        self.engine = Engine(crm, schema)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await Socket(self.engine, WebSocket(scope, receive, send)).run()
            return
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        accept = request.headers.get("accept")
        if request.method == "GET" and self.crm.settings.server.graphiql and wants_page(accept):
            return page()
        media = accepted(accept)
        try:
            self._check_head(request)
            if media is None:
                raise Fault(f"the answer can be {GRAPHQL} or {JSON}", 406)
            return self._response(await self._answer(request), media)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except Exception as error:  # the edge: whatever happened, the client gets an answer and the log gets the rest
            body = encoded({"errors": entries(error, request_id(request.scope))})
            return _written(body, status(error), media or JSON, _headers(error))

    async def _answer(self, request: Request) -> Answer:
        actor = await authenticate(self.crm, request)
        call = Call(self.crm, actor, request_id(request.scope))
        parameters = from_query_string(request.query_params) if request.method == "GET" else from_body(await self._body(request))
        return await self._execute(parameters, call, request.method)

    def _check_head(self, request: Request) -> None:
        if request.method not in ("GET", "POST"):
            raise Fault("GraphQL is asked by POST, and queries also by GET", 405, ALLOW)
        if request.method == "GET":
            return
        if not is_json(request.headers.get("content-type")):
            raise Fault("the body must be application/json in UTF-8", 415, {"Accept-Post": JSON})
        if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise Fault("compressed bodies are not read", 415, {"Accept-Encoding": "identity"})
        length = request.headers.get("content-length", "")
        if length.isdecimal() and (len(length) > 15 or int(length) > self.crm.settings.limits.body):
            raise self._too_large()

    async def _body(self, request: Request) -> bytes:
        """The body, read no further than the limit: the rest is thrown away by the server without being kept."""
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self.crm.settings.limits.body:
                raise self._too_large()
        return bytes(body)

    def _too_large(self) -> Fault:
        return Fault(f"the body is larger than {self.crm.settings.limits.body} bytes; files go by signed URLs", 413)

    async def _execute(self, parameters: Parameters, call: Call, method: str) -> Answer:
        try:
            prepared = self.engine.prepare(parameters)
            if prepared.kind is OperationType.SUBSCRIPTION:
                raise Refused("subscriptions are answered over WebSocket, with the protocol graphql-transport-ws")
            if prepared.kind is OperationType.MUTATION and method == "GET":
                raise Fault("mutations are sent by POST", 405, {"Allow": "POST"})
            return await self.engine.execute(prepared, parameters, call)
        except Fault:
            raise
        except (GraphQLError, Unprocessable, Refused) as error:
            return refused(error, call.request_id or "")

    def _response(self, answer: Answer, media: str) -> Response:
        failed = not answer.executed and media == GRAPHQL  # application/json says 200 to whatever was well-formed HTTP
        return _written(answer.encoded(), 400 if failed else 200, media)


def _headers(error: Exception) -> Mapping[str, str]:
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, Fault):
        return error.headers
    return {"Retry-After": "2"} if status(error) == 503 else {}


def _written(body: bytes, code: int, media: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, code, {**HEADERS, **(headers or {})}, f"{media}; charset=utf-8")
