"""Where a conversion begins and ends: events of contacts."""

import datetime
from dataclasses import dataclass
from typing import Any

from core import Call, Invalid, demand, visible
from core.models import Activity, Contact, Deal, LifecycleChange, Stage
from plugins.metrics.conversion_answers import MetricsConversionEvent, MetricsConversionStep
from plugins.metrics.dimensions import Tells
from plugins.metrics.purchases import known_kind, won


@dataclass(frozen=True)
class Step:
    """Rows with a contact and a time, in these columns."""

    rows: Any
    contact: str
    at: str

    @property
    def sql(self) -> str:
        """A SELECT of contact and at, with `{}` for the name of the rows."""
        return f"SELECT s.{self.contact} AS contact, s.{self.at} AS at FROM {{}} AS s"


def step_of(call: Call, name: str, asked: MetricsConversionStep, until: datetime.datetime) -> Step:
    """The events that are meant, up to a moment. Raises Invalid and Forbidden."""
    for field, what in (("stage", MetricsConversionEvent.STAGE), ("kind", MetricsConversionEvent.ACTIVITY)):
        if (getattr(asked, field) is not None) != (asked.what is what):
            raise Invalid({f"{name}.{field}": f"is for {what.name}, which needs it"})
    tells: Tells
    match asked.what:
        case MetricsConversionEvent.CREATED:
            rows, contact, at = visible(call, Contact), "id", "created_at"
            tells = {Contact: ("created_at",)}
        case MetricsConversionEvent.STAGE:
            rows, contact, at = visible(call, LifecycleChange).filter(to_stage=asked.stage), "contact_id", "changed_at"
            tells = {LifecycleChange: ("to_stage", "changed_at"), Contact: ("lifecycle_stage", "lifecycle_changes")}
        case MetricsConversionEvent.ACTIVITY:
            known_kind(call, asked.kind or "")
            rows, contact, at = visible(call, Activity).filter(kind=asked.kind), "contact_id", "done_at"
            tells = {Activity: ("kind", "done_at", "contact")}
        case MetricsConversionEvent.DEAL_STARTED:
            rows, contact, at = visible(call, Deal), "contact_id", "started_at"
            tells = {Deal: ("started_at", "contact")}
        case MetricsConversionEvent.DEAL_WON:
            rows, contact, at = won(call, visible(call, Deal)), "contact_id", "closed_at"
            tells = {Deal: ("stage", "closed_at", "contact"), Stage: ("kind",)}
    for model, names in tells.items():
        demand(call, model, *names)
    rows = rows.filter(**{f"{contact}__isnull": False, f"{at}__lte": until}).values(*dict.fromkeys((contact, at)))
    return Step(rows, contact, at)
