"""Tests of `payvand import`: as a command on a running house, and what the house then says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from core.transfer.converting import Hints, moment, number, sum_of_money, yes_or_no
from core.transfer.encodings import detect
from core.transfer.problems import Unusable
from core.transfer.reading import LONGEST, Row, Source, detect_delimiter
from tests.house import House
from tests.shell import ROOT, Shell

pytestmark = pytest.mark.anyio

PEOPLE = (
    "{ contacts(orderBy: [{field: NAME}]) { nodes { name givenName city version emails { address } phones { number } company { name } } } }"
)


def shell(house: House) -> Shell:
    """Commands on the house of a test."""
    return Shell(house.settings.folder, house.settings.database.url)


def take(house: House, resource: str, path: Path, *options: str) -> dict[str, Any]:
    """Import a file by the command; its report."""
    ended = shell(house)("import", resource, str(path), "--json", *options)
    assert ended.code in (0, 3), f"{ended.out}{ended.err}"
    return json.loads(ended.out)


def refuse(house: House, resource: str, path: Path, *options: str) -> str:
    """Import a file that is refused as a whole; the sentence that says why."""
    ended = shell(house)("import", resource, str(path), *options)
    assert ended.code == 1, f"{ended.out}{ended.err}"
    assert "Traceback" not in ended.err
    return ended.err


def counts(told: dict[str, Any]) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, rejected."""
    return told["created"], told["updated"], told["unchanged"], told["rejected"]


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    """A file with that text."""
    path.write_bytes(text.encode(encoding))
    return path


def text_of(path: Path) -> str:
    """What a file says."""
    return path.read_text("utf-8-sig")


CRM = """opportunity,agent,product,account,stage,engaged,closed,value
1,Ann Lee,GTXPro,Acme,Won,2017-01-02,2017-02-03,1054
2,Ann Lee,GTX Pro,,Engaging,2017-01-05,,
3,Bob Ray,GTX Pro,,Prospecting,,,
4,Bob Ray,GTX Pro,Acme,Lost,2017-03-01,2017-03-09,0
5,Bob Ray,Nothing,Acme,Lost,2017-03-01,2017-03-09,0
"""
MAP = """
source = "crm"
time_zone = "UTC"
[key]
column = "opportunity"
[columns]
opportunity = ["externalId", "title"]
agent = "owner.name"
account = "company.name"
stage = "stage.name"
engaged = ["startedAt", "stageEnteredAt.Engaging"]
closed = "closedAt"
value = "amount"
product = { target = "lines.product.name", values = { GTXPro = "GTX Pro" } }
[set]
"amount.currency" = "USD"
"lines.quantity" = 1
[make]
product = false
"""


async def stages(house: House) -> None:
    """A pipeline with the stages of the example, and a product."""
    pipeline = await house.make("Pipeline", name="Sales")
    for position, (name, kind) in enumerate((("Prospecting", "OPEN"), ("Engaging", "OPEN"), ("Won", "WON"), ("Lost", "LOST"))):
        await house.make("Stage", name=name, kind=kind, position=position, pipeline_id=pipeline.id)
    await house.make("Product", name="GTX Pro", price={"amount": "4821", "currency": "USD"})


async def test_deals_of_another_crm_move_in_with_their_past(house: House, tmp_path: Path):
    await stages(house)
    told = take(house, "deals", written(tmp_path / "deals.csv", CRM), "--map", str(written(tmp_path / "map.toml", MAP)))
    assert counts(told) == (4, 0, 0, 1)
    assert told["made"] == {"user": 2, "company": 1}
    assert told["problems"] == [{"line": 6, "field": "Product", "value": "Nothing", "reason": "there is no Product like this"}]
    answer = await house.ask("""{ deals(orderBy: [{field: TITLE}]) { nodes {
        externalId title stage { name } company { name } owner { name } startedAt closedAt amount { amount currency }
        lines { quantity product { name } total { amount } } stageChanges { nodes { fromStage { name } toStage { name } changedAt seconds }
        } } } }""")
    first, second, third, _ = answer["deals"]["nodes"]
    assert (first["externalId"], first["stage"]["name"], first["company"]["name"], first["owner"]["name"]) == (
        "1",
        "Won",
        "Acme",
        "Ann Lee",
    )
    assert first["startedAt"].startswith("2017-01-02T00:00:00") and first["closedAt"].startswith("2017-02-03T00:00:00")
    assert first["amount"] == {"amount": "1054.00", "currency": "USD"}
    assert first["lines"] == [{"quantity": "1.000", "product": {"name": "GTX Pro"}, "total": {"amount": "4821.00"}}]
    steps = [
        (step["fromStage"] and step["fromStage"]["name"], step["toStage"]["name"], step["seconds"])
        for step in first["stageChanges"]["nodes"]
    ]
    assert steps == [(None, "Engaging", None), ("Engaging", "Won", 32 * 86_400)]
    assert second["company"] is None and second["closedAt"] is None
    assert third["startedAt"] is None and third["stage"]["name"] == "Prospecting"


async def test_a_deal_that_was_closed_before_it_began_moves_in_as_it_is(house: House, tmp_path: Path):
    await stages(house)
    rows = CRM.splitlines()[0] + "\n1,Ann Lee,GTX Pro,Acme,Won,2017-02-03,2017-01-31,1054\n"
    told = take(house, "deals", written(tmp_path / "deals.csv", rows), "--map", str(written(tmp_path / "map.toml", MAP)))
    assert counts(told) == (1, 0, 0, 0)
    fields = "id startedAt closedAt stageChanges { nodes { toStage { name } changedAt seconds } }"
    (deal,) = (await house.ask(f"{{ deals {{ nodes {{ {fields} }} }} }}"))["deals"]["nodes"]
    assert (deal["startedAt"][:10], deal["closedAt"][:10]) == ("2017-02-03", "2017-01-31")
    steps = [(step["toStage"]["name"], step["changedAt"][:10], step["seconds"]) for step in deal["stageChanges"]["nodes"]]
    assert steps == [("Engaging", "2017-02-03", None), ("Won", "2017-02-03", 0)]  # the way of a deal never goes back in time
    change = 'mutation ($id: ID!) { dealUpdate(id: $id, input: {title: "Mended"}) { userErrors { message } } }'
    assert await house.ask(change, id=deal["id"]) == {"dealUpdate": {"userErrors": []}}


async def test_one_column_of_close_dates_is_that_of_closed_deals_and_what_is_expected_of_open_ones(house: House, tmp_path: Path):
    await stages(house)
    won, still = "1,Ann Lee,GTX Pro,Acme,Won,2017-01-02,2017-02-03,9", "2,Ann Lee,GTX Pro,Acme,Engaging,2017-01-05,2017-06-30,9"
    rows = "\n".join([CRM.splitlines()[0], won, still])
    refused = take(house, "deals", written(tmp_path / "deals.csv", rows), "--map", str(written(tmp_path / "map.toml", MAP)))
    assert counts(refused) == (1, 0, 0, 1) and "expectedCloseOn as well" in refused["problems"][0]["reason"]
    apart = written(tmp_path / "apart.csv", rows.replace("\n", ",hoped\n", 1).replace("03,9", "03,9,").replace("30,9", "30,9,2017-09-01"))
    hoped = written(tmp_path / "apart.toml", MAP.replace('value = "amount"', 'value = "amount"\nhoped = "expectedCloseOn"'))
    assert counts(take(house, "deals", apart, "--map", str(hoped)))[3] == 1, "two days that differ are not one column"
    both = written(tmp_path / "both.toml", MAP.replace('closed = "closedAt"', 'closed = ["closedAt", "expectedCloseOn"]'))
    assert counts(take(house, "deals", written(tmp_path / "deals.csv", rows), "--map", str(both))) == (1, 1, 0, 0)
    assert counts(take(house, "deals", written(tmp_path / "deals.csv", rows), "--map", str(both))) == (0, 0, 2, 0)
    later = written(tmp_path / "deals.csv", rows.replace("2017-06-30", "2017-07-31"))
    assert counts(take(house, "deals", later, "--map", str(both))) == (0, 1, 1, 0)
    found = (await house.ask("{ deals(orderBy: [{field: TITLE}]) { nodes { closedAt expectedCloseOn } } }"))["deals"]["nodes"]
    assert [(one["closedAt"] and one["closedAt"][:10], one["expectedCloseOn"]) for one in found] == [
        ("2017-02-03", "2017-02-03"), (None, "2017-07-31"),
    ]  # fmt: skip


async def test_the_same_file_again_changes_nothing(house: House, tmp_path: Path):
    await stages(house)
    file, chart = written(tmp_path / "deals.csv", CRM), str(written(tmp_path / "map.toml", MAP))
    take(house, "deals", file, "--map", chart)
    before = await house.sql(
        'SELECT (SELECT count(*) FROM "event") AS e, (SELECT count(*) FROM "deal_stage_change") AS s, sum("version") AS v FROM "deal"'
    )
    assert counts(take(house, "deals", file, "--map", chart)) == (0, 0, 4, 1)
    after = await house.sql(
        'SELECT (SELECT count(*) FROM "event") AS e, (SELECT count(*) FROM "deal_stage_change") AS s, sum("version") AS v FROM "deal"'
    )
    assert after == before


async def test_a_newer_file_moves_deals_on(house: House, tmp_path: Path):
    await stages(house)
    chart = str(written(tmp_path / "map.toml", MAP))
    take(house, "deals", written(tmp_path / "deals.csv", CRM), "--map", chart)
    newer = CRM.replace("Engaging,2017-01-05,,", "Won,2017-01-05,2017-05-05,900")
    assert counts(take(house, "deals", written(tmp_path / "deals.csv", newer), "--map", chart)) == (0, 1, 3, 1)
    answer = await house.ask(
        '{ deals(where: {title: {eq: "2"}}) { nodes { version stageChanges { nodes { toStage { name } changedAt } } } } }'
    )
    (deal,) = answer["deals"]["nodes"]
    assert [step["toStage"]["name"] for step in deal["stageChanges"]["nodes"]] == ["Engaging", "Won"]
    assert deal["stageChanges"]["nodes"][1]["changedAt"].startswith("2017-05-05")
    assert deal["version"] == 2


PERSIAN = "نام;نام خانوادگی;ایمیل;موبایل;شهر;شرکت\nزهرا;رضايي;z@example.com;۰۹۱۲۱۲۳۴۵۶۷;شيراز;پارس\nعلي;كريمي;ali@example.com;;تهران;پارس\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1256"])
async def test_a_persian_file_in_any_encoding(house: House, tmp_path: Path, encoding: str):
    text = PERSIAN if encoding != "cp1256" else PERSIAN.replace("ی", "ي").replace("۰۹۱۲۱۲۳۴۵۶۷", "09121234567")
    told = take(house, "contact", written(tmp_path / "people.csv", text, encoding))
    assert counts(told) == (2, 0, 0, 0)
    assert told["delimiter"] == ";"
    assert told["made"] == {"company": 1}
    nodes = (await house.ask(PEOPLE))["contacts"]["nodes"]
    assert [node["givenName"] for node in nodes] == ["زهرا", "علي"]
    assert nodes[0]["phones"] == [{"number": "+989121234567"}]
    assert nodes[0]["emails"] == [{"address": "z@example.com"}]
    assert nodes[0]["company"] == {"name": "پارس"}
    assert (await house.ask('{ contacts(where: {city: {eq: "شیراز"}}) { totalCount } }'))["contacts"]["totalCount"] == 1


async def test_what_is_wrong_is_rejected_row_by_row_and_can_be_mended(house: House, tmp_path: Path):
    text = (
        "First Name,E-mail,Mobile Phone,Birthday,Contact Owner\n"
        "Ann,ann@example.com,+989121234567,1990-01-02,\n"
        "Bob,not a mail,,,\n"
        "Cid,c@example.com,12,,\n"
        "Dee\x00,d@example.com,,,\n"
        "Eve,e@example.com,,31/12/1990,\n"
        "Fay,f@example.com\n"
        "Gus,g@example.com,,,,,\n"
        "Hal,h@example.com,,,,too much\n"
        '"Ida,i@example.com,,,\n'
        "Jon,j@example.com,,1402/01/05,\n"
        "Kim,k@example.com,,,boss@example.com\n"
    )
    told = take(house, "contacts", written(tmp_path / "people.csv", text))
    assert counts(told) == (3, 0, 0, 8)
    assert {one["line"] for one in told["problems"]} == {3, 4, 5, 6, 7, 9, 10, 11}
    reasons = {one["line"]: f"{one['field']} {one['reason']}" for one in told["problems"]}
    assert "not an e-mail address" in reasons[3]
    assert "phone number" in reasons[4]
    assert "U+0000" in reasons[5]
    assert "ISO 8601" in reasons[6]
    assert "2 cells where the header has 5" in reasons[7]
    assert "6 cells" in reasons[9]
    assert "quote" in reasons[10]
    assert "Persian calendar" in reasons[11]
    rejects = Path(told["rejects"])
    lines = text_of(rejects).splitlines()
    assert lines[0] == "_line,_reason,First Name,E-mail,Mobile Phone,Birthday,Contact Owner"
    mended = "\n".join([lines[0], *(line.replace("not a mail", "bob@example.com") for line in lines if ",Bob," in line)])
    assert counts(take(house, "contacts", written(rejects, mended, "utf-8-sig"))) == (1, 0, 0, 0)
    assert counts(take(house, "contacts", tmp_path / "people.csv"))[:3] == (0, 0, 3)
    nodes = (await house.ask(PEOPLE))["contacts"]["nodes"]
    assert [node["name"] for node in nodes] == ["Ann", "Bob", "Gus", "Kim"]


async def test_equal_rows_stay_two_records_and_order_does_not_matter(house: House, tmp_path: Path):
    file = written(tmp_path / "acts.csv", "kind,subject\nNOTE,called\nNOTE,called\nNOTE,wrote\n")
    assert counts(take(house, "activities", file)) == (3, 0, 0, 0)
    written(file, "kind,subject\nNOTE,new\nNOTE,wrote\nNOTE,called\nNOTE,called\n")
    assert counts(take(house, "activities", file)) == (1, 0, 3, 0)


async def test_a_key_column_brings_records_up_to_date(house: House, tmp_path: Path):
    await house.make("Contact", name="Ann", emails=[{"address": "Ann@example.com"}])
    file = written(
        tmp_path / "people.csv", "Name,Email,City\nAnn,ann@EXAMPLE.com,Yazd\nBob,bob@example.com,Qom\nBob,bob@example.com,Kish\n"
    )
    told = take(house, "contacts", file, "--key", "Email")
    assert counts(told) == (1, 2, 0, 0)
    nodes = (await house.ask(PEOPLE))["contacts"]["nodes"]
    assert [(node["name"], node["city"]) for node in nodes] == [("Ann", "Yazd"), ("Bob", "Kish")]


async def test_related_records_are_found_made_or_refused(house: House, tmp_path: Path):
    for name in ("Twin", "Twin", "Solo كار"):
        await house.make("Company", name=name)
    text = "name,company,tags\na,SOLO کار,x;Y\nb,Twin,\nc,New,y|z\nd,new,\n"
    told = take(house, "contacts", written(tmp_path / "people.csv", text))
    assert counts(told) == (3, 0, 0, 1)
    assert told["made"] == {"company": 1, "tag": 3}
    assert told["problems"][0] == {
        "line": 3,
        "field": "Company",
        "value": "Twin",
        "reason": "there is more than one Company with this name",
    }
    answer = await house.ask("{ contacts(orderBy: [{field: NAME}]) { nodes { company { name } tags { name } } } }")
    assert [node["company"]["name"] for node in answer["contacts"]["nodes"]] == ["Solo كار", "New", "New"]
    told = take(house, "contacts", written(tmp_path / "more.csv", "name,company\ne,Nowhere\n"), "--no-make")
    assert counts(told) == (0, 0, 0, 1)


async def test_a_dry_run_tells_all_and_leaves_nothing(house: House, tmp_path: Path):
    file = written(
        tmp_path / "people.csv", "name,company,email\n" + "".join(f"n{n},c{n % 2},m{n}@example.com\n" for n in range(30)) + "x,c,no\n"
    )
    told = take(house, "contacts", file, "--dry-run", "--batch", "7")
    assert counts(told) == (30, 0, 0, 1)
    assert told["made"] == {"company": 2 + 1} or told["made"] == {"company": 2}
    for table in ("contact", "company", "contact_email", "event", "event_values"):
        assert await house.sql(f'SELECT count(*) AS n FROM "{table}"') == [{"n": 0}]


async def test_json_lines_with_inner_objects(house: House, tmp_path: Path):
    rows: list[Any] = [
        {
            "name": "Ann",
            "emails": [{"address": "a@example.com", "label": "work"}, {"address": "b@example.com"}],
            "company": {"name": "Acme"},
            "emailConsent": True,
        },
        {"name": "Bob", "tags": ["x", "y"], "phones": [{"number": "+98 912 123 4567"}], "birthDate": None},
        [1],
        {"name": 7, "emailConsent": "maybe"},
    ]
    text = "\n".join([*(json.dumps(row) for row in rows), '{"name": ', "", '{"name": NaN}'])
    told = take(house, "contacts", written(tmp_path / "people.jsonl", text))
    assert counts(told) == (2, 0, 0, 4)
    assert [one["line"] for one in told["problems"]] == [3, 4, 5, 7]
    nodes = (await house.ask(PEOPLE))["contacts"]["nodes"]
    assert [email["address"] for email in nodes[0]["emails"]] == ["a@example.com", "b@example.com"]
    assert nodes[1]["phones"] == [{"number": "+989121234567"}]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name,email,name\na,b,c\n", "has the column 'name' twice"),
        ("name,,email\na,b,c\n", "column 2"),
        ("", "is empty"),
        ("1,2\n3,4\n", "no column of the file is known"),
    ],
)
async def test_a_header_that_cannot_be_used_is_named(shared_house: House, tmp_path: Path, text: str, why: str):
    assert why in refuse(shared_house, "contacts", written(tmp_path / "people.csv", text))


async def test_what_cannot_be_meant_is_refused_in_one_sentence(shared_house: House, tmp_path: Path):
    file = written(tmp_path / "people.csv", "name,email\na,b@example.com\n")
    assert "no resource 'people'" in refuse(shared_house, "people", file)
    assert "ContactEmail is part of Contact" in refuse(shared_house, "contact-emails", file)
    assert "'Phone', which the mapping names" in refuse(
        shared_house, "contact", file, "--map", str(written(tmp_path / "a.toml", '[columns]\nPhone = "name"\n'))
    )
    assert "nothing named 'nope'" in refuse(
        shared_house, "contact", file, "--map", str(written(tmp_path / "b.toml", '[columns]\nname = "nope"\n'))
    )
    assert "unknown 'colums'" in refuse(shared_house, "contact", file, "--map", str(written(tmp_path / "c.toml", "[colums]\n")))
    assert "no encoding 'klingon'" in refuse(shared_house, "contact", file, "--encoding", "klingon")
    assert "nothing named 'version'" in refuse(shared_house, "contact", file, "--set", "version=3")


@pytest.mark.settings(company={"currency": "EUR", "time_zone": "Asia/Tehran"})
async def test_numbers_times_and_constants_by_the_mapping(house: House, tmp_path: Path):
    chart = """
decimal = ","
[columns]
Umsatz = { target = "annualRevenue", multiply = 1000 }
Land = { target = "country", values = { Iran = "IR" } }
Angelegt = { target = "createdAt", format = "%d.%m.%Y" }
Egal = { target = "name", ignore = true }
Firma = "name"
[set]
industry = "made"
"""
    file = written(tmp_path / "firmen.csv", 'Firma;Umsatz;Land;Angelegt;Egal\nAcme;"1.234,5";Iran;21.03.2020;x\n')
    assert counts(take(house, "companies", file, "--map", str(written(tmp_path / "m.toml", chart)), "--set", "city=Yazd")) == (1, 0, 0, 0)
    answer = await house.ask("{ companies { nodes { name annualRevenue { amount currency } country createdAt industry city } } }")
    assert answer["companies"]["nodes"] == [
        {
            "name": "Acme", "annualRevenue": {"amount": "1234500.00", "currency": "EUR"}, "country": "IR",
            "createdAt": "2020-03-20T20:30:00+00:00", "industry": "made", "city": "Yazd",
        }
    ]  # fmt: skip


async def test_after_many_rows_the_database_knows_how_many_there_are(house: House, tmp_path: Path):
    file = written(tmp_path / "tags.csv", "name\n" + "".join(f"tag {n}\n" for n in range(1000)))
    assert counts(take(house, "tags", file)) == (1000, 0, 0, 0)
    if house.database.name == "postgres":  # it plans queries by these figures
        assert await house.sql("SELECT reltuples::int AS n FROM pg_class WHERE relname = 'tag'") == [{"n": 1000}]


async def test_a_killed_import_goes_on_without_doubles(house: House, tmp_path: Path):
    text = "".join(f"n{n},m{n}@example.com,c{n % 50}\n" for n in range(3000))
    file = written(tmp_path / "people.csv", f"name,email,company\n{text}")
    with shell(house).running("import", "contacts", str(file), "--batch", "50", "--json") as process:
        for _ in range(3000):
            assert process.poll() is None, "it ended before it could be killed"
            if (await house.sql('SELECT count(*) AS n FROM "contact"'))[0]["n"] >= 300:
                break
            await anyio.sleep(0.02)
        process.kill()
        process.wait()
    (there,) = await house.sql('SELECT count(*) AS n FROM "contact"')
    assert 300 <= there["n"] < 3000
    assert counts(take(house, "contacts", file)) == (3000 - there["n"], 0, there["n"], 0)
    assert await house.sql('SELECT count(*) AS n, count(DISTINCT "name") AS d FROM "contact"') == [{"n": 3000, "d": 3000}]
    for table, rows in (("contact_email", 3000), ("company", 50), ("lifecycle_change", 3000)):
        assert await house.sql(f'SELECT count(*) AS n FROM "{table}"') == [{"n": rows}]
    assert await house.sql('SELECT count(*) AS n FROM "event" WHERE "name" = \'contact.created\'') == [{"n": 3000}]


def test_a_file_of_any_size_is_read_in_constant_memory(tmp_path: Path):
    path = tmp_path / "big.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("name,description\n")
        for start in range(0, 200_000, 1000):
            file.write("".join(f"n{n},{'x' * 100}\n" for n in range(start, start + 1000)))
        file.write('"a field without an end,' + "y" * (60 << 20))
        file.write("\nlast,one\n")
    program = (
        "import resource, sys\nfrom pathlib import Path\n"
        "from core.transfer.encodings import detect\nfrom core.transfer.reading import Source\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "path = Path(sys.argv[1])\nsource = Source(path, detect(path), None, lines=False)\ngood = bad = 0\n"
        "for row in source.rows():\n    good, bad = (good, bad + 1) if row.problem else (good + 1, bad)\n"
        "print(good, bad, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    good, bad, megabytes = map(int, ended.stdout.split())
    assert (good, bad) == (200_001, 1)
    assert megabytes < 40


# Reading, apart from any house


def read(path: Path, text: str) -> list[Row]:
    """The rows of a text."""
    return list(Source(written(path, text), "utf-8", None, lines=False).rows())


def test_quotes_lines_and_faults_keep_their_line_numbers(tmp_path: Path):
    rows = read(tmp_path / "a.csv", 'a,b\n1,"two\nlines"\n\n3,"say ""hi"""\n4,5" pipe\nx,"open\ny,z\nlast,row\n')
    assert [(row.line, row.problem and "quote" in row.problem) for row in rows] == [
        (2, None),
        (5, None),
        (6, None),
        (7, True),
        (8, None),
        (9, None),
    ]
    assert rows[0].cells == {"a": "1", "b": "two\nlines"}
    assert rows[1].cells["b"] == 'say "hi"'
    assert rows[2].cells["b"] == '5" pipe'
    assert rows[5].cells == {"a": "last", "b": "row"}


def test_a_row_beyond_all_bounds_costs_only_itself(tmp_path: Path):
    rows = read(tmp_path / "a.csv", f"a,b\n1,{'x' * (LONGEST + 5)}\n2,y\n")
    assert [(row.line, bool(row.problem)) for row in rows] == [(2, True), (3, False)]


def test_bytes_that_are_no_text_cost_only_their_row(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_bytes("a\nسلام\nدرود\n".encode() + b"bad \xff\nok\n")
    assert detect(path) == "utf-8"
    rows = list(Source(path, "utf-8", ",", lines=False).rows())
    assert rows[2].cells["a"] == "bad \udcff"
    assert rows[3].cells["a"] == "ok"


@pytest.mark.parametrize(
    "text",
    [
        "علي",
        "نام;شهر\nزهرا;تهران\n",
        "شرکت پارس خودرو\nگروه صنعتي چاپ و نشر ژاله\n",
        "id,name\n" + "1,x\n" * 500 + "2,محمدرضا\n",
        "المملكة العربية السعودية",
    ],
)
def test_windows_1256_is_known_by_its_letters(tmp_path: Path, text: str):
    path = written(tmp_path / "a.csv", text.replace("ک", "ك").replace("ی", "ي"), "cp1256")
    assert detect(path) == "cp1256"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Müller", "cp1252"),
        ("café\nMarché;garçon\n", "cp1252"),
        ("Müller;Köln;Straße\nJürgen;Düsseldorf;Größe und Maß\n", "cp1252"),
        ("Иванов;Москва;улица Ленина\nПетров;Санкт-Петербург;проспект\n", "cp1251"),
        ("plain", "utf-8"),
        ("سلام", "utf-8"),
    ],
)
def test_other_encodings_are_not_taken_for_it(tmp_path: Path, text: str, encoding: str):
    path = written(tmp_path / "a.csv", text, encoding)
    assert path.read_bytes().decode(detect(path)) == text


def test_an_encoding_in_doubt_is_asked_for(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_bytes("Łódź;Kraków;Świętokrzyskie".encode("cp1250"))
    with pytest.raises(Unusable, match="--encoding"):
        detect(path)


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b;c\n1,2;3\n", ","),
        ("a;b\n1,5;2\n3,5;4\n", ";"),
        ("a\tb\n1\t2\n", "\t"),
        ("a|b|c\n1|2|3\n", "|"),
        ("alone\nx\n", ","),
        ('"a;b",c\n1,2\n', ","),
    ],
)
def test_delimiters_are_found_out(tmp_path: Path, text: str, delimiter: str):
    assert detect_delimiter(written(tmp_path / "a.csv", text), "utf-8") == delimiter


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1,234.50", "1234.50"), ("1.234,50", "1234.50"), ("1,234,567", "1234567"), ("1.234.567", "1234567"), ("۱۲٬۳۴۵٫۶", "12345.6"),
        ("-5", "-5"), ("1 234", "1234"), ("1e3", "1E+3"), (".5", "0.5"), ("12,5", None), ("", None), ("abc", None), ("1e400", None),
        ("NaN", None), ("--1", None),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(text: str, wanted: str | None):
    if wanted is None:
        with pytest.raises(ValueError, match=r"number|comma"):
            number(text, Hints())
    else:
        assert str(number(text, Hints())) == wanted


def test_money_with_its_currency():
    assert [str(part) for part in sum_of_money("$1,200.50", Hints())] == ["1200.50", "USD"]
    assert [str(part) for part in sum_of_money("1200 EUR", Hints())] == ["1200", "EUR"]
    assert sum_of_money("12", Hints())[1] is None
    with pytest.raises(ValueError, match="number"):
        sum_of_money("12 apples", Hints())


def test_words_for_yes_and_no():
    assert [yes_or_no(word) for word in ("بله", "Yes", "خیر", "0")] == [True, True, False, False]
    with pytest.raises(ValueError, match="yes nor no"):
        yes_or_no("perhaps")


def test_times_in_their_forms():
    assert moment("2017-03-01", Hints()).isoformat() == "2017-03-01T00:00:00+00:00"
    assert moment("۲۰۱۷/۳/۱ 10:00", Hints()).isoformat() == "2017-03-01T10:00:00+00:00"
    assert moment("2017-03-01T10:00:00+03:30", Hints()).isoformat() == "2017-03-01T10:00:00+03:30"
    with pytest.raises(ValueError, match=re.escape("%d/%m/%Y")):
        moment("2017-03-01", Hints(format="%d/%m/%Y"))
