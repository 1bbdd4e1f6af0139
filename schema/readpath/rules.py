"""Which rows an actor may see, as SQL: what `core.records.visibility` says with querysets."""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from core.crm import Call
from core.permissions import rule
from core.records.logic import plain_tests
from core.records.statements import statement
from core.resources import READ, Resource
from schema.readpath.statement import Bind, Statement
from schema.readpath.variables import Unfit


@dataclass(frozen=True)
class Rule:
    """What a rule says: its form, on which the text of a statement depends, and the values in it."""

    form: Hashable
    values: tuple[Any, ...] = ()


def visible(made: Statement, resource: Resource, alias: str, *, deleted: bool = False) -> list[str]:
    """Tests that hold for the rows of `alias` that the actor may see. Raises Unfit when it may see none at all."""
    tests = own(made, resource, alias, deleted=deleted)
    if parent := resource.parent:
        whole, above = made.call.crm.resource(parent.model), made.alias()
        inside = " AND ".join(visible(made, whole, above, deleted=deleted)) or "TRUE"
        tests.append(f'{alias}."{parent.attr}" IN (SELECT {above}."id" FROM "{table(whole)}" {above} WHERE {inside})')
    return tests


def own(made: Statement, resource: Resource, alias: str, *, deleted: bool = False) -> list[str]:
    """As `visible`, for rows whose record is known to be visible, when they are part of one."""
    tests = _rule(made, resource, alias)
    if resource.soft and not deleted:
        tests.append(f'{alias}."deleted_at" IS NULL')
    return tests


def table(resource: Resource) -> str:
    """The table of a resource."""
    return resource.model._meta.db_table


def asked(call: Call, resource: Resource) -> Rule:
    """What the rules say of the rows of a resource, asked once in a request."""
    return call.loader(("rule", resource.key), lambda: _asked(call, resource))


def _asked(call: Call, resource: Resource) -> Rule:
    allowed = rule(call.crm, call.actor, resource, READ)
    if isinstance(allowed, bool):
        return Rule(allowed)
    pairs = plain_tests(resource.model, allowed)
    if pairs is not None:
        return Rule(tuple((name, kind) for name, kind, _ in pairs), tuple(value for _, _, value in pairs))
    sql, values = statement(resource.model.filter(allowed).values("id"))
    return Rule(sql, tuple(values))


def _rule(made: Statement, resource: Resource, alias: str) -> list[str]:
    form = made.ask(lambda call, _: asked(call, resource).form)
    if form is False:
        raise Unfit(f"the permission {resource.key}.{READ}")
    if form is True:
        return []
    if isinstance(form, tuple):
        tests = [f'{alias}."{name}" = {made.bind(_value(made, resource, place), kind)}' for place, (name, kind) in enumerate(form)]
        return [made.dialect.rule(test) for test in tests]
    return [f'{alias}."id" IN ({_placed(made, resource, form)})']


def _value(made: Statement, resource: Resource, place: int) -> Bind:
    value = made.dialect.value
    return lambda call, _: value(asked(call, resource).values[place])


def _placed(made: Statement, resource: Resource, sql: str) -> str:
    """The SQL of a rule with its parameters among those of the statement."""
    count = 0

    def place(match: re.Match[str]) -> str:
        nonlocal count
        index = int(match[1]) - 1 if match[1] else count
        count += 1
        made.binds.append(_value(made, resource, index))
        return f"{'$' if match[0][0] == '$' else '?'}{len(made.binds)}"

    return re.sub(r"\$(\d+)|\?()", place, sql)
