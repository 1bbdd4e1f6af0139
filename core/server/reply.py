"""An answer of one piece, which needs no more than one write."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

Header = tuple[bytes, bytes]


@dataclass(slots=True)
class Reply:
    """Status, headers and body. The length of the body is no header here: whoever sends it says it."""

    status: int
    headers: tuple[Header, ...]
    body: bytes
    more: Sequence[Header] = ()  # headers of this very answer, where the others are the same for many

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, as an ASGI app."""
        headers = [(b"content-length", b"%d" % len(self.body)), *self.headers, *self.more]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})
