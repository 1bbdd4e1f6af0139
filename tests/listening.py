"""Whoever listens to a house over a WebSocket or a stream of HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.house import Asker


@dataclass
class Ear:
    """One subscription over a WebSocket."""

    socket: ClientConnection

    async def hear(self, seconds: float = 5) -> Any:
        """The data of the next answer, which must have no errors."""
        message = await self.message(seconds)
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return next(iter(message["payload"]["data"].values()))

    async def message(self, seconds: float = 5) -> dict[str, Any]:
        """The next message."""
        return json.loads(await asyncio.wait_for(self.socket.recv(), seconds))


@asynccontextmanager
async def ear(address: str, asker: Asker, document: str, **variables: Any) -> AsyncIterator[Ear]:
    """A subscription that was sent to the server at `http://...`."""
    async with connect(f"ws{address[4:]}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")], max_queue=None) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": key(asker)}}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": document, "variables": variables}}))
        yield Ear(socket)


@dataclass
class Flow:
    """The events of a stream of HTTP: pairs of a name and its data; a comment has no name."""

    response: httpx.Response
    _lines: AsyncIterator[str]

    async def event(self, seconds: float = 5) -> tuple[str, Any]:
        """The next event that is no comment. Raises StopAsyncIteration at the end of the stream."""
        async with asyncio.timeout(seconds):
            name, data = "", ""
            while True:
                line = await anext(self._lines)
                field, _, value = line.partition(":")
                if field == "event":
                    name = value.strip()
                elif field == "data":
                    data += value.strip()
                elif not line and name:
                    return name, json.loads(data) if data else None

    async def hear(self) -> Any:
        """The data of the next answer, which must have no errors."""
        name, answer = await self.event()
        assert name == "next"
        assert "errors" not in answer, answer
        return next(iter(answer["data"].values()))


@asynccontextmanager
async def flow(address: str, asker: Asker, document: str, method: str = "POST", **variables: Any) -> AsyncIterator[Flow]:
    """An operation that is answered as a stream by the server at `http://...`."""
    headers = {"Authorization": key(asker), "Accept": "text/event-stream"}
    sent = {"query": document, "variables": variables}
    given: Any = {"json": sent} if method == "POST" else {"params": {**sent, "variables": json.dumps(variables)}}
    async with httpx.AsyncClient(timeout=20) as client, client.stream(method, f"{address}/graphql", headers=headers, **given) as response:
        yield Flow(response, response.aiter_lines())


def key(asker: Asker) -> str:
    """The value of the header by which it is known."""
    return asker.client.headers["Authorization"]


async def listened(house: Any, count: int = 1) -> None:
    """Wait until so many listen to the house."""
    async with asyncio.timeout(10):
        while len(house.crm.stream) < count:  # noqa: ASYNC110  # the server tells nobody that somebody listens
            await asyncio.sleep(0.01)
