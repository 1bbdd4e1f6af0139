"""All resources of a house, and the ways between them."""

from collections.abc import Iterable
from functools import cached_property

from tortoise.fields.relational import OneToOneFieldInstance
from tortoise.models import Model

from core.errors import StartError
from core.models.events import AuditEntry
from core.resources import READ, Resource, ToMany

CORE = "core.standard"
ROOTS = ("node", "nodes", "activity_kinds")
AUDIT = "audit"


class Resources:
    """All resources of a house: by key, by model, and with the ways back between them."""

    def __init__(self, declared: Iterable[tuple[str, Resource]]) -> None:
        self.by_key: dict[str, Resource] = {}
        self.by_model: dict[type[Model], Resource] = {}
        self.plugin_of: dict[str, str] = {}
        names: dict[str, str] = dict.fromkeys(ROOTS, "the core")
        for plugin, resource in declared:
            for name in dict.fromkeys((resource.key, resource.snake, resource.plural, f"{resource.plural}_aggregate")):
                if name in names:
                    raise StartError(
                        f"the name '{name}' of the resource {resource.name} is claimed by {names[name]} and by plugin '{plugin}'"
                    )
                names[name] = "the core" if plugin == CORE else f"plugin '{plugin}'"
            self.by_key[resource.key] = resource
            self.by_model[resource.model] = resource
            self.plugin_of[resource.key] = plugin
        self._many: dict[type[Model], dict[str, ToMany]] = {model: {} for model in self.by_model}
        self._parts: dict[type[Model], dict[str, ToMany]] = {model: {} for model in self.by_model}
        for resource in self.by_key.values():
            self._audit(resource)
        for resource in self.by_key.values():
            self._ways_back(resource)

    def __iter__(self):
        return iter(self.by_key.values())

    def of(self, model: type[Model]) -> Resource:
        """The resource of a model. Raises KeyError when the model is not shown."""
        return self.by_model[model]

    @cached_property
    def histories(self) -> frozenset[type[Model]]:
        """The models of history: only the store writes them, they hold nothing back, and they show what they point at even when deleted."""
        return frozenset(model for resource in self for model in resource.history.values())

    def many(self, resource: Resource) -> dict[str, ToMany]:
        """The ways back that lead to lists and single rows of their own, parts apart."""
        return self._many[resource.model]

    def parts(self, resource: Resource) -> dict[str, ToMany]:
        """The lists of rows that are part of a record and written with it."""
        return self._parts[resource.model]

    def children(self, resource: Resource) -> dict[str, ToMany]:
        """All ways back, parts included."""
        return {**self.parts(resource), **self.many(resource)}

    def _audit(self, resource: Resource) -> None:
        """What happened to a record that can be written. Keys are unique over all resources, so no entry is another record's."""
        if AuditEntry not in self.by_model or not resource.verbs - {READ}:
            return
        if resource.has(AUDIT) or AUDIT in resource.links:
            plugin = self.plugin_of[resource.key]
            raise StartError(
                f"plugin '{plugin}': the field {resource.name}.{AUDIT} belongs to the core: it tells what happened to a record"
            )
        what = f"What happened to this {resource.name}, and who did it."
        self._many[resource.model][AUDIT] = ToMany(AUDIT, AuditEntry, "record_id", what)

    def _ways_back(self, resource: Resource) -> None:
        plugin = self.plugin_of[resource.key]
        for relation, name in resource.reverse.items():
            forward = resource.to_one.get(relation)
            if forward is None or forward.model not in self.by_model:
                raise StartError(f"plugin '{plugin}': {resource.name}.reverse names '{relation}', which is no relation to a resource")
            target = self.by_model[forward.model]
            if target.has(name) or name in target.links or name in self.children(target):
                other = self.children(target).get(name)
                owner = self.plugin_of[(self.by_model[other.model] if other else target).key]
                whose = "the core" if owner == CORE else f"plugin '{owner}'"
                raise StartError(
                    f"plugin '{plugin}': the field {target.name}.{name}, of {resource.name}.reverse, belongs to {whose} already"
                )
            part = relation == resource.part_of and resource.model not in self.histories
            single = isinstance(resource.model._meta.fields_map[relation], OneToOneFieldInstance)
            what = f"The {name.replace('_', ' ')} of this {target.name}."
            back = ToMany(name, resource.model, forward.attr, what, single=single, part=part)
            (self._parts if part else self._many)[forward.model][name] = back
