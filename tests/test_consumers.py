"""Consumers: each event in order and at least once, one process at a time, and nobody waits for another's failure."""

import asyncio
import itertools
import json
import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import core.tail.consuming as consuming
from core.tail.lag import lags, sentences
from tests.engines import Engine, free_port
from tests.house import House, Houses, write_settings
from tests.packages import Packages
from tests.shell import ROOT, Shell, serving

pytestmark = pytest.mark.anyio

SOURCE = """
    import asyncio
    from core import Consumer, hookimpl
    from core.models import Tag

    heard, broken = [], set()

    async def count(crm, events):
        heard.append(("count", [event.name for event in events]))
        for event in events:
            if event.name == "contact.created":
                await Tag.create(name=f"seen {event.after['name']}", name_key=f"seen {event.after['name']}")
        if broken & {event.after.get("name") for event in events}:
            raise RuntimeError("cannot bear it")

    async def watch(crm, events):
        heard.append(("watch", [(event.name, event.changed) for event in events]))

    @hookimpl
    def consumers():
        return [
            Consumer("count", count, names=("contact.*",), batch=3, attempts=2, skip_poison=True),
            Consumer("watch", watch, from_start=True, waits=True),
            Consumer("wait", wait, names=("company.created",), attempts=1),
        ]

    async def wait(crm, events):
        heard.append(("wait", [event.after["name"] for event in events]))
        if "bad" in broken:
            raise SystemExit(3)
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consuming, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(consuming, "LONGEST_PAUSE", 0.1)


async def until(true: Callable[[], Any], seconds: float = 10) -> Any:
    async with asyncio.timeout(seconds):
        while not (found := true()):  # noqa: ASYNC110  # what is waited for may be in a database
            await asyncio.sleep(0.02)
    return found


def module() -> Any:
    import acme_reader  # type: ignore[import-not-found]  # the test has just written it

    return acme_reader


async def seen(house: House) -> list[str]:
    return sorted(row["name"] for row in await house.sql("SELECT name FROM tag WHERE name LIKE 'seen %'"))


async def test_a_consumer_hears_of_what_it_wants_in_order(houses: Houses, plugin: Packages):
    async with houses(plugin("reader", SOURCE)) as house, consuming.consuming(house.crm):
        for name in "abcde":
            await house.make("Contact", name=name)
            await house.make("Company", name=f"of {name}")
        heard = module().heard
        await until(lambda: sum(len(names) for who, names in heard if who == "count") == 5)
        await until(lambda: sum(len(names) for who, names in heard if who == "watch") >= 10)
        await until(lambda: [name for who, names in heard if who == "wait" for name in names] == [f"of {name}" for name in "abcde"])
        assert max(len(names) for who, names in heard if who == "count") <= 3
        told = [one for who, names in heard if who == "watch" for one in names]
        assert [name for name, _ in told if not name.startswith("apiKey")] == ["contact.created", "company.created"] * 5
        assert "name" in dict(told)["contact.created"]
        await until(lambda: house.database.query(house.settings.database.url, "SELECT 1 FROM tag WHERE name = 'seen e'"))
        assert await seen(house) == [f"seen {name}" for name in "abcde"]


async def test_what_a_handler_wrote_goes_with_its_failure_and_what_is_poison_is_put_aside(
    houses: Houses, plugin: Packages, caplog: pytest.LogCaptureFixture
):
    async with houses(plugin("reader", SOURCE)) as house, consuming.consuming(house.crm):
        module().broken.add("poison")
        for name in ("a", "poison", "b", "c", "d"):
            await house.make("Contact", name=name)
        await until(lambda: house.database.query(house.settings.database.url, "SELECT 1 FROM tag WHERE name = 'seen d'"))
        assert await seen(house) == ["seen a", "seen b", "seen c", "seen d"]
        dead = await house.sql("SELECT consumer, name, error FROM dead_event")
        assert [(one["consumer"], one["name"]) for one in dead] == [("count", "contact.created")]
        assert dead[0]["error"] == "RuntimeError: cannot bear it"
        lag = {one.name: one for one in await lags(house.crm)}["count"]
        assert (lag.dead, lag.orphan) == (1, False)
        assert any("plugin 'reader'" in record.getMessage() for record in caplog.records if record.levelno == logging.ERROR)


async def test_who_does_not_skip_waits_and_goes_on_later(houses: Houses, plugin: Packages):
    async with houses(plugin("reader", SOURCE)) as house, consuming.consuming(house.crm):
        module().broken.add("bad")
        await house.make("Company", name="one")
        await house.make("Company", name="two")
        heard = module().heard
        await until(lambda: len([1 for who, _ in heard if who == "wait"]) >= 4)
        state = await house.sql("SELECT failures, error FROM consumer WHERE name = 'wait'")
        assert state[0]["failures"] >= 2
        assert state[0]["error"] == "SystemExit: 3"
        lag = {one.name: one for one in await lags(house.crm)}["wait"]
        assert lag.events == 2
        assert lag.seconds > 0
        assert "has failed" in sentences([lag])[0]
        await house.make("Contact", name="another's")
        await until(lambda: ("count", ["contact.created"]) in heard)
        module().broken.clear()
        heard.clear()
        await until(lambda: [name for who, names in heard if who == "wait" for name in names] == ["one", "two"])


# Several processes

WORKER = """
    import asyncio, os
    from core import Consumer, hookimpl
    from core.models import Tag

    async def mark(crm, events):
        for event in events:
            name = f"{event.after['name']} {event.id.hex[-6:]}"
            await Tag.create(name=name, name_key=name, external_source=str(os.getpid()))
            await asyncio.sleep(0.01)

    @hookimpl
    def consumers():
        return [Consumer("mark", mark, names=("contact.created",), batch=7)]
"""


def test_a_process_that_is_killed_is_followed_by_another_and_nothing_is_lost_or_doubled(
    payvand: Shell, plugin: Packages, database: Engine, tmp_path: Path
):
    plugin("worker", WORKER)
    environment = {"PYTHONPATH": f"{ROOT}{os.pathsep}{plugin.folder}"}
    shells = []
    for number in range(2):
        folder, port = tmp_path / f"house{number}", free_port()
        folder.mkdir()
        write_settings(folder, payvand.url, ("worker",), {"server": {"port": port}})
        shells.append((Shell(folder, payvand.url, environment), port))
    shells[0][0]("migrate").well()
    key = json.loads(shells[0][0]("keys", "create", "--name", "k", "--role", "admin", "--json").well().out)["key"]

    def make(url: str, start: int, count: int) -> None:
        for number in range(start, start + count):
            document = f'mutation {{ contactCreate(input: {{name: "c{number}"}}) {{ userErrors {{ message }} }} }}'
            answer = httpx.post(f"{url}/graphql", json={"query": document}, headers={"Authorization": f"Bearer {key}"}, timeout=20)
            assert answer.json()["data"]["contactCreate"]["userErrors"] == []

    def marked() -> list[tuple[str, str]]:
        rows = database.query(payvand.url, "SELECT name, external_source FROM tag")
        return sorted((row["name"].split()[0], row["external_source"]) for row in rows)

    with serving(*shells[0]) as first, serving(*shells[1]) as second:
        make(first.url, 0, 10)
        make(second.url, 10, 10)
        patiently(lambda: len(marked()) >= 7)
        make(second.url, 20, 20)
        first.process.send_signal(signal.SIGKILL)
        make(second.url, 40, 5)
        patiently(lambda: len(marked()) == 45)
        assert sorted(name for name, _ in marked()) == sorted(f"c{number}" for number in range(45))
        assert len({process for _, process in marked()}) == 2
        assert second.stop() == 0
        assert "Traceback" not in second.log
    check = shells[1][0]("check").well().out
    assert "the consumer" not in check, "nothing waits for it"
    write_settings(shells[1][0].folder, payvand.url, ())
    assert "payvand consumers forget mark" in shells[1][0]("check").well().out
    shells[1][0]("consumers", "forget", "mark").well()
    assert "mark" not in shells[1][0]("check").well().out
    assert shells[1][0]("consumers", "forget", "mark").code == 1


def test_what_one_server_writes_the_subscribers_of_another_hear(payvand: Shell, tmp_path: Path):
    shells = []
    for number in range(2):
        folder, port = tmp_path / f"house{number}", free_port()
        folder.mkdir()
        write_settings(folder, payvand.url, (), {"server": {"port": port}})
        shells.append((Shell(folder, payvand.url), port))
    shells[0][0]("migrate").well()
    key = json.loads(shells[0][0]("keys", "create", "--name", "k", "--role", "admin", "--json").well().out)["key"]
    headers = {"Authorization": f"Bearer {key}"}
    with (
        serving(*shells[0]) as first,
        serving(*shells[1]) as second,
        httpx.stream(
            "POST",
            f"{second.url}/graphql",
            json={"query": 'subscription { events(where: {names: ["tag.created"]}) { name } }'},
            headers={**headers, "Accept": "text/event-stream"},
            timeout=20,
        ) as response,
    ):
        lines = response.iter_lines()
        next(lines)
        time.sleep(0.5)
        document = {"query": 'mutation { tagCreate(input: {name: "t"}) { userErrors { message } } }'}
        assert httpx.post(f"{first.url}/graphql", json=document, headers=headers).status_code == 200
        assert any("tag.created" in line for line in itertools.islice(lines, 6))
        assert second.stop() == 0, "who listens does not keep a server from stopping"


def patiently(true: Callable[[], Any], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)
