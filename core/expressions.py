"""Expressed: a field that SQL works out of a row, declared once, for lists of any length and both roads of reading."""

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tortoise.models import Model

from core.errors import StartError
from core.records.statements import select
from core.records.visibility import visible
from core.registry import Resources
from core.resources import Column, Kind, Resource

if TYPE_CHECKING:
    from core.crm import Call

KINDS = frozenset({Kind.STRING, Kind.INT, Kind.BIG_INT, Kind.FLOAT, Kind.BOOLEAN, Kind.DATETIME, Kind.DATE, Kind.DECIMAL})
ROW = "row"
NAME = re.compile(r"\{(\w+)\}")
_PLAIN = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True)
class Expressed:
    """A field `name` of a model, whose value is the SQL expression `sql`, on SQLite and PostgreSQL alike.

    In the expression `{row}` stands for the row, as in `{row}.id`, and each name of `rows` for a select of the rows of that
    model that the actor may see: `(SELECT COUNT(*) FROM {notes} AS n WHERE n.contact_id = {row}.id)` with
    `rows={"notes": Note}`. Nothing that a client sent may be put into it. Without a value the field is null. A decimal is
    expressed in units of its last of `scale` digits.
    """

    model: type[Model]
    name: str
    kind: Kind
    description: str
    sql: str
    rows: Mapping[str, type[Model]] = field(default_factory=dict)
    scale: int = 0

    @property
    def column(self) -> Column:
        """The field as a column that may be null."""
        return Column(self.name, self.kind, None, null=True, required=False, description=self.description, scale=self.scale)


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
    if strangers := [model.__name__ for model in one.rows.values() if model not in resources.by_model]:
        return f"asks for rows of {strangers[0]}, which is no resource"
    if unknown := set(NAME.findall(one.sql)) - {ROW, *one.rows}:
        return f"speaks of '{sorted(unknown)[0]}', which `rows` does not name"
    return None


async def values(call: "Call", resource: Resource, one: Expressed, keys: Sequence[Any]) -> dict[Any, Any]:
    """The values of a field for records by their keys. Raises Forbidden when the actor may see no row of some model in it."""
    names = {name: visible(call, model).values(*sorted(model._meta.db_fields)) for name, model in one.rows.items()}
    sql = NAME.sub(lambda match: "r" if match[1] == ROW else match[0], one.sql)
    every = resource.model.filter(id__in=list(keys)).values(*sorted(resource.model._meta.db_fields))
    rows = await select(f"SELECT r.id AS id, ({sql}) AS value FROM {{{_OWN}}} AS r", **{_OWN: every}, **names)
    read = resource.columns["id"].field.to_python_value
    return {read(row["id"]): _python(one, row["value"]) for row in rows}


_OWN = "own_rows"


def _python(one: Expressed, value: Any) -> Any:
    """The value as Python has it; SQLite knows neither times nor truth."""
    if value is None:
        return None
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
    return value
