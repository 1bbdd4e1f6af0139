"""What metrics cost: each of the bundled ones over GraphQL, beside the best SQL by hand for the same numbers.

Both ask the same database in turns, after their numbers were found to be equal; the ratio of each turn is taken, and its median and
extremes are told. By hand may be several statements that come to the same: the fastest of them counts. It makes no keys, intervals or
periods without rows, looks at no rights, and asks once where a metric asks for the records behind its keys as well.

Then the roll-up of purchases is built, and beside it are asked the statements over deals that say which customers were active in which
months: that of a metric without roll-up, and one by hand. At the end stands what it takes to foretell what customers will bring, and to
score them; nothing by hand says that.

METRICS_SIZE (1, which is 1,000,000 contacts, 2,000,000 deals and 10,000,000 activities; 0.02 for a glance), METRICS_ROUNDS (5),
METRICS_DATABASE=sqlite or postgres for one of them, or the URL of a PostgreSQL that was filled before. METRICS_DATA is a folder that
keeps the SQLite file for the next time.
"""

import asyncio
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks._sales import fill
from core import SYSTEM, Call, Period, ask, key_of
from core.crm import CRM
from core.database import connect, migrate
from core.database.readers import querying, readers
from core.models import Deal, User
from core.plugins import load
from core.settings import Settings, parse
from plugins.metrics.question import Question
from plugins.metrics.rollup import from_deals, from_rollup
from plugins.metrics.rollup_keeping import build, verify
from plugins.metrics.scoring import score_all
from tests.engines import FAST, engine

SIZE, ROUNDS = float(os.environ.get("METRICS_SIZE", "1")), int(os.environ.get("METRICS_ROUNDS", "5"))
GOAL, FASTER = 1.2, 5
TUNING = {**FAST, "shared_buffers": "1GB", "work_mem": "64MB", "max_wal_size": "4GB", "autovacuum": "off"}
Numbers = dict[tuple[Any, ...], tuple[int, int | None]]  # numerator and denominator by key
Hand = Callable[[str], Awaitable[list[tuple[Any, ...]]]]


@dataclass(frozen=True)
class Case:
    """A question to a metric: its arguments, the field of the key, and SQL of (key, numerator, denominator) on each database."""

    name: str
    metric: str
    arguments: str
    key: str
    sqlite: tuple[str, ...]
    postgres: tuple[str, ...]
    money: bool = False
    denominator: bool = True

    @property
    def document(self) -> str:
        """The query."""
        amount = "value { amount } numerator { amount }" if self.money else "value numerator"
        period = "period { start }" if "period" in self.arguments else ""
        key = f"key {{ {self.key} {period} }}" if self.key or period else ""
        return f"{{ {self.metric}{self.arguments and f'({self.arguments})'} {{ rows {{ {key} {amount} denominator }} }} }}"


CLOSED = "d.deleted_at IS NULL AND d.closed_at IS NOT NULL AND s.kind IN ('WON', 'LOST')"
WON = "SUM(CASE WHEN s.kind = 'WON' THEN 1 ELSE 0 END)"
DEALS = "deal d JOIN stage s ON s.id = d.stage_id"


def _both(sql: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (sql,), (sql,)


def _months(sql: str, time: str, zone: str = "UTC") -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The statement with `{month}`, as each database says it best. SQLite knows no zones but that of the universe."""
    return (
        (sql.format(month=f"substr({time}, 1, 7)"), sql.format(month=f"date({time}, 'start of month')")),
        (sql.format(month=f"date_trunc('month', {time} AT TIME ZONE '{zone}')::date"),
         sql.format(month=f"date_trunc('month', {time}, '{zone}')")),
    )  # fmt: skip


CASES = (
    Case("win rate by owner", "winRate", "groupBy: [OWNER]", "owner { id }", *_both(
        f"SELECT d.owner_id, {WON}, COUNT(*) FROM {DEALS} WHERE d.deleted_at IS NULL AND s.kind IN ('WON', 'LOST') GROUP BY 1")),
    Case("win rate by month", "winRate", "period: MONTH", "", *_months(
        f"SELECT {{month}}, {WON}, COUNT(*) FROM {DEALS} WHERE {CLOSED} GROUP BY 1", "d.closed_at")),
    Case("revenue by month", "revenue", "period: MONTH", "", *_months(
        f"SELECT {{month}}, SUM(d.amount), NULL FROM {DEALS} WHERE {CLOSED} AND s.kind = 'WON' AND d.currency = 'USD' GROUP BY 1",
        "d.closed_at"), money=True),
    Case("new contacts by city", "newContacts", "groupBy: [CITY]", "city", *_both(
        "SELECT city, COUNT(*), NULL FROM contact WHERE deleted_at IS NULL GROUP BY 1")),
    Case("done activities by kind and month", "doneActivities", "groupBy: [KIND], period: MONTH", "kind", *_months(
        "SELECT kind, {month}, COUNT(*), NULL FROM activity WHERE deleted_at IS NULL AND done_at IS NOT NULL GROUP BY 1, 2", "done_at")),
    Case("average deal", "averageDeal", "", "", *_both(
        f"SELECT SUM(d.amount), COUNT(d.amount) FROM {DEALS} WHERE d.deleted_at IS NULL AND s.kind = 'WON' AND d.currency = 'USD'"),
        money=True),
    Case("cohort conversion by month", "cohortConversion", "period: MONTH", "", *_months(
        f"SELECT {{month}}, {WON}, COUNT(*) FROM {DEALS} WHERE d.deleted_at IS NULL AND d.started_at IS NOT NULL GROUP BY 1",
        "d.started_at")),
)  # fmt: skip


def main() -> None:
    """Print the figures of each database, measured in a process of its own."""
    name = os.environ.get("METRICS_DATABASE")
    if name is None:
        for one in ("sqlite", "postgres"):
            subprocess.run([sys.executable, "-m", "benchmarks", "metrics"], env={**os.environ, "METRICS_DATABASE": one}, check=True)
    else:
        with ExitStack() as stack:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="payvand-metrics-")))
            asyncio.run(_measured("postgres" if "://" in name else name, _filled(name, place, stack)))


async def _measured(name: str, settings: Settings) -> None:
    plugins = load(settings)
    crm = CRM(settings, plugins)
    async with connect(settings, plugins, everywhere=True), readers(settings) as crm.readers:
        hand, close = await _by_hand(settings.database.url)
        try:
            for case in CASES:
                await _compared(name, case, crm.call(SYSTEM), hand)
            await _rolled(name, crm.call(SYSTEM), hand)
            await _foretold(name, crm.call(SYSTEM))
        finally:
            await close()


def _filled(name: str, place: Path, stack: ExitStack) -> Settings:
    """A database with all rows: the SQLite file of METRICS_DATA, if it is there, the one at a URL, or a new one."""
    if "://" in name:
        settings = _settings(name, place)
        asyncio.run(migrate(settings, load(settings)))
        return settings
    folder = os.environ.get("METRICS_DATA")
    path = Path(folder).resolve() / f"metrics-{SIZE:g}.db" if folder and name == "sqlite" else None
    if path and path.exists():
        settings = _settings(f"sqlite://{path}", place)
        asyncio.run(migrate(settings, load(settings)))
        return settings
    part = path and path.with_suffix(".part")  # what was not filled to its end is not taken for the whole
    if part:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
    settings = _settings(f"sqlite://{part}" if part else stack.enter_context(engine(name, TUNING)).create(), place)
    asyncio.run(migrate(settings, load(settings)))
    began = time.perf_counter()
    asyncio.run(fill(settings.database.url, SIZE))
    print(f"{name}: filled with size {SIZE:g} in {time.perf_counter() - began:.0f} s", flush=True)
    return _settings(f"sqlite://{part.rename(path)}", place) if part and path else settings


def _settings(url: str, place: Path) -> Settings:
    tables = {
        "database": {"url": url, "slow": 0, "statement_timeout": 0}, "company": {"currency": "USD", "time_zone": "UTC"},
        "plugins": {"enabled": ["metrics"]},
    }  # fmt: skip
    return parse(tables, place / "settings.toml")


async def _compared(name: str, case: Case, call: Call, hand: Hand) -> None:
    statements = case.sqlite if name == "sqlite" else case.postgres
    wanted = await _answer(call, case)
    for statement in statements:
        _same(case, wanted, _numbers(await hand(statement)))
    times = {statement: (await _seconds(lambda statement=statement: hand(statement))) for statement in statements}
    best = min(statements, key=lambda statement: times[statement])
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(await _seconds(lambda: ask(call, case.document, {})))
        theirs.append(await _seconds(lambda: hand(best)))
    ratios = [mine / his for mine, his in zip(ours, theirs, strict=True)]
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})"
    what = f"{name:<9} {case.name:<34} {statistics.median(ours) * 1000:8.1f} ms"
    print(f"{what}   beside SQL by hand {spread:<20} goal <= {GOAL}", flush=True)


PURCHASES = f"""FROM {DEALS} WHERE d.deleted_at IS NULL AND s.kind = 'WON' AND d.closed_at IS NOT NULL AND d.contact_id IS NOT NULL"""
ACTIVE = (
    f"WITH p AS (SELECT DISTINCT d.contact_id AS c, {{month}} AS m {PURCHASES})"
    " SELECT f, m, COUNT(*), NULL FROM (SELECT m, MIN(m) OVER (PARTITION BY c) AS f FROM p) AS t GROUP BY 1, 2",
    f"WITH p AS (SELECT d.contact_id AS c, {{month}} AS m {PURCHASES})"
    " SELECT f, m, COUNT(DISTINCT c), NULL FROM p JOIN (SELECT c, MIN(m) AS f FROM p GROUP BY c) AS x USING (c) GROUP BY 1, 2",
)


async def _rolled(name: str, call: Call, hand: Hand) -> None:
    began = time.perf_counter()
    await build(call, lambda done, total: None)
    what = f"built in {time.perf_counter() - began:.1f} s"
    began = time.perf_counter()
    assert await verify(call, lambda done, total: None) == 0
    print(f"{name:<9} roll-up of purchases {what}, verified in {time.perf_counter() - began:.1f} s", flush=True)
    if name == "postgres":
        await hand("VACUUM metrics_purchase_day")  # as the server does by itself within a minute, where it is not told otherwise
    question = Question(call, Deal, period=Period.MONTH)
    month = "substr(d.closed_at, 1, 7)" if name == "sqlite" else "date_trunc('month', d.closed_at, 'UTC')"
    statements = [one.format(month=month) for one in ACTIVE]
    found = await from_rollup(question, "CONTACT")
    assert found and found.rows == (await from_deals(question, "CONTACT")).rows
    wanted = {(str(row.cohort_start)[:7], str(row.period_start)[:7]): (row.customers, None) for row in found.rows}
    for one in statements:
        assert _numbers(await hand(one)) == wanted
    times = {one: await _seconds(lambda one=one: hand(one)) for one in statements}
    best = min(statements, key=lambda one: times[one])
    with_it, without, by_hand = [], [], []
    with querying(call.crm.readers):
        for _ in range(ROUNDS):
            with_it.append(await _seconds(lambda: from_rollup(question, "CONTACT")))
            without.append(await _seconds(lambda: from_deals(question, "CONTACT")))
            by_hand.append(await _seconds(lambda: hand(best)))
    for what, others in (("the same without it", without), ("the best SQL by hand over deals", by_hand)):
        ratios = [his / mine for mine, his in zip(with_it, others, strict=True)]
        spread = f"{statistics.median(ratios):.1f} ({min(ratios):.1f}..{max(ratios):.1f})"
        took = f"{name:<9} customers active by month          {statistics.median(with_it) * 1000:8.1f} ms"
        print(f"{took}   times as fast as {what} {spread}   goal >= {FASTER}", flush=True)


async def _foretold(name: str, call: Call) -> None:
    """How long predictions take: those of a query, and the scores of all customers."""
    began = time.perf_counter()
    answer = await ask(call, "{ predictedValue { customers calibration { ratio } } }", {})
    assert "errors" not in answer, answer["errors"]
    customers = answer["data"]["predictedValue"]["customers"]
    print(f"{name:<9} predictedValue of {customers} customers in {time.perf_counter() - began:.1f} s", flush=True)
    began = time.perf_counter()
    scored = await score_all(call)
    print(f"{name:<9} {scored} customers scored in {time.perf_counter() - began:.1f} s", flush=True)


async def _seconds(work: Callable[[], Awaitable[Any]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def _answer(call: Call, case: Case) -> Numbers:
    answer = await ask(call, case.document, {})
    assert "errors" not in answer, answer["errors"]
    found: Numbers = {}
    for row in answer["data"][case.metric]["rows"]:
        key = row.get("key") or {}
        values = [key_of(call, User, one["id"]) if isinstance(one, dict) else one for name, one in key.items() if name != "period"]
        values += [str(key["period"]["start"])[:7]] if "period" in key else []
        numerator = row["numerator"]["amount"] if case.money else row["numerator"]
        scale = 100 if case.money else 1  # the currency of the rows has cents
        found[tuple(values)] = round(float(numerator) * scale), None if row["denominator"] is None else int(row["denominator"])
    return found


def _numbers(rows: Sequence[tuple[Any, ...]]) -> Numbers:
    return {tuple(_plain(value) for value in row[:-2]): (int(row[-2]), None if row[-1] is None else int(row[-1])) for row in rows}


def _plain(value: Any) -> Any:
    """A value of a key; of a month its year and number, of a UUID one."""
    text = str(value)
    if value is not None and len(text) == 36:
        return uuid.UUID(text)
    return text[:7] if value is not None and text[:2] == "20" else value


def _same(case: Case, ours: Numbers, theirs: Numbers) -> None:
    empty = (0, 0), (0, None)
    ours, theirs = ({key: value for key, value in some.items() if value not in empty} for some in (ours, theirs))
    assert ours == theirs, f"{case.name}: {sorted(ours.items(), key=str)[:3]} and {sorted(theirs.items(), key=str)[:3]}"


async def _by_hand(url: str) -> tuple[Hand, Callable[[], Awaitable[None]]]:
    """Whoever executes a statement, and what closes it."""
    if url.startswith("sqlite"):
        file = sqlite3.connect(url.partition("://")[2].partition("?")[0], check_same_thread=False)

        async def on_file(statement: str) -> list[tuple[Any, ...]]:
            return await asyncio.to_thread(lambda: file.execute(statement).fetchall())

        async def close() -> None:
            file.close()

        return on_file, close
    server = await asyncpg.connect(url)

    async def on_server(statement: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await server.fetch(statement)]

    return on_server, server.close
