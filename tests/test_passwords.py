"""Passwords: what is one, who may change whose, and that nothing tells what is wrong with a sign-in."""

import json
import unicodedata
from contextlib import nullcontext

import pytest

from core.access.attempts import OF_ACCOUNT, WINDOW, Attempts, network
from core.access.passwords import Passwords
from core.errors import Invalid, RateLimited
from tests.house import Asker, House

GOOD, OTHER = "correct horse battery", "شب‌های روشن و بلند"
CHANGE = """mutation ($current: String!, $new: String!) {
    done: passwordChange(current: $current, new: $new) { changed userErrors { field message } } }"""
SET = """mutation ($id: ID!, $password: String!) {
    done: userPasswordSet(id: $id, password: $password) { user { id } userErrors { field message } } }"""
ROLES = {"clerk": {"contact.*": "own", "user.read": "all"}, "lead": {"contact.*": "all", "user.*": "all"}}
pytestmark = pytest.mark.settings(roles=ROLES)


async def person(house: House, name: str, role: str, password: str = GOOD) -> tuple[str, Asker]:
    """A user with that password, and a key for it."""
    made = await house.make("User", name=name, email=f"{name}@example.com", role=role)
    assert (await house.ask(SET, id=made.id, password=password))["done"] == {"user": {"id": made.id}, "userErrors": []}
    return made.id, await house.as_(role, made.id)


async def kept(house: House, name: str) -> str:
    """What is kept of a password."""
    return (await house.sql("SELECT password FROM app_user WHERE email = $1", f"{name}@example.com"))[0]["password"]


async def problems(asker: Asker, document: str, **variables) -> list[tuple[str, str]]:
    """Where and why a mutation refuses."""
    done = (await asker.ask(document, **variables))["done"]
    assert not done.get("changed") and not done.get("user")
    return [(".".join(one["field"] or ()), one["message"]) for one in done["userErrors"]]


async def test_argon2id_is_kept_and_nothing_else(house):
    _, sara = await person(house, "sara", "clerk")
    text = await kept(house, "sara")
    assert text.startswith("$argon2id$v=19$m=65536,t=3,p=4$"), "the second recommendation of RFC 9106"
    assert (await sara.ask(CHANGE, current=GOOD, new=OTHER))["done"] == {"changed": True, "userErrors": []}
    assert await kept(house, "sara") != text
    assert await problems(sara, CHANGE, current=GOOD, new=OTHER) == [("current", "is not your password")]
    assert (await sara.ask(CHANGE, current=unicodedata.normalize("NFD", OTHER), new=GOOD))["done"]["changed"]
    told = [await house.sql(f"SELECT * FROM {table}") for table in ("event", "event_values", "session")]
    assert all(secret not in repr(told) for secret in (GOOD, OTHER, "argon2"))
    names = [row["name"] for row in await house.sql("SELECT name FROM event WHERE name LIKE 'user.p%' ORDER BY position")]
    assert names == ["user.passwordChanged"] * 3
    _, errors = await house.answer("{ users { nodes { password } } }")
    assert errors[0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


@pytest.mark.parametrize("password", ["", "short", "x" * 11, "x" * 201, "correct horse\x00battery", "correct horse\nbattery", "é" * 6])
async def test_what_is_no_password_is_refused(house, password):
    made = await house.make("User", name="sara", email="sara@example.com")
    assert [field for field, _ in await problems(house, SET, id=made.id, password=password)] == ["password"]
    assert await kept(house, "sara") is None


async def test_a_lone_surrogate_is_no_password():
    with pytest.raises(Invalid, match="surrogate"):
        await Passwords().hashed("correct horse \ud800 battery")


async def test_blanks_and_composition_do_not_matter_and_case_and_width_do():
    passwords = Passwords()
    text = await passwords.hashed("Caf\u00e9 au\u00a0lait, s'il vous plaît")
    assert await passwords.fits(text, "Cafe\u0301 au lait, s'il vous plaît")
    assert not await passwords.fits(text, "caf\u00e9 au lait, s'il vous plaît")
    assert not await passwords.fits(text, "Ｃaf\u00e9 au lait, s'il vous plaît")
    assert not await passwords.fits(None, "Caf\u00e9 au lait, s'il vous plaît")
    assert not await passwords.fits("broken", "whatever it is")


async def test_costs_of_yesterday_are_outdated():
    assert Passwords().outdated("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$W2vR3BJ7C9qjSvA5mPzSNg")
    assert not Passwords().outdated(await Passwords().hashed(GOOD))


async def test_only_those_with_the_rights_of_a_user_set_its_password(house):
    sara, hers = await person(house, "sara", "clerk")
    lead, _ = await person(house, "lead", "lead")
    boss, _ = await person(house, "boss", "admin")
    asker = await house.as_("lead", lead)
    assert (await asker.ask(SET, id=sara, password=OTHER))["done"]["userErrors"] == []
    found = await problems(asker, SET, id=boss, password=OTHER)
    assert found[0][0] == "id"
    assert "rights that you have not yourself" in found[0][1]
    _, errors = await hers.answer(SET, id=sara, password=OTHER)
    assert [one["extensions"]["code"] for one in errors] == ["FORBIDDEN"]
    assert [field for field, _ in await problems(asker, SET, id="nonsense", password=OTHER)] == ["id"]


async def test_nobody_takes_the_address_or_the_role_of_one_who_may_more(house):
    boss, _ = await person(house, "boss", "admin")
    asker = await house.as_("lead", (await person(house, "lead", "lead"))[0])
    for values in ({"email": "mine@example.com"}, {"role": "clerk"}, {"externalId": "mine"}):
        document = "mutation ($id: ID!, $input: UserUpdateInput!) { userUpdate(id: $id, input: $input) { userErrors { field message } } }"
        errors = (await asker.ask(document, id=boss, input=values))["userUpdate"]["userErrors"]
        assert [one["field"] for one in errors] == [["input", *values]]
    assert (await house.sql("SELECT role FROM app_user WHERE email = 'boss@example.com'")) == [{"role": "admin"}]


async def test_nobody_changes_alone_by_what_it_signs_in(house):
    own = {"permission": "user.update", "scope": "WHERE", "where": {"id": {"eq": "$me"}}}
    await house.make("Role", name="self", grants=[own, {"permission": "user.read"}])
    sara, asker = await person(house, "sara", "self")
    document = "mutation ($id: ID!, $input: UserUpdateInput!) { userUpdate(id: $id, input: $input) { userErrors { field } } }"
    assert (await asker.ask(document, id=sara, input={"name": "Sara"}))["userUpdate"]["userErrors"] == []
    for values in ({"email": "other@example.com"}, {"externalId": "x"}, {"role": None}):
        assert (await asker.ask(document, id=sara, input=values))["userUpdate"]["userErrors"] == [{"field": ["input", *values]}]


async def test_a_key_without_a_user_has_no_password(house):
    assert [field for field, _ in await problems(house, CHANGE, current=GOOD, new=OTHER)] == ["current"]


async def test_guessing_ends_soon(house):
    house.crm.attempts = Attempts()
    _, sara = await person(house, "sara", "clerk")
    for _ in range(OF_ACCOUNT):
        assert await problems(sara, CHANGE, current="wrong horse battery", new=OTHER) == [("current", "is not your password")]
    _, errors = await sara.answer(CHANGE, current=GOOD, new=OTHER)
    assert [one["extensions"]["code"] for one in errors] == ["RATE_LIMITED"]
    house.crm.attempts = Attempts()


def test_attempts_are_counted_by_account_and_by_address(monkeypatch):
    moment = 1_000.0
    monkeypatch.setattr("core.access.attempts.time.monotonic", lambda: moment)
    attempts = Attempts()
    for _ in range(OF_ACCOUNT):
        attempts.begin("sara", "192.0.2.1")
    with pytest.raises(RateLimited) as limited:
        attempts.begin("sara", "192.0.2.2")
    assert limited.value.seconds == WINDOW
    attempts.begin("omid", "192.0.2.1")
    moment += WINDOW
    attempts.begin("sara", "192.0.2.1")
    for number in range(100):
        with pytest.raises(RateLimited) if number >= 49 else nullcontext():
            attempts.begin(f"user {number}", "192.0.2.1")


def test_a_good_attempt_forgives():
    attempts = Attempts()
    for _ in range(100):
        attempts.begin("sara", "192.0.2.1")
        attempts.succeed("sara", "192.0.2.1")


def test_an_address_of_version_6_is_its_network():
    assert network("2001:db8::1") == network("2001:db8::ffff:1") != network("2001:db8:0:1::1")
    assert (network("192.0.2.1"), network("testclient")) == ("192.0.2.1", "testclient")


def test_users_are_made_on_the_command_line(payvand):
    payvand("migrate").well()
    create = ("users", "create", "--name", "مینا", "--email", "Mina@Example.com", "--role", "admin", "--password-stdin")
    made = json.loads(payvand(*create, "--json", input=f"{GOOD}\n").well().out)
    assert (made["email"], made["role"]) == ("mina@example.com", "admin")
    assert payvand("users", "password", "MINA@example.com", "--password-stdin", input="short\n").err == (
        "payvand: password: has 5 characters; a password has 12 to 200\n"
    )
    assert payvand("users", "password", "mina@example.com", input=f"{OTHER}\n").well().out == "mina@example.com has another password.\n"
    assert payvand("users", "password", "nobody@example.com", input=f"{OTHER}\n").err == "payvand: there is no user with this address\n"
    refused = payvand(*create, input="\n")
    assert (refused.code, refused.err) == (1, "payvand: password: is expected on the standard input, on one line\n")


async def test_nothing_is_kept_of_a_request_with_a_password(house):
    body = {"query": 'mutation { passwordChange(current: "a", new: "correct horse battery") { userErrors { message } } }'}
    answer = (await house.client.post("/graphql", json=body, headers={"Idempotency-Key": "one"})).json()
    assert "takes no Idempotency-Key" in answer["errors"][0]["message"]
    assert await house.sql("SELECT id FROM answered") == []
