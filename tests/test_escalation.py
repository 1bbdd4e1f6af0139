"""Ways to more rights than one was given, tried through the public door: each of them must stay shut."""

import datetime
from typing import Any

import pytest

from schema.operations.execution import Engine
from schema.transport.http import Endpoint
from tests.house import Asker, House
from tests.test_api_keys import CREATE as KEY_CREATE
from tests.test_api_keys import UPDATE as KEY_UPDATE
from tests.test_api_keys import opens, using

ROLE_CREATE = "mutation ($input: RoleCreateInput!) { done: roleCreate(input: $input) { role { id } userErrors { field message } } }"
ROLE_UPDATE = (
    "mutation ($id: ID!, $input: RoleUpdateInput!) { done: roleUpdate(id: $id, input: $input) { role { id } userErrors { field code } } }"
)
USER_UPDATE = "mutation ($id: ID!, $input: UserUpdateInput!) { done: userUpdate(id: $id, input: $input) { userErrors { field message } } }"
PASSWORD = (
    'mutation ($id: ID!) { done: userPasswordSet(id: $id, password: "a password of mine") { user { id } userErrors { field message } } }'
)
OFFICE = [{"permission": "role.*"}, {"permission": "user.*"}]


async def errors(asker: Asker, document: str, **variables: Any) -> list[Any]:
    """What a mutation refuses."""
    return (await asker.ask(document, **variables))["done"]["userErrors"]


async def one(asker: Asker, verb: str, resource: str, id: str) -> list[Any]:
    """What a mutation that takes an id alone refuses."""
    name = f"{resource[0].lower()}{resource[1:]}{verb}"
    return await errors(asker, f"mutation ($id: ID!) {{ done: {name}(id: $id) {{ userErrors {{ field code message }} }} }}", id=id)


@pytest.mark.parametrize("permission", [" *", "*\n", "\u00a0contact.read "])
async def test_blanks_hide_no_permission(house: House, permission: str):
    await house.make("Role", name="office", grants=OFFICE)
    office = await house.as_("office")
    found = await errors(office, ROLE_CREATE, input={"name": "boss", "grants": [{"permission": permission}]})
    assert [error["field"] for error in found] == [["input", "grants"]]
    assert "go beyond your own rights" in found[0]["message"]


@pytest.mark.parametrize("scope", ["OWN", "TEAM"])
async def test_the_rows_of_a_filter_are_not_more_than_those_of_a_user(house: House, scope: str):
    where = {"permission": "contact.read", "scope": "WHERE", "where": {"city": {"eq": "Shiraz"}}}
    await house.make("Role", name="office", grants=[*OFFICE, where])
    office = await house.as_("office")
    found = await errors(office, ROLE_CREATE, input={"name": "more", "grants": [{"permission": "contact.read", "scope": scope}]})
    assert "contact.read" in found[0]["message"]
    assert await errors(office, ROLE_CREATE, input={"name": "same", "grants": [where]}) == []


async def test_a_filter_stays_a_filter_within_the_rights_of_another(house: House):
    where = {"permission": "contact.read", "scope": "WHERE", "where": {"city": {"eq": "Shiraz"}}}
    team = {"permission": "contact.read", "scope": "TEAM"}
    await house.make("Role", name="lead", grants=[*OFFICE, {"permission": "apiKey.*"}, where])
    await house.make("Role", name="narrow", grants=[*OFFICE, where])
    lead = await house.as_("lead")
    key = (await lead.ask(KEY_CREATE, input={"name": "x", "role": "narrow"}))["done"]["key"]
    asker = using(house, key)
    assert await errors(asker, ROLE_CREATE, input={"name": "same", "grants": [where]}) == []
    assert "contact.read" in (await errors(asker, ROLE_CREATE, input={"name": "more", "grants": [team]}))[0]["message"]


async def test_a_role_is_not_brought_back_by_those_who_have_less(house: House):
    await house.make("Role", name="office", grants=OFFICE)
    role = await house.make("Role", name="boss", grants=[{"permission": "*"}])
    user = await house.make("User", name="Sara", email="sara@example.com", role="boss")
    office = await house.as_("office")
    await one(office, "Delete", "User", user.id)
    await one(office, "Delete", "Role", role.id)
    await one(office, "Restore", "User", user.id)
    await errors(office, PASSWORD, id=user.id)
    await one(office, "Restore", "Role", role.id)
    [row] = await house.sql("SELECT u.password FROM app_user u JOIN role r ON r.name = u.role WHERE u.name = 'Sara'")
    assert row["password"] is None, "the password of a user who may do everything"


async def test_of_a_role_that_is_deleted_the_rights_still_count(house: House):
    await house.make("Role", name="office", grants=OFFICE)
    role = await house.make("Role", name="boss", grants=[{"permission": "*"}])
    user = await house.make("User", name="Sara", email="sara@example.com", role="boss")
    for asker, verb, resource, id in (
        (house, "Delete", "User", user.id), (house, "Delete", "Role", role.id), (house, "Restore", "User", user.id),
    ):  # fmt: skip
        assert await one(asker, verb, resource, id) == []
    office = await house.as_("office")
    assert "rights that you have not yourself" in (await errors(office, PASSWORD, id=user.id))[0]["message"]
    for values in ({"email": "mine@example.com"}, {"externalId": "mine"}):
        assert [error["field"] for error in await errors(office, USER_UPDATE, id=user.id, input=values)] == [["input", *values]]
    assert [error["code"] for error in await one(office, "Restore", "Role", role.id)] == ["CONFLICT"]
    assert await one(house, "Restore", "Role", role.id) == []


async def test_what_is_a_users_own_is_not_the_own_of_another(house: House):
    await house.make("Role", name="office", grants=[*OFFICE, {"permission": "contact.read", "scope": "OWN"}])
    me = await house.make("User", name="Omid", role="office")
    other = await house.make("User", name="Sara", email="sara@example.com", role="office")
    office = await house.as_("office", me.id)
    assert "contact.read" in (await errors(office, PASSWORD, id=other.id))[0]["message"]
    assert "contact.read" in (await errors(office, USER_UPDATE, id=other.id, input={"email": "mine@example.com"}))[0]["message"]
    assert await errors(office, USER_UPDATE, id=other.id, input={"name": "Sara K."}) == []
    assert "contact.read" in (await errors(office, USER_UPDATE, id=other.id, input={"role": None}))[0]["message"], "for a moment"
    gone = await house.make("User", name="Reza", email="reza@example.com")
    assert await errors(office, PASSWORD, id=gone.id) == []
    assert "contact.read" in (await errors(office, USER_UPDATE, id=gone.id, input={"role": "office"}))[0]["message"]
    await office.make("User", name="Tara", role="office")


async def test_the_admin_keeps_its_name(house: House):
    await house.make("Role", name="boss", grants=[{"permission": "*"}])
    boss = await house.as_("boss")
    await house.sql("UPDATE api_key SET revoked_at = CURRENT_TIMESTAMP WHERE role = 'admin'")
    [row] = (await boss.ask('{ roles(where: {name: {eq: "admin"}}) { nodes { id } } }'))["roles"]["nodes"]
    found = await errors(boss, ROLE_UPDATE, id=row["id"], input={"name": "other", "grants": []})
    assert [error["code"] for error in found] == ["CONFLICT"]


def later(hours: float) -> str:
    """A time from now on."""
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours)).isoformat()


@pytest.mark.parametrize("end", [None, later(5)])
async def test_no_key_makes_itself_live_longer(house: House, end: str | None):
    await house.make("Role", name="maker", grants=[{"permission": "apiKey.*"}])
    done = (await house.ask(KEY_CREATE, input={"name": "x", "role": "maker", "expiresAt": later(1)}))["done"]
    await house.sql("UPDATE api_key SET maker_id = NULL WHERE prefix = $1", done["apiKey"]["prefix"])  # as of a user who signed in
    asker = using(house, done["key"])
    found = (await asker.ask(KEY_UPDATE, id=done["apiKey"]["id"], input={"expiresAt": end}))["done"]
    assert [error["field"] for error in found["userErrors"]] in ([["input", "expiresAt"]], [])
    [row] = await house.sql("SELECT expires_at FROM api_key WHERE prefix = $1", done["apiKey"]["prefix"])
    assert row["expires_at"] is not None
    assert str(row["expires_at"])[:16] == done["apiKey"]["expiresAt"][:16].replace("T", " ")


async def test_a_key_that_may_more_is_not_prolonged(house: House):
    await house.make("Role", name="maker", grants=[{"permission": "apiKey.*"}])
    done = (await house.ask(KEY_CREATE, input={"name": "x", "role": "admin", "expiresAt": later(1)}))["done"]
    await house.sql("UPDATE api_key SET maker_id = NULL WHERE prefix = $1", done["apiKey"]["prefix"])
    maker = await house.as_("maker")
    found = (await maker.ask(KEY_UPDATE, id=done["apiKey"]["id"], input={"expiresAt": later(9)}))["done"]["userErrors"]
    assert "may more than you" in found[0]["message"]
    assert (await maker.ask(KEY_UPDATE, id=done["apiKey"]["id"], input={"expiresAt": later(0.5)}))["done"]["userErrors"] == []


async def test_with_the_end_of_a_key_those_that_it_made_end(house: House):
    maker = (await house.ask(KEY_CREATE, input={"name": "x", "role": "admin"}))["done"]
    child = (await using(house, maker["key"]).ask(KEY_CREATE, input={"name": "y", "role": "admin"}))["done"]["key"]
    assert await opens(house, child)
    await house.sql("UPDATE api_key SET expires_at = '2020-01-01 00:00:00+00:00' WHERE prefix = $1", maker["apiKey"]["prefix"])
    house.crm.recent.forget()
    assert not await opens(house, maker["key"])
    assert not await opens(house, child)


async def test_keys_make_keys_only_so_deep(house: House):
    asker: Asker = house
    for _ in range(20):
        done = (await asker.ask(KEY_CREATE, input={"name": "x", "role": "admin"}))["done"]
        if done["userErrors"]:
            assert "made by keys" in done["userErrors"][0]["message"]
            return
        asker = using(house, done["key"])
    pytest.fail("each request by such a key looks up all that made it")


async def test_an_id_of_another_system_that_is_hidden_is_not_found_out(house: House):
    hidden = [{"field": "contact.externalId", "access": "HIDDEN"}]
    await house.make("Role", name="blind", grants=[{"permission": "contact.*"}], fields=hidden)
    await house.make("Contact", name="Sara", external_id="007")
    data, found = await (await house.as_("blind")).answer(
        'mutation { contactUpsert(externalId: "007", input: {name: "Sara"}) { contact { id } created userErrors { field } } }'
    )
    assert (data, [error["extensions"]["code"] for error in found]) == (None, ["FORBIDDEN"])


async def test_the_audit_names_no_record_that_is_not_to_be_seen(house: House):
    shiraz = {"permission": "company.read", "scope": "WHERE", "where": {"city": {"eq": "Shiraz"}}}
    await house.make("Role", name="local", grants=[{"permission": "*.read"}, shiraz])
    here, there = [await house.make("Company", name="Tea", city=city) for city in ("Shiraz", "Berlin")]
    tags = [await house.make("Tag", name=name) for name in ("a", "b")]
    contact = await house.make("Contact", name="Sara", company_id=there.id, tag_ids=[tag.id for tag in tags])
    move = "mutation ($id: ID!, $to: ID!) { contactUpdate(id: $id, input: {companyId: $to}) { userErrors { code } } }"
    await house.ask(move, id=contact.id, to=here.id)
    ask = "query ($id: ID!) { contact(id: $id) { audit { nodes { before after } } } }"
    made, moved = (await (await house.as_("local")).ask(ask, id=contact.id))["contact"]["audit"]["nodes"]
    assert moved == {"before": {"companyId": None}, "after": {"companyId": here.id}}
    assert made["after"]["companyId"] is None
    assert sorted(made["after"]["tagIds"]) == sorted(tag.id for tag in tags)
    assert (await house.ask(ask, id=contact.id))["contact"]["audit"]["nodes"][0]["after"]["companyId"] == there.id


async def test_a_secret_is_shown_once_however_often_it_is_asked_for(house: House):
    for document, variables in (
        (KEY_CREATE, {"input": {"name": "x", "role": "admin"}}),
        ("mutation ($id: ID!) { done: apiKeyRotate(id: $id) { again: key userErrors { code } key } }", None),
    ):
        if variables is None:
            [row] = (await house.ask('{ apiKeys(where: {name: {eq: "x"}}) { nodes { id } } }'))["apiKeys"]["nodes"]
            variables = row
        body = {"query": document, "variables": variables}
        first, again = [await house.client.post("/graphql", json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
        key = first.json()["data"]["done"]["key"]
        assert await opens(house, key)
        assert key not in repr(await house.sql("SELECT answer FROM answered"))
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.json()["data"]["done"] == {
            name: value if value != key else None for name, value in first.json()["data"]["done"].items()
        }


async def test_another_pipeline_moves_no_stage_that_is_only_read(house: House):
    lines = [await house.make("Pipeline", name=name) for name in ("a", "b")]
    for line in lines:
        await house.make("Stage", name="first", pipeline_id=line.id, kind="OPEN")
    won = await house.make("Stage", name="won", pipeline_id=lines[0].id, kind="WON")
    deal = await house.make("Deal", title="d", stage_id=won.id)
    await house.make("Role", name="reader", grants=[{"permission": "*"}], fields=[{"field": "deal.stage", "access": "READ"}])
    reader = await house.as_("reader")
    move = "mutation ($id: ID!, $to: ID!) { dealUpdate(id: $id, input: {pipelineId: $to}) { deal { id } userErrors { code } } }"
    for line in (lines[1], lines[0]):
        await reader.answer(move, id=deal.id, to=line.id)
    shown = await house.ask("query ($id: ID!) { deal(id: $id) { stage { name } } }", id=deal.id)
    assert shown["deal"]["stage"]["name"] == "won"
    assert (await reader.make("Deal", "stage { name }", title="new")).stage == {"name": "first"}


async def test_roles_are_named_to_those_who_may_see_them(house: House):
    await house.make("Role", name="secret")
    user = await house.make("User", name="Sara", role="sales")
    done = (await (await house.as_("sales", user.id)).ask(KEY_CREATE, input={"name": "x", "role": "king"}))["done"]
    assert [error["message"] for error in done["userErrors"]] == ["there is no role 'king'"]
    assert "secret" in (await house.ask(KEY_CREATE, input={"name": "x", "role": "king"}))["done"]["userErrors"][0]["message"]


async def test_ties_to_what_one_does_not_see_stay(house: House):
    where = {"permission": "tag.read", "scope": "WHERE", "where": {"name": {"eq": "seen"}}}
    await house.make("Role", name="narrow", grants=[{"permission": "*"}, where])
    seen, unseen = [await house.make("Tag", name=name) for name in ("seen", "unseen")]
    contact = await house.make("Contact", "version", name="Sara", tag_ids=[seen.id, unseen.id])
    narrow = await house.as_("narrow")
    change = (
        "mutation ($id: ID!, $tags: [ID!]) {"
        " contactUpdate(id: $id, input: {tagIds: $tags}) { contact { version tags { name } } userErrors { message } } }"
    )
    same = (await narrow.ask(change, id=contact.id, tags=[seen.id]))["contactUpdate"]["contact"]
    assert same == {"version": contact.version, "tags": [{"name": "seen"}]}
    assert (await narrow.ask(change, id=contact.id, tags=[]))["contactUpdate"]["contact"]["tags"] == []
    shown = await house.ask("query ($id: ID!) { contact(id: $id) { tags { name } } }", id=contact.id)
    assert shown["contact"]["tags"] == [{"name": "unseen"}]


async def test_changing_passwords_has_an_end(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("core.access.attempts.OF_ACCOUNT", 2)
    user = await house.make("User", name="Sara", role="sales")
    await errors(house, PASSWORD, id=user.id)
    mine = "a password of mine"
    change = " ".join(f'c{place}: passwordChange(current: "{mine}", new: "{mine}") {{ changed }}' for place in range(3))
    _, found = await (await house.as_("sales", user.id)).answer(f"mutation {{ {change} }}")
    assert [error["extensions"]["code"] for error in found] == ["RATE_LIMITED"], "each of them takes a processor and 64 MiB"


NESTED = "query Shared($where: ContactFilter) { contacts(where: $where) { nodes { name } } }"


def nested(quantifier: str, depth: int) -> dict[str, Any]:
    """A filter that goes to and fro between contacts and companies."""
    where: dict[str, Any] = {"name": {"contains": "n"}}
    for _ in range(depth):
        where = {"company": {"contacts": {quantifier: where}}}
    return where


@pytest.mark.parametrize("quantifier", ["some", "none", "every"])
async def test_a_filter_that_is_too_deep_is_no_fault_of_the_server(house: House, quantifier: str):
    asker = await house.as_("read-only")
    for depth in range(1, 12, 2):
        _, found = await asker.answer(NESTED, where=nested(quantifier, depth))
        assert {error["extensions"]["code"] for error in found} <= {"QUERY_TOO_COMPLEX", "BAD_USER_INPUT"}


async def test_one_filter_that_is_too_deep_costs_others_nothing(house: House, monkeypatch: pytest.MonkeyPatch):
    slow: list[str] = []
    interpret = Engine.interpret

    async def watched(self: Engine, *given: Any) -> Any:
        slow.append("asked")
        return await interpret(self, *given)

    asker = await house.as_("read-only")
    await asker.ask(NESTED, where=nested("some", 1))
    await asker.answer(NESTED, where=nested("none", 7))
    engine = next(one.engine for route in house.app.router.routes if isinstance(one := getattr(route, "app", None), Endpoint))
    monkeypatch.setattr(engine._reader, "interpret", watched.__get__(engine))
    await asker.ask(NESTED, where=nested("some", 1))
    assert slow == []
