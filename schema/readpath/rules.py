"""Which rows an actor may see, as SQL: what `core.records.visibility` says with querysets."""

import json
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from tortoise.expressions import Q

from core.crm import CRM, Call
from core.models import TeamAncestor, User
from core.permissions import Granted, OfTeam, Owned, Test, reach
from core.records import wheres
from core.records.logic import plain_tests
from core.records.statements import statement
from core.resources import READ, Resource
from core.roles import ME, TEAM_OF_ME
from schema.readpath.arguments import Given
from schema.readpath.statement import Bind, Statement
from schema.readpath.variables import Unfit

USERS, TEAMS = User._meta.db_table, TeamAncestor._meta.db_table


@dataclass(frozen=True)
class Owner:
    """The form of a test that a row belongs to a user, or with `team` to a user of a team or of one below it."""

    attr: str
    team: bool = False


@dataclass(frozen=True)
class Where:
    """The form of the filter of a role; of one that is not `possible` no row passes. Its value are the words in it."""

    text: str
    possible: bool


@dataclass(frozen=True)
class Rule:
    """What the rules say: their form, on which the text of a statement depends, and the values in it, in their order."""

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
    tests = _rule(made, resource, alias) if made.ruled else []
    if resource.soft and not deleted:
        tests.append(f'{alias}."deleted_at" IS NULL')
    return tests


def table(resource: Resource) -> str:
    """The table of a resource."""
    return resource.model._meta.db_table


def asked(call: Call, resource: Resource) -> Rule:
    """What the rules say of the rows of a resource: asked once in a request, and once of an actor when no plugin has a say in it."""
    kept = call.loaders if call.crm.narrows else call.actor.follows
    key = ("rule", resource.key)
    if key not in kept:
        kept[key] = _asked(call, resource)
    return kept[key]


def _asked(call: Call, resource: Resource) -> Rule:
    allowed = reach(call.crm, call.actor, resource, READ)
    if isinstance(allowed, bool):
        return Rule(allowed)
    forms: list[Hashable] = []
    values: list[Any] = []
    for test in allowed:
        form, inside = _form(call.crm, resource, test)
        forms.append(form)
        values += inside
    return Rule(tuple(forms), tuple(values))


def _form(crm: CRM, resource: Resource, test: Test) -> tuple[Hashable, Sequence[Any]]:
    """The form of one test: an Owner, a Where, columns with their kinds, or the SQL of a queryset; and the values in it."""
    if isinstance(test, Granted):
        words = test.rows.words(crm, test.actor)
        return Where(test.rows.text, words is not None), [words or {}]
    if isinstance(test, Owned):
        return Owner(test.attr), [test.user_id]
    if isinstance(test, OfTeam):
        return Owner(test.attr, team=True), [test.team_id]
    assert isinstance(test, Q)
    pairs = plain_tests(resource.model, test)
    if pairs is not None:
        return tuple((name, kind) for name, kind, _ in pairs), [value for _, _, value in pairs]
    return statement(resource.model.filter(test).values("id"))


def _rule(made: Statement, resource: Resource, alias: str) -> list[str]:
    forms = made.ask(lambda call, _: asked(call, resource).form)
    if forms is False:
        raise Unfit(f"the permission {resource.key}.{READ}")
    tests: list[str] = []
    places = _Places(made, resource)
    for form in () if forms is True else forms:
        if isinstance(form, Owner):
            # A team is looked up when the statement runs: to plan it for each team anew would find out nothing.
            steady = form.team or form.attr in made.led.get(alias, ())
            tests.append(made.dialect.rule(_owner(made, form, alias, places.next("uuid", steady=steady))))
        elif isinstance(form, Where):
            tests.append(_where(made, resource, alias, form, places.value()))
        elif isinstance(form, tuple):
            tests += [made.dialect.rule(f'{alias}."{name}" = {places.next(kind)}') for name, kind in form]
        else:
            tests.append(f'{alias}."id" IN ({places.placed(form)})')
    return tests


def _owner(made: Statement, form: Owner, alias: str, place: str) -> str:
    if not form.team:
        return f'{alias}."{form.attr}" = {place}'
    user, team = made.alias(), made.alias()
    teams = f'SELECT {team}."team_id" FROM "{TEAMS}" {team} WHERE {team}."ancestor_id" = {place}'
    return made.dialect.among(f'{alias}."{form.attr}"', f'SELECT {user}."id" FROM "{USERS}" {user} WHERE {user}."team_id" IN ({teams})')


def _where(made: Statement, resource: Resource, alias: str, form: Where, words: Bind) -> str:
    if not form.possible:
        return "FALSE"
    assert made.meaning
    first, ruled = len(made.binds), made.ruled
    made.ruled = False
    try:
        read = wheres.read(made.call.crm, resource, json.loads(form.text))
        tests = made.meaning(made, resource, alias, _given(read)) or ["TRUE"]
    finally:
        made.ruled = ruled
    made.binds[first:] = [_knowing(bind, words) for bind in made.binds[first:]]
    return f"({' AND '.join(tests)})"


def _given(value: Any) -> Given:
    """The filter of a role as if a client had given it, with variables for its words."""
    if isinstance(value, dict):
        parts = {name: _given(one) for name, one in value.items()}
        at = None if all(one.fixed for one in parts.values()) else lambda words: {name: one.at(words) for name, one in parts.items()}
        return Given(value, at, parts)
    if isinstance(value, list):
        items = [_given(one) for one in value]
        return Given(value, None if all(one.fixed for one in items) else lambda words: [one.at(words) for one in items], items)
    return Given(value, (lambda words: words[value]) if value in (ME, TEAM_OF_ME) else None)


def _knowing(bind: Bind, words: Bind) -> Bind:
    return lambda call, variables: bind(call, {**variables, **words(call, variables)})


@dataclass
class _Places:
    """The places of a rule's values among the parameters of a statement, one after the other."""

    made: Statement
    resource: Resource
    used: int = 0

    def next(self, kind: str, *, steady: bool = False) -> str:
        """The place of the next value."""
        value, keep = self.value(), self.made.dialect.value
        return self.made.bind(lambda call, variables: keep(value(call, variables)), kind, steady=steady)

    def placed(self, sql: str) -> str:
        """The SQL of a queryset with its parameters among those of the statement."""
        first, numbered = self.used, 0

        def place(match: re.Match[str]) -> str:
            nonlocal numbered
            index = int(match[1]) - 1 if match[1] else numbered
            numbered = max(numbered, index) + 1
            self.used = first + index
            value, keep = self.value(), self.made.dialect.value
            self.made.binds.append(lambda call, variables: keep(value(call, variables)))
            self.made.steady = False
            return f"{'$' if match[0][0] == '$' else '?'}{len(self.made.binds)}"

        text = re.sub(r"\$(\d+)|\?()", place, sql)
        self.used = first + numbered
        return text

    def value(self) -> Bind:
        """What gives the next value."""
        resource, index = self.resource, self.used
        self.used += 1
        return lambda call, _: asked(call, resource).values[index]
