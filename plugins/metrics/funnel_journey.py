"""The journey of contacts through the steps of a funnel, as SQL: who reached which step, and when."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

import strawberry

from core import Call, Filter, day_begins, days_later, matching, seconds_between, visible, written
from core.models import Contact, Deal
from plugins.metrics.funnel_steps import Step
from plugins.metrics.question import DAY


@strawberry.enum(description="In which order steps count.")
class MetricsStepOrder(Enum):
    """How one step follows another."""

    ORDERED = strawberry.enum_value("ORDERED", description="Each step after the one before it; anything may lie between.")
    STRICT = strawberry.enum_value(
        "STRICT", description="As ORDERED, and no event of any other of the steps lies between the times of the two."
    )
    ANY_ORDER = strawberry.enum_value("ANY_ORDER", description="All further steps after the first, in whatever order.")


@dataclass(frozen=True)
class Journey:
    """Who is on the way, through which steps, in which days and in how many days. `first` and `last` are days of the first step.

    A contact enters with its earliest event of step 1 in these days, and has `window` times 24 hours from then. Step k is reached with its
    earliest event from the time of step k - 1 on (in ANY_ORDER, from that of step 1 on) until that end, both included, which is none of
    the events of the steps before; of several at one time it is the one with the smallest id.
    """

    call: Call
    steps: Sequence[Step]
    window: int
    order: MetricsStepOrder
    where: Filter | None = None
    first: datetime.date | None = None
    last: datetime.date | None = None
    zone: str = "UTC"
    moment: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))

    @cached_property
    def rows(self) -> Mapping[str, Any]:
        """The querysets that the SQL speaks of."""
        found = {"entrants": matching(self.call, Contact, self.where).values("id")}
        entries = self.steps[0].rows(self.call)
        if self.first is not None:
            entries = entries.filter(**{f"{self.steps[0].kind.at}__gte": day_begins(self.first, self.zone)})
        if self.last is not None:
            entries = entries.filter(**{f"{self.steps[0].kind.at}__lt": day_begins(self.last + DAY, self.zone)})
        found["entries"] = entries.values(*_columns(self.steps[0]))
        for place, step in enumerate(self.steps):
            found[f"rows{place}"] = self._within(step, step.rows(self.call)).values(*_columns(step))
        if any(step.kind.through_deal for step in self.steps):
            found["deals"] = visible(self.call, Deal).filter(contact_id__isnull=False).values("id", "contact_id")
        return found

    def _within(self, step: Step, rows: Any) -> Any:
        """Those that may belong to a journey, by their time."""
        if self.first is not None:
            rows = rows.filter(**{f"{step.kind.at}__gte": day_begins(self.first, self.zone)})
        if self.last is not None:
            rows = rows.filter(**{f"{step.kind.at}__lte": day_begins(self.last + DAY, self.zone) + self.window * DAY})
        return rows

    @property
    def reached(self) -> str:
        """SQL for a row for each contact and step that it reached: who, step from 0, began, open, and gap.

        began: the time of step 1. open: 1 while the window is not over. gap: seconds from the step before, in ANY_ORDER from step 1.
        """
        open = f"CASE WHEN s.ends >= {written(self.moment)} THEN 1 ELSE 0 END"
        gap = seconds_between("s.began" if self.order is MetricsStepOrder.ANY_ORDER else "s.before", "s.at")
        parts = " UNION ALL ".join(
            f"SELECT s.who, {place} AS step, s.began, {open} AS open, {gap if place else 'NULL'} AS gap FROM s{place} AS s"
            for place in range(len(self.steps))
        )
        return f"WITH {self._parts(len(self.steps))} {parts}"

    def who_reached(self, step: int) -> str:
        """SQL for the contacts that reached a step, counted from 0."""
        return f"WITH {self._parts(step + 1)} SELECT s.who FROM s{step} AS s"

    def who_dropped(self, step: int, *, waiting: bool) -> str:
        """SQL for the contacts that reached the step before and not this one; with `waiting` only those whose window is not over."""
        late = f" WHERE s.ends >= {written(self.moment)}" if waiting else ""
        return f"WITH {self._parts(step + 1)} SELECT s.who FROM s{step - 1} AS s{late} EXCEPT SELECT t.who FROM s{step} AS t"

    def _parts(self, number: int) -> str:
        """The named parts of the statement: the events of steps, e0 and on, and the contacts at steps, s0 and on."""
        # Strictly, an event of any step may come between. Not materialized, so that SQLite goes by the indexes of what is behind.
        needed = range(len(self.steps)) if self.order is MetricsStepOrder.STRICT else range(1, number)
        events = [f"e{place} AS NOT MATERIALIZED ({self.steps[place].events(f'rows{place}')})" for place in needed]
        # Materialized, for each is spoken of several times.
        found = [f"s{place} AS MATERIALIZED ({self._at(place) if place else self._entry()})" for place in range(number)]
        return ", ".join([*events, *found])

    def _entry(self) -> str:
        ends = days_later("t.at", self.window)
        return (
            f"SELECT t.who, t.at AS began, {ends} AS ends, t.at AS before, t.at, t.id AS i0 FROM (SELECT e.who, e.at, e.id,"
            f" ROW_NUMBER() OVER (PARTITION BY e.who ORDER BY e.at, e.id) AS place FROM ({self.steps[0].events('entries')}) AS e"
            " WHERE e.who IN (SELECT c.id FROM {entrants} AS c)) AS t WHERE t.place = 1"
        )

    def _at(self, place: int) -> str:
        step, after = self.steps[place], "p.began" if self.order is MetricsStepOrder.ANY_ORDER else "p.at"
        ids = ", ".join(f"p.i{one}" for one in range(place))
        # Only events of one kind can be the same one.
        used = "".join(f" AND e.id <> p.i{one}" for one in range(place) if self.steps[one].name == step.name)
        inner = (
            f"SELECT p.who, p.began, p.ends, p.at AS before, e.at, {ids}, e.id AS i{place},"
            f" ROW_NUMBER() OVER (PARTITION BY p.who ORDER BY e.at, e.id) AS place FROM s{place - 1} AS p"
            f" JOIN e{place} AS e ON e.who = p.who AND e.at >= {after} AND e.at <= p.ends{used}"
        )
        between = ""
        if self.order is MetricsStepOrder.STRICT:
            others = [one for one in range(len(self.steps)) if one not in (place - 1, place)]
            between = "".join(
                f" AND NOT EXISTS (SELECT 1 FROM e{one} AS o WHERE o.who = t.who AND o.at > t.before AND o.at < t.at)" for one in others
            )
        columns = ", ".join(f"t.i{one}" for one in range(place + 1))
        return f"SELECT t.who, t.began, t.ends, t.before, t.at, {columns} FROM ({inner}) AS t WHERE t.place = 1{between}"


def _columns(step: Step) -> list[str]:
    return sorted({"id", step.kind.who, step.kind.at})
