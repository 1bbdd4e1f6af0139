"""Whose a field is: for the sentence that is said when two want the same."""

from core.crm import CRM
from core.plugins import BUILT_IN
from core.resources import Resource


def owner(crm: CRM, kind: str, field: str) -> str:
    """`the core`, or the plugin that brought this field (in snake_case) of a type or root type by one of its resources."""
    if plugin := next((fields[field][0] for model, fields in crm.expressed.items() if model.__name__ == kind and field in fields), None):
        return f"plugin '{plugin}'"
    resource = _resource(crm, kind, field)
    plugin = crm.resources.plugin_of[resource.key] if resource else BUILT_IN[0]
    return "the core" if plugin in BUILT_IN else f"plugin '{plugin}'"


def _resource(crm: CRM, kind: str, field: str) -> Resource | None:
    if kind == "Query":
        return next((one for one in crm.resources if field in (one.snake, one.plural, f"{one.plural}_aggregate")), None)
    if kind == "Mutation":
        return max((one for one in crm.resources if field.startswith(f"{one.snake}_")), key=lambda one: len(one.snake), default=None)
    if kind == "Subscription":
        return next((one for one in crm.resources if field == f"{one.snake}_changed"), None)
    whole = next((one for one in crm.resources if one.name == kind), None)
    back = crm.resources.children(whole).get(field) if whole else None
    return crm.resource(back.model) if back else whole
