"""Subscriptions over HTTP: server-sent events, as GraphQL over SSE has them with a connection for each operation.

See https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md#distinct-connections-mode for the events `next` and `complete`.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Hashable
from contextlib import aclosing

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from core.auth import authenticate
from core.crm import Call
from core.errors import Refused, Unauthenticated
from core.stream import Leaving
from schema.errors import Fault, entries
from schema.operations.answers import Answer
from schema.operations.documents import Prepared
from schema.operations.execution import Engine, refused
from schema.transport.media import EVENTS
from schema.transport.parameters import Parameters

log = logging.getLogger(__name__)

SECONDS_BETWEEN_CHECKS = 5.0
SECONDS_BETWEEN_SIGNS = 12.0  # of life: proxies close what is silent for long
SECONDS_TO_TAKE = 20.0  # an event, until the client is given up
HEADERS = (
    (b"content-type", f"{EVENTS}; charset=utf-8".encode()), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no"),
    (b"vary", b"Accept"), (b"x-content-type-options", b"nosniff"),
)  # fmt: skip


class Streams:
    """The streams that are open, counted for each client."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._open: Counter[Hashable] = Counter()

    def begin(self, prepared: Prepared, parameters: Parameters, call: Call) -> ASGIApp:
        """The answer to a subscription, as an app. Raises Fault when the client has too many of them."""
        client, limit = call.actor.key_id or call.actor.user_id or call.actor.name, self.engine.crm.settings.limits.subscriptions
        if self._open[client] >= limit:
            raise TooMany(f"more than {limit} streams at once; end some", 429)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            self._open[client] += 1
            try:
                await _Stream(self.engine, call, scope, send).run(prepared, parameters, receive)
            finally:
                self._open[client] -= 1
                if not self._open[client]:
                    del self._open[client]

        return app


class TooMany(Fault):
    """More streams at once than one client may have."""

    code = "RATE_LIMITED"


class _Stream:
    """One answer that goes on."""

    def __init__(self, engine: Engine, call: Call, scope: Scope, send: Send) -> None:
        self._engine, self._call, self._scope, self._send = engine, call, scope, send
        self._gone: Refused | None = None

    async def run(self, prepared: Prepared, parameters: Parameters, receive: Receive) -> None:
        """Answer until the operation ends, the client goes, or nobody knows it any more."""
        await self._send({"type": "http.response.start", "status": 200, "headers": [*HEADERS]})
        await self._write(b":\n\n")  # so that the head leaves at once
        telling = asyncio.create_task(self._tell(prepared, parameters))
        others = [asyncio.create_task(_left(receive)), asyncio.create_task(self._check())]
        try:
            await asyncio.wait({telling, *others}, return_when=asyncio.FIRST_COMPLETED)
            if others[0].done():
                return  # nobody is there to read the rest
            if telling.done():
                telling.result()
            else:
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)
                assert self._gone
                await self._next(refused(self._gone, self._call.request_id or ""))
                await self._write(_COMPLETE)
            await self._write(b"", more=False)
        except TimeoutError:
            log.info("%s stream given up: the client takes nothing", self._call.request_id)
        finally:
            for task in (telling, *others):
                task.cancel()
            await asyncio.gather(telling, *others, return_exceptions=True)

    async def _tell(self, prepared: Prepared, parameters: Parameters) -> None:
        try:
            async with aclosing(self._engine.stream(prepared, parameters, self._call)) as answers:
                waiting = asyncio.ensure_future(anext(answers, None))
                try:
                    while True:
                        await asyncio.wait({waiting}, timeout=SECONDS_BETWEEN_SIGNS)
                        if not waiting.done():
                            await self._write(b":\n\n")
                            continue
                        if (answer := waiting.result()) is None:
                            break
                        await self._next(answer)
                        waiting = asyncio.ensure_future(anext(answers, None))
                finally:
                    waiting.cancel()
                    await asyncio.gather(waiting, return_exceptions=True)
        except Leaving:
            return  # without the event `complete`: the client comes again
        except TimeoutError:
            raise
        except Exception as error:  # the edge: whatever a resolver or a source of events raised ends this stream only
            await self._next(Answer({"errors": entries(error, self._call.request_id or "")}))
        await self._write(_COMPLETE)

    async def _check(self) -> None:
        """Ask again who is there, until nobody is."""
        assert self._call.present
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_CHECKS)
            try:
                self._call.present.actor = await authenticate(self._engine.crm, HTTPConnection(self._scope))
            except Unauthenticated as error:
                self._gone = error
                return
            except Exception as error:  # an outage ends no stream; the next round asks again
                entries(error, self._call.request_id or "")

    async def _next(self, answer: Answer) -> None:
        await self._write(_next(answer))

    async def _write(self, body: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(SECONDS_TO_TAKE):
            await self._send({"type": "http.response.body", "body": body, "more_body": more})


def as_events(answer: Answer) -> bytes:
    """A whole answer as events."""
    return _next(answer) + _COMPLETE


def _next(answer: Answer) -> bytes:
    return b"event: next\ndata: %s\n\n" % answer.encoded()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


_COMPLETE = b"event: complete\ndata:\n\n"
