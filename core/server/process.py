"""The process that serves an app: uvicorn, with times and sizes that suit the open net."""

import asyncio
import gc
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp
from uvicorn.loops.auto import auto_loop_factory as loop_factory

from core.crm import CRM
from core.errors import StartError
from core.server.protocol import BoundedProtocol
from core.server.services import services

FRAME = 65_536  # of a WebSocket
KEEP_ALIVE = 20
BACKLOG = 2048
GRACE = 30  # after this, what still runs when the server is told to stop is cancelled
PING = 20.0

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
    "root": {"level": "INFO", "handlers": ["stderr"]},
    "loggers": {
        # uvicorn tells of each step of its start; the one line that matters comes from the command
        "uvicorn.error": {"level": "WARNING"},
        "uvicorn.access": {"level": "WARNING", "handlers": []},
        "asyncio": {"level": "WARNING"},
        "tortoise": {"level": "WARNING"},
    },
}


def run(app: Starlette, host: str, port: int, ready: Callable[[str], object]) -> None:
    """Serve until SIGTERM or SIGINT, then finish what has begun. `ready` hears the URL once requests are answered.

    Raises StartError when the address is taken or the house cannot start.
    """
    gc.disable()  # what a start makes stays for good: looking through it again and again would only cost time
    with _listening(host, port) as listener, asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(app, listener, ready))


def config(app: ASGIApp, proxies: Sequence[str] = ()) -> uvicorn.Config:
    """How uvicorn serves an app for us. What `proxies` say of a client is believed, and what others say is not."""
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="websockets-sansio",
        ws_max_size=FRAME,
        ws_ping_interval=PING,
        ws_ping_timeout=PING,
        lifespan="off",
        log_config=LOGGING,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=[*proxies],  # given also when empty: otherwise a variable of the environment would count
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
    )


async def _serve(app: Starlette, listener: socket.socket, ready: Callable[[str], object]) -> None:
    server = _Server(config(app, app.state.crm.settings.server.proxies))
    # The lifespan is entered here and not by uvicorn, so that a failing start ends in its own sentence.
    async with app.router.lifespan_context(app), _background(app.state.crm):
        host, port = listener.getsockname()[:2]
        server.greet = lambda: ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
        await server.serve([listener])


def _background(crm: CRM) -> AbstractAsyncContextManager[None]:
    return services(crm) if crm.settings.jobs.in_server else nullcontext()


class _Server(uvicorn.Server):
    """Stops on a signal and returns, so that the house is closed too; uvicorn would raise the signal again."""

    greet: Callable[[], object]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.freeze()
        gc.enable()
        self.greet()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def _listening(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(found[4][:2], family=found[0], backlog=BACKLOG)
    except OSError as error:
        raise StartError(f"cannot listen at {host}, port {port}: {error.strerror or error}") from error
