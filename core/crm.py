"""The running server as one small object, and what a request carries through every room."""

import asyncio
import datetime
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from tortoise.models import Model

from core import expressions, measures
from core.access.attempts import Attempts
from core.auth import Recent
from core.counts import Counts
from core.database.readers import Readers
from core.declarations import check
from core.errors import StartError
from core.expressions import Expressed
from core.fields import now
from core.jobs import declared
from core.lifetime import Lifetime
from core.loading import shared
from core.measures import Measure
from core.permissions import Actor, check_roles
from core.plugins import Plugins, available
from core.questions import Answering
from core.registry import Resources
from core.resources import Column, Resource
from core.server.rates import Rates, Strangers
from core.settings import Settings
from core.stream import Stream
from core.tail.consumers import Consumer, checked_consumers
from core.tail.tail import Tail
from core.telemetry import tracing

if TYPE_CHECKING:
    from core.access.passwords import Passwords
    from core.access.tokens import Tokens

T = TypeVar("T")


class CRM:
    """Settings, plugins and resources of one house. Raises StartError when its parts do not fit together."""

    def __init__(self, settings: Settings, plugins: Plugins) -> None:
        self.settings = settings
        self.plugins = plugins
        self.tail = Tail(settings)
        self.recent = Recent()
        self.rates = Rates(settings.limits)
        self.strangers = Strangers(settings.limits)
        self.readers: Readers | None = None  # while the house is open
        self.background: set[asyncio.Task[None]] = set()
        self.lifetime = Lifetime(settings.server.grace)
        self.counts = Counts()
        self.tracing = tracing(settings.telemetry)
        self.measures = measures.checked([*plugins.lists("metrics", crm=self)])
        self.enqueued = asyncio.Event()  # whether a job may wait that this process has written down
        self.attempts = Attempts()
        self.noting: set[uuid.UUID] = set()  # the keys and sessions of which it is being written that they were used
        self._remembered: dict[str, Any] = {}  # what plugins keep in memory
        self.checks: dict[str, Callable[[], Awaitable[str | None]]] = {}  # of /readyz: what rooms add; None, or what is wrong
        self.activity_kinds = _merged(plugins, "activity_kinds", "kind of activity")
        self.jobs = declared.checked(list(plugins.lists("jobs", crm=self)))
        self.consumers: dict[str, tuple[str, Consumer]] = checked_consumers(list(plugins.lists("consumers")))

    @property
    def stream(self) -> Stream:
        """Where events are heard as they happen."""
        return self.tail.stream

    @cached_property
    def resources(self) -> Resources:
        """All resources; to be asked for when the database is connected, for only then models know their relations."""
        return Resources(_resources(self.plugins))

    @cached_property
    def expressed(self) -> dict[type[Model], dict[str, tuple[str, Expressed]]]:
        """The fields that SQL works out of a row, with their plugins, by model and name."""
        return expressions.checked(self.plugins.lists("expressions", crm=self), self.resources)

    def worked(self, resource: Resource, name: str) -> Expressed | None:
        """The field of a resource that SQL works out, by its name."""
        _, found = self.expressed.get(resource.model, {}).get(name, (None, None))
        return found

    def columns(self, resource: Resource) -> Mapping[str, Column]:
        """What rows are filtered and ordered by: the columns of a resource, and the values that SQL works out of its rows."""
        worked = {name: one.column for name, (_, one) in self.expressed.get(resource.model, {}).items() if one.to is None}
        return {**resource.columns, **worked}

    @cached_property
    def passwords(self) -> "Passwords":
        """Hashes passwords and compares them."""
        from core.access.passwords import Passwords  # here, because most commands and many servers never see one

        return Passwords()

    @cached_property
    def tokens(self) -> "Tokens":
        """Knows who asks by a token of another provider."""
        from core.access.tokens import Tokens  # here, because without [oidc] nobody needs the cryptography

        return Tokens(self)

    @cached_property
    def answering(self) -> Answering:
        """Answers GraphQL. Made when it is first asked for, which takes a second, and when the database is connected. Raises StartError."""
        (_, made), *others = self.plugins.told("answering", crm=self)
        if others:
            raise StartError(f"plugin '{others[0][0]}': the house itself answers GraphQL, and nobody beside it")
        return made

    @cached_property
    def asks_who(self) -> bool:
        """Whether any plugin may say who asks."""
        return self.plugins.listens("actor")

    @cached_property
    def narrows(self) -> bool:
        """Whether any plugin may narrow what an actor may do, which it may decide anew for each request."""
        return self.plugins.listens("rule")

    @cached_property
    def permissions(self) -> dict[str, str]:
        """Every permission that there is, and what it means."""
        return _permissions(self.plugins, self.resources)

    def check(self) -> None:
        """Raise StartError when resources, their fields, permissions and roles do not fit together; after connecting."""
        assert self.expressed is not None
        _check_roles(self)

    def settings_of(self, kind: type[T]) -> T:
        """The settings of the plugin that declares this dataclass. Raises KeyError when it is not enabled."""
        for plugin in self.plugins.enabled:
            if isinstance(plugin.settings, kind):
                return plugin.settings
        raise KeyError(kind.__qualname__)

    def remembered(self, key: str, make: Callable[[], T]) -> T:
        """What a plugin keeps in memory of this house under `key`, made on first use: in this process alone, and gone with it."""
        if key not in self._remembered:
            self._remembered[key] = make()
        return self._remembered[key]

    def measure(self, one: Measure) -> None:
        """Add a figure to /metrics: for rooms of the house itself, which have no hook. It is shown as `payvand_NAME`."""
        self.measures[f"payvand_{one.name}"] = "core", one

    def resource(self, model: type[Model]) -> Resource:
        """How a model is shown."""
        return self.resources.of(model)

    def call(self, actor: Actor) -> "Call":
        """A request of this actor, without a client."""
        return Call(self, actor)

    @cached_property
    def grafted(self) -> dict[str, frozenset[str]]:
        """The fields that plugins write by hand onto types, by the name of the type."""
        found: dict[str, set[str]] = {}
        for _, part in self.plugins.lists("graphql", crm=self):
            definition = getattr(part, "__strawberry_definition__", None)
            if definition is not None:
                found.setdefault(definition.name, set()).update(one.python_name for one in definition.fields)
        return {name: frozenset(fields) for name, fields in found.items()}

    async def settle(self) -> None:
        """Wait until everything that follows from committed writes has been told."""
        while self.background:
            await asyncio.gather(*self.background, return_exceptions=True)


@dataclass
class Present:
    """Who is at the other end of something that lasts; looked up again and again, since keys are revoked and roles change."""

    actor: Actor


@dataclass(frozen=True)
class Call:
    """One request: who asks what of which house. A plugin's resolver finds it in `info.context`."""

    crm: CRM
    actor: Actor
    request_id: str | None = None
    loaders: dict[Any, Any] = field(default_factory=dict, compare=False)
    secrets: set[str] = field(default_factory=set, compare=False, repr=False)  # what the answer shows this once, and nobody keeps
    present: Present | None = field(default=None, compare=False)

    @cached_property
    def moment(self) -> datetime.datetime:
        """What is now for this request, in UTC: the same for the whole answer."""
        return now()

    def again(self) -> "Call":
        """The same request a while later, as for the next event of a subscription: who asks may do what it may do now."""
        return replace(self, actor=self.present.actor if self.present else self.actor, loaders={})

    def loader(self, key: Any, make: Any) -> Any:
        """The batch loader of this request under `key`, made on first use. Who waits for it can be cancelled and harms nobody."""
        if key not in self.loaders:
            self.loaders[key] = shared(make())
        return self.loaders[key]


def _resources(plugins: Plugins) -> Iterator[tuple[str, Resource]]:
    for plugin, resource in plugins.lists("resources"):
        if not isinstance(resource, Resource):
            raise StartError(f"plugin '{plugin}': resources() must return a list of Resource, not of {type(resource).__name__}")
        check(plugin, resource)
        yield plugin, resource


def _merged(plugins: Plugins, hook: str, what: str) -> dict[str, str]:
    merged: dict[str, str] = {}
    claimed: dict[str, str] = {}
    for plugin, answer in plugins.told(hook):
        if not isinstance(answer, Mapping) or not all(isinstance(one, str) for pair in answer.items() for one in pair):
            raise StartError(f"plugin '{plugin}': {hook}() must return a dict of texts, name and meaning")
        for name, meaning in answer.items():
            if name in merged:
                raise StartError(f"the {what} '{name}' is declared by plugin '{claimed[name]}' and by plugin '{plugin}'")
            merged[name], claimed[name] = meaning, plugin
    return merged


def _permissions(plugins: Plugins, resources: Resources) -> dict[str, str]:
    of_resources = {f"{resource.key}.{verb}": f"To {verb} a {resource.name}." for resource in resources for verb in sorted(resource.verbs)}
    own = _merged(plugins, "permissions", "permission")
    if taken := of_resources.keys() & own.keys():
        name = sorted(taken)[0]
        owner = next(plugin for plugin, answer in plugins.told("permissions") if name in answer)
        raise StartError(
            f"plugin '{owner}': the permission '{name}' belongs to the resource {resources.by_key[name.partition('.')[0]].name}"
        )
    return {**of_resources, **own}


def _check_roles(crm: CRM) -> None:
    enabled = {plugin.name for plugin in crm.plugins.enabled}
    asleep = tuple(name for name in available() if name not in enabled)
    roles = {
        role: {permission: grant for permission, grant in grants.items() if not (asleep and permission.startswith(asleep))}
        for role, grants in crm.settings.roles.items()
    }
    check_roles(roles, frozenset(crm.permissions))
