"""Expressed: a field that SQL works out of a row, declared once, for lists of any length and both roads of reading."""

import datetime
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from tortoise import fields
from tortoise.fields.base import Field
from tortoise.models import Model

from core.errors import StartError
from core.registry import Resources
from core.resources import Column, Kind

KINDS: dict[Kind, type[Field[Any]]] = {
    Kind.STRING: fields.TextField, Kind.INT: fields.BigIntField, Kind.BIG_INT: fields.BigIntField, Kind.FLOAT: fields.FloatField,
    Kind.BOOLEAN: fields.BooleanField, Kind.DATETIME: fields.DatetimeField, Kind.DATE: fields.DateField, Kind.DECIMAL: fields.BigIntField,
    Kind.ID: fields.UUIDField,
}  # fmt: skip
ROW, NOW, LATER = "row", "now", "later"
NAME = re.compile(r"\{(\w+)\}")
_PLAIN = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True)
class Expressed:
    """A field `name` of a model, whose value is the SQL expression `sql`, on SQLite and PostgreSQL alike.

    In the expression `{row}` stands for the row, as in `{row}.id`, `{now}` for the present moment, which is the same in a whole
    answer, `{later}` for the moment that is `later` after it, and each name of `rows` for a select of the rows of that model that
    the actor may see: `(SELECT COUNT(*) FROM {notes} AS n WHERE n.contact_id = {row}.id)` with `rows={"notes": Note}`. Nothing that a
    client sent may be put into it. Without a value the field is null. Its type is that of the kind; a decimal is expressed in units
    of its last of `scale` digits.

    to: with Kind.ID, the model whose record the field is; the expression is its key, and the field null where the actor does not see it.
    tells: for each model the columns and relations from which one could conclude the value, `{Activity: ("due_at",)}`: from whom
        one of them is hidden, the field is hidden as well.
    """

    model: type[Model]
    name: str
    kind: Kind
    description: str
    sql: str
    rows: Mapping[str, type[Model]] = field(default_factory=dict)
    scale: int = 0
    to: type[Model] | None = None
    tells: Mapping[type[Model], tuple[str, ...]] = field(default_factory=dict)
    later: datetime.timedelta | None = None

    @cached_property
    def column(self) -> Column:
        """The field as a column that may be null."""
        kept = KINDS[self.kind](null=True)
        return Column(self.name, self.kind, kept, null=True, required=False, description=self.description, scale=self.scale)

    def after(self, name: str) -> datetime.timedelta:
        """How long after the present moment is what `{now}` or `{later}` stands for."""
        return self.later if name == LATER and self.later else datetime.timedelta()

    def python(self, value: Any) -> Any:
        """A value as Python has it; SQLite knows neither times nor truth."""
        return None if value is None else _python(self, value)


def checked(declared: Iterable[tuple[str, Expressed]], resources: Resources) -> dict[type[Model], dict[str, tuple[str, Expressed]]]:
    """The plugin and the field by model and name. Raises StartError for one that can never be read, or that is there already."""
    found: dict[type[Model], dict[str, tuple[str, Expressed]]] = {}
    for plugin, one in declared:
        if not isinstance(one, Expressed):
            raise StartError(f"plugin '{plugin}': expressions() must return a list of Expressed, not of {type(one).__name__}")
        if wrong := _wrong(one, resources):
            raise StartError(f"plugin '{plugin}': the field {one.model.__name__}.{one.name} {wrong}")
        others = found.setdefault(one.model, {})
        if one.name in others:
            raise StartError(
                f"the field {one.model.__name__}.{one.name} is declared by plugin '{others[one.name][0]}' and by plugin '{plugin}'"
            )
        others[one.name] = plugin, one
    return found


def _wrong(one: Expressed, resources: Resources) -> str | None:
    if one.model not in resources.by_model:
        return "belongs to a model that is no resource"
    if not _PLAIN.match(one.name):
        return "has a name that is not in snake_case"
    if one.kind not in KINDS:
        return f"cannot be of the kind {one.kind}"
    if not one.description:
        return "needs a description"
    if (one.kind is Kind.ID) != (one.to is not None) or (one.to is not None and one.to not in resources.by_model):
        return "is a record when it is of the kind ID, and says with `to` of which resource"
    if taken := {ROW, NOW, LATER} & one.rows.keys():
        return f"names rows '{sorted(taken)[0]}', which stands for something else"
    if untold := [f"{model.__name__}.{name}" for model, names in one.tells.items() for name in names if not _has(model, name, resources)]:
        return f"tells of {untold[0]}, which no resource shows"
    if strangers := [model.__name__ for model in one.rows.values() if model not in resources.by_model]:
        return f"asks for rows of {strangers[0]}, which is no resource"
    if unknown := set(NAME.findall(one.sql)) - {ROW, NOW, *one.rows, *((LATER,) if one.later else ())}:
        return f"speaks of '{sorted(unknown)[0]}', which `rows` does not name"
    return None


def _has(model: type[Model], name: str, resources: Resources) -> bool:
    resource = resources.by_model.get(model)
    return resource is not None and (name in resource.columns or name in resource.to_one)


def _python(one: Expressed, value: Any) -> Any:
    match one.kind:
        case Kind.DATETIME if isinstance(value, str):
            return datetime.datetime.fromisoformat(value)
        case Kind.DATE if isinstance(value, str):
            return datetime.date.fromisoformat(value)
        case Kind.BOOLEAN:
            return bool(value)
        case Kind.DECIMAL:
            return Decimal(value).scaleb(-one.scale)
        case Kind.FLOAT:
            return float(value)
        case Kind.INT | Kind.BIG_INT:
            return int(value)
        case Kind.ID:
            return uuid.UUID(str(value))
    return value
