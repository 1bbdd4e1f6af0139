"""Reminders through the front door: what is overdue, what comes next, and what is told of it once."""

import asyncio
import datetime
import json
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

from core.errors import StartError
from core.events import transaction
from core.fields import now
from core.jobs.asking import enqueue
from core.jobs.trying import do_all
from core.models import Activity
from core.permissions import SYSTEM
from plugins.reminders.cleaning import KEEP
from plugins.reminders.digest import day_of, tell_users
from plugins.reminders.due import AT_ONCE, tell_until
from plugins.reminders.models import Digest, Reminder
from tests.engines import Engine
from tests.examples import for_all
from tests.house import House, Houses
from tests.packages import Packages
from tests.shell import Shell
from tests.working import place

pytestmark = [pytest.mark.anyio, pytest.mark.plugins("reminders")]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEXT = "nextFollowUpAt nextFollowUp { subject contact { name } }"


async def _activity(house: House, subject: str, due: timedelta | None, **values: Any) -> Any:
    due_at = {} if due is None else {"due_at": (now() + due).isoformat()}
    return await house.make("Activity", kind="TASK", subject=subject, **due_at, **values)


async def _update(house: House, id: str, **values: Any) -> None:
    document = "mutation ($id: ID!, $input: ActivityUpdateInput!) { activityUpdate(id: $id, input: $input) { userErrors { message } } }"
    assert await house.ask(document, id=id, input=values) == {"activityUpdate": {"userErrors": []}}


async def _do(house: House, name: str) -> None:
    """Have a job done, as a clock would."""
    call = house.crm.call(SYSTEM)
    async with transaction(call):
        await enqueue(call, name)
    await do_all(house.crm)


async def _told(house: House, name: str = "activity.due") -> Counter[str]:
    return Counter(str(row["record_id"]) for row in await house.sql("SELECT record_id FROM event WHERE name = $1", name))


def _key(record: Any) -> str:
    return record.id.partition("_")[2]


# What is overdue, and what comes next


async def test_the_next_follow_up_is_the_open_activity_that_is_due_first(house: House):
    contacts = [await house.make("Contact", name=name) for name in ("Sara", "Max", "Ida")]
    for subject, due in (("later", 2 * DAY), ("late", -DAY), ("never", None)):
        await _activity(house, subject, due, contact_id=contacts[0].id)
    await _activity(house, "done", -2 * DAY, contact_id=contacts[0].id, done_at=now().isoformat())
    gone = await _activity(house, "gone", -3 * DAY, contact_id=contacts[0].id)
    await house.ask("mutation ($id: ID!) { activityDelete(id: $id) { userErrors { message } } }", id=gone.id)
    await _activity(house, "call Max", HOUR, contact_id=contacts[1].id)
    nodes = (await house.ask(f"{{ contacts(orderBy: [{{field: NEXT_FOLLOW_UP_AT}}]) {{ nodes {{ name {NEXT} }} }} }}"))["contacts"]["nodes"]
    assert [(node["name"], node["nextFollowUp"] and node["nextFollowUp"]["subject"]) for node in nodes] == [
        ("Sara", "late"), ("Max", "call Max"), ("Ida", None),
    ]  # fmt: skip
    found = await house.ask("{ contacts(where: {nextFollowUpAt: {isNull: true}}) { nodes { name nextFollowUpAt } } }")
    assert found == {"contacts": {"nodes": [{"name": "Ida", "nextFollowUpAt": None}]}}


async def test_deals_and_companies_without_a_next_step_are_found(house: House):
    pipeline = await house.make("Pipeline", name="p")
    stage = await house.make("Stage", name="s", pipeline_id=pipeline.id)
    company = await house.make("Company", name="Firm")
    await house.make("Company", name="Idle")
    deals = [await house.make("Deal", title=title, stage_id=stage.id, company_id=company.id) for title in ("a", "b")]
    await _activity(house, "write the offer", DAY, deal_id=deals[0].id, company_id=company.id)
    for kind, name, found in (("deals", "title", "b"), ("companies", "name", "Idle")):
        nodes = (await house.ask(f"{{ {kind}(where: {{nextFollowUpAt: {{isNull: true}}}}) {{ nodes {{ {name} }} }} }}"))[kind]["nodes"]
        assert nodes == [{name: found}]
    step = "nextFollowUp { subject company { nextFollowUp { subject } } }"
    document = f"{{ deals(where: {{nextFollowUpAt: {{isNull: false}}}}) {{ nodes {{ {step} }} }} }}"
    subject = {"subject": "write the offer"}
    assert await house.ask(document) == {"deals": {"nodes": [{"nextFollowUp": {**subject, "company": {"nextFollowUp": subject}}}]}}


async def test_overdue_lists_are_filtered_ordered_and_counted_by_owner(house: House):
    users = [await house.make("User", name=name) for name in ("Sara", "Max")]
    for number, (user, due) in enumerate([(0, -HOUR), (0, -DAY), (0, HOUR), (1, -HOUR), (1, None)]):
        await _activity(house, f"a{number}", due, assignee_id=users[user].id)
    await _activity(house, "done", -DAY, assignee_id=users[1].id, done_at=now().isoformat())
    mine = (
        "query ($me: ID!) { activities(where: {overdue: {eq: true}, assignee: {id: {eq: $me}}}, orderBy: [{field: DUE_AT}])"
        " { nodes { subject overdue } } }"
    )
    nodes = (await house.ask(mine, me=users[0].id))["activities"]["nodes"]
    assert nodes == [{"subject": "a1", "overdue": True}, {"subject": "a0", "overdue": True}]
    rest = "{ activities(where: {overdue: {eq: false}}, orderBy: [{field: SUBJECT}]) { nodes { subject overdue } } }"
    assert [node["subject"] for node in (await house.ask(rest))["activities"]["nodes"]] == ["a2", "a4", "done"]
    groups = "{ activitiesAggregate(where: {overdue: {eq: true}}, groupBy: [{field: ASSIGNEE}]) { key { assignee { name } } count } }"
    found = (await house.ask(groups))["activitiesAggregate"]
    assert {group["key"]["assignee"]["name"]: group["count"] for group in found} == {"Sara": 2, "Max": 1}
    counted = "{ users(where: {overdueCount: {gte: 2}}) { nodes { name overdueCount } } }"
    assert await house.ask(counted) == {"users": {"nodes": [{"name": "Sara", "overdueCount": 2}]}}


async def test_nobody_is_shown_a_next_step_that_is_not_its_to_see(house: House):
    users = [await house.make("User", name=name) for name in ("Sara", "Max")]
    contact = await house.make("Contact", name="c", owner_id=users[0].id)
    await _activity(house, "of Max", -DAY, contact_id=contact.id, assignee_id=users[1].id)
    sara = await house.as_("owner", users[0].id)
    document = f"{{ contacts {{ nodes {{ {NEXT} }} }} }}"
    assert (await sara.ask(document))["contacts"]["nodes"] == [{"nextFollowUpAt": None, "nextFollowUp": None}]
    assert await sara.ask("{ contacts(where: {nextFollowUpAt: {isNull: true}}) { totalCount } }") == {"contacts": {"totalCount": 1}}
    await _activity(house, "of Sara", DAY, contact_id=contact.id, assignee_id=users[0].id)
    nodes = (await sara.ask(document))["contacts"]["nodes"]
    assert nodes[0]["nextFollowUp"] == {"subject": "of Sara", "contact": {"name": "c"}}


async def test_whoever_must_not_see_when_it_is_due_sees_nothing_that_tells_it(house: House):
    role = {"name": "blind", "grants": [{"permission": "*", "scope": "ALL"}], "fields": [{"field": "activity.dueAt", "access": "HIDDEN"}]}
    await house.ask("mutation ($input: RoleCreateInput!) { roleCreate(input: $input) { userErrors { message } } }", input=role)
    await _activity(house, "late", -DAY)
    blind = await house.as_("blind")
    for document in (
        "{ activities { nodes { overdue } } }",
        "{ activities(where: {overdue: {eq: true}}) { totalCount } }",
        "{ contacts(orderBy: [{field: NEXT_FOLLOW_UP_AT}]) { nodes { id } } }",
        "{ contacts(where: {nextFollowUpAt: {isNull: true}}) { totalCount } }",
        "{ users(where: {overdueCount: {gt: 0}}) { totalCount } }",
    ):
        _, errors = await blind.answer(document)
        assert [error["extensions"]["code"] for error in errors] == ["FORBIDDEN"], document


# What is told when it is due


async def test_what_has_come_due_is_told_once(house: House):
    late = await _activity(house, "late", -HOUR, returning="dueAt")
    await _activity(house, "later", HOUR)
    await _activity(house, "long ago", -8 * DAY)
    for _ in range(3):
        await _do(house, "reminders.tell")
    assert await _told(house) == {_key(late): 1}
    document = 'query ($id: ID!) { activity(id: $id) { audit(where: {name: {eq: "activity.due"}}) { nodes { actor after } } } }'
    [entry] = (await house.ask(document, id=late.id))["activity"]["audit"]["nodes"]
    assert entry == {"actor": "job reminders.tell", "after": {"dueAt": late.dueAt}}


async def test_what_is_moved_is_told_again_and_what_is_finished_or_deleted_never(house: House):
    moved, done, gone = [await _activity(house, subject, -HOUR) for subject in ("moved", "done", "gone")]
    await _update(house, done.id, doneAt=now().isoformat())
    await house.ask("mutation ($id: ID!) { activityDelete(id: $id) { userErrors { message } } }", id=gone.id)
    await _do(house, "reminders.tell")
    await _update(house, moved.id, dueAt=(now() - timedelta(minutes=1)).isoformat())
    await _do(house, "reminders.tell")
    await _update(house, moved.id, dueAt=(now() + DAY).isoformat())
    await _do(house, "reminders.tell")
    assert await _told(house) == {_key(moved): 2}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("make"), st.integers(-3, 6)),
        st.tuples(st.just("move"), st.integers(0, 5), st.integers(-3, 6)),
        st.tuples(st.just("done"), st.integers(0, 5)),
        st.tuples(st.just("open"), st.integers(0, 5)),
        st.tuples(st.just("delete"), st.integers(0, 5)),
        st.tuples(st.just("pass"), st.integers(1, 3)),
    ),
    max_size=20,
)


ENDED: dict[str, Callable[[datetime.datetime], dict[str, Any]]] = {
    "done": lambda clock: {"done_at": clock},
    "open": lambda clock: {"done_at": None},
    "delete": lambda clock: {"deleted_at": clock},
}


def _due(one: Activity, clock: datetime.datetime) -> bool:
    return one.due_at is not None and one.due_at <= clock and one.done_at is None and one.deleted_at is None


async def test_what_is_told_is_what_looking_at_each_activity_each_minute_gives(house: House):
    async def check(steps: list[tuple[Any, ...]]) -> None:
        start = datetime.datetime(2026, 3, 21, 20, 30, tzinfo=UTC) + timedelta(microseconds=len(steps) % 2)
        clock, made, wanted = start, list[Activity](), set[tuple[uuid.UUID, datetime.datetime]]()
        await Activity.all().delete()
        await Reminder.all().delete()
        before = sum((await _told(house)).values())
        for what, *given in [*steps, ("pass", 1)]:
            minutes = timedelta(minutes=given[-1])
            one = made[given[0] % len(made)] if made and what in ("move", "done", "open", "delete") else None
            if what == "make":
                made.append(await Activity.create(kind="TASK", subject="a", subject_key="a", due_at=clock + minutes))
            elif what == "pass":
                clock += minutes
                async for _ in tell_until(house.crm.call(SYSTEM), clock):
                    pass
                wanted |= {(each.id, each.due_at) for each in made if _due(each, clock)}
            elif one:
                await one.update_from_dict({"due_at": clock + minutes} if what == "move" else ENDED[what](clock)).save()
        assert set(await Reminder.all().values_list("activity_id", "due_at")) == wanted
        assert sum((await _told(house)).values()) == before + len(wanted)

    await for_all(check, STEPS)


async def test_many_at_once_are_told_in_several_transactions_and_once_by_several_workers(house: House):
    due = now() - HOUR
    await Activity.bulk_create([Activity(kind="TASK", subject="a", subject_key="a", due_at=due) for _ in range(2 * AT_ONCE + 1)])

    async def work() -> list[int]:
        return [number async for number in tell_until(house.crm.call(SYSTEM), now())]

    outcomes = await asyncio.gather(work(), work(), work(), return_exceptions=True)
    assert any(isinstance(one, list) for one in outcomes)
    assert [number async for number in tell_until(house.crm.call(SYSTEM), now())] == [0]
    assert Counter((await _told(house)).values()) == {1: 2 * AT_ONCE + 1}


SOURCE = """
import asyncio
from datetime import timedelta
import click
from core import enqueue, hookimpl, transaction
from core.fields import now
from core.models import Activity

@hookimpl
def commands(cli):
    @cli.command("many")
    @click.argument("number", type=int)
    @click.pass_obj
    def many(setup, number):
        async def go():
            async with setup.house() as call, transaction(call):
                due = now() - timedelta(hours=1)
                rows = [Activity(kind="TASK", subject="a", subject_key="a", due_at=due) for _ in range(number)]
                await Activity.bulk_create(rows, batch_size=500)
                await enqueue(call, "reminders.tell")
        asyncio.run(go())
"""


def test_whatever_is_killed_each_activity_is_told_once(payvand: Shell, database: Engine, plugin: Packages):
    number = 8 * AT_ONCE
    with place(payvand, database, plugin) as house:
        plugin("many", SOURCE)
        house.enable("reminders", "many")
        house.shell("migrate").well()
        house.shell("many", str(number)).well()

        def told() -> int:
            return database.query(house.shell.url, "SELECT COUNT(*) AS n FROM reminders_reminder")[0]["n"]

        for _ in range(3):
            before = told()
            with house.shell.running("worker") as first, house.shell.running("worker") as second:
                house.until(lambda before=before: told() > before or before == number)
                first.kill()
                second.kill()
        with house.shell.running("worker"):
            house.until(lambda: told() == number)
        events = database.query(
            house.shell.url, "SELECT COUNT(*) AS n, COUNT(DISTINCT record_id) AS records FROM event WHERE name = 'activity.due'"
        )
        assert events == [{"n": number, "records": number}]


# The digest


async def test_each_user_with_something_to_do_gets_one_digest_a_day(house: House):
    users = [await house.make("User", name=name) for name in ("Sara", "Max", "Ida")]
    left = await house.make("User", name="Left", active=False)
    zone = house.crm.settings.company.time_zone
    day, moment, end = day_of(now(), zone)
    late = [await _activity(house, f"late {number}", -DAY + number * HOUR, assignee_id=users[0].id) for number in range(2)]
    last = end - timedelta(microseconds=1)
    today = await Activity.create(kind="TASK", subject="x", subject_key="x", due_at=last, assignee_id=_key(users[0]))
    await Activity.create(kind="TASK", subject="x", subject_key="x", due_at=end, assignee_id=_key(users[1]))
    await _activity(house, "of who has left", -DAY, assignee_id=left.id)
    assert await tell_users(house.crm.call(SYSTEM), moment) == 1
    await _do(house, "reminders.digest")
    assert await _told(house, "user.digest") == {_key(users[0]): 1}
    rows = await house.sql("SELECT v.after AS after FROM event e JOIN event_values v ON v.event_id = e.id WHERE e.name = 'user.digest'")
    assert json.loads(rows[0]["after"]) == {
        "day": day.isoformat(), "overdue": 2, "due_today": 1, "activities": [*map(_key, late), str(today.id)],
    }  # fmt: skip
    assert await tell_users(house.crm.call(SYSTEM), moment + DAY) == 2  # the next day, Max has something as well


@pytest.mark.parametrize(
    ("moment", "zone", "day", "end"),
    [
        ("2026-03-21T20:29:59+00:00", "Asia/Tehran", "2026-03-21", "2026-03-21T20:30:00+00:00"),
        ("2026-03-21T20:30:00+00:00", "Asia/Tehran", "2026-03-22", "2026-03-22T20:30:00+00:00"),
        ("2026-03-29T00:30:00+00:00", "Europe/Berlin", "2026-03-29", "2026-03-29T22:00:00+00:00"),  # 23 hours
        ("2026-10-25T00:30:00+00:00", "Europe/Berlin", "2026-10-25", "2026-10-25T23:00:00+00:00"),  # 25 hours
        ("2021-03-21T20:00:00+00:00", "Asia/Tehran", "2021-03-21", "2021-03-21T20:30:00+00:00"),  # the day after begins at one o'clock
    ],
)
def test_a_day_is_one_of_the_calendar_of_the_company(moment: str, zone: str, day: str, end: str):
    found = day_of(datetime.datetime.fromisoformat(moment), zone)
    assert (found[0].isoformat(), found[2].isoformat()) == (day, end)


@pytest.mark.settings(plugins={"reminders": {"digest_at": "17:05", "digest_days": ["sat", "wed"]}})
async def test_the_digest_comes_when_the_settings_say(house: House):
    assert house.crm.jobs["reminders.digest"].cron == "5 17 * * sat,wed"


@pytest.mark.settings(plugins={"reminders": {"digest_days": []}})
async def test_there_is_no_digest_on_no_day(house: House):
    assert sorted(name for name in house.crm.jobs if name.startswith("reminders.")) == ["reminders.clean", "reminders.tell"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"look_back": 0}, "look_back is 1 to 365 days"),
        ({"digest_at": "8:00"}, "digest_at is a time like 08:00"),
        ({"digest_at": "24:00"}, "digest_at is a time like 08:00"),
        ({"digest_days": ["sat", "funday"]}, "'funday' is none of sat, sun"),
    ],
)
async def test_settings_that_mean_nothing_stop_the_start(houses: Houses, settings: dict[str, Any], said: str):
    with pytest.raises(StartError, match="reminders") as stopped:
        async with houses("reminders", plugins={"reminders": settings}):
            raise AssertionError("it started")
    assert said in str(stopped.value)


# What is kept, and what is left behind


async def test_what_was_told_a_year_ago_is_forgotten(house: House):
    for due in (now() - KEEP - DAY, now() - KEEP + DAY):
        await Reminder.create(activity_id=uuid.uuid4(), due_at=due)
        await Digest.create(user_id=uuid.uuid4(), day=due.date())
    await _do(house, "reminders.clean")
    assert (await Reminder.all().count(), await Digest.all().count()) == (1, 1)


@pytest.mark.plugins()
async def test_a_disabled_plugin_leaves_no_trace(house: House):
    assert not [name for name in house.crm.jobs if name.startswith("reminders.")]
    text = str(await house.ask("{ __schema { types { name fields { name } inputFields { name } } } }"))
    assert not any(word in text for word in ("nextFollowUp", "overdue"))
