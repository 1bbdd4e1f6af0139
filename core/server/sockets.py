"""WebSockets as uvicorn speaks them, closed with the code of a server that goes away when it stops."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

GOING_AWAY = 1001
CLOSING = 2.0  # seconds in which the client may say that it has heard


class Sockets(WebSocketsSansIOProtocol):
    """A WebSocket. A client that reads 1001 opens another one elsewhere, and subscribes again to what was not completed."""

    def shutdown(self) -> None:
        """Close it, since the server stops. The connection is kept until the client answers, else what was written last could be lost."""
        if self.close_sent or not self.handshake_complete or self.transport.is_closing():
            super().shutdown()
            return
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": GOING_AWAY})
        self.conn.send_close(GOING_AWAY, "The server stops")
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(CLOSING, self.transport.close)
