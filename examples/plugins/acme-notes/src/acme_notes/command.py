"""A command: `payvand notes-count`."""

import asyncio
from typing import Any

import click

from acme_notes.models import Note
from core import visible


@click.command("notes-count")
@click.pass_obj
def count(setup: Any) -> None:
    """Say how many notes there are."""
    click.echo(asyncio.run(_count(setup)))


async def _count(setup: Any) -> int:
    async with setup.house() as call:
        return await visible(call, Note).count()
