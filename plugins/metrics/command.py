"""`payvand metrics`: to score customers, and to look after what is kept."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from plugins.metrics.rollup_keeping import Told, build, verify
from plugins.metrics.scoring import score_all


@click.group()
def metrics() -> None:
    """Look after what metrics keep."""


@metrics.command("score")
@click.pass_obj
def _score(setup: Any) -> None:
    """Score all customers now: recency, frequency, money, and what to expect of them."""
    click.echo(f"{asyncio.run(_scored(setup)):,} customers have scores.")


async def _scored(setup: Any) -> int:
    async with setup.house() as call:
        return await score_all(call)


@metrics.command("rollup")
@click.option("--verify", "only_verify", is_flag=True, help="Hold what is kept against the deals; exit code 1 when it differs.")
@click.pass_obj
def _rollup(setup: Any, only_verify: bool) -> None:
    """Work out anew on which days customers bought, for cohorts and retention; the server keeps it from then on."""
    if not only_verify:
        asyncio.run(_build(setup))
        click.echo("The roll-up is built.")
        return
    wrong = asyncio.run(_verify(setup))
    if wrong is None:
        raise click.ClickException("nothing was built yet: payvand metrics rollup")
    if wrong:
        raise click.ClickException(f"{wrong} customers differ from their deals; build it anew if no event waits (payvand consumers list)")
    click.echo("The roll-up is well.")


async def _build(setup: Any) -> None:
    async with setup.house() as call:
        with _bar() as told:
            await build(call, told)


async def _verify(setup: Any) -> int | None:
    async with setup.house() as call:
        with _bar() as told:
            return await verify(call, told)


@contextmanager
def _bar() -> Iterator[Told]:
    """A bar on stderr; nothing where stderr is no terminal."""
    out = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        task = progress.add_task("customers", total=None)

        def told(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield told
