"""Whatever the role, every path shows exactly what a plain filter over all rows allows: the oracle reads no rule of ours."""

import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import strategies as st
from starlette.requests import HTTPConnection

from core.auth import authenticate
from core.crm import Call
from core.naming import camel
from core.resources import Column, ToOne
from core.tail.cursors import cursor_of
from schema.transport.parameters import Parameters
from tests.equality.laboratory import engine_of
from tests.examples import for_all
from tests.house import Asker, Houses, Templates
from tests.world import Row, World, fields_of, wheres

OWNED = {"contact": "owner", "company": "owner", "deal": "owner", "activity": "assignee"}
RULED = (*OWNED, "product", "tag")
PARTS = {"contactEmail": "contact", "contactPhone": "contact", "lifecycleChange": "contact", "dealLine": "deal", "dealStageChange": "deal"}
HIDEABLE = ("contact.city", "contact.gender", "contact.company", "deal.amount", "deal.contact", "activity.body", "company.name")
BLIND = frozenset({"contact.description", "deal.description"})
_numbers = count(1)


@dataclass(frozen=True)
class Persona:
    """A role that was drawn, and who has it."""

    grants: dict[str, tuple[str, Any]]
    hidden: frozenset[str]
    user: int

    @property
    def blind(self) -> bool:
        """Whether it must not see what the events of these tests change."""
        return self.hidden >= BLIND


@dataclass
class Office:
    """The awkward company with teams: a user in the team at the top, one in each team below it, and one in none."""

    world: World
    users: list[str] = field(default_factory=list)
    teams: list[str] = field(default_factory=list)
    below: dict[int, set[int]] = field(default_factory=dict)

    async def fill(self) -> None:
        """Make teams and users, and give each row to one of them, or to nobody."""
        house = self.world.house
        top = await house.make("Team", name="top")
        left, right = [await house.make("Team", name=name, parent_id=top.id) for name in ("left", "right")]
        moved = await house.make("Team", name="moved", parent_id=left.id)
        await house.ask(
            "mutation ($id: ID!, $to: ID!) { teamUpdate(id: $id, input: {parentId: $to}) { userErrors { message } } }",
            id=moved.id, to=right.id,
        )  # fmt: skip
        self.teams = [top.id, left.id, right.id, moved.id]
        for place, team in enumerate([*self.teams, None]):
            self.users.append((await house.make("User", name=f"u{place}", team_id=team)).id)
        self.below = {0: {0, 1, 2, 3}, 1: {1}, 2: {2, 3}, 3: {3}, 4: set()}
        for key, owner in OWNED.items():
            for place, row in enumerate(self.world.tables[key]):
                await house.ask(
                    f"mutation ($id: ID!, $to: ID) {{ {key}Update(id: $id, input: {{{owner}Id: $to}}) {{ userErrors {{ message }} }} }}",
                    id=row["id"], to=[*self.users, None][place % 6],
                )  # fmt: skip
        for resource in house.crm.resources:
            self.world.tables[resource.key] = sorted(await self.world._read(resource), key=lambda row: row["id"])

    # The oracle

    def sees(self, persona: Persona, key: str, row: Row) -> bool:
        """Whether a plain filter lets the row pass."""
        if key in PARTS:
            whole = self.world.tables[PARTS[key]]
            return any(one["id"] == row[PARTS[key]]["id"] and self.sees(persona, PARTS[key], one) for one in whole)
        scope, where = persona.grants.get(key, ("ALL", None))
        if scope in ("ALL", "NONE"):
            return scope == "ALL"
        if scope == "WHERE":
            return self.world.holds(key, row, where)
        if key not in OWNED:
            return True
        owner = row[OWNED[key]] and row[OWNED[key]]["id"]
        mine = {self.users[persona.user]}
        if scope == "TEAM":
            mine |= {self.users[one] for one in self.below[persona.user]}
        return owner in mine

    def visible(self, persona: Persona, key: str) -> dict[str, Row]:
        """The rows that pass, by id."""
        return {row["id"]: row for row in self.world.tables[key] if self.sees(persona, key, row)}

    def denied(self, persona: Persona, key: str) -> bool:
        """Whether the whole resource is shut."""
        return persona.grants.get(PARTS.get(key, key), ("ALL", None))[0] == "NONE"

    async def enter(self, persona: Persona) -> Asker:
        """Someone with this role."""
        house, name = self.world.house, f"drawn-{next(_numbers)}"
        grants = [{"permission": "*", "scope": "ALL"}]
        grants += [
            {"permission": f"{key}.read", "scope": scope, **({"where": where} if scope == "WHERE" else {})}
            for key, (scope, where) in persona.grants.items()
        ]
        hidden = [{"field": one, "access": "HIDDEN"} for one in sorted(persona.hidden)]
        await house.make("Role", name=name, grants=grants, fields=hidden)
        return await house.as_(name, self.users[persona.user])


@pytest.fixture(scope="module")
async def office(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    async with Houses(templates, tmp_path_factory.mktemp("office"))(limits={"page": 1000, "cost": 10_000_000}) as house:
        world = World(house)
        await world.fill()
        made = Office(world)
        await made.fill()
        yield made


def personas(office: Office) -> st.SearchStrategy[Persona]:
    """Roles: for some resources a scope or a filter, and some fields hidden."""

    def scopes(key: str) -> st.SearchStrategy[tuple[str, Any]]:
        plain = st.sampled_from(["NONE", "OWN", "TEAM", "ALL"]).map(lambda scope: (scope, None))
        return plain | wheres(office.world, key, depth=1).map(lambda where: ("WHERE", where))

    grants = st.fixed_dictionaries({}, optional={key: scopes(key) for key in RULED})
    hidden = st.frozensets(st.sampled_from(HIDEABLE), max_size=2)
    return st.builds(Persona, grants, hidden, st.integers(0, 4))


async def test_lists_counts_groups_and_ids_show_what_a_plain_filter_shows(office: Office):
    async def check(persona: Persona) -> None:
        asker = await office.enter(persona)
        for key in (*RULED, *PARTS):
            resource, rows = office.world.resource(key), office.visible(persona, key)
            name = camel(resource.plural)
            data, errors = await asker.answer(f"{{ {name}(first: 1000) {{ totalCount nodes {{ id }} }} {name}Aggregate {{ count }} }}")
            if office.denied(persona, key):
                assert data == {name: None, f"{name}Aggregate": None}
                assert {error["extensions"]["code"] for error in errors} == {"FORBIDDEN"}
                continue
            assert not errors
            assert [node["id"] for node in data[name]["nodes"]] == list(rows)
            assert (data[name]["totalCount"], data[f"{name}Aggregate"]) == (len(rows), [{"count": len(rows)}])
            every = [row["id"] for row in office.world.tables[key]][:40]
            data, _ = await asker.answer("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=every)
            assert data["nodes"] == [{"id": one} if one in rows else None for one in every]

    await for_all(check, personas(office), share=0.4)


async def test_relations_lead_to_visible_rows_only(office: Office):
    async def check(persona: Persona) -> None:
        if persona.hidden & {"deal.contact", "contact.company"} or office.denied(persona, "contact"):
            return
        asker = await office.enter(persona)
        data, _ = await asker.answer(
            "{ contacts(first: 1000) { nodes { id company { id } tags { id } owner { id }"
            " deals(first: 1000) { totalCount nodes { id contact { id } } } activities(first: 1000) { nodes { id } } } } }"
        )
        shown = {key: office.visible(persona, key) for key in RULED}
        for node in data["contacts"]["nodes"]:
            row = shown["contact"][node["id"]]
            assert node["company"] == (row["company"] if row["company"] and row["company"]["id"] in shown["company"] else None)
            for name, key in (("deals", "deal"), ("activities", "activity")):
                if node[name] is None:
                    assert office.denied(persona, key)
                    continue
                behind = [one["id"] for one in shown[key].values() if one["contact"] and one["contact"]["id"] == node["id"]]
                assert [one["id"] for one in node[name]["nodes"]] == behind
            assert node["deals"] is None or node["deals"]["totalCount"] == len(node["deals"]["nodes"])

    await for_all(check, personas(office), share=0.4)


async def test_filters_over_relations_count_visible_rows_only(office: Office):
    async def check(persona: Persona) -> None:
        if persona.hidden or office.denied(persona, "contact") or office.denied(persona, "deal"):
            return
        asker = await office.enter(persona)
        data, errors = await asker.answer("{ contacts(first: 1000, where: {deals: {some: {}}}) { nodes { id } } }")
        assert not errors
        deals = office.visible(persona, "deal").values()
        with_deals = {deal["contact"]["id"] for deal in deals if deal["contact"]}
        assert [node["id"] for node in data["contacts"]["nodes"]] == [
            one for one in office.visible(persona, "contact") if one in with_deals
        ]

    await for_all(check, personas(office), share=0.4)


async def heard(office: Office, asker: Asker, after: str, last: str) -> list[dict[str, Any]]:
    """The events that someone is told of behind a cursor, up to one of the record `last`, which everybody sees."""
    house, engine = office.world.house, engine_of(office.world.house)
    key = asker.client.headers["Authorization"].removeprefix("Bearer ")
    actor = await authenticate(house.crm, HTTPConnection({"type": "http", "headers": []}), key)
    parameters = Parameters("subscription ($after: String) { events(after: $after) { recordId changed } }", {"after": after})
    told: list[dict[str, Any]] = []
    async with aclosing(engine.stream(engine.prepare(parameters), parameters, Call(house.crm, actor))) as answers:
        async for answer in answers:
            told.append(json.loads(answer.encoded())["data"]["events"])
            if told[-1]["recordId"] == last:
                return told
    raise AssertionError("the stream has ended")


async def test_events_are_told_of_visible_rows_and_fields_only(office: Office):
    house = office.world.house

    async def touch(key: str, identity: str, **values: str) -> None:
        kind = office.world.resource(key).name
        await house.ask(
            f"mutation ($id: ID!, $input: {kind}UpdateInput!) {{ {key}Update(id: $id, input: $input) {{ userErrors {{ message }} }} }}",
            id=identity, input=values,
        )  # fmt: skip

    async def check(persona: Persona) -> None:
        asker, last = await office.enter(persona), office.teams[0]
        [newest] = await house.sql("SELECT position, id FROM event ORDER BY position DESC LIMIT 1")
        after = cursor_of(SimpleNamespace(position=newest["position"], id=uuid.UUID(str(newest["id"]))))  # type: ignore[arg-type]  # all it needs
        rows = [(key, row["id"]) for key in ("contact", "deal") for row in office.world.tables[key][::5]]
        for key, identity in rows:
            await touch(key, identity, description=f"of {next(_numbers)}")
        await touch("team", last, name=f"top {next(_numbers)}")
        told = await heard(office, asker, after, last)
        seen = {key: office.visible(persona, key) for key in ("contact", "deal")}
        assert [event["recordId"] for event in told[:-1]] == [identity for key, identity in rows if identity in seen[key]]
        assert all(event["changed"] == ([] if persona.blind else ["description"]) for event in told[:-1])

    blind = personas(office).map(lambda one: Persona(one.grants, one.hidden | BLIND, one.user))
    await for_all(check, personas(office) | blind, share=0.3)


async def test_keys_of_groups_are_visible_rows(office: Office):
    async def check(persona: Persona) -> None:
        if "contact.company" in persona.hidden or office.denied(persona, "contact"):
            return
        asker = await office.enter(persona)
        data, errors = await asker.answer("{ contactsAggregate(groupBy: [{field: COMPANY}]) { key { company { id } } count } }")
        if office.denied(persona, "company"):
            assert not data["contactsAggregate"] or all(group["key"]["company"] is None for group in data["contactsAggregate"])
            return
        assert not errors
        companies = office.visible(persona, "company")
        owners = [row["company"] and row["company"]["id"] for row in office.visible(persona, "contact").values()]
        wanted = Counter(one if one in companies else None for one in owners)
        assert {group["key"]["company"] and group["key"]["company"]["id"]: group["count"] for group in data["contactsAggregate"]} == wanted

    await for_all(check, personas(office), share=0.4)


async def test_a_hidden_field_is_nowhere(office: Office):
    async def check(persona: Persona, name: str) -> None:
        persona = Persona(persona.grants, persona.hidden | {name}, persona.user)
        key, _, shown = name.partition(".")
        if office.denied(persona, key):
            return
        asker, resource = await office.enter(persona), office.world.resource(key)
        known, plural = fields_of(office.world.house, key)[shown], camel(resource.plural)
        below = " { id }" if isinstance(known, ToOne) else " { amount }" if shown == "amount" else ""
        data, errors = await asker.answer(f"{{ {plural}(first: 1000) {{ nodes {{ id {shown}{below} }} }} }}")
        rows = office.visible(persona, key)
        assert data[plural]["nodes"] == [{"id": one, shown: None} for one in rows]
        assert [error["extensions"]["code"] for error in errors] == ["FORBIDDEN"] * len(rows)
        asked = [f"{plural}(where: {{{shown}: {{}}}}) {{ totalCount }}"]
        if isinstance(known, Column) and (known.key or known.enum or shown == "amount"):
            field_name = "".join(f"_{one}" if one.isupper() else one for one in shown).upper()
            asked.append(f"{plural}(orderBy: [{{field: {field_name}}}]) {{ totalCount }}")
            if shown == "amount":
                asked.append(f"{plural}Aggregate {{ max {{ amount {{ amount }} }} }}")
            elif known.enum or shown == "city":
                asked.append(f"{plural}Aggregate(groupBy: [{{field: {field_name}}}]) {{ count }}")
        for document in asked:
            data, errors = await asker.answer(f"{{ {document} }}")
            assert (set(data.values()), [error["extensions"]["code"] for error in errors]) == ({None}, ["FORBIDDEN"]), document

    await for_all(check, personas(office), st.sampled_from(HIDEABLE), share=0.4)


async def test_writing_reaches_no_further_than_reading(office: Office):
    async def check(persona: Persona) -> None:
        asker, rows = await office.enter(persona), office.visible(persona, "contact")
        for row in office.world.tables["contact"][::7]:
            if row["id"] in rows:
                continue
            data, errors = await asker.answer(
                "mutation ($id: ID!) { contactUpdate(id: $id, input: {description: \"x\"}) { contact { id } userErrors { code } } }",
                id=row["id"],
            )  # fmt: skip
            if errors:
                assert errors[0]["extensions"]["code"] == "FORBIDDEN"
            else:
                assert data["contactUpdate"] == {"contact": None, "userErrors": [{"code": "NOT_FOUND"}]}

    await for_all(check, personas(office), share=0.2)
