"""Fields that SQL works out of a row: declared once by a plugin, the same on both roads, and true to the rules."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.crm import Call
from core.database.indices import unhelped
from core.errors import StartError
from core.models import Role, RoleGrant
from core.permissions import SYSTEM
from schema.transport.parameters import Parameters
from tests.house import House, Houses, Templates
from tests.packages import packages

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def worked(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house with the plugin and its contacts, for tests that only read."""
    folder = tmp_path_factory.mktemp("worked")
    (folder / "site-packages").mkdir()
    with packages(folder / "site-packages") as plugin:
        async with Houses(templates, folder)(plugin("worked", PLUGIN)) as house:
            await filled(house)
            yield house


PLUGIN = """
from core import Expressed, Kind, hookimpl
from core.models import Company, Contact, Deal

DEALS = "(SELECT {} FROM {{deals}} AS d WHERE d.contact_id = {{row}}.id)"

def on(name, kind, sql, **more):
    return Expressed(Contact, name, kind, f"The {name}.", sql, rows={"deals": Deal} if "{deals}" in sql else {}, **more)

@hookimpl
def expressions():
    return [
        on("open_deals", Kind.INT, DEALS.format("COUNT(*)")),
        on("worth", Kind.DECIMAL, DEALS.format("SUM(d.amount)"), scale=2),
        on("mean", Kind.FLOAT, DEALS.format("AVG(d.amount * 1.0)")),
        on("latest", Kind.DATETIME, DEALS.format("MAX(d.created_at)")),
        on("born", Kind.DATE, "{row}.birth_date"),
        on("loud", Kind.STRING, "CASE WHEN {row}.city IS NOT NULL THEN {row}.city || '!\\"' END"),
        on("big", Kind.BIG_INT, DEALS.format("COUNT(*)") + " + 9007199254740000"),
        on("idle", Kind.BOOLEAN, "NOT EXISTS (SELECT 1 FROM {deals} AS d WHERE d.contact_id = {row}.id)"),
        Expressed(Company, "people", Kind.INT, "How many.", "SELECT COUNT(*) FROM {them} AS c WHERE c.company_id = {row}.id",
                  rows={"them": Contact}),
        on("new", Kind.BOOLEAN, "{row}.created_at < {now} AND {row}.created_at > '2001-01-01'"),
        on("first_deal", Kind.ID, "SELECT d.id FROM {deals} AS d WHERE d.contact_id = {row}.id ORDER BY d.id LIMIT 1", to=Deal,
           tells={Deal: ("contact", "title")}),
        Expressed(Deal, "now", Kind.DATETIME, "What is now.", "{now}"),
    ]
"""
ROLES = {"blind": {"contact.read": "all", "company.read": "all"}}
FIELDS = "openDeals worth mean latest born loud big idle company { people }"
LIST = "{ contacts { nodes { name } totalCount } }"
PAGE = f"{{ contacts(first: 10, orderBy: [{{field: NAME}}]) {{ nodes {{ name {FIELDS} }} }} }}"


async def filled(house: House) -> dict[str, Any]:
    """Users and contacts, each with deals of one of them."""
    users = [await house.make("User", name=name) for name in ("Sara", "Max")]
    await house.make("Stage", name="New", pipeline_id=(await house.make("Pipeline", name="p")).id)
    company = await house.make("Company", name="Firm", owner_id=users[0].id)
    for number, user in enumerate([*users, users[0]]):
        contact = await house.make(
            "Contact", name=f"c{number}", owner_id=users[0].id, company_id=company.id, city=None if number else "شیراز",
            birth_date="1990-02-03" if number else None,
        )  # fmt: skip
        for amount in range(number + 1) if number < 2 else ():
            money = {"amount": f"{amount}.25", "currency": "EUR"}
            await house.make("Deal", title="d", contact_id=contact.id, owner_id=user.id, amount=money)
    return {"sara": users[0].id}


async def both(house: House, document: str, call: Call) -> Any:
    """The data of a document that a statement answers, after comparing it with what the resolvers say."""
    engine: Any = next(route for route in house.app.router.routes if getattr(route, "path", "") == "/graphql")
    engine, asked = engine.endpoint.engine, Parameters(document)
    prepared = engine.prepare(asked)
    fast = await engine.execute(prepared, asked, call)
    slow = await engine.interpret(prepared, asked, Call(call.crm, call.actor, call.request_id))
    assert fast.compiled
    assert json.dumps(json.loads(fast.encoded())) == json.dumps(json.loads(slow.encoded()))
    return json.loads(fast.encoded())["data"]


async def test_an_expression_is_a_field_on_both_roads(houses: Houses, plugin):
    async with houses(plugin("worked", PLUGIN)) as house:
        await filled(house)
        nodes = (await both(house, PAGE, Call(house.crm, SYSTEM, "r")))["contacts"]["nodes"]
        shown = [(node["openDeals"], node["worth"], node["idle"]) for node in nodes]
        assert shown == [(1, "0.25", False), (2, "1.50", False), (0, None, True)]
        assert nodes[0] | {"latest": None} == {
            "name": "c0", "openDeals": 1, "worth": "0.25", "mean": 25.0, "latest": None, "born": None, "loud": 'شیراز!"',
            "big": 9007199254740001, "idle": False, "company": {"people": 3},
        }  # fmt: skip
        assert nodes[1]["born"] == "1990-02-03"
        assert nodes[0]["latest"].endswith("+00:00")


WHERES = [
    ("{openDeals: {gte: 1}}", [0, 1]),
    ("{openDeals: {eq: 2}}", [1]),
    ("{openDeals: {ne: 2}}", [0, 2]),
    ("{openDeals: {in: [0, 2]}}", [1, 2]),
    ("{openDeals: {notIn: [0, 2]}}", [0]),
    ("{openDeals: {in: []}}", []),
    ("{openDeals: {notIn: []}}", [0, 1, 2]),
    ("{openDeals: {}}", [0, 1, 2]),
    ("{openDeals: {gt: 0, lt: 2}}", [0]),
    ("{not: {openDeals: {lte: 1}}}", [1]),
    ("{or: [{openDeals: {eq: 0}}, {worth: {eq: 1.5}}]}", [1, 2]),
    ("{worth: {isNull: true}}", [2]),
    ("{worth: {eq: null}}", [2]),
    ("{worth: {ne: null}}", None),
    ("{worth: {ne: 0.25}}", [1, 2]),
    ("{not: {worth: {lt: 1}}}", [1, 2]),
    ("{mean: {gte: 25.0}}", [0, 1]),
    ("{mean: {eq: 75}}", [1]),
    ("{latest: {isNull: false, lt: \"2100-01-01T00:00:00Z\"}}", [0, 1]),
    ("{born: {eq: \"1990-02-03\"}}", [1, 2]),
    ("{loud: {isNull: false}}", [0]),
    ("{big: {gt: 9007199254740000}}", [0, 1]),
    ("{idle: {eq: true}}", [2]),
    ("{idle: {eq: false}}", [0, 1]),
    ("{idle: {isNull: true}}", []),
    ("{new: {eq: true}}", [0, 1, 2]),
    ("{company: {people: {gt: 2}}}", [0, 1, 2]),
    ("{company: {people: {gt: 3}}}", []),
    ("{deals: {some: {now: {gt: \"2020-01-01T00:00:00Z\"}}}}", [0, 1]),
    ("{deals: {every: {now: {lt: \"2020-01-01T00:00:00Z\"}}}}", [2]),
    ("{deals: {none: {contact: {openDeals: {eq: 2}}}}}", [0, 2]),
]


@pytest.mark.parametrize(("where", "found"), WHERES, ids=[where for where, _ in WHERES])
async def test_an_expression_is_a_filter_on_both_roads(worked: House, where: str, found: list[int] | None):
    document = f"{{ contacts(where: {where}, orderBy: [{{field: NAME}}]) {{ nodes {{ name }} totalCount }} }}"
    if found is None:
        assert (await worked.answer(document))[1][0]["extensions"]["code"] == "BAD_USER_INPUT"
        return
    page = (await both(worked, document, Call(worked.crm, SYSTEM, "r")))["contacts"]
    assert [node["name"] for node in page["nodes"]] == [f"c{number}" for number in found]
    assert page["totalCount"] == len(found)
    groups = await both(worked, f"{{ contactsAggregate(where: {where}) {{ count }} }}", Call(worked.crm, SYSTEM, "r"))
    assert groups == {"contactsAggregate": [{"count": len(found)}]}


ORDERS = [
    ("OPEN_DEALS", [2, 0, 1]),
    ("WORTH", [0, 1, 2]),
    ("LATEST", [0, 1, 2]),
    ("BORN", [1, 2, 0]),
    ("BIG", [2, 0, 1]),
    ("IDLE", [0, 1, 2]),
]


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize(("order", "found"), ORDERS, ids=[order for order, _ in ORDERS])
async def test_an_expression_orders_a_list_page_by_page(worked: House, order: str, found: list[int], direction: str):
    wanted = [f"c{number}" for number in (found if direction == "ASC" else found[::-1])]
    for size, way, past in (("first", "after", "endCursor"), ("last", "before", "startCursor")):
        seen: list[str] = []
        cursor = ""
        for _ in wanted:
            document = (
                f"{{ contacts({size}: 1{cursor}, orderBy: [{{field: {order}, direction: {direction}}}]) "
                "{ nodes { name } edges { cursor } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } totalCount } }"
            )
            page = (await both(worked, document, Call(worked.crm, SYSTEM, "r")))["contacts"]
            seen += [node["name"] for node in page["nodes"]]
            cursor = f', {way}: "{page["pageInfo"][past]}"'
        assert seen == (wanted if size == "first" else wanted[::-1])


async def test_lists_behind_records_are_filtered_and_ordered_by_expressions(worked: House):
    document = (
        "{ companies { nodes { contacts(first: 2, where: {openDeals: {gte: 0}}, orderBy: [{field: OPEN_DEALS, direction: DESC}]) "
        "{ nodes { name openDeals } pageInfo { endCursor hasNextPage } totalCount } } } }"
    )
    page = (await both(worked, document, Call(worked.crm, SYSTEM, "r")))["companies"]["nodes"][0]["contacts"]
    assert [node["name"] for node in page["nodes"]] == ["c1", "c0"]
    assert page["totalCount"] == 3


async def test_an_order_of_what_is_only_counted(worked: House):
    assert await worked.ask("{ contacts(orderBy: [{field: OPEN_DEALS}]) { totalCount } }") == {"contacts": {"totalCount": 3}}


async def test_a_record_is_worked_out(worked: House):
    document = "{ contacts(orderBy: [{field: NAME}]) { nodes { firstDeal { title contact { name } } } } }"
    nodes = (await both(worked, document, Call(worked.crm, SYSTEM, "r")))["contacts"]["nodes"]
    assert [node["firstDeal"] and node["firstDeal"]["contact"]["name"] for node in nodes] == ["c0", "c1", None]


async def test_now_is_the_same_in_a_whole_answer(worked: House):
    document = "{ a: deals { nodes { now } } b: deals { nodes { contact { firstDeal { now } } } } }"
    moments = [set(re.findall(r"20[^\"]+", json.dumps(await worked.ask(document)))) for _ in range(2)]
    assert [len(one) for one in moments] == [1, 1]
    assert moments[0] < moments[0] | moments[1]  # a plan that is kept does not keep the moment


async def test_whoever_sees_no_row_or_not_the_field_cannot_ask_by_it(houses: Houses, plugin):
    async with houses(plugin("worked", PLUGIN), roles=ROLES) as house:
        users = await filled(house)
        blind = await house.as_("blind", users["sara"])
        await house.ask(
            "mutation($input: RoleCreateInput!) { roleCreate(input: $input) { userErrors { message } } }",
            input={
                "name": "hiding",
                "grants": [{"permission": "*", "scope": "ALL"}],
                "fields": [{"field": "contact.openDeals", "access": "HIDDEN"}, {"field": "deal.title", "access": "HIDDEN"}],
            },
        )
        hiding = await house.as_("hiding", users["sara"])
        asks = [
            "{{ contacts(where: {{{0}: {{gte: 0}}}}) {{ totalCount }} }}",
            "{{ contacts(where: {{not: {{{0}: {{in: []}}}}}}) {{ nodes {{ id }} }} }}",
            "{{ contacts(where: {{{0}: {{}}}}) {{ nodes {{ id }} }} }}",
            "{{ contactsAggregate(where: {{{0}: {{eq: 1}}}}) {{ count }} }}",
            "{{ companies(where: {{contacts: {{some: {{{0}: {{eq: 1}}}}}}}}) {{ nodes {{ id }} }} }}",
            "{{ contacts(orderBy: [{{field: OPEN_DEALS}}]) {{ nodes {{ id }} }} }}",
            "{{ contacts(orderBy: [{{field: OPEN_DEALS}}]) {{ totalCount }} }}",
            "{{ contacts {{ nodes {{ {0} }} }} }}",
        ]
        for ask in asks:
            for asker in (blind, hiding):
                codes = {error["extensions"]["code"] for error in (await asker.answer(ask.format("openDeals")))[1]}
                assert codes == {"FORBIDDEN"}, ask
        assert (await hiding.ask("{ contacts(where: {idle: {eq: true}}) { totalCount } }")) == {"contacts": {"totalCount": 1}}
        # What the title of a deal tells is hidden with it.
        assert (await hiding.answer("{ contacts { nodes { firstDeal { id } } } }"))[1][0]["extensions"]["code"] == "FORBIDDEN"


async def test_filters_and_orders_go_by_the_rows_that_one_may_see(houses: Houses, plugin):
    async with houses(plugin("worked", PLUGIN)) as house:
        users = await filled(house)
        sara = await house.as_("owner", users["sara"])
        assert await sara.ask("{ contacts(where: {openDeals: {gt: 0}}) { nodes { name } } }") == {"contacts": {"nodes": [{"name": "c0"}]}}
        nodes = (await sara.ask("{ contacts(orderBy: [{field: OPEN_DEALS, direction: DESC}]) { nodes { name } } }"))["contacts"]["nodes"]
        assert [node["name"] for node in nodes] == ["c0", "c2", "c1"]


async def test_a_role_whose_filter_is_by_the_field_of_a_plugin_sees_nothing_without_it(houses: Houses, plugin):
    async with houses(plugin("worked", PLUGIN)) as house:
        users = await filled(house)
        await house.ask(
            "mutation($input: RoleCreateInput!) { roleCreate(input: $input) { userErrors { message } } }",
            input={"name": "busy", "grants": [{"permission": "contact.read", "scope": "WHERE", "where": {"openDeals": {"gte": 2}}}]},
        )
        busy = await house.as_("busy", users["sara"])
        assert await busy.ask(LIST) == {"contacts": {"nodes": [{"name": "c1"}], "totalCount": 1}}
        kept = await RoleGrant.all().values("permission", "scope", "where", "position")
    async with houses() as house:
        await house.make("Contact", name="c")
        role = await Role.create(name="busy")
        for grant in kept:
            await RoleGrant.create(role_id=role.id, **grant)
        busy = await house.as_("busy")
        for one in (LIST, "{ contacts { nodes { name company { name } } } }", "{ contactsAggregate { count } }"):
            found, errors = await busy.answer(one)
            assert errors
            assert not any((found or {}).values())


async def test_check_names_what_is_filtered_without_an_index(houses: Houses, plugin):
    async with houses(plugin("worked", PLUGIN)) as house:
        assert any("Contact:" in one and "open_deals" in one for one in unhelped(house.crm))


async def test_an_expression_counts_only_rows_that_its_asker_may_see(houses: Houses, plugin):
    async with houses(plugin("worked", PLUGIN)) as house:
        users = await filled(house)
        sara = await house.as_("owner", users["sara"])
        nodes = (await sara.ask(PAGE))["contacts"]["nodes"]
        assert [node["openDeals"] for node in nodes] == [1, 0, 0]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ('[Expressed(Contact, "loud", Kind.INT, "x", "{nobody}.id")]', "speaks of 'nobody', which `rows` does not name"),
        ('[Expressed(Contact, "city", Kind.INT, "x", "1")]', "city is claimed twice"),
        ('[Expressed(Contact, "Loud", Kind.INT, "x", "1")]', "snake_case"),
        ('[Expressed(ContactTag, "loud", Kind.INT, "x", "1")]', "no resource"),
        ('[Expressed(Contact, "loud", Kind.MONEY, "x", "1")]', "cannot be of the kind"),
        ('[Expressed(Contact, "loud", Kind.INT, "", "1")]', "needs a description"),
        ('[Expressed(Contact, "loud", Kind.INT, "x", "1")] * 2', "is declared by plugin 'wrong' and by"),
        ('[Expressed(Contact, "loud", Kind.ID, "x", "1")]', "is a record when it is of the kind ID"),
        ('[Expressed(Contact, "loud", Kind.INT, "x", "1", to=Contact)]', "is a record when it is of the kind ID"),
        ('[Expressed(Contact, "loud", Kind.ID, "x", "1", to=ContactTag)]', "says with `to` of which resource"),
        ('[Expressed(Contact, "loud", Kind.INT, "x", "{now}", rows={"now": Contact})]', "which stands for something else"),
        ('[Expressed(Contact, "loud", Kind.INT, "x", "1", tells={Contact: ("nothing",)})]', "tells of Contact.nothing"),
        ("[1]", "must return a list of Expressed"),
    ],
)
async def test_an_expression_that_cannot_be_stops_the_start(houses: Houses, plugin, declared: str, said: str):
    source = (
        "from core import Expressed, Kind, hookimpl\nfrom core.models import Contact, ContactTag\n"
        f"@hookimpl\ndef expressions():\n    return {declared}\n"
    )
    with pytest.raises(StartError, match="plugin 'wrong'") as stopped:
        async with houses(plugin("wrong", source)):
            raise AssertionError("it started")
    assert said in str(stopped.value)
