"""Deals: where they stand, when they began and closed, and what their lines come to."""

import datetime
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from core.errors import Invalid
from core.fields import now
from core.models.deals import DealLine
from core.models.pipelines import Pipeline, Stage, StageKind
from core.models.products import Product
from core.money import LARGEST
from core.permissions import unwritable
from core.resources import Change

if TYPE_CHECKING:
    from core.crm import Call

DAY = datetime.timedelta(days=1)
FULL = 10_000  # a discount of 100 percent, in hundredths


async def deals(call: "Call", changes: Sequence[Change]) -> None:
    """Put each deal in a stage of its pipeline and keep its times. Raises Invalid."""
    stages = await Stage.filter(deleted_at__isnull=True, pipeline__deleted_at__isnull=True).order_by("position", "id")
    first = await Pipeline.filter(deleted_at__isnull=True).order_by("position", "id").first()
    by_id = {stage.id: stage for stage in stages}
    for change in changes:
        _expected(change, by_id)
        if change.before is None or "stage_id" in change.values or "pipeline_id" in change.values:
            stage = _place(call, change, stages, by_id, first)
            _times(change, stage)
        _worth(change)
        if change.record.amount is not None and change.record.currency is None:
            change.put("currency", call.crm.settings.company.currency)
        if change.before is not None and "currency" in change.values and "lines" not in change.parts:
            await _one_currency(change)


async def _one_currency(change: Change) -> None:
    deal = change.record
    other = await DealLine.filter(deal_id=deal.id, currency__not=deal.currency).first().values_list("currency", flat=True)
    if other:
        raise Invalid(amount=f"must be in {other}, as the lines are; or give the lines too")


def _place(call: "Call", change: Change, stages: Sequence[Stage], by_id: dict[Any, Stage], first: Pipeline | None) -> Stage:
    deal, values = change.record, change.values
    if values.get("stage_id"):
        stage = by_id.get(values["stage_id"])
        if stage is None:
            raise Invalid(stage_id="belongs to a deleted pipeline")
        if values.get("pipeline_id") not in (None, stage.pipeline_id):
            raise Invalid(stage_id="belongs to another pipeline")
    else:
        pipeline_id = values.get("pipeline_id") or (first.id if first else None)
        stage = next((one for one in stages if one.pipeline_id == pipeline_id and one.kind is StageKind.OPEN), None)
        if stage is None:
            raise Invalid(stage_id="is required: there is no pipeline with an open stage yet")
        if change.before is not None and "deal.stage" in call.actor.shut:  # another pipeline is another stage
            raise unwritable("deal.stage")
        change.put("stage_id", stage.id)
    if deal.pipeline_id != stage.pipeline_id:
        change.put("pipeline_id", stage.pipeline_id)
    return stage


def _expected(change: Change, by_id: dict[Any, Stage]) -> None:
    """Other systems have one column for when a deal was closed and for when it is expected to: of an open deal it is the latter."""
    deal = change.record
    still = not deal.stage_id or (deal.stage_id in by_id and by_id[deal.stage_id].kind is StageKind.OPEN)
    if not still or "closed_at" not in change.values or deal.closed_at is None:
        return
    # One column read as a time and as a day: the day may be another one in UTC. Two days that differ are two facts, and one is wrong.
    if deal.expected_close_on is None or abs(deal.closed_at.date() - deal.expected_close_on) > DAY:
        raise Invalid(closed_at="an open deal has not closed; a column that says when it is to be is for expectedCloseOn as well")
    change.put("closed_at", None)


def _times(change: Change, stage: Stage) -> None:
    deal = change.record
    if change.before is None and deal.started_at is None and not change.past:
        change.put("started_at", now())
    closed = stage.kind is not StageKind.OPEN
    if closed and deal.closed_at is None and not change.past:
        change.put("closed_at", now())
    if not closed and deal.closed_at is not None:
        change.put("closed_at", None)
    if closed and not change.past:
        change.events.append(f"deal.{stage.kind.value.lower()}")
    if change.past:
        _past(change, stage, closed)


def _past(change: Change, stage: Stage, closed: bool) -> None:
    """The steps of a deal from another system, as far as it tells; the last is where it stands."""
    deal = change.record
    steps = sorted(change.history.get("stage", []), key=lambda step: step[1])
    if not steps or steps[-1][0] != stage.id:
        began = deal.started_at or deal.created_at
        last = (deal.closed_at if closed else None) or began
        steps.append((stage.id, max(last, steps[-1][1]) if steps else last))
    change.history["stage"] = steps


def _worth(change: Change) -> None:
    if (change.record.amount or 0) < 0:
        raise Invalid(amount="must not be negative")


async def lines(call: "Call", changes: Sequence[Change]) -> None:
    """Fill in list prices and compute totals, in the currency of the deal. Raises Invalid."""
    keys = list({change.record.product_id for change in changes if change.record.product_id})
    products = {product.id: product for product in await Product.filter(id__in=keys)}
    for change in changes:
        if change.whole and change.whole.record.currency is None and change.record.currency:
            change.whole.put("currency", change.record.currency)  # the first price that is given decides
    for change in changes:
        line, path = change.record, f"lines.{change.record.position}"
        if line.product_id is None:
            raise Invalid({f"{path}.product_id": "is required"})
        product = products[line.product_id]
        deal = change.whole.record if change.whole else None
        currency = (deal.currency if deal else None) or line.currency or product.currency or call.crm.settings.company.currency
        if deal is not None and deal.currency is None:
            change.whole.put("currency", currency)  # type: ignore[union-attr]  # a deal comes with its change
        _price(change, product, currency, path)
        if line.quantity <= 0:
            raise Invalid({f"{path}.quantity": "must be more than 0"})
        if not 0 <= line.discount <= FULL:
            raise Invalid({f"{path}.discount": "must be between 0 and 100 percent"})
        total = _total(line)
        if total is not None and total > LARGEST:
            raise Invalid({f"{path}.quantity": "makes the total too large"})
        change.put("total", total)


def _price(change: Change, product: Product, currency: str, path: str) -> None:
    line = change.record
    if line.unit_price is None and product.price is not None and product.currency == currency:
        change.put("unit_price", product.price)
    elif line.unit_price is not None and line.currency != currency:
        raise Invalid({f"{path}.unit_price": f"must be in {currency}, the currency of the deal"})
    if line.unit_price is not None and line.unit_price < 0:
        raise Invalid({f"{path}.unit_price": "must not be negative"})
    change.put("currency", currency)


def _total(line: Any) -> int | None:
    if line.unit_price is None:
        return None
    return round(Fraction(line.unit_price * line.quantity * (FULL - line.discount), 1000 * FULL))  # half to even


async def stages(call: "Call", changes: Sequence[Change]) -> None:
    """Check probabilities; a won stage has 1 and a lost one 0 when nothing is said. Raises Invalid."""
    for change in changes:
        stage = change.record
        if stage.probability is None and stage.kind is not StageKind.OPEN:
            change.put("probability", 10_000 if stage.kind is StageKind.WON else 0)
        if stage.probability is not None and not 0 <= stage.probability <= 10_000:
            raise Invalid(probability="must be between 0 and 1")


async def products(call: "Call", changes: Sequence[Change]) -> None:
    """Check prices. Raises Invalid."""
    for change in changes:
        if (change.record.price or 0) < 0:
            raise Invalid(price="must not be negative")
