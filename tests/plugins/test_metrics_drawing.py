"""Pictures of metrics: as a field of an answer, and by an address of their own."""

import datetime
import json
import re
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from core import Calendar, Period
from core.models import User
from plugins.metrics.drawing import period_label
from plugins.metrics.pictures import Bar, bars
from plugins.metrics.pictures.speech import speech
from tests.house import House
from tests.plugins.sales import Sale, Shop
from tests.test_sessions import GOOD, SET, signed_in

pytestmark = [pytest.mark.plugins("metrics"), pytest.mark.settings(company={"currency": "EUR", "time_zone": "Asia/Tehran"})]

SVG = "{http://www.w3.org/2000/svg}"
MARCH = datetime.datetime(2026, 3, 10, 12, tzinfo=datetime.UTC)
APRIL = datetime.datetime(2026, 4, 10, 12, tzinfo=datetime.UTC)
ADDRESS = "/plugins/metrics/winRate.svg"
SPRING = {"from": "2026-03-01", "to": "2026-04-30", "period": "MONTH"}


@pytest.fixture
async def shop(house: House) -> Shop:
    ready = await Shop(house).open()
    await ready.sell(
        [
            Sale(("Won",), MARCH, MARCH, owner="Ada", source="web", amount=Decimal("1200.50")),
            Sale(("Lost",), MARCH, MARCH, owner="Ada", source="web"),
            Sale(("Won",), MARCH, APRIL, owner="Bo", source="fair", amount=Decimal("800")),
            Sale(("Won",), MARCH, APRIL, amount=Decimal("7"), currency="USD"),
        ]
    )
    return ready


def _texts(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    return ["".join(one.itertext()) for one in root.iter(f"{SVG}text")]


def _told(svg: str) -> str | None:
    return ElementTree.fromstring(svg).findtext(f"{SVG}desc")


async def _svg(house: House, field: str) -> str:
    return next(iter((await house.ask(f"{{ {field} }}")).values()))["svg"]


@pytest.mark.anyio
async def test_a_metric_by_periods_is_a_line_in_the_words_of_its_calendar(shop: Shop):
    days = 'from: "2026-02-20", to: "2026-04-20", timeZone: "Asia/Tehran"'
    svg = await _svg(shop.house, f'winRate(period: MONTH, calendar: JALALI, {days}) {{ svg(locale: "fa", title: "نرخ برد", width: 600) }}')
    texts = _texts(svg)
    assert {"اسفند ۱۴۰۴", "فروردین ۱۴۰۵", "۱۰۰٪", "نرخ برد"} <= set(texts)
    root = ElementTree.fromstring(svg)
    assert _told(svg) == "نرخ برد: اسفند ۱۴۰۴ ۵۰٪، فروردین ۱۴۰۵ ۱۰۰٪"
    assert (root.get("direction"), root.get("lang"), root.get("width")) == ("rtl", "fa", "600")
    english = _texts(await _svg(shop.house, f"winRate(period: MONTH, {days}) {{ svg }}"))
    assert {"Feb 2026", "Mar 2026", "Apr 2026", "winRate", "100%"} <= set(english)


@pytest.mark.anyio
async def test_the_time_before_is_a_line_of_its_own_where_it_is_asked_for(shop: Shop):
    days = 'from: "2026-04-01", to: "2026-04-30"'
    both = await _svg(shop.house, f"winRate(period: MONTH, {days}) {{ svg(previous: true) }}")
    assert _told(both) == "winRate: Apr 2026 100%; winRate – period before: Apr 2026 50%"
    assert _told(await _svg(shop.house, f"winRate(period: MONTH, {days}) {{ svg }}")) == "winRate: Apr 2026 100%"
    by_variable = await shop.house.ask(
        f"query ($before: Boolean!) {{ winRate(period: MONTH, {days}) {{ ...Drawn }} }}"
        " fragment Drawn on Metrics { picture: svg(previous: $before) }",
        before=True,
    )
    assert "period before" in by_variable["winRate"]["picture"]


@pytest.mark.anyio
async def test_a_metric_by_groups_is_a_bar_for_each(shop: Shop):
    texts = _texts(await _svg(shop.house, "winRate(groupBy: [OWNER, SOURCE]) { svg }"))
    assert texts == ["Ada · web", "Bo · fair", "— · —", "50%", "100%", "100%"]
    money = _texts(await _svg(shop.house, 'revenue(groupBy: [SOURCE]) { svg(title: "Revenue") }'))
    assert {"Revenue", "EUR", "fair", "web", "800", "1,200.5"} <= set(money)
    assert "No data to show" in _texts(await _svg(shop.house, 'winRate(from: "2020-01-01", to: "2020-01-02") { svg }'))


@pytest.mark.anyio
async def test_a_picture_holds_the_lines_that_can_be_read(shop: Shop):
    await shop.sell([Sale(("Won",), MARCH, MARCH, source=f"source {n}") for n in range(9) for _ in range(n + 1)])
    texts = _texts(await _svg(shop.house, "wonDeals(groupBy: [SOURCE], period: MONTH) { svg }"))
    assert sorted(one for one in texts if one.startswith("source")) == [f"source {n}" for n in range(3, 9)]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("width: 100", "width: must be between 240 and 2000"),
        ('locale: "xx-XX-xx"', "locale: 'xx-XX-xx' is no language tag that is known, like fa or en-GB"),
    ],
)
async def test_a_picture_that_cannot_be_is_refused(house: House, arguments: str, message: str):
    _, errors = await house.answer(f"{{ winRate {{ svg({arguments}) }} }}")
    assert [(one["message"], one["extensions"]["code"]) for one in errors] == [(message, "BAD_USER_INPUT")]


@pytest.mark.anyio
async def test_names_of_records_that_are_hidden_are_in_no_picture(shop: Shop):
    grants = [{"permission": one, "scope": "ALL"} for one in ("*.read",)]
    await shop.house.make("Role", name="blind", grants=grants, fields=[{"field": "user.name", "access": "HIDDEN"}])
    blind = await shop.house.as_("blind")
    data, errors = await blind.answer("{ winRate(groupBy: [OWNER]) { svg rows { value } } }")
    assert [(one["message"], one["path"]) for one in errors] == [("the field user.name is hidden from you", ["winRate", "svg"])]
    assert len(data["winRate"]["rows"]) == 3
    assert "svg" in (await blind.ask("{ winRate(groupBy: [SOURCE]) { svg } }"))["winRate"]


async def _get(house: House, address: str = ADDRESS, **parameters: Any) -> httpx.Response:
    return await house.client.get(address, params=parameters)


@pytest.mark.anyio
async def test_a_picture_has_an_address(shop: Shop):
    where = json.dumps({"source": {"in": ["web", "fair"]}})
    answer = await _get(shop.house, **SPRING, groupBy="OWNER,SOURCE", where=where, title="برد", locale="fa", width=500, previous="true")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "sandbox" in answer.headers["content-security-policy"]
    texts = _texts(answer.text)
    assert {"برد", "Ada · web", "Bo · fair", "مارس ۲۰۲۶", "آوریل ۲۰۲۶"} <= set(texts)
    money = await _get(shop.house, "/plugins/metrics/revenue.svg", currency="USD", timeZone="UTC", calendar="JALALI")
    assert {"7", "USD"} <= set(_texts(money.text))
    several = await shop.house.client.get(ADDRESS, params=[("groupBy", "OWNER"), ("groupBy", "SOURCE")])
    assert "Ada · web" in _texts(several.text)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"colour": "red"}, "colour: is no parameter here; there are where, groupBy, period, from, to, calendar, timeZone, currency, "),
        ({"period": "FORTNIGHT"}, "FORTNIGHT"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-02-01", "to": "2026-01-01"}, "from: lies after to"),
        ({"groupBy": "COLOUR"}, "COLOUR"),
        ({"groupBy": ""}, "groupBy"),
        ({"where": "{"}, "where: must be an object of JSON"),
        ({"where": "[" * 2000}, "where: must be an object of JSON"),
        ({"where": '{"colour": {"eq": "red"}}'}, "colour"),
        ({"width": "-5"}, "width: must be a whole number"),
        ({"width": "99999999999999999"}, "width"),
        ({"width": "5"}, "width: must be between"),
        ({"previous": "yes"}, "previous: must be true or false"),
        ({"locale": "klingon"}, "locale: 'klingon' is no language tag"),
        ({"currency": "EUR"}, "currency: is for metrics in money"),
        ({"timeZone": "Mars/Base"}, "Mars/Base"),
        ({"title": "x" * 4001}, "title: has more than 4000 characters"),
        ([("period", "DAY"), ("period", "MONTH")], "period: is there twice"),
    ],
)
async def test_parameters_that_mean_nothing_are_refused_in_one_sentence(house: House, parameters: Any, message: str):
    answer = await house.client.get(ADDRESS, params=parameters)
    assert answer.status_code == 400, answer.text
    (error,) = answer.json()["errors"]
    assert message in error["message"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["requestId"] == answer.headers["x-request-id"]


@pytest.mark.anyio
async def test_who_may_not_ask_for_the_figures_gets_no_picture(shop: Shop):
    house = shop.house
    nobody = await house.client.get(ADDRESS, headers={"Authorization": ""})
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")
    wrong = await house.client.get(ADDRESS, headers={"Authorization": "Bearer pvk_000000000000_wrong"})
    assert wrong.status_code == 401
    key = house.client.headers["authorization"].split()[1]
    in_address = await house.client.get(ADDRESS, params={"key": key}, headers={"Authorization": ""})
    assert in_address.status_code == 401
    clerk = await house.as_("owner", str(shop.ids[User, "Ada"]))
    assert (await clerk.client.get(ADDRESS)).status_code == 200
    grants = [{"permission": "deal.read", "scope": "ALL"}]
    await house.make("Role", name="dealer", grants=grants)
    dealer = await house.as_("dealer")
    refused = await dealer.client.get(ADDRESS)
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")
    assert (await house.client.get("/plugins/metrics/nothing.svg")).status_code == 404
    assert (await house.client.get("/plugins/metrics/__typename.svg")).status_code == 404
    assert (await house.client.post(ADDRESS)).status_code == 405


@pytest.mark.anyio
async def test_a_picture_by_address_is_of_the_rows_that_one_sees(shop: Shop):
    clerk = await shop.house.as_("owner", str(shop.ids[User, "Ada"]))
    answer = await clerk.client.get("/plugins/metrics/wonDeals.svg")
    assert "1" in _texts(answer.text)
    assert "3" in _texts((await _get(shop.house, "/plugins/metrics/wonDeals.svg")).text)


@pytest.mark.anyio
async def test_an_image_in_a_page_of_the_same_site_goes_by_the_cookie(house: House):
    made = await house.make("User", name="Sara", email="sara@example.com", role="admin")
    assert (await house.ask(SET, id=made.id, password=GOOD))["userPasswordSet"]["userErrors"] == []
    browser, _ = await signed_in(house)
    assert (await browser.get(ADDRESS, headers={"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "image"})).status_code == 200
    other = await browser.get(ADDRESS, headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"})
    assert other.status_code == 403


@pytest.mark.anyio
async def test_what_a_client_writes_is_text_of_the_picture_and_nothing_else(house: House):
    title = "</text><script>alert(1)</script>"
    answer = await _get(house, title=title, period="MONTH", **{"from": "2026-01-01", "to": "2026-02-01"})
    assert answer.status_code == 200
    tags = {one.tag for one in ElementTree.fromstring(answer.text).iter()}
    assert tags <= {f"{SVG}{name}" for name in ("svg", "title", "desc", "g", "defs", "path", "use", "text", "clipPath", "rect")}


@pytest.mark.anyio
@pytest.mark.settings(company={"currency": "EUR"}, limits={"requests_per_minute": 2})
async def test_pictures_count_as_requests(house: House):
    assert [(await _get(house)).status_code for _ in range(3)] == [200, 200, 429]


LABELS = [
    ("2026-03-21", "MONTH", "JALALI", "fa", "فروردین ۱۴۰۵"),
    ("2026-03-21", "MONTH", "JALALI", "en", "Farvardin 1405"),
    ("2026-03-21", "QUARTER", "JALALI", "fa", "بهار ۱۴۰۵"),
    ("2025-12-22", "QUARTER", "JALALI", "en", "Q4 1404"),
    ("2026-03-21", "YEAR", "JALALI", "fa", "۱۴۰۵"),
    ("2026-03-28", "WEEK", "JALALI", "fa", "۸ فروردین"),
    ("2026-03-28", "DAY", "JALALI", "en", "8 Farvardin"),
    ("2026-03-01", "MONTH", "GREGORIAN", "fa", "مارس ۲۰۲۶"),
    ("2026-03-01", "MONTH", "GREGORIAN", "de", "März 2026"),
    ("2026-04-01", "QUARTER", "GREGORIAN", "en-GB", "Q2 2026"),
    ("2026-01-01", "YEAR", "GREGORIAN", "en", "2026"),
    ("2026-03-02", "WEEK", "GREGORIAN", "en", "Mar 2"),
]


@pytest.mark.parametrize(("start", "period", "calendar", "locale", "label"), LABELS)
def test_periods_are_called_as_their_calendar_calls_them(start: str, period: str, calendar: str, locale: str, label: str):
    found = period_label(datetime.date.fromisoformat(start), Period(period), Calendar(calendar), speech(locale))
    assert found == label


def test_bars_tell_figures_intervals_and_what_was_before():
    svg = bars(
        [Bar("North", 0.5, 0.2, 0.8, compared=0.25), Bar("South", None), Bar("West", float("nan")), Bar("Back", -0.5)],
        percent=True, compared="last year", unit="of deals",
    )  # fmt: skip
    assert {"North", "50%", "—", "-50%", "of deals, ▬ last year"} <= set(_texts(svg))
    assert _told(svg) == "North: 50%; South: —; West: —; Back: -50%"
    assert "No data to show" in _texts(bars([Bar("South", None)]))


def test_a_minus_stands_before_its_number_in_a_picture_from_right_to_left():
    (text,) = [one for one in ElementTree.fromstring(bars([Bar("x", -2000.0)], locale="fa")).iter(f"{SVG}text") if one.text != "x"]
    assert text.text == "\u200e\u2212۲٬۰۰۰"
    assert text.get("unicode-bidi") == "plaintext"


@pytest.mark.parametrize("value", [1e-300, 1e300, 5e-324, -1e308, 0.0])
def test_bars_of_any_size_are_drawn(value: float):
    paths = " ".join(one.get("d", "") for one in ElementTree.fromstring(bars([Bar("x", value)])).iter())
    for number in re.findall(r"-?\d+(?:\.\d+)?", paths):
        assert -5000 < float(number) < 5000
