"""Connections that go to public addresses only, whatever a name stands for by then.

A name is looked up once, all that it stands for is checked, and the connection goes to a checked address: so an answer that is another
one the next time (DNS rebinding) has no next time. TLS and the header Host go by the name.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import httpcore

from plugins.webhooks.addresses import refused
from plugins.webhooks.settings import Network, Settings

KEPT_OPEN = 8  # connections that wait for the next request of the same batch

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class NotPublic(httpcore.ConnectError):
    """The name stands for no address, or for one that must not be connected to. Which it is would tell of inner names."""


class Public(httpcore.AsyncNetworkBackend):
    """Opens connections for httpcore."""

    def __init__(self, allowed: Sequence[Network], resolve: Resolve) -> None:
        self._allowed, self._resolve = allowed, resolve
        self._inner: httpcore.AsyncNetworkBackend = httpcore.AnyIOBackend()  # type: ignore[assignment]  # a stand-in where anyio is not

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore has it so
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first address of this name that takes one. Raises NotPublic."""
        addresses = await self._resolve(host, port)
        # One that is mixed with public ones is there for no good.
        if not addresses or any(refused(one, self._allowed) for one in addresses):
            raise NotPublic
        last: Exception = NotPublic()
        for address in addresses:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Never."""
        raise NotPublic

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


async def resolved(host: str, port: int) -> Sequence[str]:
    """The addresses that the system finds for a name, the best first."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def pool(settings: Settings, resolve: Resolve = resolved) -> httpcore.AsyncConnectionPool:
    """Connections for the requests of one batch. It knows no proxies, and follows no redirects."""
    return httpcore.AsyncConnectionPool(
        max_keepalive_connections=KEPT_OPEN, keepalive_expiry=5.0, network_backend=Public(settings.networks, resolve)
    )
