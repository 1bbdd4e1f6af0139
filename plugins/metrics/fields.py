"""A field of Query for each metric."""

import datetime
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any

import strawberry
from tortoise.models import Model

from core import CRM, Calendar, Call, Filter, Invalid, Money, Period, permit
from core.fields import now
from plugins.metrics.answers import Metrics, MetricsMoney
from plugins.metrics.declaring import Metric
from plugins.metrics.dimensions import DIMENSIONS, Dimension
from plugins.metrics.measuring import measure
from plugins.metrics.question import Question
from plugins.metrics.registry import registered
from plugins.metrics.telling import money_row, number_row

Zone = Annotated[
    str | None,
    strawberry.argument(description="The IANA time zone whose days and periods are meant; that of the company when nothing is said."),
]
First = Annotated[
    datetime.date | None, strawberry.argument(name="from", description="The first day, from midnight in `timeZone`; from 1970 on.")
]
Last = Annotated[datetime.date | None, strawberry.argument(name="to", description="The last day, to midnight at its end; until 2099.")]
Length = Annotated[
    Period | None,
    strawberry.argument(
        description="How long the periods are. There is a row for each from `from` to `to`, else from the first to the last with rows."
    ),
]
Reckoning = Annotated[Calendar, strawberry.argument(description="Whose months, quarters and years are meant.")]
Currency = Annotated[
    str | None, strawberry.argument(description="ISO 4217 code: only what is in this currency counts; that of the company when left out.")
]


def _enum(name: str, model: type[Model], dimensions: Sequence[Dimension]) -> type[Enum]:
    values = {one.name.upper(): strawberry.enum_value(one.name, description=one.description) for one in dimensions}
    made: Any = Enum(name, values)
    return strawberry.enum(made, description=f"What rows of {model.__name__} are put together by.")


ENUMS: Mapping[type[Model], type[Enum]] = {
    model: _enum(f"Metrics{model.__name__}Dimension", model, some) for model, some in DIMENSIONS.items()
}


def chosen(model: type[Model], names: Sequence[Enum] | None) -> tuple[Dimension, ...]:
    """The dimensions of a resource that an argument means, each once."""
    return _among(DIMENSIONS[model], names)


def _among(dimensions: Sequence[Dimension], names: Sequence[Enum] | None) -> tuple[Dimension, ...]:
    by_name = {one.name: one for one in dimensions}
    return tuple(by_name[one.value] for one in dict.fromkeys(names or ()))


def grouping_name(metric: Metric) -> str | None:
    """The enum of `groupBy`: that of the resource, or one of the metric where it adds to it. None where there is nothing to group by."""
    if not metric.offered:
        return None
    whose = f"{metric.name[0].upper()}{metric.name[1:]}" if metric.dimensions else metric.of.__name__
    return f"Metrics{whose}Dimension"


def _grouping(metric: Metric) -> type[Enum] | None:
    name = grouping_name(metric)
    return _enum(name, metric.of, metric.offered) if name and metric.dimensions else ENUMS.get(metric.of)


def query(crm: CRM) -> list[type]:
    """The fields of all metrics, those of this plugin and those of others. Raises StartError for one that is not well declared."""
    return [_graft(metric) for metric in registered(crm).values()]


def _graft(metric: Metric) -> type:
    made = strawberry.field(resolver=permit("metrics.read")(_resolver(metric)), name=metric.name, description=metric.description)
    return strawberry.type(type("MetricQuery", (), {"__doc__": metric.description, metric.name: made}), name="Query", extend=True)


def _resolver(metric: Metric) -> Callable[..., Awaitable[Any]]:
    async def resolve(
        self: Any, info: Any, where: Any = None, group_by: Any = None, period: Any = None, first: Any = None, last: Any = None,
        calendar: Calendar = Calendar.GREGORIAN, time_zone: str | None = None, currency: str | None = None,
    ) -> Any:  # fmt: skip
        call = info.context
        zone = call.crm.settings.company.time_zone if time_zone is None else time_zone
        question = Question(call, metric.of, where, _among(metric.offered, group_by), period, calendar, first, last, zone, metric.tells)
        return await _answer(question, metric, currency, _compared(info))

    kind = metric.of
    what = f"Only rows of {kind.__name__} like this; deleted ones never count."
    by = "What to put rows together by; one row of all when nothing is said, and no period."
    annotations: dict[str, Any] = {
        "info": strawberry.Info[Call],
        "where": Annotated[Filter | None, kind, strawberry.argument(description=what)],
        "period": Length, "first": First, "last": Last, "calendar": Reckoning, "time_zone": Zone, "currency": Currency,
        "return": (MetricsMoney if metric.unit.of_money else Metrics) | None,
    }  # fmt: skip
    if (grouping := _grouping(metric)) is not None:
        annotations["group_by"] = Annotated[list[grouping] | None, strawberry.argument(description=by)]  # type: ignore[valid-type]
    resolve.__annotations__ = annotations
    if grouping is None:
        known = inspect.signature(resolve)
        resolve.__signature__ = known.replace(parameters=[one for one in known.parameters.values() if one.name != "group_by"])  # type: ignore[attr-defined]
    return resolve


async def _answer(question: Question, metric: Metric, currency: str | None, compare: frozenset[str]) -> Metrics | MetricsMoney:
    if currency is not None and not metric.unit.in_currency:
        raise Invalid(currency="is for metrics in money; filter by it with where")
    code = question.call.crm.settings.company.currency if currency is None else currency
    Money.of_minor(0, code)
    moment = now()
    measured = await measure(question, metric, code, compare=compare)
    common: dict[str, Any] = {
        "definition": metric.description, "as_of": moment, "time_zone": question.zone, "calendar": question.calendar,
        "asked": question, "metric": metric,
    }  # fmt: skip
    if metric.unit.of_money:
        return MetricsMoney(**common, currency=code, rows=[money_row(one, code) for one in measured])
    told = code if metric.unit.in_currency else None
    return Metrics(**common, currency=told, rows=[number_row(one, metric.unit, told) for one in measured])


def _compared(info: strawberry.Info) -> frozenset[str]:
    """Which comparisons are asked for: nobody pays for the others."""
    asked: set[str] = set()

    def walk(selections: Any) -> None:
        for one in selections:
            if one.name in ("previous", "lastYear"):
                asked.add("last_year" if one.name == "lastYear" else "previous")
            if one.name == "svg" and one.arguments.get("previous"):
                asked.add("previous")
            walk(getattr(one, "selections", ()))

    walk(info.selected_fields)
    return frozenset(asked)
