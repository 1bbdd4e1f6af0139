"""Consumers: each event in order and at least once, one process at a time, and nobody waits for another's failure."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

import core.tail.consuming as consuming
from tests.house import House, Houses
from tests.packages import Packages

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
    async with houses(plugin("reader", SOURCE)) as house:
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
        assert await seen(house) == [f"seen {name}" for name in "abcde"]


async def test_what_a_handler_wrote_goes_with_its_failure_and_what_is_poison_is_put_aside(
    houses: Houses, plugin: Packages, caplog: pytest.LogCaptureFixture
):
    async with houses(plugin("reader", SOURCE)) as house:
        module().broken.add("poison")
        for name in ("a", "poison", "b", "c", "d"):
            await house.make("Contact", name=name)
        await until(lambda: house.database.query(house.settings.database.url, "SELECT 1 FROM tag WHERE name = 'seen d'"))
        assert await seen(house) == ["seen a", "seen b", "seen c", "seen d"]
        dead = await house.sql("SELECT consumer, name, error FROM dead_event")
        assert [(one["consumer"], one["name"]) for one in dead] == [("count", "contact.created")]
        assert dead[0]["error"] == "RuntimeError: cannot bear it"
        assert any("plugin 'reader'" in record.getMessage() for record in caplog.records if record.levelno == logging.ERROR)


async def test_who_does_not_skip_waits_and_goes_on_later(houses: Houses, plugin: Packages):
    async with houses(plugin("reader", SOURCE)) as house:
        module().broken.add("bad")
        await house.make("Company", name="one")
        await house.make("Company", name="two")
        heard = module().heard
        await until(lambda: len([1 for who, _ in heard if who == "wait"]) >= 4)
        state = await house.sql("SELECT failures, error FROM consumer WHERE name = 'wait'")
        assert state[0]["failures"] >= 2
        assert state[0]["error"] == "SystemExit: 3"
        await house.make("Contact", name="another's")
        await until(lambda: ("count", ["contact.created"]) in heard)
        module().broken.clear()
        heard.clear()
        await until(lambda: [name for who, names in heard if who == "wait" for name in names] == ["one", "two"])
