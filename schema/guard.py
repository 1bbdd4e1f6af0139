"""Every hand-written root field asks for a permission, or the server does not start."""

import inspect
from copy import copy
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

from core.crm import CRM
from core.errors import Forbidden, StartError
from core.permissions import may

ROOTS = {"Query", "Mutation", "Subscription"}


class Guard(FieldExtension):
    """Asks for a permission before the resolver runs."""

    def __init__(self, permission: str) -> None:
        self.permission = permission

    def _ask(self, info: strawberry.Info) -> None:
        if not may(info.context.crm, info.context.actor, self.permission):
            raise Forbidden(f"the permission {self.permission} is needed")

    async def resolve_async(self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        """Ask, then resolve; a subscription's answer is a stream and not awaited."""
        self._ask(info)
        answer = next_(source, info, **kwargs)
        return await answer if inspect.isawaitable(answer) else answer


def guarded(crm: CRM, plugin: str, type_name: str, field: StrawberryField) -> StrawberryField:
    """A copy of the field that asks for the permission of its `@permit`. Raises StartError when a root field has none."""
    resolver = field.base_resolver.wrapped_func if field.base_resolver else None
    permission = getattr(resolver, "permission", None)
    name = f"{type_name}.{field.python_name}"
    if permission is None:
        if type_name in ROOTS:
            raise StartError(f"plugin '{plugin}': {name} asks for no permission; mark its resolver with @permit")
        return field
    if permission not in crm.permissions:
        raise StartError(f"plugin '{plugin}': {name} asks for '{permission}', which no permissions() declares")
    field = copy(field)
    field.extensions = [*field.extensions, Guard(permission)]
    return field
