"""The harness keeps what it promises."""

import pytest


async def test_a_house_answers_and_forgets(house):
    contact = await house.make("Contact", returning="name", name="Sara")
    assert contact.name == "Sara"
    assert await house.ask("{ contacts { nodes { id name } } }") == {"contacts": {"nodes": [{"id": contact.id, "name": "Sara"}]}}
    assert await house.sql("SELECT name FROM contact WHERE name = $1", "Sara") == [{"name": "Sara"}]


@pytest.mark.settings(limits={"default_page": 2})
async def test_marks_change_the_settings(house):
    assert house.settings.limits.default_page == 2
    assert await house.ask("{ contacts { nodes { id } } }") == {"contacts": {"nodes": []}}


@pytest.mark.settings(roles={"reader": {"*.read": "all"}})
async def test_someone_else_asks_with_another_role(house):
    reader = await house.as_("reader")
    assert await reader.ask("{ contacts { nodes { id } } }") == {"contacts": {"nodes": []}}
    _, errors = await reader.answer('mutation { contactCreate(input: {name: "Sara"}) { contact { id } } }')
    assert errors[0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_user_sees_what_is_his(house):
    user = await house.make("User", name="Ali", email="ali@example.com")
    mine, _ = await house.make("Contact", name="Mine", owner_id=user.id), await house.make("Contact", name="Another")
    owner = await house.as_("owner", user=user.id)
    assert await owner.ask("{ contacts { nodes { id } } }") == {"contacts": {"nodes": [{"id": mine.id}]}}


async def test_two_houses_stand_side_by_side(houses):
    async with houses() as one, houses() as other:
        await one.make("Contact", name="Sara")
        assert (await one.ask("{ contacts { totalCount } }"))["contacts"]["totalCount"] == 1
        assert (await other.ask("{ contacts { totalCount } }"))["contacts"]["totalCount"] == 0


async def test_a_house_with_a_plugin_that_the_test_wrote(houses, plugin):
    plugin(
        "hello",
        """
        from starlette.responses import PlainTextResponse
        from starlette.routing import Route

        from core import hookimpl

        @hookimpl
        def routes(crm):
            return [Route("/hello", lambda request: PlainTextResponse("hello"))]
        """,
    )
    async with houses("hello") as house:
        assert (await house.client.get("/hello")).text == "hello"


def test_commands_run_in_a_folder_of_their_own(payvand):
    assert "--settings" in payvand("--help").well().out
    assert payvand("nonsense").code == 2
    payvand("migrate").well()


def test_a_server_is_ready_and_stops(server):
    assert server.stop() == 0


@pytest.mark.parametrize("name", ["Sara", "Ali"])
async def test_a_house_is_empty_for_every_test(house, name):
    await house.make("Contact", name=name)
    assert (await house.ask("{ contacts { totalCount } }"))["contacts"]["totalCount"] == 1
    assert await house.sql("SELECT name FROM contact") == [{"name": name}]
