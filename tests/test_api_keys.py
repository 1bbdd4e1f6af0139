"""Keys through the API: what each may do, when it opens, and that none may more than the one who made it."""

import asyncio
import datetime
import json

import pytest
from httpx import ASGITransport, AsyncClient

from tests.house import Asker, House

CREATE = """mutation ($input: ApiKeyCreateInput!) { done: apiKeyCreate(input: $input) {
    key apiKey { id name prefix role scopes user { id } creator { id } maker { prefix } expiresAt } userErrors { field code message } } }"""
ROTATE = """mutation ($id: ID!, $grace: Int! = 0) { done: apiKeyRotate(id: $id, graceSeconds: $grace) {
    key apiKey { id prefix rotatedAt oldUntil } userErrors { field code message } } }"""
REVOKE = "mutation ($id: ID!) { done: apiKeyRevoke(id: $id) { apiKey { id revokedAt } userErrors { field code message } } }"
UPDATE = """mutation ($id: ID!, $input: ApiKeyUpdateInput!) { done: apiKeyUpdate(id: $id, input: $input) {
    apiKey { name scopes expiresAt } userErrors { field code message } } }"""
ROLES = {
    "clerk": {"contact.*": "own", "apiKey.*": "own", "user.read": "all"},
    "lead": {"*.read": "all", "contact.*": "all", "apiKey.*": "all", "role.*": "none"},
    "grabber": {"contact.*": "own", "apiKey.*": "all"},
    "reader": {"contact.read": "all", "apiKey.read": "all"},
}
pytestmark = pytest.mark.settings(roles=ROLES)


def using(house: House, key: str) -> Asker:
    """Someone who asks with this very key."""
    transport = ASGITransport(house.app, raise_app_exceptions=False)
    return Asker(AsyncClient(transport=transport, base_url="http://house", headers={"Authorization": f"Bearer {key}"}))


async def opens(house: House, key: str) -> bool:
    """Whether the key opens the API."""
    response = await using(house, key).client.post("/graphql", json={"query": "{ __typename }"})
    assert response.status_code in (200, 401)
    return response.status_code == 200


async def made(asker: Asker, **values) -> tuple[dict, str]:
    """A new key, its record and its text."""
    done = (await asker.ask(CREATE, input={"name": "shop", "role": "admin", **values}))["done"]
    assert done["userErrors"] == []
    return done["apiKey"], done["key"]


async def refused(asker: Asker, document: str, **variables) -> list[tuple[str, str]]:
    """Where and why a mutation refuses, after making sure that it did nothing else."""
    done = (await asker.ask(document, **variables))["done"]
    assert done["apiKey"] is None
    assert done.get("key") is None
    return [(".".join(one["field"] or ()), one["message"]) for one in done["userErrors"]]


async def user(house: House, name: str, role: str | None = None) -> str:
    """The id of a new user."""
    return (await house.make("User", name=name, email=f"{name}@example.com", role=role)).id


async def events(house: House) -> list[str]:
    """The names of what happened to keys that people made here, in order."""
    rows = await house.sql("SELECT name FROM event WHERE resource = 'apiKey' AND actor <> 'system' ORDER BY position")
    return [row["name"] for row in rows]


async def test_a_key_is_shown_once_and_opens(house):
    key, text = await made(house, name=" shop ", scopes=["contact.read", "*.read", "contact.read"])
    assert text.startswith(f"pvk_{key['prefix']}_")
    assert (key["name"], key["role"], key["scopes"], key["user"]) == ("shop", "admin", ["contact.read", "*.read"], None)
    assert key["maker"] is not None, "it was made by a key, in whose rights it stays"
    assert await opens(house, text)
    shown = await house.ask("{ apiKeys { nodes { id name prefix scopes lastUsedAt } } }")
    secret = text.split("_", 2)[2]
    assert secret not in json.dumps(shown)
    kept = {table: await house.sql(f"SELECT * FROM {table}") for table in ("api_key", "event_values", "event")}
    assert secret not in repr(kept)
    hashes = [row["hash"] for row in kept["api_key"]]
    assert not any(one in repr([kept["event"], kept["event_values"]]) for one in hashes)


async def test_scopes_narrow_a_key(house):
    _, text = await made(house, scopes=["contact.read"])
    narrow = using(house, text)
    assert (await narrow.ask("{ contacts { totalCount } }"))["contacts"]["totalCount"] == 0
    for document in ("{ deals { totalCount } }", 'mutation { contactCreate(input: {name: "x"}) { contact { id } } }'):
        _, errors = await narrow.answer(document)
        assert [one["extensions"]["code"] for one in errors] == ["FORBIDDEN"]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"role": "king"}, "input.role"),
        ({"name": "  "}, "input.name"),
        ({"name": "x" * 121}, "input.name"),
        ({"name": "a\x00b"}, "input.name"),
        ({"scopes": []}, "input.scopes"),
        ({"scopes": ["*"] * 101}, "input.scopes"),
        ({"scopes": ["*", "contact.fly"]}, "input.scopes.1"),
        ({"scopes": ["' OR 1=1"]}, "input.scopes.0"),
        ({"userId": "user_019a0000-0000-7000-8000-000000000000"}, "input.userId"),
        ({"userId": "contact_019a0000-0000-7000-8000-000000000000"}, "input.userId"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "input.expiresAt"),
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(house, values, why):
    found = await refused(house, CREATE, input={"name": "shop", "role": "admin", **values})
    assert [field for field, _ in found] == [why]
    assert await events(house) == []


async def test_hashes_and_makers_are_no_input(house):
    for member in ("hash", "oldHash", "prefix", "creatorId", "makerId", "lastUsedAt"):
        _, errors = await house.answer(f'mutation {{ apiKeyCreate(input: {{name: "x", role: "admin", {member}: "x"}}) {{ key }} }}')
        assert [one["extensions"]["code"] for one in errors] == ["GRAPHQL_VALIDATION_FAILED"]


async def test_nobody_makes_a_key_that_may_more(house):
    lead = await house.as_("lead")
    found = await refused(lead, CREATE, input={"name": "x", "role": "admin"})
    assert found[0][0] == "input.role"
    assert "rights that you have not yourself" in found[0][1]
    reader = await house.as_("reader")
    _, errors = await reader.answer(CREATE, input={"name": "x", "role": "reader"})
    assert [one["extensions"]["code"] for one in errors] == ["FORBIDDEN"]


async def test_own_is_a_key_for_oneself(house):
    sara, omid = await user(house, "sara"), await user(house, "omid")
    clerk = await house.as_("clerk", sara)
    key, text = await made(clerk, role="clerk")
    assert key["user"] == {"id": sara}
    for other in (omid, None):
        data, errors = await clerk.answer(CREATE, input={"name": "x", "role": "clerk", "userId": other})
        assert not data or not data["done"] or data["done"]["apiKey"] is None
        assert errors or data["done"]["userErrors"]
    others, _ = await made(house, role="clerk", userId=omid)
    for document, more in ((ROTATE, {}), (REVOKE, {}), (UPDATE, {"input": {"name": "y"}})):
        assert await refused(clerk, document, id=others["id"], **more) == [("id", "there is no ApiKey with this id")]
    assert {one["id"] for one in (await clerk.ask("{ apiKeys { nodes { id } } }"))["apiKeys"]["nodes"]} >= {key["id"]}
    assert others["id"] not in json.dumps(await clerk.ask("{ apiKeys { nodes { id } } }"))
    assert (await clerk.ask(REVOKE, id=key["id"]))["done"]["userErrors"] == []
    assert not await opens(house, text)


async def test_a_key_becomes_less_with_the_one_who_made_it(house):
    role = await house.make("Role", name="changing", grants=[{"permission": "*", "scope": "ALL"}])
    lead = await house.as_("changing")
    _, text = await made(lead, role="lead")
    assert (await using(house, text).ask("{ contacts { totalCount } }"))["contacts"] == {"totalCount": 0}
    document = """mutation ($id: ID!) { roleUpdate(id: $id, input: {grants: [{permission: "deal.read"}]}) { userErrors { message } } }"""
    assert (await house.ask(document, id=role.id))["roleUpdate"]["userErrors"] == []
    _, errors = await using(house, text).answer("{ contacts { totalCount } }")
    assert [one["extensions"]["code"] for one in errors] == ["FORBIDDEN"], "at once, and not when it is forgotten"


async def test_a_key_does_not_outlive_the_key_that_made_it(house):
    soon = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)).isoformat()
    later = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=2)).isoformat()
    maker, text = await made(house, expiresAt=soon)
    child, child_text = await made(using(house, text))
    assert child["expiresAt"] == maker["expiresAt"]
    found = await refused(using(house, text), CREATE, input={"name": "x", "role": "admin", "expiresAt": later})
    assert found == [("input.expiresAt", "is later than the end of the key that makes it")]
    assert [field for field, _ in await refused(house, UPDATE, id=child["id"], input={"expiresAt": later})] == ["input.expiresAt"]
    assert await opens(house, child_text)
    await house.ask(REVOKE, id=maker["id"])
    assert not await opens(house, child_text), "a key that was stolen leaves none behind"
    assert await events(house) == ["apiKey.created", "apiKey.created", "apiKey.revoked", "apiKey.revoked"]


async def test_the_secret_before_opens_until_the_grace_is_over(house):
    key, first = await made(house)
    rotated = (await house.ask(ROTATE, id=key["id"], grace=2))["done"]
    assert rotated["apiKey"]["prefix"] == key["prefix"]
    second = rotated["key"]
    assert second != first
    assert await opens(house, first)
    assert await opens(house, second)
    await asyncio.sleep(2.1)
    assert not await opens(house, first)
    assert await opens(house, second)
    third = (await house.ask(ROTATE, id=key["id"]))["done"]["key"]
    assert [await opens(house, one) for one in (first, second, third)] == [False, False, True]
    assert await events(house) == ["apiKey.created", "apiKey.rotated", "apiKey.rotated"]


async def test_a_key_can_rotate_itself(house):
    key, text = await made(house, role="lead")
    done = (await using(house, text).ask(ROTATE, id=key["id"]))["done"]
    assert done["userErrors"] == []
    assert await opens(house, done["key"])


@pytest.mark.parametrize("grace", [-1, 604_801])
async def test_a_grace_has_bounds(house, grace):
    key, text = await made(house)
    assert [field for field, _ in await refused(house, ROTATE, id=key["id"], grace=grace)] == ["graceSeconds"]
    assert await opens(house, text)


async def test_nobody_gets_the_secret_of_a_key_that_may_more(house):
    strong, text = await made(house)
    lead = await house.as_("lead")
    found = await refused(lead, ROTATE, id=strong["id"])
    assert found[0][0] == "id"
    assert "may more than you" in found[0][1]
    assert await opens(house, text)
    sara = await user(house, "sara")
    hers, _ = await made(house, role="clerk", userId=sara)
    omid = await house.as_("grabber", await user(house, "omid"))
    found = await refused(omid, ROTATE, id=hers["id"])
    assert found == [("id", "is a key that may more than you: contact.create")], "what is his own is not what is hers"
    assert (await house.ask(ROTATE, id=hers["id"]))["done"]["userErrors"] == []


async def test_what_is_shut_stays_shut(house):
    key, text = await made(house)
    assert await opens(house, text)
    assert (await house.ask(REVOKE, id=key["id"]))["done"]["apiKey"]["revokedAt"]
    assert not await opens(house, text), "at once in this process"
    assert await refused(house, REVOKE, id=key["id"]) == [("", f"the key {key['prefix']} was revoked before")]
    assert (await refused(house, ROTATE, id=key["id"]))[0][1].startswith("the key does not open")
    assert await refused(house, UPDATE, id=key["id"], input={"expiresAt": None}) == [("", "the key was revoked")]
    absent = f"{key['id'].rpartition('_')[0]}_019a0000-0000-7000-8000-000000000000"
    for id in (absent, "nonsense", "contact_019a0000-0000-7000-8000-000000000000"):
        assert [field for field, _ in await refused(house, REVOKE, id=id)] == ["id"]


async def test_scopes_only_become_narrower(house):
    key, text = await made(house)
    change = {"name": "till", "scopes": ["contact.*", "*.read"]}
    done = (await house.ask(UPDATE, id=key["id"], input=change))["done"]
    assert (done["apiKey"]["name"], done["apiKey"]["scopes"]) == ("till", ["contact.*", "*.read"])
    _, errors = await using(house, text).answer('mutation { dealCreate(input: {title: "x"}) { deal { id } } }')
    assert [one["extensions"]["code"] for one in errors] == ["FORBIDDEN"]
    for wider in (["*"], ["deal.*"], ["contact.read", "*.update"], None):
        found = await refused(house, UPDATE, id=key["id"], input={"scopes": wider})
        assert found[0][1].endswith("only made narrower")
    done = (await house.ask(UPDATE, id=key["id"], input={"scopes": ["contact.update", "deal.read"]}))["done"]
    assert done["userErrors"] == []


async def test_the_last_use_is_written_by_the_way(house):
    key, text = await made(house)
    document = "query ($id: ID!) { apiKey(id: $id) { lastUsedAt } }"
    assert await house.ask(document, id=key["id"]) == {"apiKey": {"lastUsedAt": None}}
    await opens(house, text)
    await house.crm.settle()
    first = (await house.ask(document, id=key["id"]))["apiKey"]["lastUsedAt"]
    assert first
    house.crm.recent.forget()
    await opens(house, text)
    await house.crm.settle()
    assert (await house.ask(document, id=key["id"]))["apiKey"]["lastUsedAt"] == first, "once a minute is enough"


async def test_a_user_who_has_left_has_no_keys(house):
    sara = await user(house, "sara")
    _, text = await made(house, role="clerk", userId=sara)
    assert await opens(house, text)
    await house.ask("mutation ($id: ID!) { userUpdate(id: $id, input: {active: false}) { userErrors { message } } }", id=sara)
    assert not await opens(house, text)
    found = await refused(house, CREATE, input={"name": "x", "role": "clerk", "userId": sara})
    assert [field for field, _ in found] == ["input.userId"]
