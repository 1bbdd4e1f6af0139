"""The plugin `lab`: a table with columns of every kind, ways back of every kind, expressions and Python fields of every kind."""

from tests.packages import Packages

SOURCE = """
from acme_lab.graphql import OfContact, OfDeal, OfProbe, Root
from acme_lab.models import Badge, Probe, Sample
from core import Expressed, Kind, Resource, hookimpl
from core.models import Contact, Deal
from tortoise.expressions import Q

@hookimpl
def resources():
    return [
        Resource(Probe, reverse={"contact": "probes", "twin": "twins"}, owned_by="owner", natural=("label",)),
        Resource(Badge, reverse={"contact": "badge", "holder": "badges"}, natural=("number",)),
        Resource(Sample, reverse={"probe": "samples"}, part_of="probe", verbs=frozenset({"read"}), natural=()),
    ]

@hookimpl
def permissions():
    return {"lab.ask": "To ask the fields of the root.", "lab.narrow": "To be narrowed by the rules of this plugin."}

DEALS = "SELECT {} FROM {{deals}} AS d WHERE d.contact_id = {{row}}.id"

def of_contact(name, kind, what, **more):
    return Expressed(Contact, name, kind, "It is worked out.", DEALS.format(what), rows={"deals": Deal}, **more)

def of_probe(name, kind, sql, **rows):
    return Expressed(Probe, name, kind, "It is worked out.", sql, rows=rows)

@hookimpl
def expressions():
    return [
        of_contact("deals_there", Kind.INT, "COUNT(*)"),
        of_contact("deals_worth", Kind.DECIMAL, "SUM(d.amount)", scale=2),
        of_contact("deals_mean", Kind.FLOAT, "AVG(d.amount * 1.0)"),
        of_contact("deals_since", Kind.DATETIME, "MIN(d.created_at)"),
        Expressed(Contact, "first_deal", Kind.ID, "It is worked out.", DEALS.format("d.id") + " ORDER BY d.id LIMIT 1",
                  rows={"deals": Deal}, to=Deal),
        of_probe("samples_there", Kind.BIG_INT, "SELECT COUNT(*) FROM {samples} AS s WHERE s.probe_id = {row}.id", samples=Sample),
        of_probe("held", Kind.BOOLEAN, "EXISTS (SELECT 1 FROM {badges} AS b WHERE b.holder_id = {row}.contact_id)", badges=Badge),
        of_probe("past", Kind.BOOLEAN, "{row}.at_or_none < {now}"),
        of_probe("another_day", Kind.DATE, "{row}.day_or_none"),
        of_probe("words", Kind.STRING, "{row}.plain"),
    ]

@hookimpl
def graphql():
    return [Root, OfContact, OfDeal, OfProbe]

@hookimpl
def rule(crm, actor, permission):
    if actor.grants.get("lab.narrow") != "all":
        return None
    match permission:
        case "contact.read": return Q(company__city__isnull=False) | Q(company_id=None)
        case "activity.read": return Q(contact__email_consent=True) | Q(deal__stage__kind="OPEN")
        case "probe.read": return Q(contact__deleted_at=None) & ~Q(active=False)
        case "tag.read": return Q(name__not="old")
        case "badge.read": return False
    return None
"""

MODELS = '''
from enum import IntEnum, StrEnum
from tortoise import fields
from tortoise.models import Model
from core.fields import FixedField, FoldedField, MoneyField, new_id
from core.models import Contact, Record

class Colour(StrEnum):
    """A colour, which is kept in small letters."""
    DEEP_RED = "red"
    GREEN = "green"
    QUOTED = "it's \\"so\\""

class Level(IntEnum):
    """A level, which is kept as a number."""
    LOW = 10
    MIDDLE = 0
    HIGH = -3

def key(target, what, kind=fields.ForeignKeyField, **options):
    return kind(target, related_name=False, db_index=True, description=what, **options)

class Probe(Record):
    """One column of every kind, with a value and without."""
    label = fields.CharField(max_length=80, description="A text that is ordered.")
    label_key = FoldedField(of="label", max_length=80)
    plain = fields.CharField(max_length=80, null=True, description="A text without a folded form.")
    prose = fields.TextField(null=True, description="A long text.")
    ratio = fields.FloatField(description="A float.")
    ratio_or_none = fields.FloatField(null=True, description="A float or none.")
    data = fields.JSONField(description="JSON.")
    data_or_none = fields.JSONField(null=True, description="JSON or none.")
    mark = fields.UUIDField(description="A UUID.")
    mark_or_none = fields.UUIDField(null=True, description="A UUID or none.")
    level = fields.IntEnumField(Level, description="An enum of numbers.")
    level_or_none = fields.IntEnumField(Level, null=True, description="An enum of numbers or none.")
    colour = fields.CharEnumField(Colour, max_length=20, description="An enum of texts.")
    colour_or_none = fields.CharEnumField(Colour, max_length=20, null=True, description="An enum of texts or none.")
    day = fields.DateField(description="A day.")
    day_or_none = fields.DateField(null=True, description="A day or none.")
    at = fields.DatetimeField(description="A time.")
    at_or_none = fields.DatetimeField(null=True, description="A time or none.")
    size = FixedField(scale=3, description="A decimal.")
    size_or_none = FixedField(scale=3, null=True, description="A decimal or none.")
    whole = FixedField(scale=0, null=True, description="A decimal without digits after the point.")
    price = MoneyField(null=True, description="Money.")
    currency = fields.CharField(max_length=3, null=True, description="Its currency.")
    cost = MoneyField(currency="unit", null=True, description="Money in another currency.")
    unit = fields.CharField(max_length=3, null=True, description="Its currency.")
    active = fields.BooleanField(description="A boolean.")
    active_or_none = fields.BooleanField(null=True, description="A boolean or none.")
    many = fields.BigIntField(description="A big number.")
    many_or_none = fields.BigIntField(null=True, description="A big number or none.")
    few = fields.IntField(default=0, description="A number.")
    few_or_none = fields.SmallIntField(null=True, description="A number or none.")
    contact = key("core.Contact", "The contact.", null=True, on_delete=fields.SET_NULL)
    owner = key("core.User", "Whose it is.", null=True, on_delete=fields.SET_NULL)
    twin = key("lab.Probe", "Another one.", null=True, on_delete=fields.SET_NULL)
    class Meta(Record.Meta):
        abstract = False
        table = "lab_probe"
        unique_together = (("external_source", "external_id"),)

class Badge(Model):
    """What a contact has one of, and holds many of; no version, no time, gone when deleted."""
    id = fields.UUIDField(primary_key=True, default=new_id)
    contact = key("core.Contact", "Whose it is.", fields.OneToOneField, null=True, on_delete=fields.CASCADE)
    holder = key("core.Contact", "Who holds it.", null=True, on_delete=fields.SET_NULL)
    number = fields.CharField(max_length=20, unique=True, description="Its number.")
    position = fields.IntField(default=0, description="Its place.")
    class Meta(Model.Meta):
        table = "lab_badge"

class Sample(Model):
    """A part of a probe, in an order of its own."""
    id = fields.UUIDField(primary_key=True, default=new_id)
    probe = key("lab.Probe", "The probe.", on_delete=fields.CASCADE)
    badge = key("lab.Badge", "A badge.", null=True, on_delete=fields.SET_NULL)
    place = fields.CharField(max_length=40, description="Where it was taken.")
    position = fields.IntField(default=0, description="Its place.")
    weight = FixedField(scale=2, null=True, description="Its weight.")
    class Meta(Model.Meta):
        table = "lab_sample"
'''

GRAPHQL = """
from typing import Annotated
import strawberry
from strawberry.dataloader import DataLoader
from acme_lab.models import Probe
from core import Call, Filter, Invalid, Money, Refused, matching, permit, visible
from core.models import Activity, Contact, Deal
from decimal import Decimal

Info = strawberry.Info[Call]

@strawberry.type(description="What a plugin shows of its own.")
class Figure:
    name: str
    number: int | None
    contact: Contact | None

@strawberry.type(name="Contact", extend=True)
class OfContact:
    @strawberry.field(description="How many probes, by a loader.")
    async def probe_count(self, root: strawberry.Parent[Contact], info: Info) -> int | None:
        async def load(keys):
            rows = await visible(info.context, Probe).filter(contact_id__in=keys).values_list("contact_id", flat=True)
            return [sum(row == key for row in rows) or None for key in keys]
        return await info.context.loader("lab.count", lambda: DataLoader(load)).load(root.pk)

    @strawberry.field(description="Fails for some.")
    def shaky(self, root: strawberry.Parent[Contact]) -> str | None:
        if root.city is None:
            raise ValueError("a secret")
        if root.city == "Berlin":
            raise Invalid(city="is not welcome")
        return root.city.upper()

    @strawberry.field(description="Fails for some, and cannot be null.")
    async def brittle(self, root: strawberry.Parent[Contact]) -> str:
        if root.gender is None:
            raise Refused("has no gender")
        return root.gender.value

    @strawberry.field(description="The newest activity, as a row.")
    async def newest(self, root: strawberry.Parent[Contact], info: Info) -> Activity | None:
        return await visible(info.context, Activity).filter(contact_id=root.pk).order_by("-id").first()

    @strawberry.field(description="Deals, as rows.")
    async def large_deals(self, root: strawberry.Parent[Contact], info: Info, least: int = 0, most: int | None = None) -> list[Deal]:
        rows = await visible(info.context, Deal).filter(contact_id=root.pk, amount__gte=least).order_by("id")
        return rows[:most]

    @strawberry.field(description="The words, as many times.")
    def echo(self, root: strawberry.Parent[Contact], text: str = "a\\u2028", times: int | None = 1) -> str | None:
        return None if times is None else f"{root.name}{text * min(times, 3)}"

@strawberry.type(name="Deal", extend=True)
class OfDeal:
    @strawberry.field(description="Half of it.")
    def half(self, root: strawberry.Parent[Deal]) -> Money | None:
        return None if root.amount is None else Money(Decimal(root.amount // 2).scaleb(-2), "EUR")

    @strawberry.field(description="The figure of a deal.")
    async def figure(self, root: strawberry.Parent[Deal], info: Info) -> Figure:
        contact = await visible(info.context, Contact).get_or_none(id=root.contact_id) if root.contact_id else None
        return Figure(name=root.title, number=root.version, contact=contact)

@strawberry.type(name="Probe", extend=True)
class OfProbe:
    @strawberry.field(description="Fails for the inactive, in a list that cannot be null.")
    def steps(self, root: strawberry.Parent[Probe]) -> list[int]:
        if not root.active:
            raise Refused("is not active")
        return [1, root.few]

@strawberry.type(name="Query", extend=True)
class Root:
    @strawberry.field(description="How many probes are like this.")
    @permit("lab.ask")
    async def lab_count(self, info: Info, where: Annotated[Filter | None, Probe] = None) -> int:
        return await matching(info.context, Probe, where).count()

    @strawberry.field(description="Contacts, as rows.")
    @permit("lab.ask")
    async def lab_contacts(self, info: Info, where: Annotated[Filter | None, Contact] = None, most: int = 3) -> list[Contact]:
        return await matching(info.context, Contact, where).order_by("-id").limit(max(most, 1))

    @strawberry.field(description="Always fails.")
    @permit("lab.ask")
    async def lab_fails(self) -> int | None:
        raise Refused("as ever")
"""


def write(plugin: Packages) -> str:
    """Write the plugin; its name."""
    return plugin("lab", SOURCE, models=MODELS, graphql=GRAPHQL)
