"""One strawberry schema from the resources and the plugins of a house."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import StrawberryObjectDefinition, get_object_definition
from strawberry.types.field import StrawberryField

from core.crm import CRM
from core.errors import StartError
from schema.filters import filtered
from schema.guard import guarded
from schema.inputs import Inputs
from schema.make import Book
from schema.mutations import Mutations
from schema.queries import Queries
from schema.scalars import SCALARS
from schema.subscriptions import Subscription
from schema.types import Types


class Schema(strawberry.Schema):
    """A schema whose types grow: by the ways back between resources, and by types that say `extend=True`."""

    def __init__(
        self, inputs: Inputs, grafts: Iterable[tuple[str, type]], added: dict[str, list[StrawberryField]], **options: Any
    ) -> None:
        self._added = added
        self._grafts: dict[str, list[tuple[str, StrawberryField]]] = defaultdict(list)
        for plugin, part in grafts:
            definition = get_object_definition(part)
            if definition is None or not definition.extend:
                name = getattr(part, "__name__", repr(part))
                raise StartError(f"plugin '{plugin}': graphql() returned {name}, which is no strawberry type with extend=True")
            for field in definition.fields:
                field = filtered(inputs, plugin, definition.name, field)
                self._grafts[definition.name].append((plugin, guarded(inputs.crm, plugin, definition.name, field)))
        self._grown: set[str] = set()
        super().__init__(**options)
        if strangers := self._grafts.keys() - self._grown:
            name = sorted(strangers)[0]
            raise StartError(f"plugin '{self._grafts[name][0][0]}': there is no type {name} to extend")

    def get_fields(self, type_definition: StrawberryObjectDefinition) -> list[StrawberryField]:
        """The fields of a type with those that were added to it. Raises StartError when one is claimed twice."""
        fields = [*type_definition.fields]
        if type_definition.is_input:
            return fields
        fields += self._added.get(type_definition.name, [])
        claimed = {str(field.python_name): "the core" for field in fields}
        for plugin, field in self._grafts.get(type_definition.name, []):
            name = str(field.python_name)
            if name in claimed:
                raise StartError(f"plugin '{plugin}': the field {type_definition.name}.{name} belongs to {claimed[name]} already")
            claimed[name] = f"plugin '{plugin}'"
            fields.append(field)
            self._grown.add(type_definition.name)
        return fields


def build(crm: CRM) -> Schema:
    """The schema of a house. Raises StartError when two plugins do not go together."""
    book = Book()
    inputs = Inputs(crm, book)
    types = Types(crm, book, inputs)
    roots = {
        "query": book.add("Query", Queries(crm, book, inputs, types).fields(), "Everything that can be read."),
        "mutation": book.add("Mutation", Mutations(crm, book, inputs).fields(), "Everything that can be changed."),
    }
    return Schema(
        inputs,
        [(plugin, part) for plugin, parts in crm.plugins.calls("graphql") for part in parts],
        {resource.name: types.added(resource) for resource in crm.resources},
        subscription=Subscription,
        types=[resource.model for resource in crm.resources],
        config=StrawberryConfig(scalar_map=SCALARS),
        **roots,
    )
