"""What customers did, and when: what they bought, or an activity of a kind that was done with them."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

import strawberry
from tortoise.expressions import Q, Subquery
from tortoise.models import Model

from core import Call, Filter, Invalid, first_day, local_day, visible
from core.models import Activity, Deal, Stage, StageKind
from plugins.metrics.counting import Cells
from plugins.metrics.customers import MetricsCustomer
from plugins.metrics.dimensions import DIMENSIONS, Dimension, Tells
from plugins.metrics.question import Question
from plugins.metrics.retention_counts import before, bounded, grouped

NOTHING: Mapping[str, str] = {}


@strawberry.input(description="What counts as an event of a customer, when it is no purchase.")
class MetricsEvent:
    """An activity that was done."""

    kind: str = strawberry.field(description="The kind of the activities, as `activityKinds` lists them.")


Customer = Annotated[MetricsCustomer, strawberry.argument(description="Who is a customer. Events without one do not count.")]
Happening = Annotated[
    MetricsEvent | None,
    strawberry.argument(description="Events are done activities of this kind; when left out they are purchases: won deals, when closed."),
]
DealWhere = Annotated[Filter | None, Deal, strawberry.argument(description="Only purchases like this count; deleted deals never do.")]
ActivityWhere = Annotated[
    Filter | None, Activity, strawberry.argument(description="With `event`: only activities like this count; deleted ones never do.")
]


def _enum() -> type[Enum]:
    values: dict[str, Any] = {}
    for one in (*DIMENSIONS[Deal], *DIMENSIONS[Activity]):
        told = " ".join(
            f"Of {what}: {found.description}"
            for what, model in (("a purchase", Deal), ("an activity", Activity))
            if (found := next((each for each in DIMENSIONS[model] if each.name == one.name), None))
        )
        values.setdefault(one.name.upper(), strawberry.enum_value(one.name, description=told))
    made: Any = Enum("MetricsEventDimension", values)
    return strawberry.enum(made, description="What customers are put together by: it is a property of their first event.")


EventDimension = _enum()
By = Annotated[
    EventDimension | None,  # type: ignore[valid-type]
    strawberry.argument(description="What to put customers together by, by their first event: the source of the first purchase, say."),
]

EveryBy = Annotated[
    list[EventDimension] | None,  # type: ignore[valid-type]
    strawberry.argument(
        description="What to put customers together by, by their first event ever of those that count: the source of the first purchase,"
        " say. One row of all when nothing is said, and no period."
    ),
]


@dataclass(frozen=True)
class Events:
    """The events of customers up to a moment. Times in the future have not happened, and do not count.

    question: which rows they are, in which days and periods they are counted; its `first` and `last` do not bound them.
    customer and dated: the columns of a row with whose and when it is. kind: that of activities; None for purchases.
    undated: whether purchases of which nobody has said when they were are among them. They come after all others, and have no day.
    """

    question: Question
    customer: str
    dated: str
    until: datetime.datetime
    kind: str | None = None
    undated: bool = False

    @property
    def rows(self) -> Any:
        """The events as a queryset."""
        rows = self.question.meant
        known: dict[str, Any] = {f"{self.dated}__lte": self.until}
        unknown: dict[str, Any] = {f"{self.dated}__isnull": True}
        rows = rows.filter(Q(**known) | Q(**unknown) if self.undated else Q(**known), **{f"{self.customer}__isnull": False})
        return won(self.question.call, rows) if self.kind is None else rows.filter(kind=self.kind)

    @property
    def parts(self) -> dict[str, str]:
        """SELECTs by their names, the last of which is `e`, all events: customer, id, at, day, and with a period its first day `start`."""
        question = self.question
        day = local_day(f"d.{self.dated}", question.zone)
        if self.undated:
            day = f"CASE WHEN d.{self.dated} IS NOT NULL THEN {day} END"
        parts = {"h": f'SELECT d."{self.customer}" AS customer, d.id AS id, d."{self.dated}" AS at, {day} AS day FROM {{events}} AS d'}
        if question.period is None:
            return parts | {"e": "SELECT * FROM h"}
        start = first_day("day", question.period, question.calendar, question.weekday)
        return parts | {"e": f'SELECT h.*, {start} AS "start" FROM h'}

    @property
    def with_first(self) -> str:
        """A SELECT of the columns of `e` and of `first_id`, that of the first event of the customer."""
        order = "CASE WHEN at IS NULL THEN 1 ELSE 0 END, at, id" if self.undated else "at, id"
        return f"SELECT e.*, FIRST_VALUE(id) OVER (PARTITION BY customer ORDER BY {order}) AS first_id FROM e"

    @property
    def given(self) -> dict[str, Any]:
        """The querysets for the names in `parts`."""
        return {"events": self.rows.values("id", self.customer, self.dated)}

    async def select(self, sql: str, parts: Mapping[str, str] = NOTHING) -> list[dict[str, Any]]:
        """The rows of a statement over `e`, the events, and more parts. Raises Invalid when there are too many."""
        return await bounded(self.question, f"{before(self.parts | dict(parts))}{sql}", self.given)

    async def by_first(
        self, parts: Mapping[str, str], columns: Mapping[str, str], worked: Mapping[str, str] = NOTHING, sums: Mapping[str, str] = NOTHING
    ) -> Cells:
        """Customers counted by the keys of the question, which are those of their first event, and by `columns` and `worked`.

        parts: names with a SELECT each, over `e` and those before; the last has a row for what is counted, with `first_id`, that of
        the first event, where there are keys. columns and sums: SQL over its row `c`; see `grouped`. worked: SQL over the columns.
        """
        last = [*parts][-1]
        source = f"{last} AS c" + (" JOIN {counted} AS d ON d.id = c.first_id" if self.question.by else "")
        return await grouped(self.question, source, columns, worked, {**self.parts, **parts}, self.given, self.rows, sums)


def events_of(
    call: Call,
    event: MetricsEvent | None,
    customer: MetricsCustomer,
    where: Filter | None,
    activity_where: Filter | None,
    until: datetime.datetime,
    by: Sequence[Enum] = (),
    **asked: Any,
) -> Events:
    """The events that arguments mean; `asked` goes into the question. Raises Invalid and Forbidden."""
    if event is None and activity_where is not None:
        raise Invalid(activity_where="is for activities, and events are purchases unless `event` names a kind")
    if event is not None and where is not None:
        raise Invalid(where="is for purchases, and events are activities; say activityWhere")
    model, dated, whose = (Deal, "closed_at", str(customer.value)) if event is None else (Activity, "done_at", str(customer.value))
    tells: Tells = {Deal: ("stage", dated, whose), Stage: ("kind",)} if event is None else {Activity: ("kind", dated, whose)}
    if event is not None:
        known_kind(call, event.kind)
    question = Question(call, model, where or activity_where, dimensions(model, by), tells=tells, **asked)
    return Events(question, f"{whose}_id", dated, until, event and event.kind)


def purchases_of(question: Question, customer: MetricsCustomer, until: datetime.datetime) -> Events:
    """The purchases among the deals of a question."""
    return Events(question, customer.key, "closed_at", until)


def dimensions(model: type[Model], by: Sequence[Enum]) -> tuple[Dimension, ...]:
    """The dimensions of these rows that an argument means, each once. Raises Invalid where they have none of a name."""
    known = {one.name: one for one in DIMENSIONS[model]}
    for one in by:
        if one.value not in known:
            raise Invalid(group_by=f"{one.name} is nothing that {model.__name__} has")
    return tuple(known[one.value] for one in dict.fromkeys(by))


def known_kind(call: Call, kind: str) -> None:
    """Raise Invalid for a kind of activities that there is not."""
    if kind not in call.crm.activity_kinds:
        raise Invalid(kind=f"'{kind[:40]}' is not one of {', '.join(call.crm.activity_kinds)}")


def won(call: Call, deals: Any) -> Any:
    """Those of a queryset of deals that are won."""
    stages = visible(call, Stage, deleted=True).filter(kind=StageKind.WON)
    return deals.filter(stage_id__in=Subquery(stages.values("id")))
