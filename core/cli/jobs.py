"""`payvand jobs`: the jobs, and what can be done about them."""

import asyncio
import uuid
from typing import Any

import click

from core.cli import Setup
from core.cli.house import house
from core.cli.output import as_json, console, print_json
from core.errors import NotFound
from core.jobs import control
from core.models import Job, JobState

STATES = click.Choice([state.value.lower() for state in JobState])
MOST = 100


@click.group()
def jobs() -> None:
    """List, retry and cancel jobs."""


@jobs.command("list")
@click.option("--state", type=STATES, help="Only jobs in this state.")
@click.option("--name", help="Only jobs of this name.")
@click.option("--most", type=click.IntRange(1, 10_000), default=MOST, show_default=True, help="How many, the newest first.")
@as_json
@click.pass_obj
def list_(setup: Setup, state: str | None, name: str | None, most: int, as_json: bool) -> None:
    """List jobs, the newest first."""
    found = asyncio.run(_list(setup, state, name, most))
    if as_json:
        print_json(found)
        return
    for one in found:
        progress = f"{one['progressDone']}/{one['progressTotal']}" if one["progressTotal"] else ""
        words = [one["id"], f"{one['state']:<9}", one["name"], f"attempts {one['attempts']}", progress, one["error"] or ""]
        console().print("  ".join(word for word in words if word))
    if not found:
        console().print("There are no such jobs.")


@jobs.command()
@click.argument("ids", nargs=-1, type=click.UUID)
@click.option("--dead", is_flag=True, help="All dead jobs.")
@click.option("--name", help="With --dead: only those of this name.")
@click.pass_obj
def retry(setup: Setup, ids: tuple[uuid.UUID, ...], dead: bool, name: str | None) -> None:
    """Have dead or cancelled jobs done again: those with these IDS, or all dead ones."""
    if bool(ids) == dead or (name and not dead):
        raise click.UsageError("give either ids, or --dead and perhaps --name")
    count = asyncio.run(_retry(setup, ids, name))
    console().print(f"{count} jobs wait for their turn again.")


@jobs.command()
@click.argument("ids", nargs=-1, type=click.UUID, required=True)
@click.pass_obj
def cancel(setup: Setup, ids: tuple[uuid.UUID, ...]) -> None:
    """Cancel the jobs with these IDS; what runs is told to stop."""
    count = asyncio.run(_cancel(setup, ids))
    console().print(f"{count} jobs are cancelled, or told to stop.")


async def _list(setup: Setup, state: str | None, name: str | None, most: int) -> list[dict[str, Any]]:
    async with house(setup):
        rows = Job.all()
        if state:
            rows = rows.filter(state=JobState(state.upper()))
        if name:
            rows = rows.filter(name=name)
        return [_words(one) for one in await rows.order_by("-enqueued_at", "-id").limit(most)]


async def _retry(setup: Setup, ids: tuple[uuid.UUID, ...], name: str | None) -> int:
    async with house(setup) as call:
        dead = Job.filter(state=JobState.DEAD, **({"name": name} if name else {}))
        found = await _found(ids) if ids else await dead.order_by("id")
        for one in found:
            await control.retry(call, one)
        return len(found)


async def _cancel(setup: Setup, ids: tuple[uuid.UUID, ...]) -> int:
    async with house(setup) as call:
        found = await _found(ids)
        for one in found:
            await control.cancel(call, one)
        return len(found)


async def _found(ids: tuple[uuid.UUID, ...]) -> list[Job]:
    found = await Job.filter(id__in=list(ids)).order_by("id")
    if missing := set(ids) - {one.id for one in found}:
        raise NotFound(f"there is no job {min(missing)}; see: payvand jobs list")
    return found


def _words(one: Job) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "name": one.name,
        "state": one.state.value.lower(),
        "queue": one.queue,
        "arguments": one.arguments,
        "key": one.key,
        "attempts": one.attempts,
        "progressDone": one.progress_done,
        "progressTotal": one.progress_total,
        "error": one.error,
        "requestedBy": one.requested_by,
        "enqueuedAt": one.enqueued_at.isoformat(),
        "runAt": one.run_at.isoformat(),
        "finishedAt": one.finished_at.isoformat() if one.finished_at else None,
    }
