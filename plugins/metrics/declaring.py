"""What a metric is: rows with a time, and what each of them adds. All else is the same for every metric."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tortoise.models import Model

from core import Call, visible
from plugins.metrics.dimensions import DIMENSIONS, Dimension


class Unit(StrEnum):
    """What kind of number comes out.

    SHARE: The part of a whole, numerator / denominator from 0 to 1, both counts of independent rows; with a Wilson interval.
    RATIO: numerator / denominator, of any size.
    NUMBER: The numerator alone.
    MONEY: The numerator alone, in minor units of one currency.
    MONEY_EACH: numerator / denominator, the numerator in minor units of one currency.
    MONEY_RATIO: numerator / denominator, both in minor units of one currency; the figure itself is no amount.
    """

    SHARE = "SHARE"
    RATIO = "RATIO"
    NUMBER = "NUMBER"
    MONEY = "MONEY"
    MONEY_EACH = "MONEY_EACH"
    MONEY_RATIO = "MONEY_RATIO"

    @property
    def of_money(self) -> bool:
        """Whether it is an amount of a currency."""
        return self in (Unit.MONEY, Unit.MONEY_EACH)

    @property
    def in_currency(self) -> bool:
        """Whether amounts are summed, so that only rows in one currency count."""
        return self.of_money or self is Unit.MONEY_RATIO


@dataclass(frozen=True)
class Part:
    """One side of a metric: what each row adds, and the column with the time at which it does.

    value: SQL for a number over the row `d` and what the metric's `join` brings; null where a row adds nothing.
    dated: the column of the row by which it belongs to a period, in UTC.
    """

    value: str
    dated: str


@dataclass(frozen=True)
class Metric:
    """A number of a business, by its definition.

    name: of the field of Query: `winRate`. description: the definition, with its formula, as answers and schema tell it.
    of: the resource whose rows count, and whose filter `where` is. Rows that are deleted, or that the actor does not see, never count.
    join: SQL that joins `{name}`s of `rows` to the row `d`: `LEFT JOIN {stages} AS s ON s.id = d.stage_id`; at most one row each. Rows that
    a JOIN leaves out add nothing.
    rows: the models behind these names; of them, too, only what the actor sees, and what is deleted as well.
    tells: what one could conclude from the metric: who may not see one of these columns is refused.
    currency: with money, the column of the row with its currency; rows in other currencies than the one asked for are left out.
    dimensions: what else its rows can be put together by, beside what all metrics of its resource have.
    found: a filter of a queryset, looked up first, that all rows pass which add something: the ids of won stages. It may say nothing
    that `join` does not say; PostgreSQL knows how many deals an id stands for, and plans for it.
    """

    name: str
    description: str
    of: type[Model]
    unit: Unit
    numerator: Part
    denominator: Part | None = None
    join: str = ""
    rows: Mapping[str, type[Model]] = field(default_factory=dict)
    tells: Mapping[type[Model], tuple[str, ...]] = field(default_factory=dict)
    currency: str = "currency"
    dimensions: Sequence[Dimension] = ()
    found: Callable[[Call], Awaitable[Mapping[str, Any]]] | None = None

    @property
    def offered(self) -> tuple[Dimension, ...]:
        """All that its rows can be put together by."""
        return (*DIMENSIONS.get(self.of, ()), *self.dimensions)

    def joined(self, call: Call) -> dict[str, Any]:
        """What the names of `join` stand for: the rows that the actor sees, deleted ones too, for what happened with them stays true."""
        return {name: visible(call, model, deleted=True).values(*sorted(model._meta.db_fields)) for name, model in self.rows.items()}
