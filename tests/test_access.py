"""Two roles on every path: an administrator, and an owner who sees its own rows and whatever everybody shares."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from tests.house import Asker, House, Houses, Templates
from tests.wire import on_a_port

pytestmark = pytest.mark.anyio

SECRET = "Hidden"


@dataclass
class World:
    """A house with rows of two users; `mine` is what Sara may see, `hidden` belongs to Omid. The ids are by resource."""

    house: House
    sara: Asker
    omid: Asker
    mine: dict[str, str]
    hidden: dict[str, str]
    shared: dict[str, str]
    users: dict[str, str]

    async def both(self, document: str, **variables: Any) -> tuple[Any, Any]:
        """What the administrator sees, and what Sara sees."""
        return await self.house.ask(document, **variables), await self.sara.ask(document, **variables)


@pytest.fixture(scope="module")
async def world(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """The same rows for all tests: what one refuses must have changed nothing for the next."""
    async with Houses(templates, tmp_path_factory.mktemp("access"))() as house:
        users = {name: (await house.make("User", name=name, email=f"{name}@example.com")).id for name in ("sara", "omid")}
        pipeline = await house.make("Pipeline", name="Sales")
        stages = [
            (await house.make("Stage", name=name, pipeline_id=pipeline.id, position=place)).id
            for place, name in enumerate(("New", "Offer"))
        ]
        shared = {
            "Pipeline": pipeline.id,
            "Stage": stages[0],
            "Product": (await house.make("Product", name="Tea", sku="T-1")).id,
            "Tag": (await house.make("Tag", name="vip")).id,
        }
        made = [await _rows(house, users[name], f"{text} of {name}", shared, stages) for name, text in (("sara", "Seen"), ("omid", SECRET))]
        sara, omid = await house.as_("owner", users["sara"]), await house.as_("owner", users["omid"])
        yield World(house, sara, omid, made[0], made[1], shared, users)


async def _rows(house: House, user: str, text: str, shared: dict[str, str], stages: list[str]) -> dict[str, str]:
    company = await house.make("Company", name=text, owner_id=user, external_id=f"x-{text}")
    contact = await house.make(
        "Contact", "emails { id } lifecycleChanges { nodes { id } }", name=text, owner_id=user, company_id=company.id, city="Shiraz",
        external_id=f"x-{text}", tag_ids=[shared["Tag"]], phones=[{"number": "+989121234567"}],
        emails=[{"address": f"{text[0]}@example.com"}],
    )  # fmt: skip
    deal = await house.make(
        "Deal", "lines { id }", title=text, owner_id=user, contact_id=contact.id, company_id=company.id, stage_id=stages[0],
        amount={"amount": "100", "currency": "EUR"}, lines=[{"productId": shared["Product"], "quantity": "1"}],
    )  # fmt: skip
    await house.ask(
        "mutation ($id: ID!, $stage: ID!) { dealUpdate(id: $id, input: {stageId: $stage}) { userErrors { message } } }",
        id=deal.id,
        stage=stages[1],
    )
    steps = await house.ask("query ($id: ID!) { deal(id: $id) { stageChanges { nodes { id } } } }", id=deal.id)
    activity = await house.make("Activity", kind="CALL", subject=text, assignee_id=user, contact_id=contact.id, deal_id=deal.id)
    return {
        "Company": company.id, "Contact": contact.id, "Deal": deal.id, "Activity": activity.id,
        "ContactEmail": contact.emails[0]["id"], "LifecycleChange": contact.lifecycleChanges["nodes"][0]["id"],
        "DealLine": deal.lines[0]["id"], "DealStageChange": steps["deal"]["stageChanges"]["nodes"][0]["id"],
    }  # fmt: skip


OWNED = ("Company", "Contact", "Deal", "Activity")
PARTS = ("ContactEmail", "LifecycleChange", "DealLine", "DealStageChange")


def _field(kind: str, plural: bool = False) -> str:
    name = kind[0].lower() + kind[1:]
    if not plural:
        return name
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"


# Reading


@pytest.mark.parametrize("kind", [*OWNED, *PARTS])
async def test_a_hidden_row_looks_like_one_that_is_not_there(kind: str, world: World):
    absent = f"{world.hidden[kind].rpartition('_')[0]}_019a0000-0000-7000-8000-000000000000"
    for document in (f"query ($id: ID!) {{ found: {_field(kind)}(id: $id) {{ id }} }}", "query ($id: ID!) { found: node(id: $id) { id } }"):
        assert (await world.sara.ask(document, id=world.mine[kind]))["found"] == {"id": world.mine[kind]}
        assert (await world.house.ask(document, id=world.hidden[kind]))["found"]
        answers = [await world.sara.answer(document, id=id) for id in (world.hidden[kind], absent)]
        for data, errors in answers:
            assert data == {"found": None}
            assert [error["extensions"]["code"] for error in errors] == ["NOT_FOUND"]
        assert answers[0][1][0]["message"] == answers[1][1][0]["message"]


async def test_nodes_are_null_for_hidden_rows_and_keep_their_places(world: World):
    ids = [world.mine["Deal"], world.hidden["Deal"], world.hidden["DealLine"], world.shared["Product"], world.mine["ContactEmail"]]
    found = await world.sara.ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
    assert found["nodes"] == [{"id": ids[0]}, None, None, {"id": ids[3]}, {"id": ids[4]}]


@pytest.mark.parametrize("kind", [*OWNED, *PARTS])
async def test_lists_counts_and_aggregates_hold_only_what_one_may_see(kind: str, world: World):
    many = _field(kind, True)
    admin, sara = await world.both(f"{{ {many} {{ totalCount nodes {{ id }} }} {many}Aggregate {{ count }} }}")
    ids = {node["id"] for node in admin[many]["nodes"]}
    assert {world.mine[kind], world.hidden[kind]} <= ids
    seen = {node["id"] for node in sara[many]["nodes"]}
    assert world.mine[kind] in seen
    assert world.hidden[kind] not in seen
    assert sara[many]["totalCount"] == len(seen) == sara[f"{many}Aggregate"][0]["count"]
    assert len(ids) == 2 * len(seen)


@pytest.mark.parametrize("kind", ["Product", "Tag", "User", "Stage", "Pipeline"])
async def test_what_has_no_owner_is_read_by_all_and_written_by_none_of_them(kind: str, world: World):
    many = _field(kind, True)
    admin, sara = await world.both(f"{{ {many} {{ nodes {{ id name }} }} }}")
    assert admin == sara
    id = admin[many]["nodes"][0]["id"]
    document = f'mutation ($id: ID!) {{ {_field(kind)}Update(id: $id, input: {{name: "x"}}) {{ userErrors {{ message }} }} }}'
    _, errors = await world.sara.answer(document, id=id)
    assert [error["extensions"]["code"] for error in errors] == ["FORBIDDEN"]


async def test_relations_to_hidden_rows_are_null(world: World):
    deal = await world.house.make(
        "Deal", title="Mixed", owner_id=world.users["sara"], contact_id=world.hidden["Contact"], company_id=world.mine["Company"]
    )
    document = """query ($id: ID!) { deal(id: $id) { contact { name } company { name } stage { name }
        contactAgain: contact { deals { totalCount } emails { address } } } }"""
    admin, sara = await world.both(document, id=deal.id)
    assert admin["deal"]["contact"] == {"name": "Hidden of omid"}
    assert sara["deal"] == {"contact": None, "company": {"name": "Seen of sara"}, "stage": {"name": "New"}, "contactAgain": None}
    grouped = "{ dealsAggregate(groupBy: [{field: CONTACT}]) { key { contact { name } } count } }"
    groups = (await world.sara.ask(grouped))["dealsAggregate"]
    assert sorted(json.dumps(group["key"]["contact"]) for group in groups) == ["null", '{"name": "Seen of sara"}']
    assert SECRET not in json.dumps(groups)
    back = """query ($id: ID!) { company(id: $id) {
        contacts { totalCount nodes { name } } deals { nodes { title contact { name } } } activities { totalCount } } }"""
    assert SECRET not in json.dumps(await world.sara.ask(back, id=world.mine["Company"]))
    where = '{contact: {name: {startsWith: "hidden"}}}'
    assert (await world.sara.ask(f"{{ deals(where: {where}) {{ totalCount }} }}"))["deals"]["totalCount"] == 0
    await world.house.ask("mutation ($id: ID!) { dealDelete(id: $id) { userErrors { message } } }", id=deal.id)


@pytest.mark.parametrize(
    ("many", "where"),
    [
        ("companies", "{contacts: {some: {}}}"),
        ("companies", '{contacts: {some: {name: {contains: "hidden"}}}}'),
        ("companies", '{deals: {some: {title: {contains: "hidden"}}}}'),
        ("users", '{contacts: {some: {name: {startsWith: "hidden"}}}}'),
        ("users", '{deals: {some: {lines: {some: {quantity: {eq: "1"}}}}}, email: {eq: "omid@example.com"}}'),
        ("users", '{activities: {some: {}}, name: {eq: "omid"}}'),
        ("products", '{dealLines: {some: {deal: {title: {startsWith: "hidden"}}}}}'),
        ("products", '{activities: {some: {subject: {startsWith: "hidden"}}}}'),
        ("stages", '{deals: {some: {title: {startsWith: "hidden"}}}}'),
        ("pipelines", '{deals: {some: {owner: {name: {eq: "omid"}}}}}'),
        ("pipelines", '{stages: {some: {deals: {some: {contact: {emails: {some: {address: {startsWith: "h"}}}}}}}}}'),
        ("teams", "{users: {some: {contacts: {some: {}}}}}"),
    ],
)
async def test_hidden_rows_do_not_count_in_filters_over_relations(many: str, where: str, world: World):
    document = f"""{{ found: {many}(where: {where}) {{ totalCount nodes {{ id }} }}
        none: {many}(where: {{not: {where}}}) {{ totalCount }} all: {many} {{ totalCount }} }}"""
    data = await world.sara.ask(document)
    found = {node["id"] for node in data["found"]["nodes"]}
    assert found.isdisjoint(world.hidden.values())
    assert world.users["omid"] not in found
    if "hidden" in where or "omid" in where:
        assert found == set()
    assert data["found"]["totalCount"] + data["none"]["totalCount"] == data["all"]["totalCount"]


async def test_every_and_none_speak_of_what_one_may_see(world: World):
    document = """{ every: users(where: {contacts: {every: {name: {startsWith: "seen"}}}}) { nodes { name } }
        none: users(where: {contacts: {none: {}}}) { nodes { name } } }"""
    admin, sara = await world.both(document)
    assert [node["name"] for node in admin["every"]["nodes"]] == ["sara"]
    assert {node["name"] for node in sara["every"]["nodes"]} == {"sara", "omid"}
    assert [node["name"] for node in sara["none"]["nodes"]] == ["omid"]


async def test_a_cursor_of_somebody_else_shows_no_row_of_theirs(world: World):
    page = await world.omid.ask("{ contacts(first: 1, orderBy: [{field: NAME}]) { pageInfo { endCursor } } }")
    cursor = page["contacts"]["pageInfo"]["endCursor"]
    after = await world.sara.ask("query ($c: String) { contacts(after: $c, orderBy: [{field: NAME}]) { nodes { name } } }", c=cursor)
    assert after["contacts"]["nodes"] == [{"name": "Seen of sara"}]


# Writing


CHANGES = {
    "Contact": 'city: "x"',
    "Company": 'city: "x"',
    "Deal": 'source: "x"',
    "Activity": 'body: "x"',
}


@pytest.mark.parametrize("kind", OWNED)
async def test_a_hidden_row_cannot_be_changed_deleted_or_brought_back(kind: str, world: World):
    field = _field(kind)
    for done in (
        f"Update(id: $id, input: {{{CHANGES[kind]}}})",
        f"Update(id: $id, expectedVersion: 99, input: {{{CHANGES[kind]}}})",
        "Delete(id: $id)",
        "Restore(id: $id)",
    ):
        document = f"mutation ($id: ID!) {{ done: {field}{done} {{ {field} {{ id }} userErrors {{ code message }} }} }}"
        answer = (await world.sara.ask(document, id=world.hidden[kind]))["done"]
        problem = {"code": "NOT_FOUND", "message": f"there is no {kind} with this id"}
        assert answer == {field: None, "userErrors": [problem]}
    bulk = f"mutation ($ids: [ID!]!) {{ done: {field}BulkDelete(ids: $ids) {{ results {{ node {{ id }} userErrors {{ code }} }} }} }}"
    results = (await world.sara.ask(bulk, ids=[world.mine[kind], world.hidden[kind]]))["done"]["results"]
    assert [result["node"] for result in results] == [None, None], "all or none"
    assert results[1]["userErrors"] == [{"code": "NOT_FOUND"}]
    shown = await world.house.ask(f"query ($id: ID!) {{ {field}(id: $id) {{ deletedAt }} }}", id=world.hidden[kind])
    assert shown == {field: {"deletedAt": None}}


@pytest.mark.parametrize(
    ("tie", "kind"),
    [
        ('dealCreate(input: {title: "x", contactId: $id})', "Contact"),
        ('contactCreate(input: {name: "x", companyId: $id})', "Company"),
        ('activityCreate(input: {kind: "CALL", subject: "x", dealId: $id})', "Deal"),
    ],
)
async def test_nothing_is_tied_to_a_hidden_row(tie: str, kind: str, world: World):
    answer = (await world.sara.ask(f"mutation ($id: ID!) {{ done: {tie} {{ userErrors {{ code message }} }} }}", id=world.hidden[kind]))[
        "done"
    ]
    assert [(error["code"], error["message"]) for error in answer["userErrors"]] == [("INVALID", f"there is no {kind} with this id")]


async def test_nobody_makes_rows_for_others_or_gives_rows_away(world: World):
    create = 'mutation ($owner: ID) { contactCreate(input: {name: "x", ownerId: $owner}) { contact { id } userErrors { message } } }'
    update = (
        "mutation ($id: ID!, $owner: ID) { contactUpdate(id: $id, input: {ownerId: $owner}) { contact { id } userErrors { message } } }"
    )
    before = (await world.house.sql("SELECT COUNT(*) AS n FROM contact"))[0]["n"]
    for document, variables in (
        (create, {"owner": world.users["omid"]}),
        (create, {"owner": None}),
        (update, {"id": world.mine["Contact"], "owner": world.users["omid"]}),
        (update, {"id": world.mine["Contact"], "owner": None}),
    ):
        data, errors = await world.sara.answer(document, **variables)
        assert [error["extensions"]["code"] for error in errors] == ["FORBIDDEN"], variables
        assert not data or set(data.values()) == {None}
    assert (await world.house.sql("SELECT COUNT(*) AS n FROM contact"))[0]["n"] == before
    owner = await world.house.ask("query ($id: ID!) { contact(id: $id) { owner { id } } }", id=world.mine["Contact"])
    assert owner["contact"]["owner"]["id"] == world.users["sara"]


async def test_of_two_changes_at_once_that_expect_one_version_one_wins(world: World):
    made = await world.sara.make("Contact", "version", name="Wanted")
    document = """mutation ($id: ID!, $city: String) { contactUpdate(id: $id, expectedVersion: 1, input: {city: $city}) {
        contact { version } userErrors { code field } } }"""
    answers = await asyncio.gather(*(world.sara.ask(document, id=made.id, city=city) for city in ("Shiraz", "Tabriz", "Yazd")))
    lost = {"contact": None, "userErrors": [{"code": "CONFLICT", "field": ["expectedVersion"]}]}
    assert sorted(answer["contactUpdate"] == lost for answer in answers) == [False, True, True]
    await world.sara.ask("mutation ($id: ID!) { contactDelete(id: $id) { userErrors { code } } }", id=made.id)
    gone = (await world.sara.ask(document, id=made.id, city="Qom"))["contactUpdate"]
    assert gone == {"contact": None, "userErrors": [{"code": "NOT_FOUND", "field": ["id"]}]}


async def test_what_an_owner_makes_is_its_own(world: World):
    made = await world.sara.make("Contact", "owner { name }", name="New one")
    assert made.owner == {"name": "sara"}
    _, errors = await world.omid.answer("query ($id: ID!) { contact(id: $id) { id } }", id=made.id)
    assert errors[0]["extensions"]["code"] == "NOT_FOUND"
    await world.house.ask("mutation ($id: ID!) { contactDelete(id: $id) { userErrors { message } } }", id=made.id)


@pytest.mark.parametrize("deleted", [False, True])
async def test_the_external_id_of_a_hidden_row_is_taken_and_nothing_else_is_said(deleted: bool, world: World):
    made = await world.house.make("Contact", name="Synced", owner_id=world.users["omid"], external_id=f"crm-{deleted}")
    if deleted:
        await world.house.ask("mutation ($id: ID!) { contactDelete(id: $id) { userErrors { message } } }", id=made.id)
    document = """mutation ($id: String!) { contactUpsert(externalId: $id, input: {name: "x"}) {
        created contact { id } userErrors { code field message } } }"""
    problem = {"code": "TAKEN", "field": ["externalId"], "message": "externalId is taken by another record"}
    answer = await world.sara.ask(document, id=f"crm-{deleted}")
    assert answer["contactUpsert"] == {"created": None, "contact": None, "userErrors": [problem]}
    create = 'mutation ($id: String!) { contactCreate(input: {name: "x", externalId: $id}) { contact { id } userErrors { code field } } }'
    taken = (await world.sara.ask(create, id=f"crm-{deleted}"))["contactCreate"]
    assert taken == {"contact": None, "userErrors": [{"code": "TAKEN", "field": ["input", "externalId"]}]}


async def test_inputs_have_no_place_for_what_only_the_server_sets(world: World):
    for member in (
        'role: "admin"',
        "version: 9",
        'id: "x"',
        'createdAt: "2026-01-01T00:00:00Z"',
        'tenantId: "x"',
        "deletedAt: null",
        'nameKey: "x"',
    ):
        _, errors = await world.sara.answer(f'mutation {{ contactCreate(input: {{name: "x", {member}}}) {{ contact {{ id }} }} }}')
        assert [error["extensions"]["code"] for error in errors] == ["GRAPHQL_VALIDATION_FAILED"], member


# Hearing


async def test_a_subscription_tells_nothing_of_hidden_rows(world: World):
    async with on_a_port(world.house.app) as port:
        headers = {"Authorization": world.sara.client.headers["Authorization"]}
        address = f"ws://127.0.0.1:{port}/graphql"
        async with connect(address, subprotocols=["graphql-transport-ws"], additional_headers=headers) as socket:  # type: ignore[list-item]  # a NewType of str
            await socket.send('{"type": "connection_init"}')
            document = "subscription { events { name recordId node { id } } }"
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": document}}))
            await socket.send('{"type": "ping"}')
            while json.loads(await asyncio.wait_for(socket.recv(), 10))["type"] != "pong":
                pass
            while not world.house.crm.stream.heard:  # noqa: ASYNC110  # the server tells nobody that somebody listens
                await asyncio.sleep(0.01)
            hidden = await world.omid.make("Contact", name=SECRET, emails=[{"address": "a@example.com"}])
            seen = await world.sara.make("Contact", name="Seen")
            await world.house.ask("mutation ($id: ID!) { contactDelete(id: $id) { userErrors { code } } }", id=hidden.id)
            await world.house.ask("mutation ($id: ID!) { contactDelete(id: $id) { userErrors { code } } }", id=seen.id)
            events = [json.loads(await asyncio.wait_for(socket.recv(), 10))["payload"]["data"]["events"] for _ in range(2)]
    assert [event["name"] for event in events] == ["contact.created", "contact.deleted"]
    assert {event["recordId"] for event in events} == {seen.id}


# Roles


async def test_a_key_without_a_user_owns_nothing(world: World):
    nobody = await world.house.as_("owner")
    data, errors = await nobody.answer("{ contacts { totalCount } products { totalCount } }")
    assert data["contacts"] is None
    assert data["products"] is not None
    assert [error["extensions"]["code"] for error in errors] == ["FORBIDDEN"]


# Ids


def _wrong_ids() -> Iterator[str]:
    key = "019a0000-0000-7000-8000-000000000000"
    yield from (
        "",
        "1",
        "contact",
        "contact_",
        f"contact_{key.upper()}",
        f"contact_{key}0",
        f"contact-{key}",
        key,
        f"{{{key}}}",
        f"no_type_{key}",
    )
    yield from (
        f"contact_{key}\x00",
        f" contact_{key}",
        f"contact_{key}' OR '1'='1",
        "contact_1",
        "../contact",
        f"Contact_{key}",
        "😀_" + key,
    )


@pytest.mark.parametrize("id", list(_wrong_ids()))
async def test_what_is_no_id_is_said_to_be_none(id: str, world: World):
    for document in ("query ($id: ID!) { contact(id: $id) { id } }", "query ($id: ID!) { node(id: $id) { id } }"):
        data, errors = await world.sara.answer(document, id=id)
        assert data in (None, {"contact": None}, {"node": None})
        assert [error["extensions"]["code"] for error in errors] == ["BAD_USER_INPUT"]


async def test_the_id_of_another_type_is_said_to_be_one(world: World):
    for document in (
        "query ($id: ID!) { contact(id: $id) { id } }",
        'mutation ($id: ID!) { contactUpdate(id: $id, input: {name: "x"}) { userErrors { message } } }',
    ):
        answers = json.dumps(await world.sara.answer(document, id=world.mine["Deal"]))
        assert "is the id of another type (deal), not of a Contact" in answers


@given(step=st.integers(min_value=-64, max_value=64).filter(bool))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_ids_counted_up_or_down_find_nothing(step: int, world: World):
    kind, _, key = world.hidden["Contact"].rpartition("_")
    digits = f"{(int(key.replace('-', ''), 16) + step) % 16**32:032x}"
    near = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    data, errors = await world.sara.answer("query ($id: ID!) { node(id: $id) { id } }", id=f"{kind}_{near}")
    assert data == {"node": None}
    assert [error["extensions"]["code"] for error in errors] == ["NOT_FOUND"]


# Whatever is asked


_TEXT = st.sampled_from(["hidden", "seen", "omid", "s", "T-1", "x"])
_LEAF = {
    "Contact": st.builds(
        lambda operator, text: f"name: {{{operator}: {json.dumps(text)}}}", st.sampled_from(["eq", "ne", "contains", "startsWith"]), _TEXT
    ),
    "Deal": st.builds(
        lambda operator, text: f"title: {{{operator}: {json.dumps(text)}}}", st.sampled_from(["eq", "ne", "contains"]), _TEXT
    ),
    "Company": st.builds(lambda text: f"name: {{contains: {json.dumps(text)}}}", _TEXT),
    "User": st.builds(lambda text: f"name: {{contains: {json.dumps(text)}}}", _TEXT),
    "Activity": st.builds(lambda text: f"subject: {{contains: {json.dumps(text)}}}", _TEXT),
}
_ONE = {"Contact": {"owner": "User", "company": "Company"}, "Deal": {"contact": "Contact", "owner": "User"}, "Activity": {"deal": "Deal"}}
_MANY = {
    "Contact": {"deals": "Deal", "activities": "Activity"},
    "Company": {"contacts": "Contact", "deals": "Deal"},
    "User": {"contacts": "Contact", "deals": "Deal", "activities": "Activity"},
    "Deal": {"activities": "Activity"},
}


def _wheres(kind: str, depth: int) -> st.SearchStrategy[str]:
    options: list[st.SearchStrategy[str]] = [_LEAF[kind]]
    if depth:
        inner = _wheres(kind, depth - 1)
        options.append(inner.map(lambda one: f"not: {{{one}}}"))
        options.append(st.lists(inner, min_size=1, max_size=2).map(lambda some: f"or: [{', '.join(f'{{{one}}}' for one in some)}]"))
        for name, other in _ONE.get(kind, {}).items():
            options.append(_wheres(other, depth - 1).map(lambda one, name=name: f"{name}: {{{one}}}"))
        for name, other in _MANY.get(kind, {}).items():
            quantified = st.tuples(st.sampled_from(["some", "none", "every"]), _wheres(other, depth - 1))
            options.append(quantified.map(lambda pair, name=name: f"{name}: {{{pair[0]}: {{{pair[1]}}}}}"))
    return st.one_of(options)


_ASKED = st.sampled_from(["Contact", "Company", "Deal", "User", "Activity"]).flatmap(
    lambda kind: st.tuples(st.just(kind), _wheres(kind, 3))
)


@given(asked=_ASKED)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
async def test_a_house_without_the_hidden_rows_gives_the_same_answers(asked: tuple[str, str], world: World, alone: World):
    """The oracle: Sara sees of all rows what an administrator sees where the rows of others do not exist."""
    kind, where = asked
    many, text = _field(kind, True), {"Deal": "title", "Activity": "subject"}.get(kind, "name")
    document = f"{{ {many}(where: {{{where}}}) {{ totalCount nodes {{ {text} }} }} {many}Aggregate(where: {{{where}}}) {{ count }} }}"
    seen, expected = await world.sara.ask(document), await alone.house.ask(document)
    for answer in (seen, expected):
        answer[many]["nodes"].sort(key=lambda node: node[text])
    assert seen == expected


@pytest.fixture(scope="module")
async def alone(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """The same house without the rows of Omid, who is there himself."""
    async with Houses(templates, tmp_path_factory.mktemp("alone"))() as house:
        users = {name: (await house.make("User", name=name, email=f"{name}@example.com")).id for name in ("sara", "omid")}
        pipeline = await house.make("Pipeline", name="Sales")
        stages = [
            (await house.make("Stage", name=name, pipeline_id=pipeline.id, position=place)).id
            for place, name in enumerate(("New", "Offer"))
        ]
        shared = {"Product": (await house.make("Product", name="Tea", sku="T-1")).id, "Tag": (await house.make("Tag", name="vip")).id}
        rows = await _rows(house, users["sara"], "Seen of sara", shared, stages)
        yield World(house, house, house, rows, {}, shared, users)
