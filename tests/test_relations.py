"""Relations: both ways, through parts and tags, and what deleting does to them."""

from typing import Any

import pytest

from tests.house import House


async def delete(house: House, kind: str, identity: str) -> list[dict[str, Any]]:
    ask = f"mutation ($id: ID!) {{ {kind}Delete(id: $id) {{ userErrors {{ field code message }} }} }}"
    return (await house.ask(ask, id=identity))[f"{kind}Delete"]["userErrors"]


async def restore(house: House, kind: str, identity: str) -> list[dict[str, Any]]:
    ask = f"mutation ($id: ID!) {{ {kind}Restore(id: $id) {{ userErrors {{ field code message }} }} }}"
    return (await house.ask(ask, id=identity))[f"{kind}Restore"]["userErrors"]


async def stage(house: House, kind: str = "OPEN") -> Any:
    pipeline = await house.make("Pipeline", name="p")
    return await house.make("Stage", returning="pipeline { id }", name="s", kind=kind, pipeline_id=pipeline.id)


async def test_every_relation_leads_both_ways(house: House):
    user = await house.make("User", name="u")
    company = await house.make("Company", name="c", owner_id=user.id)
    child = await house.make("Company", name="d", parent_id=company.id)
    contact = await house.make("Contact", name="x", company_id=company.id, owner_id=user.id)
    await stage(house)
    deal = await house.make("Deal", title="t", contact_id=contact.id, company_id=company.id, owner_id=user.id)
    activity = await house.make("Activity", kind="NOTE", subject="s", contact_id=contact.id, deal_id=deal.id, assignee_id=user.id)
    data = await house.ask(
        """query ($company: ID!, $user: ID!) {
          company(id: $company) {
            owner { id } contacts { nodes { id company { id } } } deals { nodes { id contact { id } } }
            subsidiaries { nodes { id parent { id } } } activities { totalCount }
          }
          user(id: $user) {
            contacts { nodes { id } } companies { nodes { id } } deals { nodes { id } } activities { nodes { id deal { id } } }
          }
        }""",
        company=company.id,
        user=user.id,
    )
    here = {"id": company.id}
    assert data["company"] == {
        "owner": {"id": user.id},
        "contacts": {"nodes": [{"id": contact.id, "company": here}]},
        "deals": {"nodes": [{"id": deal.id, "contact": {"id": contact.id}}]},
        "subsidiaries": {"nodes": [{"id": child.id, "parent": here}]},
        "activities": {"totalCount": 0},
    }
    assert data["user"] == {
        "contacts": {"nodes": [{"id": contact.id}]},
        "companies": {"nodes": [here]},
        "deals": {"nodes": [{"id": deal.id}]},
        "activities": {"nodes": [{"id": activity.id, "deal": {"id": deal.id}}]},
    }


async def test_a_deleted_record_is_hidden_from_every_side(house: House):
    company, tag = await house.make("Company", name="c"), await house.make("Tag", name="t")
    contact = await house.make("Contact", name="x", company_id=company.id, tag_ids=[tag.id], emails=[{"address": "a@example.com"}])
    shown = """{
      contacts { totalCount nodes { company { id } tags { id } } }
      withCompany: contacts(where: {company: {}}) { totalCount } withTag: contacts(where: {tags: {some: {}}}) { totalCount }
      companies { nodes { contacts { totalCount nodes { id } } } } full: companies(where: {contacts: {some: {}}}) { totalCount }
      contactEmails { totalCount } contactEmailsAggregate { count }
      lifecycleChanges { totalCount } tags { totalCount } contactsAggregate(groupBy: [{field: COMPANY}]) { key { company { id } } count }
    }"""
    before = await house.ask(shown)
    assert await delete(house, "company", company.id) == []
    assert await delete(house, "tag", tag.id) == []
    assert await house.ask(shown) == {
        **before,
        "contacts": {"totalCount": 1, "nodes": [{"company": None, "tags": []}]},
        "withCompany": {"totalCount": 0}, "withTag": {"totalCount": 0}, "tags": {"totalCount": 0},
        "companies": {"nodes": []}, "full": {"totalCount": 0},
        "contactsAggregate": [{"key": {"company": None}, "count": 1}],
    }  # fmt: skip
    assert await restore(house, "company", company.id) == []
    assert await restore(house, "tag", tag.id) == []
    assert await house.ask(shown) == before
    assert await delete(house, "contact", contact.id) == []
    assert await house.ask(shown) == {
        **before,
        "contacts": {"totalCount": 0, "nodes": []}, "withCompany": {"totalCount": 0}, "withTag": {"totalCount": 0},
        "companies": {"nodes": [{"contacts": {"totalCount": 0, "nodes": []}}]}, "full": {"totalCount": 0},
        "contactEmails": {"totalCount": 0}, "contactEmailsAggregate": [{"count": 0}], "lifecycleChanges": {"totalCount": 0},
        "contactsAggregate": [],
    }  # fmt: skip


async def test_a_list_behind_a_record_shows_deleted_rows_when_asked(house: House):
    company = await house.make("Company", name="c")
    contact = await house.make("Contact", name="x", company_id=company.id)
    await delete(house, "contact", contact.id)
    data = await house.ask(
        "{ companies { nodes { contacts(includeDeleted: true) { totalCount nodes { id } } contacts_: contacts { totalCount } } } }"
    )
    assert data["companies"]["nodes"] == [{"contacts": {"totalCount": 1, "nodes": [{"id": contact.id}]}, "contacts_": {"totalCount": 0}}]


async def test_nothing_new_is_tied_to_a_deleted_record(house: House):
    company, tag = await house.make("Company", name="c"), await house.make("Tag", name="t")
    await delete(house, "company", company.id)
    await delete(house, "tag", tag.id)
    ask = "mutation ($input: ContactCreateInput!) { contactCreate(input: $input) { userErrors { field } } }"
    for given, field in (({"companyId": company.id}, "companyId"), ({"tagIds": [tag.id]}, "tagIds")):
        data = await house.ask(ask, input={"name": "x", **given})
        assert data["contactCreate"]["userErrors"] == [{"field": ["input", field]}]


async def test_what_others_need_is_not_deleted(house: House):
    place = await stage(house)
    product = await house.make("Product", name="p")
    deal = await house.make("Deal", title="t", lines=[{"productId": product.id}])
    for kind, identity in (("stage", place.id), ("pipeline", place.pipeline["id"]), ("product", product.id)):
        assert [error["code"] for error in await delete(house, kind, identity)] == ["CONFLICT"]
    assert await delete(house, "deal", deal.id) == []
    for kind, identity in (("stage", place.id), ("pipeline", place.pipeline["id"]), ("product", product.id)):
        assert await delete(house, kind, identity) == []


async def test_a_record_comes_back_only_to_those_that_it_needs(house: House):
    place = await stage(house)
    deal = await house.make("Deal", title="t")
    for kind, identity in (("deal", deal.id), ("stage", place.id), ("pipeline", place.pipeline["id"])):
        assert await delete(house, kind, identity) == []
    for kind, identity in (("deal", deal.id), ("stage", place.id)):
        assert [error["code"] for error in await restore(house, kind, identity)] == ["CONFLICT"]
    for kind, identity in (("pipeline", place.pipeline["id"]), ("stage", place.id), ("deal", deal.id)):
        assert await restore(house, kind, identity) == []


@pytest.mark.parametrize("kind", ["company", "team"])
async def test_nothing_is_above_itself(house: House, kind: str):
    name = kind.title()
    top = await house.make(name, name="a")
    below = await house.make(name, name="b", parent_id=top.id)
    ask = f"mutation ($id: ID!, $parent: ID!) {{ {kind}Update(id: $id, input: {{parentId: $parent}}) {{ userErrors {{ field }} }} }}"
    for parent in (top, below):
        data = await house.ask(ask, id=top.id, parent=parent.id)
        assert data[f"{kind}Update"]["userErrors"] == [{"field": ["input", "parentId"]}]


@pytest.mark.parametrize("quantifier", ["some", "none", "every"])
async def test_a_record_without_any_row_is_like_this(house: House, quantifier: str):
    await house.make("Contact", name="x")
    where = {"deals": {quantifier: {"title": {"eq": "t"}}}}
    data = await house.ask("query ($where: ContactFilter) { contacts(where: $where) { totalCount } }", where=where)
    assert data["contacts"]["totalCount"] == (0 if quantifier == "some" else 1)
