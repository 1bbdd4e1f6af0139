"""A company's years of selling, as rows of the tables that `payvand migrate` makes: the same rows each time, on both databases.

At size 1 it has 1,000,000 contacts, 2,000,000 deals with every step of their way, and 10,000,000 activities, of the years 2021 to 2025.
It grows from year to year; most deals are of few contacts, most contacts of few cities, most work is done by few users. Some deals have no
contact, no amount, or another currency, and one in fifty is deleted.
"""

import asyncio
import datetime
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import asyncpg
import numpy as np

Rows = tuple[str, tuple[str, ...], list[tuple[Any, ...]]]  # a table, its columns, and some rows

CHUNK = 50_000
USERS, TEAMS, PRODUCTS, STEPS = 40, 5, 60, 5
FIRST, LAST = (int(datetime.datetime(year, 1, 1, tzinfo=datetime.UTC).timestamp()) for year in (2021, 2026))
DAY = 86_400
CITIES = [
    "Tehran", "Mashhad", "Isfahan", "Karaj", "Shiraz", "Tabriz", "Qom", "Ahvaz", "Kermanshah", "Urmia", "Rasht", "Zahedan", "Hamadan",
    "Kerman", "Yazd", "Ardabil", "Bandar Abbas", "Arak", "Eslamshahr", "Zanjan", "Sanandaj", "Qazvin", "Khorramabad", "Gorgan", "Sari",
]  # fmt: skip
SOURCES, KINDS = ["Web", "Fair", "Advert", "Friend", "Call"], ["CALL", "EMAIL", "NOTE", "MEETING", "TASK"]
INDUSTRIES, LIFECYCLES = ["Food", "Steel", "Retail", "Health", "Software"], ["LEAD", "CUSTOMER", "QUALIFIED", "SUBSCRIBER", "CHURNED"]
# What Record has, but for the id; all that is not named is null.
RECORD = ("external_source", "version", "created_at", "updated_at", "deleted_at")


def key(kind: int, number: int) -> str:
    """The id of a row, in the order of numbers as those of the house are in the order of time."""
    return f"{kind:08x}-0000-7000-8000-{number:012x}"


def rows(size: float) -> Iterator[Rows]:
    """All rows, in an order in which what is pointed to comes first."""
    contacts, deals, activities = (max(1, int(size * millions * 1_000_000)) for millions in (1, 2, 10))
    companies = max(1, contacts // 20)
    yield from _house()
    random = np.random.default_rng(1)
    made = np.sort(_grown(random, contacts))  # when contacts came in
    owners = np.random.default_rng(2)
    names = ("id", *RECORD, "name", "name_key", "industry", "owner_id")
    for some in _chunks(companies):
        times = _times(FIRST + (LAST - FIRST) * some // companies)
        columns = _skewed(owners, INDUSTRIES, len(some)), _users(owners, len(some))
        yield "company", names, [
            (key(3, number), "", 1, at, at, None, f"Company {number}", f"company {number}", *more)
            for number, at, *more in zip(some.tolist(), times, *columns, strict=True)
        ]
    yield from _contacts(made, companies)
    chosen = np.random.default_rng(3).permutation(contacts)  # who buys often is not who came first
    yield from _deals(made, chosen, deals, companies)
    yield from _activities(made, chosen, activities, deals)


def _house() -> Iterator[Rows]:
    at = _times(np.array([FIRST]))[0]
    record = ("", 1, at, at, None)
    named = ("id", *RECORD, "name", "name_key")
    yield "team", named, [(key(1, one), *record, f"Team {one}", f"team {one}") for one in range(TEAMS)]
    yield "app_user", (*named, "active", "team_id"), [
        (key(2, one), *record, f"User {one}", f"user {one}", 1, key(1, one % TEAMS) if one % 9 else None) for one in range(USERS)
    ]
    yield "product", (*named, "active"), [(key(5, one), *record, f"Product {one}", f"product {one}", 1) for one in range(PRODUCTS)]
    yield "pipeline", (*named, "position"), [(key(6, one), *record, f"Pipeline {one}", f"pipeline {one}", one) for one in range(2)]
    yield "stage", (*named, "position", "kind", "pipeline_id"), [
        (_stage(line, step), *record, f"Stage {step}", f"stage {step}", step, _kind(step), key(6, line))
        for line in range(2) for step in range(STEPS + 2)
    ]  # fmt: skip


def _stage(pipeline: int, step: int) -> str:
    return key(7, pipeline * 100 + step)


def _kind(step: int) -> str:
    return "OPEN" if step < STEPS else "WON" if step == STEPS else "LOST"


def _contacts(made: Any, companies: int) -> Iterator[Rows]:
    random = np.random.default_rng(4)
    names = (
        "id", *RECORD, "name", "name_key", "lifecycle_stage", "email_consent", "sms_consent", "call_consent", "source", "gender", "city",
        "city_key", "company_id", "owner_id",
    )  # fmt: skip
    for some in _chunks(len(made)):
        many = len(some)
        cities = _skewed(random, CITIES, many, 0.08)
        columns = (
            _times(made[some]), _skewed(random, LIFECYCLES, many), _skewed(random, SOURCES, many, 0.1),
            _skewed(random, ["FEMALE", "MALE"], many, 0.3), cities, [city and city.lower() for city in cities],
            _keys(random, 3, (companies * random.random(many) ** 2), many, 0.6), _users(random, many), _gone(random, many),
        )  # fmt: skip
        yield "contact", names, [
            (key(4, number), "", 1, at, at, gone, f"Contact {number}", f"contact {number}", stage, 1, 0, 1, *more)
            for number, at, stage, *more, gone in zip(some.tolist(), *columns, strict=True)
        ]


def _deals(made: Any, chosen: Any, deals: int, companies: int) -> Iterator[Rows]:
    random = np.random.default_rng(5)
    names = (
        "id", *RECORD, "title", "title_key", "currency", "amount", "source", "started_at", "closed_at", "contact_id", "company_id",
        "owner_id", "pipeline_id", "stage_id",
    )  # fmt: skip
    number_of_step = 0
    for some in _chunks(deals):
        many = len(some)
        who = chosen[(len(chosen) * random.random(many) ** 2).astype(np.int64)]
        began = made[who] + ((LAST - made[who]) * random.random(many)).astype(np.int64)
        lasted = (random.gamma(1.5, 25, many) * DAY).astype(np.int64) + 600
        over = (began + lasted < LAST) & (random.random(many) < 0.85)
        won, lines, reached = random.random(many) < 0.4, (random.random(many) < 0.3).astype(int), random.integers(1, STEPS + 1, many)
        start, end = _times(began), [at if closed else None for at, closed in zip(_times(began + lasted), over.tolist(), strict=True)]
        amounts = [_null(amount, luck < 0.08) for amount, luck in zip(
            (np.exp(random.normal(11, 1.2, many)) // 100 * 100).astype(np.int64).tolist(), random.random(many).tolist(), strict=True,
        )]  # fmt: skip
        last = np.where(over, np.where(won, STEPS, STEPS + 1), reached - 1).tolist()
        columns = (
            start, end, _gone(random, many), ["EUR" if luck < 0.05 else "USD" for luck in random.random(many).tolist()], amounts,
            _skewed(random, SOURCES, many, 0.2), _keys(random, 4, who, many, 0.1),
            _keys(random, 3, companies * random.random(many) ** 2, many, 0.5), _users(random, many), lines.tolist(), last,
        )  # fmt: skip
        yield "deal", names, [
            (
                key(8, number), "", 1, at, end or at, gone, f"Deal {number}", f"deal {number}", currency, amount, source, at, end,
                contact, company, owner, key(6, line), _stage(line, step),
            )
            for number, at, end, gone, currency, amount, source, contact, company, owner, line, step in zip(
                some.tolist(), *columns, strict=True
            )
        ]  # fmt: skip
        steps: list[tuple[Any, ...]] = []
        for number, line, count, first, length, final in zip(
            some.tolist(), lines.tolist(), reached.tolist(), began.tolist(), lasted.tolist(), last, strict=True
        ):
            way = [*range(count), *([final] if final >= STEPS else [])]
            seconds = length // len(way)
            for place, step in enumerate(way):
                before = _stage(line, way[place - 1]) if place else None
                at = first + place * seconds
                steps.append((number_of_step, key(8, number), before, _stage(line, step), at, seconds if place else None))
                number_of_step += 1
        times = _times(np.array([one[4] for one in steps]))
        yield "deal_stage_change", ("id", "deal_id", "from_stage_id", "to_stage_id", "changed_at", "seconds"), [
            (key(9, one[0]), *one[1:4], at, one[5]) for one, at in zip(steps, times, strict=True)
        ]


def _activities(made: Any, chosen: Any, activities: int, deals: int) -> Iterator[Rows]:
    random = np.random.default_rng(6)
    names = (
        "id", *RECORD, "kind", "subject", "subject_key", "due_at", "done_at", "assignee_id", "contact_id", "deal_id", "product_id",
    )  # fmt: skip
    for some in _chunks(activities):
        many = len(some)
        who = chosen[(len(chosen) * random.random(many) ** 2).astype(np.int64)]
        at = made[who] + ((LAST - made[who]) * random.random(many)).astype(np.int64)
        done = [_null(time, luck < 0.15) for time, luck in zip(_times(at), random.random(many).tolist(), strict=True)]
        columns = (
            _times(at - DAY), _gone(random, many), _skewed(random, KINDS, many), _times(at), done, _users(random, many),
            _keys(random, 4, who, many, 0.05), _keys(random, 8, deals * random.random(many), many, 0.6),
            _keys(random, 5, PRODUCTS * random.random(many) ** 2, many, 0.7),
        )  # fmt: skip
        yield "activity", names, [
            (key(10, number), "", 1, at, at, gone, kind, f"About {number % 1000}", f"about {number % 1000}", *more)
            for number, at, gone, kind, *more in zip(some.tolist(), *columns, strict=True)
        ]


def _chunks(count: int) -> Iterator[Any]:
    for first in range(0, count, CHUNK):
        yield np.arange(first, min(first + CHUNK, count))


def _grown(random: np.random.Generator, count: int) -> Any:
    """Moments, more of them with every year."""
    return FIRST + ((LAST - FIRST) * random.random(count) ** 0.7).astype(np.int64)


def _times(seconds: Any) -> list[str]:
    """Moments as SQLite keeps them, and as PostgreSQL reads them."""
    texts = np.datetime_as_string(np.asarray(seconds).astype("datetime64[s]")).tolist()
    return [f"{text[:10]} {text[11:]}+00:00" for text in texts]


def _null(value: Any, gone: bool) -> Any:
    return None if gone else value


def _skewed(random: np.random.Generator, words: Sequence[str], count: int, gone: float = 0.0) -> list[str | None]:
    """Words, the first of them the most often."""
    places = (len(words) * random.random(count) ** 2).astype(np.int64).tolist()
    return [_null(words[place], luck < gone) for place, luck in zip(places, random.random(count).tolist(), strict=True)]


def _keys(random: np.random.Generator, kind: int, numbers: Any, count: int, gone: float) -> list[str | None]:
    chosen = zip(numbers.astype(np.int64).tolist(), random.random(count).tolist(), strict=True)
    return [_null(key(kind, number), luck < gone) for number, luck in chosen]


def _users(random: np.random.Generator, count: int) -> list[str | None]:
    return _keys(random, 2, USERS * random.random(count) ** 2, count, 0.03)


def _gone(random: np.random.Generator, count: int) -> list[str | None]:
    """When each was deleted: one in fifty."""
    at = _times(np.array([LAST]))[0]
    return [_null(at, luck > 0.02) for luck in random.random(count).tolist()]


async def fill(url: str, size: float) -> None:
    """Put all rows into the tables at `url`, which `payvand migrate` has made. Their indices are made anew afterwards."""
    if url.startswith("sqlite"):
        await asyncio.to_thread(_fill_file, url.partition("://")[2].partition("?")[0], size)
    else:
        await _fill_server(url, size)


def _fill_file(path: str, size: float) -> None:
    file = sqlite3.connect(path, isolation_level=None)
    try:
        file.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -200000")
        indices = file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
        for name, _ in indices:
            file.execute(f'DROP INDEX "{name}"')
        file.execute("BEGIN")
        for table, names, some in rows(size):
            file.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", some)
        file.execute("COMMIT")
        for _, sql in indices:
            file.execute(sql)
        file.executescript("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        file.close()


async def _fill_server(url: str, size: float) -> None:
    server = await asyncpg.connect(url)
    try:
        await server.execute("SET session_replication_role = replica")  # no foreign key is looked for
        # Those that a constraint stands on stay.
        indices = await server.fetch(
            "SELECT c.relname AS name, pg_get_indexdef(i.indexrelid) AS sql FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " WHERE c.relnamespace = 'public'::regnamespace AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = c.oid)"
        )
        for index in indices:
            await server.execute(f'DROP INDEX "{index["name"]}"')
        for table, names, some in rows(size):
            await server.copy_to_table(table, source=_text(some), columns=names)
        for index in indices:
            await server.execute(index["sql"])
        await server.execute("VACUUM ANALYZE")
    finally:
        await server.close()


async def _text(some: list[tuple[Any, ...]]) -> AsyncIterator[bytes]:
    """Rows as COPY reads them. No value has a tab or a backslash."""
    for first in range(0, len(some), 2_000):
        lines = ["\t".join(["\\N" if value is None else str(value) for value in row]) for row in some[first : first + 2_000]]
        yield ("\n".join(lines) + "\n").encode()
