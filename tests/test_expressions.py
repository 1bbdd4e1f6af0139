"""Fields that SQL works out of a row: declared once by a plugin, the same on both roads, and true to the rules."""

import json
from typing import Any

import pytest

from core.crm import Call
from core.errors import StartError
from core.permissions import SYSTEM
from schema.transport.parameters import Parameters
from tests.house import House, Houses

pytestmark = pytest.mark.anyio

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
    ]
"""
FIELDS = "openDeals worth mean latest born loud big idle company { people }"
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
