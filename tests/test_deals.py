"""Deals: where they begin, when they close, what their lines come to, and which way they went."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from tests.house import House

DEAL = """id version startedAt closedAt amount { amount currency } stage { name } pipeline { name }
  lines { id quantity discount unitPrice { amount currency } total { amount currency } product { name } }
  stageChanges { nodes { fromStage { name } toStage { name } seconds } }"""


@pytest.fixture
async def stages(house: House) -> SimpleNamespace:
    """Two pipelines; the first of the first is where deals begin."""
    later = await house.make("Pipeline", name="later", position=2)
    first = await house.make("Pipeline", name="first", position=1)
    made = {}
    for name, kind, position, pipeline in (
        ("won", "WON", 0, first),
        ("talk", "OPEN", 2, first),
        ("new", "OPEN", 1, first),
        ("lost", "LOST", 3, first),
        ("renew", "OPEN", 0, later),
    ):
        made[name] = (await house.make("Stage", name=name, kind=kind, position=position, pipeline_id=pipeline.id)).id
    return SimpleNamespace(**made, later=later.id, first=first.id)


async def update(house: House, identity: str, **given: Any) -> Any:
    ask = (
        "mutation ($id: ID!, $input: DealUpdateInput!) { dealUpdate(id: $id, input: $input) {"
        f" deal {{ {DEAL} }} userErrors {{ field message }} }} }}"
    )
    payload = (await house.ask(ask, id=identity, input=given))["dealUpdate"]
    return payload["deal"] or [error["field"] for error in payload["userErrors"]]


async def refused(house: House, **given: Any) -> list[list[str]]:
    ask = "mutation ($input: DealCreateInput!) { dealCreate(input: $input) { deal { id } userErrors { field } } }"
    payload = (await house.ask(ask, input=given))["dealCreate"]
    assert payload["deal"] is None
    return [error["field"] for error in payload["userErrors"]]


async def test_a_deal_needs_no_contact_and_no_company_and_begins_in_the_first_open_stage(house: House, stages: SimpleNamespace):
    deal = await house.make("Deal", returning=DEAL, title="t")
    assert (deal.stage, deal.pipeline) == ({"name": "new"}, {"name": "first"})
    assert deal.startedAt is not None
    assert deal.closedAt is None
    assert deal.stageChanges["nodes"] == [{"fromStage": None, "toStage": {"name": "new"}, "seconds": None}]


async def test_a_deal_of_a_pipeline_begins_in_its_first_open_stage(house: House, stages: SimpleNamespace):
    deal = await house.make("Deal", returning=DEAL, title="t", pipeline_id=stages.later)
    assert (deal.stage, deal.pipeline) == ({"name": "renew"}, {"name": "later"})
    moved = await update(house, deal.id, pipelineId=stages.first)
    assert (moved["stage"], moved["pipeline"]) == ({"name": "new"}, {"name": "first"})


async def test_the_pipeline_of_a_deal_is_that_of_its_stage(house: House, stages: SimpleNamespace):
    deal = await house.make("Deal", returning=DEAL, title="t", stage_id=stages.renew)
    assert deal.pipeline == {"name": "later"}
    assert await refused(house, title="t", stageId=stages.new, pipelineId=stages.later) == [["input", "stageId"]]


async def test_a_deal_without_any_stage_to_begin_in_is_refused(house: House):
    assert await refused(house, title="t") == [["input", "stageId"]]
    pipeline = await house.make("Pipeline", name="p")
    await house.make("Stage", name="won", kind="WON", pipeline_id=pipeline.id)
    assert await refused(house, title="t") == [["input", "stageId"]]


async def test_a_deal_closes_when_it_is_won_or_lost_and_opens_again(house: House, stages: SimpleNamespace):
    deal = await house.make("Deal", returning=DEAL, title="t")
    won = await update(house, deal.id, stageId=stages.won)
    assert won["closedAt"] is not None
    assert won["startedAt"] == deal.startedAt
    assert (await update(house, deal.id, stageId=stages.lost))["closedAt"] == won["closedAt"]
    assert (await update(house, deal.id, stageId=stages.talk))["closedAt"] is None
    names = [row["name"] for row in await house.sql("SELECT name FROM event WHERE resource = 'deal' ORDER BY position")]
    assert names == ["deal.created", "deal.updated", "deal.won", "deal.updated", "deal.lost", "deal.updated"]


async def test_a_deal_that_is_made_in_a_won_stage_is_closed(house: House, stages: SimpleNamespace):
    deal = await house.make("Deal", returning=DEAL, title="t", stage_id=stages.won)
    assert deal.closedAt is not None
    assert deal.closedAt >= deal.startedAt


@pytest.mark.parametrize(
    "field", ["startedAt", "closedAt", "createdAt", "version", "deletedAt", "id", "stageChanges", "titleKey", "currency"]
)
async def test_what_the_house_keeps_is_in_no_input(shared_house: House, field: str):
    for kind in ("Create", "Update"):
        data = await shared_house.ask(f'{{ __type(name: "Deal{kind}Input") {{ inputFields {{ name }} }} }}')
        names = {one["name"] for one in data["__type"]["inputFields"]}
        assert field not in names
        assert "title" in names


async def test_the_history_of_a_deal_tells_each_step_and_the_seconds_before_it(house: House, stages: SimpleNamespace):
    deal = await house.make("Deal", title="t")
    ago = "2026-01-01 00:00:00+00:00"
    await _rewind(house, "deal_stage_change", ago)
    await update(house, deal.id, stageId=stages.talk)
    await update(house, deal.id, title="other", stageId=stages.talk)
    moved = await update(house, deal.id, stageId=stages.won)
    steps = moved["stageChanges"]["nodes"]
    names = [(step["fromStage"] and step["fromStage"]["name"], step["toStage"]["name"]) for step in steps]
    assert names == [(None, "new"), ("new", "talk"), ("talk", "won")]
    assert steps[1]["seconds"] > 1_000_000
    assert steps[2]["seconds"] < 60


async def test_the_history_of_a_contact_tells_each_stage_of_its_life(house: House):
    contact = await house.make("Contact", name="c", lifecycle_stage="LEAD")
    await _rewind(house, "lifecycle_change", "2026-01-01 00:00:00+00:00")
    for stage in ("CUSTOMER", "CUSTOMER", "CHURNED"):
        ask = "mutation ($id: ID!, $s: LifecycleStage) { contactUpdate(id: $id, input: {lifecycleStage: $s}) { contact { version } } }"
        await house.ask(ask, id=contact.id, s=stage)
    data = await house.ask("{ lifecycleChanges(orderBy: [{field: CHANGED_AT}]) { nodes { fromStage toStage seconds contact { name } } } }")
    steps = data["lifecycleChanges"]["nodes"]
    assert [(one["fromStage"], one["toStage"]) for one in steps] == [(None, "LEAD"), ("LEAD", "CUSTOMER"), ("CUSTOMER", "CHURNED")]
    assert steps[0]["seconds"] is None
    assert steps[1]["seconds"] > 1_000_000 > 60 > steps[2]["seconds"]


@pytest.mark.parametrize(
    ("currency", "price", "quantity", "discount", "total"),
    [
        ("EUR", "10.00", "3", "0", "30.00"),
        ("EUR", "10.01", "0.5", "0", "5.00"),
        ("EUR", "10.03", "0.5", "0", "5.02"),
        ("EUR", "9.99", "1", "33.33", "6.66"),
        ("EUR", "9.99", "1", "100", "0.00"),
        ("JPY", "333", "0.333", "0", "111"),
        ("JPY", "5", "0.5", "0", "2"),
        ("KWD", "1.234", "1.5", "0", "1.851"),
        ("IRR", "1500000.00", "2", "12.50", "2625000.00"),
        ("EUR", "0.00", "5", "0", "0.00"),
        ("EUR", "90071992547409.92", "1", "0", "90071992547409.92"),
    ],
)
async def test_the_total_of_a_line_is_exact_and_has_the_digits_of_its_currency(
    house: House, stages: SimpleNamespace, currency: str, price: str, quantity: str, discount: str, total: str
):
    product = await house.make("Product", name="p")
    line = {"productId": product.id, "quantity": quantity, "discount": discount, "unitPrice": {"amount": price, "currency": currency}}
    deal = await house.make("Deal", returning=DEAL, title="t", amount={"amount": "0", "currency": currency}, lines=[line])
    assert deal.lines[0]["total"] == {"amount": total, "currency": currency}
    assert deal.lines[0]["unitPrice"] == {"amount": price, "currency": currency}


async def test_a_line_without_a_price_has_that_of_the_product_in_the_currency_of_the_deal(house: House, stages: SimpleNamespace):
    euro = await house.make("Product", name="euro", price={"amount": "10.50", "currency": "EUR"})
    yen = await house.make("Product", name="yen", price={"amount": "100", "currency": "JPY"})
    lines = [{"productId": euro.id, "quantity": "2"}, {"productId": yen.id}]
    deal = await house.make("Deal", returning=DEAL, title="t", lines=lines)
    assert deal.amount is None
    assert [line["unitPrice"] for line in deal.lines] == [{"amount": "10.50", "currency": "EUR"}, None]
    assert [line["total"] for line in deal.lines] == [{"amount": "21.00", "currency": "EUR"}, None]
    assert [Decimal(line["quantity"]) for line in deal.lines] == [2, 1]


async def test_a_deal_and_its_lines_have_one_currency(house: House, stages: SimpleNamespace):
    product = await house.make("Product", name="p")
    line = {"productId": product.id, "unitPrice": {"amount": "1", "currency": "EUR"}}
    yen = {"amount": "1", "currency": "JPY"}
    assert await refused(house, title="t", amount=yen, lines=[line]) == [["input", "lines", "0", "unitPrice"]]
    priceless = await house.make("Deal", returning=DEAL, title="t", lines=[{"productId": product.id}, line])
    assert [one["total"] for one in priceless.lines] == [None, {"amount": "1.00", "currency": "EUR"}]
    deal = await house.make("Deal", returning=DEAL, title="t", lines=[line])
    assert await update(house, deal.id, lines=[{"productId": product.id, "unitPrice": yen}]) == [["input", "lines", "0", "unitPrice"]]
    assert await update(house, deal.id, amount=yen) == [["input", "amount"]]
    changed = await update(house, deal.id, amount=yen, lines=[{"productId": product.id, "unitPrice": yen}])
    assert changed["lines"][0]["total"] == {"amount": "1", "currency": "JPY"}


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "-1"}, "quantity"),
        ({"quantity": "0.0001"}, "quantity"),
        ({"quantity": None}, "quantity"),
        ({"discount": "-0.01"}, "discount"),
        ({"discount": "100.01"}, "discount"),
        ({"discount": "1.001"}, "discount"),
        ({"unitPrice": {"amount": "-1", "currency": "EUR"}}, "unitPrice"),
        ({"unitPrice": {"amount": "1.005", "currency": "EUR"}}, "unitPrice"),
        ({"unitPrice": {"amount": "90071992547409.92", "currency": "EUR"}, "quantity": "9007199254740"}, "quantity"),
        ({"unitPrice": {"amount": "90071992547409.93", "currency": "EUR"}}, "unitPrice"),
        ({"quantity": "90071992547409920"}, "quantity"),
    ],
)
async def test_a_line_that_cannot_be_is_refused_under_its_place(shared_house: House, line: dict[str, Any], field: str):
    pipeline = await shared_house.make("Pipeline", name="p")
    await shared_house.make("Stage", name="s", pipeline_id=pipeline.id)
    product = await shared_house.make("Product", name="p")
    lines = [{"productId": product.id}, {"productId": product.id, **line}]
    amount = {"amount": "1", "currency": "EUR"}
    assert await refused(shared_house, title="t", amount=amount, lines=lines) == [["input", "lines", "1", field]]


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("1", "EUR", "1.00"),
        ("1.5", "EUR", "1.50"),
        ("0.01", "EUR", "0.01"),
        ("-0", "EUR", "0.00"),
        ("7", "JPY", "7"),
        ("7.0", "JPY", "7"),
        ("1.234", "KWD", "1.234"),
        ("12", "IRR", "12.00"),
        ("90071992547409.92", "EUR", "90071992547409.92"),
    ],
)
async def test_money_has_the_digits_of_its_currency(shared_house: House, amount: str, currency: str, shown: str):
    given = {"amount": amount, "currency": currency}
    product = await shared_house.make("Product", returning="price { amount currency }", name="p", price=given)
    assert product.price == {"amount": shown, "currency": currency}


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("1.005", "EUR"),
        ("0.5", "JPY"),
        ("1.2345", "KWD"),
        ("90071992547409.93", "EUR"),
        ("1" + "0" * 29, "EUR"),
        ("1.000000000000000000000000000001", "EUR"),
        ("0.000000000000000000000000000001", "JPY"),
    ],
)
async def test_money_is_never_rounded(shared_house: House, amount: str, currency: str):
    ask = 'mutation ($price: MoneyInput) { productCreate(input: {name: "p", price: $price}) { product { id } userErrors { field code } } }'
    payload = (await shared_house.ask(ask, price={"amount": amount, "currency": currency}))["productCreate"]
    assert payload == {"product": None, "userErrors": [{"field": ["input", "price"], "code": "INVALID"}]}


async def test_a_stage_knows_its_chance_when_it_is_won_or_lost(house: House):
    pipeline = await house.make("Pipeline", name="p")
    chances = {}
    for kind in ("OPEN", "WON", "LOST"):
        stage = await house.make("Stage", returning="probability", name="s", kind=kind, pipeline_id=pipeline.id)
        chances[kind] = stage.probability
    assert chances == {"OPEN": None, "WON": "1.0000", "LOST": "0.0000"}


async def _rewind(house: House, table: str, moment: str) -> None:
    """Put all steps of a history back in time."""
    if house.database.name == "sqlite":
        await house.sql(f"UPDATE {table} SET changed_at = $1 RETURNING id", moment)
    else:
        await house.sql(f"UPDATE {table} SET changed_at = '{moment}' RETURNING id")


async def test_a_stage_that_no_deal_stands_in_can_go_and_history_still_names_it(house: House) -> None:
    pipeline = await house.make("Pipeline", name="Sales")
    old = await house.make("Stage", name="Fax", pipeline_id=pipeline.id, position=1)
    new = await house.make("Stage", name="Mail", pipeline_id=pipeline.id, position=2)
    deal = await house.make("Deal", title="A machine", stage_id=old.id)
    delete = "mutation ($id: ID!) { stageDelete(id: $id) { stage { id } userErrors { code } } }"
    assert (await house.ask(delete, id=old.id))["stageDelete"]["userErrors"] == [{"code": "CONFLICT"}]
    move = "mutation ($id: ID!, $stage: ID!) { dealUpdate(id: $id, input: {stageId: $stage}) { userErrors { code } } }"
    await house.ask(move, id=deal.id, stage=new.id)
    assert (await house.ask(delete, id=old.id))["stageDelete"]["userErrors"] == []
    history = "query ($id: ID!) { deal(id: $id) { stageChanges { nodes { fromStage { name } toStage { name } } } } }"
    steps = (await house.ask(history, id=deal.id))["deal"]["stageChanges"]["nodes"]
    assert steps == [{"fromStage": None, "toStage": {"name": "Fax"}}, {"fromStage": {"name": "Fax"}, "toStage": {"name": "Mail"}}]
