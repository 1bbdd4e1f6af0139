"""Which of some keys are of records that an actor may see: one statement for all tables, where the rules allow it."""

import uuid
from collections.abc import Mapping, Set
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tortoise.expressions import Q
from tortoise.models import Model

from core.database.inside import dialect, inside
from core.permissions import rule
from core.records.logic import plain_tests
from core.resources import READ

if TYPE_CHECKING:
    from core.crm import Call

MOST = 500  # keys in one statement
# A table, the columns that must have some value, whether deleted rows stay in it, and how many keys are asked for.
_Look = tuple[type[Model], tuple[str, ...], bool, int]


async def present(call: "Call", wanted: Mapping[type[Model], Set[uuid.UUID]]) -> dict[type[Model], set[uuid.UUID]] | None:
    """The keys of those records that are there for the actor, by model; None where more is to be asked than one statement can."""
    looks: list[_Look] = []
    values: list[Any] = []
    if not wanted:
        return {}
    server = dialect() == "postgres"
    for model, keys in wanted.items():
        tests = _tests(call, model)
        if tests is None or len(keys) > MOST:
            return None
        looks.append((model, tuple(name for name, _ in tests), call.crm.resource(model).soft, len(keys)))
        values += [[*keys], *(value for _, value in tests)] if server else map(_plain, (*keys, *(value for _, value in tests)))
    found: dict[type[Model], set[uuid.UUID]] = {model: set() for model in wanted}
    models = [*wanted]
    for place, key in await inside().look((_of_arrays if server else _of_lists)(tuple(looks)), values):
        found[models[place]].add(key if server else uuid.UUID(key))
    return found


def _tests(call: "Call", model: type[Model]) -> list[tuple[str, Any]] | None:
    """Columns and the values that the rule of the actor wants them to have; None when the rule says anything else."""
    resource = call.crm.resource(model)
    allowed = rule(call.crm, call.actor, resource, READ)
    if resource.parent or model._meta.schema or allowed is False:
        return None
    tests = plain_tests(model, allowed) if isinstance(allowed, Q) else []
    return None if tests is None else [(model._meta.fields_db_projection[name], value) for name, _, value in tests]


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, uuid.UUID) else value


@lru_cache(maxsize=1_000)
def _of_lists(looks: tuple[_Look, ...]) -> str:
    """The statement on SQLite."""
    parts = []
    for place, (model, columns, soft, count) in enumerate(looks):
        tests = [f"id IN ({', '.join('?' * count)})", *(f'"{name}" = ?' for name in columns), *_live(soft)]
        parts.append(f'SELECT {place}, id FROM "{model._meta.db_table}" WHERE {" AND ".join(tests)}')
    return " UNION ALL ".join(parts)


def _of_arrays(looks: tuple[_Look, ...]) -> str:
    """The statement on PostgreSQL, where it is the same for any number of keys."""
    return _of_any(tuple((*look[:3], 0) for look in looks))


@lru_cache(maxsize=1_000)
def _of_any(looks: tuple[_Look, ...]) -> str:
    parts, last = [], 0
    for place, (model, columns, soft, _) in enumerate(looks):
        tests = [f"id = ANY(${last + 1})", *(f'"{name}" = ${number}' for number, name in enumerate(columns, last + 2)), *_live(soft)]
        parts.append(f'SELECT {place}, id FROM "{model._meta.db_table}" WHERE {" AND ".join(tests)}')
        last += 1 + len(columns)
    return " UNION ALL ".join(parts)


def _live(soft: bool) -> list[str]:
    return ["deleted_at IS NULL"] if soft else []
