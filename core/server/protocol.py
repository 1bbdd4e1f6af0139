"""HTTP as uvicorn speaks it, with an end to waiting: a client that sends a byte a second is not served for ever."""

import asyncio
from asyncio.events import TimerHandle
from collections.abc import Callable
from inspect import isawaitable
from math import inf
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from core.server.cycle import Cycle
from core.server.reply import Reply

HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
BODY_STEP = 1_048_576  # a long upload is fine, as long as each of its mebibytes arrives in time
HEAD_BYTES = 65_536


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose head or body does not arrive in time, or whose head is too large.

    The time of a head runs from its first byte, or from the connection itself; between two requests of a connection
    uvicorn's own time for keeping it alive runs. Times are kept as numbers: a timer is set only where one ends before
    the timer that runs, which is once in some ten seconds and not some times in a request.
    """

    app: ASGI3Application  # type: ignore[assignment]  # for uvicorn any of those that it wraps apps in; all of them are called alike
    head_seconds = HEAD_SECONDS
    body_seconds = BODY_SECONDS

    _at_once: Callable[..., Any] | None = None
    _waits: Cycle | None = None  # a request of which more may be among the bytes that are read just now
    _timer: TimerHandle | None = None
    _due = inf  # when the timer looks at the time
    _end = inf  # when it is too late
    _late: Callable[[], None] | None = None  # what then happens; None while nothing is waited for
    _in_head = True
    _head = 0
    _arrived = 0
    _url = b""
    _place = "", b"", b""  # path, raw path and query of it; the requests of a connection mostly go to one place

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._at_once = getattr(self.config.app, "at_once", None)
        self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head, and hand it on."""
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        if self._waits is not None:  # for the rest of it, which may take a while
            self._waits.start(self.app)
            self._waits = None
        if self._in_head and self._head > HEAD_BYTES and not self.transport.is_closing():
            self._refuse(b"431 Request Header Fields Too Large")

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to the protocol of sockets, which has its own times."""
        self._forget()
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._begin_head()

    def on_headers_complete(self) -> None:
        """The head is complete, and a body may follow: let the app answer, or wait until it has answered the request before."""
        self._in_head = False
        self._head = self._arrived = 0
        self._wait(self.body_seconds, self._late_body)
        parser, scope = self.parser, self.scope
        assert parser
        version = parser.get_http_version()
        scope["method"] = parser.get_method().decode("ascii")
        if version != "1.1":
            scope["http_version"] = version
        if parser.should_upgrade() and self._should_upgrade():
            return
        if self.url != self._url:
            self._url, self._place = self.url, _place(self.url)
        scope["path"], scope["raw_path"], scope["query_string"] = self._place
        before, cycle = self.cycle, Cycle(self, version != "1.0" and parser.should_keep_alive())
        self.cycle = cycle
        if before is not None and not before.response_complete:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))
        elif self._at_once is None:
            cycle.start(self.app)
        else:
            self._waits = cycle

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        assert isinstance(cycle, Cycle)
        cycle.start(app)

    def on_body(self, body: bytes) -> None:
        """A part of the body has come."""
        self._arrived += len(body)
        if self._arrived >= BODY_STEP:
            self._arrived = 0
            self._wait(self.body_seconds, self._late_body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete; when it was answered before that, the connection is idle only now."""
        self._rest()
        super().on_message_complete()
        if self._waits is not None:
            self._begin(self._waits)
        elif self.cycle is not None and self.cycle.response_complete:
            self._idle()

    def on_response_complete(self) -> None:
        """Go on with what waits, else keep the connection for another request."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._late is None:  # else a body still comes, or the next head
            self._idle()

    def _begin(self, cycle: Cycle) -> None:
        """Answer a request that came in one go: at once, if the app can, or else in a task."""
        self._waits = None
        found = None
        if self._at_once is not None and not self.flow.write_paused:
            found = self._at_once(cycle.scope, bytes(cycle.body))
        if isinstance(found, Reply):
            cycle.reply(found)
        elif isawaitable(found):
            cycle.reply_later(found)
        else:
            cycle.start(found or self.app)

    def _begin_head(self) -> None:
        self._in_head, self._head = True, 0
        self._wait(self.head_seconds, self._late_head)

    def _idle(self) -> None:
        self._wait(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _late_head(self) -> None:
        self._refuse(b"408 Request Timeout")

    def _late_body(self) -> None:
        if self.flow.read_paused:  # we are the ones who do not read
            self._wait(self.body_seconds, self._late_body)
        elif self.cycle is None or self.cycle.response_started:
            self.transport.close()
        else:
            self._refuse(b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        busy = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if not busy:  # in the middle of an answer, another would be taken for a part of it
            self.transport.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()

    def _wait(self, seconds: float, late: Callable[[], None]) -> None:
        self._late = late
        self._end = self.loop.time() + seconds
        if self._end < self._due:
            self._set_timer()

    def _rest(self) -> None:
        """Wait for nothing. The timer runs on, and will see that."""
        self._late, self._end = None, inf

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = self._end
        self._timer = self.loop.call_at(self._end, self._look)

    def _look(self) -> None:
        """See whether something is late, at the time that was the end of it when the timer was set."""
        self._timer, self._due = None, inf
        if self._late is None:
            return
        if self.loop.time() < self._end:
            self._set_timer()
            return
        late = self._late
        self._rest()
        late()

    def _forget(self) -> None:
        self._rest()
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._due = None, inf


def _place(url: bytes) -> tuple[str, bytes, bytes]:
    """The path, the path as it came, and the query."""
    parsed = httptools.parse_url(url)
    path = parsed.path.decode("ascii")
    return unquote(path) if "%" in path else path, parsed.path, parsed.query or b""
