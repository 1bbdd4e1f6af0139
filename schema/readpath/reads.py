"""How a field is read: what the generator says of each field that one statement can answer. The compiled road goes by it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from strawberry.types.field import StrawberryField

from core.expressions import Expressed
from core.resources import Column, Linked, Resource, ToMany, ToOne

MARK = "read"


@dataclass(frozen=True)
class Value:
    """A column of the row itself."""

    column: Column


@dataclass(frozen=True)
class Worked:
    """What SQL works out of the row."""

    expressed: Expressed


@dataclass(frozen=True)
class Follow:
    """The row at the other end of a forward relation, with `deleted` also when it is deleted."""

    relation: ToOne
    deleted: bool


@dataclass(frozen=True)
class Parts:
    """All rows of a way back, in their order."""

    back: ToMany


@dataclass(frozen=True)
class Single:
    """The one row of a way back that has no more."""

    back: ToMany


@dataclass(frozen=True)
class Ties:
    """The rows that a table between ties on."""

    link: Linked


@dataclass(frozen=True)
class Pages:
    """A connection: rows of a resource, behind a record when `back` says how."""

    resource: Resource
    back: ToMany | None = None


@dataclass(frozen=True)
class One:
    """The record with the id in the argument `id`."""

    resource: Resource


@dataclass(frozen=True)
class Groups:
    """The aggregate of a resource."""

    resource: Resource


@dataclass(frozen=True)
class AnyNode:
    """The record with this id, of whatever type."""


@dataclass(frozen=True)
class AnyNodes:
    """The records with these ids, of whatever types."""


@dataclass(frozen=True)
class Writes:
    """A standard mutation: the function that answers it takes its arguments as strawberry or as `schema.inputs.plain` gives them."""

    answer: Callable[..., Awaitable[Any]]


Read = Value | Worked | Follow | Parts | Single | Ties | Pages | One | Groups | AnyNode | AnyNodes | Writes


def marked(field: StrawberryField, read: Read) -> StrawberryField:
    """The field, with how it is read."""
    field.metadata = MappingProxyType({**field.metadata, MARK: read})
    return field


def read_of(field: StrawberryField | None) -> Read | None:
    """How a field is read; None for what only its resolver knows."""
    return field.metadata.get(MARK) if field is not None else None
