"""The tail of events: nothing is passed over, whoever commits late, and whatever another process writes is heard of."""

import asyncio
import random
import uuid
from contextlib import aclosing
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from core.tail.kept import EVERYTHING, Wanted, is_pattern
from core.tail.tail import Tail
from tests.engines import apart
from tests.house import House, Houses, read_settings, write_settings

pytestmark = pytest.mark.anyio

# What one writer does: rows before each pause, the pauses, and whether all of it is undone at the end.
WRITER = st.tuples(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), min_size=1, max_size=4), st.booleans())


async def insert(connection: asyncpg.Connection, record: uuid.UUID, count: int = 1) -> None:
    for _ in range(count):
        await connection.execute(
            "INSERT INTO event (id, name, resource, record_id, actor, at, changed) VALUES ($1, 'x.y', 'x', $2, 'test', now(), '[]')",
            uuid.uuid4(), record,
        )  # fmt: skip


@examples(max_examples=12)
@given(writers=st.lists(WRITER, min_size=2, max_size=8))
def test_whoever_commits_late_is_heard_all_the_same(database, templates, tmp_path_factory, writers):
    if database.name != "postgres":
        pytest.skip("SQLite has one writer at a time")
    url = templates.copy(())
    settings = read_settings(write_settings(tmp_path_factory.mktemp("tail"), url))

    async def write(steps: list[tuple[int, int]], undone: bool, kept: list[uuid.UUID]) -> None:
        connection = await asyncpg.connect(url)
        try:
            record, transaction = uuid.uuid4(), connection.transaction()
            await transaction.start()
            for rows, pause in steps:
                await insert(connection, record, rows)
                await asyncio.sleep(pause / 1000)
            await (transaction.rollback() if undone else transaction.commit())
            kept.extend([] if undone else [record] * sum(rows for rows, _ in steps))
        finally:
            await connection.close()

    async def follow() -> None:
        tail, kept, heard = Tail(settings), [], []
        async with tail.opened(), tail.followed():
            reading = [asyncio.create_task(read(tail, heard)), asyncio.create_task(hurry(tail))]
            await asyncio.gather(*(write(steps, undone, kept) for steps, undone in writers))
            async with asyncio.timeout(10):
                while len(heard) < len(kept):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)
        assert sorted(record for _, record in heard) == sorted(kept)
        assert [position for position, _ in heard] == sorted({position for position, _ in heard})

    try:
        apart(follow())
    finally:
        database.drop(url)


async def hurry(tail: Tail) -> None:
    while True:
        tail.tell()
        await asyncio.sleep(0.002)


async def read(tail: Tail, heard: list[tuple[int, uuid.UUID]]) -> None:
    seen = 0
    while True:
        events, seen = await tail.source.read(EVERYTHING, seen, tail.position, random.randint(1, 5))
        heard += [(event.position, event.record_id) for event in events]
        if not events:
            await tail.beyond(seen, 0.1)


async def test_a_writer_that_takes_long_holds_back_only_what_is_behind_it(house: House):
    if house.database.name != "postgres":
        pytest.skip("SQLite has one writer at a time")
    late, soon = uuid.uuid4(), uuid.uuid4()
    slow, fast = [await asyncpg.connect(house.settings.database.url) for _ in range(2)]
    heard: list[Any] = []
    listening = asyncio.create_task(collect(house, heard))
    try:
        await until_heard(house)
        transaction = slow.transaction()
        await transaction.start()
        await insert(slow, late)
        await insert(fast, soon)
        house.crm.tail.tell()
        await asyncio.sleep(0.3)
        assert heard == []
        await transaction.commit()
        async with asyncio.timeout(5):
            while len(heard) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert heard == [late, soon]
        transaction = slow.transaction()
        await transaction.start()
        await slow.execute("UPDATE tag SET version = version")  # writes something else
        await insert(fast, soon)
        house.crm.tail.tell()
        async with asyncio.timeout(2):
            while len(heard) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await transaction.rollback()
    finally:
        listening.cancel()
        await asyncio.gather(listening, slow.close(), fast.close(), return_exceptions=True)


async def collect(house: House, heard: list[Any], wanted: Wanted = EVERYTHING, after: int | None = None) -> None:
    async with aclosing(house.crm.stream.listen(wanted, after)) as pages:
        async for page in pages:
            heard += [told.event.record_id for told in page]


async def until_heard(house: House, listeners: int = 1) -> None:
    async with asyncio.timeout(5):
        while len(house.crm.stream) < listeners:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_resuming_misses_nothing_and_doubles_nothing_while_others_write(house: House):
    made: list[uuid.UUID] = []

    async def write(number: int) -> None:
        for index in range(8):
            tag = await house.make("Tag", name=f"t{number}-{index}")
            made.append(uuid.UUID(tag.id.removeprefix("tag_")))

    wanted = Wanted(names=("tag.*",))
    start = await house.crm.tail.reached()
    heard: list[list[Any]] = [[] for _ in range(6)]
    writing = asyncio.gather(*(write(number) for number in range(4)))
    tasks = []
    for one in heard:
        tasks.append(asyncio.create_task(collect(house, one, wanted, start)))
        await asyncio.sleep(0.05)
    await writing
    try:
        async with asyncio.timeout(10):
            while any(len(one) < len(made) for one in heard):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert all(one == heard[0] for one in heard)
        assert sorted(heard[0]) == sorted(made)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_another_house_on_the_same_database_writes_is_heard(house: House, houses: Houses):
    other = Tail(house.settings)
    async with other.opened():
        heard: list[Any] = []

        async def listen() -> None:
            async with aclosing(other.stream.listen(Wanted(names=("tag.created",)))) as pages:
                async for page in pages:
                    heard.extend(told.event.record_id for told in page)

        task = asyncio.create_task(listen())
        try:
            async with asyncio.timeout(5):
                while not other.stream.heard:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)
            began = asyncio.get_running_loop().time()
            tag = await house.make("Tag", name="far away")
            async with asyncio.timeout(3):
                while not heard:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            spent = asyncio.get_running_loop().time() - began
            assert [f"tag_{one}" for one in heard] == [tag.id]
            if house.database.name == "postgres":
                assert spent < 0.8, "the other process is called, and need not wait for its next look"
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("pattern", "valid"),
    [("deal.won", True), ("deal.*", True), ("*.won", True), ("*", True), ("deal", False), ("", False), ("deal.won%", False), (".x", False)],
)
def test_names_stand_for_one_event_or_for_several(pattern: str, valid: bool):
    assert is_pattern(pattern) == valid
