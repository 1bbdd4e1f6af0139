"""Win rate: won / (won + lost)."""

from collections import defaultdict
from decimal import Decimal

from core import Money, demand, visible
from core.models import Deal, Stage, StageKind
from plugins.metrics.groups import Counted, Group, groups
from plugins.metrics.question import MetricsDateField, Question
from plugins.metrics.shapes import MetricsWinRate, ratio
from plugins.metrics.tally import tally


async def win_rate(question: Question) -> list[MetricsWinRate]:
    """How many deals are won, of those that are won or lost, by the kind of the stage in which they stand."""
    kinds = dict(await visible(question.call, Stage, deleted=True).values_list("id", "kind"))
    by_stage = {str(stage): kind for stage, kind in kinds.items()}
    demand(question.call, Deal, "amount")
    rows = await tally(question, question.deals(), {"stage_id": None, "currency": None})
    dateless = question.by_time and question.dated is MetricsDateField.CLOSED_AT
    return [_figures(group, by_stage, dateless) for group in await groups(question, rows)]


def _figures(group: Group, kinds: dict[str, StageKind], dateless: bool) -> MetricsWinRate:
    counts: dict[StageKind, int] = defaultdict(int)
    for row in group.rows:
        counts[kinds[str(row["stage_id"])]] += row["n"]
    won, lost, open = counts[StageKind.WON], counts[StageKind.LOST], counts[StageKind.OPEN]
    return MetricsWinRate(
        key=group.key,
        won=won,
        lost=lost,
        open=None if dateless else open,
        rate=ratio(won, won + lost),
        conversion=None if dateless else ratio(won, won + lost + open),
        revenue=_revenue([row for row in group.rows if kinds[str(row["stage_id"])] is StageKind.WON]),
    )


def _revenue(rows: Counted) -> list[Money]:
    minor: dict[str, int] = defaultdict(int)
    for row in rows:
        if row["amount"] is not None and row["currency"] is not None:
            minor[row["currency"]] += int(Decimal(row["amount"]))
    return [Money.of_minor(amount, currency) for currency, amount in sorted(minor.items())]
