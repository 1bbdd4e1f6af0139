"""The steps of a funnel: what each kind of event is, of whom and when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import strawberry
from tortoise.expressions import Subquery
from tortoise.models import Model

from core import Call, Filter, Invalid, demand, matching, visible
from core.models import Activity, Contact, Deal, DealStageChange, LifecycleChange, Stage, StageKind

FEWEST, MOST = 2, 10
LONGEST = 200  # characters of a label


@strawberry.input(
    description="A step: a label under which it is shown, and one kind of event with a filter of the rows that are meant; {} means any."
)
class MetricsStep:
    """A step as a client names it: a label and one of the kinds of events."""

    label: str | None = strawberry.field(default=strawberry.UNSET, description="What it is called; its kind when nothing is said.")
    contact_created: Annotated[Filter | None, Contact] = strawberry.field(
        default=strawberry.UNSET, description="The contact came in: at `createdAt`."
    )
    activity_done: Annotated[Filter | None, Activity] = strawberry.field(
        default=strawberry.UNSET, description="An activity with the contact was done: at `doneAt`."
    )
    lifecycle_reached: Annotated[Filter | None, LifecycleChange] = strawberry.field(
        default=strawberry.UNSET, description="The contact came to a lifecycle stage, the `toStage` of the change: at its `changedAt`."
    )
    deal_started: Annotated[Filter | None, Deal] = strawberry.field(
        default=strawberry.UNSET, description="Work on a deal of the contact began: at `startedAt`."
    )
    deal_stage_reached: Annotated[Filter | None, DealStageChange] = strawberry.field(
        default=strawberry.UNSET, description="A deal of the contact came to a stage, the `toStage` of the change: at its `changedAt`."
    )
    deal_won: Annotated[Filter | None, Deal] = strawberry.field(
        default=strawberry.UNSET, description="A deal of the contact that is won now was closed: at `closedAt`."
    )


@dataclass(frozen=True)
class Kind:
    """A kind of event. at: the column with its time. who: that with the contact, of the row or of its deal. tells: what it tells of."""

    of: type[Model]
    at: str
    who: str
    tells: Mapping[type[Model], tuple[str, ...]]

    @property
    def through_deal(self) -> bool:
        """Whether the contact is that of the row's deal."""
        return self.who == "deal_id"


KINDS: Mapping[str, Kind] = {
    "contact_created": Kind(Contact, "created_at", "id", {Contact: ("created_at",)}),
    "activity_done": Kind(Activity, "done_at", "contact_id", {Activity: ("contact", "done_at")}),
    "lifecycle_reached": Kind(LifecycleChange, "changed_at", "contact_id", {LifecycleChange: ("to_stage", "changed_at")}),
    "deal_started": Kind(Deal, "started_at", "contact_id", {Deal: ("contact", "started_at")}),
    "deal_stage_reached": Kind(
        DealStageChange, "changed_at", "deal_id", {Deal: ("contact",), DealStageChange: ("to_stage", "changed_at")}
    ),
    "deal_won": Kind(Deal, "closed_at", "contact_id", {Deal: ("contact", "stage", "closed_at"), Stage: ("kind",)}),
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """A step: its label, the name of its kind, and the filter of the rows that are meant."""

    label: str
    name: str
    where: Filter

    @property
    def kind(self) -> Kind:
        """The kind of its events."""
        return KINDS[self.name]

    def rows(self, call: Call) -> Any:
        """The rows behind its events, as a queryset. Raises Forbidden and Invalid."""
        for model, names in self.kind.tells.items():
            demand(call, model, *names)
        rows = matching(call, self.kind.of, self.where).filter(**{f"{self.kind.at}__isnull": False, f"{self.kind.who}__isnull": False})
        if self.name == "deal_won":
            won = visible(call, Stage, deleted=True).filter(kind=StageKind.WON)
            rows = rows.filter(stage_id__in=Subquery(won.values("id")))
        return rows

    def events(self, name: str) -> str:
        """SQL for (who, at, id) of its events, over `{name}` and, through deals, `{deals}`."""
        who, join = f"x.{self.kind.who}", ""
        if self.kind.through_deal:
            who, join = "y.contact_id", " JOIN {deals} AS y ON y.id = x.deal_id"
        return f"SELECT {who} AS who, x.{self.kind.at} AS at, x.id AS id FROM {{{name}}} AS x{join}"


def read(given: Sequence[Mapping[str, Any]]) -> list[Step]:
    """The steps that a client named. Raises Invalid for too few or too many, and for a step that is not one kind of event."""
    if not FEWEST <= len(given) <= MOST:
        raise Invalid(steps=f"has {len(given)} steps; from {FEWEST} to {MOST} are possible")
    return [_step(one, f"steps.{place}") for place, one in enumerate(given)]


def _step(given: Mapping[str, Any], path: str) -> Step:
    named = [name for name in KINDS if given.get(name) is not None]
    if len(named) != 1:
        raise Invalid({path: f"must name one kind of event, not {len(named)}"})
    first, *rest = named[0].split("_")
    label = given.get("label") or first + "".join(word.title() for word in rest)
    if len(label) > LONGEST:
        raise Invalid({f"{path}.label": f"has more than {LONGEST} characters"})
    return Step(label, named[0], given[named[0]])
