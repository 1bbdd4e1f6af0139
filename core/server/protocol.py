"""HTTP as uvicorn speaks it, with an end to waiting: a client that sends a byte a second is not served for ever."""

import asyncio
from asyncio.events import TimerHandle
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
BODY_STEP = 1_048_576  # a long upload is fine, as long as each of its mebibytes arrives in time
HEAD_BYTES = 65_536


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose head or body does not arrive in time, or whose head is too large.

    The time of a head runs from its first byte, or from the connection itself; between two requests of a connection
    uvicorn's own time for keeping it alive runs.
    """

    head_seconds = HEAD_SECONDS
    body_seconds = BODY_SECONDS

    _timer: TimerHandle | None = None
    _in_head = True
    _head = 0
    _arrived = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head, and hand it on."""
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > HEAD_BYTES and not self.transport.is_closing():
            self._refuse(b"431 Request Header Fields Too Large")

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to the protocol of sockets, which has its own times."""
        self._stop()
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._begin_head()

    def on_headers_complete(self) -> None:
        """The head is complete, and a body may follow."""
        self._in_head = False
        self._head = self._arrived = 0
        self._wait(self.body_seconds, self._late_body)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body has come."""
        self._arrived += len(body)
        if self._arrived >= BODY_STEP:
            self._arrived = 0
            self._wait(self.body_seconds, self._late_body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._stop()
        super().on_message_complete()

    def _begin_head(self) -> None:
        self._in_head, self._head = True, 0
        self._wait(self.head_seconds, self._late_head)

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
        self._stop()
        self._timer = self.loop.call_later(seconds, late)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
