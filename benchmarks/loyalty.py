"""What points cost: to earn and to redeem, by one member whom all want at once and by 10,000, beside the same work in SQL by hand.

By hand are the same rows in the same tables, in one transaction that locks the member: for earning a lot, a transaction with two
entries, and the member; for redeeming a redemption, a transaction with two entries, lot, member and stock. It checks nothing else, tells
nobody, and matures, expires and settles nothing. LOYALTY_STEPS (400) are done in each turn by 16 at a time; LOYALTY_DATABASE=sqlite or
postgres for one.
"""

import asyncio
import datetime
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import asyncpg

from core.crm import CRM
from core.database import connect, migrate
from core.events import transaction
from core.fields import new_id, now
from core.models import Contact
from core.permissions import SYSTEM
from core.plugins import load
from core.settings import parse
from plugins.loyalty.ledger import opened
from plugins.loyalty.models import LoyaltyMember, LoyaltyProgramme, LoyaltyReward
from plugins.loyalty.redeeming import redeem
from tests.engines import engine

STEPS, ROUNDS, MEMBERS, AT_ONCE = int(os.environ.get("LOYALTY_STEPS", "400")), 5, 10_000, 16
ENTRY = "INSERT INTO loyalty_entry (id, transaction_id, account, member_id, programme_id, lot_id, points, effective_at) VALUES "
Step = Callable[[uuid.UUID], Awaitable[None]]


def main() -> None:
    """Print the figures of each database, measured in a process of its own."""
    name = os.environ.get("LOYALTY_DATABASE")
    if name is None:
        for one in ("sqlite", "postgres"):
            subprocess.run([sys.executable, "-m", "benchmarks", "loyalty"], env={**os.environ, "LOYALTY_DATABASE": one}, check=True)
    else:
        asyncio.run(_measured(name))


async def _measured(name: str) -> None:
    with tempfile.TemporaryDirectory(prefix="payvand-loyalty-") as place, engine(name) as database:
        settings = parse({"database": {"url": database.create()}, "plugins": {"enabled": ["loyalty"]}}, Path(place) / "settings.toml")
        plugins = load(settings)
        await migrate(settings, plugins)
        crm = CRM(settings, plugins)
        async with connect(settings, plugins, everywhere=True):
            programme, reward, members = await _club()
            hand = await _by_hand(settings.database.url, programme, reward)
            call = crm.call(SYSTEM)

            async def earn(member: uuid.UUID) -> None:
                async with transaction(call):
                    book = await opened(call, member)
                    await book.earn(100, str(new_id()), available_at=book.moment, expires_at=None)

            async def spend(member: uuid.UUID) -> None:
                async with transaction(call):
                    await redeem(call, member, reward)

            for who, chosen in (("one member", members[:1]), (f"{MEMBERS:,} members", members)):
                for what, ours, theirs in (("earn", earn, hand.earn), ("redeem", spend, hand.spend)):
                    ratios, rates = [], []
                    for round_ in range(ROUNDS):
                        some = [chosen[(round_ * STEPS + step) % len(chosen)] for step in range(STEPS)]
                        mine, his = await _rate(ours, some), await _rate(theirs, some)
                        rates.append(mine)
                        ratios.append(mine / his)
                    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})"
                    print(f"{name:<9} {who:<15} {what:<7} {statistics.median(rates):6.0f} /s   beside SQL by hand {spread}", flush=True)
            await hand.close()


async def _rate(step: Step, members: Sequence[uuid.UUID]) -> float:
    waiting = list(members)

    async def work() -> None:
        while waiting:
            await step(waiting.pop())

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return len(members) / (time.perf_counter() - began)


async def _club() -> tuple[uuid.UUID, uuid.UUID, list[uuid.UUID]]:
    """A programme, a reward, and members who have points enough."""
    programme = await LoyaltyProgramme.create(name="Club", name_key="club", point_value=100, currency="IRR")
    reward = await LoyaltyReward.create(programme_id=programme.id, name="mug", name_key="mug", cost=1, stock=10**9)
    contacts = [Contact(name=f"c{number}", name_key=f"c{number}") for number in range(MEMBERS)]
    await Contact.bulk_create(contacts, batch_size=500)
    members = [LoyaltyMember(contact_id=one.id, programme_id=programme.id) for one in contacts]
    await LoyaltyMember.bulk_create(members, batch_size=500)
    return programme.id, reward.id, [one.id for one in members]


class _Postgres:
    """By hand, with asyncpg."""

    def __init__(self, pool: asyncpg.Pool, programme: uuid.UUID, reward: uuid.UUID) -> None:
        self.pool, self.programme, self.reward = pool, programme, reward

    async def earn(self, member: uuid.UUID) -> None:
        async with self.pool.acquire() as one, one.transaction():
            moment, lot, step = now(), new_id(), new_id()
            await one.fetchrow("SELECT * FROM loyalty_member WHERE id = $1 FOR UPDATE", member)
            await one.execute(LOT, lot, member, moment)
            await one.execute(STEP.format("EARN", 100), step, member, moment, str(step), None)
            sides = "($1, $2, 'ISSUED', NULL, $5, $6, -100, $7), ($3, $2, 'AVAILABLE', $4, $5, $6, 100, $7)"
            await one.execute(ENTRY + sides, new_id(), step, new_id(), member, self.programme, lot, moment)
            await one.execute("UPDATE loyalty_member SET balance = balance + 100 WHERE id = $1", member)

    async def spend(self, member: uuid.UUID) -> None:
        async with self.pool.acquire() as one, one.transaction():
            moment, made, step = now(), new_id(), new_id()
            await one.fetchrow("SELECT * FROM loyalty_member WHERE id = $1 FOR UPDATE", member)
            await one.fetchrow("SELECT * FROM loyalty_reward WHERE id = $1 FOR UPDATE", self.reward)
            lot = await one.fetchval(FIRST.replace("?", "$1"), member)
            await one.execute("UPDATE loyalty_reward SET stock = stock - 1 WHERE id = $1", self.reward)
            await one.execute(MADE, made, member, self.reward, moment)
            await one.execute(STEP.format("REDEEM", 1), step, member, moment, str(step), made)
            sides = "($1, $2, 'AVAILABLE', $4, $5, $6, -1, $7), ($3, $2, 'BURNED', NULL, $5, $6, 1, $7)"
            await one.execute(ENTRY + sides, new_id(), step, new_id(), member, self.programme, lot, moment)
            await one.execute("UPDATE loyalty_lot SET remaining = remaining - 1 WHERE id = $1", lot)
            await one.execute("UPDATE loyalty_member SET balance = balance - 1 WHERE id = $1", member)

    async def close(self) -> None:
        """Let go of the database."""
        await self.pool.close()


class _Sqlite:
    """By hand, with sqlite3: in this thread, for there is one writer anyway."""

    def __init__(self, file: sqlite3.Connection, programme: uuid.UUID, reward: uuid.UUID) -> None:
        self.file, self.programme, self.reward = file, str(programme), str(reward)

    async def earn(self, member: uuid.UUID) -> None:
        moment, lot, step, key, do = _moment(), str(new_id()), str(new_id()), str(member), self.file.execute
        do("BEGIN IMMEDIATE")
        do("SELECT * FROM loyalty_member WHERE id = ?", (key,)).fetchone()
        do(_places(LOT), {"1": lot, "2": key, "3": moment})
        do(_places(STEP.format("EARN", 100)), {"1": step, "2": key, "3": moment, "4": step, "5": None})
        sides = "(?, ?, 'ISSUED', NULL, ?, ?, -100, ?), (?, ?, 'AVAILABLE', ?, ?, ?, 100, ?)"
        do(ENTRY + sides, (str(new_id()), step, self.programme, lot, moment, str(new_id()), step, key, self.programme, lot, moment))
        do("UPDATE loyalty_member SET balance = balance + 100 WHERE id = ?", (key,))
        do("COMMIT")

    async def spend(self, member: uuid.UUID) -> None:
        moment, made, step, key, do = _moment(), str(new_id()), str(new_id()), str(member), self.file.execute
        do("BEGIN IMMEDIATE")
        do("SELECT * FROM loyalty_member WHERE id = ?", (key,)).fetchone()
        do("SELECT * FROM loyalty_reward WHERE id = ?", (self.reward,)).fetchone()
        [lot] = do(FIRST, (key,)).fetchone()
        do("UPDATE loyalty_reward SET stock = stock - 1 WHERE id = ?", (self.reward,))
        do(_places(MADE), {"1": made, "2": key, "3": self.reward, "4": moment})
        do(_places(STEP.format("REDEEM", 1)), {"1": step, "2": key, "3": moment, "4": step, "5": made})
        sides = "(?, ?, 'AVAILABLE', ?, ?, ?, -1, ?), (?, ?, 'BURNED', NULL, ?, ?, 1, ?)"
        do(ENTRY + sides, (str(new_id()), step, key, self.programme, lot, moment, str(new_id()), step, self.programme, lot, moment))
        do("UPDATE loyalty_lot SET remaining = remaining - 1 WHERE id = ?", (lot,))
        do("UPDATE loyalty_member SET balance = balance - 1 WHERE id = ?", (key,))
        do("COMMIT")

    async def close(self) -> None:
        """Let go of the database."""
        self.file.close()


LOT = """INSERT INTO loyalty_lot (id, member_id, issued, remaining, earned_at, available_at, pending)
VALUES ($1, $2, 100, 100, $3, $3, FALSE)"""
STEP = """INSERT INTO loyalty_transaction (id, member_id, kind, points, effective_at, recorded_at, key, redemption_id, forgiven)
VALUES ($1, $2, '{}', {}, $3, $3, $4, $5, 0)"""
MADE = """INSERT INTO loyalty_redemption (id, member_id, reward_id, points, state, created_at, redeemed_at)
VALUES ($1, $2, $3, 1, 'REDEEMED', $4, $4)"""
FIRST = """SELECT id FROM loyalty_lot WHERE member_id = ? AND remaining > 0 AND NOT pending
ORDER BY expires_at IS NULL, expires_at, earned_at, id LIMIT 1"""


def _places(sql: str) -> str:
    return sql.replace("$", ":")


def _moment() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(" ")


async def _by_hand(url: str, programme: uuid.UUID, reward: uuid.UUID) -> _Postgres | _Sqlite:
    if url.startswith("sqlite"):
        file = sqlite3.connect(url.partition("://")[2].partition("?")[0], isolation_level=None, timeout=20)
        file.execute("PRAGMA synchronous = NORMAL")
        return _Sqlite(file, programme, reward)
    return _Postgres(await asyncpg.create_pool(url, max_size=10), programme, reward)
