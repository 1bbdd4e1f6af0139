"""Which columns of which tables point to a contact: of the core and of all enabled plugins, shown or not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tortoise.context import require_context
from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.models import Model

from core.database.guards import write_once
from core.models import Contact
from core.resources import Linked, Resource

if TYPE_CHECKING:
    from core.crm import CRM


@dataclass(frozen=True)
class Pointing:
    """A column that holds the key of a contact. `link` says that its rows tie the contact to others, `listed` that they are written
    with the contact, as the list of this name."""

    model: type[Model]
    name: str
    attr: str
    resource: Resource | None
    link: Linked | None = None
    listed: str | None = None

    @property
    def word(self) -> str:
        """What its rows are called."""
        return self.resource.name if self.resource else self.model._meta.db_table

    @property
    def fixed(self) -> bool:
        """Whether the database refuses to change its rows."""
        return write_once(self.model)

    def uniques(self) -> Iterator[tuple[str, ...]]:
        """For each rule by which some of its rows cannot be together at one contact: the other attributes that have to be the same."""
        meta = self.model._meta
        if meta.fields_map[self.name].unique or meta.fields_map[self.attr].unique:
            yield ()
        for names in meta.unique_together:
            attrs = [_attr(self.model, name) for name in names]
            if self.attr in attrs:
                yield tuple(attr for attr in attrs if attr != self.attr)


def pointing(crm: "CRM") -> list[Pointing]:
    """All of them, in the order of their tables."""
    apps = require_context().apps
    models = sorted(apps.get_models_iterable() if apps else (), key=lambda model: model._meta.db_table)
    return [one for model in models if model is not Contact for one in _of(crm, model)]


def _of(crm: "CRM", model: type[Model]) -> Iterator[Pointing]:
    contact, resource = crm.resource(Contact), crm.resources.by_model.get(model)
    parts = {(back.model, back.attr): back.name for back in crm.resources.parts(contact).values()}
    links = {(link.through, link.near): link for link in contact.linked.values()}
    for name, one in model._meta.fields_map.items():
        if isinstance(one, ForeignKeyFieldInstance) and one.related_model is Contact:
            attr = str(one.source_field)
            yield Pointing(model, name, attr, resource, links.get((model, attr)), parts.get((model, attr)))


def _attr(model: type[Model], name: str) -> str:
    field: Any = model._meta.fields_map[name]
    return str(field.source_field) if isinstance(field, ForeignKeyFieldInstance) else name
