"""An app on a port of its own, in the loop of the test: for what only a real connection shows."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence

import uvicorn
from starlette.types import ASGIApp

from core.server.process import config
from core.server.protocol import BoundedProtocol
from core.settings import Server


@contextlib.asynccontextmanager
async def on_a_port(app: ASGIApp, protocol: type[BoundedProtocol] = BoundedProtocol, proxies: Sequence[str] = ()) -> AsyncIterator[int]:
    """The port at which the app answers inside the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    settings = config(app, Server(proxies=tuple(proxies)))
    settings.http = protocol
    server = _Server(settings)
    running = asyncio.create_task(server._serve([listener]))  # not serve(): the signals belong to pytest
    await server.ready.wait()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await running


class _Server(uvicorn.Server):
    def __init__(self, settings: uvicorn.Config) -> None:
        super().__init__(settings)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()
