"""All metrics of a house, whichever plugins declare them, and what is wrong with a declaration."""

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from tortoise import fields
from tortoise.models import Model

from core import CRM, StartError
from plugins.metrics.declaring import Metric, Unit
from plugins.metrics.dimensions import DIMENSIONS, Dimension
from plugins.metrics.figure import Figure

SUMS = (Unit.NUMBER, Unit.MONEY)
RESERVED = {"period", "others"}  # members of a key that are no dimensions
BEHIND = {one.name: one.model for some in DIMENSIONS.values() for one in some}  # the record behind each member of a key

_NAME = re.compile(r"[a-z][A-Za-z0-9]{0,79}")
_DIMENSION = re.compile(r"[a-z][a-z0-9_]{0,59}")
_TEXT = re.compile(r"'[^']*'")
_PLACE = re.compile(r"\{(\w+)\}")
_COLUMN = re.compile(r"""\bd\."?(\w+)""")


def registered(crm: CRM) -> Mapping[str, Metric]:
    """The metrics of a house by their names. Raises StartError, in one sentence, for one that is not well declared."""
    return crm.remembered("metrics.registry", lambda: _checked(crm))


def _checked(crm: CRM) -> Mapping[str, Metric]:
    found: dict[str, Metric] = {}
    owners: dict[str, str] = {}
    for plugin, metric in crm.plugins.lists("metric_definitions"):
        if not isinstance(metric, Metric):
            raise StartError(f"plugin '{plugin}': metric_definitions() must return a list of Metric, not of {type(metric).__name__}")
        if metric.name in found:
            raise StartError(f"the metric '{metric.name}' is declared by plugin '{owners[metric.name]}' and by plugin '{plugin}'")
        for wrong in _wrong(crm, metric):
            raise StartError(f"plugin '{plugin}': the metric '{metric.name}' {wrong}")
        found[metric.name], owners[metric.name] = metric, plugin
    return found


def figures(crm: CRM) -> Mapping[str, Figure]:
    """The figures of a house by their names. Raises StartError, in one sentence, for one that is not well declared."""
    return crm.remembered("metrics.figures", lambda: _checked_figures(crm))


def _checked_figures(crm: CRM) -> Mapping[str, Figure]:
    metrics, found = registered(crm), dict[str, Figure]()
    for plugin, figure in crm.plugins.lists("metric_figures"):
        if not isinstance(figure, Figure):
            raise StartError(f"plugin '{plugin}': metric_figures() must return a list of Figure, not of {type(figure).__name__}")
        for wrong in _wrong_figure(crm, figure, {*metrics, *found}):
            raise StartError(f"plugin '{plugin}': the figure '{figure.name}' {wrong}")
        found[figure.name] = figure
    return found


def _wrong_figure(crm: CRM, figure: Figure, taken: Container[str]) -> Iterator[str]:
    if not _NAME.fullmatch(figure.name):
        yield "needs a name like salesCycle"
    if figure.name in taken:
        yield "has the name of another figure, or of a metric; take another one"
    if not figure.description:
        yield "needs a description: the definition, with its formula"
    if figure.of not in crm.resources.by_model:
        yield f"is of rows of {figure.of.__name__}, which is no resource"
    yield from _unknown(crm, figure.of, (), {}, figure.tells)


def _wrong(crm: CRM, metric: Metric) -> Iterator[str]:
    """What is wrong with a metric, in the order in which it is best mended."""
    if not _NAME.fullmatch(metric.name):
        yield "needs a name like winRate"
    for resource in crm.resources:
        if metric.name in (_camel(one) for one in (resource.snake, resource.plural, f"{resource.plural}_aggregate")):
            yield f"has the name of a field of the resource {resource.name}; take another one"
    if not metric.description:
        yield "needs a description: the definition, with its formula"
    if metric.of not in crm.resources.by_model:
        yield f"counts rows of {metric.of.__name__}, which is no resource"
    if (metric.denominator is None) != (metric.unit in SUMS):
        yield f"is a {metric.unit.value}, which {'has no' if metric.denominator else 'needs a'} denominator"
    parts = [one for one in (metric.numerator, metric.denominator) if one is not None]
    for part in parts:
        if not isinstance(metric.of._meta.fields_map.get(part.dated), fields.DatetimeField):
            yield f"goes by '{part.dated}', which is no time of a {metric.of.__name__}"
    if metric.unit.in_currency and metric.currency not in metric.of._meta.db_fields:
        yield f"is in money, and '{metric.currency}', where its currency should be, is no column of {metric.of.__name__}"
    sql = [metric.join, *(part.value for part in parts)]
    yield from _unknown(crm, metric.of, sql, metric.rows, metric.tells)
    for name, model in metric.rows.items():
        if model not in crm.resources.by_model:
            yield f"joins rows of {getattr(model, '__name__', name)}, which is no resource"
    yield from _dimensions(crm, metric)


def _dimensions(crm: CRM, metric: Metric) -> Iterator[str]:
    names: dict[str, Any] = {"counted": None, **metric.rows}
    for one in DIMENSIONS.get(metric.of, ()):
        for name, rows in one.rows.items():
            if names.setdefault(name, rows) is not rows:
                yield f"joins {{{name}}}, a name that the dimension '{one.name}' has for other rows"
    known = {one.name for one in DIMENSIONS.get(metric.of, ())}
    for one in metric.dimensions:
        if not _DIMENSION.fullmatch(one.name) or one.name in RESERVED:
            yield f"has a dimension '{one.name}', which needs a name like lead_source, and another one than period and others"
        if one.name in known:
            yield f"has two dimensions '{one.name}'"
        if BEHIND.get(one.name, one.model) is not one.model:
            what = BEHIND[one.name]
            usual = f"a {what.__name__}" if what else "a text"
            yield f"has a dimension '{one.name}', which is {usual} in every other metric; take another name"
        known.add(one.name)
        for wrong in (*_record(crm, one), *_unknown(crm, metric.of, [one.key, one.join, one.before], one.rows, one.tells)):
            yield f"has a dimension '{one.name}' that {wrong}"
        for name, rows in one.rows.items():
            if names.setdefault(name, rows) is not rows:
                yield f"has a dimension '{one.name}' that joins {{{name}}}, a name that stands for other rows"


def _record(crm: CRM, dimension: Dimension) -> Iterator[str]:
    if dimension.model is None:
        return
    if dimension.model not in crm.resources.by_model:
        yield f"is a {dimension.model.__name__}, which is no resource"
    elif dimension.label not in crm.resource(dimension.model).columns:
        yield f"is called by '{dimension.label}', which is no column of {dimension.model.__name__}"


def _unknown(
    crm: CRM, of: type[Model], sql: Iterable[str], rows: Mapping[str, Any], tells: Mapping[type[Model], tuple[str, ...]]
) -> Iterator[str]:
    """What SQL speaks of and is not there, and what it is said to tell of and is not there."""
    text = _TEXT.sub("", " ".join(sql))
    yield from (f"joins {{{name}}}, which its rows do not name" for name in _PLACE.findall(text) if name not in rows)
    yield from (
        f"speaks of d.{name}, which {of.__name__} does not have" for name in _COLUMN.findall(text) if name not in of._meta.db_fields
    )
    for model, names in tells.items():
        if model not in crm.resources.by_model:
            yield f"tells of {model.__name__}, which is no resource"
            continue
        shown = _shown(crm, model)
        yield from (f"tells of {model.__name__}.{name}, which is no field" for name in names if name not in shown)


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda letter: letter[1].upper(), name)


def _shown(crm: CRM, model: type[Model]) -> set[str]:
    resource = crm.resource(model)
    related = {*resource.to_one, *resource.linked, *crm.resources.children(resource)}
    return {*resource.columns, *resource.currencies, *related, *crm.expressed.get(model, {})}
