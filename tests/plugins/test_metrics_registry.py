"""The registry of metrics: what another plugin declares is a metric like those that are bundled, and what it declares badly is told."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.database import make_migrations
from core.errors import StartError
from core.models import Activity
from core.plugins import load
from core.server.app import rehearse
from tests.engines import apart
from tests.house import House, Houses, Templates, read_settings, write_settings
from tests.packages import Packages, packages

MODELS = '''
from tortoise import fields
from core.fields import FoldedField, MoneyField
from core.models import Record

class Hall(Record):
    """A hall of the club."""
    title = fields.CharField(max_length=80, description="What it is called.")
    title_key = FoldedField(of="title", max_length=80)
    class Meta(Record.Meta):
        abstract = False
        table = "club_hall"

class Visit(Record):
    """A visit to the club."""
    hall = fields.ForeignKeyField("club.Hall", related_name=False, null=True, db_index=True, description="Where it was.")
    guest = fields.ForeignKeyField("core.Contact", related_name=False, null=True, db_index=True, description="Who came.")
    mood = fields.CharField(max_length=20, null=True, description="How the guest felt.")
    stars = fields.IntField(null=True, description="What the guest gave, from 1 to 5.")
    spent = MoneyField(null=True, description="What the guest spent.")
    currency = fields.CharField(max_length=3, null=True, description="Its currency.")
    at = fields.DatetimeField(null=True, db_index=True, description="When it began, in UTC.")
    class Meta(Record.Meta):
        abstract = False
        table = "club_visit"
'''
SOURCE = """
from acme_club.models import Hall, Visit
from core import Resource, hookimpl, visible
from core.models import Activity, Contact, Deal
from plugins.metrics import Dimension, Figure, Metric, Part, Reckoned, Unit

requires = ("metrics",)

BY = (
    Dimension("hall", "The hall of the visit.", "d.hall_id", model=Hall, tells={Visit: ("hall",)}, label="title"),
    Dimension("stars", "What the guest gave.", "d.stars", tells={Visit: ("stars",)}),
    Dimension(
        "city", "The city of the guest.", "x_guest.city", "LEFT JOIN {guests} AS x_guest ON x_guest.id = d.guest_id",
        rows={"guests": lambda call: visible(call, Contact, deleted=True).values("id", "city")},
        tells={Visit: ("guest",), Contact: ("city",)},
    ),
)

@hookimpl
def resources():
    return [Resource(Hall, natural=("title",)), Resource(Visit, reverse={"guest": "visits"}, natural=())]

@hookimpl
def activity_kinds():
    return {"TASTING": "Somebody tasted."}

@hookimpl
def metric_definitions():
    happy = Part("CASE WHEN d.mood = 'happy' THEN 1 END", "at")
    return [
        Metric("visitCount", "Number of visits, by the time at which they began.", Visit, Unit.NUMBER, Part("1", "at"), dimensions=BY,
               tells={Visit: ("at",)}),
        Metric("happyVisits", "Happy visits / all.", Visit, Unit.SHARE, happy, Part("1", "at"), dimensions=BY, tells={Visit: ("mood",)}),
        Metric("spentEach", "Money spent / visits with an amount.", Visit, Unit.MONEY_EACH, Part("d.spent", "at"),
               Part("CASE WHEN d.spent IS NOT NULL THEN 1 END", "at")),
        Metric("tastings", "Number of tastings, by the time at which they were done.", Activity, Unit.NUMBER,
               Part("CASE WHEN d.kind = 'TASTING' AND d.done_at IS NOT NULL THEN 1 END", "done_at"),
               tells={Activity: ("kind", "done_at")}),
        Metric("bigDeals", "Deals of 1000 and more / deals with an amount.", Deal, Unit.SHARE,
               Part("CASE WHEN d.amount >= 100000 THEN 1 END", "created_at"),
               Part("CASE WHEN d.amount IS NOT NULL THEN 1 END", "created_at"),
               dimensions=(Dimension("size", "Whether it is big.", "CASE WHEN d.amount >= 100000 THEN 'big' ELSE 'small' END"),),
               tells={Deal: ("amount",)}),
    ]

async def best(question, currency):
    stars = await question.rows("at").filter(stars__isnull=False).values_list("stars", flat=True)
    return Reckoned(max(stars), 1) if stars else Reckoned(0, 0)

async def takings(question, currency):
    return Reckoned(sum(await question.rows("at").filter(currency=currency).values_list("spent", flat=True)))

@hookimpl
def metric_figures():
    return [
        Figure("bestVisit", "The most stars that a guest gave.", Visit, Unit.RATIO, best, {Visit: ("stars", "at")}),
        Figure("takings", "Money that guests spent.", Visit, Unit.MONEY, takings, {Visit: ("spent", "at")}),
    ]
"""
VISITS = [
    ("North", "Ada", "happy", 5, "10.00", "2026-03-20T22:00:00+00:00"),  # in Tehran on Nowruz already, the first day of 1405
    ("North", "Bo", "sad", 2, "20.00", "2026-03-20T12:00:00+00:00"),
    ("South", "Ada", "happy", 5, None, "2026-04-10T12:00:00+00:00"),
    (None, None, None, None, "3.00", "2026-04-21T12:00:00+00:00"),
]
CITIES = {"Ada": "Shiraz", "Bo": "Tabriz"}


@contextmanager
def _club(folder: Path) -> Iterator[None]:
    with packages(folder) as plugin:
        plugin("club", SOURCE, models=MODELS)
        settings = read_settings(write_settings(folder, f"sqlite://{folder}/none.db", ("metrics", "club")))
        apart(make_migrations(settings, load(settings)))
        yield


@pytest.fixture(scope="module")
async def club(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house with the plugin, and what was in the club this spring."""
    folder = tmp_path_factory.mktemp("club")
    roles = {"guard": {"visit.read": "all", "hall.read": "all", "metrics.read": "all"}}
    with _club(folder):
        async with Houses(templates, folder)("metrics", "club", roles=roles, company={"currency": "EUR", "time_zone": "UTC"}) as house:
            halls = {name: (await house.make("Hall", title=name)).id for name in ("North", "South")}
            guests = {name: (await house.make("Contact", name=name, city=city)).id for name, city in CITIES.items()}
            for hall, guest, mood, stars, spent, at in VISITS:
                money = spent and {"amount": spent, "currency": "EUR"}
                ids = {"hall_id": hall and halls[hall], "guest_id": guest and guests[guest]}
                await house.make("Visit", **ids, mood=mood, stars=stars, spent=money, at=at)
            yield house


def _rows(answer: Any) -> list[tuple[Any, ...]]:
    return [(*(one["label"] for one in row["key"]["others"]), row["value"]) for row in answer["rows"]]


@pytest.mark.anyio
async def test_a_metric_of_a_resource_of_a_plugin_has_all_that_a_bundled_one_has(club: House):
    data = await club.ask(
        """{ whole: visitCount { definition timeZone calendar rows { value numerator denominator low key { others { label } } } }
             felt: visitCount(where: {mood: {eq: "happy"}, guest: {city: {eq: "Shiraz"}}}) { rows { value } }
             months: happyVisits(period: MONTH, from: "2026-03-01", to: "2026-04-30") { rows {
                value numerator denominator low high key { period { start end complete } } previous { value denominator difference } } }
             jalali: visitCount(period: MONTH, calendar: JALALI, timeZone: "Asia/Tehran") { calendar timeZone rows {
                value key { period { start } } lastYear { value growth period { start } } } } }"""
    )
    whole = data["whole"]
    assert (whole["definition"], whole["timeZone"]) == ("Number of visits, by the time at which they began.", "UTC")
    assert whole["rows"] == [{"value": 4.0, "numerator": "4", "denominator": None, "low": None, "key": {"others": []}}]
    assert data["felt"]["rows"] == [{"value": 2.0}]
    march, april = data["months"]["rows"]
    assert (march["value"], march["numerator"], march["denominator"]) == (0.5, "1", "2")
    assert march["low"] == pytest.approx(0.0945, abs=1e-4)  # the interval of 1 of 2 by Wilson's formula
    assert march["high"] == pytest.approx(0.9055, abs=1e-4)
    assert march["previous"] == {"value": None, "denominator": "0", "difference": None}
    assert april["previous"] == {"value": 0.5, "denominator": "2", "difference": 0.0}
    assert april["key"]["period"] == {"start": "2026-04-01", "end": "2026-04-30", "complete": True}
    assert [(row["key"]["period"]["start"], row["value"]) for row in data["jalali"]["rows"]] == [
        ("2026-02-20", 1.0), ("2026-03-21", 2.0), ("2026-04-21", 1.0),
    ]  # fmt: skip
    assert data["jalali"]["rows"][0]["lastYear"] == {"value": 0.0, "growth": None, "period": {"start": "2025-02-19"}}


@pytest.mark.anyio
async def test_a_dimension_of_a_plugin_is_a_label_of_the_key(club: House):
    data = await club.ask(
        """{ halls: visitCount(groupBy: [HALL]) { rows { value key { others { dimension label id } period { start } } } }
             stars: visitCount(groupBy: [STARS]) { rows { value key { others { label id } } } }
             both: happyVisits(groupBy: [CITY, HALL], period: MONTH) { rows { value key { city others { label } period { start } } } } }"""
    )
    assert _rows(data["halls"]) == [("North", 2.0), ("South", 1.0), (None, 1.0)]
    label = data["halls"]["rows"][0]["key"]["others"][0]
    assert label["dimension"] == "HALL"
    hall = await club.ask("query ($id: ID!) { node(id: $id) { ... on Hall { title } } }", id=label["id"])
    assert hall == {"node": {"title": "North"}}
    assert _rows(data["stars"]) == [("2", 1.0), ("5", 2.0), (None, 1.0)]
    cities = [(row["key"]["city"], *(one["label"] for one in row["key"]["others"])) for row in data["both"]["rows"]]
    assert list(dict.fromkeys(cities)) == [("Shiraz", "North"), ("Shiraz", "South"), ("Tabriz", "North"), (None, None)]


@pytest.mark.anyio
async def test_a_metric_of_a_plugin_has_pictures_and_goals(club: House):
    svg = (await club.ask("{ visitCount(groupBy: [HALL, CITY]) { svg } }"))["visitCount"]["svg"]
    assert "North · Shiraz" in svg
    answer = await club.client.get("/plugins/metrics/visitCount.svg", params={"groupBy": "HALL", "where": '{"stars": {"eq": 2}}'})
    assert answer.status_code == 200
    assert "North: 1" in answer.text
    assert (await club.client.get("/plugins/metrics/spentEach.svg", params={"groupBy": "HALL"})).status_code == 400
    days = {"starts_on": "2026-03-01", "ends_on": "2026-03-31"}
    where = {"hall": {"title": {"eq": "North"}}}
    goal = await club.make("MetricsGoal", "progress { value standing }", name="G", metric="visitCount", target="2", where=where, **days)
    assert goal.progress == {"value": 2.0, "standing": "MET"}
    refused = """mutation ($id: ID!, $user: ID!) {
        metricsGoalUpdate(id: $id, input: {ownerId: $user}) { userErrors { field message } } }"""
    user = await club.make("User", name="Ada")
    (error,) = (await club.ask(refused, id=goal.id, user=user.id))["metricsGoalUpdate"]["userErrors"]
    assert error == {"field": ["input", "ownerId"], "message": "is for metrics that have an owner, and visitCount has none"}


@pytest.mark.anyio
async def test_money_of_a_resource_of_a_plugin_is_of_one_currency(club: House):
    data = await club.ask(
        """{ euros: spentEach { currency rows { value { amount currency } exact denominator } }
             dollars: spentEach(currency: "USD") { rows { value { amount } denominator } } }"""
    )
    assert data["euros"] == {
        "currency": "EUR", "rows": [{"value": {"amount": "11.00", "currency": "EUR"}, "exact": 11.0, "denominator": "3"}],
    }  # fmt: skip
    assert data["dollars"]["rows"] == [{"value": None, "denominator": "0"}]


@pytest.mark.anyio
async def test_a_metric_of_the_core_s_rows_counts_an_event_of_the_plugin_and_adds_a_dimension(club: House):
    contact = await club.make("Contact", name="Cy", city="Yazd")
    for kind, done in (("TASTING", "2026-05-02T10:00:00Z"), ("TASTING", None), ("CALL", "2026-05-02T10:00:00Z")):
        await club.make("Activity", kind=kind, subject="S", contact_id=contact.id, done_at=done)
    pipeline = await club.make("Pipeline", name="Sales")
    stage = await club.make("Stage", name="New", pipeline_id=pipeline.id, kind="OPEN")
    for amount in ("2000", "10", "20"):
        await club.make("Deal", title="D", stage_id=stage.id, amount={"amount": amount, "currency": "EUR"})
    data = await club.ask(
        """{ tastings(groupBy: [CITY], period: MONTH) { rows { value key { city period { start } } } }
             bigDeals(groupBy: [STAGE, SIZE]) { rows { value denominator key { stage { name } others { dimension label } } } } }"""
    )
    assert data["tastings"]["rows"] == [{"value": 1.0, "key": {"city": "Yazd", "period": {"start": "2026-05-01"}}}]
    assert [(row["key"]["stage"]["name"], row["key"]["others"], row["value"]) for row in data["bigDeals"]["rows"]] == [
        ("New", [{"dimension": "SIZE", "label": "big"}], 1.0),
        ("New", [{"dimension": "SIZE", "label": "small"}], 0.0),
    ]
    assert await Activity.filter(kind="TASTING").count() == 2


@pytest.mark.anyio
async def test_a_figure_of_a_plugin_can_have_goals(club: House):
    spring = {"starts_on": "2026-03-20", "ends_on": "2026-04-21"}
    tabriz = {"guest": {"city": {"eq": "Tabriz"}}}
    await club.make("MetricsGoal", name="best", metric="bestVisit", target="4", **spring)
    await club.make("MetricsGoal", name="tabriz", metric="bestVisit", target="4", where=tabriz, **spring)
    await club.make("MetricsGoal", name="money", metric="takings", amount={"amount": "30", "currency": "EUR"}, **spring)
    data = await club.ask("""{ metricsGoals(where: {metric: {in: ["bestVisit", "takings"]}}, orderBy: [{field: NAME}]) {
        nodes { name progress { value amount { amount } numerator denominator projected standing } } } }""")
    assert {one.pop("name"): one["progress"] for one in data["metricsGoals"]["nodes"]} == {
        "best": {"value": 5.0, "amount": None, "numerator": "5", "denominator": "1", "projected": None, "standing": "MET"},
        "tabriz": {"value": 2.0, "amount": None, "numerator": "2", "denominator": "1", "projected": None, "standing": "MISSED"},
        "money": {
            "value": 33.0, "amount": {"amount": "33.00"}, "numerator": "33", "denominator": None, "projected": 33.0, "standing": "MET",
        },
    }  # fmt: skip
    document = """mutation ($input: MetricsGoalCreateInput!) { metricsGoalCreate(input: $input) { userErrors { field message } } }"""
    goal = {"name": "mine", "metric": "bestVisit", "target": "4", "startsOn": "2026-03-20", "endsOn": "2026-04-21"}
    user = await club.make("User", name="Ada")
    (error,) = (await club.ask(document, input={**goal, "ownerId": user.id}))["metricsGoalCreate"]["userErrors"]
    assert error == {"field": ["input", "ownerId"], "message": "is for metrics that have an owner, and bestVisit has none"}


@pytest.mark.anyio
async def test_the_enum_is_of_the_resource_until_a_metric_adds_to_it(club: House):
    kind = """{ __type(name: "Query") { fields { name args { name type { ofType { ofType { name } } } } } } }"""
    found = {one["name"]: one["args"] for one in (await club.ask(kind))["__type"]["fields"]}
    by = {
        name: {one["name"]: one["type"] for one in found[name]}.get("groupBy")
        for name in ("winRate", "bigDeals", "visitCount", "spentEach")
    }
    names = {name: one and one["ofType"]["ofType"]["name"] for name, one in by.items()}
    assert names == {"winRate": "MetricsDealDimension", "bigDeals": "MetricsBigDealsDimension", "visitCount": "MetricsVisitCountDimension",
                     "spentEach": None}  # fmt: skip


@pytest.mark.anyio
async def test_who_does_not_see_what_a_metric_tells_of_is_refused(club: House):
    guard = await club.as_("guard")
    data, errors = await guard.answer("{ visitCount { rows { value } } happyVisits(groupBy: [HALL]) { rows { value } } }")
    assert not errors
    assert data["visitCount"]["rows"] == [{"value": 4.0}]
    fields = [{"field": "visit.mood", "access": "HIDDEN"}, {"field": "hall.title", "access": "HIDDEN"}]
    grants = [{"permission": one, "scope": "ALL"} for one in ("visit.read", "hall.read", "metrics.read")]
    await club.make("Role", name="blind", grants=grants, fields=fields)
    blind = await club.as_("blind")
    _, errors = await blind.answer("{ happyVisits { rows { value } } }")
    assert [one["extensions"]["code"] for one in errors] == ["FORBIDDEN"]
    _, errors = await blind.answer("{ visitCount(groupBy: [HALL]) { rows { value } } }")
    assert [(one["extensions"]["code"], one["message"]) for one in errors] == [("FORBIDDEN", "the field hall.title is hidden from you")]
    assert (await blind.ask("{ visitCount(groupBy: [STARS]) { rows { value } } }"))["visitCount"]["rows"]


HEAD = """
from core import hookimpl, visible
from core.models import Activity, Contact, Deal, DealLine, Stage, TeamAncestor, User
from plugins.metrics import Dimension, Metric, Part, Unit
requires = ("metrics",)
ONE, DONE = Part("1", "created_at"), Part("1", "closed_at")
def metric(name="odd", what="Odd ones.", of=Deal, unit=Unit.NUMBER, numerator=ONE, **more):
    return Metric(name, what, of, unit, numerator, **more)
def by(name="odd", key="d.source", **more):
    return [metric(dimensions=[Dimension(name, "Odd.", key, **more)])]
@hookimpl
def metric_definitions():
    return """
ODD = "plugin 'odd': the metric 'odd' "
BAD = [
    ("[metric(), metric()]", "the metric 'odd' is declared by plugin 'odd' and by plugin 'odd'"),
    ("[metric('winRate')]", "the metric 'winRate' is declared by plugin 'metrics' and by plugin 'odd'"),
    ("[42]", "plugin 'odd': metric_definitions() must return a list of Metric, not of int"),
    ("metric()", "plugin 'odd': metric_definitions() must return a list, not Metric"),
    ("[metric('Odd ones')]", "plugin 'odd': the metric 'Odd ones' needs a name like winRate"),
    ("[metric('deals')]", "plugin 'odd': the metric 'deals' has the name of a field of the resource Deal; take another one"),
    ("[metric(what='')]", f"{ODD}needs a description: the definition, with its formula"),
    ("[metric(of=TeamAncestor)]", f"{ODD}counts rows of TeamAncestor, which is no resource"),
    ("[metric(unit=Unit.SHARE)]", f"{ODD}is a SHARE, which needs a denominator"),
    ("[metric(denominator=ONE)]", f"{ODD}is a NUMBER, which has no denominator"),
    ("[metric(numerator=Part('1', 'won_at'))]", f"{ODD}goes by 'won_at', which is no time of a Deal"),
    ("[metric(numerator=Part('1', 'title'))]", f"{ODD}goes by 'title', which is no time of a Deal"),
    ("[metric(numerator=Part('d.price', 'closed_at'))]", f"{ODD}speaks of d.price, which Deal does not have"),
    ("[metric(of=Activity, unit=Unit.MONEY)]", f"{ODD}is in money, and 'currency', where its currency should be, is no column of Activity"),
    ("[metric(join='JOIN {stages} AS s ON s.id = d.stage_id')]", f"{ODD}joins {{stages}}, which its rows do not name"),
    ("[metric(rows={'a': TeamAncestor})]", f"{ODD}joins rows of TeamAncestor, which is no resource"),
    ("[metric(rows={'contacts': Contact})]", f"{ODD}joins {{contacts}}, a name that the dimension 'city' has for other rows"),
    ("[metric(tells={Deal: ('price',)})]", f"{ODD}tells of Deal.price, which is no field"),
    ("[metric(tells={TeamAncestor: ('id',)})]", f"{ODD}tells of TeamAncestor, which is no resource"),
    ("by('source')", f"{ODD}has two dimensions 'source'"),
    ("by('kind', model=User)", f"{ODD}has a dimension 'kind', which is a text in every other metric; take another name"),
    ("by('period')", f"{ODD}has a dimension 'period', which needs a name like lead_source, and another one than period and others"),
    ("by(key='d.colour')", f"{ODD}has a dimension 'odd' that speaks of d.colour, which Deal does not have"),
    ("by(key='x.c', join='JOIN {xs} AS x ON TRUE')", f"{ODD}has a dimension 'odd' that joins {{xs}}, which its rows do not name"),
    ("by(rows={'users': lambda call: visible(call, User)})",
     f"{ODD}has a dimension 'odd' that joins {{users}}, a name that stands for other rows"),
    ("by(model=TeamAncestor)", f"{ODD}has a dimension 'odd' that is a TeamAncestor, which is no resource"),
    ("by(model=Stage, label='title')", f"{ODD}has a dimension 'odd' that is called by 'title', which is no column of Stage"),
]  # fmt: skip

OF_FIGURES = HEAD.replace("import Dimension, Metric", "import Dimension, Figure, Metric").replace(
    "def metric_definitions", "def metric_figures"
)
FIGURE = """
def figure(name="odd", what="Odd.", of=Deal, **more):
    return Figure(name, what, of, Unit.RATIO, None, **more)
"""
ODD_FIGURE = "plugin 'odd': the figure 'odd' "
BAD_FIGURES = [
    ("[42]", "plugin 'odd': metric_figures() must return a list of Figure, not of int"),
    ("[figure('Odd ones')]", "plugin 'odd': the figure 'Odd ones' needs a name like salesCycle"),
    ("[figure(), figure()]", f"{ODD_FIGURE}has the name of another figure, or of a metric; take another one"),
    ("[figure('winRate')]", "plugin 'odd': the figure 'winRate' has the name of another figure, or of a metric; take another one"),
    ("[figure('roi')]", "plugin 'odd': the figure 'roi' has the name of another figure, or of a metric; take another one"),
    ("[figure(what='')]", f"{ODD_FIGURE}needs a description: the definition, with its formula"),
    ("[figure(of=TeamAncestor)]", f"{ODD_FIGURE}is of rows of TeamAncestor, which is no resource"),
    ("[figure(tells={Deal: ('price',)})]", f"{ODD_FIGURE}tells of Deal.price, which is no field"),
]  # fmt: skip


@pytest.mark.parametrize(("declared", "told"), BAD_FIGURES, ids=[one for one, _ in BAD_FIGURES])
def test_a_bad_figure_stops_the_start_in_one_sentence(plugin: Packages, tmp_path: Path, declared: str, told: str):
    plugin("odd", f"{OF_FIGURES}{declared}\n{FIGURE}")
    settings = read_settings(write_settings(tmp_path, f"sqlite://{tmp_path}/none.db", ("metrics", "odd")))
    with pytest.raises(StartError) as refused:
        apart(rehearse(settings, load(settings)))
    assert str(refused.value) == told


@pytest.mark.parametrize(("declared", "told"), BAD, ids=[one for one, _ in BAD])
def test_a_bad_declaration_stops_the_start_in_one_sentence(plugin: Packages, tmp_path: Path, declared: str, told: str):
    plugin("odd", HEAD + declared + "\n")
    settings = read_settings(write_settings(tmp_path, f"sqlite://{tmp_path}/none.db", ("metrics", "odd")))
    with pytest.raises(StartError) as refused:
        apart(rehearse(settings, load(settings)))
    assert str(refused.value) == told
