"""A field as the database sees it: migrations hold these, so that they need neither a plugin's code nor words for people."""

from copy import copy
from typing import Any

from tortoise import fields
from tortoise.fields.base import Field
from tortoise.fields.relational import RelationalField

KINDS: tuple[type[Field[Any]], ...] = (
    fields.BigIntField, fields.SmallIntField, fields.IntField, fields.CharField, fields.TextField, fields.BooleanField,
    fields.DecimalField, fields.DatetimeField, fields.DateField, fields.TimeField, fields.TimeDeltaField, fields.FloatField,
    fields.JSONField, fields.UUIDField, fields.BinaryField,
)  # fmt: skip
SIZES = ("max_length", "max_digits", "decimal_places")
# Tortoise writes the coders of JSON into a migration, although no column knows them and they may come from an optional package.
SILENT = ("encoder", "decoder")


def plain(field: Field[Any]) -> Field[Any]:
    """The field as a kind of Tortoise's own, without description; a default stays when it is a constant."""
    if isinstance(field, RelationalField):
        bare = copy(field)
        bare.description = None
        return bare
    kind = next((one for one in KINDS if isinstance(field, one)), None)
    if kind is None or not _same_column(field, kind):
        return _bare(copy(field))
    bare = _bare(kind(**{name: getattr(field, name) for name in SIZES if hasattr(field, name)}))
    for name in ("source_field", "generated", "pk", "null", "unique", "index", "default", "db_default", "model_field_name"):
        setattr(bare, name, getattr(field, name))
    bare.default = constant(field.default)
    return bare


def constant(default: Any) -> Any:
    """The default when a column could have it too, else None: what a function gives differs from row to row."""
    return str(default) if isinstance(default, str) else default if isinstance(default, bool | int | float) else None


def _bare(field: Field[Any]) -> Field[Any]:
    field.description = None
    for name in SILENT:
        if hasattr(field, name):
            delattr(field, name)
    return field


def _same_column(field: Field[Any], kind: type[Field[Any]]) -> bool:
    sample = kind(**{name: getattr(field, name) for name in SIZES if hasattr(field, name)})
    return all(
        field.get_for_dialect(dialect, "SQL_TYPE") == sample.get_for_dialect(dialect, "SQL_TYPE") for dialect in ("sqlite", "postgres")
    )
