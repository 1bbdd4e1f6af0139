"""The roll-up of purchases: it says what the deals say, whatever happens to them, and answers only for all of them."""

import asyncio
import csv
import datetime
import io
import random
import tempfile
import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from core import SYSTEM, Actor, Calendar, Money, Period, period_start
from core.fields import new_id, now
from core.jobs.trying import do_all
from core.models import AuditEntry, ConsumerState, Deal
from core.records import store
from core.tail.consuming import consuming
from plugins.metrics import bundled, rollup_keeping
from plugins.metrics.declaring import Metric, Part, Unit
from plugins.metrics.question import Question
from plugins.metrics.rollup import Actives, active, from_deals, from_rollup
from plugins.metrics.rollup_keeping import build, first_waiting, verify
from tests.engines import Row
from tests.house import House
from tests.shell import Shell

pytestmark = [pytest.mark.anyio, pytest.mark.plugins("metrics"), pytest.mark.settings(company={"time_zone": "Asia/Tehran"})]

ZONE = "Asia/Tehran"
BEGIN = datetime.datetime(2025, 12, 20, 18, 0, tzinfo=datetime.UTC)
DEALS = "SELECT d.contact_id, d.company_id, d.closed_at FROM deal d JOIN stage s ON s.id = d.stage_id"
UPDATE = """mutation ($id: ID!, $input: DealUpdateInput!) { dealUpdate(id: $id, input: $input) { deal { id } userErrors { message } } }"""
CHANGE = {
    "delete": "mutation ($id: ID!) { dealDelete(id: $id) { userErrors { message } } }",
    "restore": "mutation ($id: ID!) { dealRestore(id: $id) { userErrors { message } } }",
}
STAGE = "mutation ($id: ID!, $kind: StageKind!) { stageUpdate(id: $id, input: {kind: $kind}) { userErrors { message } } }"
ERASE = "mutation ($id: ID!) { contactErase(id: $id) { userErrors { message } } }"
MERGE = "mutation ($into: ID!, $ids: [ID!]!) { contactMerge(into: $into, ids: $ids) { userErrors { message } } }"


class Shop:
    """Deals of a few customers, sold, moved and taken back through the front door."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.stages: dict[str, Any] = {}
        self.contacts: list[Any] = []
        self.companies: list[Any] = []

    async def open(self) -> "Shop":
        """Make what deals need."""
        pipeline = await self.house.make("Pipeline", name="Sales")
        for place, (name, kind) in enumerate((("New", "OPEN"), ("Won", "WON"), ("Paid", "WON"), ("Lost", "LOST"))):
            self.stages[name] = await self.house.make("Stage", name=name, kind=kind, position=place, pipeline_id=pipeline.id)
        self.contacts = [await self.house.make("Contact", name=f"Contact {number}") for number in range(4)]
        self.companies = [await self.house.make("Company", name=f"Company {number}") for number in range(2)]
        return self

    async def sell(
        self, contact: int | None, closed: datetime.datetime, stage: str = "Won", company: int | None = None, amount: Money | None = None
    ) -> Deal:
        """A deal that was closed then, as an import knows it: nobody else writes the past."""
        values: dict[str, Any] = {"started_at": BEGIN, "title": "Anvil", "stage_id": _key(self.stages[stage]), "amount": amount}
        values |= {"closed_at": closed} if stage != "New" else {}
        values |= {"contact_id": _key(self.contacts[contact])} if contact is not None else {}
        values |= {"company_id": _key(self.companies[company])} if company is not None else {}
        [deal] = await store.create_many(self.house.crm.call(SYSTEM), self.house.crm.resource(Deal), [values], past=True)
        return deal

    async def date(self, deal: Deal, closed: datetime.datetime) -> None:
        """Say that a deal was won at another time."""
        values = {"closed_at": closed, "stage_id": _key(self.stages["Won"])}
        await store.update(self.house.crm.call(SYSTEM), self.house.crm.resource(Deal), deal.id, values, past=True)

    async def do(self, document: str, **variables: Any) -> None:
        """A mutation that succeeds."""
        (payload,) = (await self.house.ask(document, **variables)).values()
        assert payload["userErrors"] == []

    async def followed(self) -> None:
        """Run the consumer until the roll-up has heard of all that happened."""
        async with consuming(self.house.crm), asyncio.timeout(30):
            while await first_waiting() is not None:  # noqa: ASYNC110  # a consumer tells nobody how far it is
                await asyncio.sleep(0.02)


def _key(record: Any) -> uuid.UUID:
    return uuid.UUID(record.id.rpartition("_")[2])


def _id(deal: Deal) -> str:
    return f"deal_{deal.id}"


EVERYTHING: Any = {"title": {"eq": "Anvil"}}


def _after(days: float) -> datetime.datetime:
    return BEGIN + datetime.timedelta(days=days)


def _question(house: House, **values: Any) -> Question:
    return Question(house.crm.call(SYSTEM), Deal, **{"period": Period.MONTH, "zone": ZONE, **values})


def _rows(found: Actives | None) -> list[tuple[str, str, int]]:
    assert found is not None
    return [(str(row.cohort_start), str(row.period_start), row.customers) for row in found.rows]


async def _won(house: House) -> list[Row]:
    return await house.sql(f"{DEALS} WHERE s.kind = 'WON' AND d.deleted_at IS NULL AND d.closed_at IS NOT NULL")


def _counted(won: Sequence[Row], column: str, question: Question) -> list[tuple[str, str, int]]:
    """The answer, customer by customer in plain Python."""
    days: dict[str, set[datetime.date]] = defaultdict(set)
    for row in won:
        if row[column] is not None:
            closed = datetime.datetime.fromisoformat(str(row["closed_at"]))
            days[str(row[column])].add(closed.astimezone(ZoneInfo(question.zone)).date())
    found: Counter[tuple[str, str]] = Counter()
    assert question.period
    for some in days.values():
        starts = {day: str(period_start(day, question.period, question.calendar, question.weekday)) for day in some}
        active = {starts[day] for day in some if (question.first or day) <= day <= (question.last or day)}
        found.update((starts[min(some)], start) for start in active)
    return [(*key, count) for key, count in sorted(found.items())]


QUESTIONS: list[dict[str, Any]] = [
    {},
    {"period": Period.DAY},
    {"period": Period.WEEK},
    {"period": Period.QUARTER, "calendar": Calendar.JALALI},
    {"period": Period.MONTH, "calendar": Calendar.JALALI},
    {"period": Period.YEAR},
    {"first": datetime.date(2026, 1, 5), "last": datetime.date(2026, 2, 10)},
    {"period": Period.WEEK, "first": datetime.date(2026, 1, 7)},
]


async def _agree(house: House) -> None:
    won = await _won(house)
    for values in QUESTIONS:
        question = _question(house, **values)
        for customer, column in (("CONTACT", "contact_id"), ("COMPANY", "company_id")):
            wanted = _counted(won, column, question)
            assert _rows(await from_rollup(question, customer)) == wanted, values
            assert _rows(await from_deals(question, customer)) == wanted, values


def _nothing(done: int, total: int) -> None:
    """Who does not look at the bar."""


async def test_customers_count_once_in_each_period_and_by_when_they_first_bought(house: House):
    shop = await Shop(house).open()
    # In Tehran the first is of 21 December, at half past one; the month of the second contact begins on the 31st at half past eight in UTC.
    await shop.sell(0, _after(4 / 24))
    await shop.sell(0, datetime.datetime(2025, 12, 31, 20, 29, tzinfo=datetime.UTC))
    await shop.sell(1, datetime.datetime(2025, 12, 31, 20, 30, tzinfo=datetime.UTC))
    await shop.sell(1, datetime.datetime(2026, 1, 20, tzinfo=datetime.UTC), "Paid")
    await shop.sell(0, datetime.datetime(2026, 1, 21, tzinfo=datetime.UTC))
    await shop.sell(2, datetime.datetime(2026, 1, 21, tzinfo=datetime.UTC), "Lost")
    await shop.sell(None, datetime.datetime(2026, 1, 21, tzinfo=datetime.UTC))
    await build(house.crm.call(SYSTEM), _nothing)
    await shop.followed()
    wanted = [("2025-12-01", "2025-12-01", 1), ("2025-12-01", "2026-01-01", 1), ("2026-01-01", "2026-01-01", 1)]
    assert _rows(await from_rollup(_question(house), "CONTACT")) == wanted
    assert _rows(await from_deals(_question(house), "CONTACT")) == wanted
    late = _question(house, first=datetime.date(2026, 1, 20))
    assert _rows(await from_rollup(late, "CONTACT")) == wanted[1:], "the first purchase may lie before the days asked for"
    await _agree(house)


@pytest.mark.parametrize("seed", range(3))
async def test_it_follows_whatever_happens_to_deals(house: House, seed: int):
    luck = random.Random(seed)
    shop = await Shop(house).open()
    made = [await shop.sell(luck.randrange(4), _after(luck.uniform(0, 70)), company=luck.choice([None, 0, 1])) for _ in range(6)]
    gone: set[uuid.UUID] = set()
    await build(house.crm.call(SYSTEM), _nothing)
    for _ in range(30):
        deal = luck.choice(made)
        match luck.choice(["sell", "sell", "move", "give", "date", "delete", "kind"]):
            case "sell":
                made.append(await shop.sell(luck.choice([None, 0, 1, 2, 3]), _after(luck.uniform(0, 70)), luck.choice([*shop.stages])))
            case "delete" if deal.id in gone:
                await shop.do(CHANGE["restore"], id=_id(deal))
                gone.remove(deal.id)
            case "delete":
                await shop.do(CHANGE["delete"], id=_id(deal))
                gone.add(deal.id)
            case "kind":
                await shop.do(STAGE, id=shop.stages["Paid"].id, kind=luck.choice(["WON", "LOST"]))
            case _ if deal.id in gone:
                continue
            case "move":
                await shop.do(UPDATE, id=_id(deal), input={"stageId": luck.choice([*shop.stages.values()]).id})
            case "give":
                others = {"contactId": luck.choice(shop.contacts).id, "companyId": luck.choice(shop.companies).id}
                await shop.do(UPDATE, id=_id(deal), input=others)
            case "date":
                await shop.date(deal, _after(luck.uniform(0, 70)))
    await shop.followed()
    assert await verify(house.crm.call(SYSTEM), _nothing) == 0
    await _agree(house)
    await shop.do(MERGE, into=shop.contacts[0].id, ids=[shop.contacts[1].id, shop.contacts[2].id])
    await shop.followed()
    assert await verify(house.crm.call(SYSTEM), _nothing) == 0
    await _agree(house)


async def test_whose_a_deal_was_is_known_though_the_person_is_erased_before_the_consumer_hears_of_it(house: House):
    shop = await Shop(house).open()
    given, merged = await shop.sell(0, _after(1), company=0), await shop.sell(2, _after(3))
    await build(house.crm.call(SYSTEM), _nothing)
    await shop.followed()
    await shop.do(UPDATE, id=_id(given), input={"contactId": shop.contacts[1].id, "companyId": shop.companies[1].id})
    await shop.do(MERGE, into=shop.contacts[0].id, ids=[shop.contacts[2].id])
    await shop.date(merged, _after(5))
    await shop.do(ERASE, id=shop.contacts[0].id)
    await shop.followed()
    assert await verify(house.crm.call(SYSTEM), _nothing) == 0
    await _agree(house)


async def test_it_is_built_anew_when_the_kind_of_a_stage_with_many_deals_changes(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rollup_keeping, "PAGE", 2)
    shop = await Shop(house).open()
    for number in range(8):
        await shop.sell(number % 4, _after(number * 9), "Paid" if number % 2 else "Won", company=number % 2)
    await build(house.crm.call(SYSTEM), _nothing)
    await shop.do(STAGE, id=shop.stages["Paid"].id, kind="LOST")
    await shop.followed()
    assert await from_rollup(_question(house), "CONTACT") is None, "until it is built, deals answer"
    await do_all(house.crm, soon=True)
    assert await verify(house.crm.call(SYSTEM), _nothing) == 0
    await _agree(house)


async def test_only_who_sees_all_is_answered_by_it(house: House):
    user = await house.make("User", name="Ada")
    shop = await Shop(house).open()
    deal = await shop.sell(0, _after(1))
    await shop.sell(1, _after(2))
    await shop.do(UPDATE, id=_id(deal), input={"ownerId": user.id})
    call = house.crm.call(SYSTEM)
    assert await from_rollup(_question(house), "CONTACT") is None, "nothing was built"
    await build(call, _nothing)
    await shop.followed()
    assert (await active(_question(house), "CONTACT")).rolled
    assert await from_rollup(_question(house, zone="UTC"), "CONTACT") is None
    assert await from_rollup(_question(house, where=EVERYTHING), "CONTACT") is None
    own = house.crm.call(Actor("Ada", {"*": "all", "deal.read": "own"}, user_id=uuid.UUID(user.id.removeprefix("user_"))))
    mine = await active(replace(_question(house), call=own), "CONTACT")
    assert (mine.rolled, [row.customers for row in mine.rows]) == (False, [1])


async def test_it_answers_as_of_the_moment_up_to_which_it_has_followed_and_not_when_that_is_long_ago(house: House):
    shop = await Shop(house).open()
    old = {"name": "deal.updated", "resource": "deal", "record_id": new_id(), "actor": "a test"}
    await AuditEntry.create(**old, at=now() - datetime.timedelta(minutes=1))
    await shop.sell(0, _after(1))
    await build(house.crm.call(SYSTEM), _nothing)
    found = await active(_question(house), "CONTACT")
    assert (found.rolled, [row.customers for row in found.rows]) == (False, [1])
    [last] = await house.sql("SELECT MAX(position) AS position FROM event")
    await ConsumerState.create(name="metrics.rollup", plugin="metrics", position=last["position"])
    assert (await active(_question(house), "CONTACT")).rolled
    before = now()
    await shop.sell(1, _after(1))
    found = await active(_question(house), "CONTACT")
    assert (found.rolled, [row.customers for row in found.rows]) == (True, [1])
    assert before <= found.as_of <= now()


async def test_the_command_builds_and_verifies(house: House):
    payvand = Shell(house.settings.folder, house.settings.database.url)
    shop = await Shop(house).open()
    await shop.sell(0, _after(1))
    await shop.sell(0, _after(9))
    await shop.followed()
    early = await asyncio.to_thread(payvand, "metrics", "rollup", "--verify")
    assert (early.code, "nothing was built" in early.err) == (1, True)
    assert "is built" in (await asyncio.to_thread(payvand, "metrics", "rollup")).well().out
    assert "is well" in (await asyncio.to_thread(payvand, "metrics", "rollup", "--verify")).well().out
    await house.sql("UPDATE metrics_purchase_day SET previous_day = NULL")
    wrong = await asyncio.to_thread(payvand, "metrics", "rollup", "--verify")
    assert (wrong.code, "1 customers differ" in wrong.err) == (1, True)
    (await asyncio.to_thread(payvand, "metrics", "rollup")).well()
    (await asyncio.to_thread(payvand, "metrics", "rollup", "--verify")).well()
    await _agree(house)


async def test_the_definitions_of_metrics_mean_the_same_to_a_columnar_engine(house: House):
    shop = await Shop(house).open()
    luck = random.Random(1)
    for number in range(40):
        money = Money(Decimal(luck.randrange(1, 500)), luck.choice(["EUR", "EUR", "USD"])) if luck.random() < 0.8 else None
        await shop.sell(luck.randrange(4), _after(luck.uniform(0, 100)), luck.choice([*shop.stages]), amount=money)
        if number % 3 == 0:
            await house.make("Activity", kind="CALL", subject="About anvils", done_at=_after(number).isoformat())
    product = await house.make("Product", name="Anvil", price={"amount": "19.99", "currency": "EUR"})
    for stage in shop.stages.values():
        lines = [{"productId": product.id, "quantity": "1.5"}]
        await house.make("Deal", title="Anvils", stage_id=stage.id, lines=lines)
    other = duckdb.connect()
    for table in ("deal", "deal_line", "product", "stage", "contact", "activity"):
        _exported(other, table, await house.sql(f"SELECT * FROM {table}"))
    for metric in bundled.metrics():
        for period in (None, "MONTH"):
            money, amounts = metric.unit.of_money, metric.unit.in_currency
            asked = ['timeZone: "UTC"', *(['currency: "EUR"'] if amounts else []), *([f"period: {period}"] if period else [])]
            figures = "numerator { amount } denominator" if money else "numerator denominator"
            document = f"{{ {metric.name}({', '.join(asked)}) {{ rows {{ key {{ period {{ start }} }} {figures} }} }} }}"
            rows = (await house.ask(document))[metric.name]["rows"]
            assert rows
            parts = {"numerator": metric.numerator, **({"denominator": metric.denominator} if metric.denominator else {})}
            for name, part in parts.items():
                wanted = {}
                for row in rows:
                    number = Decimal(row[name]["amount"] if isinstance(row[name], dict) else row[name])
                    minor = 100 if isinstance(row[name], dict) or metric.unit is Unit.MONEY_RATIO else 1
                    wanted[(row["key"]["period"] or {}).get("start")] = int(number * minor)
                found = dict.fromkeys(wanted, 0) | _on_columns(other, metric, part, period)
                assert found == wanted, (metric.name, name, period)


def _exported(other: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row]) -> None:
    """A table as a file of CSV gives it to another engine, with times in UTC as they are kept."""
    lines = io.StringIO()
    writer = csv.DictWriter(lines, list(rows[0]))
    writer.writeheader()
    for row in rows:
        times = {name: datetime.datetime.fromisoformat(str(value)) for name, value in row.items() if name.endswith("_at") and value}
        writer.writerow({**row, **{name: time.astimezone(datetime.UTC).replace(tzinfo=None) for name, time in times.items()}})
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write(lines.getvalue())
        file.flush()
        other.execute(f"CREATE TABLE {table} AS SELECT * FROM read_csv('{file.name}', header = true)")


def _on_columns(other: duckdb.DuckDBPyConnection, metric: Metric, part: Part, period: str | None) -> dict[str | None, int]:
    """One side of a metric by its period, with the SQL of its definition."""
    join = metric.join.format(**{name: model._meta.db_table for name, model in metric.rows.items()})
    start = f"CAST(date_trunc('month', CAST(d.{part.dated} AS TIMESTAMP)) AS DATE)" if period else "NULL"
    tests = ["d.deleted_at IS NULL", *([f"d.{part.dated} IS NOT NULL"] if period else [])]
    tests += [f"d.{metric.currency} = 'EUR'"] if metric.unit.in_currency else []
    sql = f"SELECT {start}, SUM({part.value}) FROM {metric.of._meta.db_table} AS d {join} WHERE {' AND '.join(tests)} GROUP BY 1"
    # Where nothing adds anything there is no row, or one of 0 between others.
    return {key and str(key): int(value) for key, value in other.execute(sql).fetchall() if value is not None}


RETAINED = """query ($period: Period!, $customer: MetricsCustomer!) {
    customerRetention(period: $period, customer: $customer) {
        asOf rows { period { start } before customers newcomers firstEver reactivated } }
    cohorts(period: $period, customer: $customer, columns: 4) { rows { key { period { start } } size cells { column active } } }
}"""


@pytest.mark.parametrize("customer", ["CONTACT", "COMPANY"])
async def test_fields_say_the_same_with_and_without_the_roll_up(house: House, customer: str):
    shop = await Shop(house).open()
    dice = random.Random(5)
    for _ in range(40):
        await shop.sell(dice.randrange(4), _after(dice.randrange(330)), company=dice.choice([None, 0, 1]))

    async def asked() -> list[Any]:
        found = []
        for period in ("WEEK", "MONTH", "QUARTER"):
            answer = await house.ask(RETAINED, period=period, customer=customer)
            answer["customerRetention"].pop("asOf")
            found.append(answer)
        return found

    before = await asked()
    await build(house.crm.call(SYSTEM), _nothing)
    assert await from_rollup(_question(house), customer) is not None
    assert await asked() == before
