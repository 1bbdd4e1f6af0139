"""Funnels through the front door, beside an oracle that follows each contact from event to event in plain Python."""

import datetime
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import strategies as st

from core.fields import new_id, now
from core.models import Activity, Contact, Deal, DealLine, DealStageChange, LifecycleChange, LifecycleStage, Pipeline, Stage, User
from tests.examples import for_all
from tests.house import House
from tests.plugins.sales import Shop, local, start_of

pytestmark = [pytest.mark.anyio, pytest.mark.plugins("metrics")]

DAY, HOUR = datetime.timedelta(days=1), datetime.timedelta(hours=1)
SHARE = "numerator denominator value low high"
ARGUMENTS = "steps: $steps, window: $window, order: $order, where: $where, from: $first, to: $last, timeZone: $zone"
TYPES = "$steps: [MetricsStep!]!, $window: Int!, $order: MetricsStepOrder!, $where: ContactFilter, $first: Date, $last: Date, $zone: String"
FUNNEL = f"""query ({TYPES}, $by: [MetricsContactDimension!], $period: Period) {{
    funnel({ARGUMENTS}, groupBy: $by, period: $period) {{ definition asOf timeZone calendar rows {{
        key {{ city period {{ start complete }} }} complete
        steps {{ step label reached dropped waiting meanDays medianDays fromPrevious {{ {SHARE} }} fromFirst {{ {SHARE} }} }} }} }} }}"""
WHO = f"""query ({TYPES}, $step: Int!, $outcome: MetricsFunnelOutcome!, $first_: Int, $after: String, $by: [ContactOrder!]) {{
    funnelContacts({ARGUMENTS}, step: $step, outcome: $outcome, first: $first_, after: $after, orderBy: $by) {{
        totalCount nodes {{ name }} pageInfo {{ hasNextPage endCursor }} }} }}"""
STEPS: dict[str, dict[str, Any]] = {
    "come": {"contactCreated": {}},
    "any": {"activityDone": {}},
    "call": {"activityDone": {"kind": {"eq": "CALL"}}},
    "meet": {"activityDone": {"kind": {"eq": "MEETING"}}},
    "qualified": {"lifecycleReached": {"toStage": {"eq": "QUALIFIED"}}},
    "customer": {"lifecycleReached": {"toStage": {"eq": "CUSTOMER"}}},
    "begun": {"dealStarted": {}},
    "offered": {"dealStageReached": {"toStage": {"name": {"eq": "Offered"}}}},
    "won": {"dealWon": {}},
}


@dataclass(frozen=True)
class Happened:
    """Something that happened to a contact: the kind of row, its word, and when. A deal begins, reaches stages, and may be won."""

    kind: str
    word: str
    at: datetime.datetime
    id: uuid.UUID

    def fits(self, step: str) -> bool:
        """Whether it is an event of a step."""
        match step:
            case "come":
                return self.kind == "contact"
            case "any":
                return self.kind == "activity"
            case "call" | "meet":
                return (self.kind, self.word) == ("activity", {"call": "CALL", "meet": "MEETING"}[step])
            case "qualified" | "customer":
                return (self.kind, self.word) == ("lifecycle", step.upper())
            case "begun":
                return self.kind == "begun"
            case "offered":
                return (self.kind, self.word) == ("stage", "Offered")
            case _:
                return self.kind == "won"


@dataclass(frozen=True)
class Person:
    """A contact, with all that happened to it: (what, word, hours after the beginning)."""

    city: str | None
    happened: tuple[tuple[str, str, int], ...]
    deleted: bool = False
    id: uuid.UUID = field(default_factory=new_id)


# A grid of few hours, so that much happens at one time; the last days are not over for long windows.
hours = st.integers(0, 24).map(lambda six: six * 24)
events = st.one_of(
    st.tuples(st.just("activity"), st.sampled_from(("CALL", "MEETING", "EMAIL")), hours),
    st.tuples(st.just("lifecycle"), st.sampled_from(("QUALIFIED", "CUSTOMER")), hours),
    st.tuples(st.just("begun"), st.just(""), hours),
    st.tuples(st.just("stage"), st.sampled_from(("Met", "Offered")), hours),
    st.tuples(st.just("won"), st.just(""), hours),
)
people = st.builds(
    Person,
    city=st.sampled_from((None, "Shiraz", "Tabriz")),
    happened=st.tuples(
        hours.map(lambda at: ("contact", "", at)),
        st.lists(events, max_size=8),
    ).map(lambda some: (some[0], *some[1])),
    deleted=st.integers(0, 12).map(lambda one: one == 0),
)


@dataclass
class World:
    """A house with contacts of the last 26 days, from `begin` on."""

    shop: Shop
    begin: datetime.datetime

    @property
    def house(self) -> House:
        """The house."""
        return self.shop.house

    async def fill(self, some: Sequence[Person]) -> dict[uuid.UUID, list[Happened]]:
        """Put in these people and nobody else; what happened to each."""
        for model in (DealStageChange, DealLine, Activity, LifecycleChange, Deal, Contact):
            await model.all().delete()
        found: dict[uuid.UUID, list[Happened]] = {}
        for number, person in enumerate(some):
            found[person.id] = [Happened(kind, word, self.begin + at * HOUR, new_id()) for kind, word, at in person.happened]
            created = found[person.id][0].at
            await Contact.create(
                id=person.id, name=self.name(number), name_key=self.name(number).lower(), city=person.city,
                city_key=person.city and person.city.lower(), created_at=created, deleted_at=now() if person.deleted else None,
            )  # fmt: skip
            for one in found[person.id][1:]:
                await self._put(person, one)
        return found

    @staticmethod
    def name(number: int) -> str:
        """The name of a person by its place."""
        return f"P{number:02}"

    async def _put(self, person: Person, one: Happened) -> None:
        deal = {"title": "A deal", "title_key": "a deal", "pipeline_id": self.shop.ids[Pipeline, "Sales"], "contact_id": person.id}
        match one.kind:
            case "activity":
                await Activity.create(id=one.id, kind=one.word, subject="Call", subject_key="call", contact_id=person.id, done_at=one.at)
            case "lifecycle":
                await LifecycleChange.create(id=one.id, contact_id=person.id, to_stage=LifecycleStage(one.word), changed_at=one.at)
            case "begun":
                await Deal.create(id=one.id, **deal, stage_id=self.shop.ids[Stage, "New"], started_at=one.at)
            case "stage":
                row = await Deal.create(**deal, stage_id=self.shop.ids[Stage, "New"])
                await DealStageChange.create(id=one.id, deal_id=row.id, to_stage_id=self.shop.ids[Stage, one.word], changed_at=one.at)
            case _:
                await Deal.create(id=one.id, **deal, stage_id=self.shop.ids[Stage, "Won"], closed_at=one.at)


@dataclass(frozen=True)
class Asked:
    """A funnel as a client asks for it, and what it should be."""

    steps: tuple[str, ...]
    window: int = 10
    order: str = "ORDERED"
    first: datetime.date | None = None
    last: datetime.date | None = None
    zone: str = "UTC"

    @property
    def variables(self) -> dict[str, Any]:
        """The variables of the documents."""
        days = {"first": self.first and self.first.isoformat(), "last": self.last and self.last.isoformat()}
        return {"steps": [STEPS[one] for one in self.steps], "window": self.window, "order": self.order, "zone": self.zone, **days}

    def walk(self, happened: Sequence[Happened]) -> list[datetime.datetime]:
        """The times of the steps that a contact reached."""
        entries = [one for one in happened if one.fits(self.steps[0]) and self._within(local(one.at, self.zone))]
        if not entries:
            return []
        taken = [min(entries, key=lambda one: (one.at, one.id))]
        end = taken[0].at + self.window * DAY
        for place in range(1, len(self.steps)):
            since = taken[0 if self.order == "ANY_ORDER" else -1].at
            able = [one for one in happened if one.fits(self.steps[place]) and since <= one.at <= end and one not in taken]
            if not able:
                break
            chosen = min(able, key=lambda one: (one.at, one.id))
            others = [step for number, step in enumerate(self.steps) if number not in (place - 1, place)]
            between = any(one.fits(step) and taken[-1].at < one.at < chosen.at for one in happened for step in others)
            if self.order == "STRICT" and between:
                break
            taken.append(chosen)
        return [one.at for one in taken]

    def _within(self, day: datetime.date | None) -> bool:
        return day is not None and (self.first is None or day >= self.first) and (self.last is None or day <= self.last)

    def waits(self, walked: Sequence[datetime.datetime], moment: datetime.datetime) -> bool:
        """Whether the window of a contact is not over."""
        return bool(walked) and walked[0] + self.window * DAY >= moment


@pytest.fixture
async def world(house: House) -> World:
    # Half an hour off the hour, so that no window ends while a test runs.
    begin = now().replace(minute=30, second=0, microsecond=250_000) - 25 * DAY
    return World(await Shop(house).open(), begin)


asked = st.builds(
    Asked,
    steps=st.lists(st.sampled_from(sorted(STEPS)), min_size=2, max_size=4).map(tuple),
    window=st.integers(1, 14),
    order=st.sampled_from(("ORDERED", "STRICT", "ANY_ORDER")),
    zone=st.sampled_from(("UTC", "Asia/Tehran", "America/New_York")),
)
bounds = st.none() | st.integers(0, 25)


def _grain(seconds: int) -> int:
    unit = 60 if seconds < 86_400 else 3_600
    return seconds // unit * unit


def _median(numbers: Sequence[int]) -> float:
    ordered = sorted(numbers)
    half = len(ordered) // 2
    return float(ordered[half]) if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _holds(question: Asked, row: dict[str, Any], walks: Sequence[list[datetime.datetime]]) -> None:
    """Compare a row with what the oracle says of the contacts behind it."""
    moment = now()
    reached = [[walk for walk in walks if len(walk) > place] for place in range(len(question.steps))]
    for place, (step, here) in enumerate(zip(row["steps"], reached, strict=True)):
        assert (step["step"], step["reached"]) == (place + 1, len(here))
        _is_share(step["fromFirst"], len(here), len(reached[0]))
        if place == 0:
            assert (step["fromPrevious"], step["dropped"], step["waiting"], step["meanDays"], step["medianDays"]) == (None,) * 5
            continue
        before = reached[place - 1]
        _is_share(step["fromPrevious"], len(here), len(before))
        lost = [walk for walk in before if len(walk) <= place]
        assert (step["dropped"], step["waiting"]) == (len(lost), sum(question.waits(walk, moment) for walk in lost))
        gaps = [int((walk[place] - walk[0 if question.order == "ANY_ORDER" else place - 1]).total_seconds()) for walk in here]
        assert step["meanDays"] == (pytest.approx(sum(gaps) / len(gaps) / 86_400) if gaps else None)
        assert step["medianDays"] == (pytest.approx(_median([_grain(gap) for gap in gaps]) / 86_400) if gaps else None)
    waiting = any(len(walk) < len(question.steps) and question.waits(walk, moment) for walk in walks)
    last = question.last
    over = last is None or last < (local(moment, question.zone) or last)
    assert row["complete"] == (over and not waiting)


def _is_share(found: dict[str, Any], part: int, whole: int) -> None:
    assert (found["numerator"], found["denominator"]) == (part, whole)
    assert found["value"] == (part / whole if whole else None)
    assert found["low"] is found["high"] is None if not whole else 0 <= found["low"] <= found["value"] <= found["high"] <= 1


async def test_a_funnel_is_what_following_each_contact_gives(world: World):
    async def check(some: list[Person], question: Asked, first: int | None, days: int | None):
        start = world.begin.date()
        question = replace(question, first=None if first is None else start + first * DAY)
        question = replace(question, last=None if days is None else (question.first or start) + days * DAY)
        happened = await world.fill(some)
        walks = [question.walk(happened[one.id]) for one in some if not one.deleted]
        (row,) = (await world.house.ask(FUNNEL, **question.variables))["funnel"]["rows"]
        _holds(question, row, walks)

    await for_all(check, st.lists(people, max_size=6), asked, bounds, bounds, share=2)


async def test_a_funnel_by_city_and_month(world: World):
    async def check(some: list[Person], question: Asked, kind: str):
        happened = await world.fill(some)
        given = {"by": ["CITY"], "period": None} if kind == "city" else {"by": None, "period": "MONTH"}
        rows = (await world.house.ask(FUNNEL, **question.variables, **given))["funnel"]["rows"]
        groups: dict[Any, list[list[datetime.datetime]]] = {}
        for one in some:
            walk = question.walk(happened[one.id])
            if walk and not one.deleted:
                day = local(walk[0], question.zone)
                key = one.city if kind == "city" else day and start_of(day, "MONTH").isoformat()
                groups.setdefault(key, []).append(walk)
        ordered = sorted(groups, key=lambda key: (key is None, key or ""))
        assert [row["key"]["city"] if kind == "city" else row["key"]["period"]["start"] for row in rows] == ordered
        for row, key in zip(rows, ordered, strict=True):
            if kind == "city":
                _holds(question, row, groups[key])
            else:
                assert [step["reached"] for step in row["steps"]] == [
                    sum(len(walk) > place for walk in groups[key]) for place in range(len(question.steps))
                ]

    await for_all(check, st.lists(people, max_size=6), asked, st.sampled_from(("city", "month")))


async def test_who_reached_a_step_and_who_did_not(world: World):
    async def check(some: list[Person], question: Asked, step: int, outcome: str):
        happened = await world.fill(some)
        place = min(step, len(question.steps)) - 1
        if outcome != "REACHED":
            place = max(place, 1)
        walks = {world.name(number): question.walk(happened[one.id]) for number, one in enumerate(some) if not one.deleted}
        meant: dict[str, Callable[[list[datetime.datetime]], bool]] = {
            "REACHED": lambda walk: len(walk) > place,
            "DROPPED": lambda walk: len(walk) == place,
            "WAITING": lambda walk: len(walk) == place and question.waits(walk, now()),
        }
        wanted = sorted((name for name, walk in walks.items() if meant[outcome](walk)), reverse=True)
        given = {"step": place + 1, "outcome": outcome, "by": [{"field": "NAME", "direction": "DESC"}], "first_": 2}
        names, after = [], None
        for _ in range(len(some) + 1):
            page = (await world.house.ask(WHO, **question.variables, **given, after=after))["funnelContacts"]
            assert page["totalCount"] == len(wanted)
            names += [one["name"] for one in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert names == wanted

    outcomes = st.sampled_from(("REACHED", "DROPPED", "WAITING"))
    await for_all(check, st.lists(people, max_size=6), asked, st.integers(1, 4), outcomes)


def _person(*happened: tuple[str, str, int], city: str | None = None) -> Person:
    return Person(city, (("contact", "", 0), *happened))


async def _reached(world: World, some: Sequence[Person], question: Asked, **more: Any) -> list[int]:
    await world.fill(some)
    (row,) = (await world.house.ask(FUNNEL, **question.variables, **more))["funnel"]["rows"]
    return [step["reached"] for step in row["steps"]]


CALL, MEET, WON = ("activity", "CALL", 24), ("activity", "MEETING", 48), ("won", "", 72)


async def test_a_step_comes_after_the_one_before_and_within_the_window(world: World):
    question = Asked(("call", "meet", "won"), window=2)
    assert await _reached(world, [_person(CALL, MEET, WON)], question) == [1, 1, 1], "the end of the window is within it"
    assert await _reached(world, [_person(CALL, MEET, WON)], replace(question, window=1)) == [1, 1, 0]
    assert await _reached(world, [_person(MEET, ("activity", "CALL", 50), WON)], question) == [1, 0, 0]
    assert await _reached(world, [_person(MEET, ("activity", "CALL", 50), WON)], replace(question, order="ANY_ORDER")) == [1, 0, 0]
    later = ("activity", "MEETING", 72)
    assert await _reached(world, [_person(CALL, ("won", "", 48), later)], replace(question, order="ANY_ORDER")) == [1, 1, 1]


async def test_strictly_no_other_step_lies_between(world: World):
    between = _person(CALL, ("won", "", 36), MEET, WON)
    question = Asked(("call", "meet", "won"))
    assert await _reached(world, [between], question) == [1, 1, 1]
    assert await _reached(world, [between], replace(question, order="STRICT")) == [1, 0, 0]
    again = _person(CALL, ("activity", "CALL", 36), ("activity", "EMAIL", 40), MEET, WON)
    assert await _reached(world, [again], replace(question, order="STRICT")) == [1, 1, 1], "the same step again is no other one"


async def test_one_event_is_one_step(world: World):
    question = Asked(("call", "any", "call"))
    assert await _reached(world, [_person(CALL)], question) == [1, 0, 0]
    assert await _reached(world, [_person(CALL, CALL)], question) == [1, 1, 0]
    assert await _reached(world, [_person(CALL, CALL, CALL)], question) == [1, 1, 1]


async def test_the_earliest_first_step_in_the_days_asked_counts(world: World):
    day = world.begin.date()
    some = [_person(("activity", "CALL", 0), ("activity", "CALL", 120), ("won", "", 144))]
    question = Asked(("call", "won"), window=2)
    assert await _reached(world, some, question) == [1, 0]
    assert await _reached(world, some, replace(question, first=day + DAY)) == [1, 1]


async def test_a_filter_says_which_contacts_enter(world: World):
    some = [_person(CALL, WON, city="Shiraz"), _person(CALL, city="Tabriz")]
    assert await _reached(world, some, Asked(("call", "won")), where={"city": {"eq": "shiraz"}}) == [1, 1]


async def test_labels_are_given_or_made(world: World):
    steps = [{**STEPS["call"], "label": "Called"}, STEPS["won"]]
    answer = (await world.house.ask(FUNNEL, **{**Asked(("call", "won")).variables, "steps": steps}))["funnel"]
    assert [one["label"] for one in answer["rows"][0]["steps"]] == ["Called", "dealWon"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"steps": [STEPS["call"]]}, "steps: has 1 steps; from 2 to 10 are possible"),
        ({"steps": [STEPS["call"]] * 11}, "steps: has 11 steps"),
        ({"steps": [STEPS["call"], {}]}, "steps.1: must name one kind of event, not 0"),
        ({"steps": [STEPS["call"], STEPS["call"] | STEPS["won"]]}, "steps.1: must name one kind of event, not 2"),
        ({"steps": [STEPS["call"], STEPS["won"] | {"label": "x" * 201}]}, "steps.1.label: has more than 200 characters"),
        ({"window": 0}, "window: must be between 1 and 3660 days"),
        ({"window": 3661}, "window: must be between"),
        ({"zone": "Mars/Olympus"}, "is not a time zone"),
        ({"step": 3}, "step: must be between 1 and 2"),
        ({"step": 1}, "step: must be more than 1"),
        ({"first_": 101}, "first: must be between 0 and 100"),
        ({"after": "x"}, "after: is not a cursor of this list"),
    ],
)
async def test_what_is_no_funnel_is_refused(house: House, change: dict[str, Any], reason: str):
    given = {**Asked(("call", "won")).variables, "step": 2, "outcome": "DROPPED", **change}
    data, errors = await house.answer(WHO, **given)
    assert data == {"funnelContacts": None}
    assert [one["extensions"]["code"] for one in errors] == ["BAD_USER_INPUT"]
    assert reason in errors[0]["message"]


async def test_only_what_one_sees_counts(world: World):
    mine, other = _person(CALL, WON), _person(CALL, WON)
    await world.fill([mine, other])
    ada = world.shop.ids[User, "Ada"]
    await Contact.filter(id=mine.id).update(owner_id=ada)
    await Activity.filter(contact_id=mine.id).update(assignee_id=ada)
    asker = await world.house.as_("owner", str(ada))
    question = Asked(("call", "won"))
    (row,) = (await asker.ask(FUNNEL, **question.variables))["funnel"]["rows"]
    assert [step["reached"] for step in row["steps"]] == [1, 0], "the deals are nobody's"
    found = (await asker.ask(WHO, **question.variables, step=2, outcome="DROPPED"))["funnelContacts"]
    assert [one["name"] for one in found["nodes"]] == ["P00"]


@pytest.mark.settings(roles={"reader": {"*.read": "all", "metrics.read": "none"}, "counter": {"metrics.read": "all"}})
@pytest.mark.parametrize("role", ["reader", "counter"])
async def test_a_funnel_needs_permissions(house: House, role: str):
    asker = await house.as_(role)
    for document, more in ((FUNNEL, {}), (WHO, {"step": 2, "outcome": "REACHED"})):
        data, errors = await asker.answer(document, **Asked(("call", "won")).variables, **more)
        assert list(data.values()) == [None]
        assert [one["extensions"]["code"] for one in errors] == ["FORBIDDEN"]


@pytest.mark.parametrize("hidden", ["activity.doneAt", "activity.kind", "deal.closedAt", "stage.kind", "deal.contact"])
async def test_what_is_hidden_is_not_told_by_a_funnel(house: House, hidden: str):
    await house.make("Role", name="blind", grants=[{"permission": "*.read"}], fields=[{"field": hidden, "access": "HIDDEN"}])
    blind = await house.as_("blind")
    for document, more in ((FUNNEL, {}), (WHO, {"step": 2, "outcome": "REACHED"})):
        data, errors = await blind.answer(document, **Asked(("call", "won")).variables, **more)
        assert list(data.values()) == [None]
        assert [one["extensions"]["code"] for one in errors] == ["FORBIDDEN"]


async def test_the_nodes_of_a_page_are_contacts_with_all_that_they_have(world: World):
    await world.fill([_person(CALL, WON, city="Shiraz")])
    document = WHO.replace("nodes { name }", "edges { cursor node { id city activities { nodes { kind } } } }")
    found = (await world.house.ask(document, **Asked(("call", "won")).variables, step=2, outcome="REACHED"))["funnelContacts"]
    (edge,) = found["edges"]
    assert edge["node"]["city"] == "Shiraz"
    assert [one["kind"] for one in edge["node"]["activities"]["nodes"]] == ["CALL"]
    assert edge["cursor"] == found["pageInfo"]["endCursor"]
