"""Browsers: signing in by a form, asking by a cookie, and what a page of another site cannot do with it."""

import asyncio
import datetime
import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from argon2 import PasswordHasher
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from core.access.attempts import OF_ACCOUNT, Attempts
from core.access.sessions import csrf_token
from tests.house import House
from tests.wire import on_a_port

GOOD = "correct horse battery"
SET = "mutation ($id: ID!, $password: String!) { userPasswordSet(id: $id, password: $password) { userErrors { message } } }"
VIEWER = {"query": "{ viewer { name role user { name } key { id } } }"}
pytestmark = pytest.mark.settings(roles={"clerk": {"contact.*": "own", "user.read": "all"}})


@pytest.fixture
async def sara(house: House) -> AsyncIterator[str]:
    """The id of a user who can sign in as sara@example.com, in a house that has seen no failed attempt."""
    house.crm.attempts = Attempts()
    made = await house.make("User", name="سارا <b>", email="sara@example.com", role="clerk")
    assert (await house.ask(SET, id=made.id, password=GOOD))["userPasswordSet"]["userErrors"] == []
    yield made.id


def browser(house: House, base: str = "http://house", **options) -> httpx.AsyncClient:
    """A browser without a key, which keeps cookies."""
    transport = httpx.ASGITransport(house.app, raise_app_exceptions=False, **options)
    return httpx.AsyncClient(transport=transport, base_url=base)


async def form(client: httpx.AsyncClient) -> str:
    """The token in the form."""
    page = await client.get("/login")
    assert page.status_code == 200
    found = re.search(r'name="token" value="([0-9a-f]{64})"', page.text)
    assert found
    return found[1]


async def signed_in(house: House, base: str = "http://house") -> tuple[httpx.AsyncClient, str]:
    """A browser that has signed in as Sara, and what its requests say besides the cookie."""
    client = browser(house, base)
    answer = await enter(client)
    assert (answer.status_code, answer.headers["location"]) == (303, "graphql")
    return client, (await client.get("/session")).json()["csrfToken"]


async def enter(client: httpx.AsyncClient, password: str = GOOD, email: str = " Sara@Example.com ", **headers: str) -> httpx.Response:
    """Send the form."""
    values = {"token": await form(client), "email": email, "password": password}
    return await client.post("/login", data=values, headers=headers)


async def code(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of an answer that is an error."""
    return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]


async def test_a_browser_signs_in_and_asks_as_its_user(house, sara):
    client, csrf = await signed_in(house)
    answer = await client.post("/graphql", json=VIEWER, headers={"X-CSRF-Token": csrf})
    assert answer.json()["data"]["viewer"] == {"name": "user سارا <b>", "role": "clerk", "user": {"name": "سارا <b>"}, "key": None}
    read = await client.get("/graphql", params={"query": "{ viewer { role } }"})
    assert read.json()["data"] == {"viewer": {"role": "clerk"}}
    assert (await client.get("/session")).json()["user"] == {"name": "سارا <b>", "email": "sara@example.com"}
    made = await client.post(
        "/graphql",
        json={"query": 'mutation { contactCreate(input: {name: "x"}) { contact { owner { id } } } }'},
        headers={"X-CSRF-Token": csrf},
    )
    assert made.json()["data"]["contactCreate"]["contact"]["owner"] == {"id": sara}


async def test_the_cookie_is_for_this_server_alone_and_only_its_hash_is_kept(house, sara):
    client = browser(house)
    answer = await enter(client)
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("payvand="))
    assert re.fullmatch(r"payvand=[\w-]{43}; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax", cookie)
    secret = client.cookies["payvand"]
    rows = await house.sql("SELECT * FROM session")
    assert len(rows) == 1
    assert secret not in repr(rows)
    safe = browser(house, "https://house")
    answer = await enter(safe)
    cookie = next(one for one in answer.headers.get_list("set-cookie") if "payvand=" in one)
    assert re.fullmatch(r"__Host-payvand=[\w-]{43}; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure", cookie)
    plain = await safe.get("/session", headers={"Cookie": f"payvand={secret}"})
    assert plain.json()["user"] is None, "by TLS only the name that no other host can set"


async def test_the_page_needs_no_script_and_nothing_from_elsewhere(house, sara):
    client = browser(house)
    page = await client.get("/login")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "script" not in page.text
    assert "http" not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "same-origin", "with no-referrer browsers would not say where a form comes from"
    persian = await client.get("/login", headers={"Accept-Language": "fa-IR,fa;q=0.9,en;q=0.8"})
    assert '<html lang="fa" dir="rtl">' in persian.text
    assert "گذرواژه" in persian.text
    client, _ = await signed_in(house)
    page = (await client.get("/login")).text
    assert "<bdi>سارا &lt;b&gt;</bdi>" in page


async def test_what_is_typed_is_shown_as_text(house, sara):
    answer = await enter(browser(house), "wrong horse battery", '"><script>alert(1)</script>$token')
    assert answer.status_code == 401
    assert "<script>" not in answer.text
    assert "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;$token" in answer.text


async def test_a_wrong_address_and_a_wrong_password_are_answered_alike(house, sara, monkeypatch):
    verified: list[str] = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(PasswordHasher, "verify", lambda self, kept, given: verified.append(kept) or verify(self, kept, given))
    await house.make("User", name="nobody", email="nobody@example.com", role="clerk")
    await house.make("User", name="gone", email="gone@example.com", role="clerk", active=False)
    texts = set()
    tries = ("sara@example.com", "nobody@example.com", "absent@example.com", "gone@example.com", "", "\x00", "x" * 300)
    for email in tries:
        answer = await enter(browser(house), "wrong horse battery", email)
        assert answer.status_code == 401, email
        texts.add(re.search(r'role="alert" dir="auto">([^<]*)<', answer.text)[1])  # type: ignore[index]  # it is there
    assert texts == {"The address or the password is wrong."}
    for email in tries[:3]:  # the time is that of the hash
        verified.clear()
        await enter(browser(house), "wrong horse battery", email)
        assert len(verified) == 1, email


async def test_a_user_without_a_role_cannot_sign_in(house, sara):
    house.crm.attempts = Attempts()
    await house.ask("mutation ($id: ID!) { userUpdate(id: $id, input: {role: null}) { userErrors { message } } }", id=sara)
    answer = await enter(browser(house))
    assert answer.status_code == 401
    assert "an administrator gives you a role" in answer.text
    assert await house.sql("SELECT id FROM session") == []


async def test_failures_are_limited_and_told_without_what_was_typed(house, sara, caplog):
    caplog.set_level("INFO")
    answers: list[httpx.Response] = []
    for number in range(OF_ACCOUNT + 2):
        answers = [await enter(browser(house), f"wrong horse {number:03}", email) for email in ("sara@example.com", "absent@example.com")]
        assert [one.status_code for one in answers] == [401 if number < OF_ACCOUNT else 429] * 2
    assert [1 <= int(one.headers["retry-after"]) <= 900 for one in answers] == [True, True]
    assert (await enter(browser(house))).status_code == 429, "the right password neither, for that would tell"
    await house.crm.settle()
    names = [row["name"] for row in await house.sql("SELECT name FROM event WHERE name LIKE 'user.s%'")]
    assert names == ["user.signInFailed"] * OF_ACCOUNT
    assert "as nobody who is there failed" in caplog.text
    assert not any(word in caplog.text for word in ("wrong horse", "absent@example.com", "sara@example.com"))
    house.crm.attempts = Attempts()


async def test_many_attempts_at_once_count_too(house, sara):
    clients = [browser(house) for _ in range(OF_ACCOUNT + 5)]
    answers = await asyncio.gather(*(enter(one, "wrong horse battery") for one in clients))
    assert sorted(one.status_code for one in answers) == [401] * OF_ACCOUNT + [429] * 5
    house.crm.attempts = Attempts()


async def test_a_form_that_is_not_from_here_does_nothing(house, sara):
    client = browser(house)
    token = await form(client)
    values = {"email": "sara@example.com", "password": GOOD, "token": token}
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert await code(await client.post("/login", data=values, headers=headers)) == (403, "FORBIDDEN"), headers
    for wrong in ({**values, "token": "0" * 64}, {**values, "token": "é"}, {"email": "sara@example.com", "password": GOOD}):
        assert (await client.post("/login", data=wrong)).status_code == 403
    assert (await browser(house).post("/login", data=values)).status_code == 403, "the token goes with the cookie of the form"
    assert (await client.post("/login", json=values)).status_code == 415
    assert (
        await client.post("/login", content=b"x" * 20_000, headers={"Content-Type": "application/x-www-form-urlencoded"})
    ).status_code == 415
    assert await house.sql("SELECT id FROM session") == []
    own = {"Origin": "http://house", "Sec-Fetch-Site": "same-origin"}
    assert (await client.post("/login", data=values, headers=own)).status_code == 303


async def test_by_cookie_every_post_says_more(house, sara):
    client, csrf = await signed_in(house)
    _, others = await signed_in(house)
    assert csrf != others
    for headers in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": others}, {"X-CSRF-Token": csrf, "Origin": "https://evil.example"}):
        assert await code(await client.post("/graphql", json=VIEWER, headers=headers)) == (403, "FORBIDDEN"), headers
    assert (await client.post("/graphql", json=VIEWER, headers={"X-CSRF-Token": csrf, "Origin": "http://house"})).status_code == 200
    mutation = {"query": 'mutation { tagCreate(input: {name: "x"}) { tag { id } } }'}
    assert (await client.get("/graphql", params=mutation)).status_code == 405
    far = await client.get("/graphql", params=VIEWER, headers={"Origin": "https://evil.example"})
    assert far.status_code == 403
    assert (await client.get("/session", headers={"Origin": "https://evil.example"})).json()["csrfToken"] is None
    wrong = await client.post("/graphql", json=VIEWER, headers={"X-CSRF-Token": csrf, "Authorization": "Bearer pvk_no_no"})
    assert wrong.status_code == 401, "a key that is sent is what counts"
    basic = await client.post("/graphql", json=VIEWER, headers={"X-CSRF-Token": csrf, "Authorization": "Basic eDp5"})
    assert basic.status_code == 401


async def test_signing_in_again_gives_another_cookie_and_signing_out_none(house, sara):
    client, csrf = await signed_in(house)
    first = client.cookies["payvand"]
    old = browser(house)
    old.cookies.set("payvand", first)
    assert (await old.post("/graphql", json=VIEWER, headers={"X-CSRF-Token": csrf})).status_code == 200
    client.cookies.set("payvand-login", "a-form-that-was-open-in-another-tab")
    token = csrf_token("a-form-that-was-open-in-another-tab", "login")
    answer = await client.post("/login", data={"token": token, "email": "sara@example.com", "password": GOOD})
    assert answer.status_code == 303
    second = client.cookies["payvand"]
    assert second != first
    assert (await old.post("/graphql", json=VIEWER, headers={"X-CSRF-Token": csrf})).status_code == 401, "what was before has ended"
    csrf = (await client.get("/session")).json()["csrfToken"]
    assert (await client.post("/logout", data={"token": "0" * 64})).status_code == 403
    gone = await client.post("/logout", data={"token": csrf})
    assert (gone.status_code, gone.headers["location"]) == (303, "login")
    assert "payvand" not in client.cookies
    client.cookies.set("payvand", second)
    assert (await client.post("/graphql", json=VIEWER, headers={"X-CSRF-Token": csrf})).status_code == 401
    assert (await client.get("/session")).json() == {"user": None, "csrfToken": None}
    names = [row["name"] for row in await house.sql("SELECT name FROM event WHERE name LIKE 'user.s%' ORDER BY position")]
    assert names == ["user.signedIn", "user.signedIn", "user.signedOut"]


async def test_sessions_end_with_the_password_and_with_the_user(house, sara):
    client, csrf = await signed_in(house)
    ask = lambda: client.post("/graphql", json=VIEWER, headers={"X-CSRF-Token": csrf})  # noqa: E731
    assert (await ask()).status_code == 200
    await house.ask(SET, id=sara, password="another horse battery")
    assert (await ask()).status_code == 401
    assert (await enter(client)).status_code == 401
    assert (await enter(client, "another horse battery")).status_code == 303
    csrf = (await client.get("/session")).json()["csrfToken"]
    assert (await ask()).status_code == 200
    await house.ask("mutation ($id: ID!) { userUpdate(id: $id, input: {active: false}) { userErrors { message } } }", id=sara)
    assert (await ask()).status_code == 401


@pytest.mark.parametrize("column", ["seen_at", "expires_at"])
async def test_a_session_ends_by_itself(house, sara, column):
    client, csrf = await signed_in(house)
    await house.sql(f"UPDATE session SET {column} = $1", _long_ago(house))
    house.crm.recent.forget()
    assert (await client.post("/graphql", json=VIEWER, headers={"X-CSRF-Token": csrf})).status_code == 401
    assert (await client.get("/session")).json()["user"] is None


async def test_a_session_that_is_used_stays_open(house, sara):
    client, csrf = await signed_in(house)
    await house.sql("UPDATE session SET seen_at = $1", _long_ago(house, 3_600 * 11))
    for _ in range(2):
        house.crm.recent.forget()
        assert (await client.post("/graphql", json=VIEWER, headers={"X-CSRF-Token": csrf})).status_code == 200
        await house.crm.settle()
    found = (await house.sql("SELECT seen_at FROM session"))[0]["seen_at"]
    assert str(found)[:13] > str(_long_ago(house, 3_600 * 2))[:13]


@pytest.mark.parametrize(("origin", "welcome"), [("own", True), ("https://evil.example", False), (None, False)])
async def test_a_socket_by_cookie_is_opened_by_pages_from_here_alone(house, sara, origin, welcome):
    client, _ = await signed_in(house)
    async with on_a_port(house.app) as port:
        headers = {"Cookie": f"payvand={client.cookies['payvand']}"}
        if origin:
            headers["Origin"] = f"http://127.0.0.1:{port}" if origin == "own" else origin
        address, protocols = f"ws://127.0.0.1:{port}/graphql", ["graphql-transport-ws"]
        opened = connect(address, subprotocols=protocols, additional_headers=headers)  # type: ignore[list-item]  # a NewType of str
        if welcome:
            async with opened as socket:
                await socket.send('{"type": "connection_init"}')
                assert json.loads(await asyncio.wait_for(socket.recv(), 10))["type"] == "connection_ack"
            return
        with pytest.raises((InvalidStatus, ConnectionClosed)) as refused:
            async with opened as socket:
                await socket.send('{"type": "connection_init"}')
                await asyncio.wait_for(socket.recv(), 10)
        closed = refused.value
        assert closed.rcvd.code == 4403 if isinstance(closed, ConnectionClosed) and closed.rcvd else origin


@pytest.mark.settings(sessions={"enabled": False})
async def test_it_can_be_switched_off(house):
    for path in ("/login", "/session"):
        assert (await browser(house).get(path)).status_code == 404


@pytest.mark.parametrize("given", [{"idle": 0}, {"idle": 10, "longest": 5}, {"longest": 9000}])
def test_settings_that_make_no_sense_stop_the_start(payvand, given):
    text = payvand.settings.read_text("utf-8")
    payvand.settings.write_text(text + "\n[sessions]\n" + "\n".join(f"{name} = {value}" for name, value in given.items()), "utf-8")
    assert "settings.toml [sessions]: idle is more than 0" in payvand("check").out


def _long_ago(house: House, seconds: int = 86_400 * 30) -> datetime.datetime | str:
    """A moment in the past, as the database keeps it."""
    moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds)
    return moment if house.database.name == "postgres" else str(moment)
