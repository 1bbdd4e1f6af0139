"""One request to an endpoint, and what came of it. Nothing that an answer says is followed, and what the log keeps of it is little."""

import asyncio
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpcore

from core import Invalid
from plugins.webhooks.addresses import target
from plugins.webhooks.connecting import NotPublic
from plugins.webhooks.settings import Settings

MOST_BYTES = 65_536  # of an answer, whose rest is not read
GONE = 410


@dataclass(frozen=True)
class Outcome:
    """What came of one try. `silent` is one that got no answer at all, `seconds` is how long it took."""

    status: int | None = None
    error: str | None = None
    answer: str | None = None
    seconds: float = 0.0
    silent: bool = False

    @property
    def delivered(self) -> bool:
        """Whether the endpoint has taken it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300


async def post(connections: httpcore.AsyncConnectionPool, settings: Settings, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
    """Send a body, and give what came of it within `[plugins.webhooks] timeout`."""
    began = time.monotonic()
    status: int | None = None
    try:
        async with asyncio.timeout(settings.timeout):
            where = target(url, settings)
            address = httpcore.URL(scheme=where.scheme, host=where.host, port=where.port, target=where.path)
            async with connections.stream("POST", address, headers=_head(where.host, where.port, headers, body), content=body) as response:
                status = response.status
                read = bytearray()
                async for piece in response.aiter_stream():
                    read += piece
                    if len(read) > MOST_BYTES:
                        break
    except (OSError, TimeoutError, Invalid, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
        seconds = time.monotonic() - began
        if status is not None and 200 <= status < 300:  # it has said that it took it; the rest of its answer does not matter
            return Outcome(status, seconds=seconds)
        return Outcome(status, _words(error, settings), None, seconds, silent=status is None)
    seconds = time.monotonic() - began
    if 200 <= status < 300:
        return Outcome(status, seconds=seconds)
    return Outcome(status, _refusal(status), _excerpt(bytes(read), settings.excerpt), seconds)


def _head(host: str, port: int, headers: Mapping[str, str], body: bytes) -> list[tuple[str, str]]:
    name = f"[{host}]" if ":" in host else host
    given = {"host": name if port in (80, 443) else f"{name}:{port}", "content-type": "application/json", "user-agent": "payvand-webhooks"}
    return [*given.items(), ("content-length", str(len(body))), *headers.items()]


def _words(error: Exception, settings: Settings) -> str:
    """What went wrong, in words of ours: those of a library may quote what a service of another kind says."""
    if isinstance(error, NotPublic):
        return "refused: not a public address, or no address at all"
    if isinstance(error, Invalid):
        return f"the URL {error.fields['url']}"
    if isinstance(error, TimeoutError | httpcore.TimeoutException):
        return f"no answer within {settings.timeout:.0f} s"
    if isinstance(error, httpcore.ProtocolError):
        return "what answers does not speak HTTP"
    cause = error if isinstance(error, ssl.SSLError) else error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {cause.verify_message}"[:200]
    if isinstance(cause, ssl.SSLError):
        return "no connection by TLS"
    return "the connection broke" if isinstance(error, httpcore.ReadError | httpcore.WriteError) else "no connection"


def _refusal(status: int) -> str:
    if 300 <= status < 400:
        return f"answered {status}; redirects are not followed, so write the URL to which it leads"
    return f"answered {status}"


def _excerpt(body: bytes, most: int) -> str | None:
    text = re.sub(r"[^\S\n]+|[\x00-\x09\x0b-\x1f\x7f]+", " ", body[: 4 * most].decode("utf-8", "replace"))
    return text[:most].strip() or None
