"""The metrics that come with the plugin, declared as any other plugin declares its own. Their sources are in docs/metrics.md."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from core import Call, visible
from core.models import Activity, Contact, Deal, DealLine, Product, Stage
from plugins.metrics.declaring import Metric, Part, Unit

STAGE = "LEFT JOIN {stages} AS s ON s.id = d.stage_id"
# Deals in other stages are not read at all: there is an index of deals by their stage.
IN_WON = "JOIN {stages} AS s ON s.id = d.stage_id AND s.kind = 'WON'"
IN_LOST = "JOIN {stages} AS s ON s.id = d.stage_id AND s.kind = 'LOST'"
IN_CLOSED = "JOIN {stages} AS s ON s.id = d.stage_id AND s.kind IN ('WON', 'LOST')"
STAGES = {"stages": Stage}
WON, MONEY_WON = "CASE WHEN s.kind = 'WON' THEN 1 END", "CASE WHEN s.kind = 'WON' THEN d.amount END"
# A deal is here once for each of its lines, for nothing but lines is summed.
LINES = "LEFT JOIN {sold} AS l ON l.deal_id = d.id LEFT JOIN {listed} AS p ON p.id = l.product_id AND p.currency = d.currency"
LIST_VALUE = "CAST(ROUND(l.quantity * p.price / 1000.0) AS BIGINT)"  # quantities are kept in thousandths
OF_KIND = {Deal: ("stage", "closed_at"), Stage: ("kind",)}
OF_MONEY = {Deal: ("stage", "closed_at", "amount", "currency"), Stage: ("kind",)}


def _in_stages(*kinds: str) -> Callable[[Call], Awaitable[Mapping[str, Any]]]:
    async def found(call: Call) -> Mapping[str, Any]:
        return {"stage_id__in": await visible(call, Stage, deleted=True).filter(kind__in=kinds).values_list("id", flat=True)}

    return found


def metrics() -> Sequence[Metric]:
    """All of them."""
    return [
        Metric(
            "winRate",
            "won / (won + lost), of deals by when they were closed; open deals are in neither part.",
            Deal,
            Unit.SHARE,
            Part(WON, "closed_at"),
            Part("1", "closed_at"),
            IN_CLOSED,
            STAGES,
            OF_KIND,
        ),
        Metric(
            "winRateByValue",
            "Money of won deals / money of won and lost deals, by when they were closed. A lost deal counts with the amount that it has.",
            Deal,
            Unit.MONEY_RATIO,
            Part(MONEY_WON, "closed_at"),
            Part("d.amount", "closed_at"),
            IN_CLOSED,
            STAGES,
            OF_MONEY,
        ),
        Metric(
            "winRateByListPrice",
            "List value of won deals / list value of won and lost deals, by when they were closed. The list value of a deal is the sum"
            " over its lines of quantity x list price of the product as it is now, whatever was paid.",
            Deal,
            Unit.MONEY_RATIO,
            Part(f"CASE WHEN s.kind = 'WON' THEN {LIST_VALUE} END", "closed_at"),
            Part(LIST_VALUE, "closed_at"),
            f"{IN_CLOSED} {LINES}",
            {**STAGES, "sold": DealLine, "listed": Product},
            {
                Deal: ("stage", "closed_at", "lines", "currency"), DealLine: ("quantity", "product"), Product: ("price", "currency"),
                Stage: ("kind",),
            },
        ),
        Metric(
            "cohortConversion",
            "Deals that are won by now / all deals, by when work on them began: open deals are in the"
            " denominator, so that the share of late cohorts still grows.",
            Deal,
            Unit.SHARE,
            Part(WON, "started_at"),
            Part("1", "started_at"),
            STAGE,
            STAGES,
            {Deal: ("stage", "started_at"), Stage: ("kind",)},
        ),
        Metric(
            "periodConversion",
            "Deals won in the period / deals begun in the period: a flow of two crowds, which can pass 1 and says little"
            " where sales take longer than the period; see cohortConversion.",
            Deal,
            Unit.RATIO,
            Part(WON, "closed_at"),
            Part("1", "started_at"),
            STAGE,
            STAGES,
            {Deal: ("stage", "started_at", "closed_at"), Stage: ("kind",)},
        ),
        Metric(
            "revenue",
            "Sum of the amounts of won deals, by when they were closed.",
            Deal,
            Unit.MONEY,
            Part("d.amount", "closed_at"),
            None,
            IN_WON,
            STAGES,
            OF_MONEY,
            found=_in_stages("WON"),
        ),
        Metric(
            "averageDeal",
            "Sum of the amounts of won deals / their number, by when they were closed; deals without an amount are in neither part.",
            Deal,
            Unit.MONEY_EACH,
            Part("d.amount", "closed_at"),
            Part("CASE WHEN d.amount IS NOT NULL THEN 1 END", "closed_at"),
            IN_WON,
            STAGES,
            OF_MONEY,
            found=_in_stages("WON"),
        ),
        Metric(
            "wonDeals",
            "Number of won deals, by when they were closed.",
            Deal,
            Unit.NUMBER,
            Part("1", "closed_at"),
            None,
            IN_WON,
            STAGES,
            OF_KIND,
            found=_in_stages("WON"),
        ),
        Metric(
            "lostDeals",
            "Number of lost deals, by when they were closed.",
            Deal,
            Unit.NUMBER,
            Part("1", "closed_at"),
            None,
            IN_LOST,
            STAGES,
            OF_KIND,
            found=_in_stages("LOST"),
        ),
        Metric(
            "startedDeals",
            "Number of deals, by when work on them began.",
            Deal,
            Unit.NUMBER,
            Part("1", "started_at"),
            tells={Deal: ("started_at",)},
        ),
        Metric(
            "newContacts",
            "Number of contacts, by when they came in.",
            Contact,
            Unit.NUMBER,
            Part("1", "created_at"),
            tells={Contact: ("created_at",)},
        ),
        Metric(
            "doneActivities",
            "Number of activities, by when they were done.",
            Activity,
            Unit.NUMBER,
            Part("CASE WHEN d.done_at IS NOT NULL THEN 1 END", "done_at"),
            tells={Activity: ("done_at",)},
        ),
    ]
