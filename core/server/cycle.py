"""One request and its answer, as uvicorn leads them, with less ado: the head of an answer leaves together with what follows it."""

import asyncio
import re
from collections.abc import Awaitable, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, cast

from starlette.types import ASGIApp
from uvicorn._types import ASGI3Application, ASGISendEvent, HTTPResponseBodyEvent, HTTPResponseStartEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from core.server.reply import Header, Reply

if TYPE_CHECKING:
    from core.server.protocol import BoundedProtocol

# Lines of a name and a value as uvicorn allows them, looked at in one go: when they are as many as the headers, none is hidden in another.
_LINES = re.compile(rb'(?:[^\x00-\x1f\x7f()<>@,;:\[\]={} \t\\"]*: [^\x00-\x08\x0a-\x1f\x7f]*\r\n)*')
_FRAMING = (b"content-length", b"transfer-encoding", b"connection")
_BODILESS = (204, 304)


class Cycle(RequestResponseCycle):
    """A request of a connection. An answer of one piece is one write, and so one call of the operating system."""

    access_log = False
    disconnected = False
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding: bool | None = None
    expected_content_length = 0
    task: asyncio.Task[None] | None = None

    _head = b""  # of the answer, until something follows

    def __init__(self, protocol: "BoundedProtocol", keep_alive: bool) -> None:
        self.scope = protocol.scope
        self.transport = protocol.transport
        self.flow = protocol.flow
        self.logger = protocol.logger
        self.tasks = protocol.tasks
        self.default_headers = protocol.server_state.default_headers
        self.message_event = asyncio.Event()
        self.on_response = protocol.on_response_complete
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = protocol.expect_100_continue
        self.body = bytearray()

    def start(self, app: ASGI3Application) -> None:
        """Let the app answer, in a task that the server knows of until it ends."""
        self.task = asyncio.get_running_loop().create_task(self.run_asgi(app))
        self.tasks.add(self.task)

    async def run_asgi(self, app: ASGI3Application) -> None:
        """Answer, whatever happens in the app."""
        try:
            await super().run_asgi(app)
        finally:
            assert self.task
            self.tasks.discard(self.task)

    def reply(self, reply: Reply) -> None:
        """Write a whole answer, to anything but HEAD."""
        if self.disconnected:
            return
        self.response_started = True
        closes = b"" if self.keep_alive else b"connection: close\r\n"
        lines = _lines((*self.default_headers,)) + _lines(reply.headers) + (_checked(reply.more) if reply.more else b"") + closes
        body = reply.body
        self.transport.write(b"%s%scontent-length: %d\r\n\r\n%s" % (STATUS_LINE[reply.status], lines, len(body), body))
        self.end()

    def reply_later(self, waiting: Awaitable[Reply | ASGIApp]) -> None:
        """Write a whole answer when it is there, or let the app answer that comes instead."""
        self.start(partial(self._replied, waiting))

    async def _replied(self, waiting: Awaitable[Reply | ASGIApp], *_: Any) -> None:
        found = await waiting
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if isinstance(found, Reply):
            self.reply(found)
        else:
            await found(cast(Any, self.scope), cast(Any, self.receive), cast(Any, self.send))

    async def send(self, message: ASGISendEvent) -> None:
        """Write a message of the app; the start of an answer waits for its first body, as ASGI wishes."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if self.response_complete:
            raise RuntimeError(f"Unexpected ASGI message '{message['type']}' sent, after response already completed.")
        if not self.response_started:
            if message["type"] != "http.response.start":
                raise RuntimeError(f"Expected ASGI message 'http.response.start', but got '{message['type']}'.")
            self._start(message)
        else:
            if message["type"] != "http.response.body":
                raise RuntimeError(f"Expected ASGI message 'http.response.body', but got '{message['type']}'.")
            self._go_on(message)

    def _start(self, message: HTTPResponseStartEvent) -> None:
        self.response_started = True
        self.waiting_for_100_continue = False
        status, closes = message["status"], False
        headers = [(name.lower(), value) for name, value in (*self.default_headers, *message.get("headers", ()))]
        for name, value in headers:
            if name in _FRAMING:
                closes |= self._framed(name, value)
        if not self.keep_alive and not closes:
            headers.append((b"connection", b"close"))
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in _BODILESS:
            self.chunked_encoding = True
            headers.append((b"transfer-encoding", b"chunked"))
        self._head = b"%s%s\r\n" % (STATUS_LINE[status], _checked(headers))

    def _framed(self, name: bytes, value: bytes) -> bool:
        """Heed a header that says where the answer ends; whether the connection ends with it."""
        if name == b"content-length" and self.chunked_encoding is None:
            self.expected_content_length = int(value)
            self.chunked_encoding = False
        elif name == b"transfer-encoding" and value.lower() == b"chunked":
            self.expected_content_length = 0
            self.chunked_encoding = True
        elif name == b"connection" and b"close" in [token.lower().strip() for token in value.split(b",")]:
            self.keep_alive = False
            return True
        return False

    def _go_on(self, message: HTTPResponseBodyEvent) -> None:
        body, more = message.get("body", b""), message.get("more_body", False)
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
            body = b""
        elif self.chunked_encoding:
            body = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
        elif len(body) > self.expected_content_length:
            raise RuntimeError("Response content longer than Content-Length")
        else:
            self.expected_content_length -= len(body)
        if self._head or body:
            self.transport.write(self._head + body)
            self._head = b""
        if not more:
            if self.expected_content_length != 0:
                raise RuntimeError("Response content shorter than Content-Length")
            self.end()

    def end(self) -> None:
        """The answer is complete."""
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


def _checked(headers: Sequence[Header]) -> bytes:
    """Headers as lines. Raises RuntimeError for what would not be one line each."""
    lines = b"".join([b"%s: %s\r\n" % header for header in headers])
    if lines.count(b"\n") != len(headers) or not _LINES.fullmatch(lines):
        raise RuntimeError("Invalid HTTP header.")
    return lines


_lines = lru_cache(maxsize=64)(_checked)  # of those that are the same again and again
