"""What is asked and answered about conversion."""

from enum import Enum

import strawberry

from core.models import LifecycleStage
from plugins.metrics.answers import MetricsKey, MetricsPeriod
from plugins.metrics.common import Comparable


@strawberry.enum(description="What happens to a contact.")
class MetricsConversionEvent(Enum):
    """Kinds of events of a contact."""

    CREATED = strawberry.enum_value("CREATED", description="The contact came in.")
    STAGE = strawberry.enum_value("STAGE", description="It reached a lifecycle stage: `stage`.")
    ACTIVITY = strawberry.enum_value("ACTIVITY", description="An activity of a kind was done with it: `kind`.")
    DEAL_STARTED = strawberry.enum_value("DEAL_STARTED", description="Work on a deal with it began.")
    DEAL_WON = strawberry.enum_value("DEAL_WON", description="A deal with it was won, when closed.")


@strawberry.input(description="An event of a contact, at which a conversion begins or ends.")
class MetricsConversionStep:
    """What happens."""

    what: MetricsConversionEvent = strawberry.field(description="What happens.")
    stage: LifecycleStage | None = strawberry.field(default=None, description="Of STAGE: the stage that is reached, and no other.")
    kind: str | None = strawberry.field(default=None, description="Of ACTIVITY: one of the kinds that `activityKinds` lists.")


@strawberry.type(description="The same share of another period.")
class MetricsConversionBeside:
    """A conversion to compare with."""

    period: MetricsPeriod = strawberry.field(description="The period compared with.")
    exposed: int = strawberry.field(description="The denominator then.")
    converted: int = strawberry.field(description="The numerator then.")
    value: float | None = strawberry.field(description="The share then. Null for 0 / 0.")
    difference: float | None = strawberry.field(description="The share less that of then. Null when one of them is.")
    growth: float | None = strawberry.field(description="The share / that of then, less 1. Null for a share of 0 then.")


@strawberry.type(description="How many of the exposed contacts were converted.")
class MetricsConversionRow:
    """A row of `conversion`."""

    key: MetricsKey = strawberry.field(description="Which contacts these are; the period is that of their exposure.")
    exposed: int = strawberry.field(description="Contacts exposed: the denominator. With `full`, only those whose window is over.")
    converted: int = strawberry.field(description="Those of them that were converted in their window: the numerator.")
    value: float | None = strawberry.field(description="converted / exposed, from 0 to 1. Null for 0 / 0.")
    low: float | None = strawberry.field(description="The lower end of the Wilson interval of 95 %. Null for 0 / 0.")
    high: float | None = strawberry.field(description="The upper end of it.")
    unfinished: int = strawberry.field(description="Contacts exposed whose window is not over; with `full` they are in neither part.")
    unfinished_converted: int = strawberry.field(description="Those of them that are converted already.")
    previous: MetricsConversionBeside | None = strawberry.field(description="The period before; null without periods.")
    last_year: MetricsConversionBeside | None = strawberry.field(
        description="The same period of last year; of weeks, the one 52 weeks before. Null without periods."
    )


@strawberry.type(description="Conversion within a window.")
class MetricsConversion(Comparable):
    """What all rows have in common."""

    days: int = strawberry.field(description="How many days the window has, after the day of the exposure.")
    rows: list[MetricsConversionRow] = strawberry.field(description="The figures, in the order of the names in their keys, then of time.")
