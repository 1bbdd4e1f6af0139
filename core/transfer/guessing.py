"""What a column is, by its name: as other CRMs name their columns, and as people do in English and Persian."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from core.naming import snake
from core.text import fold

# Name of a column, folded and with single blanks -> where it may go; the first place that the resource has is taken.
COMMON: Mapping[str, tuple[str, ...]] = {
    "record id": ("external_id",),
    "object id": ("external_id",),
    "external id": ("external_id",),
    "شناسه": ("external_id",),
    "name": ("name", "title", "subject"),
    "نام": ("name", "title"),
    "title": ("title", "job_title", "name"),
    "عنوان": ("title", "subject", "name"),
    "description": ("description", "body"),
    "notes": ("description", "body"),
    "note": ("description", "body"),
    "توضیحات": ("description", "body"),
    "شرح": ("description", "body"),
    "create date": ("created_at",),
    "created": ("created_at",),
    "created date": ("created_at",),
    "created time": ("created_at",),
    "date created": ("created_at",),
    "تاریخ ایجاد": ("created_at",),
    "company": ("company",),
    "company name": ("company",),
    "associated company": ("company",),
    "account": ("company",),
    "account name": ("company",),
    "organization": ("company",),
    "organisation": ("company",),
    "organization name": ("company",),
    "شرکت": ("company",),
    "نام شرکت": ("company",),
    "سازمان": ("company",),
    "contact": ("contact",),
    "contact name": ("contact",),
    "contact person": ("contact",),
    "contact email": ("contact.email",),
    "مخاطب": ("contact",),
    "مشتری": ("contact", "name"),
    "owner": ("owner", "assignee"),
    "owner name": ("owner",),
    "owner email": ("owner.email",),
    "assigned to": ("assignee", "owner"),
    "contact owner": ("owner",),
    "company owner": ("owner",),
    "account owner": ("owner",),
    "lead owner": ("owner",),
    "deal owner": ("owner",),
    "opportunity owner": ("owner",),
    "sales agent": ("owner",),
    "sales rep": ("owner",),
    "مسئول": ("owner", "assignee"),
    "کارشناس": ("owner", "assignee"),
    "tags": ("tags",),
    "labels": ("tags",),
    "label": ("tags",),
    "برچسب": ("tags",),
    "برچسب ها": ("tags",),
    "source": ("source",),
    "lead source": ("source",),
    "original source": ("source",),
    "منبع": ("source",),
    "street": ("street",),
    "street address": ("street",),
    "address": ("street",),
    "mailing street": ("street",),
    "billing street": ("street",),
    "نشانی": ("street",),
    "آدرس": ("street",),
    "city": ("city",),
    "mailing city": ("city",),
    "billing city": ("city",),
    "شهر": ("city",),
    "state": ("region",),
    "state region": ("region",),
    "province": ("region",),
    "mailing state": ("region",),
    "billing state": ("region",),
    "استان": ("region",),
    "zip": ("postal_code",),
    "zip code": ("postal_code",),
    "zip postal code": ("postal_code",),
    "postal code": ("postal_code",),
    "mailing zip": ("postal_code",),
    "billing zip": ("postal_code",),
    "کدپستی": ("postal_code",),
    "کد پستی": ("postal_code",),
    "country code": ("country",),
    "team": ("team",),
    "تیم": ("team",),
    "email": ("email", "emails.address"),
    "e mail": ("email", "emails.address"),
    "email address": ("email", "emails.address"),
    "ایمیل": ("email", "emails.address"),
    "پست الکترونیک": ("email", "emails.address"),
    "رایانامه": ("email", "emails.address"),
    "product": ("product", "lines.product"),
    "product name": ("product", "lines.product", "name"),
    "محصول": ("product", "lines.product", "name"),
    "pipeline": ("pipeline",),
}
OWN: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "contact": {
        "contact id": ("external_id",),
        "lead id": ("external_id",),
        "full name": ("name",),
        "contact name": ("name",),
        "نام و نام خانوادگی": ("name",),
        "نام کامل": ("name",),
        "first name": ("given_name",),
        "given name": ("given_name",),
        "firstname": ("given_name",),
        "نام": ("given_name",),
        "نام کوچک": ("given_name",),
        "last name": ("family_name",),
        "lastname": ("family_name",),
        "surname": ("family_name",),
        "family name": ("family_name",),
        "نام خانوادگی": ("family_name",),
        "work email": ("emails.address",),
        "other email": ("emails.address",),
        "email work": ("emails.address",),
        "email home": ("emails.address",),
        "phone": ("phones.number",),
        "phone number": ("phones.number",),
        "telephone": ("phones.number",),
        "mobile": ("phones.number",),
        "mobile phone": ("phones.number",),
        "mobile phone number": ("phones.number",),
        "mobile number": ("phones.number",),
        "cell phone": ("phones.number",),
        "home phone": ("phones.number",),
        "work phone": ("phones.number",),
        "phone work": ("phones.number",),
        "phone mobile": ("phones.number",),
        "phone home": ("phones.number",),
        "موبایل": ("phones.number",),
        "شماره موبایل": ("phones.number",),
        "تلفن": ("phones.number",),
        "تلفن همراه": ("phones.number",),
        "همراه": ("phones.number",),
        "شماره تماس": ("phones.number",),
        "job title": ("job_title",),
        "position": ("job_title",),
        "سمت": ("job_title",),
        "شغل": ("job_title",),
        "birthday": ("birth_date",),
        "birthdate": ("birth_date",),
        "date of birth": ("birth_date",),
        "تاریخ تولد": ("birth_date",),
        "جنسیت": ("gender",),
        "sex": ("gender",),
        "lifecycle stage": ("lifecycle_stage",),
        "preferred language": ("locale",),
    },
    "company": {
        "company id": ("external_id",),
        "account id": ("external_id",),
        "company name": ("name",),
        "account name": ("name",),
        "account": ("name",),
        "company": ("name",),
        "organization": ("name",),
        "organization name": ("name",),
        "شرکت": ("name",),
        "نام شرکت": ("name",),
        "company domain name": ("domain",),
        "دامنه": ("domain",),
        "web site": ("website",),
        "website url": ("website",),
        "وب سایت": ("website",),
        "sector": ("industry",),
        "صنعت": ("industry",),
        "number of employees": ("employees",),
        "no of employees": ("employees",),
        "تعداد کارکنان": ("employees",),
        "year founded": ("founded_year",),
        "year established": ("founded_year",),
        "سال تاسیس": ("founded_year",),
        "revenue": ("annual_revenue",),
        "درآمد": ("annual_revenue",),
        "parent account": ("parent",),
        "parent company": ("parent",),
        "subsidiary of": ("parent",),
    },
    "deal": {
        "deal id": ("external_id",),
        "opportunity id": ("external_id",),
        "deal name": ("title",),
        "deal title": ("title",),
        "opportunity name": ("title",),
        "عنوان معامله": ("title",),
        "deal stage": ("stage",),
        "stage name": ("stage",),
        "مرحله": ("stage",),
        "value": ("amount",),
        "deal value": ("amount",),
        "close value": ("amount",),
        "مبلغ": ("amount",),
        "currency": ("amount.currency",),
        "ارز": ("amount.currency",),
        "close date": ("closed_at",),
        "closed date": ("closed_at",),
        "won time": ("closed_at",),
        "start date": ("started_at",),
        "engage date": ("started_at",),
        "تاریخ شروع": ("started_at",),
        "expected close date": ("expected_close_on",),
        "lost reason": ("lost_reason",),
        "closed lost reason": ("lost_reason",),
    },
    "product": {
        "product": ("name",),
        "product id": ("external_id",),
        "product code": ("sku",),
        "series": ("family",),
        "category": ("family",),
        "sales price": ("price",),
        "unit price": ("price",),
        "list price": ("price",),
        "قیمت": ("price",),
        "currency": ("price.currency",),
    },
    "user": {"user id": ("external_id",), "full name": ("name",), "sales agent": ("name",), "owner": ("name",)},
    "activity": {
        "activity type": ("kind",),
        "type": ("kind",),
        "نوع": ("kind",),
        "due date": ("due_at",),
        "activity date": ("done_at",),
        "completed at": ("done_at",),
        "body": ("body",),
        "deal name": ("deal",),
    },
    "stage": {"stage name": ("name",), "deal stage": ("name",)},
}
MANY = ("emails.", "phones.", "tags")  # places that several columns may share

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BETWEEN = re.compile(r"[\s_\-/.:()#*?\u200c]+")


def guess(key: str, columns: Sequence[str], known: Callable[[str], bool], taken: set[str]) -> dict[str, str]:
    """Where the columns of a resource go, as far as their names tell. `known` says whether it has a place."""
    found: dict[str, str] = {}
    used = set(taken)
    for column in columns:
        target = next((one for one in _candidates(key, column, columns) if (one not in used or one.startswith(MANY)) and known(one)), None)
        if target:
            found[column] = target
            used.add(target)
    return found


def normal(name: str) -> str:
    """The name of a column as the tables here have it."""
    return _BETWEEN.sub(" ", fold(_CAMEL.sub(" ", _BETWEEN.sub(" ", name)))).strip()


def _candidates(key: str, column: str, columns: Sequence[str]) -> list[str]:
    """Where a column may go, the likeliest first: as the house itself says it, then as others do."""
    word = normal(column)
    own, common = _table(key).get(word, ()), _table("").get(word, ())
    if word == "نام" and not any(normal(one) == "نام خانوادگی" for one in columns):
        own = ()
    path = ".".join(snake(step) if not index else step for index, step in enumerate(column.strip().split(".")))
    return [path, word.replace(" ", "_"), *own, *common]


@cache
def _table(key: str) -> dict[str, tuple[str, ...]]:
    """The table of a resource, or the common one, by folded names."""
    return {normal(name): places for name, places in (OWN.get(key, {}) if key else COMMON).items()}
