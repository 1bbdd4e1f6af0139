"""Tests of the short way to many rows: it must do what the object mapper does."""

import datetime
import json
from decimal import Decimal
from typing import Any

import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st
from tortoise.exceptions import IntegrityError, ValidationError
from tortoise.models import Model
from tortoise.transactions import in_transaction

from core import models
from core.domain.people import email, phone
from core.errors import Invalid
from core.fields import new_id
from core.models import AuditEntry, Company, Contact, LifecycleStage, Tag
from core.money import Money
from core.plain import as_text, plain
from core.records.bulk import assign, blank, insert, insert_columns
from core.text import fold
from tests.house import House

pytestmark = pytest.mark.anyio
MODELS = models.__models__


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
async def test_a_blank_record_is_what_the_model_makes(shared_house: House, model: type[Model]):
    quick, usual = vars(blank(model)), vars(model())
    made = {name for name, one in usual.items() if quick.get(name) != one}
    assert quick.keys() == usual.keys()
    assert made <= {"id", "event_id", "created_at", "updated_at", "changed_at", "seen_at", "enqueued_at", "run_at", "at"}
    assert all(type(quick[name]) is type(usual[name]) for name in made)


async def test_rows_are_written_as_the_model_writes_them(house: House):
    values: dict[str, Any] = {
        "name": "زهرا", "name_key": "زهرا", "lifecycle_stage": LifecycleStage.CUSTOMER,
        "birth_date": datetime.date(1990, 1, 2), "email_consent": True,
        "created_at": datetime.datetime(2020, 1, 2, 3, 4, 5, 678901, datetime.UTC),
        "updated_at": datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC),
    }  # fmt: skip
    await insert(Contact, [blank(Contact, external_id="quick", **values)])
    await Contact.bulk_create([Contact(external_id="usual", **values)])
    one, other = await house.sql('SELECT * FROM "contact" ORDER BY "external_id"')
    ignored = {"id", "external_id"}
    assert {name: value for name, value in one.items() if name not in ignored} == {
        name: value for name, value in other.items() if name not in ignored
    }
    event: dict[str, Any] = {"name": "contact.created", "resource": "contact", "record_id": new_id(), "actor": "x", "changed": ["a", "b"]}
    await insert(AuditEntry, [blank(AuditEntry, **event), blank(AuditEntry, **event)])
    first, second = await house.sql('SELECT "position", "changed" FROM "event" ORDER BY "position"')
    assert second["position"] == first["position"] + 1 and "b" in first["changed"]


async def test_what_the_model_refuses_is_refused(house: House):
    with pytest.raises(ValidationError):
        await insert(Contact, [blank(Contact, name="x" * 201)])
    key = new_id()
    with pytest.raises(IntegrityError):
        await insert(Company, [blank(Company, id=key, name="a", name_key="a"), blank(Company, id=key, name="b", name_key="b")])
    assert await house.sql('SELECT count(*) AS n FROM "company"') == [{"n": 0}]
    await insert(Company, [])


async def test_a_value_of_another_type_is_written_as_the_column_has_it(house: House):
    record = blank(Company, name="a", name_key="a")
    assign(record, "employees", Decimal(3))
    await insert(Company, [record])
    assert await house.sql('SELECT "employees" AS n FROM "company"') == [{"n": 3}]


async def test_very_many_rows_are_all_written_in_their_order_or_none_of_them(house: House):
    rows = [blank(Company, name=f"{number}", name_key=f"{number}", external_id=f"{number}") for number in range(1_203)]
    await insert(Company, rows)
    names = await house.sql('SELECT "name" FROM "company" ORDER BY "id"')
    assert [row["name"] for row in names] == [record.name for record in rows]
    twice = [blank(Company, name="a", name_key="a", external_id=f"{number}") for number in (*range(5_000, 5_700), 1_000)]
    with pytest.raises(IntegrityError):
        async with in_transaction():
            await insert(Company, twice)
    assert await house.sql('SELECT count(*) AS n FROM "company"') == [{"n": 1_203}]


async def test_what_is_left_out_of_columns_gets_its_default(house: House):
    await insert_columns(Tag, {"name": ["a", "b"], "name_key": ["a", "b"]})
    first, second = await Tag.all().order_by("name")
    assert first.id != second.id and first.version == 1 and first.created_at == second.created_at


VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(), st.uuids(), st.dates(), st.datetimes(timezones=st.just(datetime.UTC)),
        st.decimals(allow_nan=False), st.sampled_from(LifecycleStage), st.builds(Money, st.decimals(allow_nan=False), st.just("EUR")),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner), st.tuples(inner)),
)  # fmt: skip


@given(VALUES)
def test_text_of_a_value_is_that_of_its_plain_form(value: Any):
    assert as_text(value) == json.dumps(plain(value), separators=(",", ":"))


LOCAL = st.text("abzAZ09._+-'! é@\"", max_size=70)
DOMAIN = st.one_of(
    st.sampled_from(
        [
            "example.com",
            "EXAMPLE.com",
            "x.test",
            "a..b",
            "münchen.de",
            "xn--mnchen-3ya.de",
            "localhost",
            "[1.2.3.4]",
            "",
            "a" * 250 + ".com",
        ]
    )
)


@given(LOCAL, DOMAIN)
def test_addresses_are_what_the_validator_says(local: str, domain: str):
    text = f"{local}@{domain}"
    try:
        wanted = validate_email(text, check_deliverability=False, allow_domain_literal=False, strict=True).normalized
    except EmailNotValidError:
        with pytest.raises(Invalid):
            email(text, "address")
    else:
        assert email(text, "address") == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0912 123 4567", "+989121234567"),
        ("+98 (912) 123-4567", "+989121234567"),
        ("+39 06 1234567", "+39061234567"),
        ("+1 650 253 0000 ext. 5", "+16502530000"),
    ],
)
def test_phones_are_written_in_e164(text: str, wanted: str):
    assert phone(text, "IR", "number") == wanted


NUMBERS = st.builds("+{}{}".format, st.sampled_from([0, *phonenumbers.COUNTRY_CODE_TO_REGION_CODE]), st.text("0123456789", max_size=16))


@given(NUMBERS, st.sampled_from(["IR", "US", "IT"]))
def test_phones_are_what_the_library_says(text: str, region: str):
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        number = None
    if number and phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE:
        wanted = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert phone(text, region, "number") == wanted
    else:
        with pytest.raises(Invalid):
            phone(text, region, "number")


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_is_folded_as_all_text_is(text: str):
    assert fold(text) == fold(f"{text} ÷").removesuffix("÷").rstrip(" ")
