"""Roles as data: what they may say, who may give them, and what they come to."""

from typing import Any

import pytest

from tests.house import Asker, House

DEFAULTS = ["admin", "analyst", "manager", "marketing", "read-only", "sales"]
CREATE = "mutation ($input: RoleCreateInput!) { roleCreate(input: $input) { role { id name } userErrors { field code message } } }"


async def refused(asker: Asker, **values: object) -> list[dict[str, Any]]:
    return (await asker.ask(CREATE, input=values))["roleCreate"]["userErrors"]


async def test_a_house_begins_with_roles(house: House):
    data = await house.ask("{ roles { nodes { name grants { permission scope } } } }")
    assert sorted(role["name"] for role in data["roles"]["nodes"]) == DEFAULTS


@pytest.mark.parametrize("name", DEFAULTS)
async def test_every_role_of_the_beginning_reads_contacts_and_no_more_than_it_says(house: House, name: str):
    user = await house.make("User", name="Sara")
    asker = await house.as_(name, user.id)
    await house.make("Contact", name="Mine", owner_id=user.id, emails=[{"address": "a@example.com"}])
    await house.make("Contact", name="Nobody's")
    data, errors = await asker.answer("{ contacts { nodes { name emails { address } } } roles { nodes { name } } }")
    assert len(data["contacts"]["nodes"]) == (1 if name in ("manager", "sales") else 2)
    assert (data["roles"] is None) == (name != "admin")
    assert (data["contacts"]["nodes"][0]["emails"] is None) == (name == "analyst")
    assert {error["extensions"]["code"] for error in errors} <= {"FORBIDDEN"}


async def test_the_admin_stays_as_it_is(house: House):
    role = (await house.ask('{ roles(where: {name: {eq: "admin"}}) { nodes { id } } }'))["roles"]["nodes"][0]["id"]
    data = await house.ask(
        "mutation ($id: ID!) { roleUpdate(id: $id, input: {grants: []}) { userErrors { code } }"
        " roleDelete(id: $id) { userErrors { code } } }",
        id=role,
    )
    assert data == {"roleUpdate": {"userErrors": [{"code": "CONFLICT"}]}, "roleDelete": {"userErrors": [{"code": "CONFLICT"}]}}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "x", "grants": [{"permission": "contact.fly"}]}, ["input", "grants", "0", "permission"]),
        ({"name": "x", "grants": [{"permission": "contact.read", "scope": "WHERE"}]}, ["input", "grants", "0", "where"]),
        ({"name": "x", "grants": [{"permission": "contact.read", "where": {}}]}, ["input", "grants", "0", "where"]),
        (
            {"name": "x", "grants": [{"permission": "contact.read", "scope": "WHERE", "where": {"city": {"like": "x"}}}]},
            ["input", "grants", "0", "where", "city", "like"],
        ),
        (
            {"name": "x", "grants": [{"permission": "contact.read", "scope": "WHERE", "where": {"colour": {"eq": "x"}}}]},
            ["input", "grants", "0", "where", "colour"],
        ),
        (
            {"name": "x", "grants": [{"permission": "*.read", "scope": "WHERE", "where": {}}]},
            ["input", "grants", "0", "permission"],
        ),
        ({"name": "x", "fields": [{"field": "contact.id", "access": "HIDDEN"}]}, ["input", "fields", "0", "field"]),
        ({"name": "x", "fields": [{"field": "contact.colour", "access": "HIDDEN"}]}, ["input", "fields", "0", "field"]),
        ({"name": "x", "fields": [{"field": "city", "access": "HIDDEN"}]}, ["input", "fields", "0", "field"]),
    ],
)  # fmt: skip
async def test_a_role_that_means_nothing_is_refused_where_it_is_wrong(house: House, values: dict[str, object], field: list[str]):
    assert [error["field"] for error in await refused(house, **values)] == [field]


async def test_nobody_gives_more_than_it_has(house: House):
    grants = [{"permission": "role.*"}, {"permission": "user.*"}, {"permission": "contact.read", "scope": "ALL"}]
    await house.make("Role", name="clerk", grants=grants, fields=[{"field": "contact.city", "access": "HIDDEN"}])
    clerk = await house.as_("clerk")
    shut = {"fields": [{"field": "contact.city", "access": "HIDDEN"}]}
    assert await refused(clerk, name="a", grants=[{"permission": "contact.read", "scope": "OWN"}], **shut) == []
    assert "contact.update" in (await refused(clerk, name="b", grants=[{"permission": "contact.update"}], **shut))[0]["message"]
    assert "contact.city" in (await refused(clerk, name="c", grants=[{"permission": "contact.read"}]))[0]["message"]
    user = await house.make("User", name="Sara")
    update = "mutation ($id: ID!, $role: String) { userUpdate(id: $id, input: {role: $role}) { userErrors { field message } } }"
    assert (await clerk.ask(update, id=user.id, role="admin"))["userUpdate"]["userErrors"][0]["field"] == ["input", "role"]
    assert (await clerk.ask(update, id=user.id, role="king"))["userUpdate"]["userErrors"][0]["field"] == ["input", "role"]
    assert (await clerk.ask(update, id=user.id, role="a"))["userUpdate"]["userErrors"] == []


async def test_a_role_in_use_stays_and_its_name_too(house: House):
    role = await house.make("Role", name="clerk")
    user = await house.make("User", name="Sara", role="clerk")
    document = (
        'mutation ($id: ID!) { roleUpdate(id: $id, input: {name: "other"}) { userErrors { field } }'
        " roleDelete(id: $id) { userErrors { code } } }"
    )
    data = await house.ask(document, id=role.id)
    assert data == {"roleUpdate": {"userErrors": [{"field": ["input", "name"]}]}, "roleDelete": {"userErrors": [{"code": "CONFLICT"}]}}
    await house.ask("mutation ($id: ID!) { userUpdate(id: $id, input: {role: null}) { userErrors { code } } }", id=user.id)
    assert (await house.ask(document, id=role.id))["roleDelete"]["userErrors"] == []


async def test_a_filter_speaks_of_whoever_asks(house: House):
    team = await house.make("Team", name="north")
    users = [await house.make("User", name=name, team_id=team.id) for name in ("Sara", "Omid")]
    for place, user in enumerate(users):
        await house.make("Contact", name=f"of {place}", owner_id=user.id, city="شيراز")
    await house.make("Contact", name="far", city="Berlin")
    mine = {"owner": {"id": {"eq": "$me"}}, "city": {"eq": "شیراز"}}
    ours = {"owner": {"team": {"id": {"eq": "$team"}}}}
    for name, where in (("mine", mine), ("ours", ours)):
        await house.make("Role", name=name, grants=[{"permission": "contact.read", "scope": "WHERE", "where": where}])
    asked = "{ contacts { totalCount nodes { name } } }"
    mine_seen = (await (await house.as_("mine", users[1].id)).ask(asked))["contacts"]
    assert mine_seen == {"totalCount": 1, "nodes": [{"name": "of 1"}]}
    assert (await (await house.as_("ours", users[1].id)).ask(asked))["contacts"]["totalCount"] == 2
    assert (await (await house.as_("ours")).ask(asked))["contacts"]["totalCount"] == 0


async def test_what_is_only_read_cannot_be_written(house: House):
    await house.make("Role", name="reader", grants=[{"permission": "*"}], fields=[{"field": "contact.company", "access": "READ"}])
    company, reader = await house.make("Company", name="Tea"), await house.as_("reader")
    create = (
        "mutation ($input: ContactCreateInput!) { contactCreate(input: $input) { contact { name company { name } } userErrors { code } } }"
    )
    data, errors = await reader.answer(create, input={"name": "A", "companyId": company.id})
    assert (data, errors[0]["extensions"]["code"]) == (None, "FORBIDDEN")
    assert (await reader.ask(create, input={"name": "A"}))["contactCreate"]["contact"] == {"name": "A", "company": None}
