"""The app as a whole: its routes, its health, and what a plugin's route answers when it fails."""

import logging

import httpx
import pytest

from core.errors import StartError
from core.server.app import create_app
from core.server.health import Health
from tests.house import read_settings, write_settings

ROUTES = """
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute

from core import Conflict, hookimpl
from core.models import Contact


async def fine(request):
    return PlainTextResponse(str(await Contact.all().count()))


async def broken(request):
    raise KeyError("/etc/secret")


async def refused(request):
    raise Conflict("somebody was first")


async def half(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise KeyError("/etc/secret")


@hookimpl
def routes(crm):
    return [Route("/acme/fine", fine), Route("/acme/broken", broken), Route("/acme/refused", refused)]
"""


def claiming(route: str) -> str:
    return f"""
from starlette.routing import Mount, Route, WebSocketRoute
from core import hookimpl

@hookimpl
def routes(crm):
    return [{route}]
"""


async def test_a_plugin_answers_on_its_own_routes(houses, plugin):
    plugin("acme", ROUTES)
    async with houses("acme") as house:
        assert (await house.client.get("/acme/fine")).text == "0"
        refused = await house.client.get("/acme/refused")
        assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (409, "CONFLICT")
        assert refused.json()["errors"][0]["message"] == "somebody was first"


async def test_a_route_that_fails_is_one_sentence_for_the_client_and_a_traceback_in_the_log(houses, plugin, caplog):
    plugin("acme", ROUTES)
    async with houses("acme") as house:
        with caplog.at_level(logging.ERROR):
            response = await house.client.get("/acme/broken")
    assert response.status_code == 500
    assert response.json()["errors"][0]["message"] == "Unexpected error."
    assert "secret" not in response.text
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert response.headers["x-request-id"] in record.getMessage()
    assert record.exc_info


@pytest.mark.parametrize("one", ['Route("/acme/{name}", print)', 'WebSocketRoute("/acme/{name}", print)', 'Mount("/acme", print)'])
async def test_two_plugins_cannot_claim_one_route(houses, plugin, one):
    plugin("acme", claiming(one))
    plugin("other", claiming(one.replace("{name}", "{name:str}")))
    with pytest.raises(StartError, match=r"claimed by plugin 'acme' and by plugin 'other'"):
        async with houses("acme", "other"):
            pass


@pytest.mark.parametrize("path", ["/graphql", "/healthz", "/readyz"])
async def test_a_plugin_cannot_take_a_route_of_the_house(houses, plugin, path):
    plugin("acme", claiming(f'Route("{path}", print)'))
    with pytest.raises(StartError, match=rf"the route '{path}' is claimed by .* and by plugin 'acme'"):
        async with houses("acme"):
            pass


async def test_a_house_does_not_start_before_its_migrations(database_url, tmp_path):
    app = create_app(read_settings(write_settings(tmp_path, database_url)))
    with pytest.raises(StartError, match="run: payvand migrate"):
        async with app.router.lifespan_context(app):
            pass


async def test_two_houses_in_one_process_keep_to_their_own_tables(houses):
    async with houses() as first, houses() as second:
        await first.make("Contact", name="Ada")
        assert await first.ask("{ contacts { totalCount } }") == {"contacts": {"totalCount": 1}}
        assert await second.ask("{ contacts { totalCount } }") == {"contacts": {"totalCount": 0}}


async def test_health_needs_no_key(house):
    nobody = httpx.AsyncClient(transport=httpx.ASGITransport(house.app), base_url="http://house")
    for path in ("/healthz", "/readyz"):
        response = await nobody.get(path)
        assert (response.status_code, response.json()) == (200, {"status": "ok"})
        assert response.headers["cache-control"] == "no-store"


async def test_a_database_that_is_not_as_it_was_is_not_ready_but_alive(houses):
    async with houses() as house:
        await house.sql("ALTER TABLE tortoise_migrations RENAME TO gone")
        assert (await house.client.get("/healthz")).status_code == 200
        response = await house.client.get("/readyz", headers={"Authorization": ""})
        assert (response.status_code, response.json()) == (503, {"status": "unavailable"})
        assert response.headers["retry-after"]


async def test_whoever_may_observe_reads_what_is_wrong_and_others_only_that_it_is(houses):
    async with houses(roles={"other": {"contact.read": "all"}}) as house:
        assert (await house.client.get("/readyz")).json() == {
            "status": "ok",
            "checks": {"server": "ok", "database": "ok", "migrations": "ok"},
        }
        assert (await (await house.as_("other")).client.get("/readyz")).json() == {"status": "ok"}
        house.crm.checks["consumers"] = _behind
        response = await house.client.get("/readyz")
        assert (response.status_code, response.json()["checks"]["consumers"]) == (503, "an hour behind")
        del house.crm.checks["consumers"]
        await house.sql("ALTER TABLE tortoise_migrations RENAME TO gone")
        await house.sql("ALTER TABLE api_key RENAME TO gone_keys")
        house.crm.recent._actors.clear()
        response = await house.client.get("/readyz")
        assert response.status_code == 503
        assert "tortoise_migrations" in response.json()["checks"]["database"]
        stranger = await house.client.get("/readyz", headers={"Authorization": "Bearer pvk_no_no"})
        assert stranger.json() == {"status": "unavailable"}


async def _behind() -> str:
    return "an hour behind"


async def test_migrations_that_wait_are_seen_while_it_runs(houses):
    async with houses() as house:
        health = Health(house.crm)
        await health.check()
        await house.sql("DELETE FROM tortoise_migrations")
        with pytest.raises(StartError, match="migration"):
            await health.check()


async def test_an_address_without_anything_says_so_in_json(house):
    response = await house.client.get("/nothing?q=1")
    assert response.status_code == 404
    assert response.json()["errors"][0]["extensions"] == {"code": "NOT_FOUND", "requestId": response.headers["x-request-id"]}


async def test_the_log_has_a_line_for_each_request_and_no_query(house, caplog):
    with caplog.at_level(logging.INFO, "payvand.requests"):
        await house.client.get("/nothing%0aforged?key=secret", headers={"X-Request-Id": "mine"})
        await house.client.get("/healthz")
    (record,) = [one for one in caplog.records if one.levelno == logging.INFO and one.name == "payvand.requests"]
    assert record.getMessage().startswith("mine GET /nothing%0aforged 404 ")
    assert "secret" not in record.getMessage()
