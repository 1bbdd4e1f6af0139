"""Contacts and companies: names, addresses, how they are reached."""

import re
import zoneinfo
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from babel import Locale, UnknownLocaleError
from email_validator import EmailNotValidError, validate_email

from core.domain import access
from core.domain.numbers import phone
from core.domain.teams import keep_ancestors
from core.errors import Conflict, Invalid
from core.fields import now
from core.models import Contact
from core.records.ids import encode
from core.resources import Change
from core.text import fold

if TYPE_CHECKING:
    from core.crm import Call

LONGEST, LONGEST_ADDRESS = 200, 254  # characters of a name and of an address, and of what they are compared by
DEEPEST = 50  # levels of companies above a company, and of teams above a team

# The part of an address before the @ of which nothing is to be said: RFC 5321, 4.1.2 and 4.5.3.1.1.
_PLAIN = re.compile(r"(?=.{1,64}\Z)[a-z0-9_+-]+(\.[a-z0-9_+-]+)*")


async def contacts(call: "Call", changes: Sequence[Change]) -> None:
    """Compose the name when it is left out; check the birth date and the codes. Raises Invalid."""
    for change in changes:
        record = change.record
        if not record.name:
            whole = " ".join(filter(None, (record.given_name, record.family_name)))
            change.put("name", whole[:LONGEST].strip())
            change.put("name_key", fold(record.name)[:LONGEST])
        if not record.name:
            raise Invalid(name="is required, or else givenName or familyName")
        if "birth_date" in change.values and record.birth_date and record.birth_date > now().date():
            raise Invalid(birth_date="lies in the future")
        _codes(change)
        _moments(change, "lifecycle_stage", record.lifecycle_stage)


async def restored_contact(call: "Call", contact: Contact) -> None:
    """Refuse to bring back a contact that was merged: what belonged to it is another's. Raises Conflict."""
    if contact.merged_into_id is not None:
        other = encode(call.crm.resource(Contact), contact.merged_into_id)
        raise Conflict(f"the contact was merged into {other}, to which belongs what belonged to it; it cannot be restored")


async def companies(call: "Call", changes: Sequence[Change]) -> None:
    """Check codes and numbers; keep domains in lower case. Raises Invalid."""
    for change in changes:
        record = change.record
        _codes(change)
        if change.values.get("domain"):
            change.put("domain", _domain(record.domain))
        if (record.employees or 0) < 0:
            raise Invalid(employees="must not be negative")
    await above(changes)


async def teams(call: "Call", changes: Sequence[Change]) -> None:
    """Keep the teams a tree, and know what is above what. Raises Invalid."""
    await above(changes)
    await keep_ancestors(changes)


async def above(changes: Sequence[Change]) -> None:
    """Keep records with a parent a tree. Raises Invalid when one would stand above itself, or too deep."""
    for change in changes:
        key = change.values.get("parent_id")
        for _ in range(DEEPEST):
            if key is None:
                break
            if key == change.record.id:
                raise Invalid(parent_id="would stand above itself")
            key = await type(change.record).filter(id=key).first().values_list("parent_id", flat=True)
        if key is not None:
            raise Invalid(parent_id=f"would stand more than {DEEPEST} levels deep")


async def emails(call: "Call", changes: Sequence[Change]) -> None:
    """Check the addresses. Raises Invalid."""
    for change in changes:
        given = change.record.address
        address = email(given, f"emails.{change.record.position}.address")
        if address != given:
            change.put("address", address)
            change.put("address_key", fold(address)[:LONGEST_ADDRESS])


async def phones(call: "Call", changes: Sequence[Change]) -> None:
    """Write the numbers in E.164. Raises Invalid."""
    region = call.crm.settings.company.region
    for change in changes:
        given = change.record.number
        number = phone(given, region, f"phones.{change.record.position}.number")
        if number != given:
            change.put("number", number)


async def users(call: "Call", changes: Sequence[Change]) -> None:
    """Check the address of a user, and who may give it a role. Raises Invalid."""
    for change in changes:
        if change.values.get("email"):
            change.put("email", email(change.record.email, "email").lower())
    await access.users(call, changes)


def email(text: str, path: str) -> str:
    """The address in its normal form (RFC 5321, 6531: at most 254 characters). Raises Invalid."""
    local, _, domain = text.rpartition("@")
    try:
        if len(text) <= LONGEST_ADDRESS and domain.isascii() and _PLAIN.fullmatch(local):
            return f"{local}@{_mail_domain(domain)}"  # what the validator would say, at a tenth of its time
        return validate_email(text, check_deliverability=False, allow_domain_literal=False, strict=True).normalized
    except EmailNotValidError as error:
        raise Invalid({path: f"'{text[:60]}' is not an e-mail address: {str(error)[:120]}"}) from None


@lru_cache(maxsize=10_000)
def _mail_domain(domain: str) -> str:
    """The domain of addresses in its normal form. Raises EmailNotValidError, which is not remembered."""
    return validate_email(f"x@{domain}", check_deliverability=False, allow_domain_literal=False, strict=True).domain


def _codes(change: Change) -> None:
    values: dict[str, Any] = change.values
    if country := values.get("country"):
        change.put("country", country.upper())
        if not country.isascii() or country.upper() not in _countries():
            raise Invalid(country=f"'{country}' is not a country code of ISO 3166-1")
    if locale := values.get("locale"):
        _check_locale(locale)
    if (zone := values.get("time_zone")) and zone not in _zones():
        raise Invalid(time_zone=f"'{zone[:40]}' is not a time zone of the IANA database")


def _moments(change: Change, column: str, value: Any) -> None:
    """A record that an import brings from the past began its history when it was made."""
    if change.past and change.before is None and column not in change.history:
        change.history[column] = [(value, change.record.created_at)]


def _check_locale(locale: str) -> None:
    try:
        Locale.parse(locale, sep="-")
    except (ValueError, UnknownLocaleError):
        raise Invalid(locale=f"'{locale[:40]}' is not a language tag like fa-IR") from None


def _domain(text: str) -> str:
    domain = text.lower().removeprefix("https://").removeprefix("http://").rstrip("/")
    if "." not in domain or any(letter in domain for letter in "/ @:?"):
        raise Invalid(domain=f"'{text[:60]}' is not a domain like example.com")
    return domain


@cache
def _countries() -> frozenset[str]:
    codes = frozenset(str(code) for code in Locale("en").territories)
    return frozenset(code for code in codes if len(code) == 2 and code.isalpha()) - _NO_COUNTRIES


_NO_COUNTRIES = frozenset({"EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"})


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())
