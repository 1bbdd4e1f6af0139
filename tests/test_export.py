"""Tests of `payvand export`: what it writes, and that `payvand import` makes the same of it elsewhere."""

import csv
import datetime
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.crm import Call
from core.models import Contact
from core.money import Money
from core.permissions import SYSTEM
from core.records import store
from core.records.filters import condition
from core.transfer.asking import condition_of
from core.transfer.columns import outs
from core.transfer.exporting import Export, most_parts
from core.transfer.guard import guarded, plain
from core.transfer.importing import Import
from core.transfer.mapping import Chart
from core.transfer.named import resource_named
from core.transfer.plan import Plan
from core.transfer.problems import Unusable
from core.transfer.reading import Source
from core.transfer.report import Rejects, Report
from core.transfer.writing import JsonLines, Table
from tests.house import House
from tests.shell import Shell

pytestmark = pytest.mark.anyio


def shell(house: House) -> Shell:
    """Commands on the house of a test."""
    return Shell(house.settings.folder, house.settings.database.url)


async def written(house: House, resource: str, path: Path) -> Path:
    """An export in this process."""
    call = Call(house.crm, SYSTEM)
    shown = resource_named(house.crm, resource)
    columns = outs(house.crm, shown, await most_parts(call, shown))
    out = io.StringIO(newline="")
    names = [one.path for one in columns]
    writer = JsonLines(out, names) if path.suffix == ".jsonl" else Table(out, names)
    writer.header()
    async for values in Export(call, shown, columns).rows():
        writer.row(values)
    return filed(path, out.getvalue())


def filed(path: Path, text: str) -> Path:
    """A file with that text."""
    path.write_bytes(text.encode())
    return path


async def taken(house: House, resource: str, path: Path) -> Report:
    """An import in this process."""
    lines = path.suffix == ".jsonl"
    source = Source(path, "utf-8", None if lines else ",", lines=lines)
    plan = Plan(house.crm, resource_named(house.crm, resource), Chart(), f"import:{path.name}")
    rejects = Rejects(path.with_suffix(".rejects"), source.columns, ",", lines=lines)
    return await Import(Call(house.crm, SYSTEM), plan, rejects).run(source, dry=False)


def text_of(path: Path) -> str:
    """What a file says, its line ends and its mark included."""
    return path.read_bytes().decode()


async def filled(house: House) -> None:
    """Records of most kinds, with times of the past."""
    pipeline = await house.make("Pipeline", name="Sales")
    stages = [
        await house.make("Stage", name=name, kind=kind, position=place, pipeline_id=pipeline.id)
        for place, (name, kind) in enumerate((("New", "OPEN"), ("Won", "WON")))
    ]
    team = await house.make("Team", name="West")
    user = await house.make("User", name="Sara", email="sara@example.com", team_id=team.id)
    tag = await house.make("Tag", name="a;b")
    company = await house.make(
        "Company", name="=Acme", annual_revenue={"amount": "12.50", "currency": "EUR"}, owner_id=user.id, external_id="7"
    )
    await house.make("Company", name="=Acme", parent_id=company.id)
    contact = await house.make(
        "Contact", given_name="زهرا", family_name="'-x", company_id=company.id, owner_id=user.id, birth_date="1990-02-03", gender="FEMALE",
        emails=[{"address": "z@example.com", "label": "work"}, {"address": "y@example.com"}], phones=[{"number": "+989121234567"}],
        tag_ids=[tag.id], description='two\nlines, "quoted"; and\ttabs', email_consent=True,
    )  # fmt: skip
    product = await house.make("Product", name="GTX", sku="@g", price={"amount": "10", "currency": "USD"})
    deal = await house.make(
        "Deal", title="+1", contact_id=contact.id, company_id=company.id,
        amount={"amount": "100.10", "currency": "USD"}, stage_id=stages[0].id,
        lines=[{"productId": product.id, "quantity": "2.5", "discount": "10"}, {"productId": product.id}],
    )  # fmt: skip
    mutation = "mutation ($id: ID!, $stage: ID!) { dealUpdate(id: $id, input: {stageId: $stage}) { userErrors { message } } }"
    await house.ask(mutation, id=deal.id, stage=stages[1].id)
    await house.make(
        "Activity", kind="CALL", subject="@noon", contact_id=contact.id, deal_id=deal.id, done_at="2026-01-02T03:04:05.678901Z"
    )


ORDER = ("pipelines", "stages", "teams", "users", "products", "tags", "companies", "contacts", "deals", "activities")
# All that a house shows of what `filled` made.
EVERYTHING = (
    """{
    pipelines { nodes { id name position createdAt } }
    stages { nodes { id name kind position probability pipeline { id } createdAt } }
    teams { nodes { id name } } users { nodes { id name email team { id } } } tags { nodes { id name } }
    products { nodes { id name sku price { amount currency } active createdAt } }
    companies { nodes { id name externalId annualRevenue { amount currency } owner { id } parent { id } createdAt } }
    }""",
    """{
    contacts { nodes { id name givenName familyName company { id } owner { id } birthDate gender emails { address label }
        phones { number label }
        tags { id } description emailConsent createdAt lifecycleStage lifecycleChanges { nodes { fromStage toStage changedAt seconds } } } }
    deals { nodes { id title contact { id } company { id } amount { amount currency }
        stage { id } pipeline { id } startedAt closedAt createdAt
        lines { quantity discount unitPrice { amount currency } total { amount } product { id } }
        stageChanges { nodes { fromStage { id } toStage { id } changedAt seconds } } } }
    activities { nodes { id kind subject contact { id } deal { id } doneAt createdAt } }
    }""",
)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
async def test_what_is_exported_makes_the_same_records_elsewhere(house: House, houses: Any, tmp_path: Path, form: str):
    await filled(house)
    files = {resource: await written(house, resource, tmp_path / f"{resource}.{form}") for resource in ORDER}
    before = [await house.ask(query) for query in EVERYTHING]
    async with houses() as other:
        for resource in ORDER:
            report = await taken(other, resource, files[resource])
            assert (report.rejected, report.problems) == (0, []), resource
        assert [await other.ask(query) for query in EVERYTHING] == before
        for resource in ORDER:
            report = await taken(other, resource, files[resource])
            assert (report.created, report.updated, report.rejected) == (0, 0, 0), resource
        again = await written(other, "deals", tmp_path / f"again.{form}")
        assert text_of(again) == text_of(files["deals"])


async def test_a_record_that_was_edited_in_the_file_is_brought_up_to_date(house: House, tmp_path: Path):
    await filled(house)
    path = await written(house, "contacts", tmp_path / "contacts.csv")
    filed(path, text_of(path).replace("z@example.com", "new@example.com"))
    report = await taken(house, "contacts", path)
    assert (report.created, report.updated, report.rejected) == (0, 1, 0)
    answer = await house.ask("{ contacts { nodes { version emails { address label } } } }")
    emails = [{"address": "new@example.com", "label": "work"}, {"address": "y@example.com", "label": None}]
    assert answer["contacts"]["nodes"] == [{"version": 2, "emails": emails}]


async def test_the_command_writes_chosen_columns_of_chosen_records(house: House, tmp_path: Path):
    await filled(house)
    path = tmp_path / "out.csv"
    where = json.dumps(
        {"name": {"contains": "acme"}, "annualRevenue": {"currency": "EUR", "gt": "12.25"}, "createdAt": {"gte": "2020-01-01"}}
    )
    told = shell(house)(
        "export", "companies", str(path), "--columns", "name,annualRevenue,owner.name,version", "--where", where, "--bom", "--json"
    ).well()
    assert json.loads(told.out)["rows"] == 1
    assert text_of(path) == "\ufeffname,annualRevenue,owner.name,version\r\n'=Acme,12.50,Sara,1\r\n"
    lines = shell(house)("export", "contact", "--format", "jsonl", "--columns", "name,emails.1.address,tags").well().out
    assert json.loads(lines) == {"name": "زهرا '-x", "emails": [{"address": "z@example.com"}], "tags": ["a;b"]}
    ended = shell(house)("export", "contacts", "--columns", "nope")
    assert ended.code == 1 and "no column 'nope'" in ended.err
    ended = shell(house)("export", "contacts", "--where", "{")
    assert ended.code == 1 and "not JSON" in ended.err


async def test_a_filter_names_what_is_wrong_with_it(shared_house: House):
    contact = resource_named(shared_house.crm, "contact")
    for where in ([], {"nope": {}}, {"name": "x"}, {"deals": {"eq": 1}}, {"createdAt": {"gt": "soon"}}):
        with pytest.raises(Unusable, match="--where"):
            condition_of(shared_house.crm, contact, where)
    test = {"not": {"or": [{"deals": {"some": {"amount": {"currency": "USD", "gte": 3}}}}, {"birthDate": {"lt": "2000-01-01"}}]}}
    found = condition_of(shared_house.crm, contact, test)
    assert found["not"]["or"][0]["deals"]["some"]["amount"]["gte"] == Decimal(3)
    assert condition(Call(shared_house.crm, SYSTEM), contact, found)


@given(st.text())
def test_the_guard_keeps_every_text(text: str):
    assert plain(guarded(text)) == text
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_only_what_is_a_formula_is_guarded():
    assert [guarded(text) for text in ("=1+1", "+98912", "-2", "@x", "\tx", "\rx", "'=x", "x=1", "'tis", "")] == [
        "'=1+1", "'+98912", "'-2", "'@x", "'\tx", "'\rx", "''=x", "x=1", "'tis", "",
    ]  # fmt: skip


def test_numbers_are_not_guarded_for_they_compute_nothing():
    out = io.StringIO()
    Table(out, ["a", "b", "c"]).row([Decimal("-5"), -5, "-5"])
    assert next(csv.reader(io.StringIO(out.getvalue()))) == ["-5", "-5", "'-5"]


LETTERS = st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00")
WORD = st.text(LETTERS, min_size=1, max_size=30).map(str.strip).filter(bool)
ADDRESS = st.from_regex(r"[a-z]{1,8}(\.[a-z0-9]{1,5})?@[a-z]{2,9}\.(com|ir|org)", fullmatch=True)
MOMENT = st.datetimes(min_value=datetime.datetime(1900, 1, 1), max_value=datetime.datetime(2100, 1, 1), timezones=st.timezones())
PERSON = st.fixed_dictionaries(
    {"name": WORD},
    optional={
        "given_name": WORD, "description": st.text(LETTERS, max_size=200), "external_id": WORD, "external_source": WORD,
        "created_at": MOMENT, "gender": st.sampled_from(["FEMALE", "MALE", "OTHER"]), "sms_consent": st.booleans(),
        "birth_date": st.dates(datetime.date(1900, 1, 1), datetime.date(2020, 1, 1)),
        "lifecycle_stage": st.sampled_from(["LEAD", "CUSTOMER"]),
        "emails": st.lists(st.fixed_dictionaries({"address": ADDRESS}, optional={"label": WORD}), max_size=3),
        "phones": st.lists(st.builds(lambda number: {"number": f"+98912{number:07}"}, st.integers(0, 9_999_999)), max_size=2),
    },
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=st.lists(PERSON, min_size=1, max_size=5, unique_by=lambda person: person.get("external_id", id(person))),
    form=st.sampled_from(["csv", "jsonl"]),
)
async def test_any_contact_comes_back_as_it_was(shared_house: House, tmp_path: Path, people: list[dict[str, Any]], form: str):
    call, contact = Call(shared_house.crm, SYSTEM), shared_house.crm.resource(Contact)
    await Contact.all().delete()
    await store.create_many(call, contact, people, past=True)
    before, path = await _all(shared_house), await written(shared_house, "contacts", tmp_path / f"people.{form}")
    await Contact.all().delete()
    report = await taken(shared_house, "contacts", path)
    assert report.problems == []
    assert await _all(shared_house) == before


async def _all(house: House) -> list[list[dict[str, Any]]]:
    """All that the tables say of contacts, but for keys of parts and times of writing."""
    return [
        await Contact.all().order_by("id").values(*(name for name in Contact._meta.db_fields if name not in ("version", "updated_at"))),
        await house.sql('SELECT "contact_id", "address", "label", "position" FROM "contact_email" ORDER BY "contact_id", "position"'),
        await house.sql('SELECT "contact_id", "number", "label", "position" FROM "contact_phone" ORDER BY "contact_id", "position"'),
        await house.sql(
            'SELECT "contact_id", "from_stage", "to_stage", "changed_at", "seconds" FROM "lifecycle_change" ORDER BY "contact_id"'
        ),
    ]


async def test_money_of_any_size_and_currency_comes_back(house: House, tmp_path: Path):
    call, company = Call(house.crm, SYSTEM), resource_named(house.crm, "company")
    sums = [
        Money(Decimal(text), currency)
        for text, currency in (("-0.01", "EUR"), ("90071992547409.91", "USD"), ("5", "JPY"), ("1.001", "KWD"), ("0", "IRR"))
    ]
    await store.create_many(call, company, [{"name": f"c{place}", "annual_revenue": one} for place, one in enumerate(sums)])
    before = await house.sql('SELECT "name", "annual_revenue", "currency" FROM "company" ORDER BY "name"')
    path = await written(house, "companies", tmp_path / "companies.csv")
    await house.sql('DELETE FROM "company"')
    assert (await taken(house, "companies", path)).problems == []
    assert await house.sql('SELECT "name", "annual_revenue", "currency" FROM "company" ORDER BY "name"') == before
