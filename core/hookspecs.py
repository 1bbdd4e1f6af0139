"""Every point at which a plugin can join in. Implementations name only the arguments that they want."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

if TYPE_CHECKING:  # the types below import this module in turn
    import click
    from starlette.requests import HTTPConnection
    from starlette.routing import BaseRoute
    from tortoise.expressions import Q

    from core.crm import CRM, Call
    from core.events import Event
    from core.expressions import Expressed
    from core.jobs.declared import Job
    from core.measures import Measure
    from core.models import Contact
    from core.permissions import Actor
    from core.questions import Answering
    from core.resources import Resource
    from core.tail.consumers import Consumer

F = TypeVar("F", bound=Callable[..., Any])

hookspec = pluggy.HookspecMarker("payvand")
hookimpl = pluggy.HookimplMarker("payvand")


# What a plugin adds


@hookspec
def resources() -> list[Resource]:  # type: ignore[empty-body]
    """Return the models that get the standard GraphQL, permissions, events, import and export."""


@hookspec
def graphql(crm: CRM) -> list[type]:  # type: ignore[empty-body]
    """Return strawberry types made with extend=True; their fields join the type that they name. What others declare is in the house."""


@hookspec
def expressions(crm: CRM) -> list[Expressed]:  # type: ignore[empty-body]
    """Return fields of resources, of the core's too, that SQL works out of a row: to be shown, filtered and ordered by."""


@hookspec
def activity_kinds() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Return kinds of activity and what each means: `{"WEBINAR": "A talk on the net."}`."""


@hookspec
def permissions() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Return the permissions that the plugin's own fields ask for: name and meaning."""


@hookspec
def jobs(crm: CRM) -> list[Job]:  # type: ignore[empty-body]
    """Return the work that can be enqueued, or that a clock begins; the house has the settings that say when."""


@hookspec
def metrics(crm: CRM) -> list[Measure]:  # type: ignore[empty-body]
    """Return figures for /metrics; they are read at each look."""


@hookspec
def consumers() -> list[Consumer]:  # type: ignore[empty-body]
    """Return readers of all that happens, each from a position of its own: what must follow from an event is done there."""


@hookspec
def routes(crm: CRM) -> list[BaseRoute]:  # type: ignore[empty-body]
    """Return Starlette routes."""


@hookspec
def answering(crm: CRM) -> Answering:  # type: ignore[empty-body]
    """Return what answers GraphQL; for the house's own, which is the only one."""


@hookspec
def commands(cli: click.Group) -> None:
    """Add commands to the `payvand` command."""


# What a plugin decides


@hookspec
def actor(crm: CRM, request: HTTPConnection) -> Awaitable[Actor | None]:  # type: ignore[empty-body]
    """Say who asks; a coroutine. The first answer that is not None counts."""


@hookspec
def rule(crm: CRM, actor: Actor, permission: str) -> bool | Q | None:
    """Narrow what an actor may do: False for never, a Q for only these rows, None or True for no opinion."""


# What a plugin hears


@hookspec
def before_commit(crm: CRM, event: Event) -> Awaitable[None]:  # type: ignore[empty-body]
    """Take part in the transaction that caused the event; a coroutine. Raising undoes all of it."""


@hookspec
def after_commit(crm: CRM, event: Event) -> Awaitable[None]:  # type: ignore[empty-body]
    """React to what has happened; a coroutine. It runs at most once, and a failure is logged: what must happen belongs to consumers()."""


# What a plugin knows of a person


@hookspec
def personal_data(call: Call, contact: Contact) -> Awaitable[Mapping[str, Any]]:  # type: ignore[empty-body]
    """Return what the plugin knows of a contact beyond the rows of its resources; a coroutine."""


@hookspec
def erase(call: Call, contact: Contact) -> Awaitable[None]:  # type: ignore[empty-body]
    """Forget a contact, in the transaction that erases it and before anything of it is gone; a coroutine. Raising undoes all of it."""


@hookspec
def merge(call: Call, into: Contact, contacts: Sequence[Contact]) -> Awaitable[None]:  # type: ignore[empty-body]
    """Settle what cannot be moved as it is when contacts become one, in that transaction and before rows are moved; a coroutine.

    Raising undoes all of it. A dry run asks as well, and is undone.
    """
