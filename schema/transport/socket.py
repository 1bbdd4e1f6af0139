"""Subscriptions over WebSocket: the protocol graphql-transport-ws, and no other.

See https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md for the messages and the codes of closing.
"""

import asyncio
import json
import logging
from contextlib import aclosing
from typing import Any

from graphql import OperationType
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from core.access.origins import same_origin
from core.auth import authenticate
from core.crm import Call, Present
from core.errors import Forbidden, Refused, Unauthenticated
from core.server.outages import outage
from core.server.requests import request_id
from core.stream import Leaving, TooSlow
from schema.errors import Fault, entries
from schema.operations.answers import Answer
from schema.operations.execution import Engine
from schema.transport.parameters import Parameters, checked, read

log = logging.getLogger(__name__)

PROTOCOL = "graphql-transport-ws"
FRAME = 65_536
LONGEST_ID = 200
SECONDS_TO_BEGIN = 5.0
SECONDS_BETWEEN_CHECKS = 5.0
SECONDS_TO_TAKE = 20.0  # a message, until the client is given up: so long what it is sent waits in its buffer


class _Closed(Exception):
    """The client broke the protocol: the socket is closed with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Socket:
    """One connection: who is at the other end, and what it is subscribed to."""

    def __init__(self, engine: Engine, websocket: WebSocket, seconds_to_begin: float = SECONDS_TO_BEGIN) -> None:
        self._engine = engine
        self._websocket = websocket
        self._request_id = request_id(websocket.scope)
        self._seconds_to_begin = seconds_to_begin
        self._token: str | None = None
        self._present: Present | None = None
        self._given_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._watch: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve the connection until either side closes it."""
        if refusal := self._refusal():
            log.info("%s socket refused: %s", self._request_id, refusal)
            await self._websocket.close()  # before it is accepted: the server answers 403
            return
        await self._websocket.accept(PROTOCOL)
        listening = asyncio.create_task(self._listen())
        try:
            await asyncio.wait({listening, self._given_up}, return_when=asyncio.FIRST_COMPLETED)
            listening.cancel()
            await listening
        except _Closed as closed:
            await self._close(closed.code, closed.reason)
        except WebSocketDisconnect:
            pass
        except asyncio.CancelledError:
            if not self._given_up.done():
                raise
        finally:
            await self._stop(listening)

    def _refusal(self) -> str | None:
        """Why the handshake is refused. A page of another site may not speak through its visitor's browser."""
        origin, listed = self._websocket.headers.get("origin"), self._engine.crm.settings.server.origins
        if origin is not None and origin not in listed and not same_origin(self._websocket):
            return "the page is of a site that is not listed in [server] origins"
        if PROTOCOL not in self._websocket.scope.get("subprotocols", ()):
            return f"the client does not speak {PROTOCOL}"
        return None

    async def _listen(self) -> None:
        try:
            async with asyncio.timeout(self._seconds_to_begin):
                while self._present is None:
                    await self._handle(await self._receive())
        except TimeoutError:
            raise _Closed(4408, "Connection initialisation timeout") from None
        self._watch = asyncio.create_task(self._check())
        while True:
            await self._handle(await self._receive())

    async def _receive(self) -> dict[str, Any]:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        text = message.get("text")
        if text is None:
            raise _Closed(4400, "Messages are text")
        if len(text) > FRAME:
            raise _Closed(1009, "Message too big")
        try:
            found = read(text, "the message")
        except Fault:
            raise _Closed(4400, "Messages are JSON") from None
        if not isinstance(found, dict):
            raise _Closed(4400, "Messages are JSON objects")
        return found

    async def _handle(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "connection_init":
                await self._begin(message.get("payload"))
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                await self._subscribe(_id(message), message.get("payload"))
            case "complete":
                if task := self._operations.pop(_id(message), None):
                    task.cancel()
            case _:
                raise _Closed(4400, "Unknown type of message")

    async def _begin(self, payload: Any) -> None:
        if self._present is not None:
            raise _Closed(4429, "Too many initialisation requests")
        if not isinstance(payload, dict | None):
            raise _Closed(4400, "The payload must be an object")
        self._token = _token(payload or {})
        try:
            self._present = Present(await authenticate(self._engine.crm, self._websocket, self._token))
        except (Unauthenticated, Forbidden):
            raise _Closed(4403, "Forbidden") from None
        except Exception as error:  # the edge: logged and masked as everywhere
            entries(error, self._request_id)
            raise _Closed(1013 if outage(error) else 1011, "Try again later") from None
        await self._send({"type": "connection_ack"})

    async def _check(self) -> None:
        """Ask again who is there, since a key may be revoked and a role may change while the socket stays open."""
        assert self._present
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_CHECKS)
            try:
                self._present.actor = await authenticate(self._engine.crm, self._websocket, self._token)
            except (Unauthenticated, Forbidden):
                await self._close(4403, "Forbidden")
                return
            except Exception as error:  # an outage ends no session; the next round asks again
                entries(error, self._request_id)

    async def _subscribe(self, name: str, payload: Any) -> None:
        if self._present is None:
            raise _Closed(4401, "Unauthorized")
        if name in self._operations:
            raise _Closed(4409, "Subscriber already exists")
        limit = self._engine.crm.settings.limits.subscriptions
        try:
            if len(self._operations) >= limit:
                raise TooMany(f"more than {limit} operations at once on one socket; complete some, or open another")
            self._engine.crm.rates.meter(self._present.actor).ask()
            parameters = self._engine.persisted.resolved(checked(payload))
        except Refused as error:
            await self._fail(name, error)
            return
        call = Call(self._engine.crm, self._present.actor, self._request_id, present=self._present)
        self._operations[name] = asyncio.create_task(self._operate(name, parameters, call))

    async def _operate(self, name: str, parameters: Parameters, call: Call) -> None:
        try:
            prepared = self._engine.prepare(parameters)
            if prepared.kind is OperationType.MUTATION:
                raise Refused("mutations are sent by POST, where an Idempotency-Key can protect them")
            self._engine.crm.rates.meter(call.actor).pay(prepared.cost)
            if prepared.kind is OperationType.QUERY:
                await self._next(name, await self._engine.execute(prepared, parameters, call))
            else:
                async with aclosing(self._engine.stream(prepared, parameters, call)) as answers:
                    async for answer in answers:
                        if not answer.executed:
                            await self._end(name, {"id": name, "type": "error", "payload": answer.body["errors"]})
                            return
                        await self._next(name, answer)
            await self._end(name, {"id": name, "type": "complete"})
        except WebSocketDisconnect:
            pass
        except TooSlow:
            await self._close(1013, "Too slow")
        except Leaving:
            await self._close(1012, "Service restart")
        except Exception as error:  # the edge: whatever a resolver or a source of events raised ends this operation only
            await self._fail(name, error)

    async def _next(self, name: str, answer: Answer) -> None:
        head = json.dumps({"id": name, "type": "next"}, separators=(",", ":"))
        await self._write(f'{head[:-1]},"payload":{answer.encoded().decode()}}}')

    async def _fail(self, name: str, error: Exception) -> None:
        await self._end(name, {"id": name, "type": "error", "payload": entries(error, self._request_id)})

    async def _end(self, name: str, message: dict[str, Any]) -> None:
        if self._operations.get(name) is asyncio.current_task():
            del self._operations[name]  # before the message, so that the id is free when the client reads it
        await self._send(message)

    async def _send(self, message: dict[str, Any]) -> None:
        await self._write(json.dumps(message, separators=(",", ":"), allow_nan=False))

    async def _write(self, text: str) -> None:
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnect(1000)
        try:
            async with asyncio.timeout(SECONDS_TO_TAKE):
                await self._websocket.send_text(text)
        except TimeoutError:  # its buffer is full, so nothing can be said to it any more
            log.info("%s socket given up: the client takes nothing", self._request_id)
            self._give_up()
            raise WebSocketDisconnect(1013) from None

    async def _close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(SECONDS_TO_TAKE):
                await self._websocket.close(code, reason)
        except TimeoutError:
            self._give_up()
        except (RuntimeError, WebSocketDisconnect):
            return  # closed already from the other side

    def _give_up(self) -> None:
        if not self._given_up.done():
            self._given_up.set_result(None)

    async def _stop(self, listening: asyncio.Task[None]) -> None:
        tasks = [listening, *self._operations.values(), *([self._watch] if self._watch else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class TooMany(Refused):
    """More operations at once than one socket may hold."""

    code = "RATE_LIMITED"


def _id(message: dict[str, Any]) -> str:
    name = message.get("id")
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_ID:
        raise _Closed(4400, "The id must be a short text")
    return name


def _token(payload: dict[str, Any]) -> str | None:
    given = next((value for name, value in payload.items() if name.lower() == "authorization"), None)
    if not isinstance(given, str):
        return None
    scheme, _, token = given.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else given.strip()
