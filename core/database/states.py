"""The models as migrations leave them, without making their classes anew for each operation: that takes most of the time."""

from collections.abc import Iterable
from typing import Self

from tortoise.migrations.migration import Migration
from tortoise.migrations.schema_generator.state import State
from tortoise.migrations.schema_generator.state_apps import StateApps


class Followed(State):
    """A state whose classes are made once, by `render`, after all operations that nobody looks between."""

    @classmethod
    async def after(cls, migrations: Iterable[Migration], **connections: str) -> Self:
        """The models after these migrations, without classes. `connections` are the names of those of the apps."""
        state = cls(models={}, apps=StateApps(default_connections=connections))
        for migration in migrations:
            await migration.apply(state, dry_run=True)
        return state

    def render(self) -> State:
        """The state with its classes. Raises RuntimeError when one points to a model that is not there."""
        state = State(models=self.models, apps=self.apps.clone(model_states=self.models))
        state.validate_relations_initialized()
        return state

    def _reload(self, models_to_reload: set[tuple[str, str]]) -> None:
        pass


def before(state: State) -> State:
    """The state as it is now, to be looked at when the next operation has changed `state`.

    An operation makes new classes of what it changes and leaves the old ones, so they can be kept; it copies no fields,
    so descriptions of models are copied.
    """
    apps = StateApps(default_connections=dict(state.apps._default_connections), connections=state.apps._connections)
    apps.apps = {label: dict(models) for label, models in state.apps.apps.items()}
    return State(models={key: model.clone() for key, model in state.models.items()}, apps=apps)
