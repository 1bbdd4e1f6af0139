"""What an import costs: contacts with an e-mail address and a phone each, against `executemany` of the rows that it writes.

Both run in turn in this process, on SQLite and on PostgreSQL. The ratio is what to compare; the goal is 3. How many
contacts: IMPORT_CONTACTS, else 20,000. One database alone: IMPORT_DATABASE=sqlite or postgres.
"""

import asyncio
import csv
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg

from core import plugins, settings
from core.crm import CRM, Call
from core.database import connect, migrate
from core.permissions import SYSTEM
from core.settings import Settings
from core.transfer.importing import Import
from core.transfer.mapping import Chart
from core.transfer.named import resource_named
from core.transfer.plan import Plan
from core.transfer.reading import Source
from core.transfer.report import Rejects
from tests.engines import engine

CONTACTS = int(os.environ.get("IMPORT_CONTACTS", "20000"))
ENGINES = ("sqlite", "postgres")
BATCH = 2_000
# The tables that an import of contacts writes, and the order in which it does.
TABLES = {
    "contact": "id", "contact_email": "contact_id", "contact_phone": "contact_id", "lifecycle_change": "contact_id",
    "event": "position", "event_values": "event_id",
}  # fmt: skip
HEADER = ("Record ID", "First Name", "Last Name", "Email", "Mobile Phone", "City", "Job Title", "Lead Source")
Rows = dict[str, tuple[list[str], list[tuple[Any, ...]]]]


def main() -> None:
    """Print the figures."""
    wanted = os.environ.get("IMPORT_DATABASE")
    for name in [wanted] if wanted else ENGINES:
        # A process for each: what the object mapper remembers of one database does not fit another.
        subprocess.run([sys.executable, "-c", f"from benchmarks.import_contacts import measure; measure({name!r})"], check=True)


def measure(name: str) -> None:
    """Print the figures of one database."""
    with tempfile.TemporaryDirectory() as place, engine(name) as database:
        file = _file(Path(place) / "contacts.csv")
        first, second = _house(Path(place), database.create()), _house(Path(place), database.create())
        for house in (first, second):
            asyncio.run(migrate(house, plugins.load(house)))
        imported = asyncio.run(_import(first, file))
        bare = _insert(second.database.url, _read(first.database.url))
        print(f"{name:8} import {imported:6.2f} s, {imported / CONTACTS * 1e6:4.0f} µs a contact")
        print(f"{name:8} bare   {bare:6.2f} s, {bare / CONTACTS * 1e6:4.0f} µs a contact")
        print(f"{name:8} ratio  {imported / bare:6.2f}   (goal 3)", flush=True)


def _file(path: Path) -> Path:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(HEADER)
        for number in range(CONTACTS):
            city = ("Tehran", "شیراز", "اصفهان", "Yazd")[number % 4]
            phone = f"+98912{number % 10_000_000:07}"
            writer.writerow(
                [number, f"Given{number % 977}", f"Family{number}", f"person{number}@example.com", phone, city, "Manager", "web"]
            )
    return path


def _house(place: Path, url: str) -> Settings:
    text = f'[database]\nurl = "{url}"\n'
    return settings.parse(tomllib.loads(text), place / "settings.toml")


async def _import(house: Settings, file: Path) -> float:
    found = plugins.load(house)
    async with connect(house, found):
        crm = CRM(house, found)
        crm.check()
        call = Call(crm, SYSTEM)
        began = time.perf_counter()
        source = Source(file, "utf-8", ",", lines=False)
        plan = Plan(crm, resource_named(crm, "contact"), Chart(), "benchmark")
        report = await Import(call, plan, Rejects(file.with_suffix(".rejects"), source.columns, ",", lines=False), BATCH).run(
            source, dry=False
        )
        assert report.created == CONTACTS
        return time.perf_counter() - began


def _read(url: str) -> Rows:
    """All rows that the import wrote, as the driver takes them."""
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite://")) as file:
            return {table: _named(file.execute(f'SELECT * FROM "{table}" ORDER BY {key}')) for table, key in TABLES.items()}
    return asyncio.run(_fetch(url))


def _named(cursor: sqlite3.Cursor) -> tuple[list[str], list[tuple[Any, ...]]]:
    return [column[0] for column in cursor.description], cursor.fetchall()


async def _fetch(url: str) -> Rows:
    server = await asyncpg.connect(url)
    try:
        found: Rows = {}
        for table, key in TABLES.items():
            rows = await server.fetch(f'SELECT * FROM "{table}" ORDER BY {key}')
            found[table] = list(rows[0].keys()), [tuple(row) for row in rows]
        return found
    finally:
        await server.close()


def _insert(url: str, rows: Rows) -> float:
    """Seconds for `executemany` of the rows, as many in one transaction as the import has."""
    if not url.startswith("sqlite"):
        return asyncio.run(_insert_into_server(url, rows))
    file = sqlite3.connect(url.removeprefix("sqlite://"), isolation_level=None)
    file.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON")
    began = time.perf_counter()
    for start in range(0, CONTACTS, BATCH):
        file.execute("BEGIN IMMEDIATE")
        for table, (columns, values) in rows.items():
            file.executemany(_statement(table, columns, ["?"] * len(columns)), values[start : start + BATCH])
        file.execute("COMMIT")
    took = time.perf_counter() - began
    file.close()
    return took


async def _insert_into_server(url: str, rows: Rows) -> float:
    server = await asyncpg.connect(url)
    try:
        began = time.perf_counter()
        for start in range(0, CONTACTS, BATCH):
            async with server.transaction():
                for table, (columns, values) in rows.items():
                    places = [f"${place + 1}" for place in range(len(columns))]
                    await server.executemany(_statement(table, columns, places), values[start : start + BATCH])
        return time.perf_counter() - began
    finally:
        await server.close()


def _statement(table: str, columns: Sequence[str], places: Sequence[str]) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return f'INSERT INTO "{table}" ({names}) VALUES ({", ".join(places)})'
