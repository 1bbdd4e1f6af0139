"""What rows can be put together by: their owner, product, city and the like."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tortoise.expressions import Subquery
from tortoise.models import Model

from core import Call, visible
from core.models import (
    Activity,
    Company,
    Contact,
    ContactTag,
    Deal,
    DealLine,
    DealTag,
    Pipeline,
    Product,
    Stage,
    Tag,
    Team,
    User,
)

Rows = Callable[[Call], Any]
Tells = Mapping[type[Model], tuple[str, ...]]


@dataclass(frozen=True)
class Dimension:
    """A part of a key.

    name: in the key. key: SQL for its value, over the row `d` and what `join` brings. before: a SELECT of (row, value) that is made
    once, as `x_name`, where a row may have several values and counts once for each. model: of the record behind the value, if there is one.
    rows: the rows behind each {name} of `join` and `before`. tells: what one could conclude from it. label: the column by which such a
    record is called, where an answer has no room for the record itself.
    """

    name: str
    description: str
    key: str
    join: str = ""
    before: str = ""
    model: type[Model] | None = None
    rows: Mapping[str, Rows] = field(default_factory=dict)
    tells: Tells = field(default_factory=dict)
    label: str = "name"


def _all(model: type[Model], *columns: str) -> Rows:
    """The rows of a model that the actor sees, deleted ones too, for what happened with them stays true."""
    return lambda call: visible(call, model, deleted=True).values("id", *columns)


def _products(call: Call) -> Any:
    seen = visible(call, Product, deleted=True).values("id")
    return visible(call, DealLine).filter(product_id__in=Subquery(seen)).values("deal_id", "product_id")


def _links(link: type[Model], row: str) -> Rows:
    return lambda call: link.filter(tag_id__in=Subquery(visible(call, Tag).values("id"))).values(row, "tag_id")


CONTACT = "LEFT JOIN {contacts} AS x_contact ON x_contact.id = d.contact_id"
COMPANY = "LEFT JOIN {companies} AS x_company ON x_company.id = d.company_id"
CONTACTS = {"contacts": _all(Contact, "city", "gender", "lifecycle_stage", "source")}
COMPANIES = {"companies": _all(Company, "industry")}


def _team(row: str, model: type[Model], owner: str) -> Dimension:
    join = f"LEFT JOIN {{users}} AS x_user ON x_user.id = d.{row}"
    tells: Tells = {model: (owner,), User: ("team",)}
    what = "The team in which that user is now."
    return Dimension("team", what, "x_user.team_id", join, model=Team, rows={"users": _all(User, "team_id")}, tells=tells)


def _team_above(row: str, model: type[Model], owner: str) -> Dimension:
    # Names of its own, for it may stand beside the team.
    join = f"LEFT JOIN {{members}} AS x_member ON x_member.id = d.{row} LEFT JOIN {{teams}} AS x_team ON x_team.id = x_member.team_id"
    rows = {"members": _all(User, "team_id"), "teams": _all(Team, "parent_id")}
    what = "The team that this team is a part of: a region, say; none for a team that is part of no other."
    return Dimension(
        "parent_team", what, "x_team.parent_id", join, model=Team, rows=rows, tells={model: (owner,), User: ("team",), Team: ("parent",)}
    )


def _of_contact(name: str, model: type[Model], description: str) -> Dimension:
    return Dimension(name, description, f"x_contact.{name}", CONTACT, rows=CONTACTS, tells={model: ("contact",), Contact: (name,)})


OF_DEALS = (
    Dimension("owner", "The user who looks after the deal.", "d.owner_id", model=User, tells={Deal: ("owner",)}),
    _team("owner_id", Deal, "owner"),
    _team_above("owner_id", Deal, "owner"),
    Dimension(
        "product", "Each product on the deal's lines; the deal counts once for every one of them.", "x_product.value",
        "LEFT JOIN x_product ON x_product.row = d.id", "SELECT DISTINCT x.deal_id AS row, x.product_id AS value FROM {lines} AS x", Product,
        {"lines": _products}, {Deal: ("lines",), DealLine: ("product",)},
    ),
    Dimension("pipeline", "The pipeline of the deal.", "d.pipeline_id", model=Pipeline, tells={Deal: ("pipeline",)}),
    Dimension("stage", "The stage in which the deal is now.", "d.stage_id", model=Stage, tells={Deal: ("stage",)}),
    Dimension("source", "Where the deal came from.", "d.source", tells={Deal: ("source",)}),
    Dimension("company", "The company of the deal.", "d.company_id", model=Company, tells={Deal: ("company",)}),
    Dimension(
        "industry", "The industry of the deal's company.", "x_company.industry", COMPANY, rows=COMPANIES,
        tells={Deal: ("company",), Company: ("industry",)},
    ),
    _of_contact("city", Deal, "The city of the deal's contact."),
    _of_contact("gender", Deal, "The gender of the deal's contact."),
    Dimension(
        "tag", "Each tag of the deal; it counts once for every one of them.", "x_tag.value", "LEFT JOIN x_tag ON x_tag.row = d.id",
        "SELECT x.deal_id AS row, x.tag_id AS value FROM {tagged} AS x", Tag, {"tagged": _links(DealTag, "deal_id")}, {Deal: ("tags",)},
    ),
)  # fmt: skip
OF_CONTACTS = (
    Dimension("owner", "The user who looks after the contact.", "d.owner_id", model=User, tells={Contact: ("owner",)}),
    _team("owner_id", Contact, "owner"),
    _team_above("owner_id", Contact, "owner"),
    Dimension("source", "Where the contact came from.", "d.source", tells={Contact: ("source",)}),
    Dimension("company", "The company of the contact.", "d.company_id", model=Company, tells={Contact: ("company",)}),
    Dimension(
        "industry", "The industry of the contact's company.", "x_company.industry", COMPANY, rows=COMPANIES,
        tells={Contact: ("company",), Company: ("industry",)},
    ),
    Dimension("city", "The city of the contact.", "d.city", tells={Contact: ("city",)}),
    Dimension("gender", "The gender of the contact.", "d.gender", tells={Contact: ("gender",)}),
    Dimension("lifecycle_stage", "How far the contact has come.", "d.lifecycle_stage", tells={Contact: ("lifecycle_stage",)}),
    Dimension(
        "tag", "Each tag of the contact; it counts once for every one of them.", "x_tag.value", "LEFT JOIN x_tag ON x_tag.row = d.id",
        "SELECT x.contact_id AS row, x.tag_id AS value FROM {tagged} AS x", Tag, {"tagged": _links(ContactTag, "contact_id")},
        {Contact: ("tags",)},
    ),
)  # fmt: skip
OF_ACTIVITIES = (
    Dimension("owner", "The user who does the activity.", "d.assignee_id", model=User, tells={Activity: ("assignee",)}),
    _team("assignee_id", Activity, "assignee"),
    _team_above("assignee_id", Activity, "assignee"),
    Dimension("kind", "The kind of the activity.", "d.kind", tells={Activity: ("kind",)}),
    Dimension("product", "The product that it was about.", "d.product_id", model=Product, tells={Activity: ("product",)}),
    Dimension("company", "The company it was with.", "d.company_id", model=Company, tells={Activity: ("company",)}),
    _of_contact("source", Activity, "Where the contact of the activity came from."),
    _of_contact("city", Activity, "The city of the activity's contact."),
    _of_contact("gender", Activity, "The gender of the activity's contact."),
)
DIMENSIONS: Mapping[type[Model], tuple[Dimension, ...]] = {Deal: OF_DEALS, Contact: OF_CONTACTS, Activity: OF_ACTIVITIES}
