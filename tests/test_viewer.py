"""Who asks, and what it may do."""

import pytest

VIEWER = "{ viewer { name role user { id name } key { prefix name } permissions { name scope } } }"
ROLES = {
    "clerk": {"*.read": "all", "contact.*": "own", "deal.update": "all", "deal.read": "team", "tag.delete": "all", "tag.read": "none"},
    "bare": {"contact.read": "own"},
}
pytestmark = pytest.mark.settings(roles=ROLES)


async def test_an_administrator_may_everything(house):
    viewer = (await house.ask(VIEWER))["viewer"]
    assert viewer["role"] == "admin"
    assert viewer["user"] is None
    assert viewer["name"].startswith(f"key {viewer['key']['prefix']} (")
    listed = (await house.ask("{ permissions { name description } }"))["permissions"]
    assert [(one["name"], "ALL") for one in listed] == [(one["name"], one["scope"]) for one in viewer["permissions"]]
    assert {"contact.read", "apiKey.create", "apiKey.delete"} <= {one["name"] for one in listed}
    assert all(one["description"] for one in listed)


async def test_a_key_is_told_how_far_its_permissions_reach(house):
    team = (await house.make("Team", name="Sales")).id
    user = (await house.make("User", name="Mina", team_id=team)).id
    clerk = await house.as_("clerk", user)
    viewer = (await clerk.ask(VIEWER))["viewer"]
    assert (viewer["role"], viewer["user"]) == ("clerk", {"id": user, "name": "Mina"})
    scopes = {one["name"]: one["scope"] for one in viewer["permissions"]}
    assert (scopes["contact.update"], scopes["deal.update"], scopes["product.read"]) == ("OWN", "TEAM", "ALL")
    assert not {"tag.read", "tag.delete", "deal.create", "apiKey.create"} & scopes.keys(), "nothing is done with rows that are not seen"


async def test_what_reaches_no_row_is_left_out(house):
    nobody = await house.as_("bare")
    assert (await nobody.ask("{ viewer { permissions { name } user { id } } }"))["viewer"] == {"permissions": [], "user": None}


@pytest.mark.settings(roles={**ROLES, "where": {"role.read": "all"}})
async def test_a_filter_is_told_as_such_and_scopes_narrow(house):
    grants = [{"permission": "contact.read", "scope": "WHERE", "where": {"city": {"eq": "Yazd"}}}, {"permission": "deal.*"}]
    await house.make("Role", name="yazd", grants=grants)
    asker = await house.as_("yazd")
    scopes = {one["name"]: one["scope"] for one in (await asker.ask(VIEWER))["viewer"]["permissions"]}
    assert scopes == {"contact.read": "WHERE", "deal.create": "ALL", "deal.delete": "ALL", "deal.read": "ALL", "deal.update": "ALL"}


async def test_nobody_without_a_key_is_told_anything(house):
    response = await house.client.post("/graphql", json={"query": VIEWER}, headers={"Authorization": ""})
    assert response.status_code == 401


def test_an_empty_house_says_how_to_come_in(server):
    assert "make a first key: payvand keys create --name first --role admin" in server.log
    server.shell("keys", "create", "--name", "first", "--role", "admin").well()
    assert server.stop() == 0


async def test_a_field_that_is_hidden_is_hidden_in_oneself_too(house):
    hides = [{"field": "user.email", "access": "HIDDEN"}]
    await house.make("Role", name="shy", grants=[{"permission": "*"}], fields=hides)
    user = (await house.make("User", name="Mina", email="mina@example.com")).id
    data, errors = await (await house.as_("shy", user)).answer("{ viewer { user { name email } } }")
    assert data == {"viewer": {"user": {"name": "Mina", "email": None}}}
    assert [one["extensions"]["code"] for one in errors] == ["FORBIDDEN"]
