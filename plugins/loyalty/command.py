"""`payvand loyalty verify`."""

import asyncio
from typing import Any

import click

from plugins.loyalty.verifying import Wrong, verify


@click.group()
def loyalty() -> None:
    """Look after the ledger of points."""


@loyalty.command("verify")
@click.pass_obj
def _verify(setup: Any) -> None:
    """Hold entries, lots and members against each other; exit code 1 when something is wrong."""
    found = asyncio.run(_found(setup))
    for one in found:
        click.echo(f"{one.id}: {one.message}")
    if found:
        raise SystemExit(1)
    click.echo("The ledger is well.")


async def _found(setup: Any) -> list[Wrong]:
    async with setup.house():
        return await verify()
