"""Contacts, companies and users: their names, addresses and numbers."""

from typing import Any

import pytest

from tests.house import House


async def attempt(house: House, resource: str, **given: Any) -> Any:
    verb = resource.lower()
    ask = f"mutation ($input: {resource}CreateInput!) {{ {verb}Create(input: $input) {{ {verb} {{ id }} userErrors {{ field code }} }} }}"
    return (await house.ask(ask, input=given))[f"{verb}Create"]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"given_name": "زهرا", "family_name": "رضایی"}, "زهرا رضایی"),
        ({"family_name": "رضایی"}, "رضایی"),
        ({"given_name": " Z "}, "Z"),
        ({"given_name": "Z", "name": "Frau Doktor"}, "Frau Doktor"),
        ({"given_name": "Z", "name": "  "}, "Z"),
        ({"given_name": "ß" * 120, "family_name": "ß" * 79}, f"{'ß' * 120} {'ß' * 79}"),
        ({"given_name": "g" * 120, "family_name": "f" * 120}, f"{'g' * 120} {'f' * 79}"),
    ],
)
async def test_a_name_that_is_left_out_is_made_of_its_parts(shared_house: House, given: dict[str, str], name: str):
    contact = await shared_house.make("Contact", returning="name", **given)
    assert contact.name == name
    data = await shared_house.ask("query ($name: String) { contacts(where: {name: {eq: $name}}) { nodes { id } } }", name=name)
    assert {"id": contact.id} in data["contacts"]["nodes"]


@pytest.mark.parametrize("name", ["ß" * 200, "ﬃ" * 200, "ΐ" * 200, "İ" * 200, "ü" * 200, "u\u0308" * 100, "👩‍👩‍👧" * 25])
async def test_a_name_whose_compared_form_is_longer_fits_and_is_found(shared_house: House, name: str):
    company = await shared_house.make("Company", returning="name", name=name)
    assert company.name == name
    data = await shared_house.ask("query ($name: String) { companies(where: {name: {eq: $name}}) { nodes { id } } }", name=name)
    assert data["companies"]["nodes"] == [{"id": company.id}]


@pytest.mark.parametrize("name", ["ﬃ" * 80, "ß" * 80])
async def test_a_word_whose_compared_form_is_longer_is_still_unique(shared_house: House, name: str):
    await shared_house.make("Tag", name=name)
    payload = await attempt(shared_house, "Tag", name=name)
    assert payload["userErrors"] == [{"field": ["input", "name"], "code": "TAKEN"}]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("۰۹۱۲۱۲۳۴۵۶۷", "+989121234567"),
        ("٠٩١٢١٢٣٤٥٦٧", "+989121234567"),
        ("0912 123 45 67", "+989121234567"),
        ("+98 912 1234567", "+989121234567"),
        ("0098-912-1234567", "+989121234567"),
        ("021 8888 7777", "+982188887777"),
        ("+49 (30) 901820", "+4930901820"),
        (" +1-202-456-1111 ", "+12024561111"),
        ("+۴۹ ۳۰ ۹۰۱۸۲۰", "+4930901820"),
    ],
)
async def test_a_number_is_kept_in_e_164(shared_house: House, given: str, kept: str):
    contact = await shared_house.make("Contact", returning="phones { number }", name="c", phones=[{"number": given}])
    assert contact.phones == [{"number": kept}]


@pytest.mark.parametrize(
    "number", ["abc", "12", "+", "+999 123", "0" * 20, "<script>", "+98912123456789012", "091212345678", "٫", "\u202e12", "88887777"]
)
async def test_what_is_no_number_is_refused(shared_house: House, number: str):
    payload = await attempt(shared_house, "Contact", name="c", phones=[{"number": "+989121234567"}, {"number": number}])
    assert payload == {"contact": None, "userErrors": [{"field": ["input", "phones", "1", "number"], "code": "INVALID"}]}


@pytest.mark.settings(company={"region": "DE"})
async def test_a_number_without_a_country_is_of_the_region_of_the_company(house: House):
    contact = await house.make("Contact", returning="phones { number }", name="c", phones=[{"number": "030 901820"}])
    assert contact.phones == [{"number": "+4930901820"}]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a@example.com", "a@example.com"),
        ("A.B+c@EXAMPLE.com", "A.B+c@example.com"),
        ("a@bücher.example.com", "a@bücher.example.com"),
        ("ایمیل@example.com", "ایمیل@example.com"),
        (" a@example.com ", "a@example.com"),
    ],
)
async def test_an_address_is_kept_in_its_normal_form(shared_house: House, given: str, kept: str):
    contact = await shared_house.make("Contact", returning="emails { address }", name="c", emails=[{"address": given}])
    assert contact.emails == [{"address": kept}]


@pytest.mark.parametrize(
    "address",
    [
        "a",
        "@example.com",
        "a@",
        "a@localhost",
        '"a@b"@c',
        "a@b@example.com",
        "a b@example.com",
        "a@[127.0.0.1]",
        "a@example..com",
        "a@example.com\r\nBcc: b@example.com",
        "a\n@example.com",
        f"{'a' * 65}@example.com",
        f"a@{'b' * 250}.com",
        "a@example.com, b@example.com",
        "<a@example.com>",
        "a\u202e@example.com",
        "a@-example.com",
    ],
)
async def test_what_is_no_address_is_refused(shared_house: House, address: str):
    payload = await attempt(shared_house, "Contact", name="c", emails=[{"address": address}])
    assert payload == {"contact": None, "userErrors": [{"field": ["input", "emails", "0", "address"], "code": "INVALID"}]}
    payload = await attempt(shared_house, "User", name="u", email=address)
    assert payload == {"user": None, "userErrors": [{"field": ["input", "email"], "code": "INVALID"}]}


async def test_an_address_is_found_whatever_its_case(shared_house: House):
    contact = await shared_house.make("Contact", name="c", emails=[{"address": "Some.Body@Example.COM"}])
    ask = 'query { contacts(where: {emails: {some: {address: {eq: "some.body@example.com"}}}}) { nodes { id } } }'
    assert (await shared_house.ask(ask))["contacts"]["nodes"] == [{"id": contact.id}]


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [("country", "ir", "IR"), ("locale", "fa-IR", "fa-IR"), ("locale", "de", "de"), ("time_zone", "Asia/Tehran", "Asia/Tehran")],
)
async def test_codes_are_kept(shared_house: House, field: str, given: str, kept: str):
    name = {"time_zone": "timeZone"}.get(field, field)
    contact = await shared_house.make("Contact", returning=name, name="c", **{field: given})
    assert getattr(contact, name) == kept


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("country", "XX"),
        ("country", "ZZ"),
        ("country", "I"),
        ("country", "IRN"),
        ("country", "EU"),
        ("country", "ß"),
        ("locale", "xx-YY-zz-1"),
        ("locale", "fa_IR_"),
        ("locale", "-"),
        ("locale", "../../etc"),
        ("timeZone", "Mars/Base"),
        ("timeZone", "tehran"),
        ("timeZone", "../UTC"),
        ("birthDate", "2999-01-01"),
        ("birthDate", "1405-01-01"),
        ("birthDate", "1799-12-31"),
        ("birthDate", "0001-01-01"),
        ("birthDate", "9999-12-31"),
    ],
)
async def test_codes_and_days_that_are_none_are_refused(shared_house: House, field: str, given: str):
    payload = await attempt(shared_house, "Contact", name="c", **{field: given})
    assert payload == {"contact": None, "userErrors": [{"field": ["input", field], "code": "INVALID"}]}


async def test_a_day_of_another_calendar_is_refused_with_the_days_that_are_accepted(shared_house: House):
    ask = 'mutation { contactCreate(input: {name: "c", birthDate: "1405-01-01"}) { userErrors { message } } }'
    errors = (await shared_house.ask(ask))["contactCreate"]["userErrors"]
    assert errors == [{"message": "must lie between 1800-01-01 and 2199-12-31"}]


@pytest.mark.parametrize(
    ("given", "kept"), [("Example.COM", "example.com"), ("https://example.com/", "example.com"), ("münchen.de", "münchen.de")]
)
async def test_the_domain_of_a_company_is_kept_in_lower_case(shared_house: House, given: str, kept: str):
    company = await shared_house.make("Company", returning="domain", name="c", domain=given)
    assert company.domain == kept


async def test_what_is_taken_away_is_null_again(house: House):
    contact = await house.make("Contact", name="c", city="شیراز", gender="FEMALE", birth_date="1990-01-01")
    ask = """mutation ($id: ID!) { contactUpdate(id: $id, input: {city: null, gender: null, birthDate: null, jobTitle: " "}) {
      contact { name city gender birthDate jobTitle version } userErrors { field } } }"""
    payload = (await house.ask(ask, id=contact.id))["contactUpdate"]
    empty = {"name": "c", "city": None, "gender": None, "birthDate": None, "jobTitle": None, "version": 2}
    assert payload == {"contact": empty, "userErrors": []}
    assert (await house.ask("{ contacts(where: {city: {isNull: true}}) { totalCount } }"))["contacts"]["totalCount"] == 1
