"""An endpoint for webhooks, as somebody else would run one: it checks what arrives, keeps it, and answers as it is told."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook

Answer = Callable[["Message"], tuple[int, dict[str, str], bytes]]


@dataclass(frozen=True)
class Message:
    """A request that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The id of the event."""
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        """What it says."""
        return json.loads(self.body)

    def verified(self, secret: str) -> Any:
        """What it says, once the reference library has found its signature good. Raises WebhookVerificationError."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """The endpoint. `answer` may be changed at any time; `wanted` statuses come first, one for each request."""

    port: int = 0
    messages: list[Message] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    answer: Answer = lambda message: (200, {}, b"")

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def types(self) -> list[str]:
        """What happened, in the order in which it arrived."""
        return [one.json["type"] for one in self.messages]

    def take(self, message: Message) -> tuple[int, dict[str, str], bytes]:
        """Keep a message, and say what to answer."""
        self.messages.append(message)
        return (self.statuses.pop(0), {}, b"") if self.statuses else self.answer(message)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that listens while the block lasts."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            head = {name.lower(): value for name, value in self.headers.items()}
            status, headers, answer = receiver.take(Message(self.path, head, body))
            self.send_response(status)
            for name, value in {"content-length": str(len(answer)), **headers}.items():
                self.send_header(name, value)
            with suppress(OSError):  # who asked has read enough
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        receiver.port = server.server_port
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield receiver
        finally:
            server.shutdown()
