"""`payvand demo`: fill an empty house with demo data."""

import asyncio
import contextlib
from collections.abc import Iterator

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from core.cli import Setup
from core.cli.house import house
from core.cli.output import as_json, console, print_json
from core.demo import SEED, empty, fill
from core.demo.filling import Told


@click.command()
@click.option("--if-empty", is_flag=True, help="Do nothing, and succeed, when there are contacts.")
@click.option("--seed", type=int, default=SEED, show_default=True, help="Another number gives other people and deals.")
@as_json
@click.pass_obj
def demo(setup: Setup, if_empty: bool, seed: int, as_json: bool) -> None:
    """Fill an empty house: some 2,000 contacts and 3,500 deals of two years, all invented."""
    made = asyncio.run(_fill(setup, if_empty, seed, as_json))
    if as_json:
        print_json({"filled": made is not None, "made": made or {}})
        return
    out = console()
    if made is None:
        out.print("There are contacts already; nothing was added.")
        return
    out.print(f"Made {', '.join(f'{count} of {key}' for key, count in made.items())}.")


async def _fill(setup: Setup, if_empty: bool, seed: int, quiet: bool) -> dict[str, int] | None:
    async with house(setup) as call:
        if if_empty and not await empty(call):
            return None
        with contextlib.nullcontext() if quiet else _bar() as told:
            return await fill(call, told, seed=seed)


@contextlib.contextmanager
def _bar() -> Iterator[Told]:
    """A bar on stderr that says what is being made; nothing where stderr is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    out = Console(stderr=True)
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        task = progress.add_task("drawing", total=None)

        def told(key: str, done: int, total: int) -> None:
            progress.update(task, description=key, completed=done, total=total)

        yield told
