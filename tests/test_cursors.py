"""Pages: whoever walks a list by its cursors meets every row once, in the order of one big page."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import strategies as st

from core.naming import camel
from core.records.pages import purpose, sealed
from tests.examples import for_all
from tests.house import House
from tests.world import World, orders

MANY = ["contact", "deal", "activity", "company"]


@pytest.fixture(scope="module")
async def world(shared_house: House) -> World:
    """A company full of awkward data."""
    made = World(shared_house)
    await made.fill()
    return made


async def page(world: World, key: str, order: Any = None, **window: Any) -> Any:
    resource = world.resource(key)
    return (
        await world.house.ask(
            f"query ($order: [{resource.name}Order!], $first: Int, $after: String, $last: Int, $before: String) {{"
            f" page: {camel(resource.plural)}(orderBy: $order, first: $first, after: $after, last: $last, before: $before) {{"
            " edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }",
            order=order,
            **window,
        )
    )["page"]


def ids(page: Any) -> list[str]:
    return [edge["node"]["id"] for edge in page["edges"]]


@pytest.mark.parametrize("key", MANY)
async def test_the_order_of_a_list_is_the_one_that_was_asked_for(world: World, key: str):
    async def check(order: Any) -> None:
        assert ids(await page(world, key, order, first=100)) == [row["id"] for row in world.ordered(key, world.tables[key], order)]

    await for_all(check, orders(world, key), share=0.5)


@pytest.mark.parametrize("key", MANY)
@pytest.mark.parametrize("backwards", [False, True])
async def test_pages_walk_over_every_row_once_either_way(world: World, key: str, backwards: bool):
    async def check(order: Any, size: int) -> None:
        whole = ids(await page(world, key, order, first=100))
        assert len(whole) == len(world.tables[key])
        walked: list[str] = []
        place = None
        while True:
            window = {"last": size, "before": place} if backwards else {"first": size, "after": place}
            one = await page(world, key, order, **window)
            found, info = ids(one), one["pageInfo"]
            walked = found + walked if backwards else walked + found
            place = info["startCursor" if backwards else "endCursor"]
            assert info["hasPreviousPage" if backwards else "hasNextPage"] is (len(walked) < len(whole))
            assert info["hasNextPage" if backwards else "hasPreviousPage"] is (len(walked) > len(found))
            if len(walked) >= len(whole):
                break
        assert walked == whole

    await for_all(check, orders(world, key), st.sampled_from([3, 7, 20]), share=0.25)


async def test_between_two_cursors_lie_the_rows_between_them(world: World):
    async def check(order: Any, start: int, end: int) -> None:
        whole = await page(world, "deal", order, first=100)
        window = {"after": whole["edges"][start]["cursor"], "before": whole["edges"][end]["cursor"]}
        between = ids(whole)[start + 1 : end]
        assert ids(await page(world, "deal", order, first=100, **window)) == between
        assert ids(await page(world, "deal", order, last=2, **window)) == between[-2:]

    await for_all(check, orders(world, "deal"), st.integers(0, 39), st.integers(0, 39), share=0.5)


async def refused(world: World, cursor: str, order: str = "", argument: str = "after", field: str = "contacts") -> None:
    document = f"query ($cursor: String) {{ {field}({argument}: $cursor {order}) {{ nodes {{ id }} }} }}"
    body = json.dumps({"query": document, "variables": {"cursor": cursor}})  # in ASCII, so that every text can be sent
    answer = (await world.house.client.post("/graphql", content=body, headers={"Content-Type": "application/json"})).json()
    data, errors = answer["data"], answer["errors"]
    assert data == {field: None}
    assert [(error["extensions"]["code"], list(error["extensions"]["fields"])) for error in errors] == [("BAD_USER_INPUT", [argument])]
    assert errors[0]["message"] == f"{argument}: is not a cursor of this list in this order"


async def test_a_cursor_that_was_edited_is_refused_wherever_it_was(world: World):
    cursor = (await page(world, "contact", [{"field": "CITY"}], first=5))["pageInfo"]["endCursor"]
    signs = "AZaz09-_"

    async def check(place: int, sign: str, cut: bool) -> None:
        edited = cursor[:place] + ("" if cut else sign) + cursor[place + 1 :]
        if edited != cursor:
            await refused(world, edited, "orderBy: [{field: CITY}]")

    await for_all(check, st.integers(0, len(cursor) - 1), st.sampled_from(signs), st.booleans())


@pytest.mark.parametrize(
    "cursor", ["", " ", "x", "====", "null", "0", "é", "\x00", "\ud800", "💥", "A" * 5_000, base64.b64encode(b"[1]" * 9).decode()]
)
@pytest.mark.parametrize("argument", ["after", "before"])
async def test_what_is_no_cursor_is_refused(world: World, cursor: str, argument: str):
    await refused(world, cursor, argument=argument)


async def test_a_cursor_of_another_list_or_another_order_is_refused(world: World):
    by_city = (await page(world, "contact", [{"field": "CITY"}], first=5))["pageInfo"]["endCursor"]
    await refused(world, by_city)
    await refused(world, by_city, "orderBy: [{field: CITY, direction: DESC}]")
    await refused(world, by_city, "orderBy: [{field: CITY}, {field: NAME}]")
    await refused(world, by_city, "orderBy: [{field: CITY}]", field="companies")
    plain = (await page(world, "contact", first=5))["pageInfo"]["endCursor"]
    await refused(world, plain, field="deals")


@pytest.mark.parametrize("values", [["x"], [1], [None], [{}], [[]], [True], ["'; DROP TABLE contact"], [1e300], ["2026-01-01"], [10**30]])
async def test_a_cursor_that_was_made_by_hand_with_a_right_seal_is_refused_too(world: World, values: Sequence[Any]):
    await refused(world, sealed(purpose(world.resource("contact"), []), *values))


async def test_a_page_inside_a_record_is_the_page_of_the_list_filtered_by_it(world: World):
    async def check(order: Any, size: int, backwards: bool) -> None:
        window = f"{'last' if backwards else 'first'}: {size}, orderBy: $order"
        shape = "totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { id } }"
        data = await world.house.ask(
            f"query ($order: [DealOrder!]) {{ contacts(first: 40) {{ nodes {{ id deals({window}) {{ {shape} }} }} }} }}", order=order
        )
        contacts = data["contacts"]["nodes"]
        for some in (contacts[at : at + 10] for at in range(0, len(contacts), 10)):
            roots = " ".join(
                f'c{at}: deals({window}, where: {{contact: {{id: {{eq: "{contact["id"]}"}}}}}}) {{ {shape} }}'
                for at, contact in enumerate(some)
            )
            lists = await world.house.ask(f"query ($order: [DealOrder!]) {{ {roots} }}", order=order)
            assert [contact["deals"] for contact in some] == list(lists.values())

    await for_all(check, orders(world, "deal"), st.sampled_from([0, 1, 2]), st.booleans(), share=0.125)


async def test_each_record_goes_on_from_its_own_cursor(world: World):
    rows = [(row, world.related("contact", row, "deals")) for row in world.tables["contact"]]
    contact, deals = max(rows, key=lambda pair: len(pair[1]))
    assert len(deals) > 2
    ask = "query ($id: ID!, $after: String) { contact(id: $id) { deals(first: 2, after: $after) { edges { cursor node { id } } } } }"
    first = (await world.house.ask(ask, id=contact["id"]))["contact"]["deals"]
    rest = (await world.house.ask(ask, id=contact["id"], after=first["edges"][-1]["cursor"]))["contact"]["deals"]
    assert ids(first) + ids(rest) == [row["id"] for row in deals[:4]]


@pytest.mark.parametrize(
    ("window", "argument"), [("first: 101", "first"), ("last: 101", "last"), ("first: -1", "first"), ("last: -1", "last")]
)
@pytest.mark.parametrize(
    "place", ["{{ contacts({}) {{ nodes {{ id }} }} }}", "{{ users {{ nodes {{ contacts({}) {{ nodes {{ id }} }} }} }} }}"]
)
async def test_a_page_has_its_bounds(world: World, window: str, argument: str, place: str):
    _, errors = await world.house.answer(place.format(window))
    assert {error["extensions"]["code"] for error in errors} == {"BAD_USER_INPUT"}
    assert errors[0]["extensions"]["fields"] == {argument: f"must be between 0 and 100, not {window.split()[1]}"}


async def test_a_page_is_asked_for_from_one_side_only(world: World):
    data, errors = await world.house.answer("{ contacts(first: 1, last: 1) { nodes { id } } }")
    assert data == {"contacts": None}
    assert errors[0]["message"] == "first: give first or last, not both"


async def test_a_page_of_no_rows_says_whether_there_are_any(world: World):
    empty = {"edges": [], "pageInfo": {"hasNextPage": True, "hasPreviousPage": False, "startCursor": None, "endCursor": None}}
    assert await page(world, "contact", first=0) == empty
    data = await world.house.ask('{ contacts(where: {name: {eq: "nobody"}}) { totalCount totalCountIsExact edges { cursor } } }')
    assert data["contacts"] == {"totalCount": 0, "totalCountIsExact": True, "edges": []}


async def test_what_is_left_out_is_twenty(world: World):
    assert len(ids(await page(world, "contact"))) == 20


async def test_rows_that_come_and_go_between_two_pages_move_no_other(house: House):
    made = [await house.make("Tag", name=f"t{number}") for number in (1, 3, 5, 7)]
    ask = "query ($after: String) { tags(first: 2, after: $after, orderBy: [{field: NAME}]) { nodes { name } pageInfo { endCursor } } }"
    first = (await house.ask(ask))["tags"]
    await house.make("Tag", name="t2")
    await house.make("Tag", name="t4")
    await house.ask("mutation ($id: ID!) { tagDelete(id: $id) { userErrors { message } } }", id=made[1].id)
    second = (await house.ask(ask, after=first["pageInfo"]["endCursor"]))["tags"]
    assert [row["name"] for row in (*first["nodes"], *second["nodes"])] == ["t1", "t3", "t4", "t5"]


@pytest.mark.settings(limits={"count": 3, "page": 2, "default_page": 1})
async def test_rows_are_counted_up_to_the_limit_and_no_further(house: House):
    team = await house.make("Team", name="t")
    ask = "{ users { totalCount totalCountIsExact nodes { id } } teams { nodes { users { totalCount totalCountIsExact } } } }"
    for number in range(1, 6):
        await house.make("User", name=f"u{number}", team_id=team.id)
        data = await house.ask(ask)
        counted = {"totalCount": min(number, 3), "totalCountIsExact": number <= 3}
        assert {name: data["users"][name] for name in counted} == counted
        assert data["teams"]["nodes"] == [{"users": counted}]
    assert len((await house.ask(ask))["users"]["nodes"]) == 1
    _, errors = await house.answer("{ users(first: 3) { nodes { id } } }")
    assert errors[0]["message"] == "first: must be between 0 and 2, not 3"
