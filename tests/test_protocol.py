"""Clients that take their time, and heads that no parser should see. The times are short here, and real."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from core.server import process
from core.server.protocol import BoundedProtocol
from tests.wire import on_a_port


class Impatient(BoundedProtocol):
    head_seconds = 0.4
    body_seconds = 0.6


class Patient(BoundedProtocol):
    head_seconds = 5.0


async def echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def early(request: Request) -> Response:
    return PlainTextResponse("early")


async def busy(request: Request) -> Response:
    await asyncio.sleep(1.0)
    return PlainTextResponse(str(len(await request.body())))


APP = Starlette(routes=[Route(path, does, methods=["GET", "POST"]) for path, does in (("/", echo), ("/early", early), ("/busy", busy))])
LATE = b"HTTP/1.1 408 Request Timeout"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with on_a_port(APP, Impatient) as port:
        yield port


async def talk(port: int, *pieces: bytes, pause: float = 0.0, limit: float = 30.0) -> tuple[bytes, float]:
    """Send piece by piece, and give all that came back until the server closed, and how long that took. TimeoutError after `limit`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    started = time.perf_counter()

    async def send() -> None:
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
        except ConnectionError:
            pass

    sending = asyncio.create_task(send())
    received = b""
    try:
        async with asyncio.timeout(limit):
            while chunk := await reader.read(65_536):
                received += chunk
    except ConnectionError:
        pass
    finally:
        sending.cancel()
        writer.close()
    return received, time.perf_counter() - started


async def test_a_head_that_comes_a_byte_at_a_time_is_dropped(port):
    received, _ = await talk(port, *[bytes([one]) for one in b"GET / HTTP/1.1\r\nHost: house\r\nX-A: " + b"b" * 2_000], pause=0.05)
    assert received.startswith(LATE)


async def test_a_connection_that_says_nothing_is_dropped(port):
    received, _ = await talk(port)
    assert received.startswith(LATE)


async def test_a_body_that_comes_a_byte_at_a_time_is_dropped(port):
    head = b"POST / HTTP/1.1\r\nHost: house\r\nContent-Length: 100\r\n\r\n"
    received, _ = await talk(port, head, *[b"x"] * 99, pause=0.05)
    assert received.startswith(LATE)


async def test_a_body_that_nobody_waits_for_is_dropped_too(port):
    head = b"POST /early HTTP/1.1\r\nHost: house\r\nContent-Length: 100\r\n\r\n"
    received, _ = await talk(port, head, *[b"x"] * 99, pause=0.05)
    assert received.startswith(b"HTTP/1.1 200 OK")
    assert LATE not in received


async def test_a_second_request_of_a_connection_is_bounded_as_the_first(port):
    whole = b"GET / HTTP/1.1\r\nHost: house\r\n\r\n"
    received, _ = await talk(port, whole, *[b"G", b"E", b"T", b" ", b"/"] * 10, pause=0.05)
    assert received.startswith(b"HTTP/1.1 200 OK")
    assert LATE in received


async def test_a_server_that_takes_its_time_drops_nobody(port):
    body = b"x" * 500_000  # more than is kept before the app reads
    head = b"POST /busy HTTP/1.1\r\nHost: house\r\nConnection: close\r\nContent-Length: 500000\r\n\r\n"
    received, _ = await talk(port, head, body)
    assert received.startswith(b"HTTP/1.1 200 OK")
    assert received.endswith(b"500000")


async def test_a_large_body_may_take_longer_as_long_as_it_moves(port):
    head = b"POST / HTTP/1.1\r\nHost: house\r\nConnection: close\r\nContent-Length: 10485760\r\n\r\n"
    received, seconds = await talk(port, head, *[b"x" * 1_048_576] * 10, pause=0.1)
    assert received.endswith(b"10485760")
    assert seconds > Impatient.body_seconds


async def test_others_are_served_while_slow_ones_wait():
    async with on_a_port(APP, Patient) as port:
        slow = [asyncio.create_task(talk(port, b"GET / HTTP/1.1\r\n")) for _ in range(200)]
        received, _ = await talk(port, b"GET /early HTTP/1.1\r\nHost: house\r\nConnection: close\r\n\r\n")
        assert received.endswith(b"early")
        assert not any(one.done() for one in slow)
        assert all(answer.startswith(LATE) for answer, _ in await asyncio.gather(*slow))


async def test_a_head_without_end_is_refused_by_its_size(port):
    received, _ = await talk(port, b"GET / HTTP/1.1\r\n", *[b"X-A: " + b"b" * 10_000 + b"\r\n"] * 10)
    assert received.startswith(b"HTTP/1.1 431 ")


async def test_a_length_beside_chunks_is_refused(port):
    head = b"POST / HTTP/1.1\r\nHost: house\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    received, _ = await talk(port, head + b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b"HTTP/1.1") == 1


async def test_a_connection_that_is_idle_is_closed_in_time_and_not_before(monkeypatch):
    monkeypatch.setattr(process, "KEEP_ALIVE", 2)
    whole = b"GET / HTTP/1.1\r\nHost: house\r\n\r\n"
    async with on_a_port(APP, Impatient) as port:
        received, _ = await talk(port, whole, whole, whole, pause=1.2)
    assert received.count(b"HTTP/1.1 200 OK") == 3
    assert LATE not in received


async def test_the_rest_of_a_body_that_comes_after_the_answer_leaves_the_connection_open(port):
    head = b"POST /early HTTP/1.1\r\nHost: house\r\nContent-Length: 10\r\n\r\n"
    received, _ = await talk(port, head, b"x" * 5, b"x" * 5, b"GET / HTTP/1.1\r\nHost: house\r\nConnection: close\r\n\r\n", pause=0.1)
    assert received.count(b"HTTP/1.1 200 OK") == 2


async def test_an_answer_of_one_piece_is_one_write(monkeypatch, port):
    written: list[bytes] = []

    class Counting:
        def __init__(self, transport: asyncio.Transport) -> None:
            self._transport = transport

        def write(self, data: bytes) -> None:
            written.append(data)
            self._transport.write(data)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._transport, name)

    made = BoundedProtocol.connection_made
    monkeypatch.setattr(BoundedProtocol, "connection_made", lambda self, transport: made(self, Counting(transport)))  # type: ignore[arg-type]
    await talk(port, b"GET / HTTP/1.1\r\nHost: house\r\nConnection: close\r\n\r\n")
    assert len(written) == 1


async def test_a_header_that_would_be_two_is_not_sent():
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"1\r\nx-b: 2"), (b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    async with on_a_port(app) as port:
        received, _ = await talk(port, b"GET / HTTP/1.1\r\nHost: house\r\n\r\n")
    assert received == b""


async def test_a_long_answer_of_unknown_length_comes_in_chunks():
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for body, more in ((b"one", True), (b"", True), (b"two", False)):
            await send({"type": "http.response.body", "body": body, "more_body": more})

    async with on_a_port(app) as port:
        received, _ = await talk(port, b"GET / HTTP/1.1\r\nHost: house\r\nConnection: close\r\n\r\n")
        nothing, _ = await talk(port, b"HEAD / HTTP/1.1\r\nHost: house\r\nConnection: close\r\n\r\n")
    assert received.endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    assert nothing.startswith(b"HTTP/1.1 200 OK")
    assert nothing.endswith(b"\r\n\r\n")


async def test_no_answer_names_the_software(port):
    received, _ = await talk(port, b"GET / HTTP/1.1\r\nHost: house\r\nConnection: close\r\n\r\n")
    assert b"server:" not in received.lower()
