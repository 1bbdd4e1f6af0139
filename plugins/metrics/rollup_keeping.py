"""Keeping the days on which customers bought: made once by `payvand metrics rollup`, and kept by the events of deals.

A purchase is a deal in a won stage, by the time at which it was closed; its day is that of the company's time zone. Whatever happens to a
deal, all days of its customers are worked out anew from the deals as they are then. So it does not matter how often an event comes, nor
what it says: what is kept is what is there.
"""

import datetime
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

from tortoise.connection import get_connection
from tortoise.expressions import Q

from core import CRM, SYSTEM, Call, KeptEvent, Run, enqueue, local_day, select, transaction
from core.fields import now
from core.models import AuditEntry, Company, ConsumerState, Contact, Deal, EventValues
from plugins.metrics.models import MetricsRollup

NAME, CONSUMER, REBUILD = "purchases", "metrics.rollup", "metrics.rollup"
EVENTS = ("deal.*", "stage.updated", "contact.merged")
COLUMNS: Mapping[str, str] = {"CONTACT": "contact_id", "COMPANY": "company_id"}
MODELS: Mapping[str, type[Contact] | type[Company]] = {"CONTACT": Contact, "COMPANY": Company}
PAGE = 20_000  # customers in one transaction
AT_ONCE = 500  # events that are followed by the same statements
LONGEST = datetime.timedelta(days=1)  # that a transaction may have been open
ROW = "customer, customer_id, day, first_day, previous_day, deals"

Told = Callable[[int, int], None]


def _days(customer: str, zone: str, which: str) -> str:
    """SQL for the rows of some customers, worked out from their deals. `which` says it of `{c}`, the column with the customer."""
    column = f"d.{COLUMNS[customer]}"
    bought = (
        f"SELECT {column} AS customer_id, {local_day('d.closed_at', zone)} AS day, COUNT(*) AS deals"
        f" FROM deal AS d JOIN stage AS s ON s.id = d.stage_id"
        f" WHERE s.kind = 'WON' AND d.deleted_at IS NULL AND d.closed_at IS NOT NULL AND {which.format(c=column)} GROUP BY 1, 2"
    )
    return (
        f"SELECT '{customer}' AS customer, b.customer_id, b.day, MIN(b.day) OVER (PARTITION BY b.customer_id) AS first_day,"
        f" LAG(b.day) OVER (PARTITION BY b.customer_id ORDER BY b.day) AS previous_day, b.deals FROM ({bought}) AS b"
    )


async def _renew(customer: str, zone: str, which: str) -> None:
    """Work the rows of some customers out anew, inside a transaction."""
    database = get_connection("default")
    if database.capabilities.dialect == "postgres":
        await database.execute_query("SET LOCAL statement_timeout = 0")  # it is for requests, and nobody waits for this one
    kept = which.format(c="customer_id")
    await database.execute_query(f"DELETE FROM metrics_purchase_day WHERE customer = '{customer}' AND {kept}")
    await database.execute_query(f"INSERT INTO metrics_purchase_day ({ROW}) {_days(customer, zone, which)}")


async def follow(crm: CRM, events: Sequence[KeptEvent]) -> None:
    """Keep up with what happened. Nothing is kept before it was built."""
    state = await MetricsRollup.filter(name=NAME).select_for_update().first()  # one at a time, this or a page of the building
    if state is None:
        return
    since = state.began_at - LONGEST  # what was committed before the building began is in it
    recent = [event for event in events if event.at >= since]
    stages = {event.record_id for event in recent if event.resource == "stage" and "kind" in event.changed}
    if await Deal.filter(stage_id__in=list(stages)).count() > PAGE:
        # More than a transaction should hold: until all of it is built anew, page by page, deals answer.
        await MetricsRollup.filter(name=NAME).update(whole=False)
        await enqueue(crm.call(SYSTEM), REBUILD, key=NAME)
        stages = set()
    moved = {event.record_id for event in recent if event.resource == "deal"}
    for customer, column in COLUMNS.items():
        known = {one for event in recent for one in _named(event, customer)}
        # Those whom the deals name now, and those whom they named before.
        tests = [f"{{c}} IN ({_listed(known)})"] if known else []
        tests += [f"{{c}} IN (SELECT {column} FROM deal WHERE id IN ({_listed(moved)}))"] if moved else []
        tests += [f"{{c}} IN (SELECT {column} FROM deal WHERE stage_id IN ({_listed(stages)}))"] if stages else []
        if tests:
            await _renew(customer, state.zone, f"({' OR '.join(tests)})")


async def catch_up(call: Call) -> None:
    """Follow what waits now, without waiting for the consumer, who will follow it once more: before the values of events are removed.

    Of a deal that was given to somebody else they alone say whose it was.
    """
    state = await ConsumerState.get_or_none(name=CONSUMER)
    waiting = AuditEntry.filter(Q(resource="deal") | Q(name="contact.merged"), position__gt=state.position if state else 0)
    entries = await waiting.order_by("position")
    for start in range(0, len(entries), AT_ONCE):
        some = entries[start : start + AT_ONCE]
        values = {one.event_id: one for one in await EventValues.filter(event_id__in=[entry.id for entry in some])}
        await follow(call.crm, [_kept(entry, values.get(entry.id)) for entry in some])


def _kept(entry: AuditEntry, values: EventValues | None) -> KeptEvent:
    return KeptEvent(
        position=entry.position, name=entry.name, resource=entry.resource, record_id=entry.record_id, actor=entry.actor, at=entry.at,
        changed=tuple(entry.changed), before=(values and values.before) or {}, after=(values and values.after) or {},
    )  # fmt: skip


def _named(event: KeptEvent, customer: str) -> Iterable[uuid.UUID]:
    if event.resource == "deal":
        values = (some.get(COLUMNS[customer]) for some in (event.before, event.after))
        yield from (uuid.UUID(str(value)) for value in values if value)
    elif event.name == "contact.merged" and customer == "CONTACT":
        yield event.record_id
        yield from (uuid.UUID(text.rpartition("_")[2]) for text in event.after.get("merged_ids", ()))


def _listed(keys: Iterable[uuid.UUID]) -> str:
    return ", ".join(f"'{key}'" for key in sorted(keys))


async def build(call: Call, told: Told) -> None:
    """Make all rows anew, for the company's time zone, in as many transactions as there are pages of customers.

    told: is called with the customers that are done, and all of them. What happens meanwhile is followed from the beginning on, and what
    was there before is not asked until all of it is done.
    """
    zone = call.crm.settings.company.time_zone
    async with transaction(call):
        await MetricsRollup.filter(name=NAME).delete()
        await MetricsRollup.create(name=NAME, zone=zone, began_at=now(), whole=False)
    async for customer, which in _pages(told):
        async with transaction(call):
            await MetricsRollup.filter(name=NAME).select_for_update().get()
            await _renew(customer, zone, which)
    await get_connection("default").execute_query("ANALYZE metrics_purchase_day")  # a plan for an empty table would be a slow one
    await MetricsRollup.filter(name=NAME).update(whole=True)


async def rebuild(run: Run) -> None:
    """As `build`, as a job."""
    await build(run, lambda done, total: None)


async def verify(call: Call, told: Told) -> int | None:
    """How many customers have other days than their deals say, for an event that waits among others; None where nothing was built."""
    state = await MetricsRollup.get_or_none(name=NAME)
    if state is None or not state.whole:
        return None
    wrong = 0
    async for customer, which in _pages(told):
        right = _days(customer, state.zone, which)
        kept = f"SELECT {ROW} FROM metrics_purchase_day WHERE customer = '{customer}' AND {which.format(c='customer_id')}"
        # Both ways; a parenthesis around a part of a compound is not SQLite's.
        both = f"SELECT * FROM (SELECT * FROM ({right}) AS r EXCEPT SELECT * FROM ({kept}) AS k) AS x"
        both += f" UNION ALL SELECT * FROM (SELECT * FROM ({kept}) AS k EXCEPT SELECT * FROM ({right}) AS r) AS y"
        [row] = await select(f"SELECT COUNT(DISTINCT customer_id) AS n FROM ({both}) AS z")
        wrong += row["n"]
    return wrong


async def _pages(told: Told) -> AsyncIterator[tuple[str, str]]:
    """Customers with the test of a page of them, in the order of their keys, so that each is on one page."""
    counts = {customer: await model.all().count() for customer, model in MODELS.items()}
    done, total = 0, sum(counts.values())
    for customer, model in MODELS.items():
        first: uuid.UUID | None = None
        for start in range(0, max(counts[customer], 1), PAGE):
            following: Any = await model.all().order_by("id").offset(start + PAGE).limit(1).values_list("id", flat=True)
            last = following[0] if following and start + PAGE < counts[customer] else None
            bounds = [f"{{c}} >= '{first}'"] if first else []
            bounds += [f"{{c}} < '{last}'"] if last else []
            yield customer, " AND ".join(["{c} IS NOT NULL", *bounds])
            first = last
            done += min(PAGE, counts[customer] - start)
            told(done, total)


async def first_waiting() -> AuditEntry | None:
    """The first event that the roll-up has still to follow."""
    state = await ConsumerState.get_or_none(name=CONSUMER)
    wanted = Q(resource="deal") | Q(name__in=["stage.updated", "contact.merged"])
    return await AuditEntry.filter(wanted, position__gt=state.position if state else 0).order_by("position").first()
