"""The process that serves an app: uvicorn, with times and sizes that suit the open net."""

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp
from uvicorn.loops.auto import auto_loop_factory as loop_factory

from core.crm import CRM
from core.errors import StartError
from core.lifetime import UNWINDING
from core.logs import set_up
from core.server.protocol import BoundedProtocol
from core.server.services import services
from core.server.sockets import Sockets
from core.settings import Server

FRAME = 65_536  # of a WebSocket
KEEP_ALIVE = 20
BACKLOG = 2048
PING = 20.0
SERVER = Server()
SIGNALS = (signal.SIGINT, signal.SIGTERM, *((signal.SIGBREAK,) if sys.platform == "win32" else ()))


def run(app: Starlette, host: str, port: int, ready: Callable[[str], object]) -> None:
    """Serve until SIGTERM or SIGINT, then finish what has begun; a second signal ends the process at once.

    `ready` hears the URL once requests are answered.

    Raises StartError when the address is taken or the house cannot start.
    """
    set_up(app.state.crm.settings.log)
    gc.disable()  # what a start makes stays for good: looking through it again and again would only cost time
    with _listening(host, port) as listener, asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(app, listener, ready))


def config(app: ASGIApp, server: Server = SERVER) -> uvicorn.Config:
    """How uvicorn serves an app for us. What the proxies of the settings say of a client is believed, and what others say is not."""
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws=Sockets,
        ws_max_size=FRAME,
        ws_ping_interval=PING,
        ws_ping_timeout=PING,
        lifespan="off",
        log_config=None,  # core/logs.py sees to it
        access_log=False,
        server_header=False,
        proxy_headers=bool(server.proxies),
        forwarded_allow_ips=[*server.proxies],  # given also when empty: otherwise a variable of the environment would count
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=server.grace,  # type: ignore[arg-type]  # fractions are fine for what it waits by
    )


async def _serve(app: Starlette, listener: socket.socket, ready: Callable[[str], object]) -> None:
    server = _Server(app, app.state.crm)
    # The lifespan is entered here and not by uvicorn, so that a failing start ends in its own sentence.
    server.leave = app.state.crm.stream.end
    async with app.router.lifespan_context(app), _background(app.state.crm):
        host, port = listener.getsockname()[:2]
        server.greet = lambda: ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
        server.hear()
        await server._serve([listener])  # serve() would raise the signals again, before the house is closed


def _background(crm: CRM) -> AbstractAsyncContextManager[None]:
    return services(crm) if crm.settings.jobs.in_server else nullcontext()


class _Server(uvicorn.Server):
    """Stops on the first signal, so that the house is closed too; the second is left to the system, which ends the process."""

    greet: Callable[[], object]
    leave: Callable[[], object]

    def __init__(self, app: Starlette, crm: CRM) -> None:
        super().__init__(config(app, crm.settings.server))
        self._crm = crm

    def hear(self) -> None:
        """Stop when a signal comes."""
        self._loop = asyncio.get_running_loop()
        for one in SIGNALS:
            signal.signal(one, self.handle_exit)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        gc.freeze()
        gc.enable()
        self.greet()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nothing more, and finish what has begun."""
        await asyncio.sleep(self._crm.settings.server.drain)
        self.leave()  # who listens would otherwise be waited for
        await super().shutdown(sockets)
        if cancelled := self.server_state.tasks:
            await asyncio.wait(cancelled, timeout=UNWINDING)  # their transactions are undone while there is a database

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note that it is to stop; the event loop, which may be anywhere just now, is told."""
        for one in SIGNALS:
            signal.signal(one, signal.SIG_DFL)
        self.should_exit = True
        self._loop.call_soon_threadsafe(self._crm.lifetime.stop)


def _listening(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(found[4][:2], family=found[0], backlog=BACKLOG)
    except OSError as error:
        raise StartError(f"cannot listen at {host}, port {port}: {error.strerror or error}") from error
