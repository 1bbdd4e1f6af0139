"""What a plugin declares as a resource must be fit to be shown, and the start says what is not."""

from tortoise import fields
from tortoise.fields.relational import RelationalField
from tortoise.models import Model

from core.database.guards import write_once
from core.errors import StartError
from core.fields import FoldedField
from core.hooks import blaming
from core.privacy.neutral import erasable
from core.resources import VERBS, Resource


def check(plugin: str, resource: Resource) -> None:
    """Raise StartError for a resource that cannot be shown, whatever else there is."""
    model = resource.model
    if not (isinstance(model, type) and issubclass(model, Model)):
        raise StartError(f"plugin '{plugin}': Resource needs a model of Tortoise, not {model!r}")
    if model._meta.app is None:
        raise StartError(f"plugin '{plugin}': the model {resource.name} is not in its models.py, so it has no table")
    key = model._meta.fields_map.get("id")
    if not isinstance(key, fields.UUIDField) or not key.unique:
        raise StartError(f"plugin '{plugin}': the model {resource.name} needs the key `id`, a UUIDField")
    if resource.snake == resource.plural:
        raise StartError(f"plugin '{plugin}': {resource.name} needs a plural_name that is not '{resource.snake}'")
    if unknown := resource.verbs - VERBS:
        raise StartError(f"plugin '{plugin}': {resource.name} has the verb '{sorted(unknown)[0]}'; there are {', '.join(sorted(VERBS))}")
    with blaming(plugin, f"at {resource.name}"):  # the columns are worked out when they are first asked for
        _check_names(plugin, resource)
        _check_personal(plugin, resource)
        _ = resource.columns, resource.to_one, resource.linked


def _check_names(plugin: str, resource: Resource) -> None:
    named = {*resource.hidden, *resource.read_only, *resource.past, *resource.history, *resource.personal}
    named |= {name for name in (resource.part_of, resource.owned_by) if name}
    if strangers := sorted(name for name in named if not resource.has(name)):
        raise StartError(f"plugin '{plugin}': {resource.name} has no column or relation '{strangers[0]}'")


def _check_personal(plugin: str, resource: Resource) -> None:
    """What is personal must be possible to erase."""
    if resource.personal and write_once(resource.model):
        raise StartError(
            f"plugin '{plugin}': {resource.name} has personal columns and may never be changed; keep them in a table of their own"
        )
    for name in sorted(resource.personal):
        field = resource.model._meta.fields_map[name]
        if name == "id" or isinstance(field, RelationalField | FoldedField):
            raise StartError(f"plugin '{plugin}': {resource.name}.{name} is no column with a value of its own, so it cannot be personal")
        if not erasable(field):
            raise StartError(f"plugin '{plugin}': {resource.name}.{name} is personal; let it be null, or give it a default")
