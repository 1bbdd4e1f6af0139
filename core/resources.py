"""Resource: how a model is shown. The one description that filters, resolvers, inputs, import and export read."""

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property
from typing import Any

from tortoise import fields
from tortoise.fields.base import Field
from tortoise.fields.relational import ForeignKeyFieldInstance, RelationalField
from tortoise.models import Model

from core.errors import StartError
from core.fields import FixedField, FoldedField, MoneyField
from core.records.bulk import assign
from core.text import fold

READ, CREATE, UPDATE, DELETE = "read", "create", "update", "delete"
VERBS = frozenset({READ, CREATE, UPDATE, DELETE})
SYSTEM = frozenset({"id", "created_at", "updated_at", "deleted_at", "version"})
NOTHING: Mapping[str, Any] = {}


class Kind(Enum):
    """What a column holds, as the world sees it."""

    ID = auto()
    STRING = auto()
    TEXT = auto()
    INT = auto()
    BIG_INT = auto()
    FLOAT = auto()
    BOOLEAN = auto()
    DATETIME = auto()
    DATE = auto()
    DECIMAL = auto()
    MONEY = auto()
    ENUM = auto()
    JSON = auto()
    UUID = auto()


@dataclass(frozen=True)
class Column:
    """A value of a record. `key` is the folded column it is compared by, `currency` that of its money."""

    name: str
    kind: Kind
    field: Any  # the column of Tortoise
    null: bool
    required: bool
    description: str
    key: str | None = None
    key_length: int = 0
    currency: str | None = None
    scale: int = 0
    enum: type[Enum] | None = None

    @property
    def compared(self) -> str:
        """The attribute that comparisons and orders use."""
        return self.key or self.name

    def folded(self, text: str) -> str:
        """What a text is compared by: its folded form, as much of it as the column holds. Folding can make a text longer."""
        return fold(text)[: self.key_length]

    @property
    def max_length(self) -> int | None:
        """The most characters (code points) that fit."""
        return getattr(self.field, "max_length", None)


@dataclass(frozen=True)
class ToOne:
    """A forward relation: `attr` holds the key of a row of `model`."""

    name: str
    model: type[Model]
    attr: str
    null: bool
    required: bool
    description: str


@dataclass(frozen=True)
class ToMany:
    """A way back: the rows of `model` whose `attr` holds the key of this record; at most one when `single`."""

    name: str
    model: type[Model]
    attr: str
    description: str
    single: bool = False
    part: bool = False


@dataclass(frozen=True)
class Linked:
    """Rows of `model` tied on by rows of `through`, whose `near` and `far` hold the two keys."""

    name: str
    model: type[Model]
    through: type[Model]
    near: str
    far: str
    description: str

    @property
    def ids(self) -> str:
        """The name of the input that sets the links: `tag_ids`."""
        return f"{self.name.removesuffix('s')}_ids"


@dataclass
class Change:
    """A record about to be written. `values` holds what is set, `before` the old values (None for a new record).

    A `prepare` function of a resource may change `record` and `values` with `put`, add `history` (per field the
    values with their times) and `events` (further names to tell), and raise Invalid. Of a part, `whole` is the
    change of the record that it belongs to, and `path` its place in it: `lines.0.`
    """

    record: Any
    values: dict[str, Any]
    before: dict[str, Any] | None = None
    parts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    links: dict[str, list[uuid.UUID]] = field(default_factory=dict)
    history: dict[str, list[tuple[Any, Any]]] = field(default_factory=dict)
    past: bool = False
    whole: "Change | None" = None
    path: str = ""
    events: list[str] = field(default_factory=list)

    def put(self, name: str, value: Any) -> None:
        """Set a value beside those that were asked for."""
        if self.before is not None and name not in self.before:
            self.before[name] = getattr(self.record, name)
        self.values[name] = value
        assign(self.record, name, value)


Prepare = Callable[[Any, Sequence[Change]], Awaitable[None]]


@dataclass(frozen=True)
class Resource:
    """A model with the standard queries, mutations, permissions, events, import and export.

    model: a Tortoise model whose key is the UUID `id`; the rest of what `Record` has is taken up where it is there.
    read_only: columns that no input sets. past: columns that only an import may set. hidden: columns never shown.
    verbs: which of read, create, update, delete exist.
    reverse: forward relation -> name of the way back on the other side: `{"contact": "notes"}` gives `Contact.notes`.
    part_of: the forward relation to the record that these rows are part of: they are seen with it, and written with it
        when `reverse` names the way back.
    links: name -> model of a table that ties two records together: `{"tags": ContactTag}`.
    history: column -> model that records its changes (columns from_*, to_*, changed_at, seconds).
    owned_by: the forward relation to the user whose row it is; None for rows that everybody shares.
    personal: columns that hold values of a person: they are blanked when the contact is erased that a row belongs to.
    natural: columns by which an import finds a record, best first.
    prepare: an async function (call, changes) with the model's own rules, awaited for each batch before it is saved.
    on_delete: an async function (call, record), awaited before a record is deleted; it may raise Conflict.
    on_restore: as on_delete, before a record is brought back.
    """

    model: type[Model]
    read_only: frozenset[str] = frozenset()
    past: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    verbs: frozenset[str] = VERBS
    reverse: Mapping[str, str] = field(default_factory=dict)
    part_of: str | None = None
    links: Mapping[str, type[Model]] = field(default_factory=dict)
    history: Mapping[str, type[Model]] = field(default_factory=dict)
    owned_by: str | None = None
    personal: frozenset[str] = frozenset()
    natural: tuple[str, ...] = ("name",)
    prepare: Prepare | None = None
    on_delete: Callable[[Any, Any], Awaitable[None]] | None = None
    on_restore: Callable[[Any, Any], Awaitable[None]] | None = None
    plural_name: str | None = None

    @property
    def name(self) -> str:
        """`DealLine`."""
        return self.model.__name__

    @cached_property
    def snake(self) -> str:
        """`deal_line`."""
        return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in self.name).lstrip("_")

    @cached_property
    def key(self) -> str:
        """`dealLine`."""
        return self.name[0].lower() + self.name[1:]

    @cached_property
    def plural(self) -> str:
        """`deal_lines`."""
        if self.plural_name:
            return self.plural_name
        if self.snake.endswith("y") and self.snake[-2] not in "aeiou":
            return f"{self.snake[:-1]}ies"
        return f"{self.snake}es" if self.snake.endswith(("s", "x", "ch", "sh")) else f"{self.snake}s"

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The columns that are shown, in the order of the model."""
        return {name: _column(self, name, one) for name, one in self._fields.items() if _shown(self, name, one)}

    @cached_property
    def to_one(self) -> dict[str, ToOne]:
        """The forward relations that are shown."""
        return {
            name: _to_one(name, one)
            for name, one in self._fields.items()
            if isinstance(one, ForeignKeyFieldInstance) and name not in self.hidden
        }

    @cached_property
    def linked(self) -> dict[str, Linked]:
        """The relations through a table that ties two records together."""
        return {name: _linked(self, name, through) for name, through in self.links.items()}

    @cached_property
    def folded(self) -> dict[str, str]:
        """Text column -> the column of its compared form."""
        return {one.of: name for name, one in self._fields.items() if isinstance(one, FoldedField)}

    @cached_property
    def currencies(self) -> frozenset[str]:
        """The columns that hold the currency of some money; they are shown as part of it."""
        return frozenset(self.money.values())

    @cached_property
    def money(self) -> dict[str, str]:
        """Column of money -> the column of its currency."""
        return {name: one.currency for name, one in self._fields.items() if isinstance(one, MoneyField)}

    @cached_property
    def soft(self) -> bool:
        """Whether deleting keeps the row."""
        return "deleted_at" in self._fields

    @cached_property
    def versioned(self) -> bool:
        """Whether an update can say which version it expects."""
        return "version" in self._fields

    @cached_property
    def synced(self) -> bool:
        """Whether records carry the id of another system."""
        return "external_id" in self._fields

    def has(self, name: str) -> bool:
        """Whether the model has such a column or relation, shown or not."""
        return name in self._fields

    def writable(self, *, past: bool = False) -> dict[str, Column]:
        """The columns that an input may set; with `past`, those of an import."""
        return self._writable[past]

    @cached_property
    def _writable(self) -> dict[bool, dict[str, Column]]:
        shut = {True: SYSTEM - {"created_at"} | self.read_only, False: SYSTEM | self.past | self.read_only}
        return {past: {name: one for name, one in self.columns.items() if name not in closed} for past, closed in shut.items()}

    @cached_property
    def writable_to_one(self) -> dict[str, ToOne]:
        """The relations that an input may set, by the name of their id."""
        return {one.attr: one for name, one in self.to_one.items() if name not in self.read_only and name != self.part_of}

    @property
    def parent(self) -> ToOne | None:
        """The relation to the record that this one is part of."""
        return self.to_one[self.part_of] if self.part_of else None

    def required(self, *, past: bool = False) -> frozenset[str]:
        """The columns that a new record must be given."""
        return self._required[past]

    @cached_property
    def _required(self) -> dict[bool, frozenset[str]]:
        return {past: frozenset(name for name, one in columns.items() if one.required) for past, columns in self._writable.items()}

    @cached_property
    def link_inputs(self) -> dict[str, Linked]:
        """The links, by the name of the input that sets them."""
        return {link.ids: link for link in self.linked.values()}

    @cached_property
    def takes(self) -> dict[bool, dict[str, Any]]:
        """What core.records.changes makes of the columns once for all writes, by whether the past may be given."""
        return {True: {}, False: {}}

    @cached_property
    def _fields(self) -> dict[str, Field[Any]]:
        return dict(self.model._meta.fields_map)


_KINDS: tuple[tuple[type[Field[Any]], Kind], ...] = (
    (MoneyField, Kind.MONEY),
    (FixedField, Kind.DECIMAL),
    (fields.BooleanField, Kind.BOOLEAN),
    (fields.BigIntField, Kind.BIG_INT),
    (fields.IntField, Kind.INT),
    (fields.SmallIntField, Kind.INT),
    (fields.FloatField, Kind.FLOAT),
    (fields.DatetimeField, Kind.DATETIME),
    (fields.DateField, Kind.DATE),
    (fields.JSONField, Kind.JSON),
    (fields.UUIDField, Kind.UUID),
    (fields.TextField, Kind.TEXT),
    (fields.CharField, Kind.STRING),
)


def _column(resource: Resource, name: str, one: Field[Any]) -> Column:
    enum = getattr(one, "enum_type", None)
    kind = Kind.ENUM if enum else Kind.ID if name == "id" else next((kind for cls, kind in _KINDS if isinstance(one, cls)), None)
    if kind is None:
        raise StartError(f"{resource.name}.{name}: a {type(one).__name__} cannot be shown; hide it or use a field of core.fields")
    if not one.description and name != "id":
        raise StartError(f"{resource.name}.{name} needs a description")
    key = resource.folded.get(name)
    return Column(
        name=name, kind=kind, field=one, null=one.null, required=not one.null and one.default is None, enum=enum,
        description=one.description or f"Global id of this {resource.name}; `node(id:)` finds it again.",
        key=key, key_length=getattr(resource._fields[key], "max_length", 0) if key else 0,
        currency=getattr(one, "currency", None), scale=getattr(one, "scale", 0),
    )  # fmt: skip


def _shown(resource: Resource, name: str, one: Field[Any]) -> bool:
    if isinstance(one, RelationalField | FoldedField) or name in resource.hidden or name in resource.currencies:
        return False
    return not any(isinstance(other, ForeignKeyFieldInstance) and other.source_field == name for other in resource._fields.values())


def _to_one(name: str, one: ForeignKeyFieldInstance[Any]) -> ToOne:
    description = one.description or f"The {name.replace('_', ' ')} of this record."
    return ToOne(name, one.related_model, str(one.source_field), one.null, not one.null, description)


def _linked(resource: Resource, name: str, through: type[Model]) -> Linked:
    ends = {one: relation for one, relation in through._meta.fields_map.items() if isinstance(relation, ForeignKeyFieldInstance)}
    near = next((one for one, relation in ends.items() if relation.related_model is resource.model), None)
    far = next((one for one in ends if one != near), None)
    if near is None or far is None or len(ends) != 2:
        raise StartError(f"{resource.name}.links['{name}']: {through.__name__} needs two relations, one of them to {resource.name}")
    target = ends[far].related_model
    return Linked(name, target, through, f"{near}_id", f"{far}_id", f"The {name} of this record.")
