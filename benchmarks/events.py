"""What following the events costs: the writer, a consumer, and a thousand subscribers of one process.

- writer: one contact after the other is made, with nobody who follows, with a follower in this process, and on PostgreSQL with a NOTIFY in
  each transaction, which is what we do not do. The ratio to the first is taken within a round; median and extremes are told.
- consumer: events per second through a consumer that reads all there are, beside rows per second of the inserts that made them.
- subscribers: EVENTS_SUBSCRIBERS (1,000) WebSockets of one client to one server. From sending a mutation to reading the event, of all
  sockets; on a machine where client and server share the cores, the client's own work is in it. Memory is what the server grew by.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from multiprocessing import get_context
from pathlib import Path

import httpx
from tortoise import connections
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from core.crm import CRM, Call
from core.database import connect as opened
from core.models import Contact
from core.permissions import SYSTEM
from core.plugins import load
from core.records import store
from core.tail.consumers import Consumer
from core.tail.consuming import consuming
from core.tail.kept import KeptEvent
from tests.engines import engine, free_port
from tests.house import read_settings, write_settings
from tests.shell import Shell, serving

ROUNDS, WRITES, EVENTS, TURNS = 9, 150, 20_000, 30
SUBSCRIBERS = int(os.environ.get("EVENTS_SUBSCRIBERS", "1000"))
SUBSCRIPTION = 'subscription { events(where: {names: ["tag.created"]}) { id name recordId at changed cursor } }'


def main() -> None:
    """Print the figures of both databases."""
    for name in ("sqlite", "postgres"):
        with tempfile.TemporaryDirectory(prefix="payvand-events-") as place, engine(name) as database:
            folder, url, port = Path(place), database.create(), free_port()
            write_settings(folder, url, (), {"server": {"port": port}, "limits": {"requests_per_minute": 0, "cost_per_minute": 0}})
            shell = Shell(folder, url)
            shell("migrate").well()
            inside = get_context("fork").Process(target=_run, args=(name, folder))  # one process knows one kind of database
            inside.start()
            inside.join()
            key = json.loads(shell("keys", "create", "--name", "bench", "--role", "admin", "--json").well().out)["key"]
            with serving(shell, port) as server:
                asyncio.run(_subscribers(name, server.url, key, server.process.pid))


def _run(name: str, folder: Path) -> None:
    asyncio.run(_inside(name, folder))


async def _inside(name: str, folder: Path) -> None:
    settings = read_settings(folder / "settings.toml")
    crm = CRM(settings, load(settings))
    async with opened(settings, crm.plugins):
        crm.check()
        await _writer(name, crm)
        await _consumer(name, crm)


async def _writer(name: str, crm: CRM) -> None:
    rounds: list[dict[str, float]] = []
    await _writes(crm)
    for _ in range(ROUNDS):
        spent = {"alone": await _writes(crm)}
        async with crm.tail.opened(), crm.tail.followed():
            await asyncio.sleep(0.1)
            spent["followed"] = await _writes(crm)
        if name == "postgres":
            spent["NOTIFY in the transaction"] = await _writes(crm, notify=True)
        rounds.append(spent)
    print(f"{name}: a contact is made in {statistics.median(one['alone'] for one in rounds) * 1000:.2f} ms", flush=True)
    for what in list(rounds[0])[1:]:
        ratios = [one[what] / one["alone"] for one in rounds]
        print(f"  {what}: {statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f}) times that", flush=True)


async def _writes(crm: CRM, *, notify: bool = False) -> float:
    """Seconds for one write, as the mean of some."""
    call, resource = Call(crm, SYSTEM), crm.resource(Contact)
    began = time.perf_counter()
    for number in range(WRITES):
        if notify:
            async with store.transaction(call):
                await store.create(call, resource, {"name": f"c{number}"})
                await connections.get("default").execute_query("NOTIFY payvand_benchmark")
        else:
            await store.create(call, resource, {"name": f"c{number}"})
    return (time.perf_counter() - began) / WRITES


async def _consumer(name: str, crm: CRM) -> None:
    call, resource, batch = Call(crm, SYSTEM), crm.resource(Contact), 1_000
    began = time.perf_counter()
    for _ in range(EVENTS // batch):
        await store.create_many(call, resource, [{"name": f"c{number}"} for number in range(batch)])
    inserted = EVENTS / (time.perf_counter() - began)
    heard, done = 0, asyncio.Event()

    async def handle(crm: CRM, events: Sequence[KeptEvent]) -> None:
        nonlocal heard
        heard += len(events)
        if heard >= EVENTS:
            done.set()

    for size in (100, 1_000):
        heard = 0
        done.clear()
        crm.consumers = {f"bench{size}": ("bench", Consumer(f"bench{size}", handle, batch=size, from_start=True))}
        began = time.perf_counter()
        async with consuming(crm):
            await done.wait()
            read = EVENTS / (time.perf_counter() - began)
        print(
            f"{name}: {read:,.0f} events/s through a consumer in batches of {size}, {read / inserted:.1f} times the"
            f" {inserted:,.0f} contacts/s that are made in bulk",
            flush=True,
        )


async def _subscribers(name: str, url: str, key: str, process: int) -> None:
    before = _memory(process)
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(_socket(url)) for _ in range(SUBSCRIBERS)]
        for start in range(0, SUBSCRIBERS, 100):
            await asyncio.gather(*(_subscribe(one, key) for one in sockets[start : start + 100]))
        await asyncio.sleep(2)
        grown = (_memory(process) - before) / SUBSCRIBERS
        client = await stack.enter_async_context(httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=30))
        first, last = [], []
        for turn in range(TURNS):
            hearing = [asyncio.create_task(_hear(one)) for one in sockets]
            await asyncio.sleep(0)
            began = time.perf_counter()
            document = f'mutation {{ tagCreate(input: {{name: "t{turn}"}}) {{ userErrors {{ message }} }} }}'
            answer = await client.post(f"{url}/graphql", json={"query": document})
            assert answer.json()["data"]["tagCreate"]["userErrors"] == [], answer.text
            heard = [at - began for at in await asyncio.gather(*hearing)]
            first.append(min(heard))
            last += heard
    last.sort()
    print(
        f"{name}: {SUBSCRIBERS:,} subscribers hear of an event after {statistics.median(first) * 1000:.0f} ms (the first),"
        f" {statistics.median(last) * 1000:.0f} ms (half of them), {last[int(len(last) * 0.99)] * 1000:.0f} ms (p99);"
        f" {grown / 1024:.0f} KiB of memory each",
        flush=True,
    )


def _socket(url: str) -> connect:
    address = f"ws{url[4:]}/graphql"
    return connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None, ping_interval=None, open_timeout=60)


async def _subscribe(socket: ClientConnection, key: str) -> None:
    await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": key}}))
    await socket.recv()
    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": SUBSCRIPTION}}))


async def _hear(socket: ClientConnection) -> float:
    message = await asyncio.wait_for(socket.recv(), 60)
    at = time.perf_counter()
    assert '"next"' in str(message), message
    return at


def _memory(process: int) -> int:
    """Bytes of a process that are in memory."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
