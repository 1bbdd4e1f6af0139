"""One strawberry schema from the resources and the plugins of a house."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import StrawberryObjectDefinition, get_object_definition
from strawberry.types.field import StrawberryField

from core.crm import CRM
from core.errors import StartError
from core.plugins import BUILT_IN
from schema.connections import paged
from schema.filters import filtered
from schema.guard import guarded
from schema.inputs import Inputs
from schema.make import Book
from schema.mutations import Mutations
from schema.owners import owner
from schema.queries import Queries
from schema.readpath.written import Execution
from schema.scalars import SCALARS
from schema.subscriptions import Subscription, changes
from schema.types import Types


class Schema(strawberry.Schema):
    """A schema whose types grow: by the ways back between resources, and by types that say `extend=True`."""

    def __init__(self, kinds: Types, grafts: Iterable[tuple[str, Any]], added: dict[str, list[StrawberryField]], **options: Any) -> None:
        inputs = kinds.inputs
        self._crm = inputs.crm
        self._added = added
        self._grafts: dict[str, list[tuple[str, StrawberryField]]] = defaultdict(list)
        for plugin, part in grafts:
            definition = get_object_definition(part)
            if definition is None or not definition.extend:
                name = getattr(part, "__name__", repr(part))
                raise StartError(f"plugin '{plugin}': graphql() returned {name}, which is no strawberry type with extend=True")
            for field in definition.fields:
                field = paged(kinds, plugin, definition.name, filtered(inputs, plugin, definition.name, field))
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
        kind, name_of = type_definition.name, self.config.name_converter.get_graphql_name
        fields += self._added.get(kind, [])
        claimed: dict[str, str] = {}
        for field in fields:
            if name_of(field) in claimed:
                raise StartError(f"the field {kind}.{name_of(field)} is claimed twice, by {owner(self._crm, kind, field.python_name)}")
            claimed[name_of(field)] = owner(self._crm, kind, field.python_name)
        for plugin, field in self._grafts.get(kind, []):
            name = name_of(field)
            if name in claimed:
                raise StartError(f"plugin '{plugin}': the field {kind}.{name} belongs to {claimed[name]} already")
            claimed[name] = "the core" if plugin in BUILT_IN else f"plugin '{plugin}'"
            fields.append(field)
            self._grown.add(kind)
        return fields


def build(crm: CRM) -> Schema:
    """The schema of a house. Raises StartError when two plugins do not go together."""
    grafts = list(crm.plugins.lists("graphql", crm=crm))
    try:
        return _schema(crm, grafts)
    except StartError:
        raise
    except Exception as error:  # whatever types a stranger writes must end in one sentence
        raise StartError(f"{_culprits(crm, grafts, error)}: the GraphQL schema cannot be made: {' '.join(str(error).split())}") from error


def _schema(crm: CRM, grafts: Sequence[tuple[str, Any]]) -> Schema:
    book = Book()
    inputs = Inputs(crm, book)
    types = Types(crm, book, inputs)
    roots = {
        "query": book.add("Query", Queries(crm, book, inputs, types).fields(), "Everything that can be read."),
        "mutation": book.add("Mutation", Mutations(crm, book, inputs).fields(), "Everything that can be changed."),
    }
    return Schema(
        types,
        grafts,
        {**{resource.name: types.added(resource) for resource in crm.resources}, "Subscription": changes(crm, book)},
        subscription=Subscription,
        types=[resource.model for resource in crm.resources],
        config=StrawberryConfig(scalar_map=SCALARS),
        execution_context_class=Execution,
        **roots,
    )


def _culprits(crm: CRM, grafts: Sequence[tuple[str, Any]], error: Exception) -> str:
    """The plugins whose classes the error speaks of, else the first one whose types spoil the schema."""
    classes = [getattr(error, name, None) for name in ("first_cls", "second_cls")]
    modules = {plugin.name: plugin.module.__name__ for plugin in crm.plugins.enabled}
    named = [
        name for name, module in modules.items() if any(f"{getattr(one, '__module__', '')}.".startswith(f"{module}.") for one in classes)
    ]
    for name in [] if named else modules:
        early = list(modules)[: list(modules).index(name) + 1]
        try:
            _schema(crm, [graft for graft in grafts if graft[0] in early])
        except Exception:  # which one it is does not matter: it is this plugin's
            named = [name]
            break
    return " and ".join(f"plugin '{name}'" for name in named) or "the core"
