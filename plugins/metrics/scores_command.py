"""`payvand metrics score`."""

import asyncio
from typing import Any

import click

from plugins.metrics.scoring import score_all


@click.group()
def metrics() -> None:
    """Look after metrics."""


@metrics.command("score")
@click.pass_obj
def _score(setup: Any) -> None:
    """Score all customers now: recency, frequency, money, and what to expect of them."""
    click.echo(f"{asyncio.run(_scored(setup)):,} customers have scores.")


async def _scored(setup: Any) -> int:
    async with setup.house() as call:
        return await score_all(call)
