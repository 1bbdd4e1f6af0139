"""`payvand consumers`: who reads the events, how far each is, and what to do about those that stay behind."""

import asyncio
from dataclasses import asdict

import click

from core.cli import Setup
from core.cli.house import house
from core.cli.output import as_json, console, print_json
from core.errors import Conflict, NotFound
from core.events import transaction
from core.models import ConsumerState, DeadEvent
from core.tail.kept import EVERYTHING
from core.tail.lag import Lag, lags


@click.group()
def consumers() -> None:
    """Show who reads the events, forget one that is gone, or try again what one has put aside."""


@consumers.command("list")
@as_json
@click.pass_obj
def list_(setup: Setup, as_json: bool) -> None:
    """List the consumers with what waits for them."""
    found = asyncio.run(_list(setup))
    if as_json:
        print_json([asdict(one) for one in found])
        return
    for one in found:
        state = "orphan" if one.orphan else f"failed {one.failures} times" if one.failures else "well"
        console().print(f"{one.name}  {one.plugin}  {state}  {one.events} events, {one.seconds:.0f} s behind  {one.dead} put aside")
    if not found:
        console().print("There are no consumers.")


@consumers.command()
@click.argument("name")
@click.pass_obj
def forget(setup: Setup, name: str) -> None:
    """Forget how far the consumer NAME was, when no plugin declares it any more."""
    asyncio.run(_forget(setup, name))
    console().print(f"The consumer {name} is forgotten.")


@consumers.command()
@click.argument("name")
@click.pass_obj
def retry(setup: Setup, name: str) -> None:
    """Hand the events that the consumer NAME has put aside to it again, one by one. Exit code 1 when one of them fails."""
    well, bad = asyncio.run(_retry(setup, name))
    console().print(f"{well} taken, {bad} put aside still.")
    if bad:
        raise SystemExit(1)


async def _list(setup: Setup) -> list[Lag]:
    async with house(setup) as call:
        try:
            return await lags(call.crm)
        finally:
            await call.crm.tail.source.close()


async def _forget(setup: Setup, name: str) -> None:
    async with house(setup) as call:
        if name in call.crm.consumers:
            raise Conflict(f"the plugin '{call.crm.consumers[name][0]}' declares the consumer {name}; it goes on from where it is")
        async with transaction(call):
            await DeadEvent.filter(consumer=name).delete()
            if not await ConsumerState.filter(name=name).delete():
                raise NotFound(f"there is no consumer {name[:80]}; see: payvand consumers list")


async def _retry(setup: Setup, name: str) -> tuple[int, int]:
    async with house(setup) as call:
        if name not in call.crm.consumers:
            raise NotFound(f"no plugin that is enabled declares a consumer {name[:80]}")
        consumer, bad, source = call.crm.consumers[name][1], 0, call.crm.tail.source
        try:
            dead = await DeadEvent.filter(consumer=name).order_by("position")
            for one in dead:
                events, _ = await source.read(EVERYTHING, one.position - 1, one.position, 1)
                try:
                    async with transaction(call):
                        await DeadEvent.filter(id=one.id).delete()
                        await consumer.handle(call.crm, events)
                except Exception as error:  # the edge where a stranger's failure ends
                    bad += 1
                    click.echo(f"{one.name} {one.event_id}: {type(error).__name__}: {error}", err=True)
            return len(dead) - bad, bad
        finally:
            await source.close()
