"""Fields that plugins write by hand: a root field asks for a permission, and what fails in one is known by the plugin's name."""

import inspect
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from copy import copy
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

from core.crm import CRM
from core.errors import Forbidden, StartError
from core.events import PluginFailed
from core.permissions import may
from core.plugins import BUILT_IN

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


class Contained(FieldExtension):
    """Names the plugin in the log of what its resolver raises. sys.exit in it would end the event loop, and so the server."""

    def __init__(self, plugin: str, field: str) -> None:
        self.place = f"in {field} of plugin '{plugin}'"

    def resolve(self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        """Resolve."""
        with self._named():
            return self._watched(next_(source, info, **kwargs))

    async def resolve_async(self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        """Resolve; a subscription's answer is a stream and not awaited."""
        with self._named():
            answer = next_(source, info, **kwargs)
            return self._watched(await answer if inspect.isawaitable(answer) else answer)

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except SystemExit as error:
            raise PluginFailed(f"sys.exit {self.place}") from error
        except Exception as error:
            error.add_note(self.place)
            raise

    def _watched(self, answer: Any) -> Any:
        return self._stream(answer) if isinstance(answer, AsyncGenerator) else answer

    async def _stream(self, source: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any, None]:
        with self._named():
            async with aclosing(source):
                async for one in source:
                    yield one


def guarded(crm: CRM, plugin: str, type_name: str, field: StrawberryField) -> StrawberryField:
    """A copy of the field that asks for the permission of its `@permit`. Raises StartError when a root field of a plugin has none.

    The core has root fields without one: what everyone may know or do about itself.
    """
    resolver = field.base_resolver.wrapped_func if field.base_resolver else None
    permission = getattr(resolver, "permission", None)
    name = f"{type_name}.{field.python_name}"
    if permission is None and type_name in ROOTS and plugin not in BUILT_IN:
        raise StartError(f"plugin '{plugin}': {name} asks for no permission; mark its resolver with @permit")
    if permission is not None and permission not in crm.permissions:
        raise StartError(f"plugin '{plugin}': {name} asks for '{permission}', which no permissions() declares")
    if resolver is None:
        return field
    field = copy(field)
    contained = [] if plugin in BUILT_IN else [Contained(plugin, name)]
    field.extensions = [*field.extensions, *contained, *([Guard(permission)] if permission else [])]
    return field
