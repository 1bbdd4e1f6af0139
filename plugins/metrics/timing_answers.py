"""What is asked and answered about the time to an event."""

import datetime
from enum import Enum

import strawberry

from plugins.metrics.answers import MetricsKey
from plugins.metrics.common import Comparable


@strawberry.enum(description="From what to what.")
class MetricsDuration(Enum):
    """What lasts; each value is the definition in words."""

    DEAL_WON = strawberry.enum_value(
        "From the start of a deal to its close as won. To be lost competes with it; deals that are open at the end of `until` are censored"
        " then.",
        description="From the start of a deal to its close as won; to be lost competes with it.",
    )
    SECOND_EVENT = strawberry.enum_value(
        "From the first event of a customer to the second. Nothing competes; customers without a second are censored at `until`.",
        description="From the first event of a customer to the second: from purchase to purchase, say. Nothing competes.",
    )


@strawberry.type(description="What is known of a day after the beginning.")
class MetricsTimeToPoint:
    """A point of a curve."""

    day: int = strawberry.field(description="Days since the beginning, which is on day 0.")
    at_risk: int = strawberry.field(description="How many were still watched on this day, and nothing had happened before it.")
    events: int = strawberry.field(description="To how many it happened on this day.")
    competing: int = strawberry.field(description="For how many it became impossible on this day.")
    value: float | None = strawberry.field(
        description="1 - S, by Kaplan and Meier: the share to which it has happened by the end of this day, if nothing competed."
        " Null after the last day on which anybody was watched, unless it had happened to all by then, and of nothing."
    )
    low: float | None = strawberry.field(description="The lower end of the interval of 95 % of `value`. Null where `value` is 1 or null.")
    high: float | None = strawberry.field(description="The upper end of it.")
    incidence: float | None = strawberry.field(
        description="By Aalen and Johansen: the share to which it has happened by the end of this day. Null after the last day on which"
        " anybody was watched, unless by then something had happened to all, and of nothing."
    )


@strawberry.type(description="How long it takes.")
class MetricsTimeToRow:
    """A row of `timeTo`."""

    key: MetricsKey = strawberry.field(description="Which ones these are; the period is that of the beginning.")
    n: int = strawberry.field(description="How many were watched: events + competing + censored.")
    events: int = strawberry.field(description="To how many it happened.")
    competing: int = strawberry.field(description="For how many it became impossible.")
    censored: int = strawberry.field(description="For how many it is not known yet.")
    left_out: int = strawberry.field(
        description="Closed deals that are not in `n`: those without a time of closing, or with one before the start."
    )
    median: int | None = strawberry.field(
        description="The first day by whose end it has happened to half of them, by Kaplan and Meier. Null when it has not."
    )
    points: list[MetricsTimeToPoint] = strawberry.field(description="The days asked, in their order.")
    curve: list[MetricsTimeToPoint] = strawberry.field(description="Day 0, and all days on which something happened.")


@strawberry.type(description="How long it takes until something happens.")
class MetricsTimeTo(Comparable):
    """What all rows have in common."""

    until: datetime.date = strawberry.field(description="The last day that was watched.")
    rows: list[MetricsTimeToRow] = strawberry.field(description="The figures, in the order of the names in their keys, then of time.")
