"""What `payvand serve --dev` does before it serves: everything that a newcomer would have to do by hand."""

import os
import shlex
from pathlib import Path

import click

from core.access.keys import create_key
from core.auth import known_key
from core.crm import CRM, Call
from core.database import connect, migrate
from core.database.addresses import sqlite_file
from core.models import Contact
from core.permissions import SYSTEM
from core.plugins import Plugins
from core.records.visibility import visible
from core.settings import Settings

QUERY = '{"query": "{ contacts(first: 3) { totalCount nodes { name city } } }"}'


async def prepare(settings: Settings, plugins: Plugins) -> None:
    """Bring the tables up to date, fill an empty house with demo data, and see to it that there is a development key."""
    await migrate(settings, plugins, lambda step: click.echo(f"Applying {step} ..."))
    async with connect(settings, plugins):
        crm = CRM(settings, plugins)
        call = Call(crm, SYSTEM)
        if not await visible(call, Contact, deleted=True).exists():
            await _fill(call)
        await _see_to_key(crm)
        await crm.settle()


def greet(settings: Settings, url: str) -> None:
    """Say where the server is, and what to ask it first."""
    path = _shown(key_file(settings))
    key = f"Authorization: Bearer $(cat {shlex.quote(str(path))})"
    click.echo(f"\nPayvand serves {url}/graphql - open it in a browser for GraphiQL, or ask:\n")
    click.echo(f"  curl {url}/graphql -H 'Content-Type: application/json' -H \"{key}\" -d '{QUERY}'\n")
    click.echo(f"The development key, which may do everything, is in {path}. Ctrl-C stops the server.\n")


def key_file(settings: Settings) -> Path:
    """Where the development key lies: beside the SQLite file, or in the folder `var` when the database is a server."""
    database = sqlite_file(settings)
    return (database.parent if database else settings.folder / "var") / "development.key"


async def _fill(call: Call) -> None:
    from core.demo import fill  # here, because only the first start needs it, and the next one is to be quick

    click.echo("Making demo data ...")
    made = await fill(call)
    click.echo(f"Made {sum(made.values()):,} records.")


async def _see_to_key(crm: CRM) -> None:
    path = key_file(crm.settings)
    if path.exists() and await known_key(path.read_text("ascii", "replace").strip()):
        path.chmod(0o600)
        return
    key = await create_key(crm, name="development", role="admin")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # an older file may be open to others
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{key}\n")


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
