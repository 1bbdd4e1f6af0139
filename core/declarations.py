"""What a plugin declares as a resource must be fit to be shown, and the start says what is not."""

from tortoise import fields
from tortoise.models import Model

from core.errors import StartError
from core.hooks import blaming
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
        _ = resource.columns, resource.to_one, resource.linked


def _check_names(plugin: str, resource: Resource) -> None:
    named = {*resource.hidden, *resource.read_only, *resource.past, *resource.history}
    named |= {name for name in (resource.part_of, resource.owned_by) if name}
    if strangers := sorted(name for name in named if not resource.has(name)):
        raise StartError(f"plugin '{plugin}': {resource.name} has no column or relation '{strangers[0]}'")
